"""The engine of the torch models: what it keeps, when it stops, and that a killed training ends the same."""

import pickle
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.model_selection import cross_val_score
from torch import nn

from tables import clouds
from tonearm.errors import ModelError
from tonearm.models.mlp import MLPSettings, build, network
from tonearm.settings import TrainSettings
from tonearm.training import fit_classifier, history, need_torch
from tonearm.training.batches import Batches, Rows
from tonearm.training.devices import choose_device, seeded
from tonearm.training.inputs import TableInputs

SMALL = {"hidden": (12,), "epochs": 8, "schedule": "none", "dropout": 0.0, "label_smoothing": 0.0}


def make(seed: int = 0, **settings: Any) -> Any:
    return build(MLPSettings.model_validate(SMALL | settings), TrainSettings(seed=seed, device="cpu"))


def parts(spread: float = 6.0) -> tuple[Any, Any, Any, Any]:
    X, y = clouds(160, spread=spread)
    return X[:100], y[:100], X[100:], y[100:]


def without_time(rows: list[dict[str, float]]) -> list[dict[str, float]]:
    return [{key: value for key, value in row.items() if key != "seconds"} for row in rows]


def plain_loop(X: Any, y: Any, settings: MLPSettings, seed: int) -> tuple[nn.Module, list[float]]:
    """The same training as PyTorch's tutorial writes it; also the mean loss of each epoch."""
    X = torch.tensor((X - X.mean(axis=0)) / X.std(axis=0), dtype=torch.float32)
    truth = torch.from_numpy(np.unique(y, return_inverse=True)[1])
    losses = []
    with seeded(seed, "cpu"):
        module = network((X.shape[1],), 3, settings)
        optimizer = torch.optim.Adam(module.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay)
        for _ in range(settings.epochs):
            total = 0.0
            for rows in torch.split(torch.randperm(len(X)), settings.batch_size):
                optimizer.zero_grad()
                loss = nn.functional.cross_entropy(module(X[rows]), truth[rows])
                loss.backward()  # type: ignore[no-untyped-call]
                optimizer.step()
                total += loss.item() * len(rows)
            losses.append(total / len(X))
    return module, losses


def test_the_engine_is_the_plain_loop() -> None:
    X, y, _, _ = parts()
    classifier = make(seed=4, dropout=0.3).fit(X, y)
    module, losses = plain_loop(X, y, classifier.settings, 4)
    for ours, theirs in zip(classifier.module_.parameters(), module.parameters(), strict=True):
        assert_allclose(ours.detach(), theirs.detach(), atol=1e-6)
    assert_allclose([row["train_loss"] for row in classifier.history_], losses, rtol=1e-6)


def test_history_ends_with_what_the_fitted_model_scores() -> None:
    X, y, X_valid, y_valid = parts()
    classifier = make(restore_best=False).fit(X, y, X_valid, y_valid)
    probabilities = classifier.predict_proba(X_valid)
    truth = np.searchsorted(classifier.classes_, y_valid)
    last = history(classifier)[-1]
    assert [row["epoch"] for row in classifier.history_] == list(range(1, 9))
    assert last["valid_loss"] == pytest.approx(-np.mean(np.log(probabilities[np.arange(60), truth])), rel=1e-5)
    assert last["valid_accuracy"] == np.mean(classifier.predict(X_valid) == y_valid)
    assert last["seconds"] > 0
    assert classifier.best_epoch_ == 8


def test_the_best_epoch_is_restored() -> None:
    X, y, X_valid, y_valid = parts()
    classifier = make(epochs=40, learning_rate=0.05, restore_best=True).fit(X, y, X_valid, y_valid)
    losses = [row["valid_loss"] for row in classifier.history_]
    best = int(np.argmin(losses)) + 1
    assert best < 40, "this test needs a training that overfits"
    assert classifier.best_epoch_ == best
    until_then = make(epochs=best, learning_rate=0.05, restore_best=False).fit(X, y, X_valid, y_valid)
    assert_array_equal(classifier.predict_proba(X_valid), until_then.predict_proba(X_valid))


def test_early_stopping_waits_as_long_as_it_should() -> None:
    X, y, X_valid, y_valid = parts()
    classifier = make(epochs=100, learning_rate=0.05, patience=3).fit(X, y, X_valid, y_valid)
    assert len(classifier.history_) == classifier.best_epoch_ + 3 < 100


@pytest.mark.parametrize(
    ("settings", "rates"),
    [
        ({"schedule": "none"}, [0.01] * 8),
        ({"schedule": "step", "schedule_epochs": 3}, [0.01] * 3 + [0.001] * 3 + [0.0001] * 2),
        ({"schedule": "cosine"}, [0.005 * (1 + np.cos(np.pi * epoch / 8)) for epoch in range(8)]),
    ],
)
def test_the_learning_rate_falls_as_scheduled(settings: dict[str, Any], rates: list[float]) -> None:
    X, y, _, _ = parts()
    assert_allclose([row["learning_rate"] for row in make(**settings).fit(X, y).history_], rates)


def test_the_plateau_schedule_follows_the_validation_loss() -> None:
    X, y, X_valid, y_valid = parts()
    settings: dict[str, Any] = {"schedule": "plateau", "schedule_epochs": 2, "schedule_factor": 0.5, "epochs": 40}
    rows = make(**settings).fit(X, y, X_valid, y_valid).history_
    assert rows[-1]["learning_rate"] < 0.01
    drop = next(i for i in range(1, 40) if rows[i]["learning_rate"] < 0.01)
    before = [row["valid_loss"] for row in rows[:drop]]
    assert min(before[-3:]) >= min(before[:-3]) * (1 - 1e-4)  # three epochs without a lower loss


def test_rows_are_held_out_where_validation_is_needed_and_not_given() -> None:
    X, y, _, _ = parts()
    classifier = make(patience=2, validation_fraction=0.2).fit(X, y)
    assert "valid_loss" in classifier.history_[0]
    assert "valid_loss" not in make().fit(X, y).history_[0]
    assert cross_val_score(make(patience=5, epochs=20), *clouds(), cv=3).mean() > 0.9


def test_too_few_rows_to_hold_out_are_told() -> None:
    X, y, _, _ = parts()
    with pytest.raises(ModelError, match=r"validation_fraction = 0\.1"):
        make(patience=2).fit(X[:4], y[:4])


def test_validation_labels_must_be_known() -> None:
    X, y, X_valid, y_valid = parts()
    with pytest.raises(ModelError, match="no training row has: metal"):
        make().fit(X[y != "metal"], y[y != "metal"], X_valid, y_valid)


class KilledError(Exception):
    pass


def kill_after(epoch: int) -> Any:
    def report(row: dict[str, float]) -> None:
        if row["epoch"] == epoch:
            raise KilledError

    return report


@pytest.mark.parametrize("settings", [{"schedule": "cosine"}, {"schedule": "plateau", "patience": 9}, {}])
def test_a_killed_training_ends_as_an_undisturbed_one(tmp_path: Path, settings: dict[str, Any]) -> None:
    X, y, X_valid, y_valid = parts()
    settings = {"epochs": 12, "dropout": 0.2, "batch_norm": True, "checkpoint_epochs": 3, **settings}
    whole = make(**settings).fit(X, y, X_valid, y_valid)
    with pytest.raises(KilledError):
        make(**settings).set_params(checkpoint_dir=tmp_path, report=kill_after(8)).fit(X, y, X_valid, y_valid)
    seen: list[float] = []
    resumed = make(**settings).set_params(checkpoint_dir=tmp_path, report=lambda row: seen.append(row["epoch"]))
    resumed.fit(X, y, X_valid, y_valid)
    assert seen == [7, 8, 9, 10, 11, 12]
    assert without_time(resumed.history_) == without_time(whole.history_)
    assert resumed.best_epoch_ == whole.best_epoch_
    assert_array_equal(resumed.predict_proba(X), whole.predict_proba(X))


def test_a_state_of_another_training_is_not_used(tmp_path: Path) -> None:
    X, y, _, _ = parts()
    make(checkpoint_epochs=1).set_params(checkpoint_dir=tmp_path).fit(X, y)
    for changed in (make(checkpoint_epochs=1, seed=1), make(checkpoint_epochs=1, dropout=0.1)):
        seen: list[float] = []
        changed.set_params(checkpoint_dir=tmp_path, report=lambda row, to=seen: to.append(row["epoch"])).fit(X, y)
        assert seen == list(range(1, 9))
    seen = []
    again = make(checkpoint_epochs=1, dropout=0.1).set_params(checkpoint_dir=tmp_path)
    again.set_params(report=lambda row: seen.append(row["epoch"])).fit(X, y)
    assert seen == []
    assert len(again.history_) == 8


def test_a_damaged_checkpoint_counts_as_absent(tmp_path: Path) -> None:
    X, y, _, _ = parts()
    whole = make(checkpoint_epochs=1).set_params(checkpoint_dir=tmp_path).fit(X, y)
    [checkpoint] = tmp_path.iterdir()
    content = checkpoint.read_bytes()
    for damaged in (b"", content[: len(content) // 2], b"\x80\x04N.", bytes(range(256)) * 9, content[::-1]):
        checkpoint.write_bytes(damaged)
        again = make(checkpoint_epochs=1).set_params(checkpoint_dir=tmp_path).fit(X, y)
        assert without_time(again.history_) == without_time(whole.history_)


def test_a_diverging_training_is_told_with_the_remedy() -> None:
    X, y, _, _ = parts()
    with pytest.raises(ModelError, match="choose a learning_rate below 100"):
        make(optimizer="sgd", learning_rate=100.0, epochs=50).fit(X, y)


def test_other_peoples_random_numbers_are_left_alone() -> None:
    X, y, _, _ = parts()
    torch.manual_seed(1)
    expected = torch.rand(3)
    torch.manual_seed(1)
    make(dropout=0.5).fit(X, y).predict(X)
    assert torch.equal(torch.rand(3), expected)


def test_pickling_keeps_the_bits() -> None:
    X, y, _, _ = parts()
    classifier = make(batch_norm=True).fit(X, y)
    assert_array_equal(pickle.loads(pickle.dumps(classifier)).predict_proba(X), classifier.predict_proba(X))


@pytest.mark.parametrize("optimizer", ["adam", "adamw", "sgd"])
@pytest.mark.parametrize("activation", ["relu", "gelu", "silu", "elu", "tanh", "sigmoid"])
def test_every_optimizer_and_activation_learns(optimizer: str, activation: str) -> None:
    X, y = clouds()
    classifier = make(optimizer=optimizer, activation=activation, epochs=30, learning_rate=0.03).fit(X, y)
    assert np.mean(classifier.predict(X) == y) >= 0.95


def test_smoothed_labels_and_lower_precision_learn_too() -> None:
    X, y = clouds()
    sharp, smooth, rough = (
        make(epochs=30, **settings).fit(X, y) for settings in ({}, {"label_smoothing": 0.3}, {"precision": "bfloat16"})
    )
    assert smooth.predict_proba(X).max() < sharp.predict_proba(X).max()
    assert np.mean(rough.predict(X) == y) >= 0.95
    assert not np.array_equal(rough.predict_proba(X), sharp.predict_proba(X))


def test_a_single_row_left_over_joins_the_batch_before() -> None:
    source = torch.arange(9.0).reshape(9, 1)
    rows = Rows(source, np.zeros(9, dtype=np.int64))
    assert [len(truth) for _, truth in Batches(rows, 4, shuffle=True)] == [4, 5]
    assert [len(truth) for _, truth in Batches(rows, 4)] == [4, 4, 1]
    seen = torch.cat([inputs for inputs, _ in Batches(rows, 4, shuffle=True)])
    assert sorted(seen.flatten().tolist()) == list(range(9))
    X, y = clouds(33)
    make(batch_norm=True).fit(X, y)  # torch refuses batch norm over one row


def test_a_constant_column_is_only_centred() -> None:
    inputs = TableInputs()
    inputs.fit(np.array([[0.1, 1.0], [0.1, 3.0], [0.1, 5.0]]), None)
    prepared = inputs.prepare(np.array([[0.1, 3.0]]), "cpu", None, repeated=True)
    assert_allclose(prepared.source[torch.arange(1)], [[0.0, 0.0]], atol=1e-7)
    assert prepared.owners.tolist() == [0]
    assert inputs.scale[0] == 1.0


def test_other_columns_than_fitted_are_refused() -> None:
    X, y, _, _ = parts()
    classifier = make().fit(X, y)
    assert classifier.n_features_in_ == 5
    with pytest.raises(ValueError, match="4 features"):
        classifier.predict(X[:, :4])
    with pytest.raises(ValueError, match="NaN"):
        classifier.predict(np.full((1, 5), np.nan))


def test_a_device_that_is_not_here_is_told() -> None:
    absent = next(device for device in ("mps", "cuda") if device not in choose_device("auto"))
    with pytest.raises(ModelError, match=absent):
        choose_device(absent)
    assert choose_device("cpu") == "cpu"


def test_without_torch_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(ModelError, match=r'pip install "tonearm\[deep\]"'):
        need_torch("mlp")


def test_validation_rows_go_to_those_that_take_them() -> None:
    X, y, X_valid, y_valid = parts()
    assert "valid_loss" in history(fit_classifier(make(), X, y, X_valid, y_valid))[0]
    assert "valid_loss" not in history(fit_classifier(make(), X, y, X_valid[:0], y_valid[:0]))[0]


def test_batch_norm_with_one_row_a_batch_is_told() -> None:
    X, y = clouds(20)
    with pytest.raises(ModelError, match="batch_size = 1: batch normalisation"):
        make(batch_norm=True, batch_size=1).fit(X, y)
    make(batch_norm=False, batch_size=1, epochs=1).fit(X, y)
