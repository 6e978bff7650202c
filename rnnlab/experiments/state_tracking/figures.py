"""The figure of state tracking, drawn from its table alone."""

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
from rnnlab.experiments.state_tracking.claims import SOLVED, at_best
from rnnlab.experiments.state_tracking.parity import LONG, NETWORKS, TRAINED

LOOKS: dict[str, dict[str, Any]] = {
    "minGRU": {"color": RED, "marker": "o"},
    "minGRU, open": {"color": GOLD, "marker": "D"},
    "minGRU, signed": {"color": NAVY, "marker": "s"},
    "LRU": {"color": WINE, "marker": "P"},
    "tanh RNN": {"color": BLUE, "marker": "^"},
    "LSTM": {"color": GUIDE, "marker": "v"},
}
LEAST = -12.0  # log10 of a derivative, shown


def finding(table: pd.DataFrame) -> str:
    """How many of each network tell parity beyond what was trained."""
    beyond = at_best(table[table["part"] == "beyond"])
    counts = beyond.groupby("network", sort=False)["value"].agg(lambda shares: int((shares >= SOLVED).sum()))
    told = ", ".join(f"{name.replace(', ', ' ')} {count}" for name, count in counts.items())
    return f"trained on {TRAINED} bits, parity of {LONG} told by, of {beyond['seed'].nunique()}: {told}"


@drawing
def draw(table: pd.DataFrame) -> dict[str, Figure]:
    """Right answers by length, and how much of an answer's derivative reaches earlier bits, before and after training.

    Returns
    -------
    dict of str to Figure
        parity.
    """
    rows = at_best(table)
    figure = new_figure(15, 5.4)
    left, middle, right = figure.subplots(1, 3)
    draw_each(left, rows[rows["part"] == "accuracy"])
    left.axvspan(0, TRAINED, color=GUIDE, alpha=0.2, linewidth=0)
    left.annotate("trained", (TRAINED / 2, 0.44), ha="center")
    left.axhline(0.5, color=GUIDE, linestyle="--", linewidth=1, zorder=0)
    left.set(xlabel="bits shown", ylabel="right answers, share", ylim=(0.41, 1.03), title="Parity")
    for axis, part, when in ((middle, "start", "before"), (right, "end", "after")):
        draw_each(axis, rows[rows["part"] == part], LEAST)
        axis.set(xlabel="bits back", ylim=(LEAST, 1.5), title=f"What reaches a bit, {when} training")
        axis.axhline(0, color=GUIDE, linewidth=0.8, zorder=0)
    middle.set_ylabel(r"$\log_{10}$ of the answer's derivative")
    legend_below(figure, left)
    headline(figure, finding(table))
    return {"parity": figure}


def draw_each(axis: Any, rows: pd.DataFrame, least: float = -np.inf) -> None:
    """Each training, and the median of a network; what is below the panel is left out."""
    for name in (name for name in NETWORKS if name in set(rows["network"])):
        found = rows[rows["network"] == name].pivot_table(index="steps", columns="seed", values="value")
        axis.plot(found.where(found >= least), color=LOOKS[name]["color"], linewidth=0.8, alpha=0.4)
        middle = found.median(axis=1)
        axis.plot(middle.where(middle >= least), label=name, markersize=7, **LOOKS[name])
