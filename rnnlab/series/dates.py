"""What a column of dates says, in one format for all its rows; of a column that can be read in two ways, both."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

import pandas as pd

from rnnlab.series.numerals import PLAIN, bare_of

NAMES = (  # of columns of dates, the surest first
    "date dates datum fecha data dato дата tarih 日期 日付 날짜",
    "datetime timestamp timestamps time zeit hora heure ora tijd 时间 時間 時刻 period periode periodo 期间",
    "year jahr année annee año ano anno jaar rok год 年 年份 quarter quartal trimestre 季度",
    "month monat mois mes mese maand 月 月份 week woche semaine semana 周",
    "day tag jour dia día giorno dag",
    "hour stunde minute second epoch unix session",
)
NAMELESS = 2 * len(NAMES)  # the rank of any other
WORD = re.compile(r"[^\W\d_]+")
CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")

DAYS = "%Y-%m-%d %Y/%m/%d %Y.%m.%d %Y%m%d %d.%m.%Y %d/%m/%Y %m/%d/%Y %d-%m-%Y %m-%d-%Y"
SHORT = "%d.%m.%y %d/%m/%y %m/%d/%y %y/%m/%d %d-%m-%y %m-%d-%y %y-%m-%d"
NAMED = "%d_%b_%Y %b_%d_%Y %d-%b-%Y %d-%b-%y %d_%b_%y %b_%d_%y %Y_%b_%d %Y-%b-%d %d/%b/%Y %d%b%Y"
MONTHS = "%Y-%m %Y/%m %Y.%m %m/%Y %m.%Y %m-%Y %b_%Y %b-%Y %Y_%b %Y-%b %b-%y %y-%b %b_%y %m/%y %y-%m %m-%y"
EAST = "%Y年%m月%d日 %Y年%m月 %Y년_%m월_%d일"
YEARLESS = "%d-%b %b-%d %d_%b %b_%d %m/%d %d/%m %m-%d %d-%m %d.%m. %b"
CLOCK = re.compile(r"(?<![\d:])\d{1,2}:\d{2}")
CLOCKS = [
    clock + zone
    for clock in ("%H:%M", "%H:%M:%S", "%H:%M:%S.%f", "%I:%M %p", "%I:%M:%S %p", "%I:%M%p")
    for zone in ("", "%z", " %z")
]
QUARTERS = re.compile(r"(?:Q([1-4])[ /-]?(\d{4})|(\d{4})[ /-]?Q([1-4]))", re.IGNORECASE)
WEEKS = re.compile(r"\d{4}-?W\d{2}")
TIDIED = (  # what is beside a date, and its words as strptime knows them
    (r"(?i)^(mon|tue|wed|thu|fri|sat|sun)[a-z]*[., ]+", ""),
    (r"(?i)\bsept\b", "Sep"),
    (r"(?<=\d)(st|nd|rd|th)\b", ""),
    (r"(?<=\w)\.(?= )|(?<=[a-zA-Z])\.|,", " "),
    (r"(?<=\d)T(?=\d)", " "),
    (r" +", " "),
)
CLOCKED = {"s": 1e8, "ms": 1e11, "us": 1e14, "ns": 1e17}  # the least number of each that is a timestamp: of 1973


class Dates(NamedTuple):
    """A column of dates."""

    name: str
    texts: pd.Series
    rank: int  # how surely it is one, 0 most
    readings: list[pd.Series]  # once for each format that fits; none if it can't be read

    @property
    def orders(self) -> set[str]:
        """Those in which its rows may be."""
        return {order for dates in self.readings if (order := order_of(dates))}

    @property
    def alone(self) -> bool:
        """Whether its whole name is a word for dates, as Date is and trade date is not."""
        return self.named and self.rank % 2 == 0

    @property
    def named(self) -> bool:
        """Whether its name says that it has dates."""
        return self.rank < NAMELESS


def dates_of(name: str, texts: pd.Series) -> Dates | None:
    """A column as dates, if it has some, or seems to."""
    rank = rank_of(name)
    named = rank < NAMELESS
    if texts.nunique() < 2 < 1 + len(texts):  # the same in every row dates the file
        return None
    if all(map(PLAIN.fullmatch, texts)):
        return Dates(name, texts, rank, numbered(texts)) if named else None
    readings = read_in_formats(texts)
    return Dates(name, texts, rank, readings) if readings or named or seems_dated(texts) else None


def rank_of(name: str) -> int:
    """How surely a column of this name has dates: 0 most surely."""
    words = [word.lower() for word in WORD.findall(CAMEL.sub(" ", name))]
    for place, known in enumerate(NAMES):
        of_all = known.split()
        if words and words[-1] in of_all and len(words) == 1:
            return 2 * place
        if any(word == one or (len(one) > 3 and word.endswith(one)) for word in words for one in of_all):
            return 2 * place + 1
    return NAMELESS


def order_of(dates: pd.Series) -> str:
    """The order of dates in a file; empty if they are in none."""
    if dates.is_monotonic_increasing:
        return "oldest-first"
    return "newest-first" if dates.is_monotonic_decreasing else ""


def numbered(texts: pd.Series) -> list[pd.Series]:
    """Numbers as years, as days and months without marks, or as what a clock counts since 1970, if they look so."""
    for form, shape in (("%Y%m%d", r"[12]\d{7}"), ("%Y%m", r"[12]\d{5}"), ("%Y", r"[12]\d{3}")):
        if texts.str.fullmatch(shape).all() and (found := read_as(texts, form)) is not None:
            return [found]
    numbers = texts.astype(float)
    if numbers.between(1000, 3000).all():  # 1871.01, which is January or the first hundredth
        return [numbers]
    units = [unit for unit, least in CLOCKED.items() if numbers.between(least, 100 * least).all()]
    return [pd.to_datetime(numbers, unit=unit) for unit in units]


def read_in_formats(texts: pd.Series) -> list[pd.Series]:
    """The dates of a column in every format that fits all its cells; equal ones once."""
    tidied = texts
    for pattern, instead in TIDIED if re.search(r"[^\W\d_]|,", texts.iloc[0] + texts.iloc[-1]) else ():
        tidied = tidied.str.replace(pattern, instead, regex=True).str.strip()
    if tidied.str.fullmatch(WEEKS).all():
        formats: Iterable[str] = ["%G-W%V-%u"]
        tidied = tidied.str.replace(r"-?W", "-W", regex=True) + "-1"
    elif tidied.str.fullmatch(QUARTERS).all():
        tidied, formats = tidied.str.replace(QUARTERS, first_month, regex=True), ["%Y-%m"]
    else:
        formats = formats_of(tidied.iloc[0])
    found: list[pd.Series] = []
    for form in formats:
        dates = read_as(tidied, form)
        if dates is not None and not any(dates.equals(other) for other in found):
            found.append(dates)
    return found


def first_month(found: re.Match[str]) -> str:
    """A quarter as its first month."""
    quarter, year = found[1] or found[4], found[2] or found[3]
    return f"{year}-{3 * int(quarter) - 2:02}"


def formats_of(text: str) -> Iterable[str]:
    """The formats that a cell may be in."""
    clock = CLOCK.search(text)
    if clock is None:
        return [form for form in day_formats() if fits(text, form)]
    times = [form for form in CLOCKS if fits(text[clock.start() :], form)]
    if clock.start() == 0:
        return times
    days = [form for form in day_formats() if fits(text[: clock.start()].rstrip(), form)]
    return [f"{day} {time}" for day in days for time in times]


def day_formats() -> Iterable[str]:
    """All formats of days and months, with short names of months and long ones."""
    both = f"{DAYS} {SHORT} {NAMED} {MONTHS} {EAST} {YEARLESS}".split()
    return [form.replace("_", " ") for form in [*both, *(form.replace("%b", "%B") for form in both if "%b" in form)]]


def fits(text: str, form: str) -> bool:
    """Whether a cell is in a format."""
    return read_as(pd.Series([text]), form) is not None


def read_as(texts: pd.Series, form: str) -> pd.Series | None:
    """The dates of cells that are all in a format."""
    if form == "%Y%m%d" and not texts.str.fullmatch(r"\d{8}").all():  # it would take single digits too
        return None
    try:
        return pd.to_datetime(texts, format=form, utc="%z" in form)
    except (ValueError, OverflowError):
        return None


def seems_dated(texts: pd.Series) -> bool:
    """Whether a column has what may be dates and no numbers: digits beside other digits or words, hardly any twice."""
    apart = texts.str.contains(r"\d+[^\d]+\d|[^\W\d_]{3}.*\d|\d.*[^\W\d_]{3}", regex=True)
    numbers = [bare_of(text.rstrip("KMBTkmbt ")) is not None for text in texts[apart]]
    return bool(apart.mean() > 0.9 and sum(numbers) < len(numbers) / 2 and texts.nunique() > len(texts) / 2)


def without_year(dates: pd.Series) -> bool:
    """Whether dates were read without a year, which is then 1900."""
    return dates.dtype.kind == "M" and bool((dates.dt.year == 1900).all())
