"""Check a built site: every link inside it leads somewhere, and no page fetches anything from elsewhere.

python docs/pages/check_links.py docs/_build/html
"""

import re
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

FETCHED = {"img": ("src", "srcset"), "script": ("src",), "iframe": ("src",), "source": ("src", "srcset")}
IN_STYLES = re.compile(r"(?:url\(\s*['\"]?|@import\s+['\"]?)((?:https?:)?//[^'\")\s]+)")


class Page(HTMLParser):
    """Anchors of a page, its links, and what a browser fetches to show it."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.anchors: set[str] = set()
        self.links: list[str] = []
        self.fetched: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note the tag's anchor, link or source."""
        given = {name: value or "" for name, value in attrs}
        self.anchors |= {given[name] for name in ("id", "name") if name in given}
        if tag == "a" and "href" in given:
            self.links.append(given["href"])
        if tag == "link" and given.get("rel") not in ("canonical", "license"):
            self.fetched.append(given.get("href", ""))
        self.fetched += [given[name].split(" ")[0] for name in FETCHED.get(tag, ()) if name in given]


def problems(site: Path) -> Iterator[str]:
    """What is wrong with the site, a sentence each."""
    pages = {path: Page(path.read_text(encoding="utf-8")) for path in sorted(site.rglob("*.html"))}
    for path, page in pages.items():
        name = path.relative_to(site).as_posix()
        for address in page.fetched:
            if urlsplit(address).netloc:
                yield f"{name}: fetches {address}"
        for address in {*page.links, *page.fetched}:
            if found := _broken(address, path, pages):
                yield f"{name}: {found}"
    for path in [*site.rglob("*.css"), *site.rglob("*.js")]:
        for match in IN_STYLES.finditer(path.read_text(encoding="utf-8")):
            yield f"{path.relative_to(site).as_posix()}: fetches {match.group(1)}"


def _broken(address: str, path: Path, pages: dict[Path, Page]) -> str:
    """What is wrong with a link of the page at `path`, "" if nothing is."""
    parts = urlsplit(address)
    if parts.scheme or parts.netloc:
        return ""
    target = path if not parts.path else (path.parent / unquote(parts.path)).resolve()
    if target.is_dir():
        target /= "index.html"
    if not target.is_file():
        return f"{address}: there is no such file"
    anchor = unquote(parts.fragment)
    if anchor and target in pages and anchor not in pages[target].anchors:
        return f"{address}: {target.name} has no such anchor"
    return ""


def main() -> None:
    """Print all problems; exit code 1 if there are any."""
    site = Path(sys.argv[1]).resolve()
    found = sorted(set(problems(site)))
    print(
        "\n".join(found)
        if found
        else f"{site}: every link inside leads somewhere, and nothing is fetched from elsewhere"
    )
    sys.exit(1 if found or not any(site.rglob("*.html")) else 0)


if __name__ == "__main__":
    main()
