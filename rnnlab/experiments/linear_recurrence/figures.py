"""The figures of linear recurrences, drawn from their table alone; laws are drawn first."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from rnnlab.experiments._lab.figures import (
    GUIDE,
    RED,
    drawing,
    headline,
    legend_below,
    legend_under,
    logarithmic,
    new_figure,
    palette,
)
from rnnlab.experiments._lab.networks import look_of
from rnnlab.experiments._lab.words import times
from rnnlab.experiments.linear_recurrence.claims import KEPT, MOMENTS
from rnnlab.experiments.linear_recurrence.recall import CHANCE, LEARNERS, SOLVED
from rnnlab.experiments.linear_recurrence.signals import DENSE, RINGS
from rnnlab.laws import linear_recurrence as law

LEGENDS = {
    "state": "state",
    "radius": r"by $|\lambda|$",
    "log decay": r"by $\log\nu$, $|\lambda| = e^{-\nu}$",
    "angle": "by the angle",
}
MARKERS = "os^DvP"
LEAST = 1e-5  # error shown


def finding(table: pd.DataFrame) -> str:
    """Who recalls over the longest delay."""
    rows = table[table["part"] == "recall"]
    far = rows[rows["steps"] == rows["steps"].max()]
    counts = far.groupby("network", sort=False)["value"].agg(lambda errors: int((errors <= SOLVED).sum()))
    of = far["seed"].nunique()
    solved = "; ".join(f"{LEARNERS[name].label} {n} of {of}" for name, n in counts.items() if n) or "none"
    return f"recalled over {far['steps'].iloc[0]} steps by {solved} (mean error of all {far['value'].mean():.2g})"


@drawing
def draw(table: pd.DataFrame) -> dict[str, Figure]:
    """Rings and moments; gates and readouts; trainings.

    Returns
    -------
    dict of str to Figure
        ring; selection; recall.
    """
    parts = dict(iter(table.groupby("part")))
    return {
        "ring": draw_ring(parts["ring"], parts["moment"]),
        "selection": draw_selection(parts["gate"], parts["adding"], parts["parity"]),
        "recall": draw_recall(parts["recall"]),
    }


def colours(names: Any) -> dict[str, tuple[Any, str]]:
    """A colour and a marker of each name."""
    found = palette(len(names))
    return {name: (found[k], MARKERS[k % len(MARKERS)]) for k, name in enumerate(names)}


def draw_ring(rows: pd.DataFrame, moments: pd.DataFrame) -> Figure:
    """Gradients by lag, and second moments over 1 - |lambda|."""
    figure = new_figure(12, 5)
    left, right = figure.subplots(1, 2)
    lag = np.logspace(0, np.log10(rows["steps"].max()), 200)
    for name, (colour, marker) in colours([*RINGS, DENSE]).items():
        expected = np.log10(law.ring_mean_square(lag, *RINGS[name])) / 2 if name in RINGS else 0 * lag
        shown = expected > -8
        left.plot(lag[shown], expected[shown], "--", color=colour, linewidth=1.2)
        one = rows[(rows["network"] == name) & (rows["value"] > -8)]
        left.plot(one["steps"], one["value"], marker, color=colour, markersize=6, label=name)
    logarithmic(left)
    left.set(xlabel="lag k", ylabel=r"$\log_{10}\,|\partial L/\partial h_{T-k}|$", title="How far a ring reaches")
    left.legend(frameon=False, loc="lower left")
    distance = np.logspace(np.log10(1 - moments["setting"].max()), np.log10(1 - moments["setting"].min()), 100)
    for name, (colour, marker) in colours(list(MOMENTS)).items():
        right.plot(distance, MOMENTS[name](1 - distance), "--", color=colour, linewidth=1.2)
        one = moments[moments["network"] == name]
        right.plot(1 - one["setting"], one["value"], marker, color=colour, markersize=7, label=LEGENDS[name])
    right.set(xscale="log", yscale="log", xlabel=r"$1-|\lambda|$   (memory grows to the right)")
    right.set(ylabel="mean square", title="The state and its derivatives")
    right.invert_xaxis()
    right.legend(frameon=False)
    far = rows[(rows["steps"] == rows["steps"].max()) & rows["network"].isin(RINGS)]
    told = times(far[["network", "value"]].itertuples(index=False, name=None))
    headline(figure, f"what comes back over {far['steps'].iloc[0]} steps: {told}")
    return figure


def draw_selection(gates: pd.DataFrame, adding: pd.DataFrame, parity: pd.DataFrame) -> Figure:
    """What gates keep, and what could be read from states."""
    figure = new_figure(15, 4.8)
    left, middle, right = figure.subplots(1, 3)
    bias = np.linspace(gates["setting"].min(), gates["setting"].max(), 100)
    for name, (colour, marker) in colours(list(KEPT)).items():
        left.plot(bias, np.exp(KEPT[name](bias)), "--", color=colour, linewidth=1.2)
        one = gates[gates["network"] == name]
        left.plot(one["setting"], np.exp(one["value"]), marker, color=colour, markersize=7, label=name)
    left.set(xlabel="bias b of the gate", ylabel="factor a step", title="Gates fed with noise")
    legend_under(left, columns=2)
    steps = np.linspace(adding["steps"].min(), adding["steps"].max(), 100)
    middle.plot(steps, law.linear_share_of_adding(steps), "--", color=GUIDE, linewidth=1.2, label="2 / T")
    draw_readouts(middle, adding)
    middle.set(title="Adding")
    draw_readouts(right, parity)
    right.set(title="Parity")
    headline(figure, f"R² of adding {readable(adding)}; of parity {readable(parity)}")
    return figure


def readable(rows: pd.DataFrame) -> str:
    """How much can be read from the states of each network over the longest T."""
    far = rows[rows["steps"] == rows["steps"].max()]
    told = "; ".join(f"{row.network} {row.value:z.2f}" for row in far.itertuples())
    return f"over {far['steps'].iloc[0]} steps: {told}"


def draw_readouts(axis: Any, rows: pd.DataFrame) -> None:
    """R^2 over T."""
    for name, (colour, marker) in colours(list(rows["network"].unique())).items():
        one = rows[rows["network"] == name]
        face = {"markerfacecolor": "none", "markersize": 13} if "no noise" in name else {"markersize": 7}
        axis.plot(one["steps"], one["value"], marker, linestyle="-", color=colour, label=name, **face)
    axis.set(xlabel="T", ylabel=r"$R^2$ of the best linear readout", ylim=(-0.1, 1.1))
    legend_under(axis, columns=2)


def draw_recall(rows: pd.DataFrame) -> Figure:
    """Errors over delays, and against what came back of a gradient before training."""
    figure = new_figure(12, 5)
    left, right = figure.subplots(1, 2, sharey=True)
    for name, one in rows.groupby("network", sort=False):
        look, error = look_of(LEARNERS[str(name)].look), one["value"].clip(lower=LEAST)
        middle = error.groupby(one["steps"]).median()
        left.plot(middle.index, middle, **look, label=LEARNERS[str(name)].label)
        right.plot(one["gradient"], error, look["marker"], color=look["color"], markersize=7, alpha=0.7)
    for axis in (left, right):
        axis.axhline(CHANCE, color="black", linestyle=(0, (6, 3)), linewidth=1.2)
        axis.axhline(SOLVED, color=RED, linestyle=":", linewidth=1.2)
    logarithmic(left)
    left.set(
        yscale="log", ylabel="mean squared error", xlabel="delay T", title="Median (dashed: chance, dotted: solved)"
    )
    legend_below(figure, left)
    right.set_xscale("symlog", linthresh=1)
    right.set_xlim(1.5 * rows["gradient"].min(), 0.3)
    right.set(xlabel=r"$\log_{10}\,|\partial L/\partial h_0| / |\partial L/\partial h_T|$ before training")
    right.set_title("Each training")
    headline(figure, finding(rows))
    return figure
