"""Weights and encoders that are damaged, foreign or hostile: each a sentence, and nothing in them runs."""

import contextlib
import io
import os
import pickle
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, helper

import encoder_files
import encoder_oracle as oracle
from tonearm.config import parse_config
from tonearm.errors import RepresentationError, RunError, WeightsError
from tonearm.representations.encoders import weights
from tonearm.representations.encoders.efficientat import EFFICIENTAT
from tonearm.representations.encoders.registry import ENCODERS
from tonearm.representations.encoders.representation import Embeddings
from tonearm.representations.encoders.tensorflow_checkpoint import read_tensorflow
from tonearm.representations.encoders.torch_checkpoint import read_torch
from tonearm.runtime.files import file_sha256

TENSORS = {"dense/bias": np.arange(5.0, dtype=np.float32), "dense/kernel": np.ones((2, 3), dtype=np.float32)}


def test_a_checkpoint_of_tensorflow_is_read_and_any_damage_to_it_is_noticed() -> None:
    index, data = encoder_files.checkpoint(TENSORS)
    found = read_tensorflow(index, data, list(TENSORS), "c")
    assert {name: value.tolist() for name, value in found.items()} == {k: v.tolist() for k, v in TENSORS.items()}
    random = np.random.default_rng(0)
    for _ in range(300):
        where, what = int(random.integers(len(index) - 8)), int(random.integers(1, 256))
        broken = bytearray(index)
        broken[where] ^= what
        with contextlib.suppress(RepresentationError):  # no other error, whatever the damage
            read_tensorflow(bytes(broken), data, list(TENSORS), "c")
    for cut in range(0, len(index), 7):
        with pytest.raises(RepresentationError, match="is damaged"):
            read_tensorflow(index[:cut], data, list(TENSORS), "c")
    wrong = bytearray(data)
    wrong[3] ^= 1
    for broken_data, says in ((bytes(wrong), "checksum"), (data[:-1], "does not lie in the data")):
        with pytest.raises(RepresentationError, match=says):
            read_tensorflow(index, broken_data, list(TENSORS), "c")
    with pytest.raises(RepresentationError, match="no tensor 'dense_9/bias'"):
        read_tensorflow(index, data, ["dense_9/bias"], "c")


class Harmful:
    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, ("touch /tmp/tonearm-was-here",)


def torch_file(path: Path, pickled: bytes, **files: bytes) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a/data.pkl", pickled)
        for name, content in files.items():
            archive.writestr(f"a/data/{name.removeprefix('s')}", content)
    return path


def pickle_of(shape: tuple[int, ...], strides: tuple[int, ...], offset: int = 0, numbers: int = 4) -> bytes:
    """A pickle like torch's, of one tensor named x in storage 0."""
    out = io.BytesIO()
    out.write(
        b"\x80\x02}X\x01\x00\x00\x00xctorch._utils\n_rebuild_tensor_v2\n((X\x07\x00\x00\x00storagectorch\nFloatStorage\n"
    )
    out.write(b"X\x01\x00\x00\x000X\x03\x00\x00\x00cpuJ" + numbers.to_bytes(4, "little") + b"tQ")
    out.write(b"J" + offset.to_bytes(4, "little", signed=True))
    for values in (shape, strides):
        out.write(b"(" + b"".join(b"J" + value.to_bytes(4, "little", signed=True) for value in values) + b"t")
    out.write(b"\x89NtRs.")
    return out.getvalue()


def test_a_torch_file_with_strides_is_read(tmp_path: Path) -> None:
    numbers = np.arange(4, dtype="<f4").tobytes()
    path = torch_file(tmp_path / "t.pt", pickle_of((2, 2), (1, 2)), s0=numbers)
    assert read_torch(path)["x"].tolist() == [[0.0, 2.0], [1.0, 3.0]]


@pytest.mark.parametrize(
    ("shape", "strides", "offset", "numbers", "says"),
    [
        ((2, 3), (3, 1), 0, 4, "makes no sense"),  # more than there is
        ((2**30, 2**20), (0, 0), 0, 4, "makes no sense"),  # would fill the memory
        ((2,), (4,), 0, 4, "reaches beyond"),
        ((2,), (1,), 3, 4, "reaches beyond"),
        ((2,), (-1,), 3, 4, "makes no sense"),
        ((2,), (1,), -1, 4, "makes no sense"),
        ((2,), (1, 1), 0, 4, "makes no sense"),
        ((2,), (1,), 0, 5, "has 16 bytes"),
    ],
)
def test_a_torch_file_that_points_outside_itself_is_refused(
    tmp_path: Path, shape: tuple[int, ...], strides: tuple[int, ...], offset: int, numbers: int, says: str
) -> None:
    path = torch_file(tmp_path / "t.pt", pickle_of(shape, strides, offset, numbers), s0=bytes(16))
    with pytest.raises(RepresentationError, match=says):
        read_torch(path)


def test_a_torch_file_that_names_anything_but_tensors_is_refused_and_runs_nothing(tmp_path: Path) -> None:
    mark = Path("/tmp/tonearm-was-here")
    mark.unlink(missing_ok=True)
    for pickled, says in (
        (pickle.dumps({"x": Harmful()}), r"it names posix\.system"),
        (pickle.dumps([1, 2]), "holds a list"),
        (pickle.dumps({"x": 3}), "holds a int where a tensor"),
        (b"no pickle", "damaged"),
    ):
        with pytest.raises(RepresentationError, match=says):
            read_torch(torch_file(tmp_path / "t.pt", pickled))
    (tmp_path / "t.pt").write_bytes(b"nothing of the kind")
    with pytest.raises(RepresentationError, match="not a torch file"):
        read_torch(tmp_path / "t.pt")
    assert not mark.exists()


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TONEARM_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def of(name: str) -> Embeddings:
    config = parse_config({})
    return Embeddings.of(name, config.audio, config.encoders)


def test_a_wrong_hash_missing_file_and_weights_of_another_network_are_told(cache: Path, tmp_path: Path) -> None:
    file = oracle.save_torch(oracle.random_mobilenet(0.1), tmp_path / "mn04_as_mAP_432.pt")
    with pytest.raises(RepresentationError, match=r"its SHA-256 is .* and should be 899a8c62"):
        weights.get_weights("mn04_as", file)
    with pytest.raises(RepresentationError, match=r"none\.pt: no such file"):
        weights.get_weights("mn04_as", tmp_path / "none.pt")
    with pytest.raises(RepresentationError, match=r"'nope' is not an encoder .* known: .*mn04_as"):
        weights.get_weights("nope")
    sha256 = file_sha256(file)
    with pytest.raises(RepresentationError, match="those of another network"):
        weights.get_weights("mn02_as", file, sha256)
    assert not weights.is_kept("mn02_as")
    assert not (cache / "encoders" / "trusted.json").exists()  # what cannot be used is not trusted either


def test_weights_that_were_damaged_in_the_cache_are_told_with_the_command_that_mends_it(cache: Path) -> None:
    with pytest.raises(WeightsError, match="not on this machine; fetch them: tonearm encoders get mn04_as"):
        of("mn04_as")
    encoder_files.keep_tiny("mn04_as", cache)
    representation = of("mn04_as")
    model = cache / "encoders" / "mn04_as" / "model.onnx"
    whole = model.read_bytes()
    model.write_bytes(whole[:-100])
    for _ in range(2):
        with pytest.raises(WeightsError, match="is damaged; fetch it again: tonearm encoders get mn04_as --again"):
            representation.open()
    model.unlink()
    with pytest.raises(WeightsError, match="is damaged"):
        of("mn04_as")
    (cache / "encoders" / "mn04_as" / "encoder.json").write_text("{")
    with pytest.raises(WeightsError, match="is damaged"):
        of("mn04_as")


def test_rows_of_other_weights_are_not_mixed_with_a_runs(cache: Path) -> None:
    encoder_files.keep_tiny("mn04_as", cache)
    facts = {**of("mn04_as").facts(), "digest": "f" * 64}
    with pytest.raises(
        WeightsError, match="needs the weights ffffffffffff of mn04_as, and those on this machine are tiny"
    ):
        Embeddings.restore(facts).open()
    changed = {**facts, "definition": {**facts["definition"], "hop": 5.0}}
    with pytest.raises(RepresentationError, match="by a definition that is not the one"):
        Embeddings.restore(changed)
    with pytest.raises(RepresentationError, match="reads the layer 'nothing' of mn04_as"):
        Embeddings.restore({**facts, "layer": "nothing"})


def test_a_provider_that_is_not_installed_is_told_and_a_run_of_it_says_that_it_uses_the_cpu(cache: Path) -> None:
    encoder_files.keep_tiny("mn04_as", cache)
    config = parse_config({"encoders": {"provider": "directml"}})
    with pytest.raises(RepresentationError, match=r'provider = "directml".*install onnxruntime-directml'):
        Embeddings.of("mn04_as", config.audio, config.encoders)
    again = Embeddings.restore({**of("mn04_as").facts(), "provider": "directml"})
    assert again.provider == "cpu"
    assert "ran on directml in training" in again.notes[0]


TOML = "sr = 16000\nwindow = 1.0\nlayers = { out = 5 }\n"


def own(folder: Path, toml: str = TOML, model: bytes = b"") -> str:
    folder.mkdir(exist_ok=True)
    (folder / "encoder.toml").write_text(toml)
    if model:
        (folder / "model.onnx").write_bytes(model)
    return f"onnx:{folder}"


def network(inputs: int = 16_000, outputs: int = 5, name: str = "windows") -> bytes:
    source = helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", inputs])
    result = helper.make_tensor_value_info("out", TensorProto.FLOAT, ["n", outputs])
    weights_ = helper.make_tensor("w", TensorProto.FLOAT, [inputs, outputs], np.zeros(inputs * outputs, np.float32))
    node = helper.make_node("MatMul", [name, "w"], ["out"])
    graph = helper.make_graph([node], "g", [source], [result], [weights_])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    return bytes(model.SerializeToString())


def referring(place: str) -> bytes:
    """A model whose weights lie in another file."""
    import onnx

    model = onnx.load_from_string(network(4, 5))
    [tensor] = model.graph.initializer
    tensor.ClearField("float_data")
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value=place)
    return bytes(model.SerializeToString())


@pytest.mark.parametrize(
    ("toml", "model", "says"),
    [
        (TOML, b"", r"model\.onnx: no such file"),
        (TOML, b"\xff\xff no model", "is not an ONNX model"),
        (TOML, network(inputs=8_000), "onnxruntime cannot run it"),
        (TOML, network(outputs=6), r"shape \(1, 6\) where \(1, 5\) is needed"),
        (TOML, network(name="x"), "has no input 'windows'; it has x"),
        (TOML.replace("out", "inner"), network(), "has no output 'inner'; it has out"),
        ("sr = 16000\n", network(), r"encoder\.toml: window: Field required"),
        (TOML + "hop = 0.001\n[front_end]\nhop_length = 320\n", network(), "is too short for n_fft = 1024"),
        (TOML + "windw = 2\n", network(), "windw: Extra inputs are not permitted"),
        ("sr = = 3", network(), "cannot be read as TOML"),
        (TOML, referring("../outside.bin"), "lie outside the folder"),
        (TOML, referring("/etc/passwd"), "lie outside the folder"),
        (TOML, referring("weights.bin"), "are missing from the folder"),
        (TOML.replace("16000", "1"), network(), "sr: Input should be greater than"),
    ],
)
def test_an_encoder_of_ones_own_that_does_not_fit_is_told(tmp_path: Path, toml: str, model: bytes, says: str) -> None:
    (tmp_path / "outside.bin").write_bytes(bytes(80))
    name = own(tmp_path / "mine", toml, model)
    with pytest.raises(RepresentationError, match=says):
        of(name).open()


def test_a_link_out_of_the_folder_is_no_way_round(tmp_path: Path) -> None:
    (tmp_path / "outside.bin").write_bytes(bytes(80))
    name = own(tmp_path / "mine", TOML, referring("inside.bin"))
    (tmp_path / "mine" / "inside.bin").symlink_to(tmp_path / "outside.bin")
    with pytest.raises(RepresentationError, match="lie outside the folder"):
        of(name)


def test_every_encoder_says_where_it_comes_from() -> None:
    assert len(EFFICIENTAT) + 2 == len(ENCODERS)
    for built_in in ENCODERS.values():
        card = built_in.encoder.card
        assert all((card.summary, card.trained_on, card.paper, card.source, card.code, card.weights, card.genres))


def test_a_run_whose_weights_are_missing_says_the_command(
    tiny_encoders: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import soundfile

    import signals
    from tonearm import predict, train

    for number in range(8):
        label = ("low", "high")[number % 2]
        (tmp_path / "music" / label).mkdir(parents=True, exist_ok=True)
        tone = signals.tone(200.0 + 3_000 * (number % 2) + 20 * number, 0.5)
        soundfile.write(tmp_path / "music" / label / f"{number}.wav", tone, signals.SR)
    split = {"method": "random", "valid": 0, "test": 0.5, "recordings": False}
    models = {"logistic": {"reads": "mn04_as"}}
    train(tmp_path / "music", tmp_path / "out", models=models, split=split)
    assert not predict(tmp_path / "out", tmp_path / "music").failed
    monkeypatch.setenv("TONEARM_CACHE", str(tmp_path / "empty"))
    with pytest.raises(RunError, match=r"tonearm encoders get mn04_as$"):
        predict(tmp_path / "out", tmp_path / "music")


def test_weights_that_are_cut_short_anywhere_are_told_and_nothing_is_kept(cache: Path, tmp_path: Path) -> None:
    whole = oracle.save_torch(oracle.random_mobilenet(0.1), tmp_path / "whole.pt").read_bytes()
    wheel = encoder_files.wheel(tmp_path / "m.whl", {"MTT_musicnn": oracle.random_musicnn()}).read_bytes()
    cut = tmp_path / "cut"
    for share in (0.0, 0.01, 0.5, 0.9, 0.999):
        cut.write_bytes(whole[: int(share * len(whole))])
        with pytest.raises(RepresentationError, match="cut: is not a torch file of plain tensors, or is damaged"):
            weights.get_weights("mn01_as", cut, file_sha256(cut))
        cut.write_bytes(wheel[: int(share * len(wheel))])
        with pytest.raises(RepresentationError, match="cut: is neither the wheel of musicnn"):
            ENCODERS["MTT_musicnn"].read(cut)
    assert not weights.is_kept("mn01_as")


def test_clips_of_any_rate_width_and_length_are_rows_and_those_without_sound_are_reasons(
    tiny_encoders: Path, tmp_path: Path
) -> None:
    import soundfile

    import signals
    import tonearm

    low = signals.tone(300.0, 2.0, 0.5, 8_000)
    clips = {
        "low": (low, 8_000),
        "stereo": (np.stack([low, low], axis=1), 8_000),
        "short": (signals.noise(0.1, 0.1, 0, 16_000), 16_000),
        "long": (np.tile(signals.noise(0.1, 0.1, 0, 16_000), 30)[: 187 * 256], 16_000),
        "silent": (np.zeros(16_000), 16_000),
        "empty": (np.zeros(0), 16_000),
        "click": (signals.noise(0.01, 0.1, 0, 16_000), 16_000),
    }
    for name, (samples, sr) in clips.items():
        (tmp_path / "music" / name[0]).mkdir(parents=True, exist_ok=True)
        soundfile.write(tmp_path / "music" / name[0] / f"{name}.wav", samples, sr, subtype="FLOAT")
    table = tonearm.embed_table(tmp_path / "music", tmp_path / "out", "musicnn")
    rows = {Path(name).stem: row for name, row in zip(table.names, table.X, strict=True)}
    assert sorted(rows) == ["long", "low", "short", "stereo"]
    assert np.array_equal(rows["stereo"], rows["low"])
    assert np.array_equal(rows["short"], rows["long"])  # repeated up to one window
    reasons = (tmp_path / "out" / "failures.csv").read_text()
    assert all(f"{name}.wav" in reasons for name in ("silent", "empty", "click"))
