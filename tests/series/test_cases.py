"""Files as other people's programs write them: read as the truth is, or refused in one sentence."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings, strategies as st

from rnnlab.series import read_csv

CASES = Path(__file__).parent / "cases"
TRUTH = np.loadtxt(CASES / "truth.txt")
TWENTY = {
    "semicolon-decimal-comma",
    "thousands-and-dollar",
}  # their values are 20 times the truth before it was rounded
COLUMNS = {
    "chinese-dates-newest-first": "收盘",
    "dollar-in-name": "Price ($)",
    "falling-counter": "price",
    "german-months-newest-first": "Schluss",
    "quarters-newest-first": "value",
    "semicolon-decimal-comma": "Schluss",
}
HOW: dict[str, dict[str, Any]] = {
    "footer-and-dividends": {"drop_missing": True},
    "missing-values": {"drop_missing": True},
    "two-tickers": {"where": "Ticker=ABC"},
}
REFUSED = {
    "footer-and-dividends": r"rows 22, 44 of column 'Close' .* 'Dividend 0.24', empty: .*--drop-missing",
    "missing-values": r"rows 7, 19, 24 of column 'Close' .* 'null', empty: .*--drop-missing",
    "two-tickers": r"several series, Ticker is 'ABC', 'XYZ': choose one with --where Ticker=ABC",
}
NAMES = sorted(path.stem for path in CASES.glob("*.csv"))


@pytest.mark.parametrize("name", NAMES)
def test_cases_are_as_the_truth(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    found = read_csv(CASES / f"{name}.csv", COLUMNS.get(name, "Close"), **HOW.get(name, {}))
    expected = np.delete(TRUTH, [5, 17, 22]) if name == "missing-values" else TRUTH
    scale = 20 if name in TWENTY else 1
    np.testing.assert_allclose(
        found, scale * expected, rtol=0, atol=(scale - 1) * 0.005 + 1e-12
    )  # half of the last digit
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert f"{len(expected)} rows of" in told
    assert ("turned round" in told) == (name.endswith("newest-first") or name in {*TWENTY, "footer-and-dividends"})
    assert isinstance(found.index, pd.RangeIndex) == (name == "falling-counter")
    if name != "falling-counter":
        assert found.index.is_monotonic_increasing
        assert len({found.index[0], pd.Timestamp("2024-01-02"), pd.Timestamp("1990-01-01")}) == 2
        assert str(found.index[-1].date()) in told


@pytest.mark.parametrize("name", REFUSED)
def test_cases_that_lack_something_say_what_to_do(name: str) -> None:
    with pytest.raises(ValueError, match=REFUSED[name]):
        read_csv(CASES / f"{name}.csv", "Close")


SEPARATORS = st.sampled_from(",;\t|")
NUMBERS = {  # how a number is written
    "plain": lambda value: f"{value:.2f}",
    "thousands": lambda value: f"{value:,.2f}",
    "comma": lambda value: f"{value:.2f}".replace(".", ","),
    "german": lambda value: f"{value:,.2f}".translate(str.maketrans(",.", ".,")),
    "french": lambda value: f"{value:,.2f}".translate(str.maketrans(",.", "\u202f,")),
    "swiss": lambda value: f"{value:,.2f}".replace(",", "\u2019"),
    "dollars": lambda value: f"{'-' * (value < 0)}${abs(value):,.2f}",
    "euros": lambda value: f"{value:.2f} €".replace(".", ","),
    "percent": lambda value: f"{value:.2f} %",
    "accounting": lambda value: f"({-value:,.2f})" if value < 0 else f"{value:,.2f}",
    "minus": lambda value: f"{value:.2f}".replace("-", "\u2212"),
}
DATES = [
    *("%Y-%m-%d", "%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%Y%m%d", "%d-%b-%y", "%b %d, %Y", "%d %B %Y", "%a %d %b %Y"),
    *("%Y-%m-%dT%H:%M:%SZ", "%m/%d/%Y %I:%M %p", "%Y年%m月%d日", "%Y/%m/%d %H:%M", "%d.%m.%y", "%Y-%m-%d %H:%M:%S%z"),
]


def outcome(path: Path, **how: Any) -> Any:
    """The column, or the sentence."""
    try:
        return read_csv(path, "Close", **how)
    except ValueError as error:
        return str(error)


def quoted(cell: str, separator: str) -> str:
    return f'"{cell}"' if separator in cell else cell


@settings(max_examples=80, deadline=None)
@given(
    separator=SEPARATORS,
    number=st.sampled_from(sorted(NUMBERS)),
    date=st.sampled_from(DATES),
    newest=st.booleans(),
    cents=st.lists(st.integers(-(10**8), 10**8), min_size=12, max_size=12),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-le"]),
    titles=st.sampled_from(["", "Prices of ABC\n\n", "sep=", "# made by hand\n"]),
    ending=st.sampled_from(["\n", "\r\n", "\r"]),
)
def test_every_dialect_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, separator: str, number: str, date: str, newest: bool, cents: list[int],
    encoding: str, titles: str, ending: str,
) -> None:  # fmt: skip
    values, written = [cent / 100 for cent in cents], NUMBERS[number]
    days = pd.date_range("2023-12-27 09:30", periods=len(values), tz="UTC")
    rows = [
        separator.join([quoted(day.strftime(date), separator), "x", quoted(written(value), separator)])
        for day, value in zip(days, values, strict=True)
    ]
    head = f"sep={separator}\n" if titles == "sep=" else titles
    text = head + "\n".join([separator.join(["Date", "Note", " Close "]), *(rows[::-1] if newest else rows)]) + "\n"
    path = tmp_path_factory.getbasetemp() / "made.csv"
    path.write_bytes(text.replace("\n", ending).encode(encoding))
    found = read_csv(path, "Close")
    np.testing.assert_array_equal(found, values)
    assert ("turned round" in found.attrs["read"]) == newest
    if isinstance(found.index, pd.DatetimeIndex):
        assert (found.index.tz_localize(None).normalize() == days.tz_localize(None).normalize()).all()
    else:  # of which the day is not sure
        assert list(found.index) == [day.strftime(date) for day in days]
        assert date in ("%d.%m.%y", "%d/%m/%Y", "%m/%d/%Y", "%m/%d/%Y %I:%M %p")


@settings(max_examples=60, deadline=None)
@given(
    content=st.one_of(st.binary(max_size=200), st.text(max_size=200).map(lambda text: text.encode("utf-8", "replace")))
)
def test_anything_is_read_or_refused(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "any.csv"
    path.write_bytes(b"Date,Close\n" + content)
    found = outcome(path)
    if isinstance(found, str):
        assert str(path) in found
        assert "\n" not in found
    else:
        assert np.isfinite(found).all()


@settings(max_examples=60, deadline=None)
@given(
    cells=st.lists(
        st.sampled_from(["", "null", "1,2", "1.234", "5", "$3", "(2)", "x", "-", "1e5", "7%"]), min_size=2, max_size=8
    ),
    drop=st.booleans(),
)
def test_no_number_is_filled_in(tmp_path_factory: pytest.TempPathFactory, cells: list[str], drop: bool) -> None:
    """Every number that comes out is of a row, in order; without `drop_missing` every row has one."""
    path = tmp_path_factory.getbasetemp() / "cells.csv"
    path.write_text("\n".join(["n\tClose", *(f"{place}\t{cell}" for place, cell in enumerate(cells))]))
    found = outcome(path, drop_missing=drop)
    assume(not isinstance(found, str))
    assert drop or len(found) == len(cells)
    assert len(found) <= sum(any(letter.isdigit() for letter in cell) for cell in cells)
