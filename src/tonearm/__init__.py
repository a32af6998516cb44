"""tonearm: from a folder of labelled music to honest, compared, usable genre classifiers.

`extract_features` (samples → features), `load_audio` (file → samples), `extract_file_features` (file →
features), `extract_table` (folder → table), `embed` and `embed_table` (the same by a pretrained network), `train`
(table or folder → runs), `learning_curve` (table or folder → accuracy by number of artists), `predict` (run and
files → probabilities), `load` (run → an object to keep, which predicts) and `judge` (answers made anywhere → scores
and paired tests) are the steps; `tonearm.api` describes them, `TonearmError` is the base of their errors.
"""

from tonearm.api import (
    embed,
    embed_table,
    extract_features,
    extract_file_features,
    extract_table,
    judge,
    learning_curve,
    load,
    load_audio,
    predict,
    train,
)
from tonearm.errors import (
    AudioError,
    CatalogError,
    ConfigError,
    ModelError,
    RepresentationError,
    RunError,
    SplitError,
    TonearmError,
)

__all__ = [
    "AudioError",
    "CatalogError",
    "ConfigError",
    "ModelError",
    "RepresentationError",
    "RunError",
    "SplitError",
    "TonearmError",
    "embed",
    "embed_table",
    "extract_features",
    "extract_file_features",
    "extract_table",
    "judge",
    "learning_curve",
    "load",
    "load_audio",
    "predict",
    "train",
]
