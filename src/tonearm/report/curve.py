"""The report's section on what to collect: the curves that `tonearm curve` made in the experiment's folder.

Conventions
-----------
What curve.json holds is shown, and nothing is computed. Names come from users and are escaped.
"""

from collections.abc import Sequence
from html import escape
from pathlib import Path

from tonearm.curve.drawing import panels
from tonearm.curve.folder import CurveFolder
from tonearm.curve.records import CurveRecord, ModelRecord
from tonearm.curve.wording import COLUMNS, cells, meaning, sentences, title
from tonearm.experiment.records import read_record
from tonearm.report.charts import Axis, Series, line_chart
from tonearm.report.html import sentence, table

AGAIN = "run `tonearm curve` again"
LAWS = "Thin lines and bands beyond the last point: the fitted law and what it promises for twice as many."


def what_to_collect(folder: Path, split: str, ranking: Sequence[str]) -> str:
    """The section, "" where there is no curve. split: how the experiment divided its clips, in a sentence.
    ranking: its trained models, best first, whose colours the lines have.

    Raises DamagedError where curve.json is damaged.
    """
    path = CurveFolder(folder).curve_json
    if not path.is_file():
        return ""
    record = read_record(CurveRecord, path, AGAIN)
    notes = [*record.notes, *([] if record.division == split else [f"made on another division: {record.division}"])]
    return (
        f'<h2 id="collect">What to collect</h2><p class="soft">{escape(sentence(meaning(record)))} {LAWS}</p>'
        + "".join(f'<p class="soft">{escape(sentence(f"note: {note}"))}</p>' for note in notes)
        + f'<div class="charts">{_charts(record, ranking)}</div>'
        + "".join(map(_model, record.models))
    )


def _charts(record: CurveRecord, ranking: Sequence[str]) -> str:
    charts = []
    for across, lines in panels(record, ranking):
        series: list[Series] = []
        for line in lines:
            series.append(Series(line.name, line.points, line.look, band=line.band, hollow=line.hollow))
            if line.law:
                series.append(Series(line.name, line.law, line.look, "law"))
        title = f"accuracy by {across.removesuffix(' in training')}"
        charts.append(line_chart(title, Axis(across), Axis("accuracy", share=True), series))
    return "".join(charts)


def _model(model: ModelRecord) -> str:
    said = "".join(f"<li>{escape(sentence(line))}</li>" for line in sentences(model))
    tables = ""
    for axis in model.axes:
        rows = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in cells(axis))
        tables += f"<h4>{title(axis)}</h4>{table(list(COLUMNS), rows)}" if rows else ""
    return (
        f"<h3>{escape(model.model)}</h3><ul>{said}</ul>"
        f"<details><summary>{escape(model.model)}: all sizes</summary>{tables}</details>"
    )
