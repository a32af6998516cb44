"""Accuracy, precision, recall and F1 of every model on every part, with what others published of it in brackets.

Conventions
-----------
One row a model and part. With folds the scores of the training and the validation part are means over the folds, and
those of the test are of all folds' tests together. Precision, recall and F1 are means over the classes.
"""

from collections.abc import Iterable, Mapping

from tonearm.published import PUBLISHED, SCORES, PublishedFigures, show_figure
from tonearm.wording import number

PARTS = ("train", "valid", "test")
TITLES = ("model", "part", "accuracy", "precision", "recall", "F1")
HEAD = f"| {' | '.join(TITLES)} |"
MEANING = "Precision, recall and F1 are means over the classes"
BRACKETS = "; in brackets what was published, on its makers' own clips (report.published)"
Scores = Mapping[str, Mapping[str, float]]


def part_scores(
    models: Iterable[tuple[str, Scores]], published: Mapping[str, PublishedFigures]
) -> tuple[list[list[str]], str]:
    """The cells of the table, row by row, and what they mean. models: name, and scores by part and name.

    >>> part_scores([("mlp", {"test": dict.fromkeys(SCORES, 0.5)})], {"mlp": PublishedFigures(accuracy=0.74)})[0]
    [['mlp', 'test', '0.500 (0.74)', '0.500', '0.500', '0.500']]
    """
    rows, beside = [], False
    for name, scores in models:
        theirs = published[name].figures() if name in published else {}
        for part in PARTS:
            cells = [_cell(scores, theirs, part, score) for score in SCORES]
            if part in scores or any(cell != "–" for cell in cells):
                rows.append([name, part, *cells])
                beside = beside or any("(" in cell for cell in cells)
    return rows, MEANING + (BRACKETS if beside else "")


def _cell(scores: Scores, theirs: Mapping[str, float | str], part: str, score: str) -> str:
    """A score and the published one in brackets; a dash where we have none."""
    title = f"{PUBLISHED} {part} {score}" if part != "test" else PUBLISHED if score == "accuracy" else ""
    published = theirs.get(title or f"{PUBLISHED} {score}")
    ours = number(scores.get(part, {}).get(score))
    return ours if published is None else f"{ours} ({show_figure(PUBLISHED, published)})"


def other_figures(models: Iterable[str], published: Mapping[str, PublishedFigures]) -> str:
    """What was published beside scores, in words; "" where that is nothing.

    >>> other_figures(["mlp"], {"mlp": PublishedFigures(accuracy=0.74, epochs=100, test_seconds="a few")})
    'Published besides: mlp: epochs 100, seconds of classifying the test a few.'
    """
    said = []
    for name in models:
        figures = published.get(name)
        known = [
            f"{words} {value:g}" if isinstance(value, float) else f"{words} {value}"
            for words, value in (
                ("epochs", figures.epochs if figures else None),
                ("training seconds", figures.seconds if figures else None),
                ("seconds of classifying the test", figures.test_seconds if figures else None),
            )
            if value is not None
        ]
        said += [f"{name}: {', '.join(known)}"] if known else []
    return f"Published besides: {'; '.join(said)}." if said else ""


def markdown(models: Iterable[tuple[str, Scores]], published: Mapping[str, PublishedFigures]) -> list[str]:
    """Lines of the table and its meaning; [] where there is no model."""
    models = list(models)
    rows, meaning = part_scores(models, published)
    if not rows:
        return []
    words = f"{meaning}. {other_figures([name for name, _ in models], published)}".rstrip()
    lines = [["---"] * len(TITLES), *rows]
    return ["", HEAD, *(f"| {' | '.join(line)} |" for line in lines), "", words]
