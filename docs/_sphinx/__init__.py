"""An extension of Sphinx: pages made from the package itself, and docstrings as they are read in an editor."""

from __future__ import annotations

from typing import Any

from . import docstrings, doors, experiment_pages, links, reference_pages


def write_pages(app: Any) -> None:
    """Write the pages that are made, and leave those alone that have not changed."""
    experiment_pages.write(app.srcdir)
    reference_pages.write(app.srcdir)


def read_page(_: Any, page: str, source: list[str]) -> None:
    """A page of this folder as it is built: its links to what is made, and the pages behind a door."""
    if "/" not in page:
        source[0] = links.moved(source[0], page)
    if page in doors.DOORS:
        source[0] += doors.contents(page)


def copy_explorers(app: Any, error: Exception | None) -> None:
    """Put the pages that experiments wrote beside those that tell of them."""
    if error is None and app.builder.format == "html":
        experiment_pages.copy_html(app.outdir)


def setup(app: Any) -> dict[str, bool]:
    """Tell Sphinx what to call when."""
    app.connect("builder-inited", write_pages)
    app.connect("source-read", read_page)
    app.connect("autodoc-process-docstring", docstrings.rewrite, priority=100)
    app.connect("build-finished", copy_explorers)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
