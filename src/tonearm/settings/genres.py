"""`[genres]`: how the genres in tags become classes."""

from typing import Annotated, Literal

from pydantic import Field

from tonearm.settings.base import Settings

Name = Annotated[str, Field(min_length=1)]


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
