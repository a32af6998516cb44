"""How many genres that were swapped on purpose an audit lists first, on real music.

    python benchmarks/audit.py [--swaps 5] [--seeds 3] [--models musicnn svm] [--artists unknown known]

The clips and whole songs of the shared GTZAN folder become a library: mp3 and m4a by turns, in Artist/Title folders,
with tags of artist, title and genre. Pairs of tracks of different genres swap their genres: 5 pairs are ten wrong
genres. The library is then learned by its tags alone, wrong ones included, and audited. Printed, for each seed
and model: how many of the ten wrong genres are among the first ten and twenty conflicts, how many of them in all are
conflicts, and for how many of those the more likely genre is the true one.

Where the tags name artists, folds keep them together. In these clips blues, reggae and rock are of one artist each, and
pop nearly so: whoever has not heard John Lee Hooker has no blues to learn from. Genres of one artist are left out then,
and wrong genres among them cannot be found. In a second library no tag names an artist, and folds keep only the
copies of one recording together: still no answer is by a model that was trained on the track, which is what an audit
needs, but the model may know the artist.

GTZAN has wrong labels of its own (Sturm, arXiv:1306.1461), so what is listed beside the ten is not all in error.
"""

import argparse
import csv
import sys
import tempfile
from pathlib import Path

import numpy as np
import soundfile

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

import library_files
from tonearm.config import parse_config
from tonearm.experiment.experiment import run_experiment
from tonearm.library.audit import write_audit
from tonearm.library.verdicts import of_kind
from tonearm.runtime.names import to_text

GTZAN = Path(__file__).resolve().parents[2] / "shared" / "data" / "gtzan"
ENDINGS = ("mp3", "m4a")
MODELS = {"logistic": {}, "svm": {}, "musicnn": {"type": "logistic", "reads": "musicnn"}}


def main() -> None:
    """Make each library once, and swap, learn and audit for each seed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--swaps", type=int, default=5)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--models", nargs="+", default=["svm", "musicnn"], choices=MODELS)
    parser.add_argument("--artists", nargs="+", default=["unknown", "known"], choices=["unknown", "known"])
    parser.add_argument("--workers", type=int, default=2)
    given = parser.parse_args()
    print("artists  seed  model     accuracy  first 10  first 20  conflicts  of them swapped  true genre named")
    for artists in given.artists:
        with tempfile.TemporaryDirectory() as folder:
            library = Path(folder) / "library"
            genres = make(library, artists == "known")
            for seed in range(given.seeds):
                swapped = swap(library, genres, given.swaps, seed)
                for model in given.models:
                    print(f"{artists:<7}  {seed:>4}  {model:<8}", end="  ")
                    print_audit(
                        library, Path(folder) / model, model, artists == "known", genres, swapped, given.workers
                    )
                restore(library, genres, swapped)
    print(f"{len(genres)} tracks of {len(set(genres.values()))} genres as {' and '.join(ENDINGS)}")


def make(library: Path, artists: bool) -> dict[str, str]:
    """Write the library; the genre of each track by its name. artists: whether tags name them."""
    with (GTZAN / "metadata.csv").open(encoding="utf-8", newline="") as file:
        known = {row["file_name"]: row for row in csv.DictReader(file)}
    genres = {}
    sounds = [*sorted(GTZAN.glob("full/*/*.au")), *sorted(GTZAN.glob("clips/*/*.flac"))]
    for number, sound in enumerate(sounds):
        row = known.get(f"{sound.stem}.wav", {})
        artist, title = row.get("artist", ""), row.get("title", "") or sound.stem
        ending = ENDINGS[number % len(ENDINGS)]
        whole = " (whole)" if sound.suffix == ".au" else ""
        name = f"{_plain(artist) or 'Unknown'}/{sound.stem}{whole}.{ending}"
        samples, sr = soundfile.read(sound, dtype="float32")
        library_files.encode(library / name, samples, sr)
        fields = {"title": title, "genre": sound.parent.name, **({"artist": artist} if artist and artists else {})}
        library_files.tag(library / name, fields)
        genres[name] = sound.parent.name
    return genres


def swap(library: Path, genres: dict[str, str], pairs: int, seed: int) -> dict[str, str]:
    """Swap the genres of so many pairs of tracks; the new genre of each by its name."""
    generator = np.random.default_rng(seed)
    names = sorted(genres)
    swapped: dict[str, str] = {}
    while len(swapped) < 2 * pairs:
        one, other = generator.choice(names, 2, replace=False).tolist()
        if genres[one] != genres[other] and one not in swapped and other not in swapped:
            swapped |= {one: genres[other], other: genres[one]}
    for name, genre in swapped.items():
        library_files.tag(library / name, {"genre": genre})
    return swapped


def restore(library: Path, genres: dict[str, str], swapped: dict[str, str]) -> None:
    """Give the swapped tracks their own genres again."""
    for name in swapped:
        library_files.tag(library / name, {"genre": genres[name]})


def print_audit(
    library: Path,
    out: Path,
    model: str,
    known: bool,
    genres: dict[str, str],
    swapped: dict[str, str],
    workers: int,
) -> None:
    """Learn the library by its tags, audit it, and print the counts."""
    config = parse_config(
        {
            "data": {"folder": str(library), "labels": "tags"},
            "genres": {"min_clips": 5, "min_artists": 2 if known else 1},
            "split": {"folds": 5, "valid": 0.0},
            "models": {model: MODELS[model]},
        }
    )
    experiment = run_experiment(config, out, workers=workers)
    audit = write_audit(str(library), out, out / "audit", audio=False)
    conflicts = of_kind(audit.tracks, "conflict")
    wrong = {to_text(name) for name in swapped}
    among = [one.track.name in wrong for one in conflicts]
    right = sum(one.likely == genres.get(one.track.name) for one in conflicts if one.track.name in wrong)
    accuracy = experiment.rows[0].scores["test"]["accuracy"]
    print(
        f"{accuracy:>8.3f}  {sum(among[:10]):>8}  {sum(among[:20]):>8}  {len(conflicts):>9}  {sum(among):>15}  "
        f"{right:>16}",
        flush=True,
    )


def _plain(text: str) -> str:
    return "".join(character for character in text if character.isalnum() or character in " -'&").strip()


if __name__ == "__main__":
    main()
