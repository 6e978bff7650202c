"""The map of trainability."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from rnnlab.experiments._lab.figures import (
    LAKE,
    RED,
    STRAW,
    TITLES,
    WINE,
    drawing,
    edges,
    headline,
    logarithmic,
    new_figure,
)

VARIANTS = ("plain", "clipped")
OUTCOMES = ("solved", "stalled", "exploded", "diverged")
COLOURS = {"solved": STRAW, "stalled": LAKE, "exploded": RED, "diverged": WINE}  # from light to dark
SEEN = 0.005  # a share that rounds to 0 % is not told
WORDS = {**{outcome: outcome for outcome in OUTCOMES}, "exploded": "exploded: a gradient above 10"}


@drawing
def draw(table: pd.DataFrame) -> dict[str, Figure]:
    """What becomes of trainings over T x initial W2: a row of panels a nonlinearity, plain beside clipped.

    Returns
    -------
    dict of str to Figure
        map.
    """
    rows = table[table["part"] == "map"]
    names = [name for name in TITLES if (rows["nonlinearity"] == name).any()]
    figure = new_figure(10.5, 1.3 + 3.5 * len(names))
    axes = figure.subplots(len(names), len(VARIANTS), squeeze=False, sharex=True, sharey=True)
    for row, name in zip(axes, names, strict=True):
        for axis, variant in zip(row, VARIANTS, strict=True):
            draw_panel(axis, rows[(rows["nonlinearity"] == name) & (rows["variant"] == variant)])
            axis.set_title(f"{TITLES[name]}, {variant}: {summary(rows, name, variant)}")
            axis.label_outer()
    headline(figure, "; ".join(clipping(rows, name) for name in names))
    figure.legend(handles=handles(), loc="outside lower center", ncols=3, frameon=False)
    return {"map": figure}


def finding(table: pd.DataFrame) -> str:
    """The outcomes of all panels in words."""
    rows = table[table["part"] == "map"]
    pairs = rows[["nonlinearity", "variant"]].drop_duplicates().itertuples(index=False, name=None)
    return "; ".join(f"{name}, {variant}: {summary(rows, name, variant)}" for name, variant in pairs)


def clipping(rows: pd.DataFrame, name: str) -> str:
    """What clipping changes for one nonlinearity, and what it does not."""
    mean = rows[rows["nonlinearity"] == name].groupby("variant")[list(OUTCOMES)].mean().loc[list(VARIANTS)]
    plain, clipped = mean["exploded"] + mean["diverged"]
    stalled = " and ".join(f"{share:.0%}" for share in mean["stalled"])
    return f"{TITLES[name]}: {plain:.0%} explode or diverge, clipped {clipped:.0%}; {stalled} stall"


def summary(rows: pd.DataFrame, name: str, variant: str) -> str:
    """The outcomes of one panel in words."""
    mean = rows[(rows["nonlinearity"] == name) & (rows["variant"] == variant)][list(OUTCOMES)].mean()
    told = {"diverge": mean["diverged"], "explode": mean["exploded"], "stall": mean["stalled"]}
    return ", ".join(f"{share:.0%} {what}" for what, share in told.items() if share >= SEEN) or "all are solved"


def draw_panel(axis: Any, rows: pd.DataFrame) -> None:
    """Colours mixed by the shares of outcomes: from light to dark, so that greyscale shows them too."""
    grids = {outcome: rows.pivot_table(index="w2", columns="seq_len", values=outcome) for outcome in OUTCOMES}
    steps, w2 = grids["solved"].columns, grids["solved"].index
    across, up = 10 ** edges(np.log10(steps)), edges(w2)
    colours = sum(grid.to_numpy()[..., None] * to_rgb(COLOURS[outcome]) for outcome, grid in grids.items())
    axis.pcolormesh(across, up, np.clip(colours, 0, 1), rasterized=True)
    at_once = rows[rows["updates_to_solve"] == 0]
    axis.plot(at_once["seq_len"], at_once["w2"], ".", color="black", markersize=1.5)
    for height in (-1, 1):
        axis.axhline(height, color="black", linewidth=1.2, linestyle="--")
    logarithmic(axis)
    axis.set(xlim=across[[0, -1]], ylim=up[[0, -1]], xlabel="sequence length T", ylabel="initial W₂")
    if len(across) <= 12:
        axis.set_xticks(steps)


def handles() -> list[Any]:
    """The legend: outcomes and the line."""
    patches = [Patch(facecolor=colour, edgecolor="black", label=WORDS[outcome]) for outcome, colour in COLOURS.items()]
    dots = Line2D([], [], color="black", linestyle="none", marker=".", markersize=4, label="right at once (median)")
    return [*patches, dots, Line2D([], [], color="black", linewidth=1.2, linestyle="--", label="|W₂| = 1")]
