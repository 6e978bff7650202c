"""How every figure looks: one theme, large enough to project, colours that survive greyscale and colour blindness."""

from __future__ import annotations

from typing import Any

import matplotlib as mpl
import seaborn as sns
from matplotlib.figure import Figure

DIVERGING = "RdBu_r"  # blue: vanishing, red: exploding; both darken away from white
THEME: dict[str, Any] = {
    "axes.titlesize": 12,
    "axes.labelsize": 11,
    "figure.dpi": 110,
    "savefig.dpi": 110,
    "svg.hashsalt": "rnnlab",
    "svg.fonttype": "none",
    "font.family": "DejaVu Sans",
}


def new_figure(width: float, height: float) -> Figure:
    """An empty figure (inches) in the package's theme, outside pyplot's global state."""
    with theme():
        return Figure(figsize=(width, height), layout="constrained")


def theme() -> Any:
    """A context in which axes are made and drawn in the package's theme."""
    rc: dict[Any, Any] = {**sns.axes_style("ticks"), **sns.plotting_context("notebook"), **THEME}
    return mpl.rc_context(rc)
