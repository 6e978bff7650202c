"""The figures of the sweep, drawn from its table alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.colors import SymLogNorm
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import NullLocator

from rnnlab.experiments._lab.figures import (
    BAND,
    DEAD,
    DIVERGING,
    EDGE,
    GOLD,
    LOST,
    NOTE,
    PALE,
    SUBNORMAL,
    TITLES,
    drawing,
    edges,
    logarithmic,
    new_figure,
)
from rnnlab.experiments._lab.words import times

SHOWN_RANGE = {"float64": (-323.3, 308.3), "float32": (-44.9, 38.5)}
STATE_LOOKS = {
    "zero": (LOST, "...", "0"),
    "inf": (GOLD, "///", "inf"),
    "subnormal": (SUBNORMAL, "", "subnormal"),
}
GRADIENT_LABELS = {
    "log10_dh0": "h₀",
    "log10_dx1": "x₁",
    "log10_dw1": "W₁",
    "log10_dw2": "W₂",
    "log10_db1": "B₁",
}

MOST_W2 = 1000  # rows of a heat map; 30,000 took half a minute, most of it hatches in SVG
MARKERS = ("o", "X", (4, 0, 45), "P", (4, 0, 0))  # of the five gradients


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


def finding(table: pd.DataFrame) -> str:
    """The gradient over the longest T, at W2 = 2 or else the largest W2, of every nonlinearity."""
    w2 = 2.0 if (table["w2"] == 2.0).any() else table["w2"].max()
    steps = table["seq_len"].max()
    rows = table[(table["w2"] == w2) & (table["seq_len"] == steps)]
    middle = rows.groupby("nonlinearity", sort=False, observed=True)["log10_dh0"].quantile(0.5, interpolation="lower")
    return f"W2 = {w2:g} over {steps} days: {times((TITLES.get(name, name), value) for name, value in middle.items())}"


def panels(table: pd.DataFrame, height: float, rows: int = 1) -> tuple[Figure, list[Axes], list[str]]:
    """A figure with one panel per nonlinearity and row of panels."""
    there = table["nonlinearity"].unique()
    names = [name for name in TITLES if name in there] + [name for name in there if name not in TITLES]
    figure = new_figure(3.4 * len(names) + 1.4, height)
    axes = figure.subplots(rows, len(names), squeeze=False, sharex=True, sharey=True)
    return figure, list(axes.flat), names


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
        grid = medians(table[table["nonlinearity"] == name])
        image = mesh(axis, grid, norm)
        zero_contour(axis, grid)
        axis.set(title=TITLES.get(name, name), xlabel="sequence length T")
    axes[0].set_ylabel("recurrent weight W₂")
    bar = figure.colorbar(image, ax=axes, label=r"$\log_{10}\,|\partial h_T/\partial h_0|$", format="{x:g}")
    bar.ax.axhline(0.0, color="black", linewidth=1.6)
    dead = (table["regime"] == "dead").any()
    handles = [Patch(color=DEAD, label="dead: exactly 0")] if dead else []
    figure.suptitle("Blue vanishes, red explodes, black line: the gradient comes through unchanged")
    if handles:
        axes[-1].legend(handles=handles, loc="lower left", fontsize=9)
    return figure


def chosen(values: Any, wanted: tuple[float, ...], most: int) -> list[float]:
    """The wanted values that are there, or a few spread over those that are."""
    there = sorted(set(values))
    found = [value for value in wanted if value in there]
    if len(found) >= 2 or len(found) == len(there):
        return found
    return [there[k] for k in np.unique(np.linspace(0, len(there) - 1, min(most, len(there))).astype(int))]


def shade_float_ranges(axis: Axes, bottom: float, top: float) -> None:
    """Shade where a float32 and a float64 would have shown 0 or inf."""
    for shade, (low, high) in zip((BAND, PALE), reversed(SHOWN_RANGE.values()), strict=True):
        axis.axhspan(bottom, min(low, top), color=shade, zorder=0, linewidth=0)
        axis.axhspan(max(high, bottom), top, color=shade, zorder=0, linewidth=0)
    for edge in (edge for ends in SHOWN_RANGE.values() for edge in ends if bottom < edge < top):
        axis.axhline(edge, color=EDGE, linewidth=0.7, zorder=1)


def label_float_ranges(axis: Axes, bottom: float, top: float) -> None:
    """Name the shaded bands at the right border, in the last panel, where no curve passes by default."""
    for kind, ends in SHOWN_RANGE.items():
        for edge in (edge for edge in ends if bottom < edge < top):
            axis.annotate(
                f"{kind}: {'inf above' if edge > 0 else '0 below'}",
                (0.98, edge),
                xycoords=("axes fraction", "data"),
                ha="right",
                va="bottom" if edge > 0 else "top",
                fontsize=8,
                color=NOTE,
            )


def decay(table: pd.DataFrame) -> Figure:
    """log10 |dh_T/dh_0| against T for a few W2, the exact law dashed, the ranges of floats shaded."""
    figure, axes, names = panels(table, 4.8)
    w2s = chosen(table["w2"], (-1.5, 0.5, 0.9, 1.0, 1.1, 2.0), 6)
    colours = dict(zip(w2s, sns.color_palette("viridis", len(w2s)), strict=True))
    rows = table[table["w2"].isin(w2s) & np.isfinite(table["log10_dh0"])]
    low, high = (rows["log10_dh0"].min(), rows["log10_dh0"].max()) if len(rows) else (0.0, 0.0)
    margin = 0.05 * (high - low) + 2
    for axis, name in zip(axes, names, strict=True):
        for number, w2 in enumerate(w2s):
            curve(axis, rows[(rows["nonlinearity"] == name) & (rows["w2"] == w2)], colours[w2], "osD^vP"[number % 6])
        shade_float_ranges(axis, low - margin, high + margin)
        note_dead(axis, table[(table["nonlinearity"] == name) & table["w2"].isin(w2s) & (table["regime"] == "dead")])
        axis.set(title=TITLES.get(name, name), xlabel="sequence length T", ylim=(low - margin, high + margin))
    label_float_ranges(axes[-1], low - margin, high + margin)
    axes[0].set_ylabel(r"$\log_{10}\,|\partial h_T/\partial h_0|$")
    handles = [
        axes[0].plot([], [], color=colours[w2], marker="osD^vP"[k % 6], label=f"W₂ = {w2:g}")[0]
        for k, w2 in enumerate(w2s)
    ]
    handles.append(axes[0].plot([], [], color="black", linestyle="--", label="law $T\\,\\log_{10}|W_2|$")[0])
    figure.legend(handles=handles, loc="outside right center", frameon=False)
    figure.suptitle(
        "Measured by BPTT (points; band: range over seeds) beside the exact law (dashed). Straight is exponential"
    )
    return figure


def note_dead(axis: Axes, rows: pd.DataFrame) -> None:
    """Say which of the chosen W2 cannot be drawn because the gradient is exactly 0."""
    if len(rows):
        values = ", ".join(f"{w2:g}" for w2 in sorted(rows["w2"].unique()))
        text = f"W₂ = {values}: dead from T = {rows['seq_len'].min()}"
        axis.annotate(text, (0.97, 0.03), xycoords="axes fraction", ha="right", fontsize=9)


def curve(axis: Axes, rows: pd.DataFrame, colour: Any, marker: str) -> None:
    """One W2: the median over seeds, their range, and the law."""
    if rows.empty:
        return
    grouped = rows.groupby("seq_len")
    middle, lowest, highest = (grouped["log10_dh0"].agg(f) for f in ("median", "min", "max"))
    axis.plot(middle.index, middle, color=colour, marker=marker, markersize=4, linewidth=1.2)
    axis.fill_between(middle.index, lowest, highest, color=colour, alpha=0.25, linewidth=0)
    law = grouped["log10_dh0_law"].first().dropna()
    axis.plot(law.index, law, color="black", linestyle="--", linewidth=1.2)


def weights(table: pd.DataFrame) -> Figure:
    """The gradient of each weight, of x_1 and of h_0 against T: rows W2, columns nonlinearity."""
    w2s = chosen(table["w2"], (0.5, 1.0, 2.0), 3)
    figure, axes, names = panels(table, 2.6 * len(w2s) + 0.8, rows=len(w2s))
    for axis, (w2, name) in zip(axes, [(w2, name) for w2 in w2s for name in names], strict=True):
        gradient_curves(axis, table[(table["nonlinearity"] == name) & (table["w2"] == w2)])
        axis.set(title=f"{TITLES.get(name, name)}, W₂ = {w2:g}", xlabel="", ylabel="")
        logarithmic(axis)
        axis.set_yscale("symlog", linthresh=1.0)
        axis.yaxis.set_minor_locator(NullLocator())
        axis.yaxis.set_major_formatter("{x:g}")
        axis.axhline(0.0, color=EDGE, linewidth=0.7, zorder=0)
    figure.supxlabel("sequence length T")
    figure.supylabel(r"$\log_{10}$ of the absolute gradient of $h_T$")
    figure.legend(
        *axes[-1].get_legend_handles_labels(), loc="outside right center", frameon=False, title="with respect to"
    )
    figure.suptitle("A weight's gradient is a sum over steps: it settles where the gradient of the first input is gone")
    return figure


def gradient_curves(axis: Axes, rows: pd.DataFrame) -> None:
    """A line per gradient, its median over seeds; one that is dead or out of range is in the legend alone."""
    colours = sns.color_palette("colorblind", len(GRADIENT_LABELS))
    for (column, label), colour, marker in zip(GRADIENT_LABELS.items(), colours, MARKERS, strict=True):
        middle = rows[np.isfinite(rows[column])].groupby("seq_len")[column].median()
        looks: dict[str, Any] = {"color": colour, "marker": marker, "markeredgecolor": "white", "markeredgewidth": 0.75}
        axis.plot(middle.index, middle, label=label, **looks)


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
        overlay_states(axis, rows)
        axis.set(title=TITLES.get(name, name), xlabel="sequence length T")
    axes[0].set_ylabel("recurrent weight W₂")
    figure.colorbar(image, ax=axes, label=r"$\log_{10}\,|\partial h_T/\partial h_0|$ in float32", format="{x:g}")
    handles = [Patch(facecolor=c, hatch=h, edgecolor="white", label=text) for c, h, text in STATE_LOOKS.values()]
    figure.legend(handles=handles, loc="outside lower center", ncols=3, frameon=False)
    figure.suptitle("What a learner sees in plain float32")
    return figure


def overlay_states(axis: Axes, rows: pd.DataFrame) -> None:
    """Cover the cells where half of the seeds or more are not normal numbers with that state's colour and hatch."""
    counts = rows.groupby(["w2", "seq_len", "float32_state"]).size().unstack(fill_value=0)
    modes = counts.reindex(columns=[*STATE_LOOKS, "normal"], fill_value=0).idxmax(axis=1).unstack()
    across, up = 10 ** edges(np.log10(modes.columns)), edges(modes.index)
    for state, (colour, hatch, _) in STATE_LOOKS.items():
        boxes = []
        for row, there in enumerate(modes.to_numpy() == state):
            flips = np.flatnonzero(np.diff(np.concatenate([[0], there, [0]])))
            boxes += [box(across[a], across[b], up[row], up[row + 1]) for a, b in flips.reshape(-1, 2)]
        looks: dict[str, Any] = {"facecolor": colour, "hatch": hatch, "edgecolor": "white", "linewidth": 0.0}
        axis.add_collection(PolyCollection(boxes, **looks), autolim=False)


def box(left: float, right: float, bottom: float, top: float) -> list[tuple[float, float]]:
    """The corners of a rectangle."""
    return [(left, bottom), (right, bottom), (right, top), (left, top)]
