"""What a loaded scikit-learn model holds, checked before it predicts.

Conventions
-----------
scikit-learn predicts in compiled code that trusts a model's numbers: an index outside an array ends the process, and
a tree that leads back to itself never ends. So every tree and every support vector machine is checked, wherever it is
in the model. A node's children have greater numbers than the node itself, as scikit-learn numbers them, so every
path ends at a leaf. All errors are UnsafeError.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tonearm.models.archive import UnsafeError

MOST_COLUMNS = 1_000_000


def check_fitted(classifier: Any) -> None:
    """Raise UnsafeError if the model could read outside its arrays or never end, or does not predict probabilities."""
    for member in _members(classifier):
        check = _CHECKS.get(type(member).__name__)
        if check is not None:
            check(member)
    if not hasattr(classifier, "predict_proba") or not hasattr(classifier, "classes_"):
        raise UnsafeError(f"holds a {type(classifier).__name__}, which is not a fitted classifier")
    check_classes(classifier)
    check_answers(classifier, np.zeros((1, _columns(classifier))))


def check_classes(classifier: Any) -> None:
    """Raise UnsafeError if the classes are not a list of at least two different labels."""
    labels = classifier.classes_
    different = len({str(label) for label in labels}) if isinstance(labels, np.ndarray) and labels.ndim == 1 else 0
    if different < 2 or different < len(labels):
        raise UnsafeError("does not have two or more different classes")


def check_answers(classifier: Any, X: NDArray[np.float64]) -> None:
    """Raise UnsafeError if rows of zeros do not get probabilities of its classes."""
    with np.errstate(all="ignore"):
        found = classifier.predict_proba(X)
    expected = (len(X), len(classifier.classes_))
    if np.shape(found) != expected or not np.isfinite(found).all() or abs(float(np.sum(found)) - len(X)) > 1e-6:
        raise UnsafeError(f"does not give probabilities of its {expected[1]} classes")


def _members(root: Any) -> Iterator[Any]:
    """Every object in the model that has attributes, or is a tree: in lists, dicts, arrays and other objects, once."""
    waiting, seen = [root], set[int]()
    while waiting:
        value = waiting.pop()
        if id(value) in seen or isinstance(value, str | bytes | int | float | np.generic | type) or value is None:
            continue
        seen.add(id(value))
        if isinstance(value, dict):
            waiting += value.values()
        elif isinstance(value, list | tuple | set):
            waiting += value
        elif isinstance(value, np.ndarray):
            waiting += value.ravel().tolist() if value.dtype == object else []
        else:
            attributes = getattr(value, "__dict__", {})
            hidden = sorted(name for name in attributes if callable(getattr(type(value), name, None)))
            if hidden:
                raise UnsafeError(f"has a {type(value).__name__} with something else in place of its own {hidden[0]}")
            yield value
            waiting += attributes.values()


def _columns(estimator: Any) -> int:
    columns = getattr(estimator, "n_features_in_", None)
    if not isinstance(columns, int) or not 0 < columns <= MOST_COLUMNS:
        raise UnsafeError(f"has a {type(estimator).__name__} that does not say how many columns it reads")
    return columns


def _check_children(inner: NDArray[Any], children: list[NDArray[Any]], features: NDArray[Any], columns: int) -> None:
    """inner: mask of the nodes that are no leaves, shape (nodes,). children, features: of these nodes alone."""
    place = np.flatnonzero(inner)
    for child in children:
        if ((child <= place) | (child >= len(inner))).any():
            raise UnsafeError("has a tree that points outside itself, or back")
    if ((features < 0) | (features >= columns)).any():
        raise UnsafeError("has a tree that points outside itself: it reads a column that the rows do not have")


def _check_tree(tree: Any) -> None:
    """A tree of scikit-learn's forests."""
    # the count may be any number, and the arrays are views of so many nodes: not to be read before it is checked
    if not 1 <= tree.node_count == tree.capacity:
        raise UnsafeError("has a tree that points outside itself: it has another number of nodes than it says")
    if tree.n_outputs != 1 or tree.max_n_classes < 1:
        raise UnsafeError("has a tree that is not a classifier's")
    inner = tree.children_left != -1
    if (tree.children_right[~inner] != -1).any():
        raise UnsafeError("has a tree that points outside itself, or back")
    children = [tree.children_left[inner], tree.children_right[inner]]
    _check_children(inner, children, tree.feature[inner], tree.n_features)
    if not np.isfinite(tree.threshold[inner]).all() or not np.isfinite(tree.value).all() or (tree.value < 0).any():
        raise UnsafeError("has a tree with values that are not finite, or negative")


def _check_estimator(estimator: Any) -> None:
    """One tree with its classes; those of a forest have no names for their classes. An unfitted one has no tree."""
    if not hasattr(estimator, "tree_"):
        return
    tree = estimator.tree_
    if type(tree).__name__ != "Tree" or tree.n_features != _columns(estimator):
        raise UnsafeError("has a tree that points outside itself: it reads other columns than its model")
    if tree.max_n_classes != estimator.n_classes_ or estimator.n_outputs_ != 1:
        raise UnsafeError("has a tree with other classes than its model")


def _check_forest(forest: Any) -> None:
    """scikit-learn checks the rows for a forest's first tree alone."""
    columns = _columns(forest)
    if not forest.estimators_ or forest.n_jobs not in (None, 1, -1):
        raise UnsafeError("has a forest without trees, or that asks for threads")
    for member in forest.estimators_:
        if member.n_features_in_ != columns or member.n_classes_ != len(forest.classes_):
            raise UnsafeError("has a tree that points outside itself: it has other columns or classes than its forest")


def _check_predictor(predictor: Any) -> None:
    """A tree of gradient boosting; whose columns they are, `_check_boosting` knows."""
    nodes = predictor.nodes
    if nodes.ndim != 1 or not len(nodes):
        raise UnsafeError("has a tree without nodes")
    inner = nodes["is_leaf"] == 0
    splits = nodes[inner]
    children = [splits[name].astype(np.int64) for name in ("left", "right")]
    _check_children(inner, children, splits["feature_idx"].astype(np.int64), MOST_COLUMNS)
    if splits["is_categorical"].any():
        raise UnsafeError("has a tree that splits by categories, which no model of tonearm does")
    if not np.isfinite(nodes["value"]).all():
        raise UnsafeError("has a tree with values that are not finite, or negative")


def _check_boosting(model: Any) -> None:
    columns, classes = _columns(model), len(model.classes_)
    stages = 1 if classes == 2 else classes
    if model._n_features != columns or model.n_trees_per_iteration_ != stages or model._preprocessor is not None:
        raise UnsafeError("has numbers of columns and classes that do not fit together")
    if np.asarray(model._bin_mapper.is_categorical_).any() or len(model._bin_mapper.is_categorical_) != columns:
        raise UnsafeError("has columns of categories, which no model of tonearm has")
    for stage in model._predictors:
        if len(stage) != stages:
            raise UnsafeError("has an iteration that lacks a tree")
        for predictor in stage:
            splits = predictor.nodes[predictor.nodes["is_leaf"] == 0]
            if (splits["feature_idx"] >= columns).any():
                raise UnsafeError("has a tree that points outside itself: it reads a column that the rows do not have")


def _check_machine(machine: Any) -> None:
    """A support vector machine, whose arrays libsvm reads by the sizes of the others."""
    count, classes = len(machine.support_), len(machine._n_support)
    wanted = {
        "support_": (np.int32, (count,)),
        "support_vectors_": (np.float64, (count, _columns(machine))),
        "_n_support": (np.int32, (len(machine.classes_),)),
        "_dual_coef_": (np.float64, (classes - 1, count)),
        "_intercept_": (np.float64, (classes * (classes - 1) // 2,)),
    }
    for name, (kind, shape) in wanted.items():
        array = getattr(machine, name)
        if array.dtype != kind or array.shape != shape:
            raise UnsafeError(f"has a support vector machine whose arrays do not fit together ({name})")
    if (machine._n_support < 0).any() or machine._n_support.sum() != count or not count:
        raise UnsafeError("has a support vector machine whose arrays do not fit together (_n_support)")
    if machine.kernel == "precomputed" or machine._sparse is not False or machine._impl != "c_svc":
        raise UnsafeError("has a support vector machine of another kind than tonearm's")


def _check_neighbours(machine: Any) -> None:
    """A search among all rows, whose numbers compiled code reads by the sizes of the others. Raises UnsafeError."""
    if not hasattr(machine, "_fit_X"):
        return  # an unfitted one, inside another estimator, cannot predict
    if type(machine._tree).__name__ in ("KDTree", "BallTree"):
        return  # types that are only created where the model's code is trusted
    rows, codes, classes = machine._fit_X, machine._y, len(machine.classes_)
    fits = (
        machine._tree is None
        and machine._fit_method == "brute"
        and isinstance(rows, np.ndarray)
        and rows.ndim == 2
        and rows.dtype == np.float64
        and isinstance(codes, np.ndarray)
        and codes.shape == (len(rows),)
        and codes.dtype.kind == "i"
        and np.array_equal(np.unique(codes), np.arange(classes))
        and machine.n_samples_fit_ == len(rows)
        and rows.shape[1] == machine.n_features_in_
        and isinstance(machine.n_neighbors, int)
        and 1 <= machine.n_neighbors <= len(rows)
        and machine.outputs_2d_ is False
        and set(machine.effective_metric_params_) <= {"p"}
        and machine.effective_metric_ in ("euclidean", "manhattan", "chebyshev", "minkowski", "cosine")
    )
    if not fits:
        raise UnsafeError("has a search for neighbours whose arrays do not fit together")


_CHECKS = {
    "Tree": _check_tree,
    "DecisionTreeClassifier": _check_estimator,
    "ExtraTreeClassifier": _check_estimator,
    "ExtraTreesClassifier": _check_forest,
    "RandomForestClassifier": _check_forest,
    "TreePredictor": _check_predictor,
    "Boosting": _check_boosting,
    "HistGradientBoostingClassifier": _check_boosting,
    "SVC": _check_machine,
    "KNeighborsClassifier": _check_neighbours,
}
