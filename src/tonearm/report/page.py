"""The report as one HTML page: its sections, top down.

Conventions
-----------
Each section is a function from what was collected to HTML, "" where there is nothing to say. Every name of a clip,
a class or a model comes from users and is escaped where it is written. Sections need no script.
"""

from collections.abc import Sequence
from html import escape

from tonearm.report.cards import clips
from tonearm.report.classes import classes, confusions
from tonearm.report.clips import Excerpts
from tonearm.report.collect import ExperimentRecord, Mistake
from tonearm.report.confused import ConfusedClasses
from tonearm.report.coverage import calibration
from tonearm.report.curve import what_to_collect
from tonearm.report.html import document, sentence
from tonearm.report.importance import importance
from tonearm.report.leaderboard import leaderboard
from tonearm.report.learning import learning
from tonearm.report.neighbours import NOT_ASKED, Nearest
from tonearm.report.part_scores import scores_of_parts
from tonearm.report.slopes import slopes

OPTIMISTIC = (
    "Optimistic: artists are known here and cross the parts. A model that recognises an artist's sound scores for it; "
    "on artists it has not heard expect less (split.method = &quot;group&quot; measures how much)."
)


def page(
    record: ExperimentRecord,
    against: ExperimentRecord | None,
    data_text: str,
    mistakes: Sequence[Mistake],
    suspicious: Sequence[Mistake],
    excerpts: Excerpts,
    near: Nearest = NOT_ASKED,
) -> str:
    """The whole page. data_text: what a scan says of the data."""
    ranking = [model.name for model in record.trained]
    sections = [
        _head(record),
        slopes(record, against) if against else "",
        leaderboard(record.models, record.encoders),
        scores_of_parts(record),
        learning(record.trained),
        calibration(record.trained),
        confusions(record.trained),
        ConfusedClasses(record).section(),
        classes(record.trained),
        what_to_collect(record.folder, record.split, ranking),
        importance(record.folder, ranking),
        _data(record, data_text),
        clips(record, mistakes, suspicious, excerpts, near),
        _repeat(record),
    ]
    title = f"tonearm: {record.folder.name}"
    return document(title, sections, ("leaderboard", "to the leaderboard"))


def _head(record: ExperimentRecord) -> str:
    alarm = f'<p class="alarm">{OPTIMISTIC}</p>' if record.optimistic else ""
    alarm += "".join(f'<p class="alarm">{escape(sentence(line))}</p>' for line in record.warnings)
    clips = sum(record.classes.values())
    return (
        f"<h1>{escape(record.folder.name)}: {len(record.models)} models on {clips} clips of "
        f'{len(record.classes)} classes</h1>\n<p class="verdict">{escape(sentence(record.verdict))}</p>\n'
        f'{alarm}<p class="soft">{escape(sentence(record.split))}</p>'
    )


def _data(record: ExperimentRecord, text: str) -> str:
    failures = "".join(f"<li>{escape(name)}: {escape(reason)}</li>" for name, reason in record.failures)
    known = f"{record.groups} artists or recordings are known" if record.groups else "No artists are known"
    broken = f"<details><summary>{len(record.failures)} clips could not be used</summary><ul>{failures}</ul></details>"
    return (
        f"<h2>The data</h2><p>{known}, for {record.grouped_clips} of {sum(record.classes.values())} clips.</p>"
        f'<pre tabindex="0">{escape(text)}</pre>{broken if failures else ""}'
    )


def _repeat(record: ExperimentRecord) -> str:
    versions = ", ".join(f"{name} {version}" for name, version in record.versions.items())
    name = escape(record.folder.name)
    return (
        "<h2>Reproduce</h2><p>Save the settings as <code>config.toml</code>; the same versions on the same machine "
        f'give the same numbers to the last bit.</p><pre tabindex="0">tonearm run config.toml --out {name}\n'
        f"tonearm report {name}</pre><details><summary>settings</summary>"
        f'<pre tabindex="0">{escape(record.config_text)}</pre></details><p class="soft">{escape(versions)}</p>'
    )
