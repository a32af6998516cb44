"""tonearm: from a folder of labelled music to honest, compared, usable genre classifiers.

`extract_features` (samples → features), `load_audio` (file → samples), `extract_file_features` (file →
features), `extract_table` (folder → table), `train` (table or folder → runs) and `predict` (run and files →
probabilities) are the steps; `tonearm.api` describes them, `TonearmError` is the base of their errors.
"""

from tonearm.api import extract_features, extract_file_features, extract_table, load_audio, predict, train
from tonearm.errors import (
    AudioError,
    CatalogError,
    ConfigError,
    ModelError,
    RunError,
    SplitError,
    TonearmError,
)

__all__ = [
    "AudioError",
    "CatalogError",
    "ConfigError",
    "ModelError",
    "RunError",
    "SplitError",
    "TonearmError",
    "extract_features",
    "extract_file_features",
    "extract_table",
    "load_audio",
    "predict",
    "train",
]
