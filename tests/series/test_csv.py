"""Prices from somebody's CSV file: what is wrong with it in one sentence, and what order its rows are in."""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.cbook import get_sample_data
from pydantic import ValidationError

from rnnlab.experiments import prices
from rnnlab.experiments._lab import command_line
from rnnlab.series import read_csv


def write(path: Path, values: list[str], header: str = "Date,Close", ending: str = "\n") -> str:
    days = pd.date_range("2020-01-01", periods=len(values)).strftime("%Y-%m-%d")
    path.write_text(ending.join([header, *map(",".join, zip(days, values, strict=True))]) + ending)
    return str(path)


def walk(count: int = 400) -> list[str]:
    return [f"{100 + step:.4f}" for step in np.cumsum(np.random.default_rng(0).standard_normal(count))]


def with_cell(place: int, text: str) -> list[str]:
    values = walk()
    values[place] = text
    return values


BAD = [
    (with_cell(15, ""), "Close", "row 17 of column 'Close'", "is empty"),
    (with_cell(15, "n/a"), "Close", "row 17 of column 'Close'", "is 'n/a'"),
    (with_cell(15, "nan"), "Close", "row 17 of column 'Close'", "is 'nan'"),
    (with_cell(15, "1e999"), "Close", "row 17 of column 'Close'", "expected a finite number"),
    (with_cell(0, "1_0"), "Close", "row 2 of column 'Close'", "is '1_0'"),
    (walk(), "Clse", "has no column 'Clse'; did you mean 'Close'?", "its columns are 'Date', 'Close'"),
    (["7"] * 400, "Close", "column Close of prices.csv is constant", "7 in every row"),
    (["-1e308", "1e308"] * 200, "Close", "column Close of prices.csv spans more than a float does", "larger unit"),
    (walk(40), "Close", "column Close of prices.csv has 40 rows", "at least 200 are needed"),
    (["7"] * 201 + walk(199), "Close", "column Close of prices.csv is constant from price 1 to 200", ""),
    (walk(250) + ["7"] * 150, "Close", "is constant from price 281 to 320", ""),
]


@pytest.mark.parametrize(("values", "column", "where", "what"), BAD)
def test_bad_columns_are_one_sentence(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    values: list[str],
    column: str,
    where: str,
    what: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "prices.csv", values)
    words = ["prices", "--csv", "prices.csv", "--column", column, "--out", "results"]
    monkeypatch.setattr(sys, "argv", ["rnnlab", *words])
    assert command_line.main() == 2
    captured = capsys.readouterr()
    assert captured.err.startswith("error: ")
    assert captured.err.count("\n") == 1
    assert where in captured.err
    assert what in captured.err
    assert captured.out == ""
    assert not Path("results").exists()


def test_a_file_that_changed_is_another_spec(tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    path.write_text("Close\n" + "\n".join(str(100 + k % 7) for k in range(300)))
    spec = prices.Spec(csv=str(path), column="Close")
    assert prices.Spec(**spec.model_dump()) == spec
    path.write_text("Close\n" + "\n".join(str(100 + k % 5) for k in range(300)))
    assert prices.Spec(csv=str(path), column="Close").sha256 != spec.sha256
    with pytest.raises(ValidationError, match=r"mine\.csv has the SHA-256 [0-9a-f]{64}: expected"):
        prices.Spec(**spec.model_dump())
    with pytest.raises(ValidationError, match="sha256 is given without csv"):
        prices.Spec(sha256=spec.sha256)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "is empty"),
        (b"\n\n", "is empty"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "is not a CSV file, it has zero bytes"),
        (b"PK\x03\x04", "not a CSV file but an Excel workbook"),
        (b"\n<!DOCTYPE html><html>", "not a CSV file but a web page"),
        (b'Close\n1\n"2\n3\n', "is not a CSV file"),
        (b"Close\n", "has 0 rows"),
        (b"Close,Close\n1,2\n", "has 2 columns 'Close': rename all but one"),
        (b"Date,Close\n2020-01-01\n", "row 2 of column 'Close'"),
        (
            b"Updated,Date,Close\n2021-01-01,2020-01-02,1\n2021-01-01,2020-01-01,2\n2021-01-01,2020-01-03,3\n",
            "'Date' of .* are in no",
        ),
        (b"Date,Close\n2020-01-02,1\n2020-01-01,2\n2020-01-03,3\n", "column 'Date' of .* are in no order"),
        (
            b"Date,Close\n2020-01-03,1\nn/a,2\n2020-01-01,3\n",
            "row 3 of column 'Date' of .* is 'n/a', a date that can't be read",
        ),
        (b"Date,Close\n2020-01-03,1\n2020-01-04,2,3\n", "row 3 of column 'Close' .* more cells than the header's 2"),
        (b"Ticker,Close\nABC,1\nABC,2\nXYZ,3\nXYZ,4\n", "several series, .* --where Ticker=ABC"),
        (b"Date,Close\n2020-01-03,1\n2020-01-04,2%\n", "row 3 of column 'Close' .* is '2%'"),
        (b"Date,Close\n2020-01-03,$1\n2020-01-04,$2\n2020-01-05,\xe2\x82\xac2\n", "row 4 .* is '\u20ac2'"),
        (b"Date;Close\n2020-01-03;1.234\n2020-01-04;2.345\n", "two ways, '1.234' as 1.234 or as 1234: .*--decimal"),
        (b'Date,Close\n2020-01-03,"1,234"\n', "two ways, '1,234' as 1.234 or as 1234: .*--decimal"),
        (b"2020-01-03,1\n2020-01-04,2\n", "no column 'Close'; its columns are '2020-01-03', '1'"),
    ],
)
def test_bad_files_are_one_sentence(tmp_path: Path, content: bytes, told: str) -> None:
    (tmp_path / "prices.csv").write_bytes(content)
    with pytest.raises(ValidationError, match=told):
        prices.Spec(csv=str(tmp_path / "prices.csv"), column="Close")


def test_missing_files_and_halves_of_a_choice_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match="can't read the CSV file"):
        prices.Spec(csv=str(tmp_path / "none.csv"), column="Close")
    with pytest.raises(ValidationError, match="can't read the CSV file"):
        prices.Spec(csv=str(tmp_path), column="Close")
    with pytest.raises(ValidationError, match="column is given without csv"):
        prices.Spec(column="Close")
    with pytest.raises(ValidationError, match="drop_missing is given without csv"):
        prices.Spec(drop_missing=True)


@pytest.mark.parametrize(
    ("name", "column", "told"),
    [
        ("msft.csv", "Close", "Close of msft.csv has 65 rows"),
        ("Stocks.csv", "IBM", "rows 5, 9, .* and 125 more of column 'IBM'"),
    ],
)
def test_samples_that_are_too_short_or_have_gaps_are_refused(name: str, column: str, told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        prices.Spec(csv=str(get_sample_data(name, asfileobj=False)), column=column)


def test_files_are_read_oldest_first(tmp_path: Path) -> None:
    newest = read_csv(get_sample_data("msft.csv", asfileobj=False), "Close")
    assert newest.iloc[-1] == 29.96
    values = walk(60)
    path = write(tmp_path / "a.csv", values, ending="\r\n")
    np.testing.assert_array_equal(read_csv(path, "Close"), np.array(values, float))
    days = pd.date_range("2020-01-01", periods=60).strftime("%d/%m/%Y")
    rows = [f"{day}, {value}" for day, value in zip(days, values, strict=True)]
    for order in (rows, rows[::-1]):
        (tmp_path / "b.csv").write_text("\n".join(["\ufeff# downloaded", "", "Date, Close", *order, "", ""]), "utf-8")
        np.testing.assert_array_equal(read_csv(tmp_path / "b.csv", "Close"), np.array(values, float))


def test_the_one_column_of_numbers_needs_no_name(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("Date;Ticker;Schluss\n02.01.2020;ABC;1,5\n03.01.2020;ABC;2,5\n")
    assert read_csv(tmp_path / "a.csv").tolist() == [1.5, 2.5]
    (tmp_path / "a.csv").write_text("2020-01-02,1\n2020-01-03,2\n")
    with pytest.raises(ValueError, match="seems to have no header"):
        read_csv(tmp_path / "a.csv")
    (tmp_path / "a.csv").write_text("Open,Close\n1,2\n")
    with pytest.raises(ValueError, match=r"'Open', 'Close' have numbers .*say which column"):
        read_csv(tmp_path / "a.csv")


def test_rows_are_numbered_as_an_editor_does(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text('Title\n\nDate,Note,Close\n2020-01-02,"two\nlines",1\n\n2020-01-03,x,y\n')
    with pytest.raises(ValueError, match=r"^row 7 of column 'Close' .* is 'y'"):
        read_csv(tmp_path / "a.csv", "Close")


@pytest.mark.parametrize(
    ("how", "error", "told"),
    [
        ({"path": 3}, TypeError, "path is 3"),
        ({"path": "\0"}, ValueError, "expected the name of a file"),
        ({"column": 3}, TypeError, "column is 3"),
        ({"order": "newest"}, ValueError, "order is 'newest': expected 'oldest-first' or 'newest-first'"),
        ({"drop_missing": 1}, TypeError, "drop_missing is 1"),
        ({"where": 3}, TypeError, "where is 3"),
        ({"where": {"Close": 1}}, TypeError, "where is {'Close': 1}"),
        ({"where": "Close"}, ValueError, "where is 'Close': expected Column=value"),
        ({"where": {"Open": "1"}}, ValueError, "has no column 'Open'"),
        ({"where": {"Close": "3"}}, ValueError, "no row of .* has Close '3'; there are '1', '2'"),
        ({"decimal": ";"}, ValueError, "decimal is ';': expected '.' or ','"),
    ],
)
def test_wrong_arguments(tmp_path: Path, how: dict[str, Any], error: Any, told: str) -> None:
    (tmp_path / "a.csv").write_text("Close\n1\n2\n")
    with pytest.raises(error, match=told):
        read_csv(**{"path": tmp_path / "a.csv", "column": "Close", **how})
