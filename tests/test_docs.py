"""The generated pages of the documentation name everything; the site itself is built by `make docs`."""

import importlib
import re
import sys
from pathlib import Path
from typing import Any

import pytest

import tonearm
from tonearm.cli import app
from tonearm.config import Config
from tonearm.models import MODELS
from tonearm.representations.features.families import FAMILIES

DOCS = Path(__file__).parents[1] / "docs"


@pytest.fixture
def pages(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(DOCS))
    yield lambda name: importlib.import_module(f"pages.{name}")
    for name in [name for name in sys.modules if name.partition(".")[0] == "pages"]:
        del sys.modules[name]


def test_every_command_and_option_has_its_entry(pages: Any, capsys: pytest.CaptureFixture[str]) -> None:
    page = pages("commands").commands_page()
    shared = page[page.index("## Options of every command") :]
    everywhere = set(re.findall(r"{option} (--[a-z-]+)", shared[: shared.find("\n## ", 1)]))
    assert len(everywhere) == 3
    for name, _ in pages("commands").every_command():
        entry = page[page.index(f"## `{name}`") :]
        entry = entry[: entry.find("\n## ", 1)]
        app([*name.split()[1:], "--help"], standalone_mode=False)
        # the program's own help, an independent reading of the same declarations
        options = set(re.findall(r"^\s+(--[a-z][a-z0-9-]*)", capsys.readouterr().out, re.MULTILINE)) - {"--help"}
        assert everywhere <= options
        assert options - everywhere <= set(re.findall(r"--[a-z][a-z0-9-]*", entry)), name


def test_the_program_has_no_command_that_the_page_lacks(pages: Any, capsys: pytest.CaptureFixture[str]) -> None:
    app(["--help"], standalone_mode=False)
    listed = set(re.findall(r"^  ([a-z]+)  ", capsys.readouterr().out, re.MULTILINE))
    assert listed
    assert listed == {name.split()[1] for name, _ in pages("commands").every_command()}


def test_every_setting_has_its_entry(pages: Any) -> None:
    settings, models = pages("settings").settings_page(), pages("settings").models_page()
    for section, table in Config().model_dump(exclude={"models"}).items():
        for key in table:
            assert f"{{confval}} {section}.{key}\n" in settings
    for name, model in MODELS.items():
        for key in model.settings.model_validate({}).model_dump():
            assert f"{{confval}} models.{name}.{key}\n" in models
    assert "{confval} split.folds\n:type: a whole number ≥ 0 and ≤ 100\n:default: ``0``\n" in settings


def test_every_family_has_its_entry(pages: Any) -> None:
    page = pages("features").features_page()
    for name in FAMILIES:
        assert f"\n## `{name}`\n" in page
    assert set(pages("formulas").FORMULAS) <= set(FAMILIES)


def test_the_page_of_the_api_has_every_public_name() -> None:
    page = (DOCS / "api.md").read_text(encoding="utf-8")
    for name in tonearm.__all__:
        thing = getattr(tonearm, name)
        assert isinstance(thing, type) or f".. autofunction:: tonearm.{name}\n" in page
    assert ".. automodule:: tonearm.errors\n   :members:" in page


def test_links_of_included_texts_lead_to_pages(pages: Any) -> None:
    rewrite = pages("includes").rewrite_links
    assert rewrite("[a](SECURITY.md#clips), [b](docs/scale.md)", "") == "[a](security.md#clips), [b](scale.md)"
    assert rewrite("[c](src/x.py) [d](https://a.b) [e](#f)", "") == "c [d](https://a.b) [e](#f)"
    assert rewrite("[c](src/x.py)", "https://h/blob/main") == "[c](https://h/blob/main/src/x.py)"


def test_the_check_of_links_finds_what_is_broken(pages: Any, tmp_path: Path) -> None:
    (tmp_path / "a.html").write_text(
        '<p id="x"></p><a href="b.html#y">1</a><a href="#x">2</a><a href="https://h">3</a>'
    )
    (tmp_path / "b.html").write_text('<p id="y"></p><a href="c.html">1</a><a href="a.html#z">2</a>')
    (tmp_path / "c.css").write_text("@import url(//fonts.example/f.css);")
    (tmp_path / "d.html").write_text('<script src="https://cdn.example/s.js"></script><img src="e.png">')
    assert sorted(pages("check_links").problems(tmp_path)) == [
        "b.html: a.html#z: a.html has no such anchor",
        "b.html: c.html: there is no such file",
        "c.css: fetches //fonts.example/f.css",
        "d.html: e.png: there is no such file",
        "d.html: fetches https://cdn.example/s.js",
    ]
