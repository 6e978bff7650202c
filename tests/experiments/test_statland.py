"""StatLand: the four rules, the arithmetic of every copy forward and back, one's own prices, and training."""

import warnings

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from rnnlab.experiments import statland
from rnnlab.experiments._lab import runner


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    return runner.normal_form(statland.measure(statland.Spec(seeds=12, updates=1500)))


def test_the_four_rules(table: pd.DataFrame) -> None:
    told = table[table.target.notna()].set_index("sequence").prediction
    assert told.to_dict() == pytest.approx(statland.RULES, abs=1e-15)


def test_the_explainers_weights_nearly_follow_the_rules() -> None:
    table = statland.measure(statland.Spec(w1=1.8, w3=1.1, updates=1))
    predicted = table.dropna(subset="prediction").set_index("sequence").prediction
    published = {"0 0": 0.0, "0 0.5": 0.99, "1 0.5": 0.0, "1 1": 0.99}
    assert predicted[list(published)].to_dict() == pytest.approx(published, abs=1e-15)


def test_every_copy_adds_up(table: pd.DataFrame) -> None:
    rows = table[table.part == "unrolled"]
    np.testing.assert_array_equal(rows.weighted_input + rows.recurrent_term + rows.bias, rows.pre_activation)
    np.testing.assert_allclose(rows.output, rows.pre_activation.clip(lower=0), rtol=1e-15)
    for _, copies in rows.groupby("sequence"):
        np.testing.assert_array_equal(copies.recurrent_term.iloc[1:], -0.5 * copies.output.iloc[:-1])
        assert copies.recurrent_term.iloc[0] == 0


def nudged(days: list[float], w2: float, h0: float) -> float:
    """The last state of the network by hand, from a first state."""
    for day in days:
        h0 = max(0.0, 2.0 * day + w2 * h0)
    return h0


@pytest.mark.parametrize(("w2", "told"), [(1.5, "times 5.06"), (0.0, "times 0"), (-0.5, "as the ReLU of day 2 is off")])
def test_ones_own_prices_go_forward_and_back(w2: float, told: str) -> None:
    days = [1.0, 0.25, 3.0, 150.0]
    rows = statland.measure(statland.Spec(days=days, w2=w2, updates=1))
    mine = rows[rows.sequence == "1 0.25 3 150"]
    assert mine.output.iloc[-1] == pytest.approx(nudged(days, w2, 0.0))
    np.testing.assert_allclose(mine.gradient, mine.factor[::-1].cumprod()[::-1], rtol=1e-15)
    up, down = (nudged(days, w2, nudge) for nudge in (1e-3, -1e-3))
    assert mine.gradient.iloc[0] == pytest.approx((up - down) / 2e-3, abs=1e-9)
    assert told in statland.finding(rows)
    assert set(statland.draw(rows)) == {"unrolled", "training"}


@pytest.mark.parametrize("days", ["0,0.5", "7", ",".join(["1"] * 60)])
def test_a_rule_one_day_and_many_days_are_unrolled_too(days: str) -> None:
    table = runner.normal_form(statland.measure(statland.Spec(days=days, updates=1)))
    last = table[table.part == "unrolled"].sequence.iloc[-1]
    assert last == days.replace(",", " ")
    assert (table[table.sequence == last].step.diff().dropna() == 1).all()
    statland.draw(table)


def test_training_follows_the_rules(table: pd.DataFrame) -> None:
    last = table[table.part == "training"].groupby("seed").tail(1)
    solved = last[last.solved == 1]
    assert len(solved) >= 1
    for rule, price in statland.RULES.items():
        assert (solved[f"rule {rule}"] - price).abs().max() <= statland.SOLVED


def test_checks_hold_and_fail_for_a_wrong_prediction(table: pd.DataFrame) -> None:
    assert statland.checks(table).verdict.eq("holds").all(), statland.checks(table).to_string()
    wrong = table.assign(prediction=table.prediction + 1e-9)
    assert not statland.checks(wrong).verdict.eq("holds").all()


def test_figures(table: pd.DataFrame) -> None:
    assert set(statland.draw(table)) == {"unrolled", "training"}


@pytest.mark.parametrize(
    "given", [{"seeds": 1, "updates": 1}, {"learning_rate": 1e300}, {"learning_rate": 1e-9}, {"b1": -0.01}, {"w1": 100}]
)
def test_other_settings_make_fewer_claims_and_no_warnings(given: dict[str, float]) -> None:
    with np.errstate(all="warn"), warnings.catch_warnings():
        warnings.simplefilter("error")
        table = runner.normal_form(statland.measure(statland.Spec(**given)))
        checks = statland.checks(table)
        statland.draw(table)
    assert checks.verdict.eq("holds").all()
    assert 0 < len(checks) < 8


def test_another_step_size_is_in_the_table_and_claims_no_training() -> None:
    table = statland.measure(statland.Spec(learning_rate=0.03))
    assert table["learning_rate"].unique() == [0.03]
    assert not list(statland.training_claims(table))
    assert list(statland.training_claims(table.drop(columns="learning_rate")))


@pytest.mark.parametrize("weight", [1e300, -1001.0])
def test_weights_that_could_overflow_are_refused(weight: float) -> None:
    with pytest.raises(ValidationError, match="1000"):
        statland.Spec(w1=weight)
    assert statland.Spec(seeds=10**9).bytes_needed(1) > 2**40
