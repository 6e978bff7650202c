"""Links that lead somewhere on GitHub, as they lead to the same in the built pages."""

from __future__ import annotations

import posixpath
import re

LINK = re.compile(r"\]\(([^)\s]+)\)")
PAGE = re.compile(r"results/([\w/-]+)/index\.html$")


def moved(text: str, page: str) -> str:
    """A text of docs/ with the links that it needs as the source of `page`.

    Parameters
    ----------
    text : str
        Markdown, or a notebook.
    page : str
        The name of the page, such as "lesson" or "experiments/sweep".
    """
    folder = posixpath.dirname(f"docs/{page}")
    return LINK.sub(lambda match: f"]({target(match[1], folder)})", text)


def target(link: str, folder: str) -> str:
    """Where a link of a page in docs/ leads, seen from a folder of the built pages."""
    if re.match(r"\w+:|#", link):
        return link
    path, _, anchor = link.partition("#")
    path, anchor = built(posixpath.normpath(posixpath.join("docs", path)), anchor)
    relative = posixpath.relpath(path, folder)
    scheme = "page:" if path.endswith(".html") else ""
    return f"{scheme}{relative}#{anchor}" if anchor else f"{scheme}{relative}"


def built(path: str, anchor: str) -> tuple[str, str]:
    """The page that is made of a section of experiments.md, of the folder of specs, or of what an experiment wrote."""
    if path == "docs/experiments.md":
        return f"docs/experiments/{anchor or 'index'}.md", ""
    if path == "experiments":
        return "docs/experiments/index.md", ""
    if page := PAGE.match(path):
        return f"docs/experiments/{page[1].replace('/', '-')}-page.html", anchor
    return path, anchor
