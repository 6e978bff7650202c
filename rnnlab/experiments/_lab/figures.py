"""How every figure looks: one theme, large enough to project, colours that survive greyscale and colour blindness."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import scipy
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import findfont, get_font
from matplotlib.ticker import NullLocator

from rnnlab._base import figures as common

THEME, theme, palette = common.THEME, common.theme, common.palette
new_figure, drawing = common.new_figure, common.drawing
TITLES = {"linear": "linear", "relu": "ReLU", "tanh": "tanh", "sigmoid": "sigmoid"}
LONGEST = 32  # letters of a name
ROW, HANDLE = 115, 6  # letters of a row of a legend on a slide, and as many as a handle is wide
LINE = 0.045  # of a figure's height: a line of text on a slide, with the space around it
DIVERGING = "RdBu_r"  # blue: vanishing, red: exploding; both darken away from white
# colours, all told apart in greyscale where they meet
BLUE, NAVY, SKY, STEEL, SLATE, LAKE = "#0072b2", "#1f4e79", "#9db8d2", "#30648c", "#4a6fa5", "#6f9fbf"
RED, WINE, GOLD, OCHRE, STRAW = "#c1272d", "#6b1023", "#f0c808", "#b8960c", "#fbe7a1"
INPUT, HIDDEN, OUTPUT = "#cfe3f3", "#fbe3c0", "#d4ecd4"  # boxes of an unrolled network
NOTE, LOST, AXIS, EDGE, DEAD, GUIDE = "#444444", "#555555", "#666666", "#777777", "#8f8f8f", "#999999"  # greys
SILVER, SUBNORMAL, BAND, PALE = "#c4c4c4", "#c9c9c9", "#dddddd", "#eeeeee"


def legible(text: str) -> str:
    """A name that somebody gave as a figure can show it: not as mathematics, in letters that the font has, not too long."""
    known = {} if text.isascii() else get_font(findfont(THEME["font.family"])).get_charmap()
    cut = text if len(text) <= LONGEST else f"{text[: LONGEST - 3]}..."
    return "".join(
        letter if letter.isprintable() and (letter.isascii() or ord(letter) in known) else "\u25a1" for letter in cut
    ).replace("$", r"\$")


def edges(values: Any) -> Any:
    """Cell borders halfway between values."""
    values = np.asarray(values, dtype=float)
    middle = (values[1:] + values[:-1]) / 2 if values.size > 1 else np.empty(0)
    first = values[0] - (middle[0] - values[0] if values.size > 1 else 0.5)
    last = values[-1] + (values[-1] - middle[-1] if values.size > 1 else 0.5)
    return np.concatenate([[first], middle, [last]])


def logarithmic(axis: Axes) -> None:
    """T on a logarithmic axis, labelled 1, 10, 100: minor ticks and typeset powers cost a second of drawing."""
    axis.set_xscale("log")
    axis.xaxis.set_minor_locator(NullLocator())
    axis.xaxis.set_major_formatter("{x:g}")


def headline(figure: Figure, told: str) -> None:
    """What came out, above all panels, in as many lines as the figure's width asks for."""
    figure.suptitle(told[:1].upper() + told[1:], wrap=True)


def facets(figure: Figure, count: int, columns: int, xlabel: str, sharey: bool = True) -> list[Axes]:
    """So many panels in rows of `columns`, none of them empty, over the same axis, named below the lowest of a column."""
    axes = figure.subplots(-(-count // columns), columns, squeeze=False, sharex=True, sharey=sharey).ravel()
    for axis in axes[count:]:
        axis.remove()
    for axis in axes[max(0, count - columns) : count]:
        axis.tick_params(labelbottom=True)
        axis.set_xlabel(xlabel)
    return list(axes[:count])


def legend_below(figure: Figure, axis: Axes, title: str | None = None) -> None:
    """What is drawn in a panel, below all of them in as few rows as a slide is wide for."""
    handles, labels = axis.get_legend_handles_labels()
    rows = -(-sum(len(label) + HANDLE for label in labels) // ROW) or 1
    columns = -(-len(labels) // rows)
    figure.legend(handles, labels, title=title, loc="outside lower center", ncols=columns, frameon=False)


def legend_under(axis: Axes, columns: int) -> None:
    """What is drawn in a panel, below it: where curves leave no corner free."""
    axis.legend(loc="upper center", bbox_to_anchor=(0.5, -0.13), ncols=columns, frameon=False)


def label_ends(axis: Axes, ends: dict[str, tuple[float, float, Any]]) -> None:
    """Name every curve right of its end, a line of text apart, as near as that allows: more than a legend can hold.

    Parameters
    ----------
    axis : Axes
        A panel whose limits are final.
    ends : dict of str to (float, float, colour)
        Where each curve ends, and its colour; one that is lost, -inf, ends at the panel's foot.
    """
    foot, across = axis.get_ylim()[0], axis.transData + axis.transAxes.inverted()
    tips = [(x, y if np.isfinite(y) else foot) for x, y, _ in ends.values()]
    heights = across.transform(tips)[:, 1]
    order, rows = np.argsort(heights, kind="stable"), cast(Any, axis.get_subplotspec()).get_gridspec().nrows
    places = LINE * rows * np.arange(len(ends))
    nearest = scipy.optimize.isotonic_regression(heights[order] - places).x.clip(0, max(0.0, 1 - places[-1])) + places
    named = list(ends.items())
    for place, index in zip(nearest, order, strict=True):
        name, (*_, colour) = named[index]
        line = {"arrowstyle": "-", "color": colour, "shrinkA": 0, "shrinkB": 0, "relpos": (0.0, 0.5)}
        where: dict[str, Any] = {"xytext": (1.05, place), "textcoords": "axes fraction", "va": "center"}
        axis.annotate(name, tips[index], **where, arrowprops=line, annotation_clip=False)
