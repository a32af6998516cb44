"""The steps of tonearm as functions, one rung above the other; enter at the one whose input you have.

Conventions
-----------
Each rung calls the modules that the command line calls, with the same settings and the same results:

| from | to | function |
|---|---|---|
| samples | features | `extract_features` |
| file | samples | `load_audio` |
| samples | an encoder's row | `embed` |
| file | features | `extract_file_features` |
| folder | table | `extract_table`, `embed_table` |
| table or folder | runs | `train` |
| table or folder | accuracy by number of artists | `learning_curve` |
| run, files | probabilities | `predict` |
| run | a model to keep, which predicts | `load` |
| answers made anywhere | scores, paired tests | `judge` |

Libraries are loaded by the call that needs them, so that `import tonearm` is quick.
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tonearm.errors import ConfigError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from tonearm.answers import Predictions
    from tonearm.curve import LearningCurve
    from tonearm.data.dataset import Dataset
    from tonearm.evaluation.judgement import Judgement
    from tonearm.experiment.experiment import Experiment
    from tonearm.loaded import LoadedModel

PRESET = "full"
A_DAY = 86_400.0  # seconds


def extract_features(
    samples: "NDArray[np.float32]", sr: int, preset: str = PRESET, **settings: Any
) -> dict[str, float]:
    """Column name → number of one clip.

    samples: mono waveform, shape (samples,), finite, at least n_fft long. sr: its rate, Hz; nothing is
    resampled. preset: gtzan57, fma518, basic or full. settings: others of `[features]`, such as
    families=("mfcc",). Raises ConfigError for settings that are unknown or do not go together.

    >>> import numpy as np
    >>> tone = np.sin(2 * np.pi * 1000 * np.arange(22_050) / 22_050).astype(np.float32)
    >>> found = extract_features(tone, 22_050, preset="gtzan57")
    >>> len(found), round(found["rms_mean"], 1)
    (57, 0.7)
    """
    from tonearm.representations.features import compute_features, feature_columns
    from tonearm.representations.features.extra import build_extras, extra_numbers

    chosen = _config({"features": {"preset": preset, **settings}}).features
    columns = feature_columns(chosen)
    found = dict(zip(columns, compute_features(samples, sr, chosen).tolist(), strict=True))
    for extra in build_extras(chosen.extra, sr, columns):
        found |= dict(zip(extra.columns, extra_numbers(extra, samples, sr, "samples").tolist(), strict=True))
    return found


def load_audio(
    path: str | Path, sr: int = 22_050, offset: float = 0.0, duration: float | None = None
) -> "NDArray[np.float32]":
    """Samples of a file, mono float32 at `sr`, shape (samples,), however long; raises AudioError with the cause."""
    from tonearm.dsp.sound import load
    from tonearm.settings import AudioSettings

    return load(path, AudioSettings(sr=sr, offset=offset, duration=duration, longest=A_DAY))


def extract_file_features(path: str | Path, preset: str = PRESET, **settings: Any) -> dict[str, float]:
    """Column name → number of one audio file at 22,050 Hz.

    Raises AudioError where the file cannot be used, ConfigError as `extract_features`.
    """
    from tonearm.dsp.sound import load
    from tonearm.settings import AudioSettings

    audio = AudioSettings()
    return extract_features(load(path, audio), audio.sr, preset, **settings)


def extract_table(
    folder: str | Path,
    out: str | Path,
    preset: str = PRESET,
    workers: int = 1,
    *,
    data: Mapping[str, Any] | None = None,
    audio: Mapping[str, Any] | None = None,
    **settings: Any,
) -> "Dataset":
    """The feature table of a folder of music, which is also written to `out` as CSV and Parquet.

    data, audio: settings of `[data]` and `[audio]`, such as audio={"duration": 30}. settings: others of
    `[features]`. Clips that cannot be used are left out and listed in `out`/failures.csv. Interrupted and called
    again, it resumes. Raises ConfigError, and CatalogError if the folder holds no clips.
    """
    from tonearm.data.catalog import read_catalog
    from tonearm.representations.extract import extract_feature_table, load_features

    sections = {"data": _with_folder(data, folder), "features": {"preset": preset, **settings}}
    config = _config({**sections, "audio": audio or {}})
    extract_feature_table(
        read_catalog(config.data, genres=config.genres), config.audio, config.features, Path(out), workers
    )
    return load_features(Path(out))


def embed(
    samples: "NDArray[np.float32]",
    sr: int,
    encoder: str,
    layer: str = "",
    pool: str = "mean",
    provider: str = "cpu",
) -> "NDArray[np.float64]":
    """A pretrained network's row of one clip, shape (columns,).

    samples: mono waveform, shape (samples,), finite, at least 0.05 s. sr: its rate, Hz; it is resampled to the
    encoder's. encoder: a name of `tonearm encoders`, such as "mn04_as" or "musicnn". layer, pool, provider: as in
    `[encoders]`. Raises ConfigError for an unknown layer, pool or provider, AudioError for too few samples, and
    RepresentationError where the weights are missing.
    """
    import numpy as np

    from tonearm.dsp.audio import check_length, resample
    from tonearm.representations.base import digest_of, opened_once
    from tonearm.representations.encoders.representation import SHORTEST_SECONDS, EmbeddingReader, Embeddings

    config = _config({"encoders": {"layer": layer, "pool": pool, "provider": provider}})
    representation = Embeddings.of(encoder, config.audio, config.encoders)
    rate = representation.audio.sr
    waveform = resample(np.asarray(samples, dtype=np.float32), sr, rate)
    check_length("samples", waveform, rate, round(SHORTEST_SECONDS * rate))
    reader = opened_once(digest_of(representation.facts()), representation.open)
    assert isinstance(reader, EmbeddingReader)
    return reader.row(waveform)


def embed_table(
    folder: str | Path,
    out: str | Path,
    encoder: str,
    workers: int = 1,
    *,
    data: Mapping[str, Any] | None = None,
    audio: Mapping[str, Any] | None = None,
    **settings: Any,
) -> "Dataset":
    """The table of an encoder's rows of a folder of music, which is also written to `out` as CSV and Parquet.

    encoder: as in `embed`. data, audio: as in `extract_table`. settings: of `[encoders]`, such as pool="mean+max".
    Raises like `extract_table`, and RepresentationError where the weights are missing.
    """
    from tonearm.data.catalog import read_catalog
    from tonearm.representations.encoders.representation import Embeddings
    from tonearm.representations.extract import extract_rows, load_rows

    config = _config({"data": _with_folder(data, folder), "audio": audio or {}, "encoders": settings})
    representation = Embeddings.of(encoder, config.audio, config.encoders)
    extract_rows(read_catalog(config.data, genres=config.genres), representation, Path(out), workers)
    return load_rows(Path(out), encoder)


def train(folder: str | Path, /, out: str | Path, workers: int = 1, **sections: Mapping[str, Any]) -> "Experiment":
    """Train, evaluate and compare models; run folders and the leaderboard are written to `out`.

    folder: a folder of labelled music, or a feature table. sections: tables of the config, such as
    models={"logistic": {}}, split={"folds": 5}, data={"metadata": "m.csv"}. Raises ConfigError, CatalogError or
    SplitError.
    """
    from tonearm.experiment.experiment import run_experiment

    given = {**sections, "data": _with_folder(sections.get("data"), folder)}
    return run_experiment(_config(given), Path(out), workers=workers)


def learning_curve(
    folder: str | Path,
    /,
    out: str | Path | None = None,
    by: str | Sequence[str] = ("artist", "clip"),
    sizes: Sequence[float] | None = None,
    workers: int = 1,
    **sections: Mapping[str, Any],
) -> "LearningCurve":
    """Accuracy against the number of training artists (and clips), always judged by the same clips of other artists.

    folder: a folder of labelled music, or a feature table. out: a results folder, in which finished trainings are kept
    and `tonearm report` finds the curve; None keeps nothing. by: "artist", "clip" (of all artists), or both. sizes:
    shares of the training artists, ascending to 1. workers: processes of the extraction; train={"workers": n} those of
    the training. sections: as for `train`, such as models={"logistic": {}}, split={"folds": 5}, curve={"repeats": 5}.
    The result's `table` is a pandas DataFrame, `promise("logistic")` the fitted law with what twice as many artists
    would bring, `text` all of it in words. Raises ConfigError, CatalogError or SplitError.
    """
    from tempfile import TemporaryDirectory

    from tonearm.curve import run_curve

    axes = [by] if isinstance(by, str) else list(by)
    chosen = {"by": axes, **({} if sizes is None else {"sizes": list(sizes)}), **sections.get("curve", {})}
    config = _config({**sections, "data": _with_folder(sections.get("data"), folder), "curve": chosen})
    if out is not None:
        return run_curve(config, Path(out), workers=workers)
    with TemporaryDirectory(prefix="tonearm-") as nowhere:
        return run_curve(config, Path(nowhere), workers=workers)


def predict(
    run: str | Path,
    paths: str | Path | Sequence[str | Path],
    *,
    neighbours: int = 0,
    none: bool = False,
    sure_only: bool = False,
    trust: str | Path | Sequence[str | Path] = (),
) -> "Predictions":
    """Labels and probabilities of files, folders of them, or the rows of a table.

    run: a run folder, a model's folder, or an experiment or a sweep, whose best model then predicts. neighbours: how
    many of the nearest training clips each row names, for a run inside its experiment. none: "none" is
    the label where no class is sure (`best` has the most probable one). sure_only: such files are left out, and a note
    counts them. trust: files, or modules, of own code that the run needs and may execute. Raises RunError where there
    is no such run, it cannot tell which answers are sure and that is asked, or it needs code that is not named, or not
    the one that it was made with; a file that cannot be used is a row with its reason.
    """
    from tonearm import unsure
    from tonearm.prediction import predict as predict_paths

    allowed = [trust] if isinstance(trust, str | Path) else trust
    found = predict_paths(
        run, [paths] if isinstance(paths, str | Path) else paths, neighbours=neighbours, trust=allowed
    )
    found = unsure.with_none(found) if none else found
    return unsure.sure_only(found) if sure_only else found


def load(run: str | Path, trust: str | Path | Sequence[str | Path] = ()) -> "LoadedModel":
    """The model of a run, to be kept and asked: about files, the bytes of files or samples, from any thread.

    run: as for `predict`. trust: files, or modules, of own code that the run needs and may execute. Raises RunError as
    `predict`, ModelError where the model needs an extra that is not installed.
    """
    from tonearm.loaded import load as load_model

    return load_model(run, trust)


def judge(
    names: Iterable[str], labels: Iterable[str], groups: Iterable[str] | None, predictions: Mapping[str, Any]
) -> "Judgement":
    """Scores with intervals by resampled groups, and paired tests, of answers that were made anywhere.

    names: of the clips. labels: their classes. groups: their artists or recordings, None where unknown. predictions:
    by model, labels of shape (clips,), or probabilities of shape (clips, classes), the classes in the order of their
    names or as the columns of a data frame. Raises RunError where they do not fit together.
    """
    from tonearm.evaluation.judgement import judge as judge_predictions

    return judge_predictions(names, labels, groups, predictions)


def _with_folder(data: Mapping[str, Any] | None, folder: str | Path) -> dict[str, Any]:
    """The `[data]` section with the folder that was an argument of its own."""
    if data and "folder" in data:
        raise ConfigError(f"data.folder = {data['folder']!r}: the folder is the first argument, {str(folder)!r}")
    return {**(data or {}), "folder": str(folder)}


def _config(values: Mapping[str, Any]) -> Any:
    from tonearm.config import parse_config

    return parse_config(values)
