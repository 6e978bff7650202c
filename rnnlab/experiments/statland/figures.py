"""The figures of StatLand, drawn from its table alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch

from rnnlab.experiments._lab.figures import BLUE, GUIDE, HIDDEN, INPUT, NOTE, OUTPUT, new_figure, theme


def draw(table: pd.DataFrame) -> dict[str, Figure]:
    """The unrolled network with its values, and the training curves.

    Parameters
    ----------
    table : DataFrame
        As `statland.measure` returns it, or read back from CSV.

    Returns
    -------
    dict of str to Figure
        unrolled, training.
    """
    with theme():
        return {
            "unrolled": unrolled(table[table["part"] == "unrolled"]),
            "training": training(table[table["part"] == "training"]),
        }


def unrolled(rows: pd.DataFrame) -> Figure:
    """One panel for two days and one for four: the same weights, one copy a day."""
    lengths = rows.groupby("sequence", sort=False)["step"].max()
    shown = [lengths.index[min(1, len(lengths) - 1)], *lengths[lengths == 4].index[:1]]
    figure = new_figure(11, 3.7 * len(shown))
    for axis, sequence in zip(figure.subplots(len(shown), 1, squeeze=False).flat, shown, strict=True):
        draw_copies(axis, rows[rows["sequence"] == sequence])
    weights = ", ".join(f"{label} = {rows[name].iloc[0]:g}" for name, label in LABELS.items())
    figure.suptitle(f"One copy of the network a day, oldest first, all with the same weights\n{weights}")
    return figure


LABELS = {"w1": "$W_1$", "w2": "$W_2$", "b1": "$B_1$", "w3": "$W_3$", "b2": "$B_2$"}


def draw_copies(axis: Axes, rows: pd.DataFrame) -> None:
    """The copies of one sequence from left to right, and its prediction."""
    for row in rows.astype({"step": int}).replace(-0.0, 0.0).itertuples():
        left = 3.0 * (row.step - 1)
        box(axis, left, 0.0, f"$x_{{{row.step}}}$ = {row.input:g}", INPUT)
        text = f"{row.weighted_input:.3g} + ({row.recurrent_term:.3g}) + {row.bias:.3g}\n= {row.pre_activation:.3g}"
        box(axis, left, 1.5, f"{text}\nReLU: $h_{{{row.step}}}$ = {row.output:.3g}", HIDDEN)
        arrow(axis, (left, 0.32), (left, 0.98), "$\\times W_1$")
        if row.step > 1:
            arrow(axis, (left - 2.0, 1.5), (left - 1.0, 1.5), "$\\times W_2$")
    last = rows.iloc[-1]
    left = 3.0 * last["step"]
    arrow(axis, (left - 2.0, 1.5), (left - 1.0, 1.5), "$\\times W_3 + B_2$")
    box(axis, left, 1.5, f"tomorrow:\n{last['prediction']:.3g}", OUTPUT)
    axis.set(xlim=(-1.2, left + 1.2), ylim=(-0.5, 2.2), title="days: " + ", ".join(f"{v:g}" for v in rows["input"]))
    axis.axis("off")


def box(axis: Axes, x: float, y: float, text: str, colour: str) -> None:
    """A labelled box centred on (x, y)."""
    lines = text.count("\n") + 1
    height = 0.3 + 0.25 * lines
    shape = FancyBboxPatch(
        (x - 0.9, y - height / 2), 1.8, height, boxstyle="round,pad=0.05", facecolor=colour, edgecolor=NOTE
    )
    axis.add_patch(shape)
    axis.text(x, y, text, ha="center", va="center", fontsize=10)


def arrow(axis: Axes, start: tuple[float, float], end: tuple[float, float], text: str) -> None:
    """An arrow with a label beside its middle."""
    axis.annotate("", end, start, arrowprops={"arrowstyle": "-|>", "color": NOTE})
    across = start[1] == end[1]
    middle = ((start[0] + end[0]) / 2 + (0 if across else 0.08), (start[1] + end[1]) / 2 + (0.1 if across else 0))
    axis.text(*middle, text, ha="center" if across else "left", va="bottom" if across else "center", fontsize=9)


def training(rows: pd.DataFrame) -> Figure:
    """Loss against update for every seed, and where the predictions end."""
    figure = new_figure(11, 4.2)
    left, right = figure.subplots(1, 2, width_ratios=[1.3, 1.0])
    last = rows.groupby("seed").tail(1).set_index("seed")
    solved = last["solved"] == 1
    for seed, curve in rows.groupby("seed"):
        looks: dict[str, Any] = {"color": BLUE} if solved[seed] else {"color": GUIDE, "linestyle": "--"}
        left.loglog(curve["update"] + 1, np.maximum(curve["loss"], 1e-12), linewidth=1.2, **looks)
    left.set(
        xlabel="update + 1", ylabel="mean squared error", title=f"{solved.sum()} of {len(last)} starts reach the rules"
    )
    left.plot([], [], color=BLUE, label="reaches all four rules")
    left.plot([], [], color=GUIDE, linestyle="--", label="does not")
    left.legend(frameon=False)
    end_points(right, last, solved)
    return figure


def end_points(axis: Axes, last: pd.DataFrame, solved: pd.Series) -> None:
    """Predictions of the four rules after training, one mark a start."""
    rules = [name for name in last.columns if name.startswith("rule ")]
    for k, rule in enumerate(rules):
        spread = np.linspace(-0.25, 0.25, len(last))
        axis.plot(k + spread[~solved], last[rule][~solved], "x", color=GUIDE, markersize=5)
        axis.plot(k + spread[solved], last[rule][solved], "o", color=BLUE, markersize=4)
    axis.hlines([0, 1], -0.5, len(rules) - 0.5, color="black", linewidth=0.8, linestyle=":")
    names = [rule.removeprefix("rule ").replace(" ", ", ") for rule in rules]
    axis.set_xticks(range(len(rules)), [f"({name})" for name in names])
    axis.set(xlabel="(yesterday, today)", ylabel="predicted price of tomorrow", title="where training ends")
