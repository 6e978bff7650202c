"""The figures of the bench: how far every target is reached, and the cells by shape."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from rnnlab.experiments._lab.figures import SILVER, SLATE, drawing, headline, legend_below, logarithmic, new_figure
from rnnlab.experiments.bench.targets import (
    DEFAULTS,
    Aim,
    aims,
    cell_aims,
    fastest,
    fastest_of,
    geometric_mean,
    on_cores,
)

LOOKS = {  # colour, marker and where in a shape's row, above those that more people use
    "torch.nn": ("#d55e00", "s", 0.0),
    "JAX scan": ("#0072b2", "o", 0.0),
    "NumPy loop": ("#999999", "v", 0.2),
    "torch.compile": ("#8c3d00", "D", 0.2),
    "JAX unrolled": ("#56b4e9", "^", 0.2),
    "equinox": ("#009e73", "P", 0.2),
    "Workspace": ("#000000", "|", -0.2),
}
SHADES = {"met": SLATE, "missed": SILVER}  # apart in lightness too


@drawing
def draw(table: pd.DataFrame) -> dict[str, Figure]:
    """How far targets are reached, and ratios to each peer by shape.

    Parameters
    ----------
    table : DataFrame
        As `measure` returns it, or read back from CSV.

    Returns
    -------
    dict of str to Figure
        targets, and cells on so many cores if they were timed.
    """
    figures = {}
    if aimed := list(aims(table)):
        figures["targets"] = draw_targets(aimed)
        headline(figures["targets"], finding(table))
    for cores, rows in table[(table["case"] == "cells") & table["ratio"].notna()].groupby("cores"):
        name = on_cores(cores)
        figures[f"cells-on-{name.replace(' ', '-')}"] = figure = draw_cells(rows)
        headline(figure, f"cells on {name}: {cells_finding(rows)}")
    return figures


def finding(table: pd.DataFrame) -> str:
    """How many targets of speed are met, and how much faster whole cells are."""
    aimed = [*aims(table), *cell_aims(table)]
    told = f"{sum(aim.reached >= 1 for aim in aimed)} of {len(aimed)} targets of speed are met"
    if len(cells := fastest(table, DEFAULTS)):
        cores = cells["cores"].max()
        told += f"; cells on {on_cores(cores)}: {cells_finding(table[table['cores'] == cores])}"
    return told


def cells_finding(rows: pd.DataFrame) -> str:
    """How much faster whole cells are."""
    found = fastest(rows, DEFAULTS)
    if found.empty:
        return f"none of {', '.join(DEFAULTS)} was timed"
    mean, lowest = geometric_mean(found["ratio"]), found["ratio"].min()
    return f"{mean:.3g} times as fast as {fastest_of(found)} (geometric mean of {len(found)}, lowest {lowest:.2g})"


def draw_cells(rows: pd.DataFrame) -> Figure:
    """Ratios to each implementation by shape with quartiles, one panel a cell and floating type."""
    cells = rows["problem"].str.split(" ", expand=True)
    rows = rows.assign(cell=cells[0], shape=cells[1])
    kinds, names, shapes = rows["dtype"].unique(), rows["cell"].unique(), rows["shape"].unique()
    figure = new_figure(12, 2 + len(kinds) * (1 + 0.3 * len(shapes)))
    axes = figure.subplots(len(kinds), len(names), sharex=True, sharey=True, squeeze=False)
    for axis, (kind, name) in zip(axes.flat, product(kinds, names), strict=True):
        draw_panel(axis, rows[(rows["dtype"] == kind) & (rows["cell"] == name)], list(shapes))
        axis.set_title(f"{name}, {kind}")
    axes[0, 0].set_yticks(range(len(shapes)), shapes)
    axes[0, 0].set_ylim(len(shapes) - 0.5, -0.5)
    for axis in axes[:, 0]:
        axis.set_ylabel("T x B x I x H")
    for axis in axes[-1]:
        axis.set_xlabel("its time / ours")
    legend_below(figure, axes[0, -1])
    return figure


def draw_panel(axis: Any, rows: pd.DataFrame, shapes: list[str]) -> None:
    """A point for each implementation and shape, a line from quartile to quartile."""
    for name, (color, marker, lower) in LOOKS.items():
        some = rows[rows["implementation"] == name]
        if some.empty:
            continue
        places = np.array([shapes.index(shape) + lower for shape in some["shape"]])
        axis.hlines(places, some["ratio_q1"], some["ratio_q3"], color=color, linewidth=1.5)
        axis.plot(some["ratio"], places, marker, color=color, markersize=7, markeredgewidth=1.5, label=name)
    axis.axvline(1.0, color="black", linewidth=0.8)
    logarithmic(axis)
    axis.grid(visible=True, axis="y", linewidth=0.4)


def draw_targets(aimed: list[Aim]) -> Figure:
    """One bar a target, from 1 to the share of it that is reached."""
    figure = new_figure(12, 2 + 0.34 * len(aimed))
    axis, places = figure.subplots(), np.arange(len(aimed))
    reached = np.array([aim.reached for aim in aimed])
    colors = [SHADES["met" if share >= 1 else "missed"] for share in reached]
    axis.barh(places, reached - 1, left=1.0, color=colors, edgecolor="black", linewidth=0.6, height=0.7)
    for place, aim in enumerate(aimed):
        text = f"{aim.measured:.3g} of {aim.wanted:.3g}"
        axis.text(1.01, place, text, transform=axis.get_yaxis_transform(), va="center", fontsize=9)
    axis.axvline(1.0, color="black", linewidth=0.8)
    logarithmic(axis)
    ticks = [tick for tick in (0.1, 0.2, 0.5, 1, 2, 5, 10) if min(0.5, reached.min()) <= tick <= max(2, reached.max())]
    axis.set_xticks(ticks)
    axis.set_yticks(places, [label(aim) for aim in aimed], fontsize=9)
    axis.set(ylim=(len(aimed) - 0.4, -0.6), xlabel="share of the target that is reached")
    handles = [Patch(facecolor=color, edgecolor="black", label=name) for name, color in SHADES.items()]
    figure.legend(handles=handles, loc="outside lower center", ncols=len(handles), frameon=False)
    return figure


def label(aim: Aim) -> str:
    """What one bar is."""
    unit = "" if aim.unit == "times as fast" else f", {aim.unit}"
    return f"{aim.case}, {on_cores(aim.cores)}: {aim.what}{unit}"
