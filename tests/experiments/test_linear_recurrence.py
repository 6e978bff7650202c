"""Linear recurrences: a minLSTM written out, claims and their controls; the LRU is in `tests/kernels/test_lru.py`."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError
from scipy.special import expit

import rnnlab as rl
from rnnlab.experiments import linear_recurrence
from rnnlab.experiments._lab import store
from rnnlab.experiments.linear_recurrence import readouts, signals

KEPT = Path(__file__).parents[2] / "results/linear-recurrence"


def test_a_minlstm_is_a_mingru_whose_gate_is_fed_with_both() -> None:
    rng, units = np.random.default_rng(0), 3
    forget, put_in, candidate = rng.standard_normal((3, 8, units))
    h = np.zeros(units)
    for f, i, n in zip(expit(forget), expit(put_in), candidate, strict=True):
        h = f / (f + i) * h + i / (f + i) * n
    gate = np.log(expit(put_in) / expit(forget))
    params = rl.MinGRUParams(np.eye(2 * units), np.zeros(2 * units))
    tape = rl.forward(params, np.concatenate([gate, candidate], axis=1))
    np.testing.assert_allclose(tape.h[-1], h, rtol=1e-13)


def test_gates_have_their_rows() -> None:
    rows = pd.DataFrame(signals.gate_rows(1.0))
    assert sorted(rows["network"]) == ["Mamba", "minGRU", "minLSTM"]


def test_readouts_explain_what_is_there() -> None:
    rng = np.random.default_rng(0)
    states, target = rng.standard_normal((500, 20)), rng.standard_normal(500)
    assert abs(readouts.explained(states, target)) < 4 * np.sqrt(2 * 20) / 500  # nothing, whatever the number of units
    assert readouts.explained(states, states @ np.arange(20.0) + 3) == pytest.approx(1.0)


@pytest.fixture(scope="module")
def kept() -> pd.DataFrame:
    return store.read_table(KEPT)


def failing(table: pd.DataFrame) -> list[str]:
    checks = linear_recurrence.checks(table)
    return checks.loc[~checks["verdict"].eq("holds"), "claim"].tolist()


@pytest.mark.parametrize(
    ("part", "wrong", "claim"),
    [
        ("ring", lambda rows: rows.assign(value=rows["value"] - 0.02), "off|relative error"),
        ("moment", lambda rows: rows.assign(value=rows["value"] / (1 - rows["setting"] ** 2)), "mean square"),
        ("gate", lambda rows: rows.assign(value=rows["value"] + 0.05), "factor|Mamba"),
        ("adding", lambda rows: rows.assign(value=1.0), "LRU"),
        ("parity", lambda rows: rows.assign(value=0.5), "parity"),
        ("recall", lambda rows: rows.assign(value=0.3), "more often"),
        ("recall", lambda rows: rows.assign(gradient=-1.0), "comes back"),
    ],
)
def test_claims_fail_where_another_story_holds(kept: pd.DataFrame, part: str, wrong: object, claim: str) -> None:
    assert not failing(kept)
    here = kept["part"] == part
    table = pd.concat([kept[~here], wrong(kept[here])])  # type: ignore[operator]
    found = failing(table)
    assert found
    assert all(re.search(claim, text) for text in found)


def test_few_trainings_are_drawn_and_claim_nothing(kept: pd.DataFrame) -> None:
    short = kept[(kept["part"] != "recall") | ((kept["steps"] < 1000) & (kept["seed"] == 0))]
    assert not any("recalls" in text for text in linear_recurrence.checks(short)["claim"])
    assert set(linear_recurrence.draw(short)) == {"ring", "selection", "recall"}


@pytest.mark.parametrize("wrong", [{"radius": (1.0,)}, {"bias": (np.nan,)}, {"seq_len": 0}, {"seeds": 0}])
def test_bad_specs_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        linear_recurrence.Spec(**wrong)
