"""Types that a saved classifier of the user's own may hold: with nobody's trust, and with that in its code.

Conventions
-----------
A file of tonearm's own models may come from a stranger and needs no trust (`storage`). The same holds for a short list
of scikit-learn's types: those that predict by numpy's arithmetic, which checks its indices, and those whose numbers
`inspection` checks. Other types of scikit-learn may read a file's numbers in compiled code that checks nothing, and the
user's own classes are the user's own code: such a model is loaded where its code is trusted. Types of other packages
are not saved at all.
"""

import zipfile
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import Any

import numpy as np

from tonearm.errors import ModelError, TonearmError
from tonearm.models.archive import UnknownTypesError, check_archive
from tonearm.models.inspection import check_fitted
from tonearm.models.skops_library import skops_io
from tonearm.runtime.files import replacing
from tonearm.runtime.owncode import Source, is_file, load, trusted

PLAIN = frozenset(
    f"sklearn.{name}"
    for name in (
        "calibration.CalibratedClassifierCV",
        "calibration._CalibratedClassifier",
        "calibration._SigmoidCalibration",
        "decomposition._pca.PCA",
        "discriminant_analysis.LinearDiscriminantAnalysis",
        "discriminant_analysis.QuadraticDiscriminantAnalysis",
        "ensemble._forest.ExtraTreesClassifier",
        "ensemble._forest.RandomForestClassifier",
        "feature_selection._variance_threshold.VarianceThreshold",
        "impute._base.SimpleImputer",
        "linear_model._logistic.LogisticRegression",
        "multiclass.OneVsRestClassifier",
        "naive_bayes.BernoulliNB",
        "naive_bayes.ComplementNB",
        "naive_bayes.GaussianNB",
        "naive_bayes.MultinomialNB",
        "neighbors._classification.KNeighborsClassifier",
        "neural_network._multilayer_perceptron.MLPClassifier",
        "neural_network._stochastic_optimizers.AdamOptimizer",
        "neural_network._stochastic_optimizers.SGDOptimizer",
        "pipeline.Pipeline",
        "preprocessing._data.MaxAbsScaler",
        "preprocessing._data.MinMaxScaler",
        "preprocessing._data.RobustScaler",
        "preprocessing._data.StandardScaler",
        "preprocessing._label.LabelBinarizer",
        "preprocessing._label.LabelEncoder",
        "svm._classes.LinearSVC",
        "tree._classes.DecisionTreeClassifier",
        "tree._classes.ExtraTreeClassifier",
        "tree._tree.Tree",
    )
)


def types_of_own(path: Path, own: dict[str, Any], allowed: AbstractSet[str]) -> frozenset[str]:
    """Types that the skops file of a model of the user's own may hold beside those that are allowed to every model.

    own: facts of the model's code. Raises what `check_archive` raises, and UntrustedError.
    """
    try:
        check_archive(path, allowed | PLAIN)
    except UnknownTypesError as error:
        return PLAIN | _types_with_trust(error, own)
    return PLAIN


def _types_with_trust(asked: UnknownTypesError, own: dict[str, Any]) -> frozenset[str]:
    """The types that a file asks for, where its maker's code accounts for all and is trusted; it is run.

    Raises UntrustedError where nobody trusts it, the error itself where the code does not account for a type.
    """
    wanted = Source(str(own.get("object")), str(own.get("sha256")))
    if any(not _accounted(name, wanted) for name in asked.names):
        raise asked
    source = trusted(wanted)
    load(source)  # its classes are found by the name of its module
    return frozenset(asked.names)


def _accounted(name: str, source: Source) -> bool:
    """Whether a type is scikit-learn's, or of the module, or of the package that the module belongs to."""
    if is_file(source.object):
        return name.startswith(("sklearn.", f"{source.module}."))
    return name.startswith(("sklearn.", f"{source.place}.", f"{source.place.partition('.')[0]}."))


def save_own(classifier: Any, path: Path, own: Source, allowed: AbstractSet[str]) -> dict[str, Any]:
    """Write a fitted scikit-learn classifier of the user's own as a skops file; facts for its description.

    Raises ModelError, which can follow "it is not kept", where it cannot be saved, or would not be loaded again.
    """
    from sklearn import __version__ as version

    name = type(classifier).__name__
    try:
        with replacing(path) as temporary:
            skops_io().dump(classifier, temporary, compression=zipfile.ZIP_DEFLATED)
            types = _types_in(temporary, own, allowed | PLAIN)
            loaded = skops_io().load(temporary, trusted=sorted(types))
            check_fitted(loaded)
            _check_same(classifier, loaded)
    except UnknownTypesError as error:
        hint = '; algorithm = "brute" of KNeighborsClassifier has none of these' if "KDTree" in str(error) else ""
        if own.value is not None:
            hint = '; give it by a function in a file, as a model of type = "python"'
        raise ModelError(f"{name} holds what cannot be saved without pickle: {error}{hint}") from error
    except TonearmError:
        raise
    except Exception as error:  # whatever skops and the user's own classes make of it
        said = " ".join(str(error).split())
        raise ModelError(f"{name} cannot be saved without pickle ({type(error).__name__}: {said})") from error
    return {"scikit-learn": version, "own": own.facts()}


def _types_in(path: Path, own: Source, allowed: AbstractSet[str]) -> AbstractSet[str]:
    """The allowed types, and those of the file that its code accounts for. Raises UnknownTypesError for others."""
    try:
        check_archive(path, allowed)
    except UnknownTypesError as error:
        if own.value is not None or any(not _accounted(name, own) for name in error.names):
            raise
        check_archive(path, allowed := allowed | set(error.names))
    return allowed


def _check_same(classifier: Any, loaded: Any) -> None:
    zeros = np.zeros((1, classifier.n_features_in_))
    if not np.array_equal(classifier.predict_proba(zeros), loaded.predict_proba(zeros)):
        raise ModelError(f"{type(classifier).__name__} does not predict the same when it is loaded again")
