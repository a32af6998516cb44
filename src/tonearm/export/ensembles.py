"""Forests and boosted trees as the operator TreeEnsembleRegressor of ONNX, with thresholds and leaves of float64.

Conventions
-----------
Both compare with thresholds of float64: a forest its columns rounded to float32, as scikit-learn does, and boosting the
columns as they are. So a row goes down the same branches as in scikit-learn. The operator sums in float64 and gives the
sum in float32; of a forest, whose leaves are shares that are divided by the number of trees afterwards, that is seven
digits of each probability.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tonearm.errors import ExportError
from tonearm.export.graph import Writer


class _Tree(NamedTuple):
    """A tree as arrays over its nodes. values: of leaves, shape (nodes, numbers of a leaf). target: of the first."""

    column: NDArray[Any]
    threshold: NDArray[np.float64]
    left: NDArray[Any]
    right: NDArray[Any]
    is_leaf: NDArray[np.bool_]
    missing_left: NDArray[np.bool_]
    values: NDArray[np.float64]
    target: int = 0


def is_forest(classifier: Any) -> bool:
    """Whether it is scikit-learn's random forest or extremely randomised trees."""
    from sklearn.ensemble import ExtraTreesClassifier, RandomForestClassifier

    return isinstance(classifier, ExtraTreesClassifier | RandomForestClassifier)


def is_boosting(classifier: Any) -> bool:
    """Whether it is scikit-learn's histogram gradient boosting."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    return isinstance(classifier, HistGradientBoostingClassifier)


def forest(writer: Writer, rows: str, classifier: Any) -> str:
    """Probabilities, float64 of shape (rows, classes)."""
    rounded = writer.cast(writer.cast(rows, "FLOAT"), "DOUBLE")
    total = _sums(writer, rounded, list(_grown(classifier)), len(classifier.classes_))
    return writer.node("Div", total, float(len(classifier.estimators_)))


def _grown(classifier: Any) -> Iterator[_Tree]:
    for estimator in classifier.estimators_:
        tree = estimator.tree_
        leaf = tree.children_left < 0
        yield _Tree(
            tree.feature,
            tree.threshold,
            tree.children_left,
            tree.children_right,
            leaf,
            np.zeros(len(leaf), dtype=bool),
            tree.value[:, 0, :],
        )


def boosting(writer: Writer, rows: str, classifier: Any) -> str:
    """Scores before the softmax, float64 of shape (rows, classes). Raises ExportError for columns of categories."""
    trees, base = list(_boosted(classifier)), classifier._baseline_prediction.ravel().astype(np.float64)
    scores = writer.node("Add", _sums(writer, rows, trees, len(base)), base)
    if len(base) > 1:
        return scores
    return writer.node("Concat", writer.node("Mul", scores, 0.0), scores, axis=1)  # of two classes, the second's


def _boosted(classifier: Any) -> Iterator[_Tree]:
    for iteration in classifier._predictors:
        for target, predictor in enumerate(iteration):
            nodes = predictor.nodes
            if nodes["is_categorical"].any():
                raise ExportError(
                    f"a {type(classifier).__name__} with columns of categories cannot be written as ONNX, which "
                    "compares numbers alone; train it with numbers"
                )
            yield _Tree(
                nodes["feature_idx"],
                nodes["num_threshold"],
                nodes["left"],
                nodes["right"],
                nodes["is_leaf"].astype(bool),
                nodes["missing_go_to_left"].astype(bool),
                nodes["value"][:, np.newaxis],
                target,
            )


def _sums(writer: Writer, rows: str, trees: list[_Tree], targets: int) -> str:
    """The sum of all trees' leaves that a row comes to, float64 of shape (rows, targets)."""
    from onnx import numpy_helper

    sizes = [len(tree.column) for tree in trees]
    within = np.concatenate([np.arange(size) for size in sizes])
    owner = np.repeat(np.arange(len(trees)), sizes)
    leaf = np.concatenate([tree.is_leaf for tree in trees])

    def every(name: str) -> NDArray[Any]:
        return np.where(leaf, 0, np.concatenate([getattr(tree, name) for tree in trees]))

    leaves: list[tuple[NDArray[Any], ...]] = []
    for number, tree in enumerate(trees):
        node, place = np.nonzero(np.where(tree.is_leaf[:, np.newaxis], tree.values, 0.0))
        leaves.append((np.full(len(node), number), node, place + tree.target, tree.values[node, place]))
    target_tree, target_node, target, weight = (np.concatenate(column) for column in zip(*leaves, strict=True))
    found = writer.node(
        "TreeEnsembleRegressor",
        rows,
        domain="ai.onnx.ml",
        n_targets=targets,
        aggregate_function="SUM",
        post_transform="NONE",
        nodes_treeids=owner,
        nodes_nodeids=within,
        nodes_featureids=every("column"),
        nodes_modes=np.where(leaf, "LEAF", "BRANCH_LEQ").tolist(),
        nodes_truenodeids=every("left"),
        nodes_falsenodeids=every("right"),
        nodes_missing_value_tracks_true=every("missing_left").astype(int),
        nodes_values_as_tensor=numpy_helper.from_array(every("threshold").astype(np.float64), "thresholds"),
        target_treeids=target_tree,
        target_nodeids=target_node,
        target_ids=target,
        target_weights_as_tensor=numpy_helper.from_array(weight.astype(np.float64), "leaves"),
    )
    return writer.cast(found, "DOUBLE")
