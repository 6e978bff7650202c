"""The figures of gradients carried forwards, drawn from their table alone."""

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
    OCHRE,
    RED,
    WINE,
    drawing,
    headline,
    logarithmic,
    new_figure,
)

COLOURS = (BLUE, OCHRE, WINE, NAVY, RED, GOLD)
MARKERS = "os^DvP"


@drawing
def draw(table: pd.DataFrame) -> dict[str, Figure]:
    """The noise of UORO over T beside its law, error against cost beside truncated BPTT, and memory over units.

    Returns
    -------
    dict of str to Figure
        price.
    """
    figure = new_figure(15.0, 5.0)
    noise, cost, memory = figure.subplots(1, 3)
    rows = table[table["network"].str.startswith("linear")]
    largest = rows[rows["hidden_size"] == rows["hidden_size"].max()]
    draw_noise(noise, largest[largest["kind"].isin(["uoro", "plain"])])
    draw_cost(cost, largest[largest["seq_len"] == largest["seq_len"].max()])
    draw_memory(memory, table[table["kind"].str.startswith("memory")])
    headline(figure, finding(table))
    return {"price": figure}


def finding(table: pd.DataFrame) -> str:
    """How far RTRL is off BPTT, and the noise of a guess at the shortest and the longest T."""
    off = table.loc[table["kind"] == "rtrl", "value"].max()
    rows = table[
        (table["kind"] == "uoro") & (table["hidden_size"] == table.loc[table["kind"] == "uoro", "hidden_size"].max())
    ]
    noise = np.sqrt(middle(rows, "seq_len"))
    ends = [f"{noise[steps]:.0f} times the gradient at T = {steps}" for steps in (noise.index.min(), noise.index.max())]
    return f"RTRL is off BPTT by {off:.0e}; the noise of a guess of UORO: {', '.join(dict.fromkeys(ends))}"


def middle(rows: pd.DataFrame, by: str, column: str = "value") -> Any:
    """The geometric mean over networks."""
    return np.exp(rows.assign(log=np.log(rows[column])).groupby(by)["log"].mean())


def looks(rows: pd.DataFrame) -> dict[float, dict[str, Any]]:
    """A colour and a marker for each gain."""
    gains = sorted(rows["gain"].unique())
    return {gain: {"color": COLOURS[k % 6], "marker": MARKERS[k % 6]} for k, gain in enumerate(gains)}


def draw_noise(axis: Any, rows: pd.DataFrame) -> None:
    """Noise over signal of one guess: marks measured, lines the law; hollow and dotted without rescaling."""
    for gain, look in looks(rows).items():
        for kind, line, more in (("uoro", "-", {}), ("plain", ":", {"markerfacecolor": "white"})):
            group = rows[(rows["gain"] == gain) & (rows["kind"] == kind)]
            measured, law = middle(group, "seq_len"), middle(group, "seq_len", "law")
            axis.plot(law.index, np.sqrt(law), line, color=look["color"], linewidth=1.2)
            label = f"gain {gain:g}" if kind == "uoro" else None
            axis.plot(measured.index, np.sqrt(measured), linestyle="none", label=label, **look, **more)
    axis.plot([], [], "ko:", markerfacecolor="white", label="not rescaled")
    axis.set(yscale="log", xlabel="sequence length T", ylabel="noise / signal of one guess")
    axis.set_title("A guess of UORO\n(marks: measured, lines: law)")
    logarithmic(axis)
    axis.legend(frameon=False)


def draw_cost(axis: Any, rows: pd.DataFrame) -> None:
    """The error of truncated BPTT over its window, and of the mean of so many guesses."""
    for gain, look in looks(rows).items():
        group = rows[rows["gain"] == gain]
        bias = middle(group[group["kind"] == "truncated"], "window")
        axis.plot(bias.index, bias, label=f"BPTT, gain {gain:g}", **look)
        variance = float(middle(group[group["kind"] == "uoro"], "seq_len").iloc[0])
        count = np.array([1, 10**4])
        axis.plot(count, np.sqrt(variance / count), "--", color=look["color"], linewidth=1.4)
    axis.plot([], [], "--", color=GUIDE, label="mean of UORO guesses")
    axis.axhline(1, color=GUIDE, linewidth=0.8, zorder=0)
    axis.set(yscale="log", xlabel="steps of the window, or guesses", ylabel="relative error of the gradient")
    axis.set(ylim=(1e-5, None))
    axis.set_title(f"Truncated BPTT and guesses\n(T = {rows['seq_len'].max()})")
    logarithmic(axis)
    axis.legend(frameon=False, fontsize=9, loc="lower right")


def draw_memory(axis: Any, rows: pd.DataFrame) -> None:
    """What is kept from step to step, over units."""
    for k, (kind, group) in enumerate(rows.groupby("kind", sort=False)):
        ordered = group.sort_values("hidden_size")
        look = {"color": (NAVY, RED, OCHRE)[k], "marker": MARKERS[k]}
        axis.plot(ordered["hidden_size"], ordered["value"] / 1024, label=str(kind).removeprefix("memory "), **look)
    axis.set(yscale="log", xlabel="units H", ylabel="KiB kept")
    steps = rows["seq_len"].max()
    axis.set_title(f"Memory: H$^3$, H$^2$ and T H\n(T = {steps})")
    logarithmic(axis)
    sizes = np.unique(rows["hidden_size"])
    axis.set_xticks(sizes, [f"{size:g}" for size in sizes])
    axis.legend(frameon=False)
