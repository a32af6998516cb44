"""Which tables there are, which of them a folder and this machine allow, and the config of each.

Conventions
-----------
A table is a sweep, but for the comparison of models, which is an experiment, and for the scaling, which has no models.
What `--set` says of a model counts in the tables that have it; sections that make a table what it is (`sweep`,
`report`) stay as they are. `quick` makes trainings short: at most `QUICK_EPOCHS` of a network, a hundredth of those of
gradient descent.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tonearm.config import Config, key_parts, load_config
from tonearm.data.pictures import is_picture_folder
from tonearm.data.tables import is_table
from tonearm.errors import ConfigError, ModelError
from tonearm.models import MODELS
from tonearm.published import Published
from tonearm.training import need_torch

TABLES_FOLDER = Path(__file__).parent / "tables"
QUICK_EPOCHS, QUICK_SHARE = 8, 100
RUN, SCALING = "models", "scaling"
EPOCHS = "models.logistic.epochs"


@dataclass(frozen=True)
class Table:
    """One of the tables. name: of its folder and config. takes: what its models read, "" for both."""

    name: str
    title: str
    about: str
    takes: str = ""


TABLES = (
    Table("logistic", "Logistic regression", "Gradient descent on features: learning rate by epochs.", "rows"),
    Table("mlp", "Multilayer perceptron", "Hidden layers by learning rate.", "rows"),
    Table("cnn-shape", "CNN: layers, kernel, stride", "Strided convolutions without pooling.", "images"),
    Table("cnn-activation", "CNN: activation", "Activation by number of layers and stride.", "images"),
    Table("cnn-optimiser", "CNN: learning rate", "Learning rate with a weight decay of a tenth of it.", "images"),
    Table("resnet", "ResNet50", "Transfer from ImageNet: how many of its last blocks are unfrozen.", "images"),
    Table(RUN, "Comparison of models", "MLP, CNN and ResNet50 as the reference system chose them, on one split."),
    Table(SCALING, "Scaling", "Features and spectrograms of all clips by number of processes."),
)


@dataclass(frozen=True)
class Plan:
    """The tables that can be made, each with its config, and why others, or models, are left out."""

    folder: str
    configs: dict[str, Config]
    left_out: dict[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def tables(self) -> list[Table]:
        """Those that can be made, in order."""
        return [table for table in TABLES if table.name in self.configs]

    def reading(self) -> Config:
        """A config of all models, whose representations serve all tables. Raises ConfigError without a table."""
        found = [config for name, config in self.configs.items() if name != SCALING]  # which has no models of its own
        if not found:
            raise ConfigError(f"no table can be made of {self.folder}: {'; '.join({*self.left_out.values()})}")
        models = {name: settings for config in reversed(found) for name, settings in config.models.items()}
        config = next((self.configs[name] for name in (RUN, "logistic") if name in self.configs), found[0])
        return config.model_copy(update={"models": models})


def plan_tables(folder: str, overrides: Sequence[str], quick: bool, workers: int, backbone: str | None) -> Plan:
    """What can be made of the folder. backbone: of the transfer table; None where there are no weights.

    Raises ConfigError where an override fits no table.
    """
    _check(overrides)
    gives = "rows" if is_table(folder) else "images" if is_picture_folder(folder) else ""
    without_torch = _without_torch()
    configs, left_out, notes = {}, {}, list[str]()
    for table in TABLES:
        reason = ""
        if table.name == SCALING:
            reason = f"{folder} holds no music to extract from" if gives else ""
        elif table.takes and gives and table.takes != gives:
            reason = f"it reads {'features' if table.takes == 'rows' else 'pictures'}, which {folder} does not hold"
        elif table.name != "logistic" and without_torch:
            reason = without_torch
        elif table.name == "resnet" and backbone is None:
            reason = "the weights of ResNet50 cannot be had, and those of efficientnet_lite0 are not installed"
        if reason:
            left_out[table.name] = reason
            continue
        config = _config(table, folder, overrides, quick, workers, backbone)
        if table.name == RUN:
            config, without = _possible(config, gives, backbone)
            notes += [f"{name} is left out of the comparison of models: {why}" for name, why in without.items()]
        configs[table.name] = config
    return Plan(folder, configs, left_out, tuple(notes))


def _without_torch() -> str:
    try:
        need_torch("it", "torchvision")
    except ModelError as error:
        return str(error)
    return ""


def _check(overrides: Sequence[str]) -> None:
    """Raise ConfigError where an override is for no table."""
    known = ("mlp", "cnn", "resnet")
    for override in overrides:
        parts = key_parts(override.partition("=")[0].strip())
        if parts[:1] == ["models"] and (len(parts) < 3 or parts[1] not in known):
            raise ConfigError(f"--set {override}: the tables' settings are theirs; models are {', '.join(known)}")
        if parts[:1] in (["sweep"], ["report"]):
            raise ConfigError(
                f"--set {override}: [{parts[0]}] makes the tables what they are; `tonearm sweep` takes it"
            )


def _config(
    table: Table, folder: str, overrides: Sequence[str], quick: bool, workers: int, backbone: str | None
) -> Config:
    """The table's config for the folder, with those of the overrides that are for its models."""
    path = None if table.name == SCALING else TABLES_FOLDER / f"{table.name}.toml"
    arguments: dict[str, dict[str, Any]] = {"data": {"folder": folder}, "train": {"workers": workers}}
    plain = load_config(path, (), arguments)
    own = []
    for override in overrides:
        parts = key_parts(override.partition("=")[0].strip())
        if parts[:1] != ["models"] or (path and parts[1] in plain.models):
            own.append(override)
    if "resnet" in plain.models and backbone and not any("resnet.backbone" in one for one in own):
        own.append(f'models.resnet.backbone="{backbone}"')
    if table.name == SCALING:
        own.append('features.preset="gtzan57"')
    config = load_config(path, own, arguments)
    return _shortened(config) if quick else config


def _shortened(config: Config) -> Config:
    """The config with short trainings."""
    models = {
        name: settings.model_copy(update={"epochs": min(QUICK_EPOCHS, settings.model_dump()["epochs"])})
        if name != "logistic"
        else settings
        for name, settings in config.models.items()
    }
    sweep = config.sweep
    if EPOCHS in sweep.grid:
        grid = {**sweep.grid, EPOCHS: tuple(map(_fewer, sweep.grid[EPOCHS]))}
        skip = tuple({**entry, EPOCHS: _fewer(entry[EPOCHS])} for entry in sweep.skip)
        published = tuple(_of_fewer(entry) for entry in sweep.published)
        sweep = sweep.model_copy(update={"grid": grid, "skip": skip, "published": published})
    return config.model_copy(update={"models": models if config.models else {}, "sweep": sweep})


def _fewer(epochs: Any) -> Any:
    """A hundredth of a number of epochs, or of each in a list."""
    return [_fewer(number) for number in epochs] if isinstance(epochs, list) else epochs // QUICK_SHARE


def _of_fewer(entry: Published) -> Published:
    return entry.model_copy(update={"cell": {**entry.cell, EPOCHS: _fewer(entry.cell[EPOCHS])}})


def _possible(config: Config, gives: str, backbone: str | None) -> tuple[Config, dict[str, str]]:
    """The comparison without the models that cannot be trained here, and why not."""
    without = {}
    for name, settings in config.models.items():
        if gives and MODELS[settings.type].takes != gives:
            without[name] = f"it reads {'features' if gives == 'images' else 'pictures'}"
        elif settings.type == "resnet" and backbone is None:
            without[name] = "there are no weights for it"
    models = {name: settings for name, settings in config.models.items() if name not in without}
    published = {name: figures for name, figures in config.report.published.items() if name not in without}
    report = config.report.model_copy(update={"published": published})
    return config.model_copy(update={"models": models, "report": report}), without
