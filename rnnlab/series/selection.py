"""Which cells of a sheet are the numbers asked for: the column, the rows below its header, those of one series."""

from __future__ import annotations

import difflib

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rnnlab._base.checks import shortened
from rnnlab.series.dates import NAMELESS, WORD, Dates, rank_of
from rnnlab.series.numerals import MISSING, PLAIN, Decimal, Numerals, numerals_of
from rnnlab.series.order import dated_columns
from rnnlab.series.sheet import Sheet

SHOWN = 8  # columns, rows or cells that a message lists, at most
HEADERS = 3  # rows below the first that a header may have
TICKERS = {"ticker", "symbol", "stock", "name", "isin", "cusip", "asset", "security", "instrument", "series", "code"}


def named(sheet: Sheet, column: str) -> str:
    """A column's name, or the nearest one and those that there are."""
    if sheet.names.count(column) > 1:
        raise ValueError(f"{sheet.path} has {sheet.names.count(column)} columns {column!r}: rename all but one")
    if column in sheet.names:
        return column
    close = difflib.get_close_matches(column, sheet.names, n=1)
    hint = f"did you mean {close[0]!r}? " if close else ""
    raise ValueError(f"{sheet.path} has no column {column!r}; {hint}its columns are {listed(sheet.names)}")


def listed(names: list[str]) -> str:
    """Names, of many the first ones."""
    return enumerated([shortened(name) for name in names])


def enumerated(words: list[str]) -> str:
    """Words, of many the first ones."""
    return ", ".join([*words[:SHOWN], *["..."] * (len(words) > SHOWN)])


def only_numbers(sheet: Sheet, decimal: Decimal | None) -> str:
    """The one column that has numbers and no dates."""
    once = [name for name in sheet.names if name and sheet.names.count(name) == 1]
    dated = [
        dates.name
        for dates in dated_columns(sheet._replace(names=[name if name in once else "" for name in sheet.names]), "")
    ]
    found = [name for name in once if name not in dated and has_numbers(sheet, name, decimal)]
    if len(found) == 1 and PLAIN.fullmatch(found[0]):
        raise ValueError(f"{sheet.path} seems to have no header, its first row is {listed(sheet.names)}: write one")
    if len(found) != 1:
        what = f"{listed(found)} have numbers" if found else f"none of {listed(sheet.names)} has numbers"
        raise ValueError(f"{what} in {sheet.path}: say which column, --column NAME (column= in Python)")
    return found[0]


def has_numbers(sheet: Sheet, name: str, decimal: Decimal | None) -> bool:
    """Whether most cells of a column are numbers."""
    values = numerals_of(sheet.texts(name), name, decimal or ".", semicolons=False).numbers
    other = numerals_of(sheet.texts(name), name, decimal or ",", semicolons=False).numbers
    return len(values) > 0 and bool(np.isfinite([values, other]).any(axis=0).mean() > 0.5)


def below_header(sheet: Sheet, column: str) -> tuple[Sheet, list[str]]:
    """Without the rows right below the first that belong to the header: they have no digits, and words instead."""
    count = 0
    while count < min(HEADERS, len(sheet.rows)) and is_header(sheet, column, count):
        count += 1
    if not count:
        return sheet, []
    last = list(sheet.cells.iloc[count - 1])[: len(sheet.names)]
    names = [
        below if below and name != column and below not in sheet.names else name
        for name, below in zip(sheet.names, last, strict=True)
    ]
    note = f"{rows_told(sheet.rows[:count])} taken for its header"
    return sheet.where(np.arange(len(sheet.rows)) >= count)._replace(names=names), [note]


def is_header(sheet: Sheet, column: str, place: int) -> bool:
    """Whether a row has names of columns or units, and no data."""
    cells, value = list(sheet.cells.iloc[place]), sheet.texts(column).iloc[place]
    if any(character.isdigit() for cell in cells for character in cell):
        return False
    return (value.lower() not in MISSING) or (not value and any(rank_of(cell) < NAMELESS for cell in cells))


def rows_with(sheet: Sheet, name: str, value: str) -> Sheet:
    """The rows that have a value in a column."""
    texts = sheet.texts(name)
    kept = np.asarray(texts == value, dtype=bool)
    if not kept.any():
        values = list(texts.unique())
        close = difflib.get_close_matches(value, values, n=1)
        hint = f"did you mean {close[0]!r}? " if close else ""
        raise ValueError(f"no row of {sheet.path} has {name} {value!r}; {hint}there are {listed(values)}")
    return sheet.where(kept)


def with_numbers(sheet: Sheet, numbers: Numerals, name: str, drop: bool) -> tuple[Sheet, Numerals, list[str]]:
    """The rows that have a number, if all have one or the others are to be left out."""
    wide = sheet.beyond()
    lost = np.isnan(numbers.numbers) | wide
    if not lost.any():
        return sheet, numbers, []
    what = f"{rows_told(sheet.rows[lost])} of column {name!r} of {sheet.path}"
    texts = enumerated([shortened(text) if text else "empty" for text in sheet.texts(name)[lost].unique()])
    if not drop:
        refuse_lost(sheet, what, texts, wide[lost])
    kept = Numerals(numbers.numbers[~lost], numbers.missing[~lost], numbers.unit)
    return sheet.where(~lost), kept, [f"{rows_told(sheet.rows[lost])} left out ({texts})"]


def refuse_lost(sheet: Sheet, what: str, texts: str, wide: NDArray[np.bool_]) -> None:
    """Say which cells are no numbers, and how to go on."""
    are = "are" if len(wide) > 1 else "is"
    if wide.all():
        reason = f"{are} in a row with more cells than the header's {len(sheet.names)}: quote text that has a separator in it"
    else:
        reason = f"{are} {texts}: expected a finite number in every row"
    raise ValueError(
        f"{what} {reason}; nothing is filled in, --drop-missing leaves such rows out (drop_missing=True in Python)"
    )


def rows_told(rows: NDArray[np.int64]) -> str:
    """Rows by their numbers, of many the first ones."""
    if len(rows) == 1:
        return f"row {rows[0]}"
    return f"rows {', '.join(map(str, rows[:SHOWN]))}" + f" and {len(rows) - SHOWN} more" * (len(rows) > SHOWN)


def refuse_several(sheet: Sheet, dated: list[Dates], column: str) -> None:
    """Refuse a file of several series one above or between the other."""
    dates = dated[0].texts if dated else pd.Series("", index=range(len(sheet.rows)))
    if not dates.duplicated().any():
        return
    for name in sheet.names:
        if name in (column, *(one.name for one in dated)) or sheet.names.count(name) > 1:
            continue
        texts = sheet.texts(name)
        apart = not pd.DataFrame({"date": dates, "of": texts}).duplicated().any() and bool(dated)
        if 1 < texts.nunique() <= len(texts) / 2 and (apart or TICKERS & {word.lower() for word in WORD.findall(name)}):
            raise ValueError(
                f"{sheet.path} has several series, {name} is {listed(list(texts.unique()))}: choose one with "
                f"--where {name}={texts.iloc[0]} (where= in Python)"
            )
