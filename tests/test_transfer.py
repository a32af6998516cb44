"""Transfer learning: the cache changes nothing, what is frozen stays, and real weights beat random ones."""

from pathlib import Path
from typing import Any
from urllib.error import URLError

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from torch import nn
from torchvision import models

import drawings
from tonearm.data.pictures import pack_files, read_pictures
from tonearm.errors import ModelError, TonearmError
from tonearm.models.resnet import ResNetSettings, build, network
from tonearm.models.storage import load_classifier, save_classifier
from tonearm.representations.frozen import digest
from tonearm.settings import DataSettings, TrainSettings
from tonearm.training.backbones import build_backbone
from tonearm.training.devices import seeded

LITE = {"backbone": "efficientnet_lite0", "epochs": 3, "batch_size": 8, "learning_rate": 0.005, "crop": 1.0, "masks": 0}


def make(**settings: Any) -> Any:
    return build(ResNetSettings.model_validate(LITE | settings), TrainSettings(device="cpu"))


def resnet18_weights(folder: Path) -> str:
    """A file of ResNet18 weights as torchvision names them, made here: batch norm's statistics are not those of a
    new network, so that a test sees whether they were taken.
    """
    with seeded(3, "cpu"):
        whole = models.resnet18()
        whole.train()(torch.randn(4, 3, 32, 32))
    torch.save(whole.state_dict(), folder / "resnet18.pth")
    return str(folder / "resnet18.pth")


@pytest.mark.parametrize("unfreeze", range(5))
def test_the_cut_network_is_torchvisions_whole_one(unfreeze: int, tmp_path: Path) -> None:
    weights = resnet18_weights(tmp_path)
    whole = models.resnet18()
    whole.load_state_dict(torch.load(weights, weights_only=True))
    whole.fc = nn.Identity()
    whole.eval()
    backbone = build_backbone("resnet18", weights).eval()
    x = torch.rand(2, 3, 40, 50)
    mean, deviation = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    expected = whole((x - mean[:, None, None]) / deviation[:, None, None])
    with torch.no_grad():
        found = backbone.open_part(unfreeze)(backbone.frozen_part(unfreeze)(x)).mean(dim=(2, 3))
    assert_allclose(found, expected.detach(), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("unfreeze", [0, 1, 2, 4])
def test_logits_and_gradients_are_those_of_the_straightforward_way(unfreeze: int) -> None:
    """The straightforward way: the whole network in one, the frozen blocks without gradients in evaluation mode."""
    X, y = drawings.pictures(8)
    settings = ResNetSettings.model_validate(LITE | {"unfreeze": unfreeze, "dropout": 0.0})
    inputs = make(unfreeze=unfreeze).inputs
    inputs.fit(X, None)
    ours = network(inputs.shape, 3, settings)
    inputs.start(ours)
    source = inputs.prepare(X, "cpu", None, repeated=True).source

    backbone = build_backbone("efficientnet_lite0", "imagenet").train()
    for part in (backbone.stem, *backbone.blocks[: 4 - unfreeze]):
        part.eval().requires_grad_(False)
    head = nn.Sequential(nn.BatchNorm1d(2560, affine=False), nn.Linear(2560, 3))
    head[1].load_state_dict(ours.output.state_dict())  # type: ignore[union-attr]
    pixels = torch.from_numpy(np.stack(list(X))).permute(0, 3, 1, 2).double() / 255.0
    maps = backbone.double()(pixels)  # in float64: batch norm over eight pictures magnifies the last bits
    theirs = head.double()(torch.cat([maps.mean(dim=(2, 3)), maps.amax(dim=(2, 3))], dim=1))

    assert_allclose(source[torch.arange(8)], inputs.frozen.float()(pixels.float()), rtol=1e-4, atol=1e-4)
    truth = torch.from_numpy(np.unique(y, return_inverse=True)[1])
    found = ours.double().train()(inputs.frozen.double()(pixels))
    assert_allclose(found.detach(), theirs.detach(), rtol=1e-9, atol=1e-9)
    for logits in (found, theirs):
        nn.functional.cross_entropy(logits, truth).backward()  # type: ignore[no-untyped-call]
    open_blocks = [*backbone.blocks[4 - unfreeze :].parameters()] if unfreeze else []
    expected = [*open_blocks, *head.parameters()]
    for mine, other in zip(ours.parameters(), expected, strict=True):
        assert mine.grad is not None
        assert other.grad is not None
        assert_allclose(mine.grad, other.grad, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("unfreeze", [0, 1])
def test_with_a_cache_in_memory_on_disk_or_none_the_training_is_the_same(unfreeze: int, tmp_path: Path) -> None:
    drawings.write_tree(tmp_path / "tree", 18)
    dataset, _ = read_pictures(DataSettings(folder=str(tmp_path / "tree")), (32, 32))
    pack_files(list(dataset.X), tmp_path / "pack")
    rows = np.array([17, 2, 9, 4, 11, 0, 6, 13, 5, 8])  # in an order that is not the pack's
    X, y = dataset.X[rows], dataset.labels[rows]
    results = []
    for cache, folder in (("none", None), ("float32", None), ("float32", tmp_path / "pack")):
        classifier = make(unfreeze=unfreeze, cache=cache).set_params(cache_dir=folder).fit(X, y)
        results.append(classifier.predict_proba(dataset.X))
    assert_array_equal(results[1], results[0])
    assert_array_equal(results[2], results[0])
    kept = list((tmp_path / "pack").glob("frozen-*.npy"))
    assert len(kept) == 1
    assert len(np.load(kept[0], mmap_mode="r")) == 18  # of all pictures, for the other folds


def test_half_precision_is_the_same_for_training_and_prediction() -> None:
    X, y = drawings.pictures(12)
    classifier = make(unfreeze=0, cache="float16").fit(X, y)
    source = classifier.inputs_.prepare(X, "cpu", None, repeated=True).source
    again = classifier.inputs_.prepare(X, "cpu", None, repeated=False).source
    kept = source[torch.arange(12)]
    assert torch.equal(kept, again[torch.arange(12)])
    assert torch.equal(kept, kept.half().float())


def test_what_is_frozen_stays_as_it_was_statistics_too_and_the_rest_learns() -> None:
    X, y = drawings.pictures(16)
    classifier = make(unfreeze=1).fit(X, y)
    fresh = build_backbone("efficientnet_lite0", "imagenet")
    assert digest(classifier.inputs_.frozen) == digest(fresh.frozen_part(1))
    before = fresh.open_part(1).state_dict()
    after = classifier.module_.get_submodule("blocks").state_dict()
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed == set(before)  # weights learn, and batch norm's statistics follow


def test_a_saved_model_predicts_the_same_bits_without_the_weights_it_began_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    X, y = drawings.pictures(12)
    weights = resnet18_weights(tmp_path)
    classifier = make(backbone="resnet18", weights=weights, unfreeze=1).fit(X, y)
    save_classifier(classifier, tmp_path / "model")
    Path(weights).unlink()
    loaded = load_classifier(tmp_path / "model")
    assert_array_equal(loaded.predict_proba(X), classifier.predict_proba(X))


def test_blocks_further_from_the_output_learn_more_slowly_where_asked() -> None:
    module = network((40, 2, 2), 3, ResNetSettings.model_validate(LITE | {"unfreeze": 0}))
    assert module.rates == {}
    settings = ResNetSettings.model_validate(LITE | {"unfreeze": 2, "block_rate": 0.5})
    inputs = make(unfreeze=2).inputs
    inputs.fit(drawings.pictures(2)[0], None)
    assert network(inputs.shape, 3, settings).rates == {"blocks.0.*": 0.25, "blocks.1.*": 0.5}
    X, y = drawings.pictures(16)
    slow = make(unfreeze=1, block_rate=1e-6, epochs=1).fit(X, y)
    fast = make(unfreeze=1, epochs=1).fit(X, y)
    start = dict(build_backbone("efficientnet_lite0", "imagenet").open_part(1).named_parameters())

    def moved(classifier: Any) -> float:
        now = dict(classifier.module_.get_submodule("blocks").named_parameters())
        return max(float((now[name] - start[name]).detach().abs().max()) for name in start)

    assert moved(slow) < 1e-6 < 1e-3 < moved(fast)


def test_what_the_blocks_read_is_hidden_in_part_only_while_they_learn() -> None:
    settings = ResNetSettings.model_validate(LITE | {"unfreeze": 1, "crop": 0.5, "masks": 1})
    inputs = make(unfreeze=1).inputs
    inputs.fit(drawings.pictures(2, height=96, width=96)[0], None)
    module = network(inputs.shape, 3, settings)
    maps = torch.rand(4, *inputs.shape)
    assert torch.equal(module.eval().augment(maps), maps)  # type: ignore[operator]
    assert module.train().augment(maps).shape[3] == round(maps.shape[3] / 2)  # type: ignore[operator]


def test_eight_pictures_are_memorised() -> None:
    X, _ = drawings.pictures(8, height=64, width=64)
    y = np.array([*"abcdabcd"], dtype=object)
    assert make(unfreeze=1, epochs=60, dropout=0.0, learning_rate=0.002).fit(X, y).score(X, y) == 1.0


@pytest.mark.parametrize(
    "name", ["resnet18", "regnet_x_400mf", "densenet121", "efficientnet_b0", "mobilenet_v3_small", "mnasnet0_5",
             "squeezenet1_1", "vgg11"],
)  # fmt: skip
def test_a_family_is_cut_into_four_blocks_that_are_all_of_it(name: str) -> None:
    backbone = build_backbone(name)
    assert len(backbone.blocks) == 4
    assert all(list(block.parameters()) for block in backbone.blocks)
    x = torch.rand(1, 3, 96, 96)
    whole: Any = models.get_model(name)
    with torch.no_grad(), seeded(0, "cpu"):
        found = backbone.eval()(x)
    inner = getattr(whole, "features", None) or getattr(whole, "layers", None)
    if isinstance(inner, nn.Sequential):
        assert sum(p.numel() for p in backbone.parameters()) == sum(p.numel() for p in inner.parameters())
    assert found.ndim == 4


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"backbone": "resnet51"}, "torchvision has none of that name; known: efficientnet_lite0, alexnet"),
        ({"backbone": "vit_b_16"}, "cannot be cut into blocks here; those that can: resnet"),
        ({"backbone": "resnet18", "weights": "nowhere.pth"}, "there is no such file"),
        (
            {"backbone": "resnet18", "weights": "IMAGENET1K_V9"},
            "allowed: imagenet, none, IMAGENET1K_V1, DEFAULT, or a file",
        ),
    ],
)
def test_what_cannot_be_built_says_what_can(settings: dict[str, str], says: str) -> None:
    X, y = drawings.pictures(8)
    with pytest.raises(ModelError, match=says):
        make(**settings).fit(X, y)


def test_weights_of_another_network_and_broken_files_are_refused(tmp_path: Path) -> None:
    weights = resnet18_weights(tmp_path)
    with pytest.raises(ModelError, match=r"are not those of resnet34: \d+ of its \d+ tensors are missing and 0 do not"):
        build_backbone("resnet34", weights)
    (tmp_path / "broken.pth").write_bytes(b"words")
    with pytest.raises(ModelError, match="cannot be read as weights"):
        build_backbone("resnet18", str(tmp_path / "broken.pth"))
    foreign: list[Any] = [[1, 2], torch.zeros(3), {1: torch.zeros(3)}, {"epoch": 3}]
    for state in foreign:
        torch.save(state, tmp_path / "foreign.pth")
        with pytest.raises(ModelError, match="holds no tensors by name"):
            build_backbone("resnet18", str(tmp_path / "foreign.pth"))


def test_weights_inside_a_checkpoint_are_the_same(tmp_path: Path) -> None:
    plain = resnet18_weights(tmp_path)
    torch.save({"epoch": 3, "state_dict": torch.load(plain, weights_only=True)}, tmp_path / "checkpoint.pth")
    assert digest(build_backbone("resnet18", str(tmp_path / "checkpoint.pth"))) == digest(
        build_backbone("resnet18", plain)
    )


def test_pictures_too_small_for_a_backbone_are_told() -> None:
    X, y = drawings.pictures(8, height=24, width=24)
    with pytest.raises(ModelError, match=r"backbone = 'alexnet': cannot read maps of 3 x 24 x 24 .* larger pictures"):
        make(backbone="alexnet", weights="none", unfreeze=0).fit(X, y)


def test_offline_the_error_says_how_to_go_on(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def unreachable(*_: Any, **__: Any) -> None:
        raise URLError("no route to host")

    monkeypatch.setattr("torch.hub.download_url_to_file", unreachable)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    with pytest.raises(ModelError, match=r"resnet50.*\.pth cannot be downloaded .*no route to host.* Offline, fetch"):
        build_backbone("resnet50", "imagenet")


def test_maps_that_do_not_fit_on_the_disk_are_refused_with_advice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawings.write_tree(tmp_path / "tree", 6)
    dataset, _ = read_pictures(DataSettings(folder=str(tmp_path / "tree")), (32, 32))
    pack_files(list(dataset.X), tmp_path / "pack")
    usage = type("Usage", (), {"free": 10})
    monkeypatch.setattr("shutil.disk_usage", lambda folder: usage)
    with pytest.raises(TonearmError, match=r'results for 6 pictures would take .* set cache = "float16"'):
        make(unfreeze=1).set_params(cache_dir=tmp_path / "pack").fit(dataset.X, dataset.labels)


@pytest.mark.shared
def test_real_weights_clearly_beat_random_ones_on_real_music(shared: Path) -> None:
    folder = shared / "pictures" / "mel"
    dataset, _ = read_pictures(DataSettings(folder=str(folder)), (96, 96))
    some = np.arange(0, len(dataset), 3)
    X, y = dataset.X[some], dataset.labels[some]
    train, test = np.arange(len(some)) % 4 != 0, np.arange(len(some)) % 4 == 0
    pixels = np.empty(len(X), dtype=object)
    from tonearm.data.pictures import read_picture

    pixels[:] = [read_picture(path, (96, 96)) for path in X]
    scores = {}
    for weights in ("imagenet", "none"):
        classifier = make(unfreeze=0, weights=weights, epochs=20, batch_size=32).fit(pixels[train], y[train])
        scores[weights] = classifier.score(pixels[test], y[test])
    assert scores["imagenet"] >= scores["none"] + 0.15
    assert scores["imagenet"] >= 0.4
