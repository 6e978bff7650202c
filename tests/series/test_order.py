"""Which rows are the oldest: known for sure, or refused, or as the user says."""

from pathlib import Path

import pandas as pd
import pytest

from rnnlab.series import read_csv

SURE = [  # the header beside Close, the older row, the newer one
    ("Datum", "02.01.2020", "13.01.2020"),
    ("Period", "2020-01", "2020-02"),
    ("", "2020-01-01", "2020-01-02"),
    ("timestamp", "1577836800", "1577923200"),
    ("timestamp", "1577836800000", "1577923200000"),
    ("Candidate date,Date", "2021-05-02,2020-01-01", "2021-05-01,2020-01-02"),
    ("Ticker,Volume,When", "GOOG,9,2020-01-01", "GOOG,8,2020-01-02"),
    ("Year", "2022", "2023"),
    ("Date", "20240209", "20240210"),
    ("Date", "202401", "202402"),
    ("Date", "1871.09", "1871.1"),
    ("Year,Month", "2023,2", "2024,1"),
    ("Year,Month", "2023,Jan", "2023,Feb"),
    ("<DATE>,<TIME>", "20240210,093100", "20240211,093000"),
    ("Date,Time", "10.02.2024,09:30", "10.02.2024,09:31"),
    ("Date,Day", "2024-02-09,Fri", "2024-02-10,Sat"),
    ("period", "Q4 1998", "Q1 1999"),
    ("period", "1998Q4", "1999-Q1"),
    ("week", "2024-W05", "2024-W06"),
    ("日期", "2024年1月", "2024年2月"),
    ("Date", "30 Sept 2024", "1 Oct 2024"),
    ("Date", "Fri 9th Feb 2024", "Sat 10th Feb 2024"),
    ("Date", "9-Feb-24", "10-Feb-24"),
    ("Date", "2024-02-09T23:00:00-05:00", "2024-02-10T04:30:00+00:00"),
    ("Date", "2/9/2024 9:00 PM", "2/10/2024 3:00 AM"),
    ("Time", "09:30", "09:31"),
    ("Date", "01.01.70", "02.01.70"),
]
UNSURE = [  # the header, two rows, of what is told
    ("Date", "Jan-24", "Dec-23", "which is 2024-01-01 or 1900-01-24|which is 1900-01-24 or 2024-01-01"),
    ("Date", "02/01/2024", "01/02/2024", "which is 2024-01-02 or 2024-02-01, and so tells no order"),
    ("Datum", "10. März 2024", "9. Mai 2024", "row 2 of column 'Datum' .* is '10. März 2024'"),
    ("Wann", "10. März 2024", "9. Mai 2024", "row 2 of column 'Wann'"),
    ("Jour", "1 mars 2024", "1 avr 2024", "row 2 of column 'Jour'"),
    ("日期", "二〇二四年二月", "二〇二四年一月", "row 2 of column '日期'"),
    ("日付", "令和6年2月10日", "令和6年2月9日", "row 2 of column '日付'"),
    ("period", "H2 2023", "H1 2023", "row 2 of column 'period'"),
    ("Woche", "KW 5/2024", "KW 4/2024", "row 2 of column 'Woche'"),
    ("Month", "Feb", "Dez", "row 3 of column 'Month'|row 2 of column 'Month'"),
    ("Day", "2", "1", "'2', neither years nor timestamps"),
    ("time", "0.2", "0.1", "'0.2', neither years nor timestamps"),
    ("Date", "43832", "43831", "'43832', neither years nor timestamps"),
    ("Date", "2024-02-29", "2024-02-30", "row 3 of column 'Date' .* is '2024-02-30'"),
    ("Year,Month", "2023,2", "2023,1\n2024,1", "columns 'Year' and 'Month' .* together are in no order"),
    ("trade date,expiry date", "2024-02-01,2024-06-01", "2024-02-02,2024-05-01", "are in opposite orders"),
]
FILES = [  # no dates: a header and two rows, in the order of which they stay
    ("days_to_expiry", "2", "1"),
    ("x", "2023", "2022"),
    ("time", "0", "0.1"),
    ("id", "AB-13", "AB-12"),
    ("Vol.,Change %", "12.5K,0.5%", "11K,0.4%"),
    ("Date", "2024-01-01", "2024-01-01"),
]


def write(path: Path, header: str, *rows: str) -> Path:
    lines = "\n".join(rows).split("\n")
    path.write_text("\n".join([f"{header},Close", *(f"{row},{place}" for place, row in enumerate(lines))]), "utf-8")
    return path


@pytest.mark.parametrize(("header", "older", "newer"), SURE)
def test_the_oldest_comes_first(tmp_path: Path, header: str, older: str, newer: str) -> None:
    for rows, expected in (((older, newer), [0, 1]), ((newer, older), [1, 0])):
        found = read_csv(write(tmp_path / "a.csv", header, *rows), "Close")
        assert found.tolist() == expected
        assert ("turned round" in found.attrs["read"]) == (expected == [1, 0])
        assert not isinstance(found.index, pd.RangeIndex)


@pytest.mark.parametrize(("header", "first", "second", "told"), UNSURE)
def test_an_order_is_never_guessed(tmp_path: Path, header: str, first: str, second: str, told: str) -> None:
    path = write(tmp_path / "a.csv", header, first, second)
    with pytest.raises(ValueError, match=told) as caught:
        read_csv(path, "Close")
    assert "say --order oldest-first or --order newest-first" in str(caught.value)
    kept, turned = (read_csv(path, "Close", order) for order in ("oldest-first", "newest-first"))
    assert kept.tolist() == list(range(len(kept)))
    assert turned.tolist() == kept.tolist()[::-1]
    assert "newest first in the file as you said, turned round" in turned.attrs["read"]


@pytest.mark.parametrize(("header", "first", "second"), FILES)
def test_without_dates_the_order_of_the_file_is_kept_and_said(
    tmp_path: Path, header: str, first: str, second: str
) -> None:
    found = read_csv(write(tmp_path / "a.csv", header, first, second), "Close")
    assert found.tolist() == [0, 1]
    assert "no dates, in the file's order" in found.attrs["read"]


def test_who_says_an_order_is_told_what_the_dates_say(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "Date", "2024-01-02", "2024-01-01")
    found = read_csv(path, "Close", "oldest-first")
    assert found.tolist() == [0, 1]
    assert "oldest first in the file as you said (its dates are newest first)" in found.attrs["read"]


def test_dates_that_are_not_sure_are_kept_as_written(tmp_path: Path) -> None:
    found = read_csv(write(tmp_path / "a.csv", "Date", "01/02/2024", "01/03/2024"), "Close")
    assert list(found.index) == ["01/02/2024", "01/03/2024"]
    found = read_csv(write(tmp_path / "a.csv", "Date", "12/02/2024", "13/02/2024"), "Close")
    assert list(found.index) == [pd.Timestamp("2024-02-12"), pd.Timestamp("2024-02-13")]
