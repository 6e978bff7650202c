"""Figures as files, in the look that is asked for; what they show is `draw`'s alone.

A figure is drawn once, and then every text, line and marker of it is scaled, and for a dark background every colour's
lightness is turned over, its hue kept, so that no experiment knows of styles.
"""

from __future__ import annotations

import colorsys
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import reduce
from io import BytesIO
from operator import or_
from typing import Any

import numpy as np
from matplotlib.axis import Axis
from matplotlib.cm import ScalarMappable
from matplotlib.collections import Collection
from matplotlib.colors import ListedColormap, to_rgba
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.text import Text
from tqdm import tqdm

from rnnlab._base.interrupts import interrupts_noted
from rnnlab.experiments._lab.figures import theme
from rnnlab.experiments._lab.looks import FORMATS, STYLES, Look, Style
from rnnlab.experiments._lab.processes import shared_out

DARKEST = 0.08  # lightness of a dark background: black itself swallows the edges of a projected slide


def rendered(
    figures: dict[str, Figure], look: Look, guard: Callable[[str], AbstractContextManager[Any]] = nullcontext
) -> dict[str, bytes]:
    """Every figure in every format, by the name of its file; each is drawn under its `guard`."""

    def files_of(name: str) -> dict[str, bytes]:
        files: dict[str, bytes] = {}
        with guard(f"figure {name}"):
            files |= {f"{name}.{kind}": content for kind, content in in_formats(figures[name], look)}
        return files

    with theme():
        return reduce(or_, shared_out(files_of, list(figures)), {})


def in_formats(figure: Figure, look: Look) -> Iterator[tuple[str, bytes]]:
    """A figure in every format."""
    restyle(figure, look)
    lay_out(figure)
    for kind in look.formats:
        file = BytesIO()
        figure.savefig(file, format=kind, metadata=FORMATS[kind])
        yield kind, file.getvalue()


def lay_out(figure: Figure) -> None:
    """Find every axes its place, once for all formats; drawing for it as well would take half as long again."""
    engine = figure.get_layout_engine()
    if engine is not None:
        engine.execute(figure)
        figure.set_layout_engine(None)


@contextmanager
def told_if_undrawn(what: str) -> Iterator[None]:
    """Say what can't be drawn, and go on: what was measured is worth more."""
    try:
        with interrupts_noted():  # of one inside of it Matplotlib's C++ makes a ValueError
            yield
    except Exception as error:
        if "RNNLAB_TRACEBACK" in os.environ:
            raise
        reason = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
        told = f"{what} could not be drawn ({reason}): a bug of rnnlab, please report it; the table is saved without"
        tqdm.write(told, file=sys.stderr)


def restyle(figure: Figure, look: Look) -> None:
    """Give a figure its size and style; as drawn it is in the style of paper."""
    style = STYLES[look.style]
    if style.scale != 1:
        rescale(figure, style)
    if style.dark:
        darken(figure)
    if size := look.size or style.size:
        figure.set_size_inches(*size)


def axes_of(figure: Figure) -> list[Axis]:
    """Every x, y and z axis of a figure."""
    return [getattr(axes, f"{name}axis") for axes in figure.axes for name in "xyz" if hasattr(axes, f"{name}axis")]


def rescale(figure: Figure, style: Style) -> None:
    """Make every text, line and marker larger, no text smaller than the style's smallest."""
    scale = style.scale
    labels = {axis: axis.get_ticklabels() for axis in axes_of(figure)}
    ticks = {label for some in labels.values() for label in some}
    for text in figure.findobj(lambda artist: isinstance(artist, Text) and artist not in ticks):
        text.set(fontsize=max(style.smallest, text.get_fontsize() * scale))  # type: ignore[attr-defined]
    for axis, some in labels.items():
        if some:
            axis.set_tick_params(which="both", labelsize=max(style.smallest, float(some[0].get_fontsize()) * scale))
    for line in figure.findobj(lambda artist: isinstance(artist, Line2D)):
        line.set(linewidth=line.get_linewidth() * scale, markersize=line.get_markersize() * scale)  # type: ignore[attr-defined]


def darken(figure: Figure) -> None:
    """Turn the lightness of every colour over."""
    for artist in figure.findobj(lambda artist: isinstance(artist, (Text, Line2D, Patch, Collection))):
        darken_artist(artist)
    mapped: Any
    for mapped in figure.findobj(lambda artist: isinstance(artist, ScalarMappable)):
        values = mapped.get_array()
        if values is not None and np.ndim(values) == 3:  # colours already
            mapped.set_array(np.reshape([turned(colour)[:3] for colour in np.reshape(values, (-1, 3))], values.shape))
        mapped.set_cmap(ListedColormap([turned(colour) for colour in mapped.get_cmap()(np.linspace(0, 1, 256))]))
    for axis in axes_of(figure):
        axis.set_tick_params(colors=turned("black"))


def darken_artist(artist: Any) -> None:
    """Turn the colours of one artist over: faces and edges, or the one colour of texts and lines."""
    parts: tuple[str, ...] = ("color",) if isinstance(artist, Text) else ("facecolor", "edgecolor")
    if isinstance(artist, Line2D):
        parts = ("color", "markerfacecolor", "markeredgecolor")
    if isinstance(artist, Collection) and artist.get_array() is not None:
        return  # by a colour map
    found = {name: getattr(artist, f"get_{name}")() for name in parts}
    many = isinstance(artist, Collection)
    artist.set(**{name: [*map(turned, colour)] if many else turned(colour) for name, colour in found.items()})
    if getattr(artist, "arrow_patch", None) is not None:  # of an annotation
        darken_artist(artist.arrow_patch)


def turned(colour: Any) -> Any:
    """A colour of the same hue and the opposite lightness; no colour stays none."""
    if isinstance(colour, str) and colour in ("none", "auto"):
        return colour
    red, green, blue, alpha = to_rgba(colour)
    hue, lightness, saturation = colorsys.rgb_to_hls(red, green, blue)
    return (*colorsys.hls_to_rgb(hue, 1 - (1 - DARKEST) * lightness, saturation), alpha)
