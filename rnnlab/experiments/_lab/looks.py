"""For what figures are saved: for paper, for a talk or dark; in which formats, and how large."""

from __future__ import annotations

from typing import Any, NamedTuple

FORMATS: dict[str, dict[str, Any]] = {  # without dates or versions, so that equal tables give equal bytes
    "png": {"Software": None},
    "svg": {"Date": None, "Creator": None},
    "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
}


class Style(NamedTuple):
    """How large text, lines and markers are, and on which ground."""

    scale: float = 1.0
    dark: bool = False


STYLES = {"paper": Style(), "talk": Style(scale=1.3), "dark": Style(scale=1.3, dark=True)}


class Look(NamedTuple):
    """How figures are saved."""

    style: str = "paper"
    formats: tuple[str, ...] = ("png", "svg")
    size: tuple[float, float] | None = None  # inches; default as drawn


PAPER = Look()
