"""The section on learning and reliability: curves over epochs, and how far to believe a probability."""

from collections.abc import Sequence

from tonearm.report.charts import Axis, Series, line_chart
from tonearm.report.collect import ModelResult
from tonearm.report.reliability import reliability_charts

EPOCHS = Axis("epoch", whole=True)
QUANTITIES = {"loss": Axis("loss (nats)"), "accuracy": Axis("accuracy", share=True)}


def learning(models: Sequence[ModelResult]) -> str:
    """Learning curves of all models with epochs, and the reliability of all; "" where there is neither."""
    charts = "".join(_curve(models, quantity) for quantity in QUANTITIES)
    words = (
        '<p class="soft">Validation clips solid, training clips dashed; with folds, those of the first.</p>'
        f'<div class="charts">{charts}</div>'
    )
    found = (words if charts else "") + reliability_charts(models)
    return f"<h2>Learning and reliability</h2>{found}" if found else ""


def _curve(models: Sequence[ModelResult], quantity: str) -> str:
    """A quantity of all models over their epochs; "" where none has it."""
    series = []
    for place, model in enumerate(models):
        for part in ("train", "valid"):
            points = [
                (float(row["epoch"] or 0), float(value))
                for row in model.history
                if (value := row.get(f"{part}_{quantity}")) is not None
            ]
            if points:
                series.append(Series(model.name, points, place, "training" if part == "train" else "line"))
    return line_chart(f"{quantity} while learning", EPOCHS, QUANTITIES[quantity], series) if series else ""
