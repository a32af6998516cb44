"""The whole config: one TOML file, overrides on the command line, and the way back to TOML.

Conventions
-----------
A table of the file is a section of `Config`; each table in `[models]` is a model, its name the table's, and
`type` says which model, by default the one of that name. Overrides (`--set models.mlp.epochs=30`) are TOML
values over the file's; a bare word is a string. Paths are relative to the config file. Errors
name the file or `--set`, the key, what was found, what is allowed and the nearest known key.
"""

import json
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import Field, SerializeAsAny, ValidationError, field_validator, model_validator

from tonearm.config.anchor import PATHS, anchor
from tonearm.config.defaults import HEAD, default_models, given_text
from tonearm.config.messages import explain, limits
from tonearm.config.model_names import check_names
from tonearm.config.reading import check_layers, check_reads
from tonearm.errors import ConfigError
from tonearm.models import MODELS, ModelSettings
from tonearm.runtime.logs import FILES
from tonearm.runtime.regular import describe_irregular
from tonearm.settings import (
    AudioSettings,
    AugmentSettings,
    CurveSettings,
    DataSettings,
    EncoderSettings,
    FeatureSettings,
    GenreSettings,
    ReportSettings,
    Settings,
    SpectrogramSettings,
    SplitSettings,
    SweepSettings,
    TrackSettings,
    TrainSettings,
)
from tonearm.wording import nearest

QUICKEST = "musicnn"  # the encoder that is fetched most easily
# in the template, above the model on an encoder
THERE = (
    "A pretrained network (an encoder) is at hand, so a logistic regression on its rows is among the default models:",
    'the first that `tonearm encoders` marks. `reads` takes any other, and a list such as ["features", "musicnn"].',
)
NOT_THERE = (
    "A pretrained network (an encoder) knows music that you do not have. With the extra `encoders` and after",
    f"`tonearm encoders get {QUICKEST}` this model is among the default ones; `tonearm encoders` lists all encoders.",
)


def _models(values: Mapping[str, Any]) -> dict[str, ModelSettings]:
    """Settings of each model; raises ConfigError for an unknown type, ValidationError for wrong settings."""
    models = {}
    for name, value in values.items():
        if isinstance(value, ModelSettings):
            models[name] = value
            continue
        if not isinstance(value, Mapping):
            raise ConfigError(f"models.{name} = {value!r}: a model is a table of settings, [models.{name}]")
        kind = value.get("type", name)
        if kind not in MODELS:
            key = f"models.{name}.type = {kind!r}" if "type" in value else f"models.{name}"
            raise ConfigError(f"{key}: is not a model; {nearest(str(kind), MODELS.names())}")
        MODELS.check_clash(kind)
        try:
            models[name] = MODELS[kind].settings.model_validate({**value, "type": kind})
        except ValidationError as error:
            raise ConfigError(explain(error, MODELS[kind].settings, f"models.{name}.")) from error
    return models


class Config(Settings):
    """Everything that decides an experiment."""

    data: DataSettings = DataSettings()
    genres: GenreSettings = GenreSettings()
    audio: AudioSettings = AudioSettings()
    features: FeatureSettings = FeatureSettings()
    spectrogram: SpectrogramSettings = SpectrogramSettings()
    encoders: EncoderSettings = EncoderSettings()
    augment: AugmentSettings = AugmentSettings()
    split: SplitSettings = SplitSettings()
    train: TrainSettings = TrainSettings()
    track: TrackSettings = TrackSettings()
    report: ReportSettings = ReportSettings()
    sweep: SweepSettings = SweepSettings()
    curve: CurveSettings = CurveSettings()
    models: dict[str, SerializeAsAny[ModelSettings]] = Field(default_factory=dict)  # `_fill_in` does

    @model_validator(mode="before")
    @classmethod
    def _fill_in(cls, sections: Any) -> Any:
        if not isinstance(sections, Mapping):
            return sections
        given: dict[str, Any] = {} if "models" in sections else {"models": default_models(sections)}
        audio = sections.get("audio", {})
        if given_text(sections, "data", "labels") == "tags" and isinstance(audio, Mapping):  # whole tracks, not clips
            given["audio"] = {"excerpts": 1, **audio}
        return {**sections, **given}

    @field_validator("models", mode="before")
    @classmethod
    def _choose_models(cls, value: Any) -> dict[str, ModelSettings]:
        if not isinstance(value, Mapping) or not value:
            raise ConfigError("models: at least one model is needed, as a table such as [models.logistic]")
        check_names(value)
        models = _models(value)
        for name, settings in models.items():
            check_reads(name, settings)
        return models


def _check_published(config: Config) -> None:
    for name in config.report.published:
        if name not in config.models:
            raise ConfigError(f"report.published: {name!r} is not a model of [models]; {nearest(name, config.models)}")


def load_config(
    path: str | Path | None = None,
    overrides: Sequence[str] = (),
    arguments: Mapping[str, Mapping[str, Any]] | None = None,
) -> Config:
    """The config in the file `path` (None: all defaults) with `overrides` such as "train.seed=3" over it.

    arguments: sections with values that are no TOML text, such as {"data": {"folder": "music"}}; they stand over
    the file and under the overrides. Raises ConfigError for whatever is unknown, of the wrong type, outside its
    limits, or does not go together.
    """
    from tonearm.representations.features import check_features

    source = "config" if path is None else str(path)
    values = {} if path is None else _read(Path(path))
    values = anchor(values, None if path is None else Path(path).parent)
    for section, given in (arguments or {}).items():
        table = values.get(section, {})
        values[section] = {**table, **given} if isinstance(table, Mapping) else table  # which is refused below
    if overrides:
        source += " with --set " + " --set ".join(overrides)
    for override in overrides:
        _apply(values, override)
    try:
        config = parse_config(values)
        check_features(config.audio.sr, config.features)
    except ConfigError as error:
        raise ConfigError("\n".join(f"{source}: {line}" for line in str(error).splitlines())) from error
    return config


def parse_config(values: Mapping[str, Any]) -> Config:
    """The config of nested tables; raises ConfigError.

    >>> parse_config({"models": {"small": {"type": "logistic", "C": 0.1}}}).models["small"].type
    'logistic'
    >>> parse_config({"trian": {"seed": 1}})
    Traceback (most recent call last):
    tonearm.errors.ConfigError: trian: is not a section; did you mean 'train'? known: audio, augment, curve, ...
    """
    try:
        config = Config.model_validate(values)
    except ValidationError as error:
        raise ConfigError(explain(error, Config)) from error
    _check_published(config)
    check_layers(config.models.values(), config.encoders.layer)
    return config


def _read(path: Path) -> dict[str, Any]:
    FILES.debug("%s: read", path)
    if irregular := describe_irregular(path):
        raise ConfigError(f"{path}: is {irregular}; a config is a TOML file")
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ConfigError(f"{path}: no such config file") from error
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: is not UTF-8 text, as a TOML file must be") from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path}: is not TOML: {error}") from error


def _apply(values: dict[str, Any], override: str) -> None:
    """Set the override's key in `values`."""
    key, equals, text = override.partition("=")
    parts = key_parts(key.strip())
    if not equals or not parts:
        raise ConfigError(f"--set {override}: write a key, =, and a value, as in train.seed=3")
    table = values
    for part in parts[:-1]:
        table = table.setdefault(part, {})
        if not isinstance(table, dict):
            raise ConfigError(f"--set {override}: {part!r} is a value, not a table")
    value = _value(text.strip())
    if parts[0] == "data" and parts[-1] in PATHS and not isinstance(value, str):
        value = text.strip()  # a folder named 1999 or true
    table[parts[-1]] = value


def key_parts(key: str) -> list[str]:
    """The parts of a dotted TOML key, [] where it is none."""
    try:
        table: Any = tomllib.loads(f"{key} = 0")
    except tomllib.TOMLDecodeError:
        return []
    parts = []
    while isinstance(table, dict):
        if len(table) != 1:
            return []
        [(part, table)] = table.items()
        parts.append(part)
    return parts


def _value(text: str) -> Any:
    """A TOML value, or the text itself where it is a bare word."""
    try:
        values = tomllib.loads(f"value = {text}")
    except tomllib.TOMLDecodeError:
        return text
    return values["value"] if len(values) == 1 else text


def to_toml(config: Config) -> str:
    """Every effective setting as TOML, which loads to an equal config; an absent value is left out."""
    import tomli_w

    return tomli_w.dumps(config.model_dump(mode="json", exclude_none=True))


def changed_toml(config: Config) -> str:
    """The settings that are not the default ones, and the models, as TOML, which loads to an equal config."""
    import tomli_w

    changed = config.model_dump(mode="json", exclude_none=True, exclude_defaults=True)
    for name, settings in config.models.items():
        kind = {} if settings.type == name else {"type": settings.type}
        changed["models"][name] = kind | changed["models"][name]
    return tomli_w.dumps(changed)


def template() -> str:
    """A TOML file of all settings, each with its meaning, its limits and its default; loads as the defaults.

    Models that do not run by default are there as comments. A model on an encoder runs by default where one is at hand.
    """
    defaults = Config()
    lines = ["# All settings of tonearm with their defaults; leave out what you do not change."]
    for name in Config.model_fields:
        if name != "models":
            lines += ["", *_section(name, getattr(defaults, name), comment="")]
    for name, model in MODELS.items():
        comment = "" if name in defaults.models else "# "
        lines += ["", *_section(f"models.{name}", model.settings.model_validate({}), comment)]
    encoders = [name for name in defaults.models if name not in MODELS]
    lines += ["", *(f"# {line}" for line in (THERE if encoders else NOT_THERE))]
    for name in encoders or [QUICKEST]:
        comment = "" if encoders else "# "
        lines += [f"{comment}{line}" for line in (f"[models.{name}]", f'type = "{HEAD}"', f'reads = "{name}"')]
    return "\n".join(lines) + "\n"


def _section(name: str, section: Settings, comment: str) -> list[str]:
    lines = [f"{comment}[{name}]"]
    allowed = limits(type(section))
    for key, info in type(section).model_fields.items():
        value = getattr(section, key)
        as_toml = json.dumps(value, ensure_ascii=False)  # JSON's strings, numbers, booleans and lists are TOML's too
        written = f"# {key} =" if value is None else f"{comment}{key} = {as_toml}"
        lines.append(f"{written}  # {info.description} ({allowed[key]})")
    return lines
