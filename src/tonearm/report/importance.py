"""What the models rely on, as `tonearm importance` found it: bars with intervals, a table a model."""

from collections.abc import Sequence
from html import escape
from pathlib import Path

from tonearm.experiment.folder import ExperimentFolder
from tonearm.experiment.importance_files import DropRecord, ModelImportance, read_importance, signed
from tonearm.report.charts import swatch
from tonearm.report.html import sentence, table
from tonearm.theme import look, places

WIDTH = 160.0  # pixels of a bar's scale


def importance(folder: Path, ranking: Sequence[str]) -> str:
    """The section, "" where `tonearm importance` has not been run on these runs. Raises DamagedError.

    ranking: the trained models, best first, whose colours the bars have.
    """
    found = read_importance(folder, ExperimentFolder(folder).finished().models)
    if not found:
        return ""
    shown = ""
    looks = places([model.model for model in found], ranking)
    for place, model in zip(looks, found, strict=True):
        opened = " open" if place == min(looks) else ""
        name = f"{swatch(place)}{escape(model.model)}"
        shown += f"<details{opened}><summary>{name}</summary>{_model(model, place)}</details>"
    return (
        '<h2>What the models rely on</h2><p class="soft">How much worse a model answers on the evaluated clips where a '
        "family of features is shuffled among them, or a part of each clip is muted. The drop is that of the accuracy; "
        "the interval resamples artists or recordings. It says what this model uses, and not what could be told from "
        f"the sound.</p>{shown}"
    )


def _model(model: ModelImportance, place: int) -> str:
    low = min((one.accuracy_interval[0] or one.accuracy for one in model.drops), default=0.0)
    high = max((one.accuracy_interval[1] or one.accuracy for one in model.drops), default=0.0)
    scale = _Scale(min(low, 0.0), max(high, 0.0), look(place)[0])
    rows = "".join(_row(one, scale, model.how == "shuffled") for one in model.ranked())
    shuffled = model.how == "shuffled"
    titles = ["<family" if shuffled else "<muted", "accuracy drops by", "", "95 % interval"]
    titles += ["log loss rises by", "95 % interval", *(["columns"] if shuffled else [])]
    notes = "".join(f"<p>{escape(sentence(note))}</p>" for note in model.notes)
    return f"<p>{escape(sentence(model.summary()))}</p>{table(titles, rows)}{notes}"


class _Scale:
    """Places of drops on a bar, in pixels. colour: number of the bars' colour."""

    def __init__(self, low: float, high: float, colour: int) -> None:
        self.low, self.spread, self.colour = low, (high - low) or 1.0, colour

    def place(self, value: float) -> float:
        """Pixels from the left."""
        return WIDTH * (value - self.low) / self.spread

    def bar(self, one: DropRecord) -> str:
        """A bar from 0 to the drop, and a line for its interval."""
        zero, end = self.place(0.0), self.place(one.accuracy)
        low, high = one.accuracy_interval
        line = ""
        if low is not None and high is not None:
            line = f'<line class="dot-line" x1="{self.place(low):.1f}" x2="{self.place(high):.1f}" y1="8" y2="8"/>'
        said = f"{one.name}: accuracy drops by {one.accuracy:.3f}"
        return (
            f'<svg class="bar" viewBox="-4 0 168 16" role="img" aria-label="{escape(said)}">'
            f'<line class="axis" x1="{zero:.1f}" x2="{zero:.1f}" y1="0" y2="16"/>'
            f'<line class="range s{self.colour}" x1="{zero:.1f}" x2="{end:.1f}" y1="8" y2="8"/>{line}'
            f'<circle class="mark s{self.colour}" cx="{end:.1f}" cy="8" r="3"/></svg>'
        )


def _row(one: DropRecord, scale: _Scale, columns: bool) -> str:
    width = f"<td>{one.columns}</td>" if columns else ""
    return (
        f"<tr><td>{escape(one.name)}</td><td>{signed(one.accuracy, 3)}</td><td>{scale.bar(one)}</td>"
        f"<td>{_bounds(one.accuracy_interval)}</td><td>{signed(one.log_loss, 2)}</td>"
        f"<td>{_bounds(one.log_loss_interval, 2)}</td>{width}</tr>"
    )


def _bounds(bounds: tuple[float | None, float | None], digits: int = 3) -> str:
    low, high = bounds
    return "–" if low is None or high is None else f"{signed(low, digits)} to {signed(high, digits)}"
