"""The curves of the sweep over T."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rnnlab.experiments._lab.figures import BAND, EDGE, NOTE, PALE, TITLES, headline, legend_below, new_figure, palette
from rnnlab.experiments._lab.words import from_log10, times

SHOWN_RANGE = {"float64": (-323.3, 308.3), "float32": (-44.9, 38.5)}
GRADIENT_LABELS = {
    "log10_dh0": "h₀",
    "log10_dx1": "x₁",
    "log10_dw1": "W₁",
    "log10_dw2": "W₂",
    "log10_db1": "B₁",
}
SIZE = "$\\log_{10}\\,|\\partial h_T/\\partial h_0|$  (2: times 100, -2: a hundredth)"
FEW = 2  # curves up to which each ends in its plain number
MARKERS = ("o", "X", (4, 0, 45), "P", (4, 0, 0))  # of the five gradients


def finding(table: pd.DataFrame) -> str:
    """The gradient over the longest T, at W2 = 2 or else the largest W2, of every nonlinearity."""
    w2 = 2.0 if (table["w2"] == 2.0).any() else table["w2"].max()
    steps = table["seq_len"].max()
    rows = table[(table["w2"] == w2) & (table["seq_len"] == steps)]
    middle = rows.groupby("nonlinearity", sort=False, observed=True)["log10_dh0"].quantile(0.5, interpolation="lower")
    return f"W2 = {w2:g} over {steps} days: {times((TITLES.get(name, name), value) for name, value in middle.items())}"


def panels(
    table: pd.DataFrame, height: float, rows: int = 1, sharey: bool = True
) -> tuple[Figure, list[Axes], list[str]]:
    """A figure with one panel per nonlinearity and row of panels."""
    there = table["nonlinearity"].unique()
    names = [name for name in TITLES if name in there] + [name for name in there if name not in TITLES]
    figure = new_figure(3.4 * len(names) + 1.4, height)
    axes = figure.subplots(rows, len(names), squeeze=False, sharex=True, sharey=sharey)
    return figure, list(axes.flat), names


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
    """Name the shaded bands right of the last panel, where no curve passes."""
    for kind, ends in SHOWN_RANGE.items():
        for edge in (edge for edge in ends if bottom < edge < top):
            axis.annotate(
                f"{kind}: {'inf above' if edge > 0 else '0 below'}",
                (1.02, edge),
                xycoords=("axes fraction", "data"),
                ha="left",
                va="center",
                fontsize=8,
                color=NOTE,
            )


def decay(table: pd.DataFrame) -> Figure:
    """log10 |dh_T/dh_0| against T for a few W2, the exact law dashed, the ranges of floats shaded."""
    figure, axes, names = panels(table, 4.8)
    w2s = chosen(table["w2"], (-1.5, 0.5, 0.9, 1.0, 1.1, 2.0), 6)
    colours = dict(zip(w2s, palette(len(w2s), "viridis"), strict=True))
    rows = table[table["w2"].isin(w2s) & np.isfinite(table["log10_dh0"])]
    low, high = (rows["log10_dh0"].min(), rows["log10_dh0"].max()) if len(rows) else (0.0, 0.0)
    margin = 0.05 * (high - low) + 2
    for axis, name in zip(axes, names, strict=True):
        for number, w2 in enumerate(w2s):
            curve(axis, rows[(rows["nonlinearity"] == name) & (rows["w2"] == w2)], colours[w2], "osD^vP"[number % 6])
        shade_float_ranges(axis, low - margin, high + margin)
        note_dead(axis, table[(table["nonlinearity"] == name) & table["w2"].isin(w2s) & (table["regime"] == "dead")])
        axis.set(title=TITLES.get(name, name), xlabel="sequence length T", ylim=(low - margin, high + margin))
        if len(w2s) <= FEW:
            write_ends(axis, rows[rows["nonlinearity"] == name])
    label_float_ranges(axes[-1], low - margin, high + margin)
    axes[0].set_ylabel(SIZE)
    for number, w2 in enumerate(w2s):
        axes[0].plot([], [], color=colours[w2], marker="osD^vP"[number % 6], label=f"W₂ = {w2:g}")
    axes[0].plot([], [], color="black", linestyle="--", label="law $T\\,\\log_{10}|W_2|$")
    legend_below(figure, axes[0])
    headline(figure, f"{finding(table)}\nA straight line is exponential; dashed: W₂ to the T")
    return figure


def write_ends(axis: Axes, rows: pd.DataFrame) -> None:
    """The plain number at the end of every curve, of a linear unit as the power that it is."""
    last = rows[rows["seq_len"] == rows["seq_len"].max()].groupby(["nonlinearity", "w2", "seq_len"], observed=True)
    for (name, w2, steps), value in last["log10_dh0"].median().items():
        power = f"{w2:g}^{steps} = " if name == "linear" and w2 > 0 else ""
        up = 6 if value >= 0 else -6
        where: dict[str, Any] = {"xytext": (-4, up), "ha": "right", "va": "bottom" if value >= 0 else "top"}
        axis.annotate(f"{power}{from_log10(value)}", (steps, value), textcoords="offset points", **where)


def note_dead(axis: Axes, rows: pd.DataFrame) -> None:
    """Say which of the chosen W2 cannot be drawn because the gradient is exactly 0."""
    if len(rows):
        values = ", ".join(f"{w2:g}" for w2 in sorted(rows["w2"].unique()))
        text = f"W₂ = {values}:\ndead from T = {rows['seq_len'].min()}"
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
    figure, axes, names = panels(table, 2.6 * len(w2s) + 0.8, rows=len(w2s), sharey=False)
    for axis, (w2, name) in zip(axes, [(w2, name) for w2 in w2s for name in names], strict=True):
        gradient_curves(axis, table[(table["nonlinearity"] == name) & (table["w2"] == w2)])
        axis.set(title=f"{TITLES.get(name, name)}, W₂ = {w2:g}")
        axis.axhline(0.0, color=EDGE, linewidth=0.7, zorder=0)
    for axis in axes[-len(names) :]:
        axis.set_xlabel("sequence length T")
    figure.supylabel(r"$\log_{10}$ of the absolute gradient of $h_T$")
    legend_below(figure, axes[-1], title="with respect to")
    headline(figure, f"a weight's gradient is a sum over steps: {sums(table, w2s[0])}")
    return figure


def sums(table: pd.DataFrame, w2: float) -> str:
    """What of the first input and of all of them reaches the longest T, through the first nonlinearity."""
    name, steps = table["nonlinearity"].iloc[0], table["seq_len"].max()
    rows = table[(table["nonlinearity"] == name) & (table["w2"] == w2) & (table["seq_len"] == steps)]
    sizes = [from_log10(rows[column].median()) for column in ("log10_dx1", "log10_dw1")]
    return f"{TITLES.get(name, name)}, W₂ = {w2:g}, T = {steps}: x₁ has {sizes[0]}, W₁ {sizes[1]}"


def gradient_curves(axis: Axes, rows: pd.DataFrame) -> None:
    """A line per gradient, its median over seeds; one that is dead or out of range is in the legend alone."""
    colours = palette(len(GRADIENT_LABELS))
    for (column, label), colour, marker in zip(GRADIENT_LABELS.items(), colours, MARKERS, strict=True):
        middle = rows[np.isfinite(rows[column])].groupby("seq_len")[column].median()
        looks: dict[str, Any] = {"color": colour, "marker": marker, "markeredgecolor": "white", "markeredgewidth": 0.75}
        axis.plot(middle.index, middle, label=label, **looks)
