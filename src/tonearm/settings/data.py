"""`[data]`, `[genres]`, `[audio]`: where the clips are, what is known about them, and how they are decoded."""

from typing import Annotated, Any, Literal, NamedTuple, Self

from pydantic import Field, field_validator, model_validator

from tonearm.runtime.remote import path_text
from tonearm.settings.base import Settings

Name = Annotated[str, Field(min_length=1)]


class DataSettings(Settings):
    """`[data]`: where the clips are and what is known about them."""

    folder: str = Field(
        "",
        description="class folders of audio or images, a folder with metadata.csv, or a feature table (.csv, .parquet)",
    )
    labels: Literal["folders", "tags"] = Field(
        "folders", description="labels and artists: folders and metadata, or tags inside the files, in any folders"
    )
    metadata: str = Field("", description="CSV file with label, artist or split by file name")
    group_column: str = Field("artist", description="metadata column of groups, which are kept in one part")
    split_column: str = Field("split", description="metadata column that assigns clips to train, valid or test")

    @field_validator("folder", "metadata", mode="before")
    @classmethod
    def _as_text(cls, value: Any) -> Any:
        return path_text(value) if isinstance(value, str) else value

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if self.labels == "tags" and self.metadata:
            raise ValueError('labels = "tags" and metadata are two sources of labels; leave one out')
        return self


class GenreSettings(Settings):
    """`[genres]`: how the genres in tags become classes, for data.labels = "tags"."""

    alias: dict[Name, Name] = Field(
        default={},
        description='what a genre is called, as in { "Hip-Hop/Rap" = "hip hop", DnB = "drum & bass" }; case, hyphens '
        "and white space make no difference",
    )
    ignore: tuple[str, ...] = Field(
        ("other", "unknown", "unknown genre", "misc", "miscellaneous", "genre", "none", "n/a", "default", "undefined"),
        description="values that name no genre",
    )
    several: Literal["known", "first", "none"] = Field(
        "known",
        description="label of a track with several genres: the first that is a class, the first, or none",
    )
    min_clips: int = Field(10, ge=1, le=1_000_000, description="tracks that a genre needs to be a class")
    min_artists: int = Field(3, ge=1, le=1_000_000, description="artists that a genre needs to be a class")


class Part(NamedTuple):
    """What is read of a file: all from `offset` seconds on, or `duration` seconds, or excerpts of that.

    longest: seconds; of more, five excerpts of this length together; None: no limit. excerpts: how many of
    `excerpt_seconds` each are read instead; 0: none. What they mean, `dsp.audio` says.
    """

    offset: float = 0.0
    duration: float | None = None
    longest: float | None = None
    excerpts: int = 0
    excerpt_seconds: float = 30.0


class AudioSettings(Settings):
    """`[audio]`: how audio files are decoded."""

    sr: int = Field(22_050, ge=2_000, le=192_000, description="sampling rate in Hz; files are resampled to it")
    offset: float = Field(0.0, ge=0, le=1_000_000, description="seconds to skip at the start of each clip")
    duration: float | None = Field(None, gt=0, le=1_000_000, description="seconds to use of each clip; absent: all")
    longest: float = Field(
        300.0,
        ge=10,
        le=86_400,
        description="seconds; of longer clips five excerpts of this length together are used, evenly spread",
    )
    excerpts: int | None = Field(
        None,
        ge=0,
        le=20,
        description="number of excerpts to use of each clip, evenly spread, their rows averaged; 1: its middle; 0: all "
        'of it; absent: 1 if data.labels = "tags", otherwise 0',
    )
    excerpt_seconds: float = Field(30.0, ge=1, le=3_600, description="seconds of each of these excerpts")

    @property
    def part(self) -> Part:
        """What is read of a file."""
        return Part(self.offset, self.duration, self.longest, self.excerpts or 0, self.excerpt_seconds)
