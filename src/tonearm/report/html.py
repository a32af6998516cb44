"""The frame of a page, and what all pages write: sentences, numbers, tables.

Conventions
-----------
Names in a page come from whoever made the music, and are escaped. Should one slip through, the page's
Content-Security-Policy still allows nothing: no script, no request, no form, and of styles only the page's own, which
it names by their SHA-256. Pictures and sounds are inside the page (data:). So no element has a `style` of its own.
"""

import hashlib
from base64 import b64encode
from collections.abc import Sequence
from html import escape

from tonearm.report.style import CSS


def document(title: str, sections: Sequence[str], skip: tuple[str, str]) -> str:
    """A whole page that needs no other file. skip: the first link's anchor and text, for readers of the keyboard."""
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy(CSS)}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n<link rel="icon" href="data:,">\n'
        f"<title>{escape(title)}</title>\n<style>{CSS}</style>\n</head>\n<body>\n"
        f'<a class="skip" href="#{skip[0]}">{skip[1]}</a>\n<main>\n'
        + "\n".join(section for section in sections if section)
        + "\n</main>\n</body>\n</html>\n"
    )


def policy(style: str) -> str:
    """The Content-Security-Policy of a page with this one style element."""
    digest = b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return (
        f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; media-src data:; "
        "base-uri 'none'; form-action 'none'"
    )


def sentence(text: str) -> str:
    """The text with a capital and a full stop."""
    return text[:1].upper() + text[1:] + ("" if text.endswith(".") else ".")


def table(titles: Sequence[str], rows: str, look: str = "") -> str:
    """A table that scrolls in a box of its own where the page is too narrow; a title that begins with < is text."""
    head = "".join(
        f'<th class="text">{title[1:]}</th>' if title.startswith("<") else f"<th>{title}</th>" for title in titles
    )
    return (
        f'<div class="box" tabindex="0"><table class="{look}"><thead><tr>{head}</tr></thead>'
        f"<tbody>{rows}</tbody></table></div>"
    )
