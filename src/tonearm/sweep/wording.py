"""The results of a sweep in words: how they came about, the winner, and the tables that a person reads."""

from collections.abc import Sequence

from tonearm.experiment.pretrained import Pretrained, pretrained
from tonearm.experiment.score_files import read_scores
from tonearm.models import reads
from tonearm.published import columns, show_figure
from tonearm.sweep.crossed import cross
from tonearm.sweep.grid import describe, short_names, show
from tonearm.sweep.results import (
    MOST_TESTED,
    PUBLISHED_MEANING,
    Nested,
    Results,
    ordered,
)
from tonearm.sweep.trials import Trial
from tonearm.wording import count, interval

SHOWN_OF_WINNER = ("accuracy", "f1", "log_loss")


def markdown(results: Results, judged: int) -> str:
    """Everything for a person: how it was made, the winner, the ranked table, the table by rows and columns."""
    parts = [
        f"# Sweep of {results.model}",
        how_text(results),
        winner_text(results, judged),
        crossed.markdown() if (crossed := cross(results)) else "",
        _ranking(results),
    ]
    left = [trial for trial in results.trials if trial.reason]
    reasons = "\n".join(f"- {describe(trial.values)}: {trial.state}, {trial.reason}" for trial in left)
    return "\n\n".join(part for part in (*parts, reasons, _others(results)) if part) + "\n"


def how_text(results: Results) -> str:
    """How the clips were divided and the trials scored, in words."""
    known = "".join(f"\n\nNote: {one.sentence()}." for one in _encoders(results))
    counts = {state: sum(trial.state == state for trial in results.trials) for state in ("failed", "pruned", "skipped")}
    left = "".join(f", {count} {state}" for state, count in counts.items() if count)
    folds = results.config.sweep.folds
    judge = (
        f"{folds} folds of {'all' if results.nested else 'the'} {results.judged_clips} clips"
        + ("" if results.nested else " outside the test")
        if folds
        else (f"the {results.judged_clips} validation clips")
    )
    return (
        f"{results.division.sentence}.\n\n{len(results.trials)} trials, {len(results.ranked)} scored{left}. Scores are "
        f"of {judge}; "
        + (
            "they chose the winner, so they flatter it."
            if results.nested
            else "the test clips were put aside before, and no trial has seen them."
        )
        + known
    )


def _encoders(results: Results) -> tuple[Pretrained, ...]:
    """The pretrained networks that the trials read."""
    read = set(reads(results.config.models[results.model]))
    for trial in results.trials:
        for path, names in trial.values.items():
            if path.endswith(".reads"):
                read |= {names} if isinstance(names, str) else {*names}
    return pretrained({results.model: sorted(read)})


def winner_text(results: Results, judged: int) -> str:
    """The winner and its test score, in words."""
    if results.winner is None:
        return "No trial could be trained, so there is no winner."
    best, found = results.ranked[0], read_scores(results.winner)
    said = f"**Winner: {describe(best.values)}**, validation accuracy {best.score('accuracy'):.3f}{_bounds(best)}."
    said += _alike(results)
    if results.nested:
        return f"{said}\n\n{_judged_by_folds(results.nested)}"
    if "test" not in found:
        return f"{said} There is no test part (split.test = 0), so nothing judges it without having chosen it."
    scores = found["test"]["scores"]
    accuracy = scores["accuracy"]
    bounds = _in_brackets(accuracy["low"], accuracy["high"])
    rest = ", ".join(f"{name.replace('_', ' ')} {scores[name]['value']:.3f}" for name in SHOWN_OF_WINNER[1:])
    times = "once, by this winner" if judged == 1 else f"{judged} times, by {judged} winners in turn"
    return (
        f"{said} Trained on the {found['train']['clips']} training clips and scored on the {found['test']['clips']} "
        f"test clips: **test accuracy {accuracy['value']:.3f}**{bounds}, {rest}. The test was used {times}."
    )


def _alike(results: Results) -> str:
    """How many trials could as well have won, in words."""
    others = len(results.ranked) - 1
    if not results.p:
        most = f" More than {MOST_TESTED:,} trials are ranked, and not tested against each other."
        return most if others >= MOST_TESTED else ""
    trials = count(others, "other trial")
    if results.alike == others:
        said = f"None of the {trials} is distinguishable from it" if others > 1 else "The other trial is not behind it"
    elif not results.alike:
        said = f"All of the {trials} are behind it" if others > 1 else "The other trial is behind it"
    else:
        said = f"{results.alike:,} of the {trials} {'is' if results.alike == 1 else 'are'} not distinguishable from it"
    return f" {said} (all pairs tested at once by groups, p < 0.05)."


def _judged_by_folds(nested: Nested) -> str:
    """What the choosing is worth, in words."""
    bounds = _in_brackets(*nested.scores.intervals["accuracy"])
    lines = [
        f"Judged by nested folds: **test accuracy {nested.scores.values['accuracy']:.3f}**{bounds}. On each of the "
        f"{len(nested.chosen)} folds the settings were chosen anew, without its test clips:",
        "",
        *(f"- {fold}: {describe(values)}" for fold, values in nested.chosen),
    ]
    return "\n".join(lines)


def _bounds(trial: Trial) -> str:
    return _in_brackets(*trial.interval)


def _in_brackets(low: float | None, high: float | None) -> str:
    return f" ({interval(low, high)})" if interval(low, high) else ""


def _ranking(results: Results) -> str:
    names = short_names(results.paths)
    ended = any(trial.epochs is not None for trial in results.trials)
    published = {id(results.trials[place]): figures for place, figures in results.published.items()}
    beside = columns(published.values())
    titles = ["rank", *names.values(), "valid", "95 % interval", "valid F1", "log loss", "train", "training"]
    lines = [
        _line([*titles, *(["trained epochs", "best epoch"] if ended else []), *beside]),
        _line(["---"] * (len(titles) + 2 * ended + len(beside))),
    ]
    for rank, trial in enumerate(ordered(results), start=1):
        values = [show(trial.values[path]) for path in results.paths]
        theirs = [show_figure(title, published.get(id(trial), {}).get(title)) for title in beside]
        if trial.state != "done":
            lines.append(_line(["–", *values, trial.state, *["–"] * (5 + 2 * ended), *theirs]))
            continue
        scores = [trial.score("accuracy"), trial.score("f1"), trial.score("log_loss"), trial.score("accuracy", "train")]
        shown = [f"{score:.3f}" for score in scores]
        cells = [shown[0], _bounds(trial).strip(" ()") or "–", *shown[1:], f"{trial.seconds:.1f} s"]
        ends = ["–" if end is None else f"{end:g}" for end in (trial.epochs, trial.best_epoch)]
        lines.append(_line([str(rank), *values, *cells, *(ends if ended else []), *theirs]))
    if published:
        lines += ["", PUBLISHED_MEANING]
    return "\n".join(lines)


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _others(results: Results) -> str:
    """The settings of the model that all trials share."""
    swept = {path.rpartition(".")[2] for path in results.paths if path.startswith("models.")}
    settings = results.config.models[results.model].model_dump(mode="json")
    return "Shared by all trials: " + ", ".join(
        f"{name} = {show(value)}" for name, value in settings.items() if name not in {*swept, "type"}
    )
