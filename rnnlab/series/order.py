"""Which rows of a file are the oldest: what its dates say for sure, and nothing beyond that."""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
import pandas as pd

from rnnlab.series.dates import Dates, dates_of, order_of, without_year
from rnnlab.series.numerals import PLAIN
from rnnlab.series.sheet import Sheet

Order = Literal["oldest-first", "newest-first"]
ORDERS = ("oldest-first", "newest-first")
SAY = "say --order oldest-first or --order newest-first (order= in Python)"


class Found(NamedTuple):
    """What a file's dates say."""

    order: str | None  # None: there are no dates
    dates: pd.Index | None = None  # in the file's order, as they are written where a day or year is not sure


def dated_columns(sheet: Sheet, column: str) -> list[Dates]:
    """The columns that have dates or seem to, the surest first."""
    found = [dates_of(name, sheet.texts(name)) for name in sheet.names if name not in ("", column)]
    if "" in sheet.names:
        found = [dates_of("", sheet.texts("")), *found]
    readable = [dates for dates in found if dates and (dates.readings or dates.named)]
    return sorted(readable or [dates for dates in found if dates], key=lambda dates: dates.rank)


def found_order(sheet: Sheet, dated: list[Dates]) -> Found:
    """The order of a file's rows.

    Raises
    ------
    ValueError
        If there seem to be dates, and they tell no order for sure.
    """
    if not dated:
        return Found(None)
    first, *others = dated
    if not first.readings:
        return counted(first, sheet)
    told = f"the dates in column {first.name!r} of {sheet.path}"
    if not first.orders:
        raise ValueError(f"{told} are in no order: sort its rows by them, or {SAY}")
    if len(first.orders) > 1:
        raise ValueError(f"{two_ways(first, sheet)}, and so tells no order: {SAY}")
    (order,) = first.orders
    against = [other for other in others if other.rank == first.rank and other.orders - {order}]
    if against and not first.alone:
        raise ValueError(f"{told} and those in column {against[0].name!r} are in opposite orders: {SAY}")
    return Found(order, index_of(first, order, breaking_ties(first, others, order, sheet)))


def counted(dates: Dates, sheet: Sheet) -> Found:
    """Numbers that rise are in the file's order; others, and dates that can't be read, are refused."""
    numbers = all(map(PLAIN.fullmatch, dates.texts))
    if numbers and dates.texts.astype(float).is_monotonic_increasing:
        return Found(None)
    row, text = unread_cell(dates)
    what = "neither years nor timestamps" if numbers else "a date that can't be read for sure"
    raise ValueError(
        f"row {sheet.rows[row]} of column {dates.name!r} of {sheet.path} is {text!r}, {what}: write dates as "
        f"2024-02-10, or {SAY}"
    )


def unread_cell(dates: Dates) -> tuple[int, str]:
    """The first cell that is no date where the others are; else the first."""
    for form in ("%Y-%m-%d", "%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y"):
        wrong = np.flatnonzero(pd.to_datetime(dates.texts, format=form, errors="coerce").isna())
        if 0 < len(wrong) <= len(dates.texts) / 2:
            return int(wrong[0]), str(dates.texts.iloc[wrong[0]])
    return 0, str(dates.texts.iloc[0])


def two_ways(dates: Dates, sheet: Sheet) -> str:
    """That a column can be read in two ways, with a cell that shows it."""
    one, other = next(
        (one, other)
        for one in dates.readings
        for other in dates.readings
        if {order_of(one), order_of(other)} == set(ORDERS)
    )
    row = int(np.flatnonzero((one != other).to_numpy())[0])
    ways = f"{one.iloc[row]:%Y-%m-%d} or {other.iloc[row]:%Y-%m-%d}"
    return (
        f"row {sheet.rows[row]} of column {dates.name!r} of {sheet.path} is {dates.texts.iloc[row]!r}, which is {ways}"
    )


def breaking_ties(first: Dates, others: list[Dates], order: str, sheet: Sheet) -> Dates | None:
    """The column of times, or of days of a year, that tells rows of one date apart, all in the order of the dates."""
    if not first.texts.duplicated().any():
        return None
    for dates in others:
        varied = dates.texts.groupby(first.texts).agg(lambda texts: len(set(texts)) > 1)
        if not dates.named or not varied.any():
            continue
        keys = (
            [*dates.readings, dates.texts.astype(float)] if all(map(PLAIN.fullmatch, dates.texts)) else dates.readings
        )
        if any((key.groupby(first.texts).agg(order_of)[varied] == order).all() for key in keys):
            return dates
        names = f"columns {first.name!r} and {dates.name!r} of {sheet.path}"
        raise ValueError(f"{names} together are in no order: sort its rows by both, or {SAY}")
    return None


def index_of(first: Dates, order: str, second: Dates | None) -> pd.Index:
    """The dates, if there is one reading of them in this order that has years; else as they are written."""
    if second:
        return pd.Index(first.texts + " " + second.texts, name=f"{first.name} {second.name}")
    sure = [one for one in first.readings if order_of(one) == order]
    if len(sure) == 1 and sure[0].dtype.kind == "M" and not without_year(sure[0]):
        return pd.DatetimeIndex(sure[0], name=first.name)
    return pd.Index(first.texts, name=first.name)
