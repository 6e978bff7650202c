"""How every figure looks, and how it shows itself in a notebook: one theme, outside pyplot's global state."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable
from functools import wraps
from html import escape
from io import BytesIO
from itertools import cycle, islice
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

INK = ".15"  # nearly black
# seaborn's "ticks" for a notebook, which takes a second to import, in larger and plainer letters
THEME: dict[Any, Any] = {
    **dict.fromkeys(("axes.labelcolor", "axes.edgecolor", "text.color", "xtick.color", "ytick.color"), INK),
    **dict.fromkeys(("axes.linewidth", "xtick.major.width", "ytick.major.width"), 1.25),
    **dict.fromkeys(("grid.linewidth", "xtick.minor.width", "ytick.minor.width"), 1),
    **dict.fromkeys(("xtick.major.size", "ytick.major.size"), 6),
    **dict.fromkeys(("xtick.minor.size", "ytick.minor.size"), 4),
    **dict.fromkeys(("font.size", "axes.titlesize", "legend.title_fontsize"), 12),
    **dict.fromkeys(
        ("axes.labelsize", "xtick.labelsize", "ytick.labelsize", "legend.fontsize", "figure.labelsize"), 11
    ),
    "axes.axisbelow": True,
    "grid.color": ".8",
    "lines.solid_capstyle": "round",
    "patch.edgecolor": "w",
    "patch.force_edgecolor": True,
    "figure.titlesize": 14,
    "figure.dpi": 110,
    "savefig.dpi": 110,
    "svg.hashsalt": "rnnlab",
    "svg.fonttype": "none",
    "font.family": "DejaVu Sans",
}
# seaborn's "colorblind"
COLORBLIND = [
    "#0173b2",
    "#de8f05",
    "#029e73",
    "#d55e00",
    "#cc78bc",
    "#ca9161",
    "#fbafe4",
    "#949494",
    "#ece133",
    "#56b4e9",
]


def theme() -> Any:
    """A context in which axes are made and drawn in the package's theme."""
    return mpl.rc_context(THEME)


def palette(count: int, name: str = "") -> list[Any]:
    """So many colours: told apart with any eyes, again from the first after ten; or evenly spread over a colour map."""
    if not name:
        return [to_rgb(colour) for colour in islice(cycle(COLORBLIND), count)]
    return [to_rgb(colour) for colour in mpl.colormaps[name](np.linspace(0, 1, count + 2)[1:-1])]


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
