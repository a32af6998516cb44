"""An experiment's folder to a report that a person wants to read: one HTML file, Markdown and CSV tables.

Conventions
-----------
```
report.html       everything, with sounds and pictures inside; it needs no network and no other file
report.md         leaderboard, mistakes and suspicious labels as text
mistakes.csv, suspicious.csv   the clips of these sections, all of them
neighbours.csv    their nearest training clips
```
A sweep has report.html alone.
"""

from collections.abc import Sequence
from pathlib import Path

from tonearm.errors import CatalogError, RunError
from tonearm.experiment.folder import ExperimentFolder, ResultsFolder
from tonearm.experiment.records import read_words
from tonearm.report.cards import apart_from
from tonearm.report.clips import Excerpts
from tonearm.report.collect import ExperimentRecord, Mistake, collect, suspicious_clips, worst_mistakes
from tonearm.report.confused import ConfusedClasses
from tonearm.report.neighbours import nearest_clips
from tonearm.report.page import page
from tonearm.report.sweep import is_sweep, sweep_page
from tonearm.runtime.files import write_csv, write_text
from tonearm.runtime.leftovers import clear_leftovers
from tonearm.runtime.logs import timed
from tonearm.runtime.progress import Counting, quietly
from tonearm.settings import AudioSettings, DataSettings, GenreSettings

SHOWN_MISTAKES, SHOWN_SUSPICIOUS = 12, 20
ALL = 1_000_000


@timed("report")
def write_report(
    experiment: Path,
    out: Path | None = None,
    against: Path | None = None,
    audio: bool = True,
    counting: Counting = quietly,
    workers: int = 1,
) -> Path:
    """Write the report of the experiment, or of the sweep, in a folder; the path of report.html.

    out: folder to write to, the owner's own by default. against: another experiment, such as one on an easier split,
    to set beside it. audio: whether excerpts of clips are embedded as sound. counting, workers: of the scan of the
    collection. Raises RunError where a folder is neither.
    """
    out = out or ResultsFolder(experiment).report
    clear_leftovers(out, owned=False)
    if is_sweep(experiment):
        if against:
            raise RunError(f"{experiment}: is a sweep; --against sets experiments of `tonearm run` beside each other")
        write_text(out / "report.html", sweep_page(experiment))
        return out / "report.html"
    record = collect(experiment)
    other = collect(against) if against else None
    mistakes: list[Mistake] = []
    suspicious: list[Mistake] = []
    if record.trained:
        mistakes = worst_mistakes(record.trained[0], ALL)
        suspicious = suspicious_clips(record.trained[0], ALL)
    excerpts = Excerpts(record.config["data"], audio)
    near = nearest_clips(record, mistakes, suspicious)
    html = page(
        record,
        other,
        _scan(record, counting, workers),
        mistakes[:SHOWN_MISTAKES],
        suspicious[:SHOWN_SUSPICIOUS],
        excerpts,
        near,
    )
    write_text(out / "report.html", html)
    near.write(out / "neighbours.csv")
    write_text(out / "report.md", _markdown(record, mistakes, suspicious))
    for name, clips in (("mistakes", mistakes), ("suspicious", suspicious)):
        write_csv(out / f"{name}.csv", ("filename", "label", "said", "probability"), [_row(clip) for clip in clips])
    return out / "report.html"


def _row(clip: Mistake) -> tuple[str, str, str, float]:
    return clip.name, clip.truth, clip.said, clip.probability


def _scan(record: ExperimentRecord, counting: Counting, workers: int) -> str:
    """What `tonearm scan` says of the data, or why it cannot be asked any more."""
    from tonearm.data.catalog import read_catalog
    from tonearm.data.pictures import is_picture_folder
    from tonearm.data.tables import is_table, read_table
    from tonearm.scan.scan import scan_catalog, scan_dataset

    settings = DataSettings(**record.config["data"])
    classes = ", ".join(f"{name} {count}" for name, count in record.classes.items())
    try:
        if is_table(settings.folder):
            dataset, notes = read_table(settings)
            return scan_dataset(dataset, settings.folder, notes).text()
        if is_picture_folder(settings.folder):
            return f"ready pictures: {classes}"
        catalog = read_catalog(settings, genres=GenreSettings(**record.config.get("genres", {})))
        with counting("scan", "clips") as progress:
            return scan_catalog(catalog, workers, progress, AudioSettings(**record.config.get("audio", {}))).text()
    except CatalogError as error:
        return f"{classes}\n(not scanned: {error})"


def _board(record: ExperimentRecord) -> str:
    return read_words(ExperimentFolder(record.folder).leaderboard_md, "run the command again").rstrip()


def _markdown(record: ExperimentRecord, mistakes: Sequence[Mistake], suspicious: Sequence[Mistake]) -> str:
    lines = [f"# {record.folder.name}", "", _board(record), *ConfusedClasses(record).markdown()]
    worst = mistakes[:SHOWN_MISTAKES]
    shown, above = apart_from(worst, suspicious[:SHOWN_SUSPICIOUS])
    for title, clips in (("The worst mistakes", worst), ("Suspicious labels", shown)):
        lines += ["", f"## {title}", "", "| clip | label | said | probability |", "|---|---|---|---|"]
        lines += [f"| {clip.name} | {clip.truth} | {clip.said} | {clip.probability:.2f} |" for clip in clips]
    lines += (
        ["", f"Suspicious, too, and among the mistakes: {', '.join(clip.name for clip in above)}."] if above else []
    )
    return "\n".join(lines) + "\n"
