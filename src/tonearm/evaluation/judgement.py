"""Answers that were made anywhere, judged as tonearm judges its own: scores with intervals, and all pairs tested.

Conventions
-----------
What the models learned from cannot be known here: whoever asks vouches that no judged clip, and no other clip of its
group, was among it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tonearm.data.metadata import name_some
from tonearm.errors import RunError
from tonearm.evaluation.compare import Answers, Comparison, Pair, compare
from tonearm.evaluation.scores import Scores, evaluate, predicted, validate
from tonearm.wording import interval

if TYPE_CHECKING:
    import pandas as pd

OF_LABELS = ("accuracy", "precision", "recall", "f1", "kappa")  # the others need probabilities


@dataclass(frozen=True)
class Judgement:
    """Scores by model, and the comparison of all; of answers without probabilities only `OF_LABELS`."""

    scores: Mapping[str, Scores]
    comparison: Comparison

    def compare(self, first: str, second: str) -> Pair:
        """The test of two models, corrected for all pairs. Raises RunError where they are not two of these."""
        return self.comparison.pair(first, second)

    def table(self) -> "pd.DataFrame":
        """One row a model, the most accurate first: scores, and the 95 % interval of the accuracy."""
        import pandas as pd

        rows = {}
        for run in (one.run for one in self.comparison.answers):
            low, high = self.scores[run].intervals["accuracy"]
            rows[run] = {**self.scores[run].values, "accuracy_low": low, "accuracy_high": high}
        return pd.DataFrame.from_dict(rows, orient="index")

    def text(self) -> str:
        """The table and the verdict, for a person."""
        width = max(map(len, self.scores))
        lines = [f"{'':<{width}}  accuracy  95 % interval   F1"]
        for one in self.comparison.answers:
            scores = self.scores[one.run]
            bounds = interval(*scores.intervals["accuracy"]) or "–"
            lines.append(f"{one.run:<{width}}  {one.accuracy:8.3f}  {bounds:<14}  {scores.values['f1']:.3f}")
        return "\n".join([*lines, self.comparison.sentence()])

    def __str__(self) -> str:
        return self.text()


def judge(
    names: Iterable[str], labels: Iterable[str], groups: Iterable[str] | None, predictions: Mapping[str, Any]
) -> Judgement:
    """Scores and paired tests of predictions of the same clips.

    names: of the clips, unique. labels: their classes. groups: artists or recordings, which are resampled and tested
    as wholes; "" for a clip without a known one; None: each clip is its own. predictions: by name of the model, either
    a label a clip, shape (clips,), or probabilities, shape (clips, classes), the classes in the order of
    their names, or a data frame whose columns are the classes. Raises RunError where they do not fit together.

    >>> clips, truth = ["a", "b", "c", "d"], ["jazz", "jazz", "rock", "rock"]
    >>> found = judge(clips, truth, None, {"always": ["jazz"] * 4, "mine": ["jazz", "jazz", "rock", "jazz"]})
    >>> round(found.scores["mine"].values["accuracy"], 2), found.comparison.answers[0].run
    (0.75, 'mine')
    """
    clips, truth = tuple(map(str, names)), np.array([str(label) for label in labels], dtype=object)
    units = np.array(["" for _ in clips] if groups is None else [str(group) for group in groups], dtype=object)
    _check(clips, truth, units, predictions)
    scores, answers = {}, []
    for model, given in predictions.items():
        found, classes = _probabilities(model, given, truth)
        scored = evaluate(truth, found, classes, units)
        if np.ndim(given) == 1:
            scored = _of_labels(scored)
        scores[model] = scored
        right = np.array(classes, dtype=object)[predicted(found)] == truth
        answers.append(Answers(model, clips, right.astype(bool)[:, None]))
    return Judgement(scores, compare(answers, dict(zip(clips, units, strict=True))))


def _check(
    clips: tuple[str, ...], truth: NDArray[np.object_], units: NDArray[np.object_], predictions: Mapping[str, Any]
) -> None:
    if not clips or not predictions:
        raise RunError(f"there are {len(clips)} clips and {len(predictions)} models; at least one of each is judged")
    if len({len(clips), len(truth), len(units)}) > 1:
        raise RunError(f"{len(clips)} names, {len(truth)} labels and {len(units)} groups: each clip has one of each")
    twice = sorted({name for name in clips if clips.count(name) > 1}) if len(set(clips)) < len(clips) else []
    if twice:
        raise RunError(f"names that stand for more than one clip: {name_some(twice)}; each clip is judged once")
    if (truth == "").any():
        raise RunError(f"{int((truth == '').sum())} clips have no label, so no answer to them is right or wrong")


def _probabilities(model: str, given: Any, truth: NDArray[np.object_]) -> tuple[NDArray[np.float64], tuple[str, ...]]:
    """Probabilities, shape (clips, classes), 1 for the label where only labels are given; and the classes."""
    values, clips = np.asarray(given), len(truth)
    if values.shape[:1] != (clips,) or values.ndim not in (1, 2):
        raise RunError(f"{model}: its answers have shape {values.shape}; expected ({clips},) or ({clips}, classes)")
    if values.ndim == 1:
        said = np.array([str(label) for label in values], dtype=object)
        classes = tuple(sorted({*truth, *said}))
        return (said[:, None] == np.array(classes, dtype=object)).astype(np.float64), classes
    classes = tuple(map(str, given.columns)) if hasattr(given, "columns") else tuple(sorted(set(truth)))
    try:
        found = values.astype(np.float64)
        validate(truth, found, classes)
    except (TypeError, ValueError) as error:
        raise RunError(f"{model}: {error}; the columns are the classes: {', '.join(classes)}") from error
    return found, classes


def _of_labels(scores: Scores) -> Scores:
    """Without the scores that certain probabilities would only make up."""
    kept = {name: scores.values[name] for name in OF_LABELS}
    return replace(scores, values=kept, intervals={name: scores.intervals[name] for name in OF_LABELS})
