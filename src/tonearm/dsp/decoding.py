"""What all decoders share: an open file as a value, and what can be wrong with any of them."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from tonearm.dsp.sources import Block, Source
from tonearm.errors import AudioError

RATES = 1_000, 1_000_000  # Hz; a damaged header may say 1 Hz, and a minute would become 22,050 minutes
MISSING_SHARE = 0.01  # of the announced samples; encoders round the length, an interrupted transfer loses more
LEAD = 1.0  # seconds that are decoded before a stretch and thrown away: at first a decoder may give wrong samples
SHORTEST_SEEK = 10.0  # seconds; what is nearer is decoded on the way

Blocks = Callable[[int, int], Iterator[Block]]


@dataclass(frozen=True)
class Decoder:
    """An open file. sr: Hz. channels: in the file. length: samples a channel that it has, or announces."""

    source: Source
    sr: int
    channels: int
    length: int
    read_blocks: Blocks

    def blocks(self, start: int, stop: int) -> Iterator[Block]:
        """The samples from `start` to `stop`, channels averaged, in arrays of shape (samples,); fewer at its end.

        Stretches are asked for in the order of time. Raises AudioError.
        """
        with reported(self.source):
            yield from self.read_blocks(start, stop)


@contextmanager
def reported(path: Source) -> Iterator[None]:
    """Whatever a decoder raises as an AudioError: damaged files make them fail in every way there is."""
    try:
        yield
    except (AudioError, MemoryError):
        raise
    except OSError as error:
        reason = f"it cannot be read ({error.strerror or error})"
        raise AudioError(str(path), "undecodable", reason) from error
    except Exception as error:
        raise AudioError(str(path), "undecodable", f"it cannot be decoded ({_reason(error)})") from error


def check_complete(path: str | Source, announced: int, present: int) -> None:
    """Raise AudioError of kind truncated if clearly fewer samples are present than were announced."""
    if present < announced * (1 - MISSING_SHARE):
        raise AudioError(
            str(path), "truncated", f"it announces {announced} samples and ends after {present}; copy it again"
        )


def check_rate(path: Source, rate: int) -> None:
    """Raise AudioError of kind unsupported if no music has this sampling rate, in Hz."""
    lowest, highest = RATES
    if not lowest <= rate <= highest:
        raise AudioError(
            str(path),
            "unsupported",
            f"its header gives a sampling rate of {rate:,} Hz, and rates from {lowest:,} to {highest:,} Hz are read; "
            "the file is probably damaged",
        )


def _reason(error: Exception) -> str:
    """The decoder's message without the path, which our message begins with."""
    text = str(getattr(error, "strerror", None) or error)
    text = (text.rsplit("': ", 1)[-1] if "': " in text else text).rstrip(".")
    # libsndfile's message for an .mp3 without a single MPEG frame, although `_check_file` has opened the file
    text = "no sound was found in it" if text.startswith("File does not exist") else text
    return text or type(error).__name__
