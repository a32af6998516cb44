"""Texts of the repository's root that are pages too (`{include}`): their links lead to pages, or to the repository."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

LINK = re.compile(r"\]\((?![a-z]+:|#)([^)#\s]+)(#[^)\s]+)?\)")
PAGES = {
    "README.md": "index.md",
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "SECURITY.md": "security.md",
}


def rewrite_links(text: str, repository: str) -> str:
    """The text with relative links that hold on the site.

    repository: address of the sources' folder, "" if there is none, where such a link becomes its words alone.

    >>> rewrite_links("[a](SECURITY.md), [b](docs/scale.md) and [c](src/x.py)", "https://example.org/blob/main")
    '[a](security.md), [b](scale.md) and [c](https://example.org/blob/main/src/x.py)'
    >>> rewrite_links("see [`c`](src/x.py)", "")
    'see `c`'
    """
    pattern = re.compile(r"(\[[^\[\]]*)" + LINK.pattern)

    def replaced(match: re.Match[str]) -> str:
        words, target, anchor = match.group(1), match.group(2), match.group(3) or ""
        page = PAGES.get(target) or (target.removeprefix("docs/") if target.startswith("docs/") else "")
        if page:
            return f"{words}]({page}{anchor})"
        return f"{words}]({repository}/{target}{anchor})" if repository else words[1:]

    return pattern.sub(replaced, text)


def setup(app: Any) -> dict[str, Any]:
    """Rewrite what `{include}` reads from the repository's root."""
    app.add_config_value("repository", "", "env")

    def on_read(app: Any, path: Path, docname: str, content: list[str]) -> None:
        if len(path.parts) == 2 and path.parts[0] == "..":
            content[0] = rewrite_links(content[0], app.config.repository)

    app.connect("include-read", on_read)
    return {"parallel_read_safe": True}


def source_folder(urls: dict[str, str], names: Sequence[str] = ("Source", "Repository", "Homepage")) -> str:
    """Address of the sources' folder from a project's URLs, "" if none of them is a repository's."""
    found = next((urls[name] for name in names if name in urls), "")
    return f"{found.rstrip('/')}/blob/main" if "github.com" in found else ""
