"""Numbers as people and their programs write them: 1,234.50 and 1.234,50, $5, 12 %, (3.10) for -3.10."""

from __future__ import annotations

import re
import sys
import unicodedata
from typing import Literal, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Decimal = Literal[".", ","]
GROUPS = {".": (",", " ", "'", "\u2019"), ",": (".", " ", "'", "\u2019")}  # marks of thousands beside each decimal mark
NOTHING = (
    "- -- \u2013 \u2014 . .. ... ? n/a #n/a na nan n.a. null none nil #value!"  # what programs write for no number
)
MISSING = frozenset(["", *NOTHING.split()])
PLAIN = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
CURRENCY = "".join(chr(code) for code in range(0x10000) if unicodedata.category(chr(code)) == "Sc")
UNIT = rf"[A-Z]{{0,3}}[{re.escape(CURRENCY)}]|[A-Z]{{3}}|Rs\.?|kr\.?|z\u0142|%"
MINUS = str.maketrans("\u2212\u2010\u2011\u2012\uff0d", "-----")
DRESSED = re.compile(
    rf"(?P<sign>[+-]?) ?(?P<open>\(?) ?(?P<before>({UNIT})?) ?(?P<inner>[+-]?) ?"
    rf"(?P<digits>[0-9.,'\u2019 ]*?[0-9][.,]?(?:[eE][+-]?[0-9]+)?)"
    rf" ?(?P<after>({UNIT})?) ?(?P<close>\)?)(?P<last>-?)"
)


class Numerals(NamedTuple):
    """A column read as numbers."""

    numbers: NDArray[np.float64]  # nan where a cell is none
    missing: NDArray[np.bool_]  # cells that say that there is no number
    unit: str  # what stands beside the numbers: a currency, or %


class Bare(NamedTuple):
    """A cell without sign and unit."""

    digits: str
    negative: bool
    unit: str


def numerals_of(texts: pd.Series, name: str, decimal: Decimal | None, semicolons: bool) -> Numerals:
    """The numbers of a column, all written in one way.

    Parameters
    ----------
    texts : Series of str
    name : str
        What errors call the column.
    decimal : {".", ","}, optional
        The decimal mark; default found from all cells.
    semicolons : bool
        Whether they separate the cells, as where commas are decimal; elsewhere a point is, where it can be.

    Raises
    ------
    ValueError
        If the cells can be read in two ways.
    """
    missing = texts.str.lower().isin(MISSING).to_numpy(dtype=bool)
    if decimal is None and not semicolons and not texts[~missing].str.contains(",", regex=False).any():
        decimal = "."
    if (decimal == "." or not grouped(texts)) and decimal != "," and all(map(PLAIN.fullmatch, texts[~missing])):
        values = np.full(len(texts), np.nan)
        values[~missing] = [float(text) for text in texts[~missing]]
        return Numerals(finite(values), missing, "")
    bare = [None if lost else bare_of(text) for lost, text in zip(missing, texts, strict=True)]
    unit = common_unit(bare)
    bare = [one if one and one.unit in ("", unit) else None for one in bare]
    marks = (decimal,) if decimal else GROUPS
    readings = [read(bare, mark, group) for mark in marks for group in GROUPS[mark]]
    return Numerals(agreed(readings, texts, name), missing, unit)


def grouped(texts: pd.Series) -> bool:
    """Whether every point could be one between thousands."""
    pointed = texts[texts.str.contains(".", regex=False)]
    return len(pointed) > 0 and bool(pointed.str.fullmatch(r"[+-]?[1-9][0-9]{0,2}(\.[0-9]{3})+").all())


def bare_of(text: str) -> Bare | None:
    """A cell without its sign and unit; None if it is no number."""
    found = DRESSED.fullmatch(text.translate(MINUS))
    if not found:
        return None
    units, signs = (
        [found[end] for end in ("before", "after") if found[end]],
        [found["sign"], found["inner"], found["last"]],
    )
    enclosed = bool(found["open"])
    if len(units) > 1 or sum(map(bool, signs)) + enclosed > 1 or enclosed != bool(found["close"]):
        return None
    return Bare(found["digits"], enclosed or "-" in signs, units[0] if units else "")


def common_unit(bare: list[Bare | None]) -> str:
    """The unit of a column; numbers without one are in it, but for those beside percentages."""
    units = pd.Series([one.unit for one in bare if one])
    named = units[units != ""]
    if named.empty:
        return ""
    most = str(named.mode()[0])
    return "" if most == "%" and 2 * (units == most).sum() <= len(units) else most


def read(bare: list[Bare | None], decimal: str, group: str) -> NDArray[np.float64]:
    """The values where a decimal mark and a mark of thousands are these; nan where a cell is not so."""
    mark, between = re.escape(decimal), re.escape(group)
    whole = rf"[0-9]+|[0-9]{{1,3}}({between}[0-9]{{2,3}})*{between}[0-9]{{3}}"
    number = re.compile(rf"({whole})({mark}[0-9]*)?([eE][+-]?[0-9]+)?|{mark}[0-9]+")

    def value(one: Bare | None) -> float:
        if one is None or not number.fullmatch(one.digits):
            return np.nan
        size = float(one.digits.replace(group, "").replace(decimal, "."))
        return -size if one.negative else size

    return finite(np.array([value(one) for one in bare], dtype=np.float64))


def finite(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Numbers beyond the range of floats are none."""
    return np.where(np.abs(values) <= sys.float_info.max, values, np.nan)


def agreed(readings: list[NDArray[np.float64]], texts: pd.Series, name: str) -> NDArray[np.float64]:
    """The reading that makes a number of most cells, if there is one alone."""
    count = max(int(np.isfinite(values).sum()) for values in readings)
    best = [values for values in readings if np.isfinite(values).sum() == count]
    for other in best[1:]:
        differ = np.flatnonzero((best[0] != other) & ~(np.isnan(best[0]) & np.isnan(other)))
        if differ.size:
            one, two = sorted([best[0][differ[0]], other[differ[0]]])
            raise ValueError(
                f"{name} can be read in two ways, {texts.iloc[differ[0]]!r} as {one:.12g} or as {two:.12g}: say which mark "
                f"is decimal, --decimal . or --decimal , (decimal= in Python)"
            )
    return best[0]
