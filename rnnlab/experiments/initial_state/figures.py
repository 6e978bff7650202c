"""The figures of the turn from exploding to vanishing, drawn from their table alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from rnnlab import laws
from rnnlab.experiments._lab.figures import GUIDE, drawing, headline, new_figure, palette
from rnnlab.experiments._lab.words import from_log10

SHOWN = 2.0  # the W2 of the curves, or the one nearest to it
MARKERS = "os^Dv"


def finding(table: pd.DataFrame) -> str:
    """How large gradients of the smallest first state become before they vanish."""
    rows = table[(table["start"] == "h_0") & (table["size"] == table.loc[table["start"] == "h_0", "size"].min())]
    most = rows.groupby("w2")["log10_gradient"].max()
    told = ", ".join(f"times {from_log10(value)} at W2 = {w2:g}" for w2, value in most.items())
    return f"tanh from h_0 = {rows['size'].iloc[0]:g}, at the most: {told}"


@drawing
def draw(table: pd.DataFrame) -> dict[str, Figure]:
    """Curves of one W2 with the turns of all; and the turns that noise makes.

    Returns
    -------
    dict of str to Figure
        turn; noise.
    """
    return {"turn": draw_turn(table[table["start"] == "h_0"]), "noise": draw_noise(table)}


def shown_w2(table: pd.DataFrame) -> float:
    """The W2 that is drawn whole."""
    return float(min(table["w2"].unique(), key=lambda w2: abs(w2 - SHOWN)))


def draw_turn(rows: pd.DataFrame) -> Figure:
    """log10 |dh_t/dh_0| against t for every h_0, and the steps to the turn against their law."""
    w2 = shown_w2(rows)
    figure = new_figure(12, 5)
    left, right = figure.subplots(1, 2)
    draw_curves(left, rows[rows["w2"] == w2], w2)
    ends = [0.0, float(rows["t"].max())]
    right.plot(ends, ends, "--", color=GUIDE, label="to leading order")
    colours = palette(rows["w2"].nunique())
    for number, ((w2, group), colour) in enumerate(zip(rows.groupby("w2"), colours, strict=True)):
        largest = group.loc[group.groupby("size")["log10_gradient"].idxmax()]
        largest = largest[largest["t"] < ends[1]]
        marker = MARKERS[number % len(MARKERS)]
        right.plot(laws.turn(w2, largest["size"]), largest["t"], marker, color=colour, label=f"W2 = {w2:g}")
    right.set(xlabel="log(1 / h₀) / log W2", ylabel="step of the largest gradient", title="The step of the turn")
    right.legend(frameon=False)
    headline(figure, finding(rows))
    return figure


def draw_curves(axis: Any, rows: pd.DataFrame, w2: float) -> None:
    """One W2: the folk story dashed."""
    sizes = sorted(rows["size"].unique(), reverse=True)
    last = rows["t"].max()
    top = rows["log10_gradient"].max() + 1
    folk = np.arange(last + 1) * np.log10(w2)
    axis.plot(np.arange(last + 1)[folk <= top], folk[folk <= top], "--", color=GUIDE, label="W2^t")
    for size, colour in zip(sizes, palette(len(sizes) + 1, "viridis"), strict=False):
        curve = rows[rows["size"] == size]
        axis.plot(curve["t"], curve["log10_gradient"], color=colour, linewidth=1.8, label=f"h₀ = {size:g}")
    axis.axhline(0, color=GUIDE, linewidth=0.8, zorder=0)
    axis.set(
        xlabel="steps t",
        ylabel=r"$\log_{10}\,|\partial h_t/\partial h_0|$",
        title=f"W2 = {w2:g}, no inputs",
        ylim=(-2 * top, top + 1),
    )
    axis.set_xlim(0, 1.1 * rows["t"][rows["log10_gradient"] > -2 * top].max() + 5)
    axis.legend(frameon=False, fontsize=10, loc="upper right")


def draw_noise(table: pd.DataFrame) -> Figure:
    """How many sequences have turned by each step, and how large their gradients were then."""
    w2 = shown_w2(table)
    rows = table[(table["w2"] == w2) & (table["start"] == "noise")]
    sizes = sorted(rows["size"].unique(), reverse=True)
    figure = new_figure(12, 5)
    left, right = figure.subplots(1, 2)
    for size, colour in zip(sizes, palette(len(sizes) + 1, "viridis"), strict=False):
        group = rows[rows["size"] == size]
        left.ecdf(group["t"], color=colour, linewidth=1.8, label=f"noise {size:g}")
        left.axvline(float(laws.turn(w2, size)), color=colour, linestyle=":", linewidth=1.2)
        right.plot(group["t"], group["log10_gradient"], "o", color=colour, markersize=4, alpha=0.5)
    left.set(
        xlabel="steps t",
        ylabel="share of sequences that have turned",
        title="Dotted: law of the turn",
    )
    left.set_xlim(0, 1.45 * rows["t"].max())
    left.legend(frameon=False, fontsize=10, loc="center right")
    steps = np.array([0, rows["t"].max()])
    right.plot(steps, steps * np.log10(w2), "--", color=GUIDE, label="W2^t")
    right.set(
        xlabel="step of the largest gradient",
        ylabel=r"$\log_{10}$ of the largest $|\partial h_t/\partial h_0|$",
        title="Dashed: W2 a step until then",
    )
    right.legend(frameon=False)
    least = rows[rows["size"] == sizes[-1]]
    told = f"noise {sizes[-1]:g} ends the explosion at step {least['t'].min():g} to {least['t'].max():g}"
    headline(figure, f"W2 = {w2:g}, h₀ = 0: {told}, at the most times {from_log10(least['log10_gradient'].max())}")
    return figure
