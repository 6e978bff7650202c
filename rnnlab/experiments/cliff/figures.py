"""The figure of the cliff."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from rnnlab import laws
from rnnlab.experiments._lab.figures import BLUE, GOLD, NAVY, OCHRE, RED, drawing, headline, legend_below, new_figure

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
    axis = figure.add_subplot(2, 2, 2)
    draw_steepness(axis, table)
    draw_descents(figure.add_subplot(2, 2, 3), table)
    draw_attractors(figure.add_subplot(2, 2, 4), table[table["part"] == "attractor"])
    legend_below(figure, axis)
    headline(figure, finding(table))
    return {"cliff": figure}


def finding(table: pd.DataFrame) -> str:
    """Where both descents end."""
    ends = {name: table[table["part"] == name].iloc[-1] for name in ("plain", "clipped")}
    told = ", ".join(f"{name} to ({row['w']:.2f}, {row['b']:.2f})" for name, row in ends.items())
    start = table[table["part"] == "plain"].iloc[0]
    return f"from ({start['w']:.2f}, {start['b']:.2f}) at the wall, descent goes {told}"


def draw_error(axis: Any, table: pd.DataFrame) -> None:
    """The error over w and b from where the wall faces the reader: the sheet behind it, itself, the sheet before it."""
    grid = table[table["part"] == "surface"].pivot_table(index="b", columns="w", values="error")
    behind, before = (sheet(grid, beyond) for beyond in (False, True))
    shades = {"cmap": "Greys", "vmin": -0.2, "vmax": 0.6}  # neither white nor black: edges are seen
    draw_sheet(axis, behind, **shades)
    wall, onset = np.stack([behind[:, 0], before[:, 0]], axis=1), int((grid.columns < laws.cliff_onset()).sum())
    for columns, looks in ((slice(onset + 1), shades), (slice(onset, None), {"color": GOLD, "shade": False})):
        if wall[:, :, columns].shape[2] > 1:
            draw_sheet(axis, wall[:, :, columns], **looks)
    draw_sheet(axis, before, **shades)
    axis.view_init(elev=30, azim=40)
    axis.set_box_aspect((4, 4, 3), zoom=1.15)
    axis.locator_params(nbins=5)
    axis.set(xlabel="weight w", ylabel="bias b", zlabel="error E", title="The error surface, its wall yellow")


def draw_sheet(axis: Any, sheet: Any, **looks: Any) -> None:
    """A surface of every one of its points (3, b, w)."""
    _, rows, columns = sheet.shape
    how: dict[str, Any] = {"linewidth": 0, "antialiased": False, "rasterized": True, "rcount": rows, "ccount": columns}
    axis.plot_surface(*sheet, **how, **looks)


def sheet(grid: pd.DataFrame, beyond: bool) -> Any:
    """One side of the wall: w, b and the error (3, b, w), from the wall to the edge of b.

    Errors are taken between measured points of that side alone, and the one at the wall is that two steps of the grid
    off it: nearer points would be near by chance, which cuts teeth into the edge.
    """
    w, b = grid.columns.to_numpy(), grid.index.to_numpy()
    wall, step = np.clip(laws.cliff_wall(w), b[0], b[-1]), (2 * (b[1] - b[0]) if len(b) > 2 else 0.0)
    heights = wall + np.linspace(0, 1, len(b))[:, None] * ((b[-1] if beyond else b[0]) - wall)
    taken = np.maximum(heights, wall + step) if beyond else np.minimum(heights, wall - step)
    errors = [np.interp(at, b, error) for at, error in zip(taken.T, grid.to_numpy().T, strict=True)]
    return np.stack([np.broadcast_to(w, heights.shape), heights, np.transpose(errors)])


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
    axis.set(xlabel="recurrent weight w", ylabel="bias b", title="Its gradient, the wall, and descents")
    axis.set(xlim=(grid.columns.min(), grid.columns.max()), ylim=(grid.index.min(), grid.index.max()))


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
    title = f"Rest at w = {w:g} (dotted: saddle-nodes)"
    axis.set(xlabel="bias b", ylabel="resting state sigmoid(x)", title=title)
