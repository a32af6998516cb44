"""What the pretrained networks that models read were trained on, and what that means for the models' scores.

Conventions
-----------
A network may have learnt these very genres from other people's labels, and may have heard these very recordings. No
split can keep that apart, so a leaderboard says it in words, for each network that one of its models reads.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from tonearm.errors import RepresentationError
from tonearm.representations.encoders.locate import find_encoder, is_encoder
from tonearm.representations.encoders.onnx_folder import UNKNOWN


class Pretrained(NamedTuple):
    """An encoder and the models that read it; the rest is of its card, "" where that says nothing."""

    name: str
    models: tuple[str, ...]
    trained_on: str
    genres: str
    recordings: str

    def sentence(self) -> str:
        """For a person who reads the models' scores."""
        start = (
            f"the encoder {self.name}, which {', '.join(self.models)} {'reads' if len(self.models) == 1 else 'read'}, "
        )
        if self.trained_on in ("", UNKNOWN):
            return f"{start}does not say what it was trained on: it may know genres, and the recordings of this test"
        start += f"was trained on {self.trained_on}"
        heard = "it may have heard the very recordings of this test, which no split can keep apart"
        if self.recordings not in ("", self.trained_on):
            heard += f" ({self.recordings})"
        told = [self.genres, *([heard] if self.recordings else [])]
        told = [one for one in told if one]
        return f"{start}: {'; '.join(told)}" if told else start


def pretrained(reading: Mapping[str, Iterable[str]]) -> tuple[Pretrained, ...]:
    """The encoders among what models read, by name; a layer is no encoder of its own.

    reading: names of representations for each model.
    """
    readers: dict[str, list[str]] = {}
    for model, names in reading.items():
        for name in filter(is_encoder, names):
            readers.setdefault(name, []).append(model)
    found: dict[str, Pretrained] = {}
    for name, some in readers.items():
        one = _described(name, some)
        every = dict.fromkeys([*(found[one.name].models if one.name in found else ()), *one.models])
        found[one.name] = one._replace(models=tuple(every))
    return tuple(found[name] for name in sorted(found))


def _described(name: str, models: list[str]) -> Pretrained:
    """An encoder's card; of one that is not on this machine, since its rows came as a table, nothing is known."""
    try:
        encoder = find_encoder(name)[0].encoder
    except RepresentationError:
        return Pretrained(name, tuple(models), UNKNOWN, "", "")
    card = encoder.card
    return Pretrained(encoder.name, tuple(models), card.trained_on, card.genres, card.recordings)
