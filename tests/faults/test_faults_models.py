"""Model folders made to do harm: each is refused in one sentence, before it can crash, hang or fill the memory."""

import io
import json
import os
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import skops.io
from safetensors.numpy import load_file, save_file
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import AdaBoostClassifier
from sklearn.pipeline import Pipeline
from sklearn.tree import DecisionTreeClassifier

from tables import clouds
from test_storage import CASES, change, resign, saved
from tonearm.errors import RunError
from tonearm.models import MODELS
from tonearm.models.archive import check_archive
from tonearm.models.storage import allowed_types, load_classifier, save_classifier
from tonearm.settings import TrainSettings

Members = dict[str, bytes]
SKOPS = "model.skops"


def refused(folder: Path, word: str = "") -> None:
    with pytest.raises(RunError, match=word or None) as caught:
        load_classifier(folder)
    assert len(str(caught.value)) < 700
    assert "\n" not in str(caught.value)


def replace_classifier(folder: Path, classifier: Any) -> None:
    skops.io.dump(classifier, folder / SKOPS)
    resign(folder, SKOPS)


def members(folder: Path) -> Members:
    with zipfile.ZipFile(folder / SKOPS) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def replace_members(folder: Path, contents: Members, kind: int = zipfile.ZIP_DEFLATED) -> None:
    with zipfile.ZipFile(folder / SKOPS, "w", kind) as archive:
        for name, data in contents.items():
            archive.writestr(name, data)
    resign(folder, SKOPS)


def edit_schema(folder: Path, edit: Callable[[Any], Any]) -> None:
    contents = members(folder)
    schema = json.loads(contents["schema.json"])
    replace_members(folder, contents | {"schema.json": json.dumps(edit(schema) or schema, indent=2).encode()})


def nodes(value: Any) -> list[dict[str, Any]]:
    """All nodes of a schema."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    own = [value] if isinstance(value, dict) and "__loader__" in value else []
    return own + [node for item in inner for node in nodes(item)]


def set_tree(field: str, value: Any) -> Callable[[Any], None]:
    def edit(forest: Any) -> None:
        getattr(forest.estimators_[3].tree_, field)[0] = value

    return edit


def set_node(field: str, value: Any) -> Callable[[Any], None]:
    def edit(boosting: Any) -> None:
        boosting._predictors[1][0].nodes[field][0] = value

    return edit


def no_leaf(boosting: Any) -> None:
    nodes = boosting._predictors[0][1].nodes
    nodes["is_leaf"], nodes["left"], nodes["right"] = 0, 0, 0


def machine(field: str, value: Any) -> Callable[[Any], None]:
    def edit(pipeline: Any) -> None:
        setattr(pipeline.steps[-1][1].machines_[1], field, value)

    return edit


def attribute(name: str, value: Any) -> Callable[[Any], None]:
    return lambda classifier: setattr(classifier, name, value)


def member_of_a_forest(name: str, value: Any) -> Callable[[Any], None]:
    return lambda forest: setattr(forest.estimators_[1], name, value)


HARM: list[tuple[str, Callable[[Any], None], str]] = [
    ("trees", set_tree("feature", 5_000_000), "points outside itself"),
    ("trees", set_tree("feature", -5), "points outside itself"),
    ("trees", set_tree("children_left", 0), "points outside itself, or back"),
    ("trees", set_tree("children_right", 2**40), "points outside itself"),
    ("trees", set_tree("children_right", -1), "points outside itself"),
    ("trees", set_tree("threshold", np.nan), "not finite"),
    ("trees", attribute("n_features_in_", 4_000), "other columns"),
    ("trees", attribute("n_jobs", 100_000), "asks for threads"),
    ("trees", attribute("estimators_", []), "without trees"),
    ("trees", attribute("classes_", np.array(["a", "a", "b"], dtype=object)), "different classes"),
    ("trees", attribute("predict_proba", "yes"), "in place of its own predict_proba"),
    ("trees", member_of_a_forest("n_features_in_", 10**6), "outside itself"),
    ("trees", member_of_a_forest("n_classes_", 10**9), "columns or classes"),
    ("boosting", set_node("left", 0), "points outside itself, or back"),
    ("boosting", set_node("right", 4_000_000_000), "points outside itself"),
    ("boosting", set_node("feature_idx", 100_000), "points outside itself"),
    ("boosting", set_node("is_categorical", 1), "splits by categories"),
    ("boosting", set_node("value", np.inf), "not finite"),
    ("boosting", no_leaf, "points outside itself, or back"),
    ("boosting", attribute("n_trees_per_iteration_", 10**10), "do not fit together"),
    ("boosting", attribute("_n_features", 10**5), "do not fit together"),
    ("svm", machine("_n_support", np.array([10**9, -(10**9)], dtype=np.int32)), "do not fit together"),
    ("svm", machine("support_vectors_", np.zeros((1, 5))), "do not fit together"),
    ("svm", machine("_dual_coef_", np.zeros((1, 1))), "do not fit together"),
    ("svm", machine("_intercept_", np.zeros(0)), "do not fit together"),
    ("svm", machine("_sparse", True), "another kind"),
    ("svm", machine("kernel", "precomputed"), "another kind"),
    ("logistic", lambda pipeline: setattr(pipeline.steps[-1][1], "coef_", np.full((3, 5), np.nan)), "probabilities"),
    ("logistic", lambda pipeline: setattr(pipeline.steps[-1][1], "coef_", np.zeros((3, 7))), ""),
    ("logistic", lambda pipeline: setattr(pipeline.steps[0][1], "n_features_in_", 2**50), "how many columns"),
]


@pytest.mark.parametrize("number", range(len(HARM)))
def test_a_model_with_harmful_numbers_is_refused(number: int, tmp_path: Path) -> None:
    case, edit, word = HARM[number]
    classifier = saved(case, tmp_path)
    edit(classifier)
    replace_classifier(tmp_path, classifier)
    refused(tmp_path, word)


def test_what_wraps_a_tree_does_not_hide_it(tmp_path: Path) -> None:
    X, y = clouds(spread=5.0)
    forest = saved("trees", tmp_path)
    single = DecisionTreeClassifier().fit(X, y)
    for classifier, word in (
        (Pipeline([("only", forest)]), "not a fitted classifier of tonearm"),
        (Pipeline([("scale", forest), ("classify", forest)]), "not a fitted classifier of tonearm"),
        (single, r"no model of tonearm has.*DecisionTreeClassifier"),
        (AdaBoostClassifier(n_estimators=2).fit(X, y), "no model of tonearm has"),
        (CalibratedClassifierCV(forest, cv=2).fit(X, y), "no model of tonearm has"),
        ([forest], "holds a list"),
        ({"forest": forest}, "holds a dict"),
    ):
        replace_classifier(tmp_path, classifier)
        refused(tmp_path, word)
    forest.hidden = [{"deep": (forest.estimators_[0].tree_,)}]
    forest.estimators_[0].tree_.feature[0] = 77
    replace_classifier(tmp_path, forest)
    refused(tmp_path, "points outside itself")


@pytest.mark.parametrize("number", ["3", "0", "-7"])
def test_a_tree_that_says_it_has_another_number_of_nodes(number: str, tmp_path: Path) -> None:
    saved("trees", tmp_path)

    def edit(schema: Any) -> None:
        tree = next(node for node in nodes(schema) if node["__loader__"] == "TreeNode")
        tree["content"]["content"]["node_count"]["content"] = number
        tree["content"]["content"]["node_count"]["__id__"] = 7

    edit_schema(tmp_path, edit)
    refused(tmp_path, "another number of nodes than it says")


def nested(depth: int) -> dict[str, Any]:
    value: dict[str, Any] = {"__class__": "list", "__module__": "builtins", "__loader__": "ListNode", "content": []}
    for level in range(depth):
        value = {**value, "content": [value], "__id__": level + 1}
    return {**value, "protocol": 2}


def laughs(schema: Any) -> None:
    """Lists that hold the one before twice, by its id."""
    plain = {"__class__": "list", "__module__": "builtins", "__loader__": "ListNode"}
    lists: list[Any] = [{**plain, "content": [], "__id__": 1}]
    for level in range(2, 40):
        alias = {**plain, "content": [], "__id__": level - 1}
        lists.append({**plain, "content": [alias, alias], "__id__": level})
    schema["content"]["content"]["steps"]["content"] += lists


def one_array_in_many_places(schema: Any) -> None:
    array = next(node for node in nodes(schema) if node.get("type") == "numpy")
    schema["content"]["content"]["steps"]["content"] += [{**array, "__id__": 9_000 + copy} for copy in range(50)]


def wide_array(schema: Any) -> None:
    array = next(node for node in nodes(schema) if node.get("type") == "json")
    array["shape"]["content"] *= 2


def other_loader(schema: Any) -> None:
    node = next(node for node in nodes(schema) if node["__loader__"] == "JsonNode")
    node.update(
        __id__=7, __loader__="OperatorFuncNode", __module__="operator", __class__="attrgetter", attrs=dict(node)
    )


@pytest.mark.parametrize(
    ("edit", "word"),
    [
        (lambda schema: nested(120), "nested more than 100 deep"),
        (lambda schema: ["no object"], "not an object"),
        (laughs, "one id to different objects"),
        (one_array_in_many_places, "no model of tonearm has"),
        (wide_array, "no model of tonearm has"),
        (other_loader, "operator.attrgetter"),
        (lambda schema: schema.update(protocol=99), "protocol"),
        (lambda schema: schema.update(__id__=[]), "without an id"),
    ],
)
def test_a_harmful_schema_is_refused(edit: Callable[[Any], Any], word: str, tmp_path: Path) -> None:
    saved("logistic", tmp_path)
    edit_schema(tmp_path, edit)
    refused(tmp_path, word)


def header(shape: tuple[int, ...], kind: str = "<f8") -> bytes:
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(file, {"descr": kind, "fortran_order": False, "shape": shape})
    return file.getvalue()


@pytest.mark.parametrize(
    "data",
    [
        header((2 * 10**9,)) + bytes(16),
        header((10**18, 10**18)) + bytes(16),
        header((10**12,), "|V0"),
        header((1,), "|O") + bytes(8),
        header((2,)) + bytes(17),
        b"PK\x03\x04",
        b"",
        b"\x93NUMPY\x01\x00\xff\xff" + b"(" * 65535,
    ],
)
def test_an_array_is_as_large_as_its_header_says(data: bytes, tmp_path: Path) -> None:
    saved("logistic", tmp_path)
    contents = members(tmp_path)
    replace_members(tmp_path, {name: data if name.endswith(".npy") else old for name, old in contents.items()})
    refused(tmp_path)


def test_zip_bombs_are_refused_before_they_unpack(tmp_path: Path) -> None:
    saved("logistic", tmp_path)
    contents = members(tmp_path)
    array = next(name for name in contents if name.endswith(".npy"))
    dense = {"schema.json": b"[" * 10**6}
    replace_members(tmp_path, dense)
    refused(tmp_path, "denser than skops writes it")
    replace_members(tmp_path, contents, zipfile.ZIP_BZIP2)
    refused(tmp_path, "compresses its member")
    replace_members(tmp_path, contents | {array: bytes(5 * 10**7)})
    path = tmp_path / SKOPS
    with zipfile.ZipFile(path) as archive:
        place = archive.getinfo(array)
    directory = path.read_bytes()
    told = place.file_size.to_bytes(4, "little")
    for size, word in ((100, "Bad CRC"), (2**31, "would unpack to")):
        path.write_bytes(directory.replace(told, size.to_bytes(4, "little")))
        resign(tmp_path, SKOPS)
        refused(tmp_path, word)


@pytest.mark.parametrize("name", ["model.json", SKOPS, "model.safetensors"])
@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_in_place_of_a_file_is_not_waited_for(name: str, tmp_path: Path) -> None:
    saved("mlp" if name.endswith("safetensors") else "logistic", tmp_path)
    (tmp_path / name).unlink()
    os.mkfifo(tmp_path / name)
    refused(tmp_path, "cannot be read")
    (tmp_path / name).unlink()
    (tmp_path / name).symlink_to("/dev/zero")
    refused(tmp_path, "cannot be read")


@pytest.mark.parametrize(
    "content", [b"[" * 10**5, b'{"format": NaN}', b'{"format": 1' + b"1" * 10**5 + b"}", b"\xff\xfe", b"null"]
)
def test_a_description_that_is_hostile_json(content: bytes, tmp_path: Path) -> None:
    saved("logistic", tmp_path)
    (tmp_path / "model.json").write_bytes(content)
    refused(tmp_path, r"model\.json: ")


@pytest.mark.parametrize(
    ("tensors", "settings"),
    [
        ({}, {"hidden": [100_000] * 50}),
        ({"inputs.mean": np.zeros((0, 10**12), dtype=np.float32)}, {}),
        ({"inputs.scale": np.zeros(5)}, {}),
        ({"inputs.mean": np.array(3.0)}, {}),
        ({"inputs.mean": np.zeros(10**6), "inputs.scale": np.ones(10**6)}, {}),
        ({"module.0.bias": np.full(9, np.nan, dtype=np.float32)}, {}),
        ({"module.0.bias": np.zeros((9, 2), dtype=np.float32)}, {}),
        ({"module.9.bias": np.zeros(9, dtype=np.float32)}, {}),
        ({}, {"hidden": [9], "activation": "gelu", "dropout": "much"}),
    ],
)
def test_tensors_that_do_not_fit_are_refused_before_a_network_is_built(
    tensors: dict[str, Any], settings: dict[str, Any], tmp_path: Path
) -> None:
    saved("mlp", tmp_path)
    path = tmp_path / "model.safetensors"
    save_file(load_file(path) | tensors, path)
    resign(tmp_path, path.name)
    facts = json.loads((tmp_path / "model.json").read_text())
    change(tmp_path, settings=facts["settings"] | settings)
    refused(tmp_path)


@pytest.mark.parametrize("content", [(2**40).to_bytes(8, "little"), (8).to_bytes(8, "little") + b"[[[[[[[[", b"{}"])
def test_a_header_of_tensors_that_is_none(content: bytes, tmp_path: Path) -> None:
    saved("mlp", tmp_path)
    (tmp_path / "model.safetensors").write_bytes(content)
    resign(tmp_path, "model.safetensors")
    refused(tmp_path, "does not hold the numbers")


@pytest.mark.parametrize("case", [case for case in CASES if case != "mlp"])
@pytest.mark.parametrize("classes", [2, 3])
def test_what_the_models_save_passes(case: str, classes: int, tmp_path: Path) -> None:
    name, settings = CASES[case]
    X, y = clouds(90, spread=5.0)
    rows = y != "metal" if classes == 2 else y != ""
    for weight in ("none", "balanced"):
        chosen = MODELS[name].settings.model_validate({**settings, "class_weight": weight})
        save_classifier(MODELS[name].build(chosen, TrainSettings()).fit(X[rows], y[rows]), tmp_path)
        check_archive(tmp_path / SKOPS, allowed_types())
        assert len(load_classifier(tmp_path).classes_) == classes
