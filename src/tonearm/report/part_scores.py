"""The section of a page with every model's scores on every part."""

from collections.abc import Sequence
from html import escape

from tonearm.experiment.part_scores import TITLES, other_figures, part_scores
from tonearm.report.collect import ExperimentRecord
from tonearm.report.html import table
from tonearm.settings import ReportSettings


def scores_of_parts(record: ExperimentRecord) -> str:
    """Accuracy, precision, recall and F1 on the training, validation and test clips; "" where nothing was trained."""
    published = ReportSettings.model_validate(record.config.get("report", {})).published
    rows, meaning = part_scores([(model.name, model.row["scores"]) for model in record.trained], published)
    if not rows:
        return ""
    words = f"{meaning}. {other_figures([model.name for model in record.trained], published)}".rstrip()
    return (
        f'<h2>Scores of every part</h2><details><summary>train, valid and test</summary><p class="soft">{escape(words)}'
        f"</p>{scores_table(rows)}</details>"
    )


def scores_table(rows: Sequence[Sequence[str]]) -> str:
    """The cells of `part_scores` as a table."""
    lines = ""
    for model, part, *cells in rows:
        lines += f'<tr><td>{escape(model)}</td><td class="text">{part}</td>'
        lines += "".join(f"<td>{escape(cell)}</td>" for cell in cells) + "</tr>"
    return table([f"<{title}" if title in ("model", "part") else title for title in TITLES], lines, "plain")
