"""How numbers of things are written, and what a misspelt name could mean, once for all messages."""

import difflib
import math
from collections.abc import Iterable
from typing import Any

GO_ON = "what is finished is kept: start the same command again"


def count(number: int, noun: str, one: str = "", many: str = "") -> str:
    """The number with its noun, in the plural unless it is 1, and the verb that agrees with it.

    one, many: the verb of one thing and of several.

    >>> count(1, "clip"), count(3, "clip"), count(0, "class"), count(1, "row", "has", "have")
    ('1 clip', '3 clips', '0 classes', '1 row has')
    """
    if number == 1:
        return f"1 {noun} {one}".rstrip()
    return f"{number} {noun}{'es' if noun.endswith('s') else 's'} {many}".rstrip()


def shorten(text: str, most: int = 200) -> str:
    """The text, or where it is longer than `most` characters its beginning and its length.

    >>> shorten("blues.00000.wav"), shorten("a" * 300, most=5)
    ('blues.00000.wav', 'aaaaa… (300 characters)')
    """
    return text if len(text) <= most else f"{text[:most]}… ({len(text)} characters)"


def nearest(word: str, known: Iterable[str]) -> str:
    """A hint: the known word that `word` is most like, if any is, and all that are known.

    >>> nearest("logistc", ["mlp", "logistic"])
    "did you mean 'logistic'? known: logistic, mlp"
    """
    names = sorted(known)
    return f"{did_you_mean(word, names)}known: {', '.join(names)}"


def did_you_mean(word: Any, known: Iterable[str]) -> str:
    """The question that names the known word that `word` is most like; "" if it is like none, or no word."""
    near = difflib.get_close_matches(word, known, n=1) if isinstance(word, str) else []
    return f"did you mean {near[0]!r}? " if near else ""


def interval(low: float | None, high: float | None) -> str:
    """The bounds of a score in words, "" if there are none.

    Nor are there any where both are one number: a score that is the same in every resample, such as that of a model
    that is never wrong, has an uncertainty that resampling does not see.

    >>> interval(0.25, 0.5), interval(None, None), interval(float("nan"), 1.0), interval(1.0, 1.0)
    ('0.250 to 0.500', '', '', '')
    """
    if low is None or high is None or low != low or high != high or low == high:  # NaN differs from itself
        return ""
    return f"{low:.3f} to {high:.3f}"


def number(value: float | None, digits: int = 3) -> str:
    """The number with so many decimals, a dash where there is none.

    >>> number(0.25), number(2.0, 1), number(None), number(float("nan"))
    ('0.250', '2.0', '–', '–')
    """
    return "–" if value is None or not math.isfinite(value) else f"{value:.{digits}f}"


def p_value(value: float) -> str:
    """A p-value with three decimals, and what is too small for them.

    >>> p_value(0.0321), p_value(0.0001), p_value(float("nan"))
    ('= 0.032', '< 0.001', 'unknown')
    """
    if value != value:  # NaN differs from itself
        return "unknown"
    return "< 0.001" if value < 0.001 else f"= {value:.3f}"


def size(number: float) -> str:
    """A number of bytes.

    >>> size(512), size(81_920), size(3_200_000), size(2.5e9)
    ('512 bytes', '81.9 kB', '3.2 MB', '2.5 GB')
    """
    for unit, least in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if number >= least:
            return f"{number / least:.1f} {unit}"
    return f"{number:.0f} bytes"


def milliseconds(value: float) -> str:
    """A time in milliseconds with two digits that say something.

    >>> milliseconds(0.00213), milliseconds(4.56), milliseconds(123.4)
    ('0.0021 ms', '4.6 ms', '123 ms')
    """
    return f"{value:.0f} ms" if value >= 10 else f"{value:.2g} ms"


def duration(seconds: float) -> str:
    """A rough time in words.

    >>> duration(0.2), duration(50), duration(130), duration(3 * 3600), duration(1e6)
    ('1 second', '50 seconds', '2 minutes', '3 hours', '12 days')
    """
    for unit, length in (("day", 86_400), ("hour", 3_600), ("minute", 60)):
        if seconds >= 1.5 * length:
            return count(round(seconds / length), unit)
    return count(max(1, round(seconds)), "second")


def clock(seconds: float) -> str:
    """A time on a recording, to the second.

    >>> clock(7.6), clock(522.5), clock(36_125)
    ('0:08', '8:43', '10:02:05')
    """
    minutes, rest = divmod(int(seconds + 0.5), 60)  # round() would make 522.5 less, and 527.5 more
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
