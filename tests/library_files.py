"""Makes small music libraries of the built-in music: seven formats, nested folders, and tags as people have them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

FORMATS = ("mp3", "flac", "ogg", "opus", "m4a", "wav", "aiff")
GENRES = ("blues", "classical", "metal")
# of each genre as several people would write it; all are one after folding and reading
SPELLINGS: Mapping[str, Sequence[Sequence[str]]] = {
    "blues": (["Blues"], ["blues"], ["BLUES", "Live"], ["Blues; Acoustic"], [" Blues "], ["Blues / Soul"], ["Blues"]),
    "classical": (["Classical"], ["classical"], ["Classical"], ["CLASSICAL"], ["Classical;Piano"], ["Classical"]),
    "metal": (["Heavy-Metal"], ["Heavy Metal"], ["heavy_metal"], ["Heavy  Metal"], ["HEAVY-METAL", "Rock"]),
}
NAMED = {"blues": "blues", "classical": "classical", "metal": "heavy metal"}  # what each is called after folding
SR = 22_050
# the smallest PNG there is: one transparent pixel
COVER = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d49444154789c626001000000ffff03000006"
    "000557bfabd40000000049454e44ae426082"
)


@dataclass(frozen=True)
class Track:
    """A file to make.

    name: relative path; its ending says the format. sound: genre and number of the recording. fields: of the tags by
    their Vorbis names, in lower case, a text or a list of them; {} for no tags. version: of ID3, 3 or 4. cover: whether
    it carries a picture. label, artist: what tonearm is to make of the tags, "" for no label.
    """

    name: str
    sound: tuple[str, int]
    fields: Mapping[str, str | Sequence[str]] = field(default_factory=dict)
    version: int = 4
    cover: bool = False
    label: str = ""
    artist: str = ""


@lru_cache(maxsize=64)
def music(genre: str, number: int, seconds: float) -> tuple[NDArray[np.float32], str]:
    """Samples of a recording at `SR`, and its band."""
    from tonearm.jam.record import record

    made = record(0, genre, number, seconds)
    return made.samples.astype(np.float32), made.artist


def encode(path: Path, samples: NDArray[np.float32], sr: int = SR) -> None:
    """Write the samples in the format of the path's ending."""
    import soundfile

    path.parent.mkdir(parents=True, exist_ok=True)
    ending = path.suffix.lower()
    if ending == ".m4a":
        _encode_m4a(path, samples, sr)
        return
    # Opus has few rates: what is at another one is played a little faster
    opus = {"samplerate": sr if sr == 48_000 else 24_000, "format": "OGG", "subtype": "OPUS"}
    kind = opus if ending == ".opus" else {"samplerate": sr}
    with soundfile.SoundFile(path, "w", channels=1, **kind) as file:
        for second in range(0, len(samples), sr):  # libsndfile crashes where it is given minutes of Ogg at once
            file.write(samples[second : second + sr])


def _encode_m4a(path: Path, samples: NDArray[np.float32], sr: int) -> None:
    import av

    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=sr, layout="mono")
        frame = av.AudioFrame.from_ndarray(samples[None, :], format="fltp", layout="mono")
        frame.sample_rate = sr
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            container.mux(packet)


def tag(path: Path, fields: Mapping[str, str | Sequence[str]], version: int = 4, cover: bool = False) -> None:
    """Write the tags in the way of the file's format.

    fields: by Vorbis names: title, artist, albumartist, album, tracknumber, genre, compilation, musicbrainz_artistid.
    version: of ID3, 3 or 4, where the format has it.
    """
    texts = {key: [value] if isinstance(value, str) else list(value) for key, value in fields.items()}
    ending = path.suffix.lower()
    if ending in (".mp3", ".wav", ".aiff"):
        _tag_id3(path, texts, version, cover)
    elif ending == ".m4a":
        _tag_mp4(path, texts, cover)
    else:
        _tag_vorbis(path, texts, cover)


def _tag_id3(path: Path, texts: Mapping[str, list[str]], version: int, cover: bool) -> None:
    from mutagen import id3
    from mutagen.aiff import AIFF
    from mutagen.mp3 import MP3
    from mutagen.wave import WAVE

    kinds: dict[str, Any] = {".mp3": MP3, ".wav": WAVE, ".aiff": AIFF}
    file = kinds[path.suffix.lower()](path)
    if file.tags is None:
        file.add_tags()
    frames = {
        "title": id3.TIT2,
        "artist": id3.TPE1,
        "albumartist": id3.TPE2,
        "album": id3.TALB,
        "tracknumber": id3.TRCK,
        "genre": id3.TCON,
        "compilation": id3.TCMP,
    }
    encoding = 1 if version == 3 else 3  # UTF-16, UTF-8
    for key, values in texts.items():
        if key in frames:
            file.tags.add(frames[key](encoding=encoding, text=values))
        else:
            name = {"musicbrainz_artistid": "MusicBrainz Artist Id"}.get(key, key)
            file.tags.add(id3.TXXX(encoding=encoding, desc=name, text=values))
    if cover:
        file.tags.add(id3.APIC(encoding=0, mime="image/png", type=3, desc="", data=COVER))
    file.save(v2_version=version, v23_sep=None)


def _tag_mp4(path: Path, texts: Mapping[str, list[str]], cover: bool) -> None:
    from mutagen.mp4 import MP4, MP4Cover

    file = MP4(path)
    atoms = {"title": "\xa9nam", "artist": "\xa9ART", "albumartist": "aART", "album": "\xa9alb", "genre": "\xa9gen"}
    for key, values in texts.items():
        if key in atoms:
            file[atoms[key]] = values
        elif key == "tracknumber":
            file["trkn"] = [(int(values[0]), 0)]
        elif key == "compilation":
            file["cpil"] = values[0] == "1"
        else:
            name = {"musicbrainz_artistid": "MusicBrainz Artist Id"}.get(key, key)
            file[f"----:com.apple.iTunes:{name}"] = [value.encode() for value in values]
    if cover:
        file["covr"] = [MP4Cover(COVER, MP4Cover.FORMAT_PNG)]
    file.save()


def _tag_vorbis(path: Path, texts: Mapping[str, list[str]], cover: bool) -> None:
    import base64

    from mutagen.flac import FLAC, Picture
    from mutagen.oggopus import OggOpus
    from mutagen.oggvorbis import OggVorbis

    kinds: dict[str, Any] = {".flac": FLAC, ".ogg": OggVorbis, ".opus": OggOpus}
    file = kinds[path.suffix.lower()](path)
    for key, values in texts.items():
        file[key] = values
    if cover:
        picture = Picture()
        picture.type, picture.mime, picture.data = 3, "image/png", COVER
        if isinstance(file, FLAC):
            file.add_picture(picture)
        else:
            file["metadata_block_picture"] = [base64.b64encode(picture.write()).decode()]
    file.save()


def plan(genres: Sequence[str] = GENRES, tracks: int = 8, formats: Sequence[str] = FORMATS) -> list[Track]:
    """A library of so many tracks a genre, each by another band, with the spellings, formats and versions mixed."""
    found: list[Track] = []
    for genre in genres:
        for number in range(tracks):
            _, artist = music(genre, number, 1.0)
            ending = formats[len(found) % len(formats)]
            written = SPELLINGS.get(genre, ([genre],))
            fields: dict[str, str | Sequence[str]] = {
                "title": f"{genre} {number} 🎸",
                "artist": artist if number % 3 else f"{artist} feat. Ann Other",
                "albumartist": artist,
                "album": f"Album of {artist}",
                "tracknumber": str(number + 1),
                "genre": written[number % len(written)],
            }
            name = f"{artist}/Album of {artist}/{number + 1:02d} {genre}.{ending}"
            version, cover = 3 + number % 2, number % 4 == 0
            found.append(
                Track(name, (genre, number), fields, version, cover, label=NAMED.get(genre, genre), artist=artist)
            )
    return found


def odd_tracks() -> list[Track]:
    """Files whose tags are missing, wrong, many or strange."""
    blues, metal = music("blues", 0, 1.0)[1], music("metal", 1, 1.0)[1]
    compilation = {"album": "Summer 🌞 Hits", "albumartist": "Various Artists", "compilation": "1"}
    return [
        Track("no tags.mp3", ("blues", 1)),
        Track("inbox/no genre.flac", ("metal", 2), {"title": "Ohne Titel", "artist": metal}, artist=metal),
        Track(
            "Compilations/Summer/01 a.m4a",
            ("blues", 0),
            {**compilation, "artist": f"{blues} (feat. Somebody)", "genre": "Blues"},
            label="blues",
            artist=blues,
        ),
        Track(
            "Compilations/Summer/02 b.mp3",
            ("metal", 1),
            {**compilation, "artist": metal, "genre": ["(137)Heavy Metal"]},  # as ID3v2.3 writes a number
            version=3,
            label="heavy metal",
            artist=metal,
        ),
        Track("rare/one of its kind.ogg", ("classical", 3), {"artist": "Solo", "genre": "Gamelan"}, artist="Solo"),
        Track("rare/unknown.opus", ("blues", 4), {"artist": "Nobody", "genre": "Unknown"}, artist="Nobody"),
    ]


def write_library(folder: Path, tracks: Iterable[Track], seconds: float = 3.0) -> None:
    """Make the files in the folder, with sound of this length."""
    for track in tracks:
        path = folder / track.name
        encode(path, music(*track.sound, seconds)[0])
        if track.fields:
            tag(path, track.fields, track.version, track.cover)
