"""Signs that a score is too good to be true: found at training time, and an end of it unless that is allowed.

Conventions
-----------
Each check returns a sentence that says what was found and by which clips or columns, "" where nothing was. What
becomes of it is decided in one place (`raise_or_warn`) by `split.leaks`.
"""

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tonearm.data.dataset import Dataset
from tonearm.data.metadata import name_some
from tonearm.errors import SplitError
from tonearm.splits.parts import Division, Rows, Split, overlap

NEAR_PERFECT, CLEARLY = 0.9, 0.05
MOST_NEIGHBOURS = 2_000  # judged clips whose nearest neighbour is sought, in each split
LEAST_COLUMNS = 3
ROUNDING = 1e-6
NUMBERS = re.compile(r"\d{1,15}")


def raise_or_warn(said: Sequence[str], leaks: str) -> list[str]:
    """The sentences as warnings. Raises SplitError with them unless `leaks` is "allow"."""
    found = [one for one in said if one]
    if found and leaks != "allow":
        raise SplitError(
            "\n".join(found) + '\nIf you know better, set split.leaks = "allow" and read the scores as optimistic'
        )
    return [f"warning: {one}" for one in found]


def crossing_artists(dataset: Dataset, division: Division) -> str:
    """Artists or recordings in two parts that the data list; other methods keep them apart or say so."""
    if division.method != "listed":
        return ""
    crossing = overlap(dataset, division.splits[0])
    return (
        f"{len(crossing)} artists or recordings stand in two of the listed parts: {name_some(crossing)}; a model "
        "scores for knowing them"
        if crossing
        else ""
    )


def scaled_over_all(dataset: Dataset) -> str:
    """A table of others whose columns were centred or stretched over all rows, those of the test included."""
    X = dataset.X
    if dataset.representation.get("kind") != "table" or X.shape[1] < LEAST_COLUMNS or len(X) < LEAST_COLUMNS:
        return ""
    low, high, spread = X.min(axis=0), X.max(axis=0), X.std(axis=0)
    varied = spread > 0
    centred = np.abs(X.mean(axis=0)) <= ROUNDING * spread
    stretched = (np.abs(low) <= ROUNDING) & (np.abs(high - 1) <= ROUNDING)
    for share, how in ((centred, "have mean 0"), (stretched, "run from 0 to 1")):
        if varied.sum() >= LEAST_COLUMNS and share[varied].mean() >= NEAR_PERFECT:
            return (
                f"{int(share[varied].sum())} of {int(varied.sum())} columns {how} over all {len(X)} rows: a scaler or "
                "selector has seen the test rows; give the raw numbers, they are scaled on the training rows"
            )
    return ""


def telling_columns(dataset: Dataset, split: Split) -> str:
    """Columns of a table of others that number the rows (whole numbers, hardly one twice) and so tell the label."""
    if dataset.representation.get("kind") != "table" or not len(split.judged):
        return ""
    telling = []
    for number, column in enumerate(dataset.columns):
        values = dataset.X[:, number]
        numbered = len(np.unique(values)) >= 0.99 * len(values) and (values == np.round(values)).all()
        accuracy = _told_by(dataset, split, values) if numbered else 0.0
        if accuracy:
            telling.append(f"{column} ({accuracy:.2f} alone)")
    return (
        f"columns that number the rows tell the label: {name_some(telling)}; drop them from the table"
        if telling
        else ""
    )


def telling_names(dataset: Dataset, split: Split) -> str:
    """File names that are numbered class by class. No model here reads names, so this is never more than a warning."""
    numbers = [NUMBERS.findall(str(name).rpartition("/")[2]) for name in dataset.names]
    if not len(split.judged) or not all(numbers):
        return ""
    accuracy = _told_by(dataset, split, np.array([float(found[-1]) for found in numbers]))
    return (
        f"the last number of a file name alone tells {accuracy:.0%} of the judged labels: no model here reads names, "
        "but whoever sees them knows the answers; rename the files before they are a task for others"
        if accuracy
        else ""
    )


def _told_by(dataset: Dataset, split: Split, values: NDArray[np.float64]) -> float:
    """Share of the judged labels that these numbers alone tell, shape (clips,); 0 where they tell little."""
    from sklearn.tree import DecisionTreeClassifier

    y, judged = dataset.labels.astype(str), split.judged
    commonest = max(np.mean(y[judged] == label) for label in set(y[judged]))
    tree = DecisionTreeClassifier(max_leaf_nodes=4 * len(dataset.classes), random_state=0)
    accuracy = float(tree.fit(values[split.train, None], y[split.train]).score(values[judged, None], y[judged]))
    return accuracy if accuracy >= commonest + (1 - commonest) / 2 else 0.0


def near_copies(dataset: Dataset, division: Division, accuracies: Sequence[float], by: str = "") -> str:
    """A nearest neighbour that is near-perfect where the models are not: the sign of songs that were sliced.

    accuracies: on the judged parts, of the models that read these rows. by: what the rows are, for the sentence. The
    neighbour is sought among the training rows, in columns that are scaled on them. The sign counts where it is right
    for nine clips in ten, and the model in the middle is not, by five points at least.
    """
    if dataset.X.ndim != 2 or not accuracies:
        return ""
    right, names = [], []
    for split in division.splits:
        judged = split.judged[:: max(1, -(-len(split.judged) // MOST_NEIGHBOURS))]
        nearest = _nearest(dataset, split, judged)
        right.append(dataset.labels[nearest] == dataset.labels[judged])
        names += [f"{dataset.names[one]} by {dataset.names[other]}" for one, other in zip(judged, nearest, strict=True)]
    hits = np.concatenate(right)
    accuracy, middle = float(np.mean(hits)) if len(hits) else 0.0, float(np.median(accuracies))
    if not middle < NEAR_PERFECT <= accuracy or accuracy - middle < CLEARLY:
        return ""
    examples = [name for name, hit in zip(names, hits, strict=True) if hit][:: max(1, len(names) // 3)]
    return (
        f"the nearest training clip{by} alone tells {accuracy:.0%} of the judged clips' labels, and the models "
        f"{middle:.0%}: slices of one song, or takes of one session, stand on both sides ({name_some(examples)}); "
        "name what they come from as artist in data.metadata"
    )


def _nearest(dataset: Dataset, split: Split, judged: Rows) -> Rows:
    """Row of the nearest training row of each judged one."""
    from sklearn.neighbors import NearestNeighbors
    from sklearn.preprocessing import StandardScaler

    if not len(judged):
        return judged
    scaler = StandardScaler().fit(dataset.X[split.train])
    index = NearestNeighbors(n_neighbors=1, algorithm="brute").fit(scaler.transform(dataset.X[split.train]))
    places = index.kneighbors(scaler.transform(dataset.X[judged]), return_distance=False)[:, 0]
    rows: Rows = split.train[places]
    return rows
