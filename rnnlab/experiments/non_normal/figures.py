"""The figures of non-normal networks, drawn from their table alone; laws dashed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from rnnlab.experiments._lab.figures import (
    BLUE,
    GUIDE,
    NAVY,
    RED,
    drawing,
    headline,
    legend_below,
    legend_under,
    new_figure,
    palette,
)
from rnnlab.experiments._lab.words import from_log10
from rnnlab.experiments.non_normal.claims import at_best
from rnnlab.experiments.non_normal.gradients import CHAINED, DELAY, PUBLISHED
from rnnlab.experiments.non_normal.learning import STARTS, TASKS
from rnnlab.experiments.non_normal.networks import CHAIN, JORDAN, RADIUS, UNITS
from rnnlab.laws import non_normal as law

FLOOR, LAGS = -4.0, 150  # log10 of a gradient and lags, shown
LOOKS: dict[str, dict[str, Any]] = {
    "chain": {"color": RED, "marker": "s"},
    "orthogonal": {"color": NAVY, "marker": "^"},
    "identity": {"color": GUIDE, "marker": "o"},
}


def finding(table: pd.DataFrame) -> str:
    """How far gradients grow with the same eigenvalues, and how much a delay line remembers."""
    rows = table[(table["part"] == "gradient") & table["setting"].notna()]
    peaks = rows.groupby("setting")["value"].max()
    factors = ", ".join(from_log10(float(peak)) for peak in peaks)
    best = table[table["part"] == "memory"].nlargest(1, "value").iloc[0]
    memory = f"a chain of {CHAIN} units, gain {best['setting']:.3g}, remembers {best['value']:.3g} for 1"
    return f"all |lambda| = {RADIUS:g}: worst gradients peak at {factors} as W departs from normal; {memory}"


@drawing
def draw(table: pd.DataFrame) -> dict[str, Figure]:
    """Worst gradients by lag, chains and their memory; errors of trainings.

    Returns
    -------
    dict of str to Figure
        transient; learning.
    """
    return {"transient": draw_transient(table), "learning": draw_learning(table)}


def draw_transient(table: pd.DataFrame) -> Figure:
    """The same eigenvalues; chains; memory."""
    figure = new_figure(15, 5)
    left, middle, right = figure.subplots(1, 3)
    gradients = table[table["part"] == "gradient"]
    draw_schur(left, gradients[gradients["setting"].notna()])
    draw_chains(middle, gradients)
    draw_memory(right, table[table["part"].isin(["memory", "published"])])
    headline(figure, finding(table))
    return figure


def draw_schur(axis: Any, rows: pd.DataFrame) -> None:
    """Networks of the same eigenvalues, and what these tell."""
    sizes = sorted(rows["setting"].unique())
    lag = np.arange(min(LAGS, rows["lag"].max(), FLOOR / np.log10(RADIUS)) + 1)
    for size, colour, marker in zip(sizes, palette(len(sizes) + 1, "viridis"), "os^DvP*X", strict=False):
        one = shown(rows[rows["setting"] == size])
        label = "normal" if size == 0 else f"T x {size:g}"
        how = {"markevery": max(1, len(one) // 10), "markersize": 6, "label": label}
        axis.plot(one["lag"], one["value"], color=colour, marker=marker, **how)
    axis.plot(lag, lag * np.log10(RADIUS), "--", color=RED, linewidth=2, label="eigenvalues: $0.9^k$")
    settled(axis)
    axis.set(ylim=(FLOOR, max(1.0, 1.15 * rows["value"].max())), xlim=(0, LAGS))
    axis.set_title(r"Same eigenvalues, all $|\lambda| = 0.9$")


def shown(rows: pd.DataFrame) -> pd.DataFrame:
    """What is within a panel over lags."""
    return rows[(rows["value"] >= FLOOR) & (rows["lag"] <= LAGS)]


def settled(axis: Any) -> None:
    """Axes and legend of a panel over lags."""
    axis.axhline(0, color=GUIDE, linewidth=0.8, zorder=0)
    axis.set(xlabel="lag k", ylabel=r"$\log_{10}$ of the worst gradient, $|W^k|$")
    legend_under(axis, columns=2)


def draw_chains(axis: Any, rows: pd.DataFrame) -> None:
    """A delay line, which ends at once, and a chain that grows first; laws dashed."""
    for name, colour, marker, eigenvalue, gain in ((CHAINED, BLUE, "s", *JORDAN), (DELAY, NAVY, "o", 0.0, 1.0)):
        one = shown(rows[rows["network"] == name])
        told = np.array([law.log10_jordan_norm(int(k), UNITS, eigenvalue, gain) for k in one["lag"]])
        axis.plot(one["lag"], told, "--", color=colour, linewidth=1.2)
        label = f"all $\\lambda$ = {eigenvalue:g}"
        axis.plot(one["lag"], one["value"], marker, color=colour, markersize=4, markevery=2, label=label)
    last = UNITS - 1
    axis.annotate(f"after\n{last} steps\nexactly 0", (last + 3, -3.5), color=NAVY)
    axis.plot([last, last], [0, FLOOR], ":", color=NAVY, linewidth=1.5)
    settled(axis)
    axis.set(ylim=(FLOOR, 3.2), xlim=(0, LAGS))
    axis.set_title(f"Chains of {UNITS}, binomials dashed")


def draw_memory(axis: Any, rows: pd.DataFrame) -> None:
    """J_tot of chains over their gain, with the law, the published ones and those of normal networks."""
    chains = rows[(rows["part"] == "memory") & (rows["network"] == DELAY)]
    gain = np.geomspace(min(chains["setting"].min(), 0.8), max(chains["setting"].max(), 1.2), 200)
    axis.plot(gain, [law.chain_memory(np.arange(CHAIN), g).sum() for g in gain], "--", color=BLUE, linewidth=1.2)
    axis.plot(chains["setting"], chains["value"], "s", color=BLUE, markersize=7, label="by BPTT")
    told = {key: value for key, value in PUBLISHED.items() if key[1:] == (0.0, 0.0)}
    look = {"color": RED, "markersize": 10, "markeredgewidth": 2}
    axis.plot([key[0] for key in told], list(told.values()), "x", **look, label="Kerg 2019, table 6")
    axis.axhline(1, color=GUIDE, linewidth=1.5, label="normal: 1")
    axis.axhline(CHAIN, color=RED, linestyle=":", linewidth=1.5, label=f"N = {CHAIN}, at most")
    axis.set(yscale="log", ylim=(0.7, 1.6 * CHAIN), xlabel="gain of the chain", ylabel=r"total memory $J_{tot}$")
    axis.set_title("Delay lines: signal among noise")
    legend_under(axis, columns=2)


def draw_learning(table: pd.DataFrame) -> Figure:
    """Errors of every training, each start at its best learning rate."""
    figure = new_figure(13, 4.8)
    tasks = [name for name in TASKS if name in set(table["part"])]
    for axis, task in zip(figure.subplots(1, len(tasks), squeeze=False)[0], tasks, strict=True):
        trial, errors = TASKS[task], at_best(table[table["part"] == task])
        top = max(trial.chance, errors.max().max())
        for place, start in enumerate(name for name in STARTS if name in errors):
            values = errors[start].clip(lower=trial.solved)
            axis.plot(
                place + np.linspace(-0.2, 0.2, len(values)), values, linestyle="none", **LOOKS[start], label=start
            )
        axis.axhline(trial.chance, color=GUIDE, linestyle="--", linewidth=1)
        axis.annotate("chance", (1, trial.chance), xycoords=("axes fraction", "data"), ha="right", va="bottom")
        axis.set(ylabel=trial.told, title=task, xlim=(-0.6, len(STARTS) - 0.4), ylim=(-0.03 * top, 1.08 * top))
        axis.set_xticks([])
    legend_below(figure, axis)
    headline(figure, learning_finding(table, tasks))
    return figure


def learning_finding(table: pd.DataFrame, tasks: list[str]) -> str:
    """The start of the least median error of each task."""
    medians = {task: at_best(table[table["part"] == task]).median() for task in tasks}
    told = (f"{task}: {median.idxmin()} {median.min():.2g}" for task, median in medians.items())
    return f"least median errors: {'; '.join(told)}"
