"""The ten genres: each a style of its bands and a function that writes a song.

Conventions
-----------
A genre is one file with `STYLE` and `compose`; the order here is the order of folders and of seeds.
"""

from collections.abc import Callable
from dataclasses import dataclass

from tonearm.jam.bands import Style
from tonearm.jam.genres import blues, classical, country, disco, hiphop, jazz, metal, pop, reggae, rock
from tonearm.jam.song import Song


@dataclass(frozen=True)
class Genre:
    """`style`: the sound of its bands; `compose`: writes the notes of a song that is still empty."""

    style: Style
    compose: Callable[[Song], None]


GENRES: dict[str, Genre] = {
    "blues": Genre(blues.STYLE, blues.compose),
    "classical": Genre(classical.STYLE, classical.compose),
    "country": Genre(country.STYLE, country.compose),
    "disco": Genre(disco.STYLE, disco.compose),
    "hiphop": Genre(hiphop.STYLE, hiphop.compose),
    "jazz": Genre(jazz.STYLE, jazz.compose),
    "metal": Genre(metal.STYLE, metal.compose),
    "pop": Genre(pop.STYLE, pop.compose),
    "reggae": Genre(reggae.STYLE, reggae.compose),
    "rock": Genre(rock.STYLE, rock.compose),
}
