"""The figures of flossing, drawn from their table alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from rnnlab.experiments._lab.figures import (
    BLUE,
    GOLD,
    GUIDE,
    NAVY,
    RED,
    WINE,
    drawing,
    headline,
    legend_below,
    new_figure,
)

LOOKS: dict[str, dict[str, Any]] = {
    "plain": {"color": GUIDE, "marker": "o"},
    "plain-flossed": {"color": RED, "marker": "s"},
    "plain-flossed-throughout": {"color": GOLD, "marker": "D"},
    "gaussian": {"color": WINE, "marker": "P"},
    "orthogonal": {"color": NAVY, "marker": "^"},
    "orthogonal-flossed": {"color": BLUE, "marker": "v"},
}
TITLES = {
    "copy": ("Delayed copy", "delay, steps", 0.5),
    "order": ("Temporal order", "length T, steps", 0.75),
}  # of the panel and its axis, and the share wrong by chance


def finding(table: pd.DataFrame) -> str:
    """How many trainings each method solved."""
    groups = table.groupby("method", sort=False)["solved"]
    told = (f"{name.replace('-', ', ')} {rows.sum()}" for name, rows in groups)
    return f"solved, of {groups.size().max()}: {'; '.join(told)}"


@drawing
def draw(table: pd.DataFrame) -> dict[str, Figure]:
    """Wrong answers over delays; and exponents with the growth of gradients, as drawn and when training begins.

    Returns
    -------
    dict of str to Figure
        learning, exponents.
    """
    return {"learning": draw_learning(table), "exponents": draw_exponents(table)}


def draw_learning(table: pd.DataFrame) -> Figure:
    """A panel for each task: every network, and the mean of a method."""
    figure = new_figure(13, 6)
    tasks = [name for name in TITLES if name in set(table["task"])]
    axes = np.atleast_1d(figure.subplots(1, len(tasks)))
    for axis, task in zip(axes, tasks, strict=True):
        rows, (title, across, chance) = table[table["task"] == task], TITLES[task]
        delays, methods = sorted(rows["delay"].unique()), [name for name in LOOKS if name in set(rows["method"])]
        for number, method in enumerate(methods):
            place = dict(zip(delays, np.arange(len(delays)) + 0.13 * (number - (len(methods) - 1) / 2), strict=True))
            one = rows[rows["method"] == method]
            axis.plot(one["delay"].map(place), one["error"], linestyle="none", alpha=0.5, **LOOKS[method])
            mean, look = one.groupby("delay")["error"].mean(), LOOKS[method]
            axis.plot(
                mean.index.map(place), mean, label=method.replace("-", ", "), markersize=10, linewidth=1.2, **look
            )
        axis.axhline(chance, color=GUIDE, linestyle="--", linewidth=1, zorder=0)
        axis.annotate("chance", (1, chance), xycoords=("axes fraction", "data"), ha="right", va="bottom")
        axis.set(xlabel=across, title=title, ylim=(-0.03, chance + 0.1))
        axis.set_xticks(range(len(delays)), [str(delay) for delay in delays])
    axes[0].set_ylabel("wrong answers, share")
    legend_below(figure, axes[0])
    headline(figure, finding(table))
    return figure


def draw_exponents(table: pd.DataFrame) -> Figure:
    """How contracting each network was, as drawn and when its training began."""
    figure = new_figure(13, 5.4)
    axes = figure.subplots(1, 2)
    methods = [name for name in LOOKS if name in set(table["method"])]
    ylabels = ("Lyapunov exponents, root mean square\n(nats a step)", "ln of a gradient's factor a step back")
    for axis, names, ylabel in zip(axes, (("drawn", "start"), ("drawn_growth", "start_growth")), ylabels, strict=True):
        for number, method in enumerate(methods):
            rows = table[table["method"] == method]
            spread = np.linspace(-0.15, 0.15, len(rows))
            axis.plot(number + spread, rows[names[0]], linestyle="none", color=GUIDE, marker="x", markersize=5)
            label = method.replace("-", ", ")
            axis.plot(number + spread, rows[names[1]], linestyle="none", alpha=0.7, label=label, **LOOKS[method])
        axis.axhline(0, color=GUIDE, linewidth=0.8, zorder=0)
        axis.set(ylabel=ylabel)
        axis.set_xticks([])
    legend_below(figure, axes[0])
    headline(figure, f"{exponents_finding(table)} (crosses: as drawn)")
    return figure


def exponents_finding(table: pd.DataFrame) -> str:
    """What flossing did to networks before their training."""
    flossed = table[table["method"].str.contains("flossed")]
    if flossed.empty:
        return f"no method flosses; {finding(table)}"
    drawn, start, before, after = flossed[["drawn", "start", "drawn_growth", "start_growth"]].mean()
    growth = f"ln of a gradient's factor a step from {before:.2g} to {after:.2g}"
    return f"flossing brings exponents from {drawn:.2g} to {start:.2g}, {growth}"
