"""How every figure looks: one theme, large enough to project, colours that survive greyscale and colour blindness."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.font_manager import findfont, get_font
from matplotlib.ticker import NullLocator

from rnnlab._base import figures as common

THEME, theme, new_figure, drawing = common.THEME, common.theme, common.new_figure, common.drawing
TITLES = {"linear": "linear", "relu": "ReLU", "tanh": "tanh", "sigmoid": "sigmoid"}
LONGEST = 32  # letters of a name
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
