"""The library and the mix of the page on libraries: the built-in music as people have it, in their folders, with tags.

Conventions
-----------
Everything is decided by numbers of tracks and a seed, so that two builds have the same files. The tags are written by
the tests' own writer of seven formats, so mutagen (extra `tagwriter`) is needed.
"""

import csv
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests"))

import library_files

ENDINGS = ("mp3", "flac", "ogg", "m4a")
# as people write them; some are one genre to whoever reads them
WRITTEN = {
    "hiphop": ("Hip-Hop", "hip hop", "HipHop"),
    "classical": ("Classical",),
    "rock": ("Rock", "rock", "Rock; Live"),
    "reggae": ("Reggae",),
}
PLAYED = ("reggae", "hiphop", "disco", "metal", "country", "classical", "jazz", "rock")  # the genres of the mix
WITHOUT, WRONG = 12, 6  # tracks without a genre, and of another one than they are
SR = 22_050
FADE = 4.0  # seconds of the mix in which two songs are heard together


def make_library(music: Path, library: Path) -> None:
    """Write `library` from the clips that `tonearm jam` has written to `music`: Artist/Album/01 Title.mp3."""
    import soundfile

    with (music / "metadata.csv").open(encoding="utf-8", newline="") as file:
        clips = [row for row in csv.DictReader(file) if row["artist"]]
    generator = np.random.default_rng(0)
    odd = generator.permutation(len(clips))
    without, wrong = set(odd[:WITHOUT].tolist()), set(odd[WITHOUT : WITHOUT + WRONG].tolist())
    tracks: dict[str, int] = {}
    for number, clip in enumerate(clips):
        try:
            samples, sr = soundfile.read(music / clip["file_name"], dtype="float32")
        except soundfile.LibsndfileError:
            continue  # one of the files that are broken on purpose
        artist, genre = clip["artist"], clip["label"]
        tracks[artist] = track = tracks.get(artist, 0) + 1
        if number in wrong:
            genre = clips[(number + len(clips) // 2) % len(clips)]["label"]
        written = WRITTEN.get(genre, (genre.capitalize(),))
        fields = {
            "title": f"Song in {clip['key']}",
            "artist": artist,
            "albumartist": artist,
            "album": f"The Best of {artist}",
            "tracknumber": str(track),
            **({} if number in without else {"genre": written[track % len(written)]}),
        }
        ending = ENDINGS[number % len(ENDINGS)]
        path = library / artist / fields["album"] / f"{track:02} {fields['title']}.{ending}"
        library_files.encode(path, samples, sr)
        library_files.tag(path, fields)


def make_mix(path: Path, seconds: float = 75.0, genres: tuple[str, ...] = PLAYED) -> None:
    """Write a mix of so many seconds of each of these genres, by bands of the library, joined with cross-fades."""
    import soundfile

    from tonearm.jam.record import record

    ramp = np.sin(np.linspace(0.0, np.pi / 2, int(FADE * SR))).astype(np.float32)
    path.parent.mkdir(parents=True, exist_ok=True)
    held = np.zeros(0, dtype=np.float32)  # the end of the song before, which is still to fade
    with soundfile.SoundFile(path, "w", SR, 1) as file:
        for number, genre in enumerate(genres, start=40):
            song = record(0, genre, number, seconds + FADE).samples.astype(np.float32)
            if len(held):
                song[: len(ramp)] = song[: len(ramp)] * ramp + held * ramp[::-1]
            held = song[-len(ramp) :].copy()
            file.write(song[: -len(ramp)])
        file.write(held)
