"""A column of numbers from somebody's CSV file, oldest first, or one sentence on what is wrong with it and where.

Rows are numbered as an editor shows them: the header is row 1 unless comments precede it.
"""

from __future__ import annotations

import csv
import difflib
import hashlib
import math
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

SHOWN = 8  # columns that a message lists, at most
CALENDAR = ("date", "datum", "time", "day", "period")  # words for a column of dates, the surest first
SEPARATORS = ";\t|"


class Row(NamedTuple):
    """One row of the file."""

    number: int  # of its last line, from 1
    cells: list[str]


def read_column(path: str, column: str) -> NDArray[np.float64]:
    """The numbers of one column, oldest first.

    Parameters
    ----------
    path : str
        A file with a header row, commas between cells, UTF-8; lines that begin with # before the header are skipped.
    column : str
        The column's name in the header.

    Returns
    -------
    ndarray (N,), float64
        In the order of the file, or reversed where a column of dates shows that the newest comes first.

    Raises
    ------
    ValueError
        If there is no such file or column, or a cell is no finite number; the message names row and column.
    """
    header, rows = read_rows(path)
    place = place_of(column, header, path)
    values = np.array([number(row, place, f"column {column!r} of {path}") for row in rows], dtype=np.float64)
    return values[::-1].copy() if newest_first(header, rows, path) else values


def digest_of(path: str) -> str | None:
    """The SHA-256 of a file; None where it can't be read, which `read_column` says."""
    try:
        return hashlib.sha256(Path(path).read_bytes()).hexdigest()
    except (OSError, ValueError):
        return None


def read_rows(path: str) -> tuple[list[str], list[Row]]:
    """The header's names, and the rows below it without empty ones at the end."""
    try:
        rows = list(rows_of(path))
    except OSError as error:
        raise ValueError(f"can't read the CSV file {path}: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is not a CSV file in UTF-8 ({error.reason}): save it as one") from None
    except csv.Error as error:
        raise ValueError(f"{path} is not a CSV file: {error}") from None
    while rows and not any(rows[-1].cells):
        rows.pop()
    if not rows:
        raise ValueError(f"the CSV file {path} is empty: expected a header and rows below it")
    return rows[0].cells, rows[1:]


def rows_of(path: str) -> Iterator[Row]:
    """Rows as they are in the file, from the header on."""
    with Path(path).open(encoding="utf-8-sig", newline="") as file:
        reader, begun = csv.reader(file, strict=True), False
        for cells in reader:
            begun = begun or bool(cells and not cells[0].startswith("#"))
            if begun:
                yield Row(reader.line_num, [cell.strip() for cell in cells])


def place_of(column: str, header: list[str], path: str) -> int:
    """Where a column is, or the nearest name and those that there are."""
    if header.count(column) > 1:
        raise ValueError(f"{path} has {header.count(column)} columns {column!r}: rename all but one")
    if column in header:
        return header.index(column)
    separator = next((mark for mark in SEPARATORS if len(header) == 1 and mark in header[0]), None)
    if separator:
        raise ValueError(f"the cells of {path} are separated by {separator!r}: expected commas")
    close = difflib.get_close_matches(column, header, n=1)
    hint = f"did you mean {close[0]!r}? " if close else ""
    more = ", ..." if len(header) > SHOWN else ""
    raise ValueError(f"{path} has no column {column!r}; {hint}its columns are {', '.join(header[:SHOWN])}{more}")


def number(row: Row, place: int, where: str) -> float:
    """The number in one cell."""
    text = row.cells[place] if place < len(row.cells) else ""
    if not text:
        raise ValueError(f"row {row.number} of {where} is empty: expected a number in every row")
    try:
        value = math.nan if "_" in text else float(text)  # Python would read 1_0 as ten
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        shown = text if len(text) <= 20 else f"{text[:17]}..."
        raise ValueError(f"row {row.number} of {where} is {shown!r}: expected a finite number")
    return value


def newest_first(header: list[str], rows: list[Row], path: str) -> bool:
    """Whether the first column of dates that has an order runs backwards; a column called Date is to have one."""
    for place in sorted(range(len(header)), key=lambda place: calendar_rank(header[place])):
        name, texts = header[place], [row.cells[place] if place < len(row.cells) else "" for row in rows]
        named = calendar_rank(name) <= len(CALENDAR)
        if len(set(texts)) < 2 or (not named and all(map(is_number, texts))):  # the same in every row dates the file
            continue
        day_first = (True,) if "." in texts[0] else (False, True)  # 2.1.2020 is a day in January
        orders = {order for way in day_first if (order := order_of(texts, way))}
        if calendar_rank(name) <= 1 and orders <= {"none"}:
            refuse_dates(name, texts, rows, path)
        if orders & {"increasing", "decreasing"}:
            return "increasing" not in orders
    return False


def calendar_rank(name: str) -> int:
    """How surely a column of this name has dates: 0 most surely."""
    word = name.strip().lower()
    return (
        0 if word == CALENDAR[0] else next((n for n, part in enumerate(CALENDAR, 1) if part in word), len(CALENDAR) + 1)
    )


def is_number(text: str) -> bool:
    """Whether a cell can be read as a number."""
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


def refuse_dates(name: str, texts: list[str], rows: list[Row], path: str) -> None:
    """Say why a column of dates gives no order, unless it has hardly any."""
    unread = [row for row, text in zip(rows, texts, strict=True) if not order_of([text], day_first=False)]
    if not unread:
        raise ValueError(f"the dates in column {name!r} of {path} are in no order: sort its rows by them")
    if len(unread) <= len(rows) / 2:
        cell = texts[rows.index(unread[0])]
        raise ValueError(
            f"row {unread[0].number} of column {name!r} of {path} is {cell!r}: expected a date in every row"
        )


def order_of(texts: list[str], day_first: bool) -> str:
    """The order of dates: increasing, decreasing or none; empty if they can't be read as dates."""
    if all(map(is_number, texts)):  # years, or seconds of a clock
        dates = pd.Series(texts).astype(float)
    else:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that a date was read month first after all
            dates = pd.to_datetime(pd.Series(texts), format="mixed", errors="coerce", utc=True, dayfirst=day_first)
    if dates.isna().any():
        return ""
    if dates.is_monotonic_increasing:
        return "increasing"
    return "decreasing" if dates.is_monotonic_decreasing else "none"
