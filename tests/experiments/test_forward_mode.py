"""Forward mode: its rows, claims and their controls."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from rnnlab.experiments import forward_mode
from rnnlab.experiments._lab import store

KEPT = Path(__file__).parents[2] / "results/forward-mode"
SMALL = forward_mode.Spec(network="tanh", gain=0.9, hidden_size=(2, 3), seq_len=(4, 9), samples=3, seeds=1)


@pytest.fixture(scope="module")
def kept() -> pd.DataFrame:
    return store.read_table(KEPT)


def test_rows() -> None:
    table = forward_mode.measure(SMALL)
    counts = table["kind"].value_counts()
    assert counts.to_dict() == {
        "truncated": 1 + 2 + 2 * 3,
        "rtrl": 1,
        "uoro": 3,
        "plain": 3,
        "mean": 3,
        "memory BPTT": 4,
        "memory RTRL": 4,
        "memory UORO": 4,
    }
    assert np.isfinite(table["value"]).all()
    assert list(forward_mode.draw(table)) == ["price"]
    assert not forward_mode.checks(table)["claim"].str.contains("variance").any()


def change(rows: pd.DataFrame, kind: str, factor: float) -> pd.DataFrame:
    return rows.assign(value=rows["value"] * np.where(rows["kind"] == kind, factor, 1))


@pytest.mark.parametrize(
    ("kind", "factor", "claim"),
    [
        ("rtrl", 1e7, "RTRL off BPTT"),
        ("mean", 1.5, "standard errors"),
        ("plain", 1.1, "without rescaling over its law"),
        ("uoro", 1.3, "fixed rescalings"),
    ],
)
def test_wrong_numbers_fail_the_checks(kept: pd.DataFrame, kind: str, factor: float, claim: str) -> None:
    checks = forward_mode.checks(change(kept, kind, factor))
    assert not checks[checks["claim"].str.contains(claim)]["verdict"].eq("holds").any()


def test_noise_that_grows_with_t_fails_the_checks(kept: pd.DataFrame) -> None:
    grows = kept.assign(value=kept["value"] * np.where(kept["kind"] == "uoro", kept["seq_len"], 1))
    checks = forward_mode.checks(grows)
    assert not checks[checks["claim"].str.contains("g.2 of UORO grows, last")]["verdict"].eq("holds").any()


@pytest.mark.parametrize("wrong", [{"network": "attention"}, {"gain": 2.0}, {"samples": 1}, {"seq_len": 0}])
def test_wrong_specs_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        forward_mode.Spec(**wrong)
