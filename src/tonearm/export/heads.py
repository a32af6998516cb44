"""A fitted scikit-learn classifier in ONNX: rows of float64 to the probability of each of its classes.

Conventions
-----------
tonearm's own models are written out here, in float64 as they compute, so that the last digits agree. Trees are in
`ensembles`. Every other estimator goes through skl2onnx, which knows most of scikit-learn's; one that it does not know
is refused by name.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tonearm.errors import ExportError
from tonearm.export.ensembles import boosting, forest, is_boosting, is_forest
from tonearm.export.graph import ML_OPSET, Writer


def probabilities(writer: Writer, rows: str, classifier: Any) -> str:
    """Probability of each class in the order of `classes_`, float64 of shape (rows, classes).

    rows: float64, shape (rows, columns). Raises ExportError, with the reason, where it cannot be expressed.
    """
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import StandardScaler

    from tonearm.models.margins import SupportVectors
    from tonearm.models.softmax import SoftmaxRegression

    if isinstance(classifier, Pipeline):
        *first, last = (step for _, step in classifier.steps)
        ours = isinstance(last, SoftmaxRegression | SupportVectors) or is_forest(last) or is_boosting(last)
        if ours and all(isinstance(step, StandardScaler) for step in first):
            for scaler in first:
                rows = _standardised(writer, rows, scaler)
            return probabilities(writer, rows, last)
    if isinstance(classifier, SoftmaxRegression):
        return _softmax(writer, _linear(writer, rows, classifier.coef_, classifier.intercept_))
    if isinstance(classifier, SupportVectors):
        margins = _margins(writer, rows, classifier)
        return _softmax(writer, writer.node("Mul", margins, float(classifier.sharpness_)))
    if is_forest(classifier):
        return forest(writer, rows, classifier)
    if is_boosting(classifier):
        return _softmax(writer, boosting(writer, rows, classifier))
    return _by_skl2onnx(writer, rows, classifier)


def _softmax(writer: Writer, scores: str) -> str:
    return writer.node("Softmax", scores, axis=1)


def _linear(writer: Writer, rows: str, weights: NDArray[np.float64], bias: NDArray[np.float64]) -> str:
    product = writer.node("MatMul", rows, np.ascontiguousarray(weights.T, dtype=np.float64))
    return writer.node("Add", product, np.asarray(bias, dtype=np.float64))


def _standardised(writer: Writer, rows: str, scaler: Any) -> str:
    if scaler.mean_ is not None and scaler.with_mean:
        rows = writer.node("Sub", rows, np.asarray(scaler.mean_, dtype=np.float64))
    if scaler.scale_ is not None and scaler.with_std:
        rows = writer.node("Div", rows, np.asarray(scaler.scale_, dtype=np.float64))
    return rows


def _margins(writer: Writer, rows: str, machines: Any) -> str:
    """As `models.margins`: shape (rows, classes)."""
    if machines.machines_:
        margins = _of_support_vectors(writer, rows, machines.machines_)
    else:
        landmarks = machines.landmarks_
        table = rows if landmarks is None else _kernel(writer, rows, landmarks, float(machines.gamma_))
        margins = _linear(writer, table, machines.weights_, machines.intercepts_)
    if len(machines.classes_) > 2:
        return margins
    return writer.node("Concat", writer.node("Neg", margins), margins, axis=1)


def _of_support_vectors(writer: Writer, rows: str, machines: list[Any]) -> str:
    """Decision values, shape (rows, machines). A row that several machines keep is stored once."""
    kept = np.unique(np.concatenate([machine.support_ for machine in machines]))
    vectors = np.empty((len(kept), machines[0].support_vectors_.shape[1]))
    weights = np.zeros((len(machines), len(kept)))
    for number, machine in enumerate(machines):
        places = np.searchsorted(kept, machine.support_)
        vectors[places] = machine.support_vectors_
        weights[number, places] = machine.dual_coef_[0]
    intercepts = np.array([machine.intercept_[0] for machine in machines])
    return _linear(writer, _kernel(writer, rows, vectors, float(machines[0]._gamma)), weights, intercepts)


def _kernel(writer: Writer, rows: str, vectors: NDArray[np.float64], gamma: float) -> str:
    """exp(-gamma |row - vector|²), shape (rows, vectors)."""
    own = writer.reduce("Sum", writer.node("Mul", rows, rows), (1,))
    products = writer.node("MatMul", rows, np.ascontiguousarray(vectors.T))
    distances = writer.node("Sub", own, writer.node("Mul", products, 2.0))
    distances = writer.node("Add", distances, (vectors * vectors).sum(axis=1))
    return writer.node("Exp", writer.node("Mul", writer.node("Max", distances, 0.0), -gamma))


def _by_skl2onnx(writer: Writer, rows: str, classifier: Any) -> str:
    """An estimator of scikit-learn's or of others. Raises ExportError where skl2onnx cannot convert it."""
    from skl2onnx import convert_sklearn
    from skl2onnx.common.data_types import DoubleTensorType

    name = type(classifier.steps[-1][1] if hasattr(classifier, "steps") else classifier).__name__
    try:
        model = convert_sklearn(
            classifier,
            initial_types=[("columns", DoubleTensorType([None, int(classifier.n_features_in_)]))],
            options={"zipmap": False},
            target_opset={"": writer.opset, "ai.onnx.ml": ML_OPSET},
        )
    except Exception as error:  # converters raise what they like
        said = " ".join(str(error).split())[:200]
        raise ExportError(
            f"a {name} cannot be written as ONNX: skl2onnx says {type(error).__name__}: {said}"
        ) from error
    outputs = [output.name for output in model.graph.output]
    found = writer.network(model, {"columns": rows}, next(name for name in outputs if "prob" in name))
    return writer.cast(found, "DOUBLE")
