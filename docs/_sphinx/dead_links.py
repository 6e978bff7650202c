"""Links of the built pages that lead to no file, or to no place in it."""

from __future__ import annotations

from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit


class Page(HTMLParser):
    """What a page links to, and the places in it that a link can name."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.places: set[str] = set()
        self.feed(text)

    def handle_starttag(self, _: str, attributes: list[tuple[str, str | None]]) -> None:
        """Note the links and the places of one element."""
        self.links += [value for key, value in attributes if key in {"href", "src"} and value]
        self.places |= {value for key, value in attributes if key in {"id", "name"} and value}


@cache
def read(path: Path) -> Page:
    """A page, read once."""
    return Page(path.read_text(encoding="utf-8"))


def found(out: Path) -> list[str]:
    """Every dead link of a folder of built pages, after the page that has it."""
    root = Path(out).resolve()
    links = [(page, link) for page in sorted(root.rglob("*.html")) for link in read(page).links]
    return [f"{page.relative_to(root)}: {link}" for page, link in links if dead(page, link)]


def dead(page: Path, link: str) -> bool:
    """Whether a link within the pages leads nowhere."""
    parts = urlsplit(link)
    if parts.scheme or parts.netloc:
        return False
    target = (page.parent / unquote(parts.path)).resolve() if parts.path else page
    state = "=" in parts.fragment  # a setting that the explorer's script reads, no place
    if not target.is_file() or state or target.suffix != ".html":
        return not target.is_file()
    return bool(parts.fragment) and unquote(parts.fragment) not in read(target).places
