"""Prices: nothing of the future is learnt from, errors are those of another computation, bad files get one sentence."""

from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pandas as pd
import pytest

import rnnlab as rl
from rnnlab.experiments import prices
from rnnlab.experiments._lab import runner, saving
from rnnlab.experiments._lab.looks import PAPER
from rnnlab.experiments.prices import controls, figures
from tests.series.test_csv import write

SMALL = {"cells": "rnn,gru", "seq_len": "3,8", "folds": 3, "seeds": 1, "hidden_size": 8, "updates": 300}


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    return runner.normal_form(prices.measure(prices.Spec(**SMALL)))


def skills(table: pd.DataFrame, series: str) -> pd.DataFrame:
    return table[(table["part"] == "skill") & (table["series"] == series)]


def test_parts_are_reproducible_in_any_order(table: pd.DataFrame) -> None:
    def backwards(function: Callable[..., pd.DataFrame], items: list[prices.Part]) -> list[pd.DataFrame]:
        return [function(item) for item in items[::-1]][::-1]

    again = runner.normal_form(prices.measure(prices.Spec(**SMALL), backwards))
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
    found = figures.intervals(skills(table, "oscillation"), ["cell"])
    assert found["mean"].min() > controls.skill_from_today()
    assert figures.winners(skills(table, "random walk")) == []
    assert figures.winners(skills(table, "prices")) == []


def test_days_in_any_order_show_no_skill() -> None:
    spec = prices.Spec(**SMALL)
    shuffled = np.random.default_rng(0).permutation(np.random.default_rng(1).standard_normal(600))
    parts = [prices.Part(spec, prices.Series("prices", "shuffled", shuffled), fold, "gru", 0) for fold in range(3)]
    skill = pd.concat([prices.measure_part(part) for part in parts]).query("part == 'skill'")["skill"]
    # of independent values the mean is the best forecast: half of persistence's error, and no network has less
    assert 0.2 < skill.mean() < 0.5 + 4 * 0.5 / np.sqrt(300)


def test_closed_forms_of_the_controls_agree_with_long_ones() -> None:
    walk, trend, cycle = (series.prices for series in controls.control_series(200_000))
    assert abs(np.corrcoef(np.diff(walk)[1:], np.diff(walk)[:-1])[0, 1]) < 0.01
    change = np.diff(trend)
    error = change[1:] - np.corrcoef(change[1:], change[:-1])[0, 1] * change[:-1]
    assert controls.skill_from_yesterday() == pytest.approx(1 - error.var() / change.var(), abs=0.01)
    persistence = np.mean(np.diff(cycle) ** 2)
    from_today = np.mean((cycle[1:] - np.corrcoef(cycle[1:], cycle[:-1])[0, 1] * cycle[:-1]) ** 2)
    assert controls.skill_from_today() == pytest.approx(1 - from_today / persistence, abs=0.005)
    assert controls.skill_from_all() == pytest.approx(1 - 1 / persistence, abs=0.005)


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
    found = figures.intervals(pd.DataFrame(rows), ["cell"]).iloc[0]
    reach = 4.302652729911275 * np.log(2) / np.sqrt(3)  # Student's t of two degrees of freedom at 97.5 %
    assert found["mean"] == pytest.approx(0, abs=1e-12)
    assert found["low"] == pytest.approx(1 - np.exp(reach), rel=1e-9)
    assert found["high"] == pytest.approx(1 - np.exp(-reach), rel=1e-9)


def test_the_verdict_follows_from_the_table(table: pd.DataFrame) -> None:
    rows = skills(table, "prices")
    assert "no network reliably beats" in figures.verdict(rows)
    noise = 0.01 * rows["fold"]
    assert "better than" in figures.verdict(rows.assign(skill=0.5 + noise))
    mixed = rows.assign(skill=np.where(rows["cell"] == "gru", 0.2, np.where(noise > 0, 0.9, -0.5)))
    assert "the best of them, gru," in figures.verdict(mixed.assign(skill=mixed["skill"] + noise))
    claims = prices.checks(table.assign(skill=table["skill"].where(table["series"] != "prices", 0.5)))
    assert not claims["verdict"].eq("holds").iloc[1]


def test_checks_hold_and_figures_are_drawn(table: pd.DataFrame) -> None:
    assert prices.checks(table)["verdict"].eq("holds").all(), prices.checks(table).to_string()
    assert len(prices.checks(table)) == 3  # too few updates to claim what is learnt
    long = prices.checks(table.assign(updates=1000, skill=np.where(table["series"] == "prices", 0.0, -0.1)))
    assert list(long["verdict"].eq("holds")) == [True, True, True, *[False] * 4]
    assert set(prices.draw(table)) == {"skill", "days"}


@pytest.mark.parametrize(
    "name", ["Price ($) in $", r"$\alpha^{$ of a_b^c.csv", "收盘 \N{SNAKE} \x07", "$" * 200, "x" * 200, "\\$"]
)
def test_any_name_is_drawn(table: pd.DataFrame, name: str) -> None:
    """In letters that the font has: a missing one is a warning, which is an error here."""
    drawn = prices.draw(table.assign(name=table["name"].where(table["series"] != "prices", name)))
    files = saving.rendered(drawn, PAPER)
    title = drawn["skill"].axes[0].get_title()
    assert len(title.replace("\\$", "$")) <= 32
    assert title.replace("\\$", "").count("$") == 0
    ET.fromstring(files["skill.svg"])


def test_ones_own_prices_are_reported_on_whatever_comes_out(tmp_path: Path) -> None:
    cycle = np.sin(np.arange(300.0)) + 0.01 * np.random.default_rng(0).standard_normal(300)
    path = write(tmp_path / "own.csv", [repr(float(value)) for value in cycle])
    table = prices.measure(prices.Spec(**{**SMALL, "csv": path, "column": "Close", "cells": "gru"}))
    table = runner.normal_form(table)
    assert not prices.checks(table)["claim"].str.contains("Close").any()  # nothing is expected of them
    told = prices.draw(table)["skill"].get_suptitle()
    assert told.startswith("Close of own.csv")
    assert 'better than "tomorrow is as today" are gru' in told
