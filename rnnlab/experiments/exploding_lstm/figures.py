"""The figures of exploding LSTMs, drawn from their table alone; the law at rest is drawn first."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from rnnlab.experiments._lab.figures import DIVERGING, GUIDE, NAVY, RED, drawing, edges, headline, new_figure
from rnnlab.laws.gates import critical_gain

LIMIT = 0.6  # of ln a step shown by the darkest colours
TICKS = (0.125, 0.25, 0.5, 1, 2, 4, 8, 16)
TITLES = {
    "rest": "At rest (dashed: gain 4 / (1 + e^b))",
    "driven": "Driven by noise",
}


def finding(table: pd.DataFrame) -> str:
    """The gain from which gradients grow at rest, at the smallest and the largest forget bias."""
    rows = table[(table["start"] == "forget bias") & (table["state"] == "rest") & (table["growth"] > 0)]
    least = rows.groupby("forget_bias")["gain"].min()
    ends = dict.fromkeys([*least.index[:1], *least.index[-1:]])
    told = ", ".join(f"forget bias {bias:g} from gain {least[bias]:g}" for bias in ends)
    return f"at rest an LSTM's gradients grow: {told or 'at no gain'}"


@drawing
def draw(table: pd.DataFrame) -> dict[str, Figure]:
    """Growth over forget bias and gain, at rest and driven; growth and peak against the largest Lyapunov exponent.

    Returns
    -------
    dict of str to Figure
        map; exponent.
    """
    return {"map": draw_map(table), "exponent": draw_exponent(table)}


def draw_map(table: pd.DataFrame) -> Figure:
    """A heat map of each state, with chrono's networks in a column of their own."""
    figure = new_figure(12, 5.4)
    axes = figure.subplots(1, 2, sharey=True)
    for axis, (state, title) in zip(axes, TITLES.items(), strict=True):
        image = draw_state(axis, table[table["state"] == state])
        axis.set_title(title)
    axes[0].set_ylabel("gain g of the recurrent weights")
    figure.colorbar(image, ax=axes, extend="both", label="growth of the gradient: ln of the factor per step")
    headline(figure, finding(table))
    return figure


def draw_state(axis: Any, rows: pd.DataFrame) -> Any:
    """One heat map: forget biases to the right and chrono last, the law's border dashed."""
    named = rows[rows["start"] == "forget bias"].pivot_table(index="gain", columns="forget_bias", values="growth")
    biases, gains = named.columns.to_numpy(), named.index.to_numpy()
    borders = np.exp2(edges(np.log2(gains)))
    image = axis.pcolormesh(edges(biases), borders, named, cmap=DIVERGING, vmin=-LIMIT, vmax=LIMIT)
    chrono = rows[rows["start"] == "chrono"].groupby("gain")["growth"].mean()
    last = edges(biases)[-1] + np.array([0.5, 1.5])
    axis.pcolormesh(last, borders, chrono.to_numpy()[:, None], cmap=DIVERGING, vmin=-LIMIT, vmax=LIMIT)
    line = np.linspace(edges(biases)[0], edges(biases)[-1], 200)
    axis.plot(line, critical_gain(line), "k--", linewidth=1.6)
    axis.set_yscale("log", base=2)
    axis.set(xlabel="bias b of the forget gate", ylim=borders[[0, -1]])
    axis.set_xticks([*biases, last.mean()], [*(f"{bias:g}" for bias in biases), "chrono"])
    shown = [tick for tick in TICKS if borders[0] <= tick <= borders[-1]]
    axis.set_yticks(shown, [f"{tick:g}" for tick in shown])
    return image


def draw_exponent(table: pd.DataFrame) -> Figure:
    """Two panels of driven networks, a point each, with the line on which both are equal."""
    rows = table[table["state"] == "driven"]
    figure = new_figure(12, 5)
    left, right = figure.subplots(1, 2)
    ends = np.array([rows["exponent"].min(), rows["exponent"].max()])
    left.plot(ends, ends, "--", color=GUIDE)
    left.plot(rows["exponent"], rows["growth"], "o", color=NAVY, markersize=5, alpha=0.6)
    left.set(ylabel="growth of BPTT's gradient per step", title="dashed: equal")
    steps = rows["seq_len"].iloc[0]
    right.plot([0, ends[1]], [0, steps * ends[1] / np.log(10)], "--", color=GUIDE)
    right.plot(rows["exponent"], rows["log10_peak"], "o", color=RED, markersize=5, alpha=0.6)
    right.set(ylabel="log10 of the largest |dL/d(h, c)_t|", title=f"Over {steps} steps (dashed: from the exponent)")
    for axis in (left, right):
        axis.axvline(0, color=GUIDE, linewidth=0.8, zorder=0)
        axis.set_xlabel("largest Lyapunov exponent per step")
    off = (rows["growth"] - rows["exponent"]).abs().max()
    headline(figure, f"gradients of {len(rows)} LSTMs grow at the largest Lyapunov exponent, to {off:.2g} a step")
    return figure
