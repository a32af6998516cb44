"""What a pretrained network says of a clip's windows as a representation: rows of one layer, pooled over the windows.

Conventions
-----------
A model reads an encoder by its name, `reads = "mn04_as"`; a layer other than that of `[encoders]` follows a colon,
`reads = "mn04_as:hidden"`, so that two models, or two columns of one model's rows, may read different layers. A grid
crosses layers and pools as it crosses all settings, by "encoders.layer", "encoders.pool" or "models.<name>.reads".
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tonearm.dsp.sound import ClipSound
from tonearm.errors import RepresentationError, WeightsError
from tonearm.representations.base import Facts, Gives, Sections
from tonearm.representations.combined import ENCODER
from tonearm.representations.encoders.card import Encoder
from tonearm.representations.encoders.front_ends import clip_windows
from tonearm.representations.encoders.hear import check_allowed
from tonearm.representations.encoders.locate import Located, chosen_layer, find_encoder
from tonearm.representations.encoders.session import check_provider
from tonearm.settings import AudioSettings, EncoderSettings, Pool

STATISTICS: dict[str, Callable[..., NDArray[np.float64]]] = {"mean": np.mean, "std": np.std, "max": np.max}
SHORTEST_SECONDS = 0.05  # of sound; repeated up to a window, less than that is a click


@dataclass(frozen=True)
class Embeddings:
    """Rows of a layer. name: as in `reads`. encoder: its own name. definition: as JSON. digest: of its weights."""

    name: str
    encoder: str
    definition: str
    digest: str
    layer: str
    pool: Pool
    audio: AudioSettings
    columns: tuple[str, ...]
    provider: str = "cpu"
    notes: tuple[str, ...] = field(default=(), compare=False)
    gives: Gives = "rows"

    @classmethod
    def build(cls, name: str, sections: Sections) -> "Embeddings":
        """The encoder with the settings in `sections`, see `of`."""
        return cls.of(name, sections.audio, sections.encoders)

    @classmethod
    def of(cls, name: str, audio: AudioSettings, settings: EncoderSettings) -> "Embeddings":
        """The encoder of this name.

        Raises ConfigError for a layer that it lacks, RepresentationError without weights.
        """
        located, layer = chosen_layer(name, settings.layer)
        encoder = located.encoder
        return cls(
            name,
            encoder.name,
            located.definition(),
            located.place.digest(),
            layer,
            settings.pool,
            audio.model_copy(update={"sr": encoder.sr}),
            pooled_columns(encoder, layer, settings.pool),
            check_provider(settings.provider),
        )

    @classmethod
    def restore(cls, facts: Facts) -> "Embeddings":
        """The same rows. Raises RepresentationError where this tonearm defines the encoder otherwise."""
        check_allowed(facts["encoder"])
        located, _ = find_encoder(facts["encoder"])
        encoder = located.encoder
        definition = located.definition()
        if facts["definition"] != json.loads(definition):
            raise RepresentationError(f"reads {encoder.name} by a definition that is not the one of this tonearm")
        layer, pool = str(facts["layer"]), facts["pool"]
        if layer not in encoder.layers:
            raise RepresentationError(f"reads the layer {layer!r} of {encoder.name}, which has no such layer")
        provider: str = facts["provider"]
        notes: tuple[str, ...] = ()
        try:
            check_provider(provider)
        except RepresentationError:
            notes = (f"{encoder.name} ran on {provider} in training and runs on the CPU here: the last digits differ",)
            provider = "cpu"
        columns = pooled_columns(encoder, layer, EncoderSettings(pool=pool).pool)
        audio = AudioSettings(sr=encoder.sr, **facts["audio"])
        return cls(
            facts["name"], encoder.name, definition, facts["digest"], layer, pool, audio, columns, provider, notes
        )

    def facts(self) -> Facts:
        """Encoder with its definition and the digest of its weights, layer, pool, and what is read of a clip."""
        return {
            "kind": ENCODER,
            "name": self.name,
            "encoder": self.encoder,
            "definition": json.loads(self.definition),
            "digest": self.digest,
            "layer": self.layer,
            "pool": self.pool,
            "audio": self.audio.model_dump(mode="json", exclude={"sr"}),
            "provider": self.provider,
        }

    def open(self, device: str = "cpu") -> "EmbeddingReader":
        """The reader, whose network runs on the provider, not on torch's device. Raises RepresentationError."""
        located, _ = find_encoder(self.encoder)
        return EmbeddingReader(self, located)


class EmbeddingReader:
    """Clip to its row; a network with its weights."""

    batch = 1

    def __init__(self, representation: Embeddings, located: Located) -> None:
        self.representation = representation
        self.encoder = located.encoder
        digest = located.place.digest()
        if located.definition() != representation.definition:
            raise RepresentationError(f"the definition of {self.encoder.name} has changed meanwhile; start again")
        if digest != representation.digest:
            raise WeightsError(
                f"needs the weights {representation.digest[:12]} of {self.encoder.name}, and those on this machine are "
                f"{digest[:12]}"
            )
        self.run = located.place.open(self.encoder, representation.layer, representation.provider)

    def read(self, sounds: Sequence[ClipSound]) -> list[NDArray[Any]]:
        """One row per clip. Raises AudioError."""
        shortest = round(SHORTEST_SECONDS * self.encoder.sr)
        audio = self.representation.audio
        rows = ([self.row(piece.samples(audio, shortest)) for piece in sound.pieces(audio)] for sound in sounds)
        return [np.mean(pieces, axis=0) for pieces in rows]

    def row(self, samples: NDArray[np.float32]) -> NDArray[np.float64]:
        """A clip's row, shape (columns,). samples: mono, shape (samples,), at the encoder's rate."""
        return pooled(self.windows(samples), self.representation.pool)

    def windows(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """A row of the layer for each window, shape (windows, dimensions); window k starts at k * hop seconds.

        The last one ends with the clip instead if it covers what is left of it, see `front_ends`.
        """
        encoder = self.encoder
        pieces = clip_windows(samples, encoder.sr, encoder.window, encoder.hop, encoder.front)
        return self.run(pieces)


def pooled(rows: NDArray[np.float32], pool: Pool) -> NDArray[np.float64]:
    """Rows of windows, shape (windows, dimensions), as one row of float64."""
    wide = rows.astype(np.float64)
    return np.concatenate([STATISTICS[name](wide, axis=0) for name in pool.split("+")])


def pooled_columns(encoder: Encoder, layer: str, pool: Pool) -> tuple[str, ...]:
    """Names of a row's numbers: the layer's names of its dimensions, or its own with a number; then the statistic."""
    found = encoder.layers[layer]
    digits = len(str(found.dimensions - 1))
    names = found.names or tuple(f"{layer}_{number:0{digits}d}" for number in range(found.dimensions))
    statistics = pool.split("+")
    return names if len(statistics) == 1 else tuple(f"{name}_{word}" for word in statistics for name in names)
