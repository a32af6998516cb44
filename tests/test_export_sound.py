"""From samples to probabilities in one ONNX file: every kind of picture, encoder and length, as the run reads them."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from numpy.testing import assert_allclose
from numpy.typing import NDArray

from exported_runs import asked, run_of
from signals import band
from tonearm.errors import ExportError
from tonearm.experiment.runs import probabilities
from tonearm.export.build import build
from tonearm.export.check import check
from tonearm.representations.base import Representation, as_rows
from tonearm.representations.encoders.representation import Embeddings
from tonearm.representations.pictures import Pictures
from tonearm.settings import AudioSettings, EncoderSettings, SpectrogramSettings, TrainSettings

pytest.importorskip("onnx")
SR = 8_000
SMALL = {"height": 40, "width": 48, "n_fft": 512, "hop_length": 128, "n_mels": 32}


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Clips of 1, 2, 3.3 and 14 s at 8 kHz; of the last, excerpts are read where `longest` is 10 s."""
    folder = tmp_path_factory.mktemp("clips")
    paths = []
    for number, seconds in enumerate((1.0, 2.0, 3.3, 14.0)):
        paths.append(folder / f"{number}.wav")
        soundfile.write(paths[-1], band(seconds, seed=number, sr=SR), SR, subtype="FLOAT")
    return paths


def read(representation: Representation, paths: list[Path]) -> NDArray[Any]:
    from tonearm.dsp.sound import ClipSound

    reader = representation.open()
    return as_rows([reader.read([ClipSound(path)])[0] for path in paths])


def fit(kind: str, settings: dict[str, Any], X: NDArray[Any]) -> Any:
    from tonearm.models import MODELS

    entry = MODELS[kind]
    y = np.array(["blues", "disco"] * (len(X) // 2), dtype=object)
    quick = {} if kind in ("logistic", "svm") else {"patience": 0, "schedule": "cosine"}  # no clip to validate on
    return entry.build(entry.settings.model_validate(settings | quick), TrainSettings(device="cpu")).fit(X, y)


PICTURES: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "linear": ("linear", {}, {"offset": 0.3}),
    "log": ("log", {"grey": True}, {"duration": 0.9}),
    "layl": ("layl", {"top_db": 40.0}, {"longest": 10.0}),
    "mel": ("mel", {"seconds": 1.5}, {"longest": 10.0}),
    "mfcc": ("mfcc", {"colour_map": "viridis", "seconds": 0.7}, {}),
}


@pytest.mark.parametrize("case", PICTURES)
def test_pictures_of_every_kind(case: str, clips: list[Path]) -> None:
    """With `seconds` a clip of 1 s is narrower than the window, and repeated; one of 14 s gives several windows."""
    kind, settings, audio = PICTURES[case]
    pictures = Pictures.of(kind, AudioSettings(sr=SR, **audio), SpectrogramSettings(**SMALL | settings))
    grey = kind in ("mel", "log")
    model, window = ("cnn-mel", 60) if grey else ("cnn", 48)
    small = {"channels": [4, 6]} if grey else {"layers": 2, "channels": [4], "kernel_size": 3, "stride": 3}
    classifier = fit(model, {"epochs": 1, "window": window, **small}, read(pictures, clips))
    run = run_of(classifier, pictures.facts(), temperature=0.8)
    found = check(run, pictures, build(run, pictures), clips)
    assert found.clips == len(clips)
    assert found.difference < 1e-6


def test_resnet50_from_samples_on(clips: list[Path]) -> None:
    pictures = Pictures.of("mel", AudioSettings(sr=SR), SpectrogramSettings(**SMALL))
    options = {"backbone": "resnet50", "weights": "none", "unfreeze": 0, "epochs": 1}
    run = run_of(fit("resnet", options, read(pictures, clips[:2])), pictures.facts())
    built = build(run, pictures)
    assert check(run, pictures, built, clips[1:2]).difference < 1e-5
    assert 90e6 < len(built.model) < 110e6


def test_what_is_between_frozen_and_trained_blocks_is_rounded_as_in_the_run(clips: list[Path]) -> None:
    pictures = Pictures.of("mel", AudioSettings(sr=SR), SpectrogramSettings(**SMALL))
    options = {"backbone": "resnet18", "weights": "none", "unfreeze": 1, "cache": "float16", "maximum": False}
    run = run_of(fit("resnet", options | {"epochs": 1}, read(pictures, clips)), pictures.facts())
    samples, _ = soundfile.read(clips[1], dtype="float32")
    [expected] = probabilities(run.classifier, read(pictures, clips[1:2]), run.labels)
    built = build(run, pictures)
    assert_allclose(asked(built, samples)["probabilities"], expected, atol=1e-4)  # float16 has three digits
    assert count_of(built.model, "FLOAT16") == 1


def count_of(model: bytes, kind: str) -> int:
    """How often a model casts to a type."""
    import onnx

    nodes = onnx.load_from_string(model).graph.node
    wanted = getattr(onnx.TensorProto, kind)
    return sum(node.op_type == "Cast" and node.attribute[0].i == wanted for node in nodes)


ENCODERS: dict[str, tuple[str, dict[str, Any]]] = {
    "mn04_as": ("mn04_as", {"pool": "mean+std"}),
    "musicnn": ("musicnn", {"pool": "mean+max", "layer": "pool_mean_max"}),
}


@pytest.mark.parametrize("case", ENCODERS)
def test_encoders_and_clips_of_every_length(case: str, clips: list[Path], tiny_encoders: Path) -> None:
    """Windows are 10 s and 3 s: clips that are repeated, that have half a window more, and excerpts of a long one."""
    name, settings = ENCODERS[case]
    embeddings = Embeddings.of(name, AudioSettings(longest=10.0), EncoderSettings(**settings))
    run = run_of(fit("logistic", {}, read(embeddings, clips)), embeddings.facts(), temperature=1.5)
    built = build(run, embeddings)
    assert (built.takes, built.rate) == ("samples", embeddings.audio.sr)
    at_their_rate = [resampled(path, embeddings.audio.sr) for path in clips]
    assert check(run, embeddings, built, at_their_rate).difference < 1e-5


def resampled(path: Path, sr: int) -> Path:
    """The clip at another rate: excerpts of a clip begin at samples of its own rate."""
    from tonearm.dsp.audio import resample

    target = path.with_name(f"{path.stem}-{sr}.wav")
    soundfile.write(target, resample(soundfile.read(path, dtype="float32")[0], SR, sr), sr, subtype="FLOAT")
    return target


BANDS = """axes = "bands frames"
[front_end]
n_fft = 512
window_length = 400
hop_length = 160
n_mels = 16
high_hz = 4000.0
scale = "htk"
padding = "zeros"
preemphasis = 0.97
"""
OWN = {"old": (11, "", (SR,)), "of today": (17, "", (SR,)), "new": (20, "", (SR,)), "of bands": (17, BANDS, (16, 50))}


@pytest.mark.parametrize("name", OWN)
def test_a_network_of_the_users_own(name: str, clips: list[Path], tmp_path: Path) -> None:
    """It reads samples or bands, with an axis for the channel, and is written with older or newer operators."""
    import onnx
    from onnx import helper, numpy_helper

    opset, front, shape = OWN[name]
    size = int(np.prod(shape))
    weights = np.random.default_rng(0).normal(size=(size, 4)).astype(np.float32) / 100
    nodes = [
        helper.make_node("Reshape", ["sound", "flat"], ["rows"]),
        helper.make_node("MatMul", ["rows", "weights"], ["product"]),
        helper.make_node("Tanh", ["product"], ["points"]),
        helper.make_node("Relu", ["product"], ["unneeded"]),
    ]
    constants = [numpy_helper.from_array(np.array([-1, size]), "flat"), numpy_helper.from_array(weights, "weights")]
    source = helper.make_tensor_value_info("sound", onnx.TensorProto.FLOAT, ["n", 1, *shape])
    results = [helper.make_tensor_value_info(each, onnx.TensorProto.FLOAT, ["n", 4]) for each in ("points", "unneeded")]
    graph = helper.make_graph(nodes, "own", [source], results, constants)
    imports = [helper.make_opsetid("", opset)]
    onnx.save(helper.make_model(graph, opset_imports=imports, ir_version=8), str(tmp_path / "model.onnx"))
    described = f'sr = {SR}\nwindow = 1.0\nhop = 0.4\ninput = "sound"\nchannel = true\n'
    (tmp_path / "encoder.toml").write_text(f"{described}{front}[layers]\npoints = 4\n")
    embeddings = Embeddings.of(f"onnx:{tmp_path}", AudioSettings(longest=10.0), EncoderSettings())
    run = run_of(fit("svm", {}, read(embeddings, clips)), embeddings.facts())
    built = build(run, embeddings)
    assert check(run, embeddings, built, clips).difference < 1e-5
    assert b"unneeded" not in built.model


def test_ready_pictures(clips: list[Path], tmp_path: Path) -> None:
    from PIL import Image

    from tonearm.representations.pictures import ReadyPictures

    drawn = read(Pictures.of("mel", AudioSettings(sr=SR), SpectrogramSettings(**SMALL)), clips)
    paths = [tmp_path / f"{number}.png" for number in range(len(drawn))]
    for path, picture in zip(paths, drawn, strict=True):
        Image.fromarray(picture).save(path)
    ready = ReadyPictures(48, 40)
    run = run_of(fit("cnn-mel", {"epochs": 1, "channels": [4, 6]}, drawn), ready.facts())
    built = build(run, ready)
    assert built.takes == "pixels"
    assert check(run, ready, built, [tmp_path]).difference < 1e-6


def test_the_picture_in_the_file_is_the_one_that_tonearm_draws(clips: list[Path]) -> None:
    pictures = Pictures.of("layl", AudioSettings(sr=SR), SpectrogramSettings(**SMALL | {"grey": True}))
    drawn = read(pictures, clips)
    run = run_of(fit("cnn", {"epochs": 1, "layers": 1, "channels": [2]}, drawn), pictures.facts())
    samples, _ = soundfile.read(clips[2], dtype="float32")
    assert_allclose(asked(build(run, pictures), samples)["picture"], drawn[2][:, :, 0], atol=1)


def test_a_model_that_says_something_else_is_not_kept(clips: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    pictures = Pictures.of("mel", AudioSettings(sr=SR), SpectrogramSettings(**SMALL))
    run = run_of(fit("cnn", {"epochs": 1, "layers": 1, "channels": [2]}, read(pictures, clips)), pictures.facts())
    built = build(run, pictures)
    other = run_of(fit("cnn", {"epochs": 3, "layers": 1, "channels": [2]}, read(pictures, clips)), pictures.facts())
    with pytest.raises(ExportError, match=r"differs and is not kept|another label"):
        check(other, pictures, built, clips)
    monkeypatch.setattr("tonearm.export.pictures.nearest_cells", lambda cells, pixels: np.zeros(pixels, dtype=np.intp))
    with pytest.raises(ExportError, match=r"are others than the run's|another label"):
        check(run, pictures, build(run, pictures), clips)


def test_a_network_that_torch_cannot_express_is_refused_in_one_sentence(
    clips: list[Path], capfd: pytest.CaptureFixture[str]
) -> None:
    from torch import nn

    pictures = Pictures.of("mel", AudioSettings(sr=SR), SpectrogramSettings(**SMALL))
    classifier = fit("cnn", {"epochs": 1, "layers": 1, "channels": [2]}, read(pictures, clips))
    classifier.module_ = nn.Sequential(nn.AdaptiveAvgPool2d(7), nn.Flatten(), nn.Linear(3 * 49, 2))
    run = run_of(classifier, pictures.facts())
    with pytest.raises(ExportError, match="the network of cnn cannot be written as ONNX: torch says"):
        build(run, pictures)
    assert not capfd.readouterr().out
