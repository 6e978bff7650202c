"""An extension of Sphinx: pages made from the package itself, and docstrings as they are read in an editor."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from docutils.nodes import document
from sphinx.addnodes import desc_signature
from sphinx.util.logging import getLogger

from . import dead_links, docstrings, doors, experiment_pages, links, reference_pages


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


def mark_names(_: Any, doctree: document) -> None:
    """Let a name be found as its module's source calls it, which is by the shortest of the module's names."""
    for signature in doctree.findall(desc_signature):
        if signature["module"] == "rnnlab.kernels":
            signature["ids"].append(f"rnnlab.{signature['fullname']}")


def finish(app: Any, error: Exception | None) -> None:
    """Put the pages that experiments wrote beside those that tell of them, and follow every link."""
    if error is None and app.builder.format == "html":
        experiment_pages.copy_html(app.outdir)
        (Path(app.outdir) / "_static/webpack-macros.html").unlink(missing_ok=True)  # a template of the theme, no page
        for link in dead_links.found(app.outdir):
            getLogger(__name__).warning("dead link: %s", link)


def setup(app: Any) -> dict[str, bool]:
    """Tell Sphinx what to call when."""
    app.connect("builder-inited", write_pages)
    app.connect("source-read", read_page)
    app.connect("autodoc-process-docstring", docstrings.rewrite, priority=100)
    app.connect("doctree-read", mark_names)
    app.connect("build-finished", finish)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
