"""Every setting as pages of Markdown, from the settings' declarations: default, limits, meaning."""

import json
from collections.abc import Iterator

from pydantic import BaseModel

from tonearm.config import Config
from tonearm.config.messages import limits
from tonearm.models import MODELS
from tonearm.settings import Published, SearchRange, Settings

SECTIONS_HEAD = """# Settings

All settings of all sections of a config file, generated from their declarations in the program. `tonearm config` prints
the same as a TOML file, and every setting can be overridden on the command line, as in `--set split.folds=5`.
Misspelt names, wrong types and values outside the limits are refused before anything is read, with the nearest known
name. The [settings of the models](models.md) have a page of their own.
"""
MODELS_HEAD = """# Models

The models of `[models]`, and all settings of each, generated from their declarations in the program. A table
`[models.NAME]` trains a model; `type` says which, by default the one of that name, so that one type may stand there
several times under different names:

```toml
[models.logistic]

[models.strict]
type = "logistic"
C = 0.1
```

What a model reads is a setting as well: `reads = "features"`, a kind of picture such as `reads = "mel"`, or a
[pretrained network](../encoders.md). All models are scikit-learn classifiers.
"""
TAKES = {"rows": "rows of numbers", "images": "pictures"}
PARTS: tuple[tuple[str, type[Settings]], ...] = (
    ("a range of sweep.search", SearchRange),
    ("an entry of sweep.published", Published),
)


def every_section() -> Iterator[tuple[str, type[Settings]]]:
    """Each section of a config but the models, with its name."""
    for name, info in Config.model_fields.items():
        if name != "models":
            assert isinstance(info.annotation, type)
            assert issubclass(info.annotation, Settings)
            yield name, info.annotation


def settings_page() -> str:
    """The page of all sections."""
    lines = [SECTIONS_HEAD]
    for name, section in every_section():
        lines += [f"## `[{name}]`", "", _meaning(section), "", *_entries(f"{name}.", section)]
    for title, part in PARTS:
        lines += [f"## {title[:1].upper()}{title[1:]}", "", _meaning(part), "", *_entries("", part, title)]
    return "\n".join(lines)


def models_page() -> str:
    """The page of all models."""
    lines = [MODELS_HEAD]
    for name, model in MODELS.items():
        takes = TAKES.get(model.takes, "rows of numbers or pictures")
        extra = f"It needs the extra `{model.extra}`." if model.extra else "It needs no extra."
        lines += [f"## `{name}`", "", f"{_about(model.settings)} It reads {takes}. {extra}", ""]
        lines += _entries(f"models.{name}.", model.settings)
    return "\n".join(lines)


def _about(settings: type[Settings]) -> str:
    """First paragraph of the docstring of the model's module, which says what the model is."""
    import sys

    text = (sys.modules[settings.__module__].__doc__ or "").strip().split("\n\n")[0]
    return " ".join(text.split())


def _meaning(section: type[Settings]) -> str:
    """The docstring's sentence, without the section's own name before it."""
    text = " ".join((section.__doc__ or "").split())
    name, colon, meaning = text.partition(": ")
    found = meaning if colon and name.startswith("`") else text
    return found[:1].upper() + found[1:]


def _entries(prefix: str, section: type[Settings], owner: str = "") -> list[str]:
    """One entry for each setting; owner: stands in the index beside settings that have no section."""
    allowed, lines = limits(section), []
    for key, info in section.model_fields.items():
        default = "required" if info.is_required() else _toml(info.get_default(call_default_factory=True))
        name = f"{prefix}{key}" if prefix else f"{owner.rpartition(' ')[2]}.{key}"
        text = info.description or ""
        lines += [
            f":::{{confval}} {name}",
            f":type: {_plain(allowed[key])}",
            f":default: {default if info.is_required() else f'``{default}``'}",
            "",
            f"{text[:1].upper()}{text[1:]}.",
            ":::",
            "",
        ]
    return lines


def _plain(text: str) -> str:
    """Limits as text in which no character is markup."""
    return text.replace("'", '"').replace("<=", "≤").replace(">=", "≥")


def _toml(value: object) -> str:
    """A default as it would stand in the file; an absent one in words."""
    if value is None:
        return "absent"
    if isinstance(value, BaseModel):
        return _toml(value.model_dump(exclude_none=True))
    return json.dumps(value, ensure_ascii=False)
