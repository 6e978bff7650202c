"""Prices: nothing of the future is learnt from, errors are those of another computation, bad files get one sentence."""

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.cbook import get_sample_data
from pydantic import ValidationError

import rnnlab as rl
from rnnlab.experiments import __main__ as command_line
from rnnlab.experiments import _csv, _prices_figures, _prices_series, _run, prices

SMALL = {"cells": "rnn,gru", "seq_len": "3,8", "folds": 3, "seeds": 1, "hidden_size": 8, "updates": 300}


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    return _run.normal_form(prices.measure(prices.Spec(**SMALL)))


def skills(table: pd.DataFrame, series: str) -> pd.DataFrame:
    return table[(table["part"] == "skill") & (table["series"] == series)]


def test_parts_are_reproducible_in_any_order(table: pd.DataFrame) -> None:
    def backwards(function: Callable[..., pd.DataFrame], items: list[prices.Part]) -> list[pd.DataFrame]:
        return [function(item) for item in items[::-1]][::-1]

    again = _run.normal_form(prices.measure(prices.Spec(**SMALL), backwards))
    pd.testing.assert_frame_equal(table, again, check_exact=True)


def test_the_walk_tests_every_day_of_the_second_half_once() -> None:
    edges = prices.edges_of(1047, 5)
    assert edges[0] == 523
    assert edges[-1] == 1047
    assert max(np.diff(edges)) - min(np.diff(edges)) <= 1


def test_nothing_of_the_tested_days_is_learnt() -> None:
    spec = prices.Spec(**SMALL)
    series = prices.real_prices(spec)
    changed = series._replace(prices=series.prices.copy())
    start = prices.edges_of(series.prices.size, spec.folds)[1]
    changed.prices[start:] = 1e4 * np.sin(np.arange(series.prices.size - start))
    models = []
    for one in (series, changed):
        fold = prices.fold_of(one.prices, spec.folds, 1)
        assert fold.start == start
        assert fold.scaled[:start].min() == 0
        assert fold.scaled[:start].max() == 1
        models.append(prices.trained(prices.Part(spec, one, 1, "gru", 0), fold.scaled[:start]).model)
    for array, other in zip(models[0].params, models[1].params, strict=True):
        np.testing.assert_array_equal(array, other)


def test_errors_of_persistence_and_network_agree_with_loops() -> None:
    values = np.cumsum(np.random.default_rng(3).standard_normal(200))
    rng = np.random.default_rng(0)
    model = rl.Model(rl.GRUParams.init(1, 4, rng=rng), rl.Readout.init(4, 1, rng=rng))
    fold = prices.fold_of(values, 4, 2)
    found = prices.tested(model, fold, 6)
    scaled = (values - values[:150].min()) / np.ptp(values[:150])
    today = [scaled[day] - scaled[day - 1] for day in range(150, 175)]
    shown = {day: scaled[day - 6 : day, None] - scaled[day - 1] for day in range(150, 175)}
    told = [scaled[day] - scaled[day - 1] - rl.predict(model, x)[-1, 0] for day, x in shown.items()]
    assert found["days"] == 25
    assert found["mse_persistence"] == pytest.approx(np.mean(np.square(today)), rel=1e-12)
    assert found["mse"] == pytest.approx(np.mean(np.square(told)), rel=1e-12)
    assert found["skill"] == pytest.approx(1 - found["mse"] / found["mse_persistence"], rel=1e-12)
    assert found["outside"] == sum(not 0 <= scaled[day] <= 1 for day in range(150, 175))


def test_days_are_in_the_unit_of_the_file(table: pd.DataFrame) -> None:
    real = prices.real_prices(prices.Spec()).prices
    days = table[table["part"] == "day"]
    np.testing.assert_allclose(days["price"], real[days["day"].astype(int)], rtol=1e-12)
    assert (days.groupby("cell")["day"].nunique() == real.size - real.size // 2).all()


def test_the_oscillation_is_learnt_and_the_random_walk_is_not(table: pd.DataFrame) -> None:
    found = _prices_figures.intervals(skills(table, "oscillation"), ["cell"])
    assert found["mean"].min() > _prices_series.skill_from_today()
    assert _prices_figures.winners(skills(table, "random walk")) == []
    assert _prices_figures.winners(skills(table, "prices")) == []


def test_days_in_any_order_show_no_skill() -> None:
    spec = prices.Spec(**SMALL)
    shuffled = np.random.default_rng(0).permutation(np.random.default_rng(1).standard_normal(600))
    parts = [prices.Part(spec, prices.Series("prices", "shuffled", shuffled), fold, "gru", 0) for fold in range(3)]
    skill = pd.concat([prices.measure_part(part) for part in parts]).query("part == 'skill'")["skill"]
    # of independent values the mean is the best forecast: half of persistence's error, and no network has less
    assert 0.2 < skill.mean() < 0.5 + 4 * 0.5 / np.sqrt(300)


def test_closed_forms_of_the_controls_agree_with_long_ones() -> None:
    walk, trend, cycle = (series.prices for series in _prices_series.controls(200_000))
    assert abs(np.corrcoef(np.diff(walk)[1:], np.diff(walk)[:-1])[0, 1]) < 0.01
    change = np.diff(trend)
    error = change[1:] - np.corrcoef(change[1:], change[:-1])[0, 1] * change[:-1]
    assert _prices_series.skill_from_yesterday() == pytest.approx(1 - error.var() / change.var(), abs=0.01)
    persistence = np.mean(np.diff(cycle) ** 2)
    from_today = np.mean((cycle[1:] - np.corrcoef(cycle[1:], cycle[:-1])[0, 1] * cycle[:-1]) ** 2)
    assert _prices_series.skill_from_today() == pytest.approx(1 - from_today / persistence, abs=0.005)
    assert _prices_series.skill_from_all() == pytest.approx(1 - 1 / persistence, abs=0.005)


def test_the_level_of_prices_is_not_shown() -> None:
    series = np.cumsum(np.random.default_rng(0).standard_normal(100))
    low, high = (prices.changes(part, (3, 7)).draw(np.random.default_rng(1), 50) for part in (series, series + 64))
    for one, other in zip(low, high, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-12)
    at = np.arange(50)
    assert not low.x[low.length - 1, at].any()
    before = low.x[low.length - 2, at, 0]  # yesterday, relative to today
    places = [int(np.argmin(np.abs(np.diff(series) + step))) for step in before]
    np.testing.assert_allclose(low.target[0, :, 0], [series[k + 2] - series[k + 1] for k in places], atol=1e-12)
    assert (low.x[3:, low.length == 3] == 0).all()


def test_intervals_are_over_folds_alone() -> None:
    ratio = {0: 2.0, 1: 0.5, 2: 1.0}
    rows = [{"cell": "rnn", "fold": fold, "seed": seed, "skill": 1 - ratio[fold]} for fold in ratio for seed in (0, 1)]
    found = _prices_figures.intervals(pd.DataFrame(rows), ["cell"]).iloc[0]
    reach = 4.302652729911275 * np.log(2) / np.sqrt(3)  # Student's t of two degrees of freedom at 97.5 %
    assert found["mean"] == pytest.approx(0, abs=1e-12)
    assert found["low"] == pytest.approx(1 - np.exp(reach), rel=1e-9)
    assert found["high"] == pytest.approx(1 - np.exp(-reach), rel=1e-9)


def test_the_verdict_follows_from_the_table(table: pd.DataFrame) -> None:
    rows = skills(table, "prices")
    assert "no network reliably beats" in _prices_figures.verdict(rows)
    noise = 0.01 * rows["fold"]
    assert "better than" in _prices_figures.verdict(rows.assign(skill=0.5 + noise))
    mixed = rows.assign(skill=np.where(rows["cell"] == "gru", 0.2, np.where(noise > 0, 0.9, -0.5)))
    assert "the best of them, gru," in _prices_figures.verdict(mixed.assign(skill=mixed["skill"] + noise))
    claims = prices.checks(table.assign(skill=table["skill"].where(table["series"] != "prices", 0.5)))
    assert not claims["ok"].iloc[1]


def test_checks_hold_and_figures_are_drawn(table: pd.DataFrame) -> None:
    assert prices.checks(table)["ok"].all(), prices.checks(table).to_string()
    assert len(prices.checks(table)) == 3  # too few updates to claim what is learnt
    long = prices.checks(table.assign(updates=1000, skill=np.where(table["series"] == "prices", 0.0, -0.1)))
    assert list(long["ok"]) == [True, True, True, *[False] * 4]
    assert set(prices.draw(table)) == {"skill", "days"}


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
    newest = _csv.read_column(str(get_sample_data("msft.csv", asfileobj=False)), "Close")
    assert newest[-1] == 29.96
    values = walk(60)
    path = write(tmp_path / "a.csv", values, ending="\r\n")
    np.testing.assert_array_equal(_csv.read_column(path, "Close"), np.array(values, float))
    days = pd.date_range("2020-01-01", periods=60).strftime("%d/%m/%Y")
    rows = [f"{day}, {value}" for day, value in zip(days, values, strict=True)]
    for order in (rows, rows[::-1]):
        (tmp_path / "b.csv").write_text("\n".join(["\ufeff# downloaded", "", "Date, Close", *order, "", ""]), "utf-8")
        np.testing.assert_array_equal(_csv.read_column(str(tmp_path / "b.csv"), "Close"), np.array(values, float))


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
        np.testing.assert_array_equal(_csv.read_column(str(tmp_path / "a.csv"), "Close"), [1, 2])


def test_without_dates_the_order_of_the_file_is_kept(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("Open,Close\n9,2\n8,1")
    np.testing.assert_array_equal(_csv.read_column(str(tmp_path / "a.csv"), "Close"), [2, 1])


def test_ones_own_prices_are_reported_on_whatever_comes_out(tmp_path: Path) -> None:
    cycle = np.sin(np.arange(300.0)) + 0.01 * np.random.default_rng(0).standard_normal(300)
    path = write(tmp_path / "own.csv", [repr(float(value)) for value in cycle])
    table = prices.measure(prices.Spec(**{**SMALL, "csv": path, "column": "Close", "cells": "gru"}))
    claims = prices.checks(_run.normal_form(table)).set_index("claim")
    told = next(claim for claim in claims.index if claim.startswith("Close of own.csv"))
    assert 'better than "tomorrow is as today" are gru' in told
    assert claims.loc[told, "measured"] == 1
    assert claims.loc[told, "ok"]
