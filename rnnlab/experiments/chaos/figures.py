"""The figures of networks that learn chaos, drawn from their table alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from rnnlab.experiments._lab.figures import GUIDE, LAKE, NAVY, OCHRE, RED, WINE, drawing, headline, new_figure
from rnnlab.experiments.chaos.series import FORCED, SERIES

LOOKS = {"logistic": ("logistic map", RED), "lorenz": ("Lorenz", NAVY), "sine": ("sine", LAKE)}
CLIPPED = ((OCHRE, "s"), (WINE, "^"), (LAKE, "D"))
TIME = SERIES[FORCED].predictability_time
INTERVAL = "steps between forcings / (ln 2 / exponent)"


def finding(table: pd.DataFrame) -> str:
    """How fast gradients of each series grow."""
    rows = table[table["quantity"] == "growth"].groupby("series", sort=False)["value"].mean()
    told = ", ".join(
        f"{LOOKS[str(name)][0]} {value:.3g} ({SERIES[str(name)].exponent:.3g})" for name, value in rows.items()
    )
    return f"growth of the gradient of networks that continue a series, per step (the series' exponent): {told}"


@drawing
def draw(table: pd.DataFrame) -> dict[str, Figure]:
    """Gradients against lag beside the series' exponents; and what forcing and clipping do to learning.

    Returns
    -------
    dict of str to Figure
        growth; learning, where the series of forced networks is among those measured.
    """
    figures = {"growth": draw_growth(table[table["method"] == "least squares"])}
    learnt = table[table["method"] != "least squares"]
    return {**figures, "learning": draw_learning(learnt)} if len(learnt) else figures


def draw_growth(rows: pd.DataFrame) -> Figure:
    """A line a network with the law dashed; and how growth falls the more often values are fed."""
    figure = new_figure(12, 5)
    left, right = figure.subplots(1, 2)
    for name, group in rows.groupby("series", sort=False):
        draw_curves(left, str(name), group[group["quantity"] == "curve"])
    left.set(
        xlabel="lag T - t",
        ylabel=r"$\log_{10}\,|\partial L/\partial h_t|$, relative to the last step",
        title="dashed: the series' exponent",
    )
    left.legend(frameon=False)
    fed = rows[rows["quantity"] == "fed"]
    right.plot(fed["at"] / TIME, fed["value"] / SERIES[FORCED].exponent, "o", color=NAVY, alpha=0.5)
    mean = fed.groupby("at")["value"].mean() / SERIES[FORCED].exponent
    right.plot(mean.index / TIME, mean, color=NAVY, linewidth=1.8)
    right.axhline(0, color=GUIDE, linewidth=0.8)
    right.axhline(1, color=GUIDE, linestyle="--", linewidth=1.4)
    intervals(right)
    right.set(ylabel="growth / exponent", title="Lorenz, fed with values while the state is kept")
    headline(figure, finding(rows))
    return figure


def draw_curves(axis: Any, name: str, rows: pd.DataFrame) -> None:
    """A line a network, and the law."""
    label, colour = LOOKS[name]
    for seed, curve in rows.groupby("seed"):
        axis.plot(curve["at"], curve["value"], color=colour, linewidth=1.4, label=None if seed else label)
    ends = np.array([0, rows["at"].max()])
    axis.plot(ends, ends * SERIES[name].exponent / np.log(10), "--", color=GUIDE, linewidth=1.4, zorder=3)


def intervals(axis: Any) -> None:
    """The axis of intervals, with the predictability time dotted."""
    axis.set_xscale("log", base=2)
    axis.xaxis.set_minor_locator(NullLocator())
    axis.xaxis.set_major_formatter("{x:g}")
    axis.axvline(1, color=GUIDE, linestyle=":")
    axis.set_xlabel(INTERVAL)


def draw_learning(rows: pd.DataFrame) -> Figure:
    """How long predictions hold, and how far free runs are from the series' distribution; a point a network."""
    figure = new_figure(12, 5)
    left, right = figure.subplots(1, 2)
    draw_quantity(left, rows, "valid", 1 / TIME)
    draw_quantity(right, rows, "distance", 1.0)
    left.set(ylabel="units of ln 2 / exponent", title="How long predictions of unseen values hold")
    right.set(ylabel="Wasserstein distance of distributions", title="How far free runs are off the series")
    left.legend(frameon=False)
    valid = rows[rows["quantity"] == "valid"].assign(held=lambda kept: kept["value"] / TIME)
    plain = valid[valid["method"] == "plain"].groupby("at")["held"].mean()
    clipped = valid[valid["method"] != "plain"].groupby("method")["held"].mean()
    best = f"forced every {plain.idxmax() / TIME:.2g} units of ln 2 / exponent, predictions hold over {plain.max():.2g}"
    headline(figure, "; ".join([f"Lorenz: {best}", *(f"{name} over {held:.2g}" for name, held in clipped.items())]))
    return figure


def draw_quantity(axis: Any, rows: pd.DataFrame, quantity: str, unit: float) -> None:
    """A line through the means of those that are not clipped, and those that are beside its end."""
    rows = rows[rows["quantity"] == quantity]
    for number, (method, group) in enumerate(rows.groupby("method", sort=False)):
        colour, marker = (NAVY, "o") if method == "plain" else CLIPPED[(number - 1) % len(CLIPPED)]
        at = group["at"] / TIME * 1.12**number
        axis.plot(at, group["value"] * unit, marker, color=colour, alpha=0.6, label=method)
        mean = group.groupby("at")["value"].mean() * unit
        axis.plot(mean.index / TIME * 1.12**number, mean, color=colour, linewidth=1.8)
    axis.set_ylim(bottom=0)
    intervals(axis)
