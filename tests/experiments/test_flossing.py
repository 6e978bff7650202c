"""Flossing: the delayed copy written out, budgets, claims and their controls."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from rnnlab.experiments import flossing
from rnnlab.experiments._lab import store
from rnnlab.experiments.flossing import training

KEPT = Path(__file__).parents[2] / "results/flossing"


def test_delayed_copy_asks_for_the_bit_of_so_long_ago() -> None:
    batch = training.task_of("copy", 4).draw(np.random.default_rng(0), 3)
    assert batch.x.shape == (12, 3, 1)
    for t in range(4, 12):
        np.testing.assert_array_equal(2 * batch.target[t - 4] - 1, batch.x[t - 4, :, 0])
    assert len(batch.target) == 8


@pytest.mark.parametrize(
    ("method", "trained", "flossed"),
    [("plain", 500, 0), ("plain-flossed", 400, 100), ("plain-flossed-throughout", 375, 125)],
)
def test_flossing_is_part_of_the_budget(method: training.Method, trained: int, flossed: int) -> None:
    part = training.Part("order", 40, method, 0, 32, 500)
    assert training.flossing_updates(part, trained) == flossed
    assert trained == sum(training.ROUND - training.of_flossing(part, number) for number in range(2))


def test_one_network_is_flossed_and_trained() -> None:
    table = flossing.measure(
        flossing.Spec(method="plain-flossed", copy_delay=(2,), order_seq_len=(10,), hidden_size=8, seeds=1, updates=250)
    )
    assert set(table["task"]) == {"copy", "order"}
    assert (table["start"] < table["drawn"] / 2).all()
    assert (table["updates"] == 250).all()


@pytest.fixture(scope="module")
def kept() -> pd.DataFrame:
    return store.read_table(KEPT)


def verdict(table: pd.DataFrame, claim: str) -> str:
    checks = flossing.checks(table)
    return str(checks.loc[checks["claim"].str.contains(claim, regex=False), "verdict"].iloc[0])


@pytest.mark.parametrize(
    ("column", "as_before", "claim"),
    [("start", "drawn", "plain-flossed: root"), ("start_growth", "drawn_growth", "plain-flossed: ln of a gradient")],
)
def test_claims_fail_where_nothing_was_flossed(kept: pd.DataFrame, column: str, as_before: str, claim: str) -> None:
    assert verdict(kept, claim) == "holds"
    assert verdict(kept.assign(**{column: kept[as_before]}), claim) == "fails"


def test_differences_are_none_where_methods_change_names(kept: pd.DataFrame) -> None:
    claim = "copy: orthogonal leaves fewer answers wrong than plain ("
    assert verdict(kept, claim) == "holds"
    swapped = kept.assign(method=kept["method"].replace({"plain": "orthogonal", "orthogonal": "plain"}))
    assert verdict(swapped, claim) == "fails"
    assert verdict(kept.assign(error=0.1), claim) == "open"


@pytest.mark.parametrize("wrong", [{"updates": 100}, {"order_seq_len": (9,)}, {"hidden_size": 1}, {"method": "relu"}])
def test_bad_specs_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        flossing.Spec(**wrong)


def test_figures_of_methods_that_do_not_floss_say_so(kept: pd.DataFrame) -> None:
    assert set(flossing.draw(kept[kept["method"] == "plain"])) == {"learning", "exponents"}
    assert flossing.figures.exponents_finding(kept[kept["method"] == "plain"]).startswith("no method flosses")
    assert "exponents from" in flossing.figures.exponents_finding(kept)
