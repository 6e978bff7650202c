"""The page without its scripts: one picture of what moves on it."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from rnnlab.experiments._lab.figures import GUIDE, TITLES, drawing, headline, label_ends, new_figure, palette
from rnnlab.experiments._lab.networks import NETWORKS
from rnnlab.experiments._lab.words import times
from rnnlab.experiments.explore.descents import STARTS

DASHES = {"plain": "-", "clipped": "--"}


@drawing
def draw(table: pd.DataFrame) -> dict[str, Figure]:
    """The chain over T, what h_0 does to tanh, the trainings and the cures.

    Returns
    -------
    dict of str to Figure
        explorer.
    """
    states, descents, cures = (table[table["part"] == name] for name in ("state", "descent", "cure"))
    linear = states[(states["nonlinearity"] == "linear") & (states["h0"] == states["h0"].max()) & (states["w2"] > 0)]
    nearest = states["w2"].iloc[(states["w2"] - 2).abs().argmin()]
    tanh = states[(states["nonlinearity"] == "tanh") & (states["w2"] == nearest)]
    figure = new_figure(12, 7.5)
    axes: Any = figure.subplots(2, 2).flat
    draw_states(axes[0], linear, "w2", "W₂", "The chain: times W₂ a day")
    draw_states(axes[1], tanh, "h0", "h₀", f"The correction: tanh at W₂ = {nearest:g}")
    draw_descents(axes[2], descents)
    draw_cures(axes[3], cures)
    headline(figure, finding(table))
    return {"explorer": figure}


def finding(table: pd.DataFrame) -> str:
    """The chain at the largest W2 and T, of every nonlinearity."""
    rows = table[table["part"] == "state"]
    w2, steps = rows["w2"].max(), rows["seq_len"].max()
    last = rows[(rows["w2"] == w2) & (rows["seq_len"] == steps) & (rows["h0"] == rows["h0"].max())]
    told = times((TITLES[row.nonlinearity], row.log10_gradient) for row in last.itertuples())
    return f"W2 = {w2:g} over {steps:g} days: {told}"


def draw_states(axis: Any, rows: pd.DataFrame, by: str, symbol: str, title: str) -> None:
    """log10 |dh_T/dh_0| over T, a line per value of one setting."""
    groups = rows.groupby(by)
    colours = palette(len(groups) + 1, "viridis")[:-1]  # without its lightest
    ends = {}
    for (value, line), colour in zip(groups, colours, strict=True):
        axis.plot(line["seq_len"], line["log10_gradient"], "o-", color=colour)
        ends[f"{symbol} = {value:g}"] = line["seq_len"].iloc[-1], line["log10_gradient"].iloc[-1], colour
    axis.axhline(0, color=GUIDE, linewidth=0.8)
    axis.set(xlabel="T", ylabel="log10 |∂h_T/∂h₀|", title=title, xlim=(0, rows["seq_len"].max()))
    label_ends(axis, ends)


def draw_descents(axis: Any, rows: pd.DataFrame) -> None:
    """The loss of each training over its updates."""
    for (start, colour), dashes in product(zip(STARTS, palette(10), strict=False), DASHES.items()):
        variant, line = dashes
        run = rows[(rows["start"] == start) & (rows["variant"] == variant)]
        label = f"from W₂ = {run['w2'].iloc[0]:g}, {variant}"
        axis.plot(run["update"], run["loss"].clip(1e-6, 1e9), line, color=colour, label=label)
    axis.set_yscale("log")
    axis.yaxis.set_major_formatter("{x:g}")
    axis.set(xlabel="update", ylabel="loss", title="The consequence: trainings")
    axis.legend(frameon=False, fontsize=10, loc="upper left", bbox_to_anchor=(1.01, 1.0))


def draw_cures(axis: Any, rows: pd.DataFrame) -> None:
    """The gradient against lag, LSTMs from light to dark."""
    biases = np.sort(rows["forget_bias"].dropna().unique())
    colours = palette(len(biases) + 2, "Blues")[2:]  # without its lightest
    ends = {}
    for bias, colour in zip(biases, colours, strict=True):
        line = rows[rows["forget_bias"] == bias]
        axis.plot(line["lag"], line["log10_gradient"], color=colour)
        ends[f"LSTM, $b_f$ = {bias:g}"] = line["lag"].iloc[-1], line["log10_gradient"].iloc[-1], colour
    for name, dashes in (("tanh", "-"), ("gru", "--"), ("attention", ":")):
        line = rows[rows["network"] == name]
        axis.plot(line["lag"], line["log10_gradient"], dashes, color="black")
        ends[NETWORKS[name].label] = line["lag"].iloc[-1], line["log10_gradient"].iloc[-1], "black"
    axis.set(
        xlabel="lag T - t", ylabel="log10 of |dL/dx_t| / |dL/dx_T|", title="The cures", xlim=(0, rows["lag"].max())
    )
    label_ends(axis, ends)
