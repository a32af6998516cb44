"""The CNNs and the engine on pictures: sizes, windows, augmentation, and that they learn."""

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from torch import nn

import drawings
from tonearm.config import parse_config
from tonearm.data.pictures import pack_arrays, pack_files
from tonearm.errors import ConfigError, ModelError
from tonearm.experiment.inputs import read_inputs
from tonearm.models import MODELS
from tonearm.models.cnn import CNNSettings, map_sizes, network
from tonearm.settings import TrainSettings
from tonearm.training.layers import Augment
from tonearm.training.pictures import PictureInputs, Windows

SMALL: dict[str, dict[str, Any]] = {
    "cnn": {"layers": 2, "channels": (8, 16), "patience": 0, "schedule": "none", "learning_rate": 0.01},
    "cnn-mel": {"channels": (8, 16), "dropout": 0.0, "label_smoothing": 0.0, "learning_rate": 0.01},
}


def make(name: str, seed: int = 0, **settings: Any) -> Any:
    model = MODELS[name]
    chosen = model.settings.model_validate(SMALL[name] | settings)
    return model.build(chosen, TrainSettings(seed=seed, device="cpu"))


def torch_sizes(layers: int, kernel: int, stride: int) -> list[tuple[int, int]] | None:
    """Map sizes as torch finds them, None where it refuses."""
    x = torch.zeros(1, 1, 60, 61)
    sizes = [(60, 61)]
    for _ in range(layers):
        try:
            x = nn.Conv2d(1, 1, kernel, stride, 1)(x)
        except RuntimeError:
            return None
        sizes.append((x.shape[2], x.shape[3]))
    return sizes


@pytest.mark.parametrize(("layers", "kernel", "stride"), [*itertools.product((1, 3, 4, 6), (2, 3, 4, 5), (1, 2, 3, 4))])
def test_map_sizes_are_pytorchs_or_the_settings_are_refused(layers: int, kernel: int, stride: int) -> None:
    settings = CNNSettings(layers=layers, kernel_size=kernel, stride=stride, channels=(2,))
    expected = torch_sizes(layers, kernel, stride)
    if expected is None:
        with pytest.raises(ModelError, match=rf"of {layers} has a kernel of {kernel} pixels and a map of"):
            map_sizes(60, 61, settings)
    else:
        assert map_sizes(60, 61, settings) == expected
        assert network((3, 60, 61), 10, settings)(torch.zeros(2, 3, 60, 61)).shape == (2, 10)


def test_a_map_that_shrinks_to_nothing_names_the_way_there() -> None:
    with pytest.raises(ModelError, match=r"layer 5 of 6 .* 172x173 → 43x43 → 11x11 → 3x3 → 1x1\. Choose layers = 4 or"):
        map_sizes(172, 173, CNNSettings(layers=6))


def test_a_network_too_deep_for_its_pictures_is_refused_before_any_is_drawn(tmp_path: Path) -> None:
    config = parse_config({"data": {"folder": str(tmp_path / "nowhere")}, "models": {"cnn": {"layers": 6}}})
    with pytest.raises(ConfigError, match=r"models\.cnn: layer 5 of 6 has a kernel of 4 pixels"):
        read_inputs(config, tmp_path)


@pytest.mark.parametrize("name", SMALL)
def test_each_model_memorises_eight_pictures(name: str) -> None:
    X, _ = drawings.pictures(8)
    generator = np.random.default_rng(0)
    y = np.array([*"aabbccdd"], dtype=object)[generator.permutation(8)]
    settings: dict[str, Any] = {"crop": 1.0, "masks": 0} if name == "cnn-mel" else {}
    classifier = make(name, epochs=60, batch_size=8, restore_best=False, **settings).fit(X, y)
    assert classifier.score(X, y) == 1.0


@pytest.mark.parametrize("name", SMALL)
def test_it_learns_what_is_there_and_nothing_from_shuffled_labels(name: str) -> None:
    X, y = drawings.pictures(90)
    train, test = np.arange(60), np.arange(60, 90)
    classifier = make(name, epochs=8).fit(X[train], y[train])
    assert classifier.score(X[test], y[test]) >= 0.9
    shuffled = np.random.default_rng(3).permutation(y)
    chance = make(name, epochs=8).fit(X[train], shuffled[train])
    assert chance.score(X[test], shuffled[test]) < 0.6


@pytest.mark.parametrize("name", SMALL)
def test_paths_in_a_pack_or_not_and_pixels_are_the_same_pictures(name: str, tmp_path: Path) -> None:
    drawings.write_tree(tmp_path / "tree", 12)
    paths = np.array(sorted(str(path) for path in (tmp_path / "tree").rglob("*.png")), dtype=object)
    y = np.array([Path(path).parent.name for path in paths], dtype=object)
    pack_files(list(paths), tmp_path / "pack")
    pixels = np.empty(12, dtype=object)
    pixels[:] = [drawings.stripes(row % 3, row) for code in range(3) for row in range(code, 12, 3)]
    packed = make(name, epochs=2).set_params(cache_dir=tmp_path / "pack").fit(paths, y)
    probabilities = packed.predict_proba(paths)
    for classifier, X in ((make(name, epochs=2), paths), (make(name, epochs=2), pixels)):
        assert_array_equal(classifier.fit(X, y).predict_proba(X), probabilities)
    assert_array_equal(packed.predict_proba(paths[::-1]), probabilities[::-1])
    assert_array_equal(packed.predict_proba(pixels[4:5]), probabilities[4:5])


@pytest.mark.parametrize("name", SMALL)
def test_a_killed_training_ends_as_an_undisturbed_one(name: str, tmp_path: Path) -> None:
    X, y = drawings.pictures(24)
    whole = make(name, epochs=6).fit(X, y)

    def kill(row: dict[str, float]) -> None:
        if row["epoch"] == 4:
            raise KeyboardInterrupt

    first = make(name, epochs=6, checkpoint_epochs=3).set_params(checkpoint_dir=tmp_path, report=kill)
    with pytest.raises(KeyboardInterrupt):
        first.fit(X, y)
    epochs: list[float] = []
    second = make(name, epochs=6, checkpoint_epochs=3).set_params(
        checkpoint_dir=tmp_path, report=lambda row: epochs.append(row["epoch"])
    )
    second.fit(X, y)
    assert epochs == [4, 5, 6]
    assert_array_equal(second.predict_proba(X), whole.predict_proba(X))


def windows(picture: Any, window: int) -> Windows:
    return Windows(pack_arrays([picture]), np.array([0]), window, np.zeros(3), np.ones(3), "cpu")


def test_a_wide_picture_is_cut_into_windows_and_a_narrow_one_repeated() -> None:
    wide = drawings.stripes(0, 1, width=80)
    cut = windows(wide, 32)
    batch = cut[torch.arange(len(cut))]
    assert cut.offsets.tolist() == [0, 16, 32, 48]
    for number, start in enumerate((0, 16, 32, 48)):
        expected = wide[:, start : start + 32].transpose(2, 0, 1) / 255
        assert_allclose(batch[number], expected, atol=1e-7)
    narrow = drawings.stripes(0, 1, width=12)
    expected = np.tile(narrow, (1, 3, 1))[:, :32].transpose(2, 0, 1) / 255
    assert_allclose(windows(narrow, 32)[torch.tensor([0])][0], expected, atol=1e-7)


@pytest.mark.parametrize("name", SMALL)
def test_the_probabilities_of_a_long_clip_are_the_mean_of_its_windows(name: str) -> None:
    X, y = drawings.pictures(30)
    classifier = make(name, epochs=2).fit(X, y)
    long = np.empty(1, dtype=object)
    long[0] = np.concatenate([X[0], X[4], X[8]], axis=1)
    parts = np.empty(5, dtype=object)
    parts[:] = [long[0][:, start : start + 32] for start in (0, 16, 32, 48, 64)]
    assert_allclose(classifier.predict_proba(long)[0], classifier.predict_proba(parts).mean(axis=0), atol=1e-12)


def test_the_input_is_standardised_by_training_pixels_alone() -> None:
    X, _ = drawings.pictures(6)
    for grey in (False, True):
        inputs = PictureInputs(grey=grey)
        inputs.fit(X[:4], None)
        batch = inputs.prepare(X[:4], "cpu", None, repeated=True).source[torch.arange(4)]
        assert_allclose(batch.mean(dim=(0, 2, 3)), 0, atol=1e-5)
        assert_allclose(batch.std(dim=(0, 2, 3), correction=0), 1, atol=1e-5)
        assert batch.shape == (4, 1 if grey else 3, 32, 32)
    with pytest.raises(ValueError, match="40 pixels high, but this model learned 32"):
        inputs.prepare(drawings.pictures(2, height=40)[0], "cpu", None, repeated=False)
    with pytest.raises(ValueError, match="no pictures are given"):
        inputs.fit(X[:0], None)


def test_the_window_is_the_commonest_width() -> None:
    X = np.empty(4, dtype=object)
    X[:] = [drawings.stripes(0, row, width=width) for row, width in enumerate((20, 30, 30, 90))]
    inputs = PictureInputs()
    inputs.fit(X, None)
    assert inputs.shape == (3, 32, 30)


def test_augmentation_turns_cuts_and_hides_only_while_learning() -> None:
    disturb = Augment(crop=0.5, masks=1, share=0.2)
    x = torch.arange(1.0, 41).repeat(6, 1, 10, 1)
    assert disturb.eval()(x) is x
    torch.manual_seed(0)
    found = disturb.train()(x)
    assert found.shape == (6, 1, 10, 20)
    assert (found == 0).any()
    shown = [sorted({float(value) for value in row.unique()} - {0.0}) for row in found]
    for values in shown:  # what is seen is one stretch, its end following its start
        steps = {(after - before) % 40 for before, after in itertools.pairwise(values)}
        assert steps <= set(range(1, 41))
        assert len(values) >= 16
    torch.manual_seed(0)
    assert torch.equal(disturb(x), found)
    assert not torch.equal(disturb(x), found)
