"""The figure of the laws."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from rnnlab import laws
from rnnlab.experiments._lab.figures import BLUE, GUIDE, drawing, headline, new_figure


@drawing
def draw(table: pd.DataFrame) -> dict[str, Figure]:
    """The tanh multiplier over W2, and the algebraic decay on the knife edge."""
    figure = new_figure(10.5, 4.4)
    left, right = figure.subplots(1, 2)
    draw_multiplier(left, table[table["law"] == "tanh multiplier"])
    draw_knife_edge(right, table[table["law"] == "knife edge gradient"])
    headline(figure, finding(table))
    return {"tanh": figure}


def finding(table: pd.DataFrame) -> str:
    """A power by hand, and what tanh makes of the same W2."""
    power, factor = (table[table["law"] == law] for law in ("linear power", "tanh multiplier"))
    told = [f"{row.parameter:g}^{row.seq_len} = {row.measured:.3g}" for row in power.head(1).itertuples()]
    told += [f"tanh, W2 = {row.parameter:g}: times {row.measured:.3g} a step" for row in factor.tail(1).itertuples()]
    return "; ".join(told)


def draw_multiplier(axis: Any, rows: pd.DataFrame) -> None:
    """Measured factor per step beside W2 (1 - h*^2), and beside the folk story's W2."""
    w2 = np.linspace(0.01, 1.05 * rows["parameter"].max(), 400)
    axis.plot(w2, [laws.tanh_attractor_multiplier(v) for v in w2], "k--", label="law $W_2\\,(1-h^{*2})$")
    axis.plot(w2, w2, color=GUIDE, linestyle=":", label="the folk story: $W_2$")
    axis.plot(rows["parameter"], rows["measured"], "o", color=BLUE, label="measured by BPTT")
    axis.axhline(1.0, color=GUIDE, linewidth=0.8)
    axis.set(ylim=(0, 1.6), xlabel="recurrent weight $W_2$", ylabel="factor per step", title="tanh at rest")
    axis.legend(frameon=False)


def draw_knife_edge(axis: Any, rows: pd.DataFrame) -> None:
    """dh_T/dh_0 at W2 = 1 against T, with a line of slope -3/2."""
    axis.loglog(rows["seq_len"], rows["measured"], "o", color=BLUE, label="measured by BPTT")
    last = rows.iloc[-1]
    line = last["measured"] * (rows["seq_len"] / last["seq_len"]) ** -1.5
    axis.loglog(rows["seq_len"], line, "k--", label="slope $-3/2$")
    axis.set(xlabel="sequence length T", ylabel=r"$\partial h_T/\partial h_0$", title="tanh at $W_2 = 1$")
    axis.legend(frameon=False)
