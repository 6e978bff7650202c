"""The figures of gradients that are carried in part, drawn from their table alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from rnnlab.experiments._lab.figures import (
    BLUE,
    GUIDE,
    NAVY,
    OCHRE,
    RED,
    WINE,
    drawing,
    headline,
    legend_below,
    logarithmic,
    new_figure,
    palette,
)

WAYS = {
    "SnAp": ("SnAp-1", BLUE, "o"),
    "e-prop": ("e-prop, RFLO", OCHRE, "s"),
    "BPTT": ("BPTT in the memory of SnAp-1", RED, "^"),
}
WAYS |= {"UORO": ("a guess of UORO", WINE, "D")}
MARKERS = "os^DvP*"
FLOOR = 1e-17  # where an error of 0 is drawn


def finding(table: pd.DataFrame) -> str:
    """Cosine and norm of SnAp-1 and of BPTT in its memory, where nothing leaks and where the leak is slowest."""
    rows = table[(table["part"] == "leaky") & table["method"].isin(["SnAp", "BPTT"])]
    mean = rows.groupby(["setting", "method"])[["cosine", "norm"]].mean()
    told = []
    for delta in dict.fromkeys([rows["setting"].max(), rows["setting"].min()]):
        near, far = (f"{mean['cosine'][delta, way]:.2f} ({mean['norm'][delta, way]:.2f})" for way in ("SnAp", "BPTT"))
        told.append(f"{near} and {far} at delta = {delta:g}")
    return f"cosine (and norm) of SnAp-1 and of BPTT in its memory, in leaky networks: {'; '.join(told)}"


@drawing
def draw(table: pd.DataFrame) -> dict[str, Figure]:
    """How near approximate gradients are, of dense networks and of units with a memory of their own; what they cost.

    Returns
    -------
    dict of str to Figure
        alignment, memory, cost.
    """
    parts, told = dict(iter(table.groupby("part"))), finding(table)
    return {
        "alignment": draw_alignment(parts["reach"], parts["linear"].dropna(subset="law")),
        "memory": draw_memory(parts["leaky"], parts["lstm"], told),
        "cost": draw_cost(parts["cost"]),
    }


def draw_alignment(reach: pd.DataFrame, linear: pd.DataFrame) -> Figure:
    """The error over n, and cosines over T."""
    figure = new_figure(14.0, 6.2)
    left, right = figure.subplots(1, 2)
    draw_reach(left, reach[reach["method"] == "SnAp"])
    draw_steps(right, linear)
    far = linear[(linear["steps"] == linear["steps"].max()) & (linear["method"] == "SnAp")]
    cosines = (f"{cosine:.2f} at gain {gain:g}" for gain, cosine in squares(far, "setting", "cosine").items())
    headline(figure, f"SnAp-1 in linear networks, T = {far['steps'].iloc[0]}: cosine {', '.join(cosines)}")
    return figure


def draw_memory(leaky: pd.DataFrame, lstm: pd.DataFrame, told: str) -> Figure:
    """Cosines of every way over the leak and over the forget bias."""
    figure = new_figure(13.0, 6.2)
    leak, gate = figure.subplots(1, 2, sharey=True)
    draw_ways(leak, leaky)
    leak.set(xscale="log", xlabel=r"step $\delta$, in time constants", title="Leaky networks")
    leak.set(ylabel="cosine with the gradient", ylim=(0, 1.05))
    leak.invert_xaxis()
    draw_ways(gate, lstm)
    gate.set(xlabel="forget bias", title="LSTM")
    legend_below(figure, leak)
    headline(figure, told)
    return figure


def squares(rows: pd.DataFrame, by: str, column: str) -> Any:
    """Root mean squares over networks."""
    return np.sqrt(np.square(rows[column]).groupby(rows[by]).mean())


def draw_reach(axis: Any, rows: pd.DataFrame) -> None:
    """The error of SnAp-n over n."""
    colours = palette(rows["network"].nunique())
    for k, (name, one) in enumerate(rows.groupby("network", sort=False)):
        error = np.maximum(squares(one, "reach", "error"), FLOOR)
        axis.plot(error.index, error, marker=MARKERS[k % 7], color=colours[k], label=name)
    axis.set(yscale="log", xlabel="n", ylabel="relative error of SnAp-n")
    axis.set_title("Exact once nothing more is reached")
    axis.set_xticks(sorted(rows["reach"].unique()))
    axis.legend(frameon=False, loc=(0.25, 0.08))  # between the curves


def draw_steps(axis: Any, rows: pd.DataFrame) -> None:
    """Cosines over T in linear networks: marks measured, lines the law."""
    for k, (gain, one) in enumerate(rows.groupby("setting")):
        colour = (NAVY, OCHRE, RED, BLUE, WINE)[k % 5]
        for method, line, face in (("SnAp", "-", colour), ("BPTT", "--", "white")):
            way = one[one["method"] == method]
            law, measured = squares(way, "steps", "law"), squares(way, "steps", "cosine")
            axis.plot(law.index, law, line, color=colour, linewidth=1.3)
            label = f"SnAp-1, gain {gain:g}" if method == "SnAp" else None
            axis.plot(
                measured.index,
                measured,
                MARKERS[k % 7],
                color=colour,
                markerfacecolor=face,
                linestyle="none",
                label=label,
            )
    axis.plot([], [], "ko--", markerfacecolor="white", label="BPTT in its memory")
    axis.set(xlabel="sequence length T", ylabel="cosine with the gradient", ylim=(-0.3, 1.05))
    axis.set_title("Linear networks (marks: measured, lines: law)")
    logarithmic(axis)
    axis.set_yticks(np.linspace(0, 1, 6))
    axis.legend(frameon=False, loc="lower left", ncols=2)


def draw_ways(axis: Any, rows: pd.DataFrame) -> None:
    """Cosines of every way, mean and quartiles over networks."""
    for method, (label, colour, marker) in WAYS.items():
        one = rows[rows["method"] == method].groupby("setting")["cosine"]
        mean = one.mean()
        axis.fill_between(mean.index, one.quantile(0.25), one.quantile(0.75), color=colour, alpha=0.15, linewidth=0)
        axis.plot(mean.index, mean, marker=marker, color=colour, label=label)
    axis.axhline(1, color=GUIDE, linewidth=0.8, zorder=0)


def draw_cost(rows: pd.DataFrame) -> Figure:
    """Numbers kept and products a step, over units."""
    figure = new_figure(13.0, 5.4)
    kept, products = figure.subplots(1, 2)
    for k, ((name, method, reach), one) in enumerate(named(rows)):
        look = {"marker": MARKERS[k % 7], "color": palette(7)[k], "linestyle": "--" if method == "BPTT" else "-"}
        label = f"{method}{f'-{reach}' if reach else ''}, {name}"
        for axis, column in ((kept, "kept"), (products, "products")):
            axis.plot(one["hidden_size"], one[column], label=label, **look)
    kept.set(ylabel="numbers kept from step to step", title="Memory (BPTT: a step)")
    products.set(ylabel="products a step", title="Time")
    for axis in (kept, products):
        axis.set(yscale="log", xlabel="units H")
        logarithmic(axis)
        axis.set_xticks(np.unique(rows["hidden_size"]), [f"{size:g}" for size in np.unique(rows["hidden_size"])])
    products.legend(frameon=False, fontsize=9)
    headline(figure, dearest(rows))
    return figure


def dearest(rows: pd.DataFrame) -> str:
    """Products a step of the largest dense network."""
    largest = rows[rows["hidden_size"] == rows["hidden_size"].max()]
    told = [
        f"{method}{f'-{reach}' if reach else ''} {one['products'].iloc[0]:,.0f}"
        for (name, method, reach), one in named(largest)
        if name == "tanh"
    ]
    return f"products a step in a dense network of {largest['hidden_size'].iloc[0]}: {', '.join(told)}"


def named(rows: pd.DataFrame) -> list[Any]:
    """What is drawn: one way of every network, both exact ways and BPTT of the dense one."""
    drawn = [("tanh", "RTRL", 0), ("tanh", "SnAp", 1), ("tanh", "BPTT", 0), ("ring", "SnAp", 2), ("LRU", "SnAp", 2)]
    groups = dict(iter(rows.groupby(["network", "method", "reach"])))
    return [(key, groups[key]) for key in [*drawn, ("minGRU", "SnAp", 1)] if key in groups]
