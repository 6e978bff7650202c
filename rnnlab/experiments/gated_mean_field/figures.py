"""The figures of gated networks, drawn from their table alone; the laws are drawn first."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from rnnlab.experiments._lab.figures import GUIDE, NAVY, RED, drawing, headline, new_figure, palette
from rnnlab.experiments.gated_mean_field.networks import DRIVE, INPUTS
from rnnlab.laws import gated_mean_field as law

MARKERS = "os^DvP"


def finding(table: pd.DataFrame) -> str:
    """How many time scales the longest delays are, and where gates are open how much less moves than theory has it."""
    scales = time_scales(table[table["network"] == "trained"])
    growth = float(table["growth"].max())
    return f"minimalRNNs learn over {scales:.3g} time scales; the largest growth of ln |dL/dh|^2 is {growth:.3g} a step"


def time_scales(rows: pd.DataFrame) -> float:
    """How many time scales the longest delays are, their geometric mean."""
    return float(np.exp(np.log(rows["length"] / rows["time_scale"]).mean()))


@drawing
def draw(table: pd.DataFrame) -> dict[str, Figure]:
    """Growth over gain for every bias, with the law; and trainable lengths over time scales.

    Returns
    -------
    dict of str to Figure
        growth; length.
    """
    networks = dict(iter(table.groupby("network")))
    return {"growth": draw_growth(networks), "length": draw_length(networks["trained"])}


def draw_growth(networks: dict[Any, pd.DataFrame]) -> Figure:
    """Two panels, weights drawn anew and fixed; a law per bias."""
    figure = new_figure(12, 5)
    axes = figure.subplots(1, 2, sharey=True)
    titles = {
        "untied": "Weights drawn anew at every step (dashed: theory)",
        "tied": "Weights fixed",
    }
    for axis, (name, title) in zip(axes, titles.items(), strict=True):
        rows = networks[name]
        gain = np.linspace(rows["gain"].min(), rows["gain"].max(), 80)
        biases = sorted(rows["bias"].unique())
        for number, (bias, colour) in enumerate(zip(biases, palette(len(biases) + 1, "viridis"), strict=False)):
            expected = [np.log(law.minimal_rnn(g, bias, INPUTS, DRIVE).chi) for g in gain]
            axis.plot(gain, expected, "--", color=colour, linewidth=1.2)
            one = rows[rows["bias"] == bias]
            marker = MARKERS[number % len(MARKERS)]
            axis.plot(one["gain"], one["growth"], marker, color=colour, markersize=7, alpha=0.8, label=f"b = {bias:g}")
        axis.axhline(0, color=GUIDE, linewidth=0.8, zorder=0)
        axis.set(xlabel="gain g of the recurrent weights", title=title)
    axes[0].set_ylabel(r"ln of the factor a step of $|\partial L/\partial h_t|^2$")
    axes[0].legend(frameon=False, loc="lower right")
    anew, fixed = (off_law(networks[name]) for name in titles)
    headline(figure, f"the growth a step is off theory by {anew:.2g} at most, with fixed weights by {fixed:.2g}")
    return figure


def off_law(rows: pd.DataFrame) -> float:
    """The largest difference of measured growth from theory."""
    expected = [np.log(law.minimal_rnn(row.gain, row.bias, INPUTS, DRIVE).chi) for row in rows.itertuples()]
    return float(np.abs(rows["growth"] - expected).max())


def draw_length(rows: pd.DataFrame) -> Figure:
    """The longest delay learnt over the time scale, with one multiple of it through all."""
    figure = new_figure(7.5, 5.4)
    axis = figure.subplots()
    scale = np.array([rows["time_scale"].min() / 1.3, rows["time_scale"].max() * 1.3])
    scales = time_scales(rows)
    axis.plot(scale, scales * scale, "--", color=GUIDE, label=rf"{scales:.0f} $\xi$")
    for (gain, one), colour, marker in zip(rows.groupby("gain"), (NAVY, RED), "os", strict=False):
        axis.plot(
            one["time_scale"], one["length"], marker, color=colour, markersize=8, alpha=0.7, label=f"g = {gain:g}"
        )
    axis.set(xscale="log", yscale="log", xlabel=r"time scale $\xi = -1/\ln\chi$ at the start, steps")
    axis.set(ylabel="longest delay learnt, steps")
    headline(figure, f"{len(rows)} minimalRNNs learn over {scales:.3g} time scales")
    axis.legend(frameon=False)
    return figure
