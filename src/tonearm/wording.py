"""How numbers of things are written, once for all messages."""


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


def interval(low: float | None, high: float | None) -> str:
    """The bounds of a score in words, "" if there are none.

    >>> interval(0.25, 0.5), interval(None, None), interval(float("nan"), 1.0)
    ('0.250 to 0.500', '', '')
    """
    if low is None or high is None or low != low or high != high:  # NaN differs from itself
        return ""
    return f"{low:.3f} to {high:.3f}"


def milliseconds(value: float) -> str:
    """A time in milliseconds with two digits that say something.

    >>> milliseconds(0.00213), milliseconds(4.56), milliseconds(123.4)
    ('0.0021 ms', '4.6 ms', '123 ms')
    """
    return f"{value:.0f} ms" if value >= 10 else f"{value:.2g} ms"
