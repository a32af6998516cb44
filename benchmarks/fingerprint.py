"""How the search for one recording grows with the clips, and what it finds.

    python benchmarks/fingerprint.py [--clips 1000 3000 10000] [--seconds 5] [--real FOLDER]

Clips of built-in music are rendered (extra `demo`) and reduced to landmarks once; the search then runs over the first
1,000, 3,000, 10,000 of them. Precision and recall are those of the planted truth of the default built-in set
(copies, other offsets, other levels) and, with --real, of a folder of real clips and copies of every fourth one:
as MP3 (of the lowest quality, too) and Ogg Vorbis, louder (by 12 dB and hard clipped, too), quieter, with noise, cut at
the start, and 5 s out of them.
"""

import argparse
import csv
import io
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import joblib
import numpy as np
import soundfile

from tonearm.dsp.sound import load
from tonearm.errors import AudioError
from tonearm.jam import render_jam
from tonearm.scan.landmarks import SR, Landmarks, compute_landmarks, find_matches
from tonearm.settings import AudioSettings


def landmarks_of(path: Path) -> Landmarks | None:
    """Landmarks of a file, None where it cannot be read."""
    try:
        return compute_landmarks(load(path, AudioSettings(sr=SR)))
    except AudioError:
        return None


def growth(counts: list[int], seconds: float) -> None:
    """Print the time of the search over so many clips."""
    folder = Path(tempfile.mkdtemp(prefix="tonearm-benchmark-"))
    render_jam(folder, clips_per_genre=-(-max(counts) // 10), seconds=seconds, clean=True, workers=2)
    paths = sorted(folder.glob("*/*.wav"))
    start = time.perf_counter()
    found = joblib.Parallel(n_jobs=2, batch_size=16)(joblib.delayed(landmarks_of)(path) for path in paths)
    landmarks = [one for one in found if one is not None]
    print(f"landmarks: {1e3 * (time.perf_counter() - start) / len(paths):.1f} ms a clip of {seconds:g} s, 2 processes")
    order = np.random.default_rng(0).permutation(len(landmarks))
    for count in counts:
        chosen = [landmarks[number] for number in order[:count]]
        start = time.perf_counter()
        matches = find_matches(chosen)
        spent = time.perf_counter() - start
        print(f"search: {count} clips in {spent:.2f} s, {1e3 * spent / count:.2f} ms a clip, {len(matches)} matches")


def planted() -> tuple[set[tuple[str, str]], set[tuple[str, str]]]:
    """Pairs wanted and found in the default built-in set."""
    folder = Path(tempfile.mkdtemp(prefix="tonearm-benchmark-"))
    render_jam(folder, workers=2)
    names = sorted(path.relative_to(folder).as_posix() for path in folder.glob("*/*.wav"))
    known = {name: one for name in names if (one := landmarks_of(folder / name)) is not None}
    with (folder / "truth.csv").open(newline="") as file:
        wanted = {tuple(sorted((row["file_name"], row["partner"]))) for row in csv.DictReader(file) if row["partner"]}
    listed = list(known)
    found = {(listed[match.first], listed[match.second]) for match in find_matches(list(known.values()))}
    return wanted, found  # type: ignore[return-value]


def disguises(y: np.ndarray, sr: int) -> Iterator[np.ndarray]:
    """The clip as somebody else's file might hold it."""
    for format in ("MP3", "OGG"):
        target = io.BytesIO()
        soundfile.write(target, y, sr, format=format)
        target.seek(0)
        yield soundfile.read(target, dtype="float32")[0]
    target = io.BytesIO()
    soundfile.write(target, y, sr, format="MP3", compression_level=0.99)  # the lowest quality
    target.seek(0)
    yield soundfile.read(target, dtype="float32")[0]
    yield np.clip(4 * y, -1, 1)
    start = int(3.1 * sr)
    generator = np.random.default_rng(0)
    yield from (2 * y, y / 4, y + generator.normal(0, 0.003, len(y)), y[start:], y[start : start + 5 * sr])


def real(folder: Path) -> tuple[set[tuple[int, int]], set[tuple[int, int]]]:
    """Pairs wanted and found among real clips and copies of every fourth."""
    from tonearm.dsp.audio import resample

    paths = sorted(path for path in folder.rglob("*.*") if path.suffix in (".wav", ".flac", ".au"))
    clips = [soundfile.read(path, dtype="float32") for path in paths]
    landmarks = [compute_landmarks(resample(y, sr, SR)) for y, sr in clips]
    owner, wanted = list(range(len(clips))), set()
    for number in range(0, len(clips), 4):
        for copy in disguises(*clips[number]):
            wanted.add((number, len(landmarks)))
            owner.append(number)
            landmarks.append(compute_landmarks(resample(copy.astype(np.float32), clips[number][1], SR)))
    found = {(match.first, match.second) for match in find_matches(landmarks)}
    # two copies of one clip are one recording too, and right where they are found
    return wanted, {(one, other) for one, other in found if (one, other) in wanted or owner[one] != owner[other]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=int, nargs="+", default=[1000, 3000, 10_000])
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--real", type=Path)
    arguments = parser.parse_args()
    judged = [("planted in the built-in set", planted())]
    if arguments.real:
        judged.append(("copies of real clips", real(arguments.real)))  # type: ignore[arg-type]
    for name, (wanted, found) in judged:
        right = len(wanted & found)
        print(f"{name}: precision {right}/{len(found)}, recall {right}/{len(wanted)}")
    growth(arguments.clips, arguments.seconds)


if __name__ == "__main__":
    main()
