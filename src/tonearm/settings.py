"""Every setting outside the models: its default, its limits and its meaning, once.

Conventions
-----------
A section is a frozen pydantic model that refuses unknown keys; the config file's tables have the same
names. The settings of a model stand in the model's own file; `config` puts all together and reads the
TOML file. Each module takes the section it needs, never the whole.
"""

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator
from pydantic_core import PydanticCustomError

from tonearm.runtime.remote import path_text

Statistic = Literal["mean", "var", "std", "min", "max", "median", "skew", "kurtosis"]
PictureKind = Literal["linear", "log", "layl", "mel", "mfcc"]


class Settings(BaseModel):
    """Base of all sections: frozen, unknown keys refused, defaults checked as well."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)


class DataSettings(Settings):
    """`[data]`: where the clips are and what is known about them."""

    folder: str = Field(
        "",
        description="class folders of music or pictures, a folder with metadata.csv, or a table (.csv, .parquet)",
    )
    metadata: str = Field("", description="CSV that adds label, artist or split by file name")
    group_column: str = Field("artist", description="metadata column whose values must not cross splits")
    split_column: str = Field("split", description="metadata column that names train, valid or test")

    @field_validator("folder", "metadata", mode="before")
    @classmethod
    def _as_text(cls, value: Any) -> Any:
        return path_text(value) if isinstance(value, str) else value


class AudioSettings(Settings):
    """`[audio]`: how a file becomes samples."""

    sr: int = Field(22_050, ge=2_000, le=192_000, description="sampling rate after resampling, Hz")
    offset: float = Field(0.0, ge=0, le=1_000_000, description="seconds left out at the start of each clip")
    duration: float | None = Field(None, gt=0, le=1_000_000, description="seconds used of each clip; absent: all")


class FeatureSettings(Settings):
    """`[features]`: which numbers describe a clip."""

    preset: Literal["gtzan57", "fma518", "basic", "full"] = Field("full", description="ready choice of columns")
    families: tuple[str, ...] = Field((), description="families instead of the preset's; `tonearm features` lists them")
    statistics: tuple[Statistic, ...] = Field((), description="statistics over frames instead of the preset's")
    n_fft: int = Field(2048, ge=128, le=65_536, description="analysis window, samples")
    hop_length: int = Field(512, ge=16, le=65_536, description="samples from one frame to the next")
    n_mels: int = Field(128, ge=20, le=512, description="mel bands under the MFCC and the onset strength")
    n_mfcc: int = Field(20, ge=1, le=128, description="mel-frequency cepstral coefficients kept")


class SpectrogramSettings(Settings):
    """`[spectrogram]`: how a clip becomes a picture."""

    kinds: tuple[PictureKind, ...] = Field(
        ("linear", "log", "layl"), min_length=1, description="kinds of pictures to make"
    )
    width: int = Field(173, ge=8, le=4096, description="columns of pixels: time")
    seconds: float | None = Field(
        None, gt=0, description="seconds of a clip on that width, longer clips are wider; absent: the whole clip on it"
    )
    height: int = Field(172, ge=8, le=4096, description="rows of pixels: frequency, low at the bottom")
    n_fft: int = Field(2048, ge=128, le=65_536, description="analysis window, samples")
    hop_length: int = Field(512, ge=16, le=65_536, description="samples from one frame to the next")
    n_mels: int = Field(128, ge=20, le=512, description="mel bands under the kinds mel and mfcc")
    top_db: float = Field(80.0, gt=0, le=200, description="decibels below the loudest bin that still show")
    colour_map: str = Field("magma", description="a colour map of matplotlib")
    grey: bool = Field(False, description="one channel of brightness instead of colours")

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


class SplitSettings(Settings):
    """`[split]`: which clips train, which choose, which judge."""

    method: Literal["auto", "random", "stratified", "group", "listed"] = Field(
        "auto",
        description="auto: listed where the catalog has splits, group where it has artists, else stratified",
    )
    valid: float = Field(0.15, ge=0, lt=1, description="fraction of clips for validation")
    test: float = Field(0.2, ge=0, lt=1, description="fraction of clips for the test")
    folds: Annotated[int, Field(ge=0, le=100)] = Field(
        0, description="0: one hold-out split; k >= 2: k-fold cross-validation"
    )
    repeats: int = Field(1, ge=1, le=100, description="times that k folds are made, each time by another seed")
    keep: Literal["final", "folds"] = Field(
        "final", description="of k folds: final trains one more model on all clips and keeps that, folds keeps theirs"
    )
    seed: int = Field(0, ge=0, lt=2**32, description="seed of the division")
    recordings: bool = Field(True, description="find clips that are one recording, and keep them in one part")
    leaks: Literal["refuse", "allow"] = Field(
        "refuse", description="what to do where scores look too good to be true: stop, or only say so"
    )


class TrainSettings(Settings):
    """`[train]`: what all models share while they learn."""

    seed: int = Field(0, ge=0, lt=2**32, description="seed of weights, shuffling and dropout")
    device: Literal["auto", "cpu", "cuda", "mps"] = Field("auto", description="where torch models run")
    workers: int = Field(1, ge=1, le=1024, description="models (and folds) trained side by side")
    threads: int = Field(1, ge=1, le=1024, description="threads of one torch training; each number rounds its own way")
    accelerate: bool = Field(
        False, description="one training on several processes, GPUs or hosts, started by `accelerate launch`"
    )
    calibrate: bool = Field(True, description="fit a temperature on the validation clips, for honest probabilities")
    sure: float = Field(0.9, gt=0, le=1, description="an answer is sure where so many as sure were right in validation")

    @model_validator(mode="after")
    def _one_way_to_many(self) -> Self:
        if self.accelerate and self.workers > 1:
            raise ValueError("accelerate = true trains one model after another, on all processes: workers must be 1")
        return self


class TrackSettings(Settings):
    """`[track]`: other tools that are told the numbers of each training."""

    tensorboard: bool = Field(False, description="write TensorBoard's logs beside the models")
    mlflow: str = Field("", description="MLflow's tracking URI, such as sqlite:///mlflow.db; empty: none")


class ReportSettings(Settings):
    """`[report]`: what leaderboard and report show beside what was measured."""

    published: dict[str, Annotated[float, Field(ge=0, le=1)]] = Field(
        default={}, description="test accuracy that somebody published for a model, by its name in [models]"
    )


class SearchRange(Settings):
    """`"path" = { low = …, high = …, log = … }` or `{ choices = […] }`: where a search looks for one setting."""

    low: int | float | None = Field(None, description="least value; whole numbers where low and high are")
    high: int | float | None = Field(None, description="greatest value")
    log: bool = Field(False, description="as many values between 1 and 10 as between 10 and 100")
    choices: tuple[Any, ...] = Field((), description="values in place of low and high")

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        bounds = self.low is not None and self.high is not None
        if bounds == bool(self.choices) or (self.choices and (self.low is not None or self.high is not None)):
            raise ValueError("a range has low and high, or choices")
        if bounds and (self.low >= self.high or (self.log and self.low <= 0)):  # type: ignore[operator]
            raise ValueError("low must be below high, and above 0 where log = true")
        return self


class Published(Settings):
    """`{ cell = { "path" = value }, accuracy = … }`: a test accuracy that somebody published for cells of a grid."""

    cell: Annotated[dict[str, Any], Field(min_length=1)] = Field(description="the cells' values, as in skip")
    accuracy: float = Field(ge=0, le=1, description="share of their test clips that was right")


class SweepSettings(Settings):
    """`[sweep]`: which settings of one model `tonearm sweep` tries; a grid, or a search."""

    model: str = Field("", description="the model that is swept, where [models] has more than one")
    grid: dict[str, Annotated[tuple[Any, ...], Field(min_length=1)]] = Field(
        default={}, description='values by setting, as in "models.mlp.hidden" = [[64], [90, 70, 50]]; all are crossed'
    )
    zipped: tuple[tuple[str, ...], ...] = Field(
        (), description="settings of the grid whose lists go in step, not crossed: [[setting, setting], …]"
    )
    skip: tuple[dict[str, Any], ...] = Field(
        (), description="cells of the grid that are not run, by their values; a list stands for each of its values"
    )
    published: tuple[Published, ...] = Field(
        (), description='shown beside ours: [{ cell = { "models.mlp.hidden" = [90, 70, 50] }, accuracy = 0.74 }]'
    )
    search: dict[str, SearchRange] = Field(default={}, description="ranges by setting, searched by Optuna")
    sampler: Literal["tpe", "random"] = Field("tpe", description="search: how the next trial is chosen")
    trials: int = Field(30, ge=1, le=1_000_000, description="search: trials in all")
    minutes: float = Field(0.0, ge=0, description="search: no new batch after so many minutes; 0: no limit")
    batch: int = Field(4, ge=1, le=1024, description="search: trials chosen at a time, and so the most side by side")
    prune: bool = Field(True, description="search: end trials whose validation loss is above the median of the others")
    folds: Annotated[int, Field(ge=0, le=100)] = Field(
        0, description="0: trials are judged on the validation clips; k >= 2: on k folds of all clips outside the test"
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
