"""The figure of the cliff."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from rnnlab import laws
from rnnlab.experiments._lab.figures import BLUE, GOLD, NAVY, OCHRE, RED, drawing, new_figure

BISTABLE = 4.0  # no unit of a smaller w has two resting states


@drawing
def draw(table: pd.DataFrame) -> dict[str, Figure]:
    """The error surface; its gradient, with the predicted wall and both descents; the attractors over b.

    Returns
    -------
    dict of str to Figure
        cliff.
    """
    figure = new_figure(13.5, 11)
    draw_error(figure.add_subplot(2, 2, 1, projection="3d", computed_zorder=False), table)
    draw_steepness(figure.add_subplot(2, 2, 2), table)
    draw_descents(figure.add_subplot(2, 2, 3), table)
    draw_attractors(figure.add_subplot(2, 2, 4), table[table["part"] == "attractor"])
    figure.suptitle("A wall in the error surface throws gradient descent away; clipped, it comes back")
    return {"cliff": figure}


def finding(table: pd.DataFrame) -> str:
    """Where both descents end."""
    ends = {name: table[table["part"] == name].iloc[-1] for name in ("plain", "clipped")}
    told = ", ".join(f"{name} to ({row['w']:.2f}, {row['b']:.2f})" for name, row in ends.items())
    start = table[table["part"] == "plain"].iloc[0]
    return f"from ({start['w']:.2f}, {start['b']:.2f}) at the wall, descent goes {told}"


def draw_error(axis: Any, table: pd.DataFrame) -> None:
    """The error over w and b from where the wall faces the reader, its foot as predicted."""
    rows = table[table["part"] == "surface"].sort_values("b")
    grid = rows.pivot_table(index="b", columns="w", values="error")
    w, b = np.meshgrid(grid.columns, grid.index)
    shades = {"cmap": "Greys", "vmin": -0.2, "vmax": 0.6, "linewidth": 0}  # neither white nor black: edges are seen
    axis.plot_surface(
        w, b, grid.to_numpy(), rcount=len(w), ccount=len(w.T), antialiased=False, rasterized=True, **shades
    )
    beyond = (rows["w"] > laws.cliff_onset()) & (rows["b"] > laws.cliff_wall(rows["w"]))
    foot = rows[beyond].groupby("w").nth(1)  # in front of the wall
    foot = foot[laws.cliff_wall(foot["w"]) > grid.index[0]].sort_values("w")
    axis.plot(foot["w"], laws.cliff_wall(foot["w"]), foot["error"], color=GOLD, linestyle="--", linewidth=2, zorder=3)
    axis.view_init(elev=30, azim=40)
    axis.locator_params(nbins=5)
    axis.set(xlabel="recurrent weight w", ylabel="bias b", zlabel="error E", title="The error surface and its wall")


def draw_steepness(axis: Any, table: pd.DataFrame) -> None:
    """log10 of the gradient norm, the predicted wall, refined points, descents."""
    rows = table[table["part"] == "surface"]
    grid = np.log10(rows.pivot_table(index="b", columns="w", values="gradient_norm").clip(lower=1e-12))
    image = axis.pcolormesh(grid.columns, grid.index, grid, cmap="Greys", vmin=-4, vmax=2, rasterized=True)
    axis.figure.colorbar(image, ax=axis, label="log10 of the gradient norm")
    w = np.linspace(laws.cliff_onset(), grid.columns.max(), 100)
    axis.plot(w, [laws.cliff_wall(value) for value in w], color=GOLD, linestyle="--", label="predicted wall")
    refined = table[table["part"] == "wall"]
    axis.scatter(refined["w"], refined["b"], s=30, facecolors="none", edgecolors="black", label="steepest, refined")
    draw_paths(axis, table)
    axis.set(xlabel="recurrent weight w", ylabel="bias b", title="Its gradient, the predicted wall, and descents")
    axis.set(xlim=(grid.columns.min(), grid.columns.max()), ylim=(grid.index.min(), grid.index.max()))
    axis.legend(loc="upper right", fontsize=10)


def draw_paths(axis: Any, table: pd.DataFrame) -> None:
    """Both descents, a mark an update."""
    for name, colour, marker in (("plain", RED, "x"), ("clipped", BLUE, ".")):
        path = table[table["part"] == name]
        w, b = path["w"], path["b"]
        label = f"descent, {name}, to ({w.iloc[-1]:.2f}, {b.iloc[-1]:.2f})"
        axis.plot(w, b, color=colour, marker=marker, markersize=6, linewidth=0.7, label=label)


def draw_descents(axis: Any, table: pd.DataFrame) -> None:
    """What the clipped descent does, looked at closely."""
    path = table[table["part"] == "clipped"]
    w, b = path["w"], path["b"]
    near = np.linspace(w.min() - 0.02, w.max() + 0.02, 100)
    axis.plot(near, [laws.cliff_wall(value) for value in near], color=OCHRE, linestyle="--")
    draw_paths(axis, table)
    axis.plot(w.iloc[0], b.iloc[0], "o", color="black", markersize=9, markerfacecolor="none")
    axis.annotate("start", (w.iloc[0], b.iloc[0]), xytext=(-8, 4), textcoords="offset points", ha="right")
    axis.set(xlabel="recurrent weight w", ylabel="bias b", title="The same descents, closer: an update a mark")
    axis.set(xlim=(near[0], near[-1]), ylim=(b.min() - 0.02, b.max() + 0.04))


def draw_attractors(axis: Any, rows: pd.DataFrame) -> None:
    """Resting states over b: two where the branches overlap, between the saddle-nodes."""
    axis.plot(rows["b"], rows["state"], ".", color=NAVY, markersize=2)
    w = float(rows["w"].iloc[0])
    for b in laws.saddle_nodes(w) if w > BISTABLE else ():
        axis.axvline(b, color="black", linestyle=":", linewidth=1)
    axis.axvline(laws.cliff_wall(w), color=OCHRE, linestyle="--", linewidth=1.2)
    title = f"Where the unit comes to rest, w = {w:g}\n(dotted: saddle-nodes, dashed: wall)"
    axis.set(xlabel="bias b", ylabel="resting state sigmoid(x)", title=title)
