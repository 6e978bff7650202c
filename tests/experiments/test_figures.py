"""Every figure of the shipped results as a slide: few entries in a legend, no text over another, cut off or too small,
and a title that says what came out in numbers.
"""

import re
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path

import pytest
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.legend import Legend
from matplotlib.text import Text
from matplotlib.transforms import Bbox

from rnnlab.experiments import get, names
from rnnlab.experiments._lab import saving, store
from rnnlab.experiments._lab.figures import headline, new_figure
from rnnlab.experiments._lab.looks import LEGIBLE, Look

RESULTS = Path(__file__).parents[2] / "results"
MOST = 7  # entries of a legend
TOUCHING = 2.0  # pixels, of some 20 of a line: boxes of texts have margins


@pytest.mark.parametrize("name", names())
def test_it_is_read_from_the_last_row(name: str) -> None:
    figures = get(name).draw(store.read_table(RESULTS / name))
    assert {key: list(faults_of(figure)) for key, figure in figures.items()} == {key: [] for key in figures}


def test_every_fault_is_found() -> None:
    figure = new_figure(8, 4)
    axis = figure.subplots()
    for number in range(MOST + 1):
        axis.plot([number], [number], "o", label=f"{number}")
    axis.legend(loc="upper left")
    axis.text(3, 3, "over")
    axis.text(3, 3, "under")
    headline(figure, "of 300 steps one")
    assert list(faults_of(figure)) == ["8 entries", "'under' over 'over'"]
    axis.plot([0, 7], [7, 7])
    axis.text(20, 3, "cut", in_layout=False)
    figure.suptitle("")
    covered = "a curve runs through the legend of ''"
    assert list(faults_of(figure)) == [
        "8 entries",
        "no number in the title",
        "'cut' is cut",
        covered,
        "'under' over 'over'",
    ]


def faults_of(figure: Figure) -> Iterator[str]:
    """What is wrong with a figure on a slide."""
    saving.restyle(figure, Look("talk"))
    figure.draw_without_rendering()
    renderer = FigureCanvasAgg(figure).get_renderer()
    boxes = [(text, Text.get_window_extent(text, renderer)) for text in texts_of(figure)]
    counts = [len(legend.get_texts()) for legend in figure.findobj(Legend)]  # type: ignore[attr-defined]
    yield from (f"{count} entries" for count in counts if count > MOST)
    if not re.search(r"\d", figure.get_suptitle()):
        yield "no number in the title"
    yield from (f"{text.get_text()!r} is small" for text, _ in boxes if text.get_fontsize() < LEGIBLE)
    yield from (f"{text.get_text()!r} is cut" for text, box in boxes if not within(box, figure.bbox))
    yield from (f"a curve runs through the legend of {axes.get_title()!r}" for axes in figure.axes if is_covered(axes))
    for (one, first), (other, second) in combinations(boxes, 2):
        if overlap(first, second) > TOUCHING and one.get_rotation() % 90 == other.get_rotation() % 90 == 0:
            yield f"{other.get_text()!r} over {one.get_text()!r}"


def is_covered(axes: Axes) -> bool:
    """Whether a curve of a panel runs through its legend, or a mark lies below it."""
    legend = axes.get_legend()
    box = legend.get_window_extent() if legend else Bbox.null()
    lines = [line for line in axes.lines if line.get_transform() == axes.transData and len(line.get_xydata())]
    paths = [line.get_path().transformed(axes.transData) for line in lines]
    drawn = [line.get_linestyle() != "None" for line in lines]
    return legend is not None and any(
        box.count_contains(path.vertices) or (whole and path.intersects_bbox(box, filled=False))
        for path, whole in zip(paths, drawn, strict=True)
    )


def texts_of(artist: object) -> Iterator[Text]:
    """Every text that is drawn, a tick's only where its tick is."""
    if not artist.get_visible():  # type: ignore[attr-defined]
        return
    if isinstance(artist, Text) and artist.get_text().strip():
        yield artist
    if isinstance(artist, Axis):
        low, high = sorted(artist.get_view_interval())
        ticks = [*artist.get_major_ticks(), *artist.get_minor_ticks()]
        hidden = {tick for tick in ticks if not low <= tick.get_loc() <= high}
        if not artist.axes.axison:
            return
        children = [child for child in artist.get_children() if child not in hidden]
    else:
        children = artist.get_children()  # type: ignore[attr-defined]
    for child in children:
        yield from texts_of(child)


def within(box: Bbox, canvas: Bbox) -> bool:
    """Whether a text lies on the canvas."""
    return bool(min(box.x0 - canvas.x0, box.y0 - canvas.y0, canvas.x1 - box.x1, canvas.y1 - box.y1) > -TOUCHING)


def overlap(one: Bbox, other: Bbox) -> float:
    """How far two boxes lie in each other, in pixels."""
    return float(min(min(one.x1, other.x1) - max(one.x0, other.x0), min(one.y1, other.y1) - max(one.y0, other.y0)))
