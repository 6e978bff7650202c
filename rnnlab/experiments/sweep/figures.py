"""The figures of the sweep, drawn from its table alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.colors import SymLogNorm
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from rnnlab.experiments._lab.figures import (
    DEAD,
    DIVERGING,
    GOLD,
    LOST,
    SUBNORMAL,
    TITLES,
    drawing,
    edges,
    headline,
    logarithmic,
)
from rnnlab.experiments._lab.words import from_log10
from rnnlab.experiments.sweep.curves import SIZE, decay, finding, panels, weights

STATE_LOOKS = {
    "zero": (LOST, "...", "0"),
    "inf": (GOLD, "///", "inf"),
    "subnormal": (SUBNORMAL, "", "subnormal"),
}
OVERFLOW = {"overflow": (GOLD, "///", "overflow: states beyond float64")}
MOST_W2 = 1000  # rows of a heat map; 30,000 took half a minute, most of it hatches in SVG
LEGIBLE: dict[str, Any] = {"facecolor": "white", "edgecolor": "none", "alpha": 0.6, "pad": 1}  # behind numbers
WRITTEN = 10  # rows and columns up to which cells have their numbers written in


@drawing
def draw(table: pd.DataFrame) -> dict[str, Figure]:
    """The four figures of the sweep.

    Parameters
    ----------
    table : DataFrame
        As `sweep.measure` returns it, or read back from CSV.

    Returns
    -------
    dict of str to Figure
        heatmap, decay, weights, float32.
    """
    return {
        "heatmap": heatmap(thinned(table)),
        "decay": decay(table),
        "weights": weights(table),
        "float32": float32(thinned(table)),
    }


def thinned(table: pd.DataFrame) -> pd.DataFrame:
    """The rows of as many W2 as a heat map has pixels, spread over those that are there."""
    w2s = np.unique(table["w2"])
    if w2s.size <= MOST_W2:
        return table
    return table[table["w2"].isin(w2s[np.linspace(0, w2s.size - 1, MOST_W2).round().astype(int)])]


def medians(rows: pd.DataFrame) -> pd.DataFrame:
    """Median of log10|dh_T/dh_0| over seeds, w2 down and T across; -inf where most seeds are dead."""
    return rows.groupby(["w2", "seq_len"])["log10_dh0"].quantile(0.5, interpolation="lower").unstack()


def mesh(axis: Axes, grid: pd.DataFrame, norm: SymLogNorm) -> Any:
    """Colour a grid of log10 gradients; T on a logarithmic axis."""
    across, up = 10 ** edges(np.log10(grid.columns)), edges(grid.index)
    axis.set_facecolor(DEAD)
    values = np.ma.masked_invalid(grid.to_numpy())
    image = axis.pcolormesh(across, up, values, norm=norm, cmap=DIVERGING, rasterized=True)
    logarithmic(axis)
    return image


def write_numbers(axis: Axes, grid: pd.DataFrame) -> None:
    """The plain number in every cell of a small heat map, and every T and W2 at its axis."""
    for w2, row in grid.iterrows():
        for steps, value in row.items():
            axis.text(steps, w2, from_log10(value, digits=2), rotation=90, ha="center", va="center", bbox=LEGIBLE)
    axis.set_xticks(grid.columns)
    axis.set_yticks(grid.index)


def zero_contour(axis: Axes, grid: pd.DataFrame) -> None:
    """Draw where |dh_T/dh_0| = 1, if the grid has it on two sides."""
    values = grid.replace(-np.inf, np.nan).to_numpy()
    if min(values.shape) >= 2 and (values < 0).any() and (values > 0).any():
        axis.contour(grid.columns, grid.index, values, levels=[0.0], colors="black", linewidths=1.6)


def colour_scale(table: pd.DataFrame) -> SymLogNorm:
    """Colours centred on 0, linear within a factor of ten of 1, logarithmic in the exponent beyond."""
    finite = table["log10_dh0"][np.isfinite(table["log10_dh0"])]
    limit = max(10.0, float(finite.abs().max())) if len(finite) else 10.0
    return SymLogNorm(linthresh=1.0, vmin=-limit, vmax=limit, base=10)


def heatmap(table: pd.DataFrame) -> Figure:
    """log10 |dh_T/dh_0| over T x W2, one panel a nonlinearity, the contour of 1 in black."""
    figure, axes, names = panels(table, 4.6)
    norm = colour_scale(table)
    image: Any = None
    for axis, name in zip(axes, names, strict=True):
        grid = medians(table.loc[table["nonlinearity"] == name, ["w2", "seq_len", "log10_dh0"]])
        image = mesh(axis, grid, norm)
        if max(grid.shape) <= WRITTEN:
            write_numbers(axis, grid)
        else:
            zero_contour(axis, grid)
        cover(axis, table[table["nonlinearity"] == name], "regime", OVERFLOW)
        axis.set(title=TITLES.get(name, name), xlabel="sequence length T")
    axes[0].set_ylabel("recurrent weight W₂")
    bar = figure.colorbar(image, ax=axes, label=SIZE, format="{x:g}")
    bar.ax.axhline(0.0, color="black", linewidth=1.6)
    there = set(table["regime"])
    handles = [Patch(color=DEAD, label="dead: exactly 0")] if "dead" in there else []
    handles += [patch(look) for state, look in OVERFLOW.items() if state in there]
    headline(figure, f"{finding(table)}\nBlue vanishes, red explodes; along the line it comes through unchanged")
    if handles:
        axes[-1].legend(handles=handles, loc="lower left", fontsize=9)
    return figure


def float32(table: pd.DataFrame) -> Figure:
    """What a learner sees in plain float32: the same heat map, with zeros and infinities as such."""
    figure, axes, names = panels(table, 4.6)
    norm = SymLogNorm(linthresh=1.0, vmin=-40, vmax=40, base=10)
    image: Any = None
    for axis, name in zip(axes, names, strict=True):
        rows = table.loc[table["nonlinearity"] == name, ["w2", "seq_len", "log10_dh0", "float32_state"]]
        seen = rows.assign(log10_dh0=rows["log10_dh0"].where(rows["float32_state"] == "normal"))
        grid = seen.pivot_table(index="w2", columns="seq_len", values="log10_dh0", aggfunc="median", dropna=False)
        image = mesh(axis, grid, norm)
        cover(axis, rows, "float32_state", STATE_LOOKS)
        axis.set(title=TITLES.get(name, name), xlabel="sequence length T")
    axes[0].set_ylabel("recurrent weight W₂")
    figure.colorbar(image, ax=axes, label=r"$\log_{10}\,|\partial h_T/\partial h_0|$ in float32", format="{x:g}")
    handles = [patch(look) for look in STATE_LOOKS.values()]
    figure.legend(handles=handles, loc="outside lower center", ncols=3, frameon=False)
    shares = table["float32_state"].value_counts(normalize=True)
    told = ", ".join(f"{shares.get(state, 0.0):.0%} {text}" for state, (_, _, text) in STATE_LOOKS.items())
    headline(figure, f"What a learner sees in plain float32: of all gradients {told}")
    return figure


def patch(look: tuple[str, str, str]) -> Patch:
    """A look in the legend."""
    colour, hatch, label = look
    return Patch(facecolor=colour, hatch=hatch, edgecolor="white", label=label)


def cover(axis: Axes, rows: pd.DataFrame, column: str, looks: dict[str, tuple[str, str, str]]) -> None:
    """Cover the cells where half of the seeds or more are in one of these states with its colour and hatch."""
    states = rows[column].astype(object).where(rows[column].isin(looks), "other")
    counts = states.groupby([rows["w2"], rows["seq_len"], states]).size().unstack(fill_value=0)
    modes = counts.reindex(columns=[*looks, "other"], fill_value=0).idxmax(axis=1).unstack()
    across, up = 10 ** edges(np.log10(modes.columns)), edges(modes.index)
    for state, (colour, hatch, _) in looks.items():
        boxes = []
        for row, there in enumerate(modes.to_numpy() == state):
            flips = np.flatnonzero(np.diff(np.concatenate([[0], there, [0]])))
            boxes += [box(across[a], across[b], up[row], up[row + 1]) for a, b in flips.reshape(-1, 2)]
        drawn: dict[str, Any] = {"facecolor": colour, "hatch": hatch, "edgecolor": "white", "linewidth": 0.0}
        if boxes:
            axis.add_collection(PolyCollection(boxes, **drawn), autolim=False)


def box(left: float, right: float, bottom: float, top: float) -> list[tuple[float, float]]:
    """The corners of a rectangle."""
    return [(left, bottom), (right, bottom), (right, top), (left, top)]
