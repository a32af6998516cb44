"""The section on how far to trust the probabilities: calibration, sure answers, and accuracy against their number.

Conventions
-----------
The table is that of the leaderboard (`experiment.confidence`), in more columns. A chart a model shows its accuracy
against the share of clips that it answers, the most confident answers first, with a 95 % band by resampled groups.
"""

from collections.abc import Sequence
from html import escape

from tonearm.experiment.confidence import MEANING, NUMBERS, promised, shown, unsure
from tonearm.report.charts import Axis, Series, line_chart
from tonearm.report.collect import ModelResult
from tonearm.report.html import sentence, table
from tonearm.wording import interval


def calibration(models: Sequence[ModelResult]) -> str:
    """The table, its meaning, who calls no answer sure, and the curves; "" where there is no model."""
    if not models:
        return ""
    return f"<h2>How far to trust the probabilities</h2>{_table(models)}{_curves(models)}"


def _table(models: Sequence[ModelResult]) -> str:
    known = {model.name: model.row["calibration"] for model in models if model.row["calibration"]}
    if not known:
        return (
            '<p class="soft">Nothing was calibrated, since there was no part for it or train.calibrate is false; so no '
            "answer is called sure.</p>"
        )
    rows = ""
    for name, one in known.items():
        cells = "".join(f"<td>{shown(one, number)}</td>" for number in NUMBERS)
        cells += f'<td class="text">{interval(one.get("ece_low"), one.get("ece_high")) or "–"}</td>'
        cells += f"<td>{shown(one, 'auc')}</td>"
        cells += "".join(f"<td>{shown(one, share, '.0%')}</td>" for share in ("covered", "sure_share", "sure_accuracy"))
        rows += f"<tr><td>{escape(name)}</td>{cells}</tr>"
    titles = ["<model", "log loss before", "after", "calibration error before", "after", "<95 % interval"]
    titles += ["AUC", promised(next(iter(known.values()))), "called sure", "right when sure"]
    reasons = unsure({model.name: model.row["unsure"] for model in models})
    return (
        '<p class="soft">Before and after one temperature for each model, which changes no prediction. It comes from '
        "answers to clips that the model was not trained on, and with folds from other clips than those it is judged "
        "by. <code>tonearm predict</code> marks what is not sure, or with <code>--none</code> writes none instead."
        f"</p>{table(titles, rows)}"
        + "".join(f"<p>{escape(sentence(line))}</p>" for line in reasons)
        + f'<ul class="soft">{"".join(f"<li>{escape(sentence(line))}</li>" for line in MEANING)}</ul>'
    )


def _curves(models: Sequence[ModelResult]) -> str:
    charts = []
    axes = Axis("share of clips answered", share=True), Axis("accuracy", share=True)
    for look, model in enumerate(models):
        curve = model.coverage
        if curve is None:
            continue
        points = list(zip(curve.share.tolist(), curve.accuracy.tolist(), strict=True))
        band = [(x, low, high) for (x, _), (low, high) in zip(points, curve.band, strict=True) if low == low]
        lines = [Series(model.name, points, look, band=band)]
        promise = model.row["calibration"].get("sure")
        if promise is not None:
            lines.append(Series("train.sure", [(0.0, promise), (1.0, promise)], kind="rule"))
        charts.append(line_chart(f"{model.name}, {model.judged}", *axes, lines))
    if not charts:
        return ""
    return (
        '<h3>Fewer answers, more of them right</h3><p class="soft">Accuracy on the judged clips if a model answers '
        "only where it is most confident: all clips at the right end, fewer to the left. The band is the 95 % "
        "interval at each point; the grey line is train.sure. If the curve does not rise to the left, the "
        f'probabilities do not tell right from wrong.</p><div class="charts">{"".join(charts)}</div>'
    )
