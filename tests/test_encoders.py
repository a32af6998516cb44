"""Encoders: networks and front ends equal other code's, weights that are fetched once, rows of windows."""

import os
from pathlib import Path

import librosa
import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray
from typer.testing import CliRunner

import encoder_files
import encoder_oracle as oracle
import signals
import tonearm
from tonearm.cli import app
from tonearm.config import parse_config
from tonearm.dsp.bands import mel_bands
from tonearm.dsp.sound import ClipSound
from tonearm.errors import ConfigError
from tonearm.report import write_report
from tonearm.representations.encoders import efficientat, musicnn, weights
from tonearm.representations.encoders.card import BuiltIn
from tonearm.representations.encoders.front_ends import clip_windows, log_mel
from tonearm.representations.encoders.onnx_folder import read_folder
from tonearm.representations.encoders.registry import ENCODERS
from tonearm.representations.encoders.representation import EmbeddingReader, Embeddings, pooled
from tonearm.representations.encoders.session import Network
from tonearm.representations.encoders.torch_checkpoint import read_torch
from tonearm.representations.registry import represent
from tonearm.sweep.driver import run_sweep

SMALLEST = ENCODERS["mn01_as"]
NOISE = signals.noise(25.0, 0.1, 3, 32_000)


def layers_of(built_in: BuiltIn, model: bytes, windows: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
    network = Network(model, "test")
    return {name: network.run(windows, built_in.encoder.source, name) for name in built_in.encoder.layers}


def assert_same(ours: dict[str, NDArray[np.float32]], plain: dict[str, NDArray[np.float32]], most: float) -> None:
    assert ours.keys() == plain.keys()
    for name, values in plain.items():
        error = np.linalg.norm(ours[name] - values) / np.linalg.norm(values)
        assert error < most, f"{name}: {error}"


@pytest.mark.parametrize("width", [0.1, 0.4])
def test_mobilenet_equals_torch_with_the_same_weights(width: float, tmp_path: Path) -> None:
    built_in = {0.1: SMALLEST, 0.4: ENCODERS["mn04_as"]}[width]
    tensors = oracle.random_mobilenet(width)
    read = built_in.read(oracle.save_torch(tensors, tmp_path / "weights.pt"))
    assert {name: value.tobytes() for name, value in read.items()} == {k: v.tobytes() for k, v in tensors.items()}
    windows = np.random.default_rng(1).normal(size=(2, 1000, 128)).astype(np.float32)
    plain = oracle.mobilenet(tensors, np.ascontiguousarray(windows.swapaxes(1, 2)))
    assert_same(layers_of(built_in, built_in.build(read), windows), plain, 1e-5)


def test_musicnn_equals_torch_with_the_same_weights(tmp_path: Path) -> None:
    built_in, tensors = ENCODERS["MTT_musicnn"], oracle.random_musicnn()
    read = built_in.read(encoder_files.wheel(tmp_path / "m.whl", {"MTT_musicnn": tensors}))
    assert {name: value.tobytes() for name, value in read.items()} == {k: v.tobytes() for k, v in tensors.items()}
    windows = np.random.default_rng(1).uniform(0, 3, (2, 187, 96)).astype(np.float32)
    assert_same(layers_of(built_in, built_in.build(read), windows), oracle.musicnn(tensors, windows), 1e-5)


def test_front_ends_equal_torch_and_librosa() -> None:
    ours = log_mel(NOISE, 32_000, efficientat.FRONT)
    assert np.abs(ours.T - oracle.efficientat_bands(NOISE)).max() < 1e-4
    tone = signals.tone(440.0, 8.0, 0.5, 16_000) + signals.noise(8.0, 0.01, 0, 16_000)
    assert np.abs(log_mel(tone, 16_000, musicnn.FRONT) - oracle.musicnn_bands(tone)).max() < 2e-3  # a step of float16


@pytest.mark.parametrize("scale", ["slaney", "htk"])
def test_mel_bands_are_librosas(scale: str) -> None:
    bands = mel_bands(16_000, 512, 96, 0.0, 8_000.0, "htk" if scale == "htk" else "slaney")
    expected = librosa.filters.mel(sr=16_000, n_fft=512, n_mels=96, htk=scale == "htk")
    dense = np.zeros_like(expected)
    for line, first, start, stop in zip(dense, bands.first, bands.starts, bands.starts[1:], strict=False):
        line[first : first + stop - start] = bands.weights[start:stop]
    assert np.array_equal(dense, expected)


@pytest.mark.parametrize(
    ("seconds", "starts"), [(0.5, [0]), (10.0, [0]), (14.9, [0]), (15.0, [0, 5]), (25.0, [0, 10, 15])]
)
def test_windows_cover_a_clip_up_to_half_a_window(seconds: float, starts: list[int]) -> None:
    samples = np.arange(round(seconds * 100), dtype=np.float32)
    windows = clip_windows(samples, 100, 10.0, 10.0, None)
    assert windows[:, 0].tolist() == [100.0 * start for start in starts]
    assert windows.shape == (len(starts), 1000)
    if seconds < 10:
        assert np.array_equal(windows[0], np.resize(samples, 1000))


def test_a_clip_shorter_than_a_window_is_the_clip_repeated(tiny_encoders: Path) -> None:
    short = signals.noise(1.0, 0.1, 0, 32_000)
    assert np.array_equal(tonearm.embed(short, 32_000, "mn04_as"), tonearm.embed(np.tile(short, 10), 32_000, "mn04_as"))


def reader_of(name: str, **encoders: str) -> EmbeddingReader:
    config = parse_config({"encoders": encoders})
    return Embeddings.of(name, config.audio, config.encoders).open()


def test_a_windows_row_has_the_same_bits_whatever_stands_beside_it(tiny_encoders: Path) -> None:
    reader = reader_of("mn04_as")
    pieces = clip_windows(NOISE, 32_000, 10.0, 10.0, reader.encoder.front)
    every = reader.windows(NOISE)
    for piece, row in zip(pieces, every, strict=True):
        assert reader.run(piece[None]).tobytes() == row.tobytes()


def test_pools_are_the_statistics_over_windows(tiny_encoders: Path) -> None:
    rows = reader_of("mn04_as").windows(NOISE).astype(np.float64)
    both = tonearm.embed(NOISE, 32_000, "mn04_as", pool="mean+std")
    assert np.array_equal(both, np.r_[rows.mean(0), rows.std(0)])
    assert np.array_equal(pooled(rows.astype(np.float32), "mean+max")[384:], rows.max(0))
    config = parse_config({"encoders": {"pool": "mean+max"}})
    assert represent(["mn04_as"], config).columns[383:385] == ("map_mean_383_mean", "map_mean_000_max")
    assert represent(["musicnn:tags"], parse_config({})).columns[:2] == ("rock", "pop")


def test_embed_resamples_to_the_encoders_rate(tiny_encoders: Path, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", np.stack([signals.noise(4.0, 0.1, 1), signals.noise(4.0, 0.1, 2)], 1), 22_050)
    with ClipSound(tmp_path / "a.wav") as sound:
        [row] = reader_of("musicnn").read([sound])
    samples = tonearm.load_audio(tmp_path / "a.wav")
    assert np.array_equal(tonearm.embed(samples, 22_050, "musicnn"), row)
    with pytest.raises(tonearm.AudioError, match=r"0\.010 s are left"):
        tonearm.embed(samples[:220], 22_050, "musicnn")


def test_embed_table_is_what_the_command_writes(tiny_encoders: Path, tmp_path: Path) -> None:
    for label, sr in (("a", 8_000), ("b", 44_100)):
        (tmp_path / "music" / label).mkdir(parents=True)
        soundfile.write(tmp_path / "music" / label / "1.wav", signals.tone(300.0, 1.0, 0.5, sr), sr)
    soundfile.write(tmp_path / "music" / "a" / "silent.wav", np.zeros(8_000, dtype=np.float32), 8_000)
    table = tonearm.embed_table(tmp_path / "music", tmp_path / "one", "mn04_as", pool="mean+max")
    assert table.names.tolist() == ["a/1.wav", "b/1.wav"]
    with ClipSound(tmp_path / "music" / "a" / "1.wav") as sound:
        [row] = reader_of("mn04_as", pool="mean+max").read([sound])
    assert np.array_equal(table.X[0], row)
    arguments = ["embed", tmp_path / "music", "--encoder", "mn04_as", "--pool", "mean+max", "--out", tmp_path / "two"]
    done = CliRunner().invoke(app, [*map(str, arguments), "--workers", "2"])
    assert done.exit_code == 0, done.output
    assert "left out: 1 clip" in done.output  # the silent one
    assert "silent.wav" in (tmp_path / "two" / "failures.csv").read_text()
    for name in ("mn04_as.csv", "mn04_as.parquet"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_a_sweep_crosses_layers_and_pools(tiny_encoders: Path, tmp_path: Path) -> None:
    for number in range(12):
        label = ("low", "high")[number % 2]
        (tmp_path / "music" / label).mkdir(parents=True, exist_ok=True)
        tone = signals.tone(200.0 + 3_000 * (number % 2) + 20 * number, 1.0)
        soundfile.write(tmp_path / "music" / label / f"{number}.wav", tone, signals.SR)
    grid = {"encoders.layer": ["map_mean", "hidden"], "encoders.pool": ["mean", "mean+max"]}
    values = {
        "data": {"folder": str(tmp_path / "music")},
        "models": {"logistic": {"reads": "mn04_as"}},
        "split": {"valid": 0.3, "test": 0.3, "recordings": False},
    }
    results = run_sweep(parse_config({**values, "sweep": {"grid": grid}}), tmp_path / "out")
    assert [trial.state for trial in results.trials] == ["done"] * 4
    known = "the encoder mn04_as, which logistic reads, was trained on AudioSet"
    assert known in (tmp_path / "out" / "sweep.md").read_text()
    assert known in write_report(tmp_path / "out").read_text()
    with pytest.raises(ConfigError, match="has no layer 'hiden'; its layers: map_mean, hidden, logits"):
        run_sweep(parse_config({**values, "sweep": {"grid": {"encoders.layer": ["hiden"]}}}), tmp_path / "wrong")


def test_the_layer_after_the_name_stands_over_the_section(tiny_encoders: Path) -> None:
    config = parse_config({"encoders": {"layer": "logits"}})
    sizes = {name: len(represent([name], config).columns) for name in ("mn04_as", "mn04_as:hidden")}
    assert sizes == {"mn04_as": 527, "mn04_as:hidden": 512}
    with pytest.raises(ConfigError, match=r"MSD_musicnn has no layer 'logits'.*MSD_musicnn:penultimate"):
        parse_config({"encoders": {"layer": "logits"}, "models": {"logistic": {"reads": ["mn04_as", "musicnn"]}}})


def own_encoder(folder: Path, front: str = "", shape: tuple[int, ...] = (16_000,), layers: str = "out = 5") -> str:
    """An encoder in a folder; its name in `reads`."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "encoder.toml").write_text(f"sr = 16000\nwindow = 1.0\nhop = 0.5\nlayers = {{ {layers} }}\n{front}")
    encoder = read_folder(folder)
    assert encoder.shape == shape
    (folder / "model.onnx").write_bytes(encoder_files.tiny_network(encoder))
    return f"onnx:{folder}"


def test_an_encoder_of_ones_own_reads_samples_or_bands(tmp_path: Path) -> None:
    name = own_encoder(tmp_path / "raw", layers="out = 5, other = 3")
    samples = signals.noise(2.0, 0.1, 0, 16_000)
    reader = reader_of(name)
    assert reader.windows(samples).shape == (3, 5)
    assert reader_of(f"{name}:other").windows(samples).shape == (3, 3)
    front = "[front_end]\nn_fft = 512\nwindow_length = 400\nhop_length = 160\nn_mels = 20\nhigh_hz = 8000.0\n"
    turned = own_encoder(tmp_path / "bands", 'axes = "bands frames"\nchannel = true\n' + front, (1, 20, 100))
    inner = reader_of(turned)
    pieces = clip_windows(samples, 16_000, 1.0, 0.5, inner.encoder.front)
    assert np.array_equal(inner.encoder.arranged(pieces)[1, 0], pieces[1].T)
    assert inner.windows(samples).shape == (3, 5)
    assert tonearm.embed(samples, 16_000, turned).shape == (5,)


@pytest.fixture(scope="session")
def encoders_data(shared: Path) -> Path:
    folder = shared.parent / "encoders"
    if not folder.is_dir():
        pytest.skip("needs the reference data in ../shared/data/encoders, which is not here")
    return folder


@pytest.mark.shared
@pytest.mark.parametrize("genre", ["classical", "metal"])
def test_mn04_as_equals_other_code_on_real_music(shared: Path, encoders_data: Path, genre: str) -> None:
    built_in, known = ENCODERS["mn04_as"], np.load(encoders_data / "oracle.npz")
    tensors = built_in.read(encoders_data / "mn04_as" / built_in.weights.file)
    assert weights.tensors_digest(tensors) == built_in.digest
    place = known["names"].tolist().index(f"{genre}.00000.au")
    samples, _ = librosa.load(shared / "full" / genre / f"{genre}.00000.au", sr=32_000)
    windows = clip_windows(samples, 32_000, 10.0, 10.0, efficientat.FRONT)
    assert len(windows) == 3
    assert windows[0].mean(0) == pytest.approx(known["mn04_as_front_first_piece_mean_by_band"][place], abs=1e-4)
    found = {name: rows.mean(0) for name, rows in layers_of(built_in, built_in.build(tensors), windows).items()}
    assert_same(found, {name: known[f"mn04_as_{name}"][place] for name in found}, 1e-3)


@pytest.mark.shared
@pytest.mark.parametrize("name", ["MSD_musicnn", "MTT_musicnn"])
def test_musicnn_equals_other_code_on_real_music(shared: Path, encoders_data: Path, name: str) -> None:
    file = Path(os.environ.get("MUSICNN_WHEEL", ""))
    if not file.is_file():
        pytest.skip(f"needs {musicnn.WEIGHTS.file}, named by the environment variable MUSICNN_WHEEL")
    built_in, known = ENCODERS[name], np.load(encoders_data / "oracle.npz")
    samples, _ = librosa.load(shared / "full" / "jazz" / "jazz.00000.au", sr=16_000)
    encoder = built_in.encoder
    windows = clip_windows(samples, 16_000, encoder.window, encoder.hop, musicnn.FRONT)
    rows = layers_of(built_in, built_in.build(built_in.read(file)), windows)
    place = known["names"].tolist().index("jazz.00000.au")
    found = {layer: values.mean(0) for layer, values in rows.items()}
    assert_same(found, {layer: known[f"{name}_{layer}"][place] for layer in found}, 1e-3)


@pytest.mark.shared
def test_a_torch_file_of_the_makers_is_read_like_torch_reads_it(encoders_data: Path) -> None:
    import torch

    path = encoders_data / "mn04_as" / "mn04_as_mAP_432.pt"
    expected = torch.load(path, weights_only=True)
    found = read_torch(path)
    assert list(found) == list(expected)
    assert all(np.array_equal(found[name], tensor.numpy()) for name, tensor in expected.items())
