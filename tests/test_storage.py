"""Saving and loading: the same bits, no code from a file, and a clear word on every damage."""

import json
import pickle
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pytest
import skops.io
from numpy.testing import assert_array_equal
from sklearn.base import BaseEstimator
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from tables import clouds
from tonearm.errors import ModelError, RunError
from tonearm.experiment.origin import other_versions
from tonearm.models import MODELS
from tonearm.models.reading import OtherNodesError, read_archive
from tonearm.models.storage import _digest, allowed_types, load_classifier, save_classifier
from tonearm.settings import TrainSettings
from tonearm.training import history

if TYPE_CHECKING:
    from tonearm.experiment.runs import Run

CASES: dict[str, tuple[str, dict[str, Any]]] = {
    "logistic": ("logistic", {}),
    "descent": ("logistic", {"solver": "gradient-descent", "epochs": 50}),
    "mlp": ("mlp", {"hidden": [9], "epochs": 3, "batch_norm": True}),
    "svm": ("svm", {}),
    "nystroem": ("svm", {"kernel": "nystroem", "landmarks": 20}),
    "linear": ("svm", {"kernel": "linear"}),
    "trees": ("trees", {"n_estimators": 5}),
    "boosting": ("boosting", {"max_iter": 3}),
}
TABLE_MODELS = [name for name, model in MODELS.items() if model.takes == "rows"]
CASES |= {name: (name, {}) for name in TABLE_MODELS if name not in {kind for kind, _ in CASES.values()}}


def saved(case: str, folder: Path) -> Any:
    name, settings = CASES[case]
    if MODELS[name].extra:
        pytest.importorskip("torch")
    X, y = clouds(spread=5.0)
    classifier = MODELS[name].build(MODELS[name].settings.model_validate(settings), TrainSettings(seed=1)).fit(X, y)
    save_classifier(classifier, folder)
    return classifier


@pytest.mark.parametrize("case", CASES)
def test_loaded_predicts_the_same_bits(case: str, tmp_path: Path) -> None:
    classifier = saved(case, tmp_path)
    loaded = load_classifier(tmp_path)
    X, _ = clouds(60, seed=9, spread=5.0)
    assert_array_equal(loaded.predict_proba(X), classifier.predict_proba(X))
    assert_array_equal(loaded.predict(X), classifier.predict(X))
    assert history(loaded) == history(classifier)
    assert loaded.classes_.dtype == classifier.classes_.dtype
    assert loaded.classes_.tolist() == classifier.classes_.tolist() == ["blues", "disco", "metal"]


@pytest.mark.parametrize("case", ["logistic", "mlp"])
def test_every_damaged_byte_and_missing_file_is_told(case: str, tmp_path: Path) -> None:
    saved(case, tmp_path)
    [numbers] = [path for path in tmp_path.iterdir() if path.name != "model.json"]
    whole = numbers.read_bytes()
    for place in (0, len(whole) // 2, len(whole) - 1):
        numbers.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        with pytest.raises(RunError, match=rf"{numbers.name}: is damaged"):
            load_classifier(tmp_path)
    numbers.unlink()
    with pytest.raises(RunError, match=rf"{numbers.name}: cannot be read"):
        load_classifier(tmp_path)
    with pytest.raises(RunError, match=r"model\.json: cannot be read"):
        load_classifier(tmp_path / "nowhere")


def change(folder: Path, **facts: Any) -> None:
    path = folder / "model.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | facts))


def resign(folder: Path, name: str) -> None:
    """Make a changed file look whole, as somebody who means harm would."""
    change(folder, file=name, sha256=_digest(folder / name))


@pytest.mark.parametrize(
    ("facts", "word"),
    [
        ({"format": 2}, "newer tonearm"),
        ({"format": "1"}, "describes no model"),
        ({"file": "../../etc/passwd"}, "allowed is model.skops"),
        ({"settings": {"type": "mlp2"}}, "its settings are none"),
        ({"settings": {"type": "mlp", "hiden": 3}}, "its settings are none"),
        ({"settings": {"type": "mlp", "hidden": [7]}}, "does not hold the numbers"),
        ({"classes": ["a"]}, "does not hold the numbers"),
        ({"classes": []}, "does not hold the numbers"),
    ],
)
def test_a_description_that_does_not_fit_is_told(tmp_path: Path, facts: dict[str, Any], word: str) -> None:
    saved("mlp", tmp_path)
    change(tmp_path, **facts)
    with pytest.raises(RunError, match=word):
        load_classifier(tmp_path)


def test_a_description_that_is_no_json_is_told(tmp_path: Path) -> None:
    (tmp_path / "model.json").write_text("{")
    with pytest.raises(RunError, match="is damaged"):
        load_classifier(tmp_path)


class Trap(BaseEstimator):  # type: ignore[misc]
    """What somebody who means harm would put into a file."""

    def __setstate__(self, state: Any) -> None:
        raise AssertionError("code from the file has run")


def test_a_type_that_is_not_ours_is_refused_and_not_run(tmp_path: Path) -> None:
    saved("logistic", tmp_path)
    skops.io.dump(Trap(), tmp_path / "model.skops")
    resign(tmp_path, "model.skops")
    with pytest.raises(RunError, match="asks for types that no model of tonearm has"):
        load_classifier(tmp_path)


@pytest.mark.parametrize("content", [b"PK", b"", b"not a zip at all"])
def test_numbers_that_are_no_such_file(tmp_path: Path, content: bytes) -> None:
    saved("logistic", tmp_path)
    (tmp_path / "model.skops").write_bytes(content)
    resign(tmp_path, "model.skops")
    with pytest.raises(RunError, match="does not load with scikit-learn"):
        load_classifier(tmp_path)
    saved("mlp", tmp_path)
    (tmp_path / "model.safetensors").write_bytes(content)
    resign(tmp_path, "model.safetensors")
    with pytest.raises(RunError, match="does not hold the numbers"):
        load_classifier(tmp_path)


def test_something_that_is_no_classifier_is_refused(tmp_path: Path) -> None:
    saved("logistic", tmp_path)
    skops.io.dump(StandardScaler().fit(np.eye(3)), tmp_path / "model.skops")
    resign(tmp_path, "model.skops")
    with pytest.raises(RunError, match="not a fitted classifier"):
        load_classifier(tmp_path)


def test_an_svm_with_the_votes_of_pairs_is_to_be_trained_again(tmp_path: Path) -> None:
    """As it was saved before: one SVC of all classes under the name machine_."""
    X, y = clouds(spread=5.0)
    classifier = saved("svm", tmp_path)
    old = classifier.named_steps["classify"]
    del old.machines_
    old.machine_ = SVC(decision_function_shape="ovr").fit(X, np.unique(y, return_inverse=True)[1])
    save_classifier(classifier, tmp_path)
    with pytest.raises(RunError, match=r"an SVM of an older tonearm.*train it again"):
        load_classifier(tmp_path)


def test_a_model_that_would_not_be_loaded_again_is_not_saved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(MODELS, "svm", MODELS["svm"]._replace(trusted=()))
    with pytest.raises(ModelError, match=r"sklearn\.svm\._classes\.SVC; name them as `trusted`"):
        saved("svm", tmp_path)
    assert not (tmp_path / "model.json").exists()


@pytest.mark.parametrize("case", ["trees", "boosting"])
def test_a_tree_that_points_outside_itself_is_refused(case: str, tmp_path: Path) -> None:
    classifier = saved(case, tmp_path)
    if case == "trees":
        classifier.estimators_[2].tree_.children_left[0] = 10_000
    else:
        classifier._predictors[1][0].nodes["left"][0] = 10_000
    save_classifier(classifier, tmp_path)
    with pytest.raises(RunError, match="points outside itself"):
        load_classifier(tmp_path)


@pytest.mark.parametrize("case", ["logistic", "svm", "nystroem"])
def test_a_file_is_put_together_as_skops_does_it(case: str, tmp_path: Path) -> None:
    saved(case, tmp_path)
    path = tmp_path / "model.skops"
    theirs = skops.io.load(path, trusted=sorted(allowed_types()))
    assert pickle.dumps(read_archive(path)) == pickle.dumps(theirs)  # also which parts are one object


def test_other_nodes_are_left_to_skops(tmp_path: Path) -> None:
    saved("boosting", tmp_path)
    with pytest.raises(OtherNodesError):
        read_archive(tmp_path / "model.skops")
    assert load_classifier(tmp_path, "boosting").classes_.tolist() == ["blues", "disco", "metal"]


def test_a_model_of_another_type_than_is_said_is_loaded_too(tmp_path: Path) -> None:
    saved("svm", tmp_path)
    assert load_classifier(tmp_path, "logistic").classes_.tolist() == ["blues", "disco", "metal"]


def test_a_table_model_loads_without_torch(tmp_path: Path) -> None:
    saved("logistic", tmp_path)
    code = (
        "import sys\n"
        "class Absent:\n"
        "    def find_spec(self, name, *_):\n"
        "        if name in ('torch', 'skorch', 'safetensors'): raise ModuleNotFoundError(name)\n"
        "sys.meta_path.insert(0, Absent())\n"
        "from tonearm.models.storage import load_classifier\n"
        f"print(load_classifier({str(tmp_path)!r}).classes_.tolist())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['blues', 'disco', 'metal']"


def test_a_torch_model_without_torch_says_what_to_install(tmp_path: Path) -> None:
    saved("mlp", tmp_path)
    code = (
        "import sys; sys.modules['torch'] = None\n"
        "from tonearm.errors import ModelError\n"
        "from tonearm.models.storage import load_classifier\n"
        f"try: load_classifier({str(tmp_path)!r})\n"
        "except ModelError as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert 'pip install "tonearm[deep]"' in done.stdout


def test_no_model_can_name_a_type_that_compiled_code_reads_and_nothing_checks(monkeypatch: pytest.MonkeyPatch) -> None:
    tree = "sklearn.neighbors._kd_tree.KDTree"
    own = "mine.Own"
    monkeypatch.setitem(MODELS, "svm", MODELS["svm"]._replace(trusted=(tree, own)))
    assert own in allowed_types()
    assert tree not in allowed_types()


def test_another_version_of_scikit_learn_is_told_by_us_and_not_by_a_warning_for_each_part(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved("logistic", tmp_path)
    monkeypatch.setattr("sklearn.base.__version__", "9.9")
    load_classifier(tmp_path)  # a warning would be an error here


def test_a_run_of_other_versions_says_so_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    here = {"python": "3.11.7", "numpy": "2.4.6", "scikit-learn": "1.9.1", "torch": "2.9.0+cpu", "scipy": "1.17"}
    monkeypatch.setattr("tonearm.experiment.origin.versions", lambda: here)

    def told(kind: str, **made: str) -> tuple[str, ...]:
        facts = SimpleNamespace(versions=here | made, model=SimpleNamespace(settings={"type": kind}))
        return other_versions(cast("Run", SimpleNamespace(facts=facts)))

    assert told("logistic", python="3.12.0", tonearm="0.0.1", gone="1") == ()
    assert told("mlp", torch="2.9.0") == ()  # another build of it
    assert told("logistic", torch="2.8.0") == ()  # which such a model does not use
    assert told("mlp", torch="2.8.0", numpy="2.3.0") == (
        "the run was made with other versions (numpy 2.3.0, here 2.4.6; torch 2.8.0, here 2.9.0+cpu), "
        "so its answers may differ a little",
    )
