"""A column of numbers from somebody's CSV file, oldest first; or one sentence on what is wrong with it, where, and what to do."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from rnnlab._base.checks import file_path, shortened
from rnnlab.series.dates import Dates
from rnnlab.series.numerals import Decimal, numerals_of
from rnnlab.series.order import ORDERS, Found, Order, dated_columns, found_order
from rnnlab.series.selection import below_header, named, only_numbers, refuse_several, rows_with, with_numbers
from rnnlab.series.sheet import Sheet, read_sheet, tidy


class Column(NamedTuple):
    """A column of numbers."""

    series: pd.Series  # oldest first
    told: str  # one line on what was read


def read_csv(
    path: str | Path,
    column: str | None = None,
    order: Order | None = None,
    *,
    drop_missing: bool = False,
    where: str | Mapping[str, str] | None = None,
    decimal: Decimal | None = None,
) -> pd.Series:
    r"""The numbers of one column of a CSV file, oldest first; what was read is said in a line on standard error.

    Commas, semicolons, tabs or bars between cells; lines of title above the header; UTF-8, UTF-16 or Windows-1252; numbers
    such as 1,234.50, 1.234,50, $5, 12 % (which is 12) and (3.10): found from the file, and refused where they can be read
    in two ways. Nothing is filled in, and no order is guessed.

    Parameters
    ----------
    path : str or Path
    column : str, optional
        Its name in the header; default the only one that has numbers and no dates.
    order : {"oldest-first", "newest-first"}, optional
        Of the rows in the file; default found from its dates, and the file's own where it has none.
    drop_missing : bool
        Leave out rows without a number, which are refused otherwise.
    where : str or mapping, optional
        The rows to read of a file of several series: "Ticker=ABC" or {"Ticker": "ABC"}.
    decimal : {".", ","}, optional
        The decimal mark; default found from the numbers.

    Returns
    -------
    Series (N,), float64
        By its dates, or as they are written where the day, the month or the year of 01/02/03 is not sure; by 0 .. N - 1
        where there are none. Its `attrs["read"]` is the line that was said.

    Raises
    ------
    TypeError, ValueError
        If the file can't be read for sure; the message names the row, the column and what to do.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "prices.csv"
    >>> _ = path.write_text("Datum;Schluss\n03.01.2024;1.036,17\n02.01.2024;1.000,50\n")
    >>> read_csv(path, "Schluss").tolist()
    [1000.5, 1036.17]
    """
    found = read_column(path, column, order, drop_missing=drop_missing, where=where, decimal=decimal)
    print(found.told, file=sys.stderr)
    return found.series


def read_column(
    path: Any,
    column: Any = None,
    order: Any = None,
    *,
    drop_missing: Any = False,
    where: Any = None,
    decimal: Any = None,
) -> Column:
    """As `read_csv`, which says what this returns beside the numbers."""
    place = file_path("path", path)
    if not isinstance(column, str | None):
        raise TypeError(f"column is {shortened(column)}: expected the name of a column")
    if not isinstance(drop_missing, bool):
        raise TypeError(f"drop_missing is {shortened(drop_missing)}: expected True or False")
    for name, given, known in (("order", order, ORDERS), ("decimal", decimal, (".", ","))):
        if given is not None and not (isinstance(given, str) and given in known):
            raise ValueError(f"{name} is {shortened(given)}: expected {known[0]!r} or {known[1]!r}")
    return read(str(place), None if column is None else tidy(column), order, drop_missing, conditions(where), decimal)


def digest_of(path: str) -> str | None:
    """The SHA-256 of a file; None where it can't be read, which `read_csv` says."""
    try:
        return hashlib.sha256(Path(path).read_bytes()).hexdigest()
    except (OSError, ValueError):
        return None


def conditions(where: Any) -> dict[str, str]:
    """Columns, and what rows are to have in them."""
    if where is None:
        return {}
    if isinstance(where, str):
        name, is_one, value = where.partition("=")
        if not is_one or not name.strip():
            raise ValueError(f"where is {shortened(where)}: expected Column=value, such as Ticker=ABC")
        return {tidy(name): tidy(value)}
    if not isinstance(where, Mapping) or not all(isinstance(text, str) for pair in where.items() for text in pair):
        raise TypeError(f"where is {shortened(where)}: expected 'Column=value' or a mapping of names to values")
    return {tidy(name): tidy(value) for name, value in where.items()}


def read(
    path: str, column: str | None, order: str | None, drop: bool, where: dict[str, str], decimal: Decimal | None
) -> Column:
    """What `read_csv` does, of checked arguments."""
    sheet = read_sheet(path, column)
    name = named(sheet, column) if column is not None else only_numbers(sheet, decimal)
    sheet, notes = below_header(sheet, name)
    for other, value in where.items():
        sheet = rows_with(sheet, named(sheet, other), value)
    numbers = numerals_of(sheet.texts(name), f"column {name!r} of {path}", decimal, sheet.separator == ";")
    sheet, numbers, left_out = with_numbers(sheet, numbers, name, drop)
    if not len(sheet.rows):
        raise ValueError(f"{path} has 0 rows of numbers in column {name!r}")
    dated = dated_columns(sheet, name)
    refuse_several(sheet, dated, name)
    found = as_said(sheet, dated) if order else found_order(sheet, dated)
    series = pd.Series(numbers.numbers, found.dates, dtype=np.float64, name=name)
    turned = (order or found.order) == "newest-first"
    series = series[::-1] if turned else series
    series = series if found.dates is not None else series.reset_index(drop=True)
    unit = f" {numbers.unit}" if numbers.unit else ""
    series.attrs["read"] = ", ".join([told(path, series, unit), order_told(order, found), *notes, *left_out])
    return Column(series, series.attrs["read"])


def as_said(sheet: Sheet, dated: list[Dates]) -> Found:
    """The order that is given, with what the dates say for sure."""
    try:
        found = found_order(sheet, dated)
    except ValueError:
        return Found(None, pd.Index(dated[0].texts, name=dated[0].name))
    return (
        found
        if found.dates is not None or not dated
        else found._replace(dates=pd.Index(dated[0].texts, name=dated[0].name))
    )


def told(path: str, series: pd.Series, unit: str) -> str:
    """What was read."""
    first, last = (f"{value:.7g}{unit}" for value in (series.iloc[0], series.iloc[-1]))
    dates = (
        "no dates"
        if isinstance(series.index, pd.RangeIndex)
        else f"{date_told(series.index[0])} to {date_told(series.index[-1])}"
    )
    return f"{path}: {len(series)} row{'s' * (len(series) > 1)} of {series.name!r}, {first} to {last}, {dates}"


def date_told(date: object) -> str:
    """A date without a time of 00:00."""
    return str(date).removesuffix(" 00:00:00")


def order_told(order: str | None, found: Found) -> str:
    """In which order the file was, and whether it was turned round."""
    if order is None and found.order is None:
        return "in the file's order"
    way = (order or found.order or "").replace("-", " ")
    done = ", turned round" if way == "newest first" else ""
    against = f" (its dates are {found.order.replace('-', ' ')})" if order and found.order not in (None, order) else ""
    return f"{way} in the file{' as you said' if order else ''}{against}{done}"
