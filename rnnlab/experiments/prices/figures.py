"""The verdict of `prices`, and its figures."""

from __future__ import annotations

from collections.abc import Iterator
from textwrap import fill
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from scipy import stats

from rnnlab.experiments._lab.figures import AXIS, BAND, GUIDE, drawing, legend_under, legible, new_figure, palette
from rnnlab.experiments._lab.learning import why
from rnnlab.experiments._lab.networks import MARKERS
from rnnlab.experiments.prices.controls import skill_from_all, skill_from_yesterday

CONFIDENCE = 0.95  # that the intervals of all cells hold together
WIDTH = 28  # letters of a line below a panel
LOWEST = -1.0  # skill shown
ORDER = ("rnn", "lstm", "gru", "attention", "mingru", "leaky")
CONTROLS = {
    "random walk": "Control: a random walk,\nnothing to learn",
    "trend": "Control: a walk with a trend,\nsomething to learn",
    "oscillation": "Control: an oscillation,\nmuch to learn",
}


def intervals(skill: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    """Mean skill of each group with its Student t interval over folds, of the logarithm of 1 - skill.

    Its logarithm because it is a ratio of errors: of their skills a single bad fold would be most of the mean, and an
    interval could go beyond 1. Networks, windows and days of one fold share their prices: they are averaged, and the
    folds are the units. Folds learn from overlapping pasts, so that an interval is rather too short than too long. So
    that none is found better by being one of several, each is as much wider as Bonferroni asks of so many intervals.

    Returns
    -------
    DataFrame
        The columns `by`, mean, low, high.
    """
    logs = skill.assign(log=np.log1p(-skill["skill"]))
    folds = logs.groupby([*by, "fold"])["log"].mean().groupby(by)
    mean, error, count = folds.mean(), folds.sem(), folds.size()
    outside = (1 - CONFIDENCE) / len(mean)
    reach = stats.t.ppf(1 - outside / 2, count - 1) * error
    bounds = {"mean": mean, "low": mean + reach, "high": mean - reach}
    return pd.DataFrame({name: -np.expm1(bound) for name, bound in bounds.items()}).reset_index()


def winners(skill: pd.DataFrame) -> list[str]:
    """Cells whose interval, all windows together, lies above 0."""
    found = intervals(skill, ["cell"])
    return [str(cell) for cell in found.loc[found["low"] > 0, "cell"]]


def reasons(skill: pd.DataFrame) -> str:
    """The cells that are not better than persistence, and the symptoms of their trainings; empty if none were kept."""
    failed = skill[~skill["cell"].isin(winners(skill))].drop_duplicates(["cell", "fold", "seed"])
    by_reason: dict[str, list[str]] = {}
    for cell, runs in failed.groupby("cell", sort=False):
        by_reason.setdefault(why(runs), []).append(str(cell))
    told = [f"{', '.join(cells)}: {reason}" for reason, cells in by_reason.items() if reason]
    lines = (fill(line, WIDTH) for line in ("not better than persistence:", *told))
    return "\n".join(["", "", *lines]) if told else ""


def verdict(skill: pd.DataFrame) -> str:
    """One sentence on the rows of one series: who beats "tomorrow is as today"."""
    found = intervals(skill, ["cell"]).set_index("cell")
    name, won = skill["name"].iloc[0], winners(skill)
    best = found["mean"].loc[won or found.index].idxmax()
    mean, low, high = found.loc[best]
    numbers = f"mean skill {mean:z.2f}, joint {CONFIDENCE:.0%} interval {low:z.2f} to {high:z.2f}"
    if not won:
        return f'{name}: no network reliably beats "tomorrow is as today"; the best, {best}, has {numbers}'
    return f'{name}: better than "tomorrow is as today" are {", ".join(won)}; the best of them, {best}, has {numbers}'


def finding(table: pd.DataFrame) -> str:
    """Who beats "tomorrow is as today"."""
    return verdict(table[(table["part"] == "skill") & (table["series"] == "prices")])


@drawing
def draw(table: pd.DataFrame) -> dict[str, Figure]:
    """Skill over the number of past days, for prices and the controls; and prices with what was predicted.

    Returns
    -------
    dict of str to Figure
        skill, days.
    """
    table = table.assign(name=table["name"].map(legible))
    skill, days = table[table["part"] == "skill"], table[table["part"] == "day"]
    best = {"trend": skill_from_yesterday(), "oscillation": skill_from_all()}
    return {"skill": skill_figure(skill, best), "days": days_figure(days)}


def looks(cells: Any) -> Iterator[tuple[str, Any, str]]:
    """Each cell with a colour and a marker; both tell them apart, also in greyscale."""
    colours = palette(len(ORDER) + 1, "viridis")  # without its lightest
    for index, cell in enumerate(ORDER):
        if cell in set(cells):
            yield cell, colours[index], MARKERS[index]


def skill_figure(skill: pd.DataFrame, bounds: dict[str, float]) -> Figure:
    """Prices beside a series that can't be predicted and two that can; `bounds` are the best possible skills on those."""
    figure = new_figure(14.0, 5.6)
    axes = figure.subplots(1, len(CONTROLS) + 1, sharey=True)
    titles = {"prices": str(skill["name"].iloc[0]), **CONTROLS}
    for axis, (kind, title) in zip(axes, titles.items(), strict=True):
        draw_skill(axis, skill[skill["series"] == kind])
        axis.set_title(title)
        if kind in bounds:
            axis.axhline(bounds[kind], color="black", linestyle="--", linewidth=1.2, label="best possible")
    axes[0].set(ylabel="skill:  1 - error / error of persistence\n(95 % intervals that hold together in a panel)")
    axes[0].set_ylim(bottom=max(LOWEST, axes[0].get_ylim()[0]), top=1.05)
    figure.legend(*axes[-1].get_legend_handles_labels(), loc="outside lower center", ncols=6, frameon=False)
    figure.suptitle(verdict(skill[skill["series"] == "prices"]).replace("; ", ";\n"), fontsize=13)
    return figure


def draw_skill(axis: Any, skill: pd.DataFrame) -> None:
    """Mean skill and its interval over the number of past days; cells beside each other."""
    lengths, found = sorted(skill["seq_len"].unique()), intervals(skill, ["cell", "seq_len"])
    axis.axhline(0.0, color=AXIS, linewidth=1.0)
    for index, (cell, colour, marker) in enumerate(looks(skill["cell"])):
        rows = found[found["cell"] == cell]
        x = np.arange(len(lengths)) + 0.16 * (index - 1.5)
        reach = np.array([rows["mean"] - rows["low"], rows["high"] - rows["mean"]])
        axis.errorbar(x, rows["mean"], reach, fmt=marker, color=colour, markersize=8, capsize=3, label=cell)
    axis.set_xticks(range(len(lengths)), [f"{days:g}" for days in lengths])
    axis.set(xlabel=f"past days shown{reasons(skill)}", xlim=(-0.5, len(lengths) - 0.5))


def days_figure(days: pd.DataFrame) -> Figure:
    """The walk forward, and the fold whose prices left most what was learnt from."""
    figure = new_figure(13.0, 5.2)
    left, right = figure.subplots(1, 2)
    draw_walk(left, days)
    beyond = np.maximum(days["price"] - days["highest"], days["lowest"] - days["price"]).clip(lower=0)
    draw_fold(right, days[days["fold"] == beyond.groupby(days["fold"]).mean().idxmax()])
    for axis in (left, right):
        axis.set(xlabel="day", ylabel="price", xlim=(axis.dataLim.x0, axis.dataLim.x1))
        legend_under(axis, columns=3)
    one = days.drop_duplicates("day")
    outside = int(((one["price"] > one["highest"]) | (one["price"] < one["lowest"])).sum())
    name = one["name"].iloc[0]
    figure.suptitle(f"{name}: {outside} of {len(one)} tested prices lie outside what was learnt from", fontsize=13)
    return figure


def draw_walk(axis: Any, days: pd.DataFrame) -> None:
    """Prices tested on, with the range that each fold learnt from."""
    for _, fold in days.groupby("fold"):
        first = fold["day"].min()
        axis.fill_between([first, fold["day"].max() + 1], fold["lowest"].min(), fold["highest"].max(), color=BAND)
        axis.axvline(first, color=GUIDE, linewidth=0.8)
    one = days.drop_duplicates("day").sort_values("day")
    axis.plot(one["day"], one["price"], color="black", linewidth=1.2, label="price")
    axis.fill_between([], [], [], color=BAND, label="range learnt from, scaled to 0 .. 1")
    axis.set_title(f"{days['fold'].nunique()} folds, each predicted by what learnt from all before it")


def draw_fold(axis: Any, days: pd.DataFrame) -> None:
    """What each cell told on the days of one fold."""
    lowest, highest = days["lowest"].min(), days["highest"].max()
    above = days["price"].max() - highest >= lowest - days["price"].min()
    end, label = (highest, "highest price learnt from") if above else (lowest, "lowest price learnt from")
    axis.axhline(end, color=GUIDE, linewidth=6, alpha=0.5, label=label)
    for index, (cell, colour, marker) in enumerate(looks(days["cell"])):
        rows = days[days["cell"] == cell].sort_values("day")
        style = {"color": colour, "marker": marker, "markevery": (4 * index, 16), "markersize": 7, "linewidth": 1.2}
        axis.plot(rows["day"], rows["predicted"], **style, label=cell)
    one = days[days["cell"] == days["cell"].iloc[0]]
    axis.plot(one["day"], one["price"], color="black", linewidth=2.0, zorder=1, label="price")
    axis.set_title(f"Predictions of fold {days['fold'].iloc[0] + 1}, the furthest outside")
