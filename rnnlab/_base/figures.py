"""How every figure looks, and how it shows itself in a notebook: one theme, outside pyplot's global state."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable
from functools import wraps
from html import escape
from io import BytesIO
from typing import Any

import matplotlib as mpl
import seaborn as sns
from matplotlib.figure import Figure

THEME: dict[str, Any] = {
    "axes.titlesize": 12,
    "axes.labelsize": 11,
    "figure.titlesize": 14,
    "figure.labelsize": 11,
    "figure.dpi": 110,
    "savefig.dpi": 110,
    "svg.hashsalt": "rnnlab",
    "svg.fonttype": "none",
    "font.family": "DejaVu Sans",
}


def theme() -> Any:
    """A context in which axes are made and drawn in the package's theme."""
    rc: dict[Any, Any] = {**sns.axes_style("ticks"), **sns.plotting_context("notebook"), **THEME}
    return mpl.rc_context(rc)


def new_figure(width: float, height: float) -> Figure:
    """An empty figure (inches) in the package's theme, outside pyplot's global state."""
    with theme():
        return ShownFigure(figsize=(width, height), layout="constrained")


class ShownFigure(Figure):
    """A figure that a notebook shows where it is the last line of a cell, whether or not pyplot is imported."""

    def _repr_png_(self) -> bytes:
        """Its picture, as notebooks ask for it."""
        file = BytesIO()
        with theme():
            self.savefig(file, format="png")
        return file.getvalue()


class Figures(dict[str, Figure]):
    """Figures by name, which a notebook shows one below the other."""

    def _repr_html_(self) -> str:
        """Each under its name."""
        return "".join(f"<h4>{escape(name)}</h4>{as_html(figure)}" for name, figure in self.items())


def as_html(figure: Any) -> str:
    """A picture as an element of a page."""
    return f'<img src="data:image/png;base64,{b64encode(figure._repr_png_()).decode()}">'


def drawing(draw: Callable[..., dict[str, Figure]]) -> Callable[..., Figures]:
    """A function that draws in the package's theme, its figures such that a notebook shows them."""

    @wraps(draw)
    def in_theme(*given: Any, **named: Any) -> Figures:
        with theme():
            return Figures(draw(*given, **named))

    return in_theme
