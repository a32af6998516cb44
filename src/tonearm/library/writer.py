"""Tags read and written: the one module that uses mutagen, which is GPL-2.0-or-later and an extra of its own.

Conventions
-----------
Nothing is written in place: `write_field` makes a second file, in which only the field differs, and `check_written`
reads it back. In ID3 (mp3, wav, aiff) mutagen reads and builds the frames of the field, and all others keep their bytes
(`id3`); flac, ogg, opus and m4a files are written by mutagen and compared with the first by `containers.kept`, which
does without it. A file in which something else would change is refused.
"""

import io
import re
import shutil
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Any, BinaryIO

from tonearm.errors import TagError
from tonearm.library import id3
from tonearm.library.chunks import INFO, copy, info_chunk, info_entries, read_form, write_form
from tonearm.library.containers import kept, kind_of
from tonearm.library.fields import Field

try:
    import mutagen
    import mutagen.flac
    import mutagen.id3
    import mutagen.mp3
    import mutagen.mp4
    import mutagen.oggopus
    import mutagen.oggvorbis
except ModuleNotFoundError as missing:
    raise TagError('reading and writing tags needs mutagen: pip install "tonearm[tagwriter]"') from missing

SEPARATOR = "; "  # where only one text has room
NEW_VERSION = 3  # of ID3 where there was none: 2.3 is what every player reads
_BY_MUTAGEN = {
    "flac": mutagen.flac.FLAC,
    "vorbis": mutagen.oggvorbis.OggVorbis,
    "opus": mutagen.oggopus.OggOpus,
    "mp4": mutagen.mp4.MP4,
}
_NUMBERED = re.compile(r"\(?(\d{1,3})\)?")


def read_fields(path: Path, fields: Sequence[Field]) -> list[tuple[str, ...]]:
    """The texts of each field, exactly as the file holds them, () where it lacks the field.

    Raises TagError where the file is not one whose tags are written, and OSError where it cannot be read.
    """
    with path.open("rb") as file:
        kind = kind_of(file)
        if kind in _BY_MUTAGEN:
            tags = _opened(path, kind).tags
            return [_texts_of(tags, kind, field) for field in fields]
        file.seek(0)
        block, _, info = _id3_of(file, kind)
        return [_held(block, field) or _of_info(info, field) for field in fields]


def shown(values: Sequence[str], field: Field) -> tuple[str, ...]:
    """The texts for a person: the numbers that ID3 has for genres, as in "(17)", by their names."""
    if field.name != "genre" or not any(_NUMBERED.search(value) for value in values):
        return tuple(values)
    return tuple(mutagen.id3.TCON(encoding=3, text=list(values)).genres)


def write_field(source: Path, target: Path, field: Field, values: Sequence[str]) -> None:
    """Write the file `target`: the source with these texts of the field, without it if there are none.

    Raises TagError as `read_fields`, and where other tags could not be kept.
    """
    with source.open("rb") as file:
        kind = kind_of(file)
        if kind in _BY_MUTAGEN:
            shutil.copyfile(source, target)
            _write_by_mutagen(target, kind, field, values)
            return
        file.seek(0)
        if kind == "mp3":
            _write_mp3(file, target, field, values)
        else:
            _write_form(file, target, kind, field, values)


def check_written(source: Path, target: Path, field: Field, values: Sequence[str]) -> None:
    """Raise TagError where the target does not hold the texts, or anything else in it is not as in the source."""
    found = read_fields(target, [field])[0]
    with source.open("rb") as file:
        kind = kind_of(file)
    asked = tuple(values)
    if found != asked and found != ((SEPARATOR.join(asked),) if asked else ()):
        raise TagError(f"holds {list(found)} after {list(asked)} was written")
    if kind in _BY_MUTAGEN:
        before, after = kept(source, kind, field), kept(target, kind, field)
        if before[0] != after[0]:
            raise TagError("its sound would have changed")
        lost = next((tag for tag in before[1] if tag not in after[1]), b"")
        if before[1] != after[1]:
            raise TagError(
                f"another tag would have changed ({lost[:40].decode('utf-8', 'backslashreplace')!r}); it is of a kind "
                "that cannot be written as it is, so have a tagger put it right first"
            )


def _opened(path: Path, kind: str) -> Any:
    """The file as mutagen knows it. Raises TagError where it is damaged."""
    try:
        return _BY_MUTAGEN[kind](path)
    except (mutagen.MutagenError, ValueError, IndexError, struct.error, OverflowError) as error:
        raise TagError(f"is damaged, or not a whole file ({' '.join(str(error).split())})") from error


def _texts_of(tags: Any, kind: str, field: Field) -> tuple[str, ...]:
    """The texts of a field in Vorbis comments or in atoms of MP4; those of free atoms are bytes."""
    values = (tags or {}).get(field.mp4 if kind == "mp4" else field.vorbis, [])
    return tuple(value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value) for value in values)


def _write_by_mutagen(path: Path, kind: str, field: Field, values: Sequence[str]) -> None:
    opened = _opened(path, kind)
    if opened.tags is None:
        opened.add_tags()
    key = field.mp4 if kind == "mp4" else field.vorbis
    if key in opened.tags:
        del opened.tags[key]
    if values:
        free = key.startswith("----")
        opened.tags[key] = [mutagen.mp4.MP4FreeForm(value.encode()) if free else value for value in values]
    try:
        opened.save()
    except (mutagen.MutagenError, ValueError, IndexError, struct.error) as error:
        if isinstance(error.__context__, OSError):
            raise error.__context__ from error  # such as a full disk
        raise TagError(f"its tags cannot be written ({' '.join(str(error).split())})") from error


def _id3_of(file: BinaryIO, kind: str) -> tuple[id3.Block, Any, list[tuple[bytes, bytes]]]:
    """The ID3 tag, the file's chunks (None for mp3), and the entries of its INFO.

    Of an mp3 with ID3v1 alone, the tag is a new one that holds what that held, since players that find a new one read
    no further.
    """
    if kind == "mp3":
        size = id3.block_size(file.read(id3.HEADER))
        _check_sound(file, size)
        file.seek(0)
        return (id3.parse(_whole(file, size)) if size else _from_v1(file)), None, []
    form = read_form(file)
    listed = next((chunk for chunk in form.chunks if chunk.id == INFO and _data(file, chunk)[:4] == b"INFO"), None)
    info = info_entries(_data(file, listed)) if listed else None
    chunk = form.find(b"id3 ", b"ID3 ")
    if chunk is None:
        return id3.Block(NEW_VERSION), form, info or []
    data = _data(file, chunk)
    size = id3.block_size(data[: id3.HEADER])
    if not 0 < size <= len(data):
        raise TagError("its chunk of tags is damaged; have a tagger write it anew first")
    return id3.parse(data[:size]), form, info or []


def _whole(file: BinaryIO, size: int) -> bytes:
    data = file.read(size)
    if len(data) < size:
        raise TagError("is cut short: its ID3 tag ends after the file")
    return data


def _data(file: BinaryIO, chunk: Any) -> bytes:
    file.seek(chunk.start)
    return file.read(chunk.size)


def _check_sound(file: BinaryIO, start: int) -> None:
    """Raise TagError where no MPEG sound follows the tag."""
    try:
        mutagen.mp3.MPEGInfo(file, start)
    except (mutagen.MutagenError, EOFError, struct.error) as error:
        raise TagError("holds no MPEG sound after its tag: it is damaged, or not an mp3 file") from error


def _from_v1(file: BinaryIO) -> id3.Block:
    frames = mutagen.id3.ParseID3v1(_v1_of(file), NEW_VERSION) or {}
    built = [(frame.FrameID, _build(frame, NEW_VERSION)) for frame in frames.values()]
    return id3.Block(NEW_VERSION, frames=tuple(built))


def _v1_of(file: BinaryIO) -> bytes:
    """The 128 bytes of ID3v1 at the file's end, b"" if there are none."""
    if file.seek(0, 2) < id3.V1_BYTES:
        return b""
    file.seek(-id3.V1_BYTES, 2)
    last = file.read()
    return last if last[:3] == b"TAG" else b""


def _held(block: id3.Block, field: Field) -> tuple[str, ...]:
    """The texts of the field's frame in the tag."""
    frame = next((frame for name, data in block.frames if (frame := _match(block, name, data, field))), None)
    return tuple(map(str, frame.text)) if frame is not None else ()


def _match(block: id3.Block, name: str, data: bytes, field: Field) -> Any:
    """The frame as mutagen reads it if it is one of the field, None otherwise."""
    wanted, described = field.frame_of(block.version)
    if name != wanted:
        return None
    flags = block.flags & id3.UNSYNCHRONISED if block.version == 4 else 0  # that of 2.3 is undone already
    header = struct.pack(">3sBBB", b"ID3", block.version, 0, flags) + id3.syncsafe(len(data))
    try:
        tags = mutagen.id3.ID3(io.BytesIO(header + data), translate=False, load_v1=False)
    except (mutagen.MutagenError, EOFError, struct.error, ValueError):
        return None
    frame = next(iter(tags.values()), None)
    return frame if described is None or getattr(frame, "desc", None) == described else None


def _build(frame: Any, version: int) -> bytes:
    """The bytes of a frame with its header."""
    tags, data = mutagen.id3.ID3(), io.BytesIO()
    tags.add(frame)
    tags.save(data, v1=0, v2_version=version, v23_sep=None, padding=lambda _: 0)
    return data.getvalue()[id3.HEADER :]


def _changed(block: id3.Block, field: Field, values: Sequence[str]) -> id3.Block:
    """The tag with these texts in the place of the field's first frame, or at its end; further ones of the field go."""
    name, described = field.frame_of(block.version)
    found = [_match(block, each, data, field) for each, data in block.frames]
    old = next((frame for frame in found if frame is not None), None)
    new = []
    if values:
        latin = block.version == 3 and all(_is_latin(value) for value in values)
        encoding = mutagen.id3.Encoding.LATIN1 if latin else mutagen.id3.Encoding.UTF16 if block.version == 3 else 3
        more = {} if described is None else {"desc": described}
        if name == "COMM":
            more["lang"] = old.lang if old is not None else "eng"
        frame = getattr(mutagen.id3, name)(encoding=encoding, text=list(values), **more)
        new = [(name, _build(frame, block.version))]
    first = next((place for place, frame in enumerate(found) if frame is not None), len(found))
    rest = [each for each, frame in zip(block.frames[first:], found[first:], strict=True) if frame is None]
    return block.with_frames((*block.frames[:first], *new, *rest))


def _is_latin(text: str) -> bool:
    try:
        text.encode("latin-1")
    except UnicodeEncodeError:
        return False
    return True


def _write_mp3(file: BinaryIO, target: Path, field: Field, values: Sequence[str]) -> None:
    block, _, _ = _id3_of(file, "mp3")
    v1 = _v1_of(file)
    length = file.seek(0, 2)
    with target.open("wb") as out:
        out.write(_changed(block, field, values).build())
        copy(file, out, block.size, length - block.size - len(v1))
        if v1 and field.name == "genre":
            v1 = v1[:-1] + bytes([_v1_genre(values)])
        out.write(v1)


def _v1_genre(values: Sequence[str]) -> int:
    """The number of the genre in ID3v1, 255 where it has none."""
    known = [name.casefold() for name in mutagen.id3.TCON.GENRES]
    return known.index(values[0].casefold()) if values and values[0].casefold() in known else 255


def _write_form(file: BinaryIO, target: Path, kind: str, field: Field, values: Sequence[str]) -> None:
    """A wav or aiff file. With INFO and no ID3, INFO gets genre and comment; where both hold them, both change."""
    block, form, info = _id3_of(file, kind)
    chunk = form.find(b"id3 ", b"ID3 ")
    new: dict[Any, bytes] = {}
    known = any(name == field.info.encode() for name, _ in info)
    tagged = known or (chunk is None and any(name != b"ISFT" for name, _ in info))  # the name of a program is no tag
    if field.info and tagged:
        entries = [entry for entry in info if entry[0] != field.info.encode()]
        if values:
            entries.append((field.info.encode(), SEPARATOR.join(values).encode() + b"\0"))
        listed = next(each for each in form.chunks if each.id == INFO and _data(file, each)[:4] == b"INFO")
        new[listed] = info_chunk(entries)
    if chunk is not None or not new:
        new[chunk or (b"id3 " if kind == "wav" else b"ID3 ")] = _changed(block, field, values).build()
    write_form(form, file, target, new)


def _of_info(info: list[tuple[bytes, bytes]], field: Field) -> tuple[str, ...]:
    """The text of the field in INFO, which does not say its charset: UTF-8, or Latin-1 where it cannot be that."""
    data = next((data for name, data in info if field.info and name == field.info.encode()), b"").rstrip(b"\0")
    try:
        return (data.decode(),) if data else ()
    except UnicodeDecodeError:
        return (data.decode("latin-1"),)
