"""Texts in CSV files that people open in a spreadsheet, which takes some of them for formulas.

Conventions
-----------
A spreadsheet evaluates a cell that begins with = + - @, a tab or a line end (or the wide forms of the first four), so
a clip named `=HYPERLINK(…).wav` would run in whoever opens the table (OWASP, "CSV Injection"). Such a text is written
with an apostrophe before it, and so is one that has apostrophes before such a character, so that taking one away gives
back exactly what was written. Plain numbers such as -1.5 are no formulas and stay; so do texts such as 'Til Dawn.
"""

import re

_FORMULA = re.compile(r"'*[=+\-@\t\r\n＝＋－＠]")
_ESCAPED = re.compile(r"'+[=+\-@\t\r\n＝＋－＠]")
_NUMBER = re.compile(r"[+-]([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?")


def escaped(text: str) -> str:
    """The text as it is written to a CSV file for people.

    >>> [escaped(text) for text in ("=1+1", "'=1+1", "-1.5", "'Til Dawn", "a=b")]
    ["'=1+1", "''=1+1", '-1.5', "'Til Dawn", 'a=b']
    """
    return f"'{text}" if _FORMULA.match(text) and not _NUMBER.fullmatch(text) else text


def unescaped(text: str) -> str:
    """The text that `escaped` was given.

    >>> [unescaped(text) for text in ("'=1+1", "''=1+1", "-1.5", "'Til Dawn")]
    ['=1+1', "'=1+1", '-1.5', "'Til Dawn"]
    """
    return text[1:] if _ESCAPED.match(text) else text


def is_formula(text: str) -> bool:
    """Whether a spreadsheet would take the text for a formula.

    >>> is_formula("@SUM(A1)"), is_formula("+44"), is_formula("song.wav")
    (True, False, False)
    """
    return _ESCAPED.match(text) is None and escaped(text) != text
