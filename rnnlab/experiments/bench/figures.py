"""The figures of the bench: every ratio as a bar with its target, and the cells by shape."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from rnnlab.experiments._lab.figures import SILVER, SLATE, drawing, headline, new_figure

SHADES = {"one core": SILVER, "several cores": SLATE}  # apart in lightness too


@drawing
def draw(table: pd.DataFrame) -> dict[str, Figure]:
    """Horizontal bars of ratios on a logarithmic axis.

    Parameters
    ----------
    table : DataFrame
        As `measure` returns it, or read back from CSV.

    Returns
    -------
    dict of str to Figure
        ratios, and cells if they were timed.
    """
    one_cell = (table["case"] == "cells") & (table["implementation"] != "geometric mean")
    rows = table[table["ratio"].notna() & ~one_cell].reset_index(drop=True)
    figures = {}
    if len(rows):
        figures["ratios"] = new_figure(10.5, 1.8 + 0.34 * len(rows))
        draw_bars(figures["ratios"].subplots(), rows)
        headline(figures["ratios"], finding(table))
    if one_cell.any():
        figures["cells"] = draw_cells(table[one_cell])
        headline(figures["cells"], f"{cells_finding(table)}: forward and BPTT beside torch.nn and a jitted JAX scan")
    return figures


def finding(table: pd.DataFrame) -> str:
    """How many targets of speed are met, and how much faster whole cells are."""
    rows, cells = table[table["target"].notna()], cells_finding(table)
    return f"{(rows['met'] == 'yes').sum()} of {len(rows)} targets of speed are met" + (f"; {cells}" if cells else "")


def cells_finding(table: pd.DataFrame) -> str:
    """How much faster whole cells are, if they were timed."""
    mean = table.loc[table["implementation"] == "geometric mean", "ratio"]
    return f"cells {mean.iloc[0]:.3g} times as fast as the peers (geometric mean)" if len(mean) else ""


def draw_cells(rows: pd.DataFrame) -> Figure:
    """Ratios to each peer by shape, one panel a cell and floating type."""
    parts = rows["implementation"].str.extract(r"(?P<cell>\w+) \((?P<shape>.*)\): (?P<peer>.*)")
    points = rows[["dtype", "ratio"]].join(parts).query("peer in ['torch', 'jax']")
    figure = new_figure(11, 8)
    kinds, names = points["dtype"].unique(), points["cell"].unique()
    axes = figure.subplots(len(kinds), len(names), sharex=True, sharey=True, squeeze=False)
    for axis, (kind, name) in zip(axes.flat, product(kinds, names), strict=True):
        sns.scatterplot(
            points[(points["dtype"] == kind) & (points["cell"] == name)],
            x="ratio",
            y="shape",
            hue="peer",
            style="peer",
            s=60,
            palette="colorblind",
            ax=axis,
            legend=axis is axes.flat[-1],
        )
        axis.axvline(1.0, color="black", linewidth=0.8)
        axis.set_xscale("log")
        axis.xaxis.set_major_formatter("{x:g}")
        axis.set(title=f"{name.upper()}, {kind}", xlabel="times faster", ylabel="T, B, I, H")
        axis.grid(visible=True, axis="y", linewidth=0.4)
    return figure


def draw_bars(axis: Any, rows: pd.DataFrame) -> None:
    """One bar a row, from 1 to its ratio, and a mark at its target."""
    places = np.arange(len(rows))
    colors = [SHADES["one core" if cores == 1 else "several cores"] for cores in rows["cores"]]
    axis.barh(places, rows["ratio"] - 1.0, left=1.0, color=colors, edgecolor="black", linewidth=0.6, height=0.7)
    marks = axis.vlines(rows["target"], places - 0.35, places + 0.35, color="black", linewidth=2.5, label="target")
    for place, ratio in zip(places, rows["ratio"], strict=True):
        axis.text(1.01, place, f"{ratio:.2f}", transform=axis.get_yaxis_transform(), va="center", fontsize=9)
    axis.axvline(1.0, color="black", linewidth=0.8)
    axis.set_xscale("log")
    ticks = [0.5, 1, 2, 5, 10, 20, 50]
    axis.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axis.minorticks_off()
    axis.set_yticks(places, [label(row) for row in rows.itertuples()], fontsize=10)
    axis.set(
        xlim=limits(rows),
        ylim=(len(rows) - 0.4, -0.6),
        xlabel="times faster than ... (limit / seconds); right of the mark: target met",
    )
    handles = [Patch(facecolor=color, edgecolor="black", label=name) for name, color in SHADES.items()]
    axis.legend(handles=[*handles, marks], frameon=False, loc="lower right")


def limits(rows: pd.DataFrame) -> tuple[float, float]:
    """An axis on which every bar and mark has room."""
    values = rows[["ratio", "target"]].to_numpy(dtype=float)
    return min(0.5, 0.8 * float(np.nanmin(values))), 1.3 * float(np.nanmax(values))


def label(row: Any) -> str:
    """What one bar is."""
    kind = f", {row.dtype}" if row.case == "one-unit" and row.implementation != "rnnlab in float64" else ""
    cores = f", {row.cores} core{'s' if row.cores > 1 else ''}" if row.case == "one-unit" else ""
    return f"{row.case}: {row.implementation}{kind}{cores}"
