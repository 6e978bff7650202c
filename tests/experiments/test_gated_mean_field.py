"""Gated networks: the minimalRNN written out, claims and their controls."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError
from scipy.special import expit

import rnnlab as rl
from rnnlab.experiments import gated_mean_field
from rnnlab.experiments._lab import store
from rnnlab.experiments.gated_mean_field import networks

KEPT = Path(__file__).parents[2] / "results/gated-mean-field"


def test_it_is_the_minimal_rnn() -> None:
    rng, units = np.random.default_rng(0), 3
    weight_hh, weight_ih = rng.standard_normal((units, units)), rng.standard_normal((2 * units, 2))
    x, h = rng.standard_normal((6, 2)), np.zeros(units)
    for row in x:
        gate, candidate = np.split(weight_ih @ row, 2)
        u = expit(weight_hh @ h + gate + 0.5)
        h = u * h + (1 - u) * np.tanh(candidate)
    tape = rl.forward(networks.minimal_rnn(weight_hh, weight_ih, 0.5), x)
    np.testing.assert_allclose(tape.h[-1], h, rtol=1e-13)


def test_weights_drawn_anew_are_those_of_a_loop_written_out() -> None:
    units, steps, gain, bias, rng = 12, 40, 4.0, 1.0, np.random.default_rng(3)
    x, h, jacobians, states = networks.noise(steps, units, rng), np.zeros(units), [], []
    for drive, seen in zip(x[:, :units], np.tanh(x[:, units:]), strict=True):
        weight = networks.recurrent(gain, units, rng)
        u = expit(weight @ h + drive + bias)
        jacobians.append(np.diag(u) + (u * (1 - u) * (h - seen))[:, None] * weight)
        h = u * h + (1 - u) * seen
        states.append(h)
    sizes, g = [], rng.standard_normal(units)
    for jacobian in [*reversed(jacobians), np.eye(units)]:
        sizes.append(np.log(np.linalg.norm(g)))
        g = jacobian.T @ g
    row = networks.untied_row(gain, bias, (units, steps), 3)
    assert row["state"] == pytest.approx(np.mean(np.square(states[steps // 4 :])), rel=1e-12)
    assert row["growth"] == pytest.approx(2 * np.polyfit(range(31), sizes[:31], 1)[0], rel=1e-9)  # 31 of 41 sizes


@pytest.fixture(scope="module")
def kept() -> pd.DataFrame:
    return store.read_table(KEPT)


def failing(table: pd.DataFrame) -> list[str]:
    checks = gated_mean_field.checks(table)
    return checks.loc[~checks["verdict"].eq("holds"), "claim"].tolist()


@pytest.mark.parametrize(
    ("network", "wrong", "claim"),
    [
        ("untied", {"growth": -0.3}, "drawn anew: ln of a squared"),
        ("untied", {"state": 0.1}, "drawn anew: ln of the mean"),
        ("tied", {"exponent": 0.0}, "Lyapunov"),
        ("tied", {"growth": -0.3}, "off ln chi"),
        ("tied", {"state": 0.3}, "mean square of the state over Q"),
        ("trained", {"length": 30.0}, "power"),
    ],
)
def test_claims_fail_where_another_story_holds(
    kept: pd.DataFrame, network: str, wrong: dict[str, float], claim: str
) -> None:
    assert not failing(kept)
    here = kept["network"] == network
    assert any(claim in text for text in failing(pd.concat([kept[~here], kept[here].assign(**wrong)])))


def test_of_few_units_nothing_is_claimed_but_lengths(kept: pd.DataFrame) -> None:
    claims = gated_mean_field.checks(kept.assign(hidden_size=50))["claim"]
    assert not any("weights" in text.partition(":")[0] for text in claims)


@pytest.mark.parametrize("wrong", [{"gain": (0.0,)}, {"bias": (np.inf,)}, {"seq_len": 10}, {"hidden_size": 1}])
def test_bad_specs_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        gated_mean_field.Spec(**wrong)
