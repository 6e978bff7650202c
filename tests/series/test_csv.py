"""Prices from somebody's CSV file: what is wrong with it in one sentence, and what order its rows are in."""

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.cbook import get_sample_data
from pydantic import ValidationError

from rnnlab.experiments import prices
from rnnlab.experiments._lab import command_line
from rnnlab.series import csv


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
    (walk(), "Clse", "has no column 'Clse'; did you mean 'Close'?", "its columns are Date, Close"),
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
        (b"\x89PNG\xff\xfe", "is not a CSV file"),
        (b'Close\n1\n"2\n3\n', "is not a CSV file"),
        (b"Close\n", "has 0 rows"),
        (b"Close,Close\n1,2\n", "has 2 columns 'Close': rename all but one"),
        (b"Date,Close\n2020-01-01\n", "row 2 of column 'Close'"),
        (
            b"Updated,Date,Close\n2021-01-01,2020-01-02,1\n2021-01-01,2020-01-01,2\n2021-01-01,2020-01-03,3\n",
            "'Date' of .* are in no",
        ),
        (b"Date,Close\n2020-01-02,1\n2020-01-01,2\n2020-01-03,3\n", "column 'Date' of .* are in no order"),
        (b"Date,Close\n2020-01-03,1\nn/a,2\n2020-01-01,3\n", "row 3 of column 'Date' of .* is 'n/a': expected a date"),
        (b"Date;Close\n2020-01-03;1\n", "are separated by ';': expected commas"),
        ("Date,Close\n2020-01-03,1\n".encode("utf-16"), "is not a CSV file in UTF-8 .*: save it as one"),
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
    with pytest.raises(ValidationError, match="csv is given without column"):
        prices.Spec(csv="prices.csv")


@pytest.mark.parametrize(
    ("name", "column", "told"),
    [("msft.csv", "Close", "Close of msft.csv has 65 rows"), ("Stocks.csv", "IBM", "row 5 of column 'IBM'")],
)
def test_samples_that_are_too_short_or_have_gaps_are_refused(name: str, column: str, told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        prices.Spec(csv=str(get_sample_data(name, asfileobj=False)), column=column)


def test_files_are_read_oldest_first(tmp_path: Path) -> None:
    newest = csv.read_column(str(get_sample_data("msft.csv", asfileobj=False)), "Close")
    assert newest[-1] == 29.96
    values = walk(60)
    path = write(tmp_path / "a.csv", values, ending="\r\n")
    np.testing.assert_array_equal(csv.read_column(path, "Close"), np.array(values, float))
    days = pd.date_range("2020-01-01", periods=60).strftime("%d/%m/%Y")
    rows = [f"{day}, {value}" for day, value in zip(days, values, strict=True)]
    for order in (rows, rows[::-1]):
        (tmp_path / "b.csv").write_text("\n".join(["\ufeff# downloaded", "", "Date, Close", *order, "", ""]), "utf-8")
        np.testing.assert_array_equal(csv.read_column(str(tmp_path / "b.csv"), "Close"), np.array(values, float))


@pytest.mark.parametrize(
    ("header", "first", "second"),
    [
        ("Datum", "02.01.2020", "13.01.2020"),
        ("Period", "2020-01", "2020-02"),
        ("", "2020-01-01", "2020-01-02"),
        ("timestamp", "1577836800", "1577923200"),
        ("Candidate date,Date", "2021-05-02,2020-01-01", "2021-05-01,2020-01-02"),
        ("Ticker,Volume,When", "GOOG,9,2020-01-01", "GOOG,8,2020-01-02"),
    ],
)
def test_the_oldest_comes_first(tmp_path: Path, header: str, first: str, second: str) -> None:
    rows = [f"{first},1", f"{second},2"]
    for order in (rows, rows[::-1]):
        (tmp_path / "a.csv").write_text("\n".join([f"{header},Close", *order]))
        np.testing.assert_array_equal(csv.read_column(str(tmp_path / "a.csv"), "Close"), [1, 2])


def test_without_dates_the_order_of_the_file_is_kept(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("Open,Close\n9,2\n8,1")
    np.testing.assert_array_equal(csv.read_column(str(tmp_path / "a.csv"), "Close"), [2, 1])
