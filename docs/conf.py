"""The documentation site: `make docs` builds it in docs/_build/html.

Before the pages are read, the reference pages are generated into docs/reference, and the built-in music is rendered
into docs/_build/walk, where the pages' commands and the examples run.
"""

import os
import sys
import tomllib
from importlib.metadata import version as installed
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from pages import commands, features, library, settings  # noqa: E402
from pages.console import run_command, walk_folder  # noqa: E402
from pages.includes import source_folder  # noqa: E402

facts = tomllib.loads((HERE.parent / "pyproject.toml").read_text(encoding="utf-8"))["project"]
project, author = facts["name"], "the tonearm contributors"
copyright = author
release = version = installed("tonearm")

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx_gallery.gen_gallery",
    "pages.console",
    "pages.includes",
    "pages.mathml",
]
exclude_patterns = ["_build", "examples", "pages"]
myst_enable_extensions = ["colon_fence", "deflist", "dollarmath", "attrs_inline"]
myst_heading_anchors = 3
repository = source_folder(facts.get("urls", {}))

smartquotes = False  # docstrings hold code
html_theme = "furo"
html_title = "tonearm"
html_math_renderer = "mathml"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sphinx = False
html_theme_options = {"top_of_page_buttons": []}

default_role = "code"  # docstrings write `name`
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
python_use_unqualified_type_names = True
# types in signatures: those of other projects and our inner ones have no page here; every other reference must hold
nitpick_ignore_regex = [("py:(class|data|obj)", ".*")]
toc_object_entries_show_parents = "hide"

sphinx_gallery_conf = {
    "examples_dirs": "_build/walk",
    "gallery_dirs": "gallery",
    "filename_pattern": r"/\w+\.py$",
    "within_subsection_order": "FileNameSortKey",
    "abort_on_example_error": True,
    "remove_config_comments": True,
    "show_memory": False,
    "show_signature": False,
    "min_reported_time": 10_000,
    "write_computation_times": False,
    "plot_gallery": "True",
    "default_thumb_file": str(HERE / "images" / "genres.png"),
    "capture_repr": (),  # examples print what they show
}
PAGES = {
    "commands": commands.commands_page,
    "features": features.features_page,
    "models": settings.models_page,
    "settings": settings.settings_page,
}


def prepare(app: Any, config: Any) -> None:
    """Generate the reference pages, copy the examples to where they may write, and make the music once."""
    for name, page in PAGES.items():
        write_changed(HERE / "reference" / f"{name}.md", page())
    walk = walk_folder(app)
    for path in sorted((HERE / "examples").iterdir()):
        write_changed(walk / path.name, path.read_text(encoding="utf-8"))
    if not (walk / "music" / "metadata.csv").exists():
        workers = os.cpu_count() or 1
        code, printed = run_command(f"tonearm jam --out music --seconds 5 --workers {workers}", walk)
        if code:
            raise RuntimeError(printed)
    if not (walk / "mixes" / "evening.mp3").exists():
        library.make_library(walk / "music", walk / "library")
        library.make_mix(walk / "mixes" / "evening.mp3")


def write_changed(path: Path, text: str) -> None:
    """Write a text only where it differs, so that a second build reads what has changed alone."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        path.write_text(text, encoding="utf-8")


def setup(app: Any) -> None:
    """Prepare what the pages need as soon as the settings are known."""
    app.connect("config-inited", prepare, priority=1)
