"""The three doors: behind each are the pages that it links to, in that order; what none links to is behind the last."""

from __future__ import annotations

import re
from pathlib import Path

DOCS = Path(__file__).parents[1]
DOORS = ("statland", "lesson", "research")
LINKED = re.compile(r"\]\(([\w-]+)\.(?:md|ipynb)")
ELSEWHERE = {"index", "experiments"}  # the page of doors, and the source of the experiments' own pages


def behind() -> dict[str, list[str]]:
    """The pages behind each door, each page behind one."""
    pages = {path.stem for suffix in ("md", "ipynb") for path in DOCS.glob(f"*.{suffix}")}
    free, found = pages - ELSEWHERE - set(DOORS), {}
    for door in DOORS:
        linked = dict.fromkeys(LINKED.findall((DOCS / f"{door}.md").read_text(encoding="utf-8")))
        found[door] = [page for page in linked if page in free]
        free -= set(found[door])
    found[DOORS[-1]] += sorted(free)
    return found


def contents(door: str) -> str:
    """The table of contents of a door."""
    pages = "\n".join(behind()[door])
    return f"\n\n```{{toctree}}\n:hidden:\n\n{pages}\n```\n"
