"""The figures of `temporal-order`."""

from __future__ import annotations

from textwrap import fill
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from scipy.stats import binomtest

from rnnlab.experiments._lab.figures import drawing, headline, legend_below, new_figure, palette
from rnnlab.experiments._lab.learning import why

WIDTH = 32  # letters of a line above a panel
FILLINGS = {"basic": "white", "sigmoid": "0.75"}
KNOWING = {"nothing": 0.75, "one\nsymbol": 0.5}  # share of wrong answers of who knows so much of the two symbols
Kind = tuple[str, pd.DataFrame, Any]


@drawing
def draw(table: pd.DataFrame) -> dict[str, Figure]:
    """Who solved it with Wilson intervals, with the wrong answers at the end; and updates until it was solved.

    Returns
    -------
    dict of str to Figure
        success, updates.
    """
    return {"success": draw_success(table), "updates": draw_updates(table)}


def finding(table: pd.DataFrame) -> str:
    """Who solves the task over the longest lag."""
    rows = table[table["seq_len"] == table["seq_len"].max()]
    told = (f"{name} {here['outcome'].eq('solved').sum()} of {len(here)}" for name, here, _ in kinds_of(rows))
    return f"T = {rows['seq_len'].iloc[0]}, solved by {'; '.join(told)}"


def kinds_of(table: pd.DataFrame) -> list[Kind]:
    """Every method with an initialisation: its name, its rows, its look; methods have colours, initialisations fillings."""
    methods = list(dict.fromkeys(table["method"]))
    colours = dict(zip(methods, palette(len(methods) + 1, "viridis"), strict=False))
    found = []
    for (method, start), rows in table.groupby(["method", "initialisation"], sort=False):
        marker = "osD^vP"[methods.index(method) % 6]
        filled = FILLINGS.get(start, colours[method])
        look = {"marker": marker, "color": colours[method], "markerfacecolor": filled, "markersize": 8}
        found.append((f"{method}, {start}" if method.startswith("SGD") else method, rows, look))
    return found


def draw_success(table: pd.DataFrame) -> Figure:
    """The share of networks that solved the task, and what each answered wrong in the end."""
    figure = new_figure(13.0, 5.2)
    left, right = figure.subplots(1, 2)
    lengths, kinds = sorted(table["seq_len"].unique()), kinds_of(table)
    for number, kind in enumerate(kinds):
        place = np.arange(len(lengths)) + 0.09 * (number - (len(kinds) - 1) / 2)
        draw_shares(left, place, lengths, kind)
        draw_errors(right, place, lengths, kind)
    draw_knowing(right)
    for axis in (left, right):
        axis.set(xlabel="length T", xlim=(-0.5, len(lengths) - 0.5))
        axis.set_xticks(range(len(lengths)), [str(steps) for steps in lengths])
    left.set(ylabel="share of networks that solved it (95 % Wilson)", ylim=(-0.05, 1.05))
    right.set(ylabel="wrong answers of each network, share")
    draw_looks(left, kinds)
    legend_below(figure, left)
    headline(figure, finding(table))
    return figure


def draw_looks(axis: Any, kinds: list[Kind]) -> None:
    """What colours, markers and fillings mean: methods, and initialisations of a method that has several."""
    methods = {rows["method"].iloc[0]: look for _, rows, look in kinds}
    starts = {rows["initialisation"].iloc[0] for _, rows, _ in kinds} & {*FILLINGS, "smart"}
    for method, look in methods.items():
        axis.plot([], [], linestyle="none", label=method, **{**look, "markerfacecolor": look["color"]})
    for start in sorted(starts):
        face = FILLINGS.get(start, "0.2")
        axis.plot([], [], "o", color="0.2", markerfacecolor=face, markersize=8, label=start)


def draw_shares(axis: Any, place: Any, lengths: list[int], kind: Kind) -> None:
    """The share of one kind that solved it, with its interval."""
    _, rows, look = kind
    solved = rows["outcome"].eq("solved").groupby(rows["seq_len"]).agg(["sum", "count"])
    share = solved["sum"] / solved["count"]
    ends = [binomtest(int(k), int(n)).proportion_ci(0.95, method="wilson") for k, n in solved.itertuples(index=False)]
    bars = [share - [end.low for end in ends], [end.high for end in ends] - share]
    at = share.index.map(dict(zip(lengths, place, strict=True)))
    axis.errorbar(at, share, np.maximum(bars, 0), linestyle="none", capsize=3, **look)


def draw_errors(axis: Any, place: Any, lengths: list[int], kind: Kind) -> None:
    """The wrong answers of each network of one kind."""
    _, rows, look = kind
    axis.plot(rows["seq_len"].map(dict(zip(lengths, place, strict=True))), rows["error"], linestyle="none", **look)


def draw_knowing(axis: Any) -> None:
    """The wrong answers of a network that knows one symbol or none."""
    where: dict[str, Any] = {"xytext": (4, 0), "textcoords": "offset points", "va": "center", "fontsize": 9}
    for name, share in KNOWING.items():
        axis.axhline(share, color="0.4", linewidth=0.8, linestyle="--", zorder=0)
        axis.annotate(f"knows\n{name}", (1, share), xycoords=("axes fraction", "data"), **where)


def draw_updates(table: pd.DataFrame) -> Figure:
    """When each network had solved it; those given up stand at the cap, crossed, and those that diverged are stars."""
    figure = new_figure(13.0, 5.0)
    lengths, kinds = sorted(table["seq_len"].unique()), kinds_of(table)
    for axis, steps in zip(
        np.atleast_1d(figure.subplots(1, len(lengths), sharex=True, sharey=True)), lengths, strict=True
    ):
        for row, (_, rows, look) in enumerate(kinds):
            here = rows[rows["seq_len"] == steps]
            for outcome, style in (("solved", look), ("capped", {"marker": "x"}), ("diverged", {"marker": "*"})):
                chosen = here[here["outcome"] == outcome]
                spread = row + 0.16 * (chosen["seed"] - here["seed"].mean())
                axis.plot(chosen["updates"], spread, **{**look, **style}, linestyle="none")
        lost = table[(table["seq_len"] == steps) & (table["outcome"] != "solved")]
        reason = why(lost)
        title = f"T = {steps}\n{fill(f'failed: {reason}', WIDTH)}" if reason else f"T = {steps}"
        axis.set(xscale="log", xlabel="updates", title=title)
        axis.set_yticks(range(len(kinds)), [name for name, _, _ in kinds])
    axis.invert_yaxis()
    marks = (("x", "given up"), ("*", "diverged"))
    crosses = [Line2D([], [], color="0.3", marker=mark, linestyle="none", label=text) for mark, text in marks]
    figure.legend(handles=crosses, loc="outside lower right", ncols=2, frameon=False)
    headline(figure, f"{updates_finding(table)}, until fewer than 1 % of 10,000 fresh sequences are wrong")
    return figure


def updates_finding(table: pd.DataFrame) -> str:
    """Who is the fastest of those that always solve the task over the longest lag."""
    rows = table[table["seq_len"] == table["seq_len"].max()]
    always = {name: here["updates"].median() for name, here, _ in kinds_of(rows) if here["outcome"].eq("solved").all()}
    told = "; ".join(f"{name} {always[name]:,.0f}" for name in sorted(always, key=always.__getitem__))
    return f"T = {rows['seq_len'].iloc[0]}: median updates of who always solves it: {told or 'nobody does'}"
