r"""Names of files as text that every file of ours can hold, and back.

Conventions
-----------
A *native* name is what Python's file functions take: bytes that the system's encoding does not have are surrogates. Its
text is the name as UTF-8; of a name with bytes that are not UTF-8, these bytes and its backslashes are written as
`\xHH`, and so are the backslashes of a name that looks as if that had been done. So two names never have one text, and
each text leads back to its name, in any locale.
"""

import os
import re

_ESCAPED = re.compile(r"\\x([89a-f][0-9a-f]|5c)")  # bytes above ASCII, and the backslash itself
_NO_BYTE = re.compile("[\ud800-\udc7f\udd00-\udfff]")  # surrogates that stand for no byte


def to_text(name: str) -> str:
    r"""A native name or path as text.

    >>> to_text("café.wav"), to_text(r"a\b.wav"), to_text(r"a\xe9.wav")
    ('café.wav', 'a\\b.wav', 'a\\x5cxe9.wav')
    >>> to_text(os.fsdecode(b"caf\xe9.wav"))
    'caf\\xe9.wav'
    """
    data = _encoded(name)
    try:
        text = data.decode()
    except UnicodeDecodeError:
        text = ""
    if text and (os.sep == "\\" or not _ESCAPED.search(text)):
        return text
    escaped = data if os.sep == "\\" else data.replace(b"\\", rb"\x5c")
    return escaped.decode("utf-8", "backslashreplace")


def to_native(text: str) -> str:
    r"""The native name whose text this is; any other text as the name of a file.

    >>> to_native(r"a\x5cxe9.wav"), os.fsencode(to_native(r"caf\xe9.wav"))
    ('a\\xe9.wav', b'caf\xe9.wav')
    """
    if text.isascii() and "\\" not in text:  # a million names of a table in seconds
        return text
    data = text.encode("utf-8", _errors(text))
    if os.sep != "\\":
        data = re.sub(_ESCAPED.pattern.encode(), lambda match: bytes.fromhex(match[1].decode()), data)
    return os.fsdecode(data)


def typed(path: str) -> str:
    """A path that was typed or stored, as a native one: where the system's encoding lacks a character, as UTF-8."""
    return os.fsdecode(_encoded(path))


def _encoded(name: str) -> bytes:
    """The name's bytes; characters that the system's encoding lacks, as in the locale C, are UTF-8."""
    try:
        return os.fsencode(name)
    except UnicodeEncodeError:
        return name.encode("utf-8", _errors(name))


def _errors(name: str) -> str:
    """How surrogates are encoded: as the bytes that they stand for, where all of them stand for bytes."""
    return "surrogatepass" if os.name == "nt" or _NO_BYTE.search(name) else "surrogateescape"
