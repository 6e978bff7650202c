"""The figures of StatLand, drawn from its table alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch

from rnnlab.experiments._lab.figures import (
    BLUE,
    GUIDE,
    HIDDEN,
    INPUT,
    NOTE,
    OUTPUT,
    PALE,
    STRAW,
    drawing,
    headline,
    new_figure,
)


@drawing
def draw(table: pd.DataFrame) -> dict[str, Figure]:
    """The folded and the unrolled network with its values both ways, and the training curves.

    Parameters
    ----------
    table : DataFrame
        As `statland.measure` returns it, or read back from CSV.

    Returns
    -------
    dict of str to Figure
        unrolled, training.
    """
    return {
        "unrolled": unrolled(table[table["part"] == "unrolled"]),
        "training": training(table[table["part"] == "training"]),
    }


def finding(table: pd.DataFrame) -> str:
    """What the given days predict, and what comes back to the first of them."""
    rows = days_of(table[table["part"] == "unrolled"])
    w2, count, last = rows["w2"].iloc[0], len(rows), rows.iloc[-1]
    off = rows.loc[rows["factor"] == 0, "step"]
    told = f"W2 = {w2:g} over {count} day{'s' * (count > 1)}: times {rows['gradient'].iloc[0]:.3g}"
    why = f", as the ReLU of day {off.iloc[-1]:g} is off" if w2 and len(off) else ""
    return f"tomorrow {last['prediction'] + 0.0:.3g}; {told}{why}"


def days_of(rows: pd.DataFrame) -> pd.DataFrame:
    """The copies of the given days, the last sequence."""
    return rows[rows["sequence"] == rows["sequence"].iloc[-1]]


LABELS = {"w1": "$W_1$", "w2": "$W_2$", "b1": "$B_1$", "w3": "$W_3$", "b2": "$B_2$"}
MOST = 7  # copies that are drawn, the last ones
PITCH = 2.7  # from copy to copy; a box is 2 wide
HIDDEN_AT, INPUT_AT, BACK_AT = 1.7, 0.0, -1.45  # heights


def unrolled(rows: pd.DataFrame) -> Figure:
    """The folded network beside its copies, a day each: the numbers forward, and under each copy what comes back."""
    chain = days_of(rows).astype({"step": int}).replace(-0.0, 0.0).tail(MOST)
    width = PITCH * (len(chain) + 2)
    figure = new_figure(0.72 * width, 5.4)
    axis = figure.subplots()
    draw_folded(axis)
    for place, row in enumerate(chain.itertuples(), start=1):
        draw_copy(axis, PITCH * place, row, first=place == 1)
    draw_ends(axis, PITCH, PITCH * (len(chain) + 1), chain)
    axis.set(xlim=(-1.2, width - PITCH + 1.2), ylim=(-2.3, 3.3), aspect="equal")
    axis.axis("off")
    weights = ", ".join(f"{label} = {rows[name].iloc[0]:g}" for name, label in LABELS.items())
    headline(figure, f"{finding(rows)}\n{weights}")
    return figure


def draw_folded(axis: Axes) -> None:
    """The network as it is, with its loop."""
    box(axis, 0.0, INPUT_AT, "price\nof a day", INPUT)
    box(axis, 0.0, HIDDEN_AT, "ReLU", HIDDEN)
    arrow(axis, (0.0, INPUT_AT + 0.5), (0.0, HIDDEN_AT - 0.5), LABELS["w1"])
    loop = {"arrowstyle": "-|>", "color": NOTE, "connectionstyle": "arc3,rad=1.6"}
    axis.annotate("", (-0.6, HIDDEN_AT + 0.52), (0.6, HIDDEN_AT + 0.52), arrowprops=loop)
    axis.text(0.0, HIDDEN_AT + 0.8, LABELS["w2"], ha="center")
    axis.text(PITCH / 2, HIDDEN_AT, "=", ha="center", va="center", fontsize=16)
    axis.text(0.0, BACK_AT, "and back:\neach copy multiplies\nby its factor", ha="center", va="center", fontsize=9)


def draw_copy(axis: Axes, x: float, row: Any, first: bool) -> None:
    """One copy: its price, its sum, its state; under it its factor and the product from tomorrow back to it."""
    box(axis, x, INPUT_AT, f"day {row.step}\n{row.input:g}", INPUT)
    total = f"{row.weighted_input:.3g} {signed(row.recurrent_term)} {signed(row.bias)}"
    box(axis, x, HIDDEN_AT, f"{total}\nReLU({row.pre_activation:.3g})\n$h_{{{row.step}}}$ = {row.output:.3g}", HIDDEN)
    arrow(axis, (x, INPUT_AT + 0.5), (x, HIDDEN_AT - 0.7), LABELS["w1"])
    colour = STRAW if row.factor else PALE
    box(axis, x, BACK_AT, f"\u00d7 {row.factor:.3g}\n= {row.gradient:.3g}", colour)
    if not first:
        arrow(axis, (x - PITCH + 1.05, HIDDEN_AT), (x - 1.05, HIDDEN_AT), LABELS["w2"])
        arrow(axis, (x - 1.05, BACK_AT), (x - PITCH + 1.05, BACK_AT), "")


def draw_ends(axis: Axes, first: float, last: float, chain: pd.DataFrame) -> None:
    """What goes in before the first copy that is drawn, and tomorrow with what is sent back from it."""
    left_out = int(chain["step"].iloc[0]) - 1
    if left_out:
        axis.text(first, HIDDEN_AT + 0.9, f"after {left_out} days more", ha="center", fontsize=9)
    box(axis, last, HIDDEN_AT, f"tomorrow\n{chain['prediction'].iloc[-1]:.3g}", OUTPUT)
    arrow(axis, (last - PITCH + 1.05, HIDDEN_AT), (last - 1.05, HIDDEN_AT), LABELS["w3"])
    box(axis, last, BACK_AT, f"$h_{{{chain['step'].iloc[-1]}}}$ moves\nby 1", OUTPUT)
    arrow(axis, (last - 1.05, BACK_AT), (last - PITCH + 1.05, BACK_AT), "")


def signed(value: float) -> str:
    """A number with its sign before it, to be added."""
    return f"{'-' if value < 0 else '+'} {abs(value):.3g}"


def box(axis: Axes, x: float, y: float, text: str, colour: str) -> None:
    """A labelled box centred on (x, y)."""
    height = 0.5 + 0.25 * text.count("\n") + 0.25
    shape = FancyBboxPatch(
        (x - 0.9, y - height / 2), 1.8, height, boxstyle="round,pad=0.08", facecolor=colour, edgecolor=NOTE
    )
    axis.add_patch(shape)
    axis.text(x, y, text, ha="center", va="center", fontsize=11)


def arrow(axis: Axes, start: tuple[float, float], end: tuple[float, float], text: str) -> None:
    """An arrow with a label beside its middle."""
    axis.annotate("", end, start, arrowprops={"arrowstyle": "-|>", "color": NOTE})
    across = start[1] == end[1]
    middle = ((start[0] + end[0]) / 2 + (0 if across else 0.08), (start[1] + end[1]) / 2 + (0.1 if across else 0))
    axis.text(*middle, text, ha="center" if across else "left", va="bottom" if across else "center", fontsize=11)


def training(rows: pd.DataFrame) -> Figure:
    """Loss against update for every seed, and where the predictions end."""
    figure = new_figure(11, 4.2)
    left, right = figure.subplots(1, 2, width_ratios=[1.3, 1.0])
    last = rows.groupby("seed").tail(1).set_index("seed")
    solved = last["solved"] == 1
    reasons = last[~solved].get("symptom", pd.Series(dtype=str)).value_counts()
    reason = "\n".join(f"{count} {name}" for name, count in reasons.items())
    for seed, curve in rows.groupby("seed"):
        looks: dict[str, Any] = {"color": BLUE} if solved[seed] else {"color": GUIDE, "linestyle": "--"}
        left.loglog(curve["update"] + 1, np.maximum(curve["loss"], 1e-12), linewidth=1.2, **looks)
    headline(figure, f"{solved.sum()} of {len(last)} starts reach the rules")
    left.set(xlabel="update + 1", ylabel="mean squared error", title="training")
    left.plot([], [], color=BLUE, label="reaches all four rules")
    left.plot([], [], color=GUIDE, linestyle="--", label=f"does not{reason and ': '}{reason}")
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
