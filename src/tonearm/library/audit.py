"""`tonearm audit`: a library's genres against honest answers, as tables and one page; the library is only read.

Conventions
-----------
```
audit.html      everything, with sounds inside; it needs no network and no other file
audit.md        the same as text
audit.csv       every track with its verdict, conflicts first
albums.csv, artists.csv   those of several genres
answers.jsonl   the predictions, one a line: a command that is killed goes on with them
```
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tonearm.config import load_config
from tonearm.experiment.trust import Trust
from tonearm.library.audit_page import audit_page
from tonearm.library.audit_text import genres_in_words, markdown, summary
from tonearm.library.honest import honest_answers, without_lone_artists
from tonearm.library.tracks import read_tracks
from tonearm.library.trained import trained_config
from tonearm.library.verdicts import KINDS, Together, Verdict, mixed_albums, mixed_artists, of_kind, verdicts
from tonearm.prediction import ask
from tonearm.report.clips import Excerpts
from tonearm.runtime.files import write_csv, write_text
from tonearm.runtime.locks import hold
from tonearm.runtime.progress import Counting, quietly
from tonearm.runtime.remote import place

AUDIT_HTML, AUDIT_MD, AUDIT_CSV, ANSWERS_JSONL = "audit.html", "audit.md", "audit.csv", "answers.jsonl"
COLUMNS = (
    *("file", "verdict", "genre", "likely", "probability", "own_probability", "sure", "answer", "reason"),
    *("artist", "album", "title", "genres"),
)


@dataclass(frozen=True)
class Audit:
    """What was found. tracks: a verdict each. notes: for a person."""

    tracks: tuple[Verdict, ...]
    albums: tuple[Together, ...]
    artists: tuple[Together, ...]
    notes: tuple[str, ...]

    @property
    def unusable(self) -> int:
        """How many tracks could not be read."""
        return sum(bool(one.answer.reason) and not one.answer.trained for one in self.tracks)

    def text(self) -> str:
        """The summary, and the first conflicts."""
        return summary(self.tracks, self.albums, self.artists)


def write_audit(
    library: str,
    run: Path,
    out: Path,
    overrides: Sequence[str] = (),
    audio: bool = True,
    counting: Counting = quietly,
    workers: int = 1,
    trust: Trust = (),
) -> Audit:
    """Hold the genres of a library against answers of a run, none of them by a model that was trained on the track.

    library: the folder. run: a run, a model's folder, or an experiment. overrides: of the settings in `[data]` and
    `[genres]` that the run was trained with. audio: whether the page has sounds. Raises RunError, CatalogError,
    ConfigError, and TonearmError where tags are to be read and their reader is not installed.
    """
    asked = ask(run, [], trust=trust)
    config = trained_config(asked.run.folder)
    own = {"data": {**config.data.model_dump(), "folder": library}, "genres": config.genres.model_dump()}
    tracks, notes = read_tracks(load_config(None, overrides, own))
    with hold(out):
        answers = honest_answers(asked, place(config.data.folder), tracks, counting, workers, out / ANSWERS_JSONL)
        genres = [track.genre(asked.run.labels) for track in tracks]
        answers = without_lone_artists(asked.run, tracks, answers, genres)
        found = verdicts(tracks, answers, asked.run.labels, asked.run.threshold)
        audit = Audit(tuple(found), tuple(mixed_albums(found)), tuple(mixed_artists(found)), (*notes, *asked.notes()))
        _write(out, audit, library, Excerpts({"folder": library}, audio))
    return audit


def _write(out: Path, audit: Audit, library: str, excerpts: Excerpts) -> None:
    in_order = [one for kind in KINDS for one in of_kind(audit.tracks, kind)]
    write_csv(out / AUDIT_CSV, COLUMNS, map(_row, in_order))
    for name, those in (("albums", audit.albums), ("artists", audit.artists)):
        columns = ("name", "artist", "tracks", "genres", "answers", "odd_track", "odd_genre", "odd_likely")
        write_csv(out / f"{name}.csv", columns, map(_together_row, those))
    write_text(out / AUDIT_MD, markdown(audit.tracks, audit.albums, audit.artists, library))
    write_text(out / AUDIT_HTML, audit_page(audit.tracks, audit.albums, audit.artists, library, excerpts))


def _row(one: Verdict) -> list[Any]:
    track, answer = one.track, one.answer
    numbers = (
        [one.probability, one.own if one.kind in ("conflict", "unsure", "agrees") else ""] if one.likely else ["", ""]
    )
    sure = "" if one.sure is None else "yes" if one.sure else "no"
    said = [track.name, one.kind, one.genre, one.likely, *numbers, sure, answer.source, answer.reason]
    return [*said, track.artist, track.album, track.title, "; ".join(track.genres)]


def _together_row(one: Together) -> list[Any]:
    odd = [one.odd.track.name, one.odd.genre, one.odd.likely] if one.odd else ["", "", ""]
    return [one.name, one.by, one.tracks, genres_in_words(one.genres), genres_in_words(one.likely), *odd]
