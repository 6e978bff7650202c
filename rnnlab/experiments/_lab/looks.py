"""For what figures are saved: for paper, for a talk or dark; in which formats, and how large."""

from __future__ import annotations

from typing import Any, NamedTuple

FORMATS: dict[str, dict[str, Any]] = {  # without dates or versions, so that equal tables give equal bytes
    "png": {"Software": None},
    "svg": {"Date": None, "Creator": None},
    "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
}


SLIDE = (13.33, 7.5)  # inches, as programs for slides have it
LEGIBLE = 14.0  # points of the smallest text on a slide that is read from the last row


class Style(NamedTuple):
    """How large figures, text, lines and markers are, and on which ground."""

    scale: float = 1.0
    smallest: float = 0.0  # points of text
    size: tuple[float, float] | None = None  # inches; default as drawn
    dark: bool = False


STYLES = {"paper": Style(), "talk": Style(1.3, LEGIBLE, SLIDE), "dark": Style(1.3, LEGIBLE, SLIDE, dark=True)}


class Look(NamedTuple):
    """How figures are saved."""

    style: str = "paper"
    formats: tuple[str, ...] = ("png", "svg")
    size: tuple[float, float] | None = None  # inches; default the style's


PAPER = Look()
