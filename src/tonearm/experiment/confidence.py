"""How far a model's probabilities are to be trusted, as a row of the leaderboard's second table.

Conventions
-----------
All of it is of the judged answers: the test, or the test parts of all folds together. What `effect` counted is written
by whoever calibrated; the rest is computed here, from the answers as they are written.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tonearm.evaluation.coverage import covered, ranking
from tonearm.evaluation.scores import predicted

if TYPE_CHECKING:
    from tonearm.experiment.leaderboard import Row

NUMBERS = ("log_loss_before", "log_loss_after", "ece_before", "ece_after")
COLUMNS = (*NUMBERS, "ece_low", "ece_high", "auc", "sure", "covered", "sure_share", "sure_accuracy")
MEANING = (
    "calibration error: chance raises it, which its interval takes into account, so that it may lie below the value",
    "AUC: the probability that of a right and a wrong answer the right one is the more confident (area under the ROC "
    "curve; 0.5 is chance)",
    "right on: the share of clips, the most confident answers first, on which this model was right as often as "
    "train.sure asks; it is read off these answers and promises nothing for others",
    "called sure: the share of answers above a threshold from other clips, of which train.sure is promised to be right "
    "for new artists of the same classes, with 95 % confidence",
)


def confidence(
    effect: Mapping[str, float],
    truth: NDArray[np.object_],
    probabilities: NDArray[np.float64],
    labels: Sequence[str],
    ece: tuple[float | None, float | None],
) -> dict[str, float]:
    """Numbers by the names of COLUMNS; those that are not defined are left out, and all where nothing was calibrated.

    effect: as `calibration.effect` gives it, and "sure". truth, probabilities: of the judged answers, shape (answers,)
    and (answers, labels). ece: interval of the calibration error.
    """
    if not effect:
        return {}
    found = {name: effect[name] for name in NUMBERS}
    found |= {name: bound for name, bound in zip(("ece_low", "ece_high"), ece, strict=True) if bound is not None}
    said = np.array(labels, dtype=object)[predicted(probabilities)]
    right, top = said == truth, probabilities.max(axis=1)
    area = ranking(top, right)
    found |= {"auc": area}
    if "sure" in effect:  # which run.json of earlier versions does not say
        found |= {"sure": effect["sure"], "covered": covered(top, right, effect["sure"])}
    found["sure_share"] = effect["sure_clips"] / effect["clips"]
    if effect["sure_clips"]:
        found["sure_accuracy"] = effect["sure_right"] / effect["sure_clips"]
    return {name: value for name, value in found.items() if np.isfinite(value)}


def table(rows: Sequence["Row"]) -> list[str]:
    """The second table of leaderboard.md, what it means, and who calls no answer sure; [] without calibration."""
    known = [row for row in rows if row.calibration]
    if not known:
        return []
    titles = ["probabilities", "log loss before, after", "calibration error before, after", "95 % interval"]
    titles += ["AUC", promised(known[0].calibration), "called sure", "right when sure"]
    lines = ["", f"| {' | '.join(titles)} |", "|---|" + "---|" * (len(titles) - 1)]
    for row in known:
        one = row.calibration
        pairs = [f"{one[f'{name}_before']:.3f}, {one[f'{name}_after']:.3f}" for name in ("log_loss", "ece")]
        low, high = shown(one, "ece_low"), shown(one, "ece_high")
        cells = [*pairs, f"{low} to {high}" if "ece_low" in one else "–", shown(one, "auc")]
        cells += [shown(one, name, ".0%") for name in ("covered", "sure_share", "sure_accuracy")]
        lines.append(f"| {row.model} | {' | '.join(cells)} |")
    return [*lines, "", *(f"- {line}" for line in (*unsure({row.model: row.unsure for row in known}), *MEANING))]


def promised(calibration: Mapping[str, float]) -> str:
    """Title of the share of clips on which the most confident answers are right as often as train.sure asks."""
    return f"{calibration['sure']:.3g} right on" if "sure" in calibration else "right often enough on"


def shown(calibration: Mapping[str, float], name: str, form: str = ".3f") -> str:
    """The number, a dash where there is none."""
    return f"{calibration[name]:{form}}" if name in calibration else "–"


def unsure(reasons: Mapping[str, str]) -> list[str]:
    """One line for each reason why models call no answer sure. reasons: by model, "" where it does."""
    models: dict[str, list[str]] = {}
    for model, reason in reasons.items():
        if reason:
            models.setdefault(reason, []).append(model)
    said = []
    for reason, names in models.items():
        model = "models" if len(names) > 1 else "model"
        said.append(f"in prediction the {model} {', '.join(names)} will call no answer sure: {reason}")
    return said
