"""The report of a sweep: the winner, the picture of all trials, the ranked table, and how to reproduce it.

Conventions
-----------
What `tonearm sweep` wrote is shown, and nothing is computed. Names and reasons come from users and are escaped.
"""

import base64
from html import escape
from pathlib import Path
from typing import Any

from tonearm.errors import RunError
from tonearm.experiment.folder import LAYOUT_JSON, read_manifest, refuse_older
from tonearm.experiment.records import DamagedError, parse_record, read_checked, read_rows, read_words
from tonearm.experiment.runs import judged_part, read_facts
from tonearm.experiment.score_files import read_scores
from tonearm.published import PUBLISHED, show_figure
from tonearm.report.charts import interval_bar
from tonearm.report.classes import classes, confusions
from tonearm.report.collect import ModelResult
from tonearm.report.html import document, sentence, table
from tonearm.sweep import PUBLISHED_MEANING
from tonearm.sweep.crossed import Crossed
from tonearm.sweep.folder import SweepFolder
from tonearm.wording import interval, number

AGAIN = "run the sweep again"
PICTURES = {
    "heatmap": "Validation accuracy by the two settings that were crossed; the best cell is framed.",
    "parallel": "A line a trial, through its value of each setting to its validation accuracy.",
}


def is_sweep(folder: Path) -> bool:
    """Whether `tonearm sweep` wrote the folder."""
    refuse_older(folder)
    return (folder / LAYOUT_JSON).is_file() and read_manifest(folder).kind == SweepFolder.kind


def sweep_page(path: Path) -> str:
    """The whole page. Raises RunError where the folder is damaged, or its command has not ended."""
    folder = SweepFolder(path)
    manifest = folder.finished()
    try:
        facts = read_checked(folder.sweep_json, AGAIN)
        rows = read_rows(folder.sweep_csv, ("rank", "state", "reason", "valid_accuracy"), AGAIN)
        header, trials = list(rows[0]), [list(row.values()) for row in rows]
        config_text = read_words(folder.config_toml, AGAIN)
        winner = folder.winner if manifest.ranking else None
        found = facts.get("crossed")
        crossed = None if found is None else parse_record(Crossed, found, folder.sweep_json, AGAIN)
        sections = [
            _head(path, facts["how"], facts["verdict"], facts["model"], len(trials)),
            _picture(path, crossed),
            _crossed(crossed),
            _ranking(header, trials, facts["settings"]),
            *_winner(winner, str(facts["model"])),
            _repeat(path, winner, config_text),
        ]
    except RunError:
        raise
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        files = f"{folder.sweep_json.name}, {folder.sweep_csv.name} or {folder.config_toml.name}"
        raise DamagedError(f"{path}: its {files} is damaged ({type(error).__name__}: {error}); {AGAIN}") from error
    return document(f"tonearm: {path.name}", sections, ("trials", "to the trials"))


def _head(folder: Path, how: str, verdict: str, model: str, trials: int) -> str:
    paragraphs = "".join(f'<p class="soft">{escape(sentence(text))}</p>' for text in how.split("\n\n"))
    return (
        f"<h1>{escape(folder.resolve().name)}: {trials} trials of {escape(model)}</h1>\n"
        + "".join(f'<p class="verdict">{escape(line)}</p>' for line in verdict.replace("**", "").split("\n") if line)
        + paragraphs
    )


def _picture(folder: Path, crossed: Crossed | None) -> str:
    cells = [cell for row in crossed.rows for cell in row.cells] if crossed else []
    more = " In brackets: what was published." if any(cell.theirs for cell in cells) else ""
    more += " Hatched: skipped." if any(cell.state == "skipped" for cell in cells) else ""
    for name, what in PICTURES.items():
        words = what + (more if name == "heatmap" else "")
        path = folder / f"{name}.svg"
        if path.is_file():
            data = base64.b64encode(path.read_bytes()).decode()
            image = f'<img class="drawn" src="data:image/svg+xml;base64,{data}" alt="{words}">'
            return f"<h2>All trials at a glance</h2><figure>{image}<figcaption>{words}</figcaption></figure>"
    return ""


def _crossed(crossed: Crossed | None) -> str:
    """The table of two crossed settings, with what was published beside ours; "" where there is none."""
    if crossed is None:
        return ""
    rows = ""
    for row in crossed.rows:
        cells = [f"<strong>{escape(cell.text)}</strong>" if cell.best else escape(cell.text) for cell in row.cells]
        rows += f"<tr><td>{escape(row.value)}</td>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"
    titles = [f"<{escape(crossed.row_title)} \\ {escape(crossed.column_title)}", *map(escape, crossed.columns)]
    return f'<h2>Table</h2><p class="soft">{escape(crossed.heading)}.</p>{table(titles, rows, "plain")}'


def _ranking(header: list[str], trials: list[list[str]], settings: list[str]) -> str:
    rows, left = "", ""
    beside = [title for title in header if title.startswith(PUBLISHED)]
    for trial in trials:
        cells = dict(zip(header, trial, strict=True))
        values = "".join(f'<td class="text">{escape(cells[name])}</td>' for name in settings)
        theirs = "".join(f"<td>{_figure(title, cells[title])}</td>" for title in beside)
        if cells["state"] != "done":
            state = f'<td class="text" colspan="9">{escape(cells["state"])}</td>'
            rows += f"<tr><td>–</td>{values}{state}{theirs}</tr>"
            if cells["reason"]:
                chosen = ", ".join(f"{name} = {cells[name]}" for name in settings)
                left += f"<li>{escape(chosen)}: {escape(cells['state'])}, {escape(cells['reason'])}</li>"
            continue
        if not 0 <= float(cells["valid_accuracy"]) <= 1:
            raise ValueError(f"valid_accuracy = {cells['valid_accuracy']}")
        low, high = (float(cells[name]) if cells[name] else None for name in ("low", "high"))
        rows += (
            f"<tr><td>{cells['rank']}</td>{values}<td>{_cell(cells, 'valid_accuracy')}</td>"
            f'<td class="text">{interval(low, high) or "–"}</td>'
            f"<td>{interval_bar(float(cells['valid_accuracy']), low, high)}</td>"
            f"<td>{_cell(cells, 'valid_f1')}</td><td>{_cell(cells, 'valid_log_loss')}</td>"
            f"<td>{_cell(cells, 'train_accuracy')}</td><td>{_cell(cells, 'train_seconds', 1)} s</td>"
            f"<td>{_cell(cells, 'trained_epochs', 0)}</td><td>{_cell(cells, 'best_epoch', 0)}</td>{theirs}</tr>"
        )
    titles = ["rank", *(f"<{escape(name)}" for name in settings), "valid", "<95 % interval", "", "F1", "log loss"]
    titles += ["train", "training", "epochs", "best epoch", *map(escape, beside)]
    meaning = f'<p class="soft">{escape(PUBLISHED_MEANING.replace("`", ""))}</p>' if beside else ""
    return (
        '<h2 id="trials">Trials</h2><p class="soft">Best validation accuracy first. Each interval is of one trial; the '
        f"best of many is flattered by the choice.</p>{table(titles, rows)}{meaning}"
        + (f"<ul>{left}</ul>" if left else "")
    )


def _cell(cells: dict[str, str], name: str, digits: int = 3) -> str:
    return number(float(cells[name]) if cells[name] else None, digits)


def _figure(title: str, written: str) -> str:
    """A published figure: a number, or somebody's words."""
    try:
        return show_figure(title, float(written) if written else None)
    except ValueError:
        return escape(written)


def _winner(winner: Path | None, model: str) -> list[str]:
    """Confusion and classes of the winner on its evaluated part."""
    if winner is None:
        return []
    found = read_scores(winner)
    part = judged_part(found)
    row: dict[str, Any] = {"model": f"the winner, {model}", "judged": part}
    judged = [ModelResult(row, found[part], None, None, [], 0.0)]
    return [confusions(judged), classes(judged)]


def _repeat(folder: Path, winner: Path | None, config_text: str) -> str:
    name = escape(folder.resolve().name)
    versions = read_facts(winner).versions if winner else {}
    return (
        "<h2>Reproduce</h2><p>Save the settings as <code>config.toml</code>; the same versions on the same machine "
        f'give the same numbers to the last bit.</p><pre tabindex="0">tonearm sweep config.toml --out {name}\n'
        f"tonearm report {name}</pre><details><summary>settings</summary>"
        f'<pre tabindex="0">{escape(config_text)}</pre></details><p class="soft">'
        + escape(", ".join(f"{name} {version}" for name, version in versions.items()))
        + "</p>"
    )
