"""The report as one HTML page: its sections, top down.

Conventions
-----------
Each section is a function from what was collected to HTML, "" where there is nothing to say. Every name of a clip,
a class or a model comes from users and is escaped where it is written. Sections need no script.
"""

from collections.abc import Sequence
from html import escape

from tonearm.evaluation.scores import Reliability
from tonearm.report.charts import Series, interval_bar, line_chart, slope_chart
from tonearm.report.classes import classes, confusions
from tonearm.report.clips import Excerpts
from tonearm.report.collect import ExperimentRecord, Mistake, ModelResult
from tonearm.report.confused import ConfusedClasses
from tonearm.report.coverage import trust
from tonearm.report.curve import what_to_collect
from tonearm.report.html import document, number, sentence, table
from tonearm.report.importance import importance
from tonearm.report.neighbours import NOT_ASKED, Nearest
from tonearm.wording import interval, milliseconds

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
    sections = [
        _head(record),
        _leaderboard(record.models, record.encoders),
        _slopes(record, against) if against else "",
        _curves(record.trained),
        trust(record.trained),
        confusions(record.trained),
        ConfusedClasses(record).section(),
        classes(record.trained),
        what_to_collect(record.folder, record.split),
        importance(record.folder),
        _data(record, data_text),
        _clips(
            "The worst mistakes",
            f"What {_best(record)}, the best model, is surest of and wrong about, on clips that it has not seen. "
            + near.of_mistakes(),
            mistakes,
            excerpts,
            "says",
            near,
        ),
        _clips(
            "Suspicious labels",
            "Clips that are confidently of another class than their label, by a model that has not seen them "
            "(confident learning). Listen before you change a label: a model can be wrong, too.",
            suspicious,
            excerpts,
            "more likely",
            near,
        ),
        _repeat(record),
    ]
    title = f"tonearm: {record.folder.name}"
    return document(title, sections, ("leaderboard", "to the leaderboard"))


def _best(record: ExperimentRecord) -> str:
    return escape(record.trained[0].name) if record.trained else "no model"


def _head(record: ExperimentRecord) -> str:
    alarm = f'<p class="alarm">{OPTIMISTIC}</p>' if record.optimistic else ""
    alarm += "".join(f'<p class="alarm">{escape(sentence(line))}</p>' for line in record.warnings)
    clips = sum(record.classes.values())
    return (
        f"<h1>{escape(record.folder.name)}: {len(record.models)} models on {clips} clips of "
        f'{len(record.classes)} classes</h1>\n<p class="verdict">{escape(sentence(record.verdict))}</p>\n'
        f'<p class="soft">{escape(sentence(record.split))}</p>{alarm}'
    )


def _leaderboard(models: Sequence[ModelResult], encoders: Sequence[str]) -> str:
    titles = ["<model", "train", "valid", "test", "<test, 95 % interval", "", "F1", "log loss", "top 2", "kappa"]
    titles += ["calibration error", "training", "a clip", "size"]
    beside = any(model.row["published"] is not None for model in models)
    titles += ["published"] if beside else []
    rows = "".join(_leaderboard_row(model, beside) for model in models)
    failed = "".join(
        f"<li><strong>{escape(model.name)}</strong> could not be trained: {escape(str(model.row['error']))}</li>"
        for model in models
        if model.row["error"]
    )
    return (
        '<h2 id="leaderboard">Leaderboard</h2><p class="soft">Best on the validation clips first (without them, on the '
        "test). The interval resamples whole artists or recordings where they are known. Intervals that overlap do not "
        "prove equality, and the verdict above rests on paired tests."
        + (" Published is an accuracy on its makers' own test clips (report.published)." if beside else "")
        + f"</p>{table(titles, rows)}"
        + "".join(f"<p>{escape(sentence(line))}</p>" for line in encoders)
        + (f"<ul>{failed}</ul>" if failed else "")
    )


def _leaderboard_row(model: ModelResult, beside: bool) -> str:
    if model.row["error"]:
        return ""
    judged = str(model.row["judged"])
    low, high = model.row["interval"]
    accuracy = model.score(judged)
    cells = [number(model.score(part)) for part in ("train", "valid", "test")]
    span = interval(low, high) or "–"
    scores = [number(model.score(judged, name)) for name in ("f1", "log_loss", "top2", "kappa", "ece")]
    size = f"{model.megabytes:.1f} MB" if model.megabytes >= 0.1 else f"{1000 * model.megabytes:.0f} kB"
    numbers = "".join(f"<td>{cell}</td>" for cell in cells)
    others = "".join(f"<td>{cell}</td>" for cell in scores)
    return (
        f'<tr><td>{escape(model.name)}</td>{numbers}<td class="text">{span}</td>'
        f"<td>{interval_bar(accuracy, low, high)}</td>{others}<td>{model.row['train_seconds']:.1f} s</td>"
        f"<td>{milliseconds(model.row['predict_milliseconds_a_clip'])}</td><td>{size}</td>"
        + (f"<td>{number(model.row['published'])}</td></tr>" if beside else "</tr>")
    )


def _slopes(record: ExperimentRecord, against: ExperimentRecord) -> str:
    other = {model.name: model for model in against.trained}
    pairs = [
        (
            model.name,
            model.score(str(model.row["judged"])),
            other[model.name].score(str(other[model.name].row["judged"])),
        )
        for model in record.trained
        if model.name in other
    ]
    if not pairs:
        return "<h2>Another split</h2><p>The two experiments have no model of the same name.</p>"
    rows = "".join(
        f"<tr><td>{escape(name)}</td><td>{here:.3f}</td><td>{there:.3f}</td>"
        f"<td>{100 * (there - here):+.1f} points</td></tr>"
        for name, here, there in sorted(pairs, key=lambda pair: -pair[1])
    )
    titles = escape(record.folder.name), escape(against.folder.name)
    return (
        f"<h2>{titles[0]} against {titles[1]}</h2><p>{escape(sentence(record.split))}</p>"
        f"<p>Against it: {escape(sentence(against.split))}</p>"
        f"{slope_chart(record.folder.name, against.folder.name, pairs)}"
        f"{table(['<model', *titles, 'difference'], rows)}"
    )


def _curves(models: Sequence[ModelResult]) -> str:
    learners = [(look, model) for look, model in enumerate(models) if model.history]
    charts = []
    for quantity in ("loss", "accuracy"):
        series = []
        for look, model in learners:
            for part, faint in (("train", True), ("valid", False)):
                points = [
                    (float(row["epoch"] or 0), float(value))
                    for row in model.history
                    if (value := row.get(f"{part}_{quantity}")) is not None
                ]
                only = not any(f"valid_{quantity}" in row for row in model.history)
                if points:
                    series.append(Series(model.name, points, look, faint and not only))
        if series:
            top = 1.0 if quantity == "accuracy" else None
            charts.append(line_chart(f"{quantity} while learning", "epoch", quantity, series, top))
    reliability = [
        Series(model.name, _bins(model.reliability), look)
        for look, model in enumerate(models)
        if model.reliability is not None
    ]
    if reliability:
        ideal = Series("honest", [(0.0, 0.0), (1.0, 1.0)], 6, faint=True)
        charts.append(
            line_chart("reliability", "how sure the model is", "how often it is right", [ideal, *reliability], 1.0)
        )
    if not charts:
        return ""
    return (
        '<h2>Learning and reliability</h2><p class="soft">Validation in full colour, training faint (alone where there '
        "are no validation clips; with folds, of the first). Reliability: on the faint diagonal a model is right as "
        f'often as it says; below it is too sure of itself.</p><div class="charts">{"".join(charts)}</div>'
    )


def _bins(found: Reliability) -> list[tuple[float, float]]:
    return [
        (float(sure), float(right))
        for sure, right, clips in zip(found.confidence, found.accuracy, found.clips, strict=True)
        if clips
    ]


def _data(record: ExperimentRecord, text: str) -> str:
    failures = "".join(f"<li>{escape(name)}: {escape(reason)}</li>" for name, reason in record.failures)
    known = f"{record.groups} artists or recordings are known" if record.groups else "No artists are known"
    broken = f"<details><summary>{len(record.failures)} clips could not be used</summary><ul>{failures}</ul></details>"
    return (
        f"<h2>The data</h2><p>{known}, for {record.grouped_clips} of {sum(record.classes.values())} clips.</p>"
        f'<pre tabindex="0">{escape(text)}</pre>{broken if failures else ""}'
    )


def _clips(title: str, words: str, clips: Sequence[Mistake], excerpts: Excerpts, verb: str, near: Nearest) -> str:
    if not clips:
        return ""
    items = []
    for clip in clips:
        excerpt = excerpts.of(clip.name)
        name = escape(clip.name)
        picture = f'<img src="{excerpt.picture}" alt="mel spectrogram of {name}">' if excerpt.picture else ""
        sound = (
            f'<audio controls preload="metadata" src="{excerpt.sound}" aria-label="{name}"></audio>'
            if excerpt.sound
            else ""
        )
        missing = f'<p class="soft">{escape(excerpt.missing)}</p>' if excerpt.missing else ""
        items.append(
            f"<li><strong>{name}</strong><br>labelled {escape(clip.truth)}, {verb} {escape(clip.said)} "
            f"({clip.probability:.2f}){picture}{sound}{missing}{near.of(clip.name, excerpts)}</li>"
        )
    return f'<h2>{title}</h2><p>{words}</p><ul class="clips">{"".join(items)}</ul>'


def _repeat(record: ExperimentRecord) -> str:
    versions = ", ".join(f"{name} {version}" for name, version in record.versions.items())
    name = escape(record.folder.name)
    return (
        "<h2>Reproduce</h2><p>Save the settings as <code>config.toml</code>; the same versions on the same machine "
        f'give the same numbers to the last bit.</p><pre tabindex="0">tonearm run config.toml --out {name}\n'
        f"tonearm report {name}</pre><details><summary>settings</summary>"
        f'<pre tabindex="0">{escape(record.config_text)}</pre></details><p class="soft">{escape(versions)}</p>'
    )
