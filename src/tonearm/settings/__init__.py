"""Every setting outside the models: its default, its limits and its meaning, once.

Conventions
-----------
A section is a frozen pydantic model that refuses unknown keys; the config file's tables have the same
names. The settings of a model stand in the model's own file; `config` puts all together and reads the
TOML file. Each module takes the section it needs, never the whole.
"""

from typing import Annotated, Any, Literal, Self

from pydantic import Field, field_validator, model_validator
from pydantic_core import PydanticCustomError

from tonearm.published import Published, PublishedFigures
from tonearm.runtime.owncode import check_form
from tonearm.settings.base import Settings as Settings
from tonearm.settings.data import AudioSettings as AudioSettings
from tonearm.settings.data import DataSettings as DataSettings
from tonearm.settings.data import GenreSettings as GenreSettings
from tonearm.settings.data import Part as Part

Statistic = Literal["mean", "var", "std", "min", "max", "median", "skew", "kurtosis"]
PictureKind = Literal["linear", "log", "layl", "mel", "mfcc"]
MelScale = Literal["slaney", "htk", "kaldi"]
Pool = Literal["mean", "mean+std", "mean+max"]
CurveAxis = Literal["artist", "clip"]


class FeatureSettings(Settings):
    """`[features]`: features computed from each clip."""

    preset: Literal["gtzan57", "fma518", "basic", "full"] = Field("full", description="predefined feature columns")
    families: tuple[str, ...] = Field(
        (), description="families in place of the preset's; `tonearm features` lists them"
    )
    statistics: tuple[Statistic, ...] = Field((), description="statistics over frames, in place of the preset's")
    n_fft: int = Field(2048, ge=128, le=65_536, description="FFT window length in samples")
    hop_length: int = Field(512, ge=16, le=65_536, description="samples between the starts of successive frames")
    n_mels: int = Field(128, ge=20, le=512, description="mel bands, for the MFCCs and the onset strength")
    n_mfcc: int = Field(20, ge=1, le=128, description="number of MFCCs")
    extra: tuple[str, ...] = Field(
        (),
        description='functions of your own, (samples, sr) to a dict of named numbers: ["mine.py:my_features"], '
        "relative to the config file",
    )

    @field_validator("extra")
    @classmethod
    def _formed(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(map(check_form, value))


class AugmentSettings(Settings):
    """`[augment]`: changed copies of training clips."""

    object: str = Field(
        "",
        description='function of your own, (samples, sr, random generator) to samples: "mine.py:shift", relative to '
        "the config file; empty: no copies",
    )
    copies: int = Field(1, ge=1, le=100, description="copies of each training clip, beside the clip itself")

    _formed = field_validator("object")(check_form)


class SpectrogramSettings(Settings):
    """`[spectrogram]`: how spectrogram images are drawn."""

    kinds: tuple[PictureKind, ...] = Field(("linear", "log", "layl"), min_length=1, description="spectrograms to draw")
    width: int = Field(173, ge=8, le=4096, description="image width in pixels (time)")
    seconds: float | None = Field(
        None,
        gt=0,
        description="seconds of audio per width; longer clips give wider images; absent: all of the clip",
    )
    height: int = Field(172, ge=8, le=4096, description="image height in pixels (frequency, low at the bottom)")
    n_fft: int = Field(2048, ge=128, le=65_536, description="FFT window length in samples")
    hop_length: int = Field(512, ge=16, le=65_536, description="samples between the starts of successive frames")
    n_mels: int = Field(128, ge=20, le=512, description="mel bands, for the kinds mel and mfcc")
    top_db: float = Field(80.0, gt=0, le=200, description="dynamic range, decibels below the loudest bin")
    colour_map: str = Field("magma", description="matplotlib colour map")
    grey: bool = Field(False, description="draw grayscale images with one channel")

    @field_validator("colour_map")
    @classmethod
    def _known_colour_map(cls, value: str) -> str:
        if value == "magma":  # the default, which is to need no matplotlib
            return value
        from matplotlib import colormaps

        if value not in colormaps:
            words = {"words": [*colormaps], "allowed": "a colour map of matplotlib, such as magma, viridis or gray"}
            raise PydanticCustomError("unknown_word", "{allowed}", words)
        return value


class EncoderSettings(Settings):
    """`[encoders]`: what is taken of pretrained networks, such as `reads = "mn04_as"`."""

    layer: str = Field(
        "", description="layer whose output is read; empty: each encoder's default; `tonearm encoders` lists them"
    )
    pool: Pool = Field("mean", description="how the windows of a clip become one row")
    provider: Literal["cpu", "cuda", "coreml", "directml", "auto"] = Field(
        "cpu", description="what onnxruntime runs on; changes rounding; auto: the fastest that is installed"
    )


class SplitSettings(Settings):
    """`[split]`: how clips are divided into training, validation and test parts."""

    method: Literal["auto", "random", "stratified", "group", "listed"] = Field(
        "auto",
        description="auto: listed if the data name splits, group if they name artists, otherwise stratified",
    )
    valid: float = Field(0.15, ge=0, lt=1, description="share of all labelled clips for validation, also with folds")
    test: float = Field(0.2, ge=0, lt=1, description="share of all labelled clips for testing; unused with folds")
    folds: Annotated[int, Field(ge=0, le=100)] = Field(
        0, description="0: one hold-out split; k >= 2: k-fold cross-validation"
    )
    repeats: int = Field(1, ge=1, le=100, description="repetitions of cross-validation, each with its own seed")
    keep: Literal["final", "folds"] = Field(
        "final",
        description="with folds: final keeps a further model trained on all clips, folds the model of each fold",
    )
    seed: int = Field(0, ge=0, lt=2**32, description="random seed of the split")
    recordings: bool = Field(True, description="detect clips of the same recording and keep them in one part")
    leaks: Literal["refuse", "allow"] = Field(
        "refuse", description="when data leakage is suspected: stop with an error, or only warn"
    )


class TrainSettings(Settings):
    """`[train]`: settings of training that all models share."""

    seed: int = Field(0, ge=0, lt=2**32, description="random seed of weight initialisation, shuffling and dropout")
    device: Literal["auto", "cpu", "cuda", "mps"] = Field("auto", description="device for PyTorch models")
    workers: int = Field(1, ge=1, le=1024, description="number of models (and folds) trained in parallel")
    threads: int = Field(1, ge=1, le=1024, description="threads per PyTorch training; changes rounding")
    accelerate: bool = Field(
        False, description="distribute each training over the processes, GPUs or hosts of `accelerate launch`"
    )
    calibrate: bool = Field(
        True,
        description="calibrate probabilities: with folds on their answers to all clips, else on the validation clips",
    )
    sure: float = Field(
        0.9,
        gt=0,
        lt=1,
        description='share of sure answers promised to be right, with 95 % confidence; all others are marked "unsure"',
    )

    @model_validator(mode="after")
    def _one_way_to_many(self) -> Self:
        if self.accelerate and self.workers > 1:
            raise ValueError("accelerate = true trains one model after another, on all processes: workers must be 1")
        return self


class TrackSettings(Settings):
    """`[track]`: logging to experiment trackers."""

    tensorboard: bool = Field(False, description="write TensorBoard logs beside the models")
    mlflow: str = Field("", description="MLflow tracking URI, such as sqlite:///mlflow.db; empty: no MLflow")


class ReportSettings(Settings):
    """`[report]`: published results that the leaderboard and report show beside ours."""

    published: dict[str, PublishedFigures] = Field(
        default={},
        description="by model: its published test accuracy, or { accuracy, precision, recall, f1, train = { accuracy, "
        "… }, valid = { … }, epochs, seconds, test_seconds }",
    )


class SearchRange(Settings):
    """`"path" = { low = …, high = …, log = … }` or `{ choices = […] }`: search space of one setting."""

    low: int | float | None = Field(None, description="lowest value; integers are tried if both are integers")
    high: int | float | None = Field(None, description="highest value")
    log: bool = Field(False, description="sample on a logarithmic scale")
    choices: tuple[Any, ...] = Field((), description="list of values to choose from, in place of low and high")

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        bounds = self.low is not None and self.high is not None
        if bounds == bool(self.choices) or (self.choices and (self.low is not None or self.high is not None)):
            raise ValueError("a range has low and high, or choices")
        if bounds and (self.low >= self.high or (self.log and self.low <= 0)):  # type: ignore[operator]
            raise ValueError("low must be below high, and above 0 where log = true")
        return self


class SweepSettings(Settings):
    """`[sweep]`: settings that `tonearm sweep` tries for one model, by grid or search."""

    model: str = Field("", description="model to tune; needed if [models] has more than one")
    grid: dict[str, Annotated[tuple[Any, ...], Field(min_length=1)]] = Field(
        default={},
        description='values by setting, as in "models.mlp.hidden" = [[64], [90, 70, 50]]; all are crossed',
    )
    zipped: tuple[tuple[str, ...], ...] = Field(
        (), description="grid settings varied together, not crossed: [[setting, setting], …]"
    )
    skip: tuple[dict[str, Any], ...] = Field(
        (), description="grid cells to skip, by their values; a list matches any of its values"
    )
    published: tuple[Published, ...] = Field(
        (),
        description='published figures, as in [{ cell = { "models.mlp.hidden" = [90, 50] }, accuracy = 0.7 }]; as '
        "report.published",
    )
    search: dict[str, SearchRange] = Field(default={}, description="ranges by setting, searched with Optuna")
    sampler: Literal["tpe", "random"] = Field("tpe", description="search: Optuna sampler")
    trials: int = Field(30, ge=1, le=1_000_000, description="search: total number of trials")
    minutes: float = Field(0.0, ge=0, description="search: start no new batch after this many minutes; 0: no limit")
    batch: int = Field(4, ge=1, le=1024, description="search: trials per batch, the most that run in parallel")
    prune: bool = Field(True, description="search: prune trials whose validation loss is above the median")
    folds: Annotated[int, Field(ge=0, le=100)] = Field(
        0,
        description="0: evaluate trials on the validation clips; k >= 2: on k folds of all but the test clips",
    )

    @field_validator("grid", mode="before")
    @classmethod
    def _quoted(cls, value: Any) -> Any:
        if isinstance(value, dict) and any(isinstance(inner, dict) for inner in value.values()):
            raise ValueError(
                'a setting\'s path is one key: write it in quotes, as in "models.mlp.hidden" = [[64], [32]]'
            )
        return value

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if self.grid and self.search:
            raise ValueError("a sweep is a grid or a search, not both")
        if self.folds == 1:
            raise ValueError("folds = 1: cross-validation needs at least 2 folds; 0 means the validation clips")
        return self


class CurveSettings(Settings):
    """`[curve]`: what `tonearm curve` trains on, to tell what to collect next."""

    by: tuple[CurveAxis, ...] = Field(
        ("artist", "clip"), min_length=1, description="what grows: artists, the clips of all artists, or both"
    )
    sizes: tuple[Annotated[float, Field(gt=0, le=1)], ...] = Field(
        (0.125, 0.2, 0.35, 0.6, 1.0),
        description="shares of the training artists to train on, ascending; the last is 1, all of them",
    )
    repeats: int = Field(3, ge=1, le=100, description="random orders of the artists, each of nested subsets")

    @model_validator(mode="after")
    def _ascending(self) -> Self:
        if list(self.sizes) != sorted({*self.sizes}) or self.sizes[-1:] != (1.0,):
            raise ValueError("sizes must ascend and end with 1, such as [0.125, 0.25, 0.5, 1]")
        return self
