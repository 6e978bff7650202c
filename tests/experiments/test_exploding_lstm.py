"""Exploding LSTMs: growth against the eigenvalues of a Jacobian that was differenced, the law, claims and their controls."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

import rnnlab as rl
from rnnlab.experiments import exploding_lstm
from rnnlab.experiments._lab import store
from rnnlab.laws import gates

KEPT = Path(__file__).parents[2] / "results/exploding-lstm"
SMALL = exploding_lstm.Spec(forget_bias=(0.0, 2.0), gain=(1.0, 8.0), hidden_size=6, seq_len=48, seeds=1)


def leading_factor(params: rl.LSTMParams) -> float:
    """The largest |eigenvalue| of d(h_1, c_1) / d(h_0, c_0) at rest, by central differences."""
    units, step = params.weight_hh.shape[1], 1e-6
    columns = []
    for direction in np.eye(2 * units) * step:
        ends = [rl.forward(params, np.zeros((1, 1)), np.split(way * direction, 2)) for way in (1, -1)]
        states = [np.concatenate([tape.h[1], np.asarray(tape.c)[1]]) for tape in ends]
        columns.append(np.subtract(*states) / (2 * step))
    return float(np.abs(np.linalg.eigvals(np.array(columns))).max())


def drawn(units: int, gain: float, bias: float) -> rl.LSTMParams:
    rng = np.random.default_rng(5)
    return rl.LSTMParams.init(1, units, rng=rng, scheme="gaussian", gain=gain, forget_bias=bias)


@pytest.mark.parametrize(("gain", "bias"), [(1.0, 0.0), (6.0, 2.0)])
def test_growth_at_rest_is_that_of_the_jacobian(gain: float, bias: float) -> None:
    params = drawn(2, gain, bias)
    found = exploding_lstm.growth_of(params, np.zeros((400, 1)), seed=0)
    assert found["growth"] == pytest.approx(
        np.log(leading_factor(params)), abs=2e-3
    )  # a second direction decays as lag
    assert found["log10_peak"] == pytest.approx(max(0.0, 400 * found["growth"] / np.log(10)), abs=1.0)  # and turns in
    assert np.isnan(found["exponent"])


def test_the_law_is_the_circular_law_of_that_jacobian() -> None:
    """96 units: the largest real part is 0.97 +- 0.07 of the limit (300 Gaussian matrices)."""
    for gain, bias in ((0.5, 3.0), (4.0, 0.0), (2.0, -2.0)):
        expected = np.log(leading_factor(drawn(96, gain, bias)))
        assert gates.log_growth_at_rest(bias, gain) == pytest.approx(expected, abs=0.1)
        assert abs(np.log(1 / (1 + np.exp(-bias))) - expected) > 0.12  # the forget gate alone
    assert gates.log_growth_at_rest(3.0, gates.critical_gain(3.0)) == pytest.approx(0.0, abs=1e-15)
    np.testing.assert_allclose(gates.critical_gain([-2.0, 0.0, 5.0]), 4 / (1 + np.exp([-2.0, 0.0, 5.0])), rtol=1e-15)


def test_rows() -> None:
    table = exploding_lstm.measure(SMALL)
    assert len(table) == 2 * (2 + 1) * 2
    assert table[table["start"] == "chrono"]["forget_bias"].isna().all()
    assert table["exponent"].notna().equals(table["state"] == "driven")
    assert not len(exploding_lstm.checks(table))  # of few units nothing is claimed
    assert set(exploding_lstm.draw(table)) == {"map", "exponent"}


@pytest.fixture(scope="module")
def kept() -> pd.DataFrame:
    return store.read_table(KEPT)


def failing(table: pd.DataFrame) -> set[str]:
    checks = exploding_lstm.checks(table)
    return {claim.partition(":")[0] for claim in checks[checks["verdict"] == "fails"]["claim"]}


def test_claims_fail_where_the_other_story_holds(kept: pd.DataFrame) -> None:
    assert not failing(kept)
    assert "at rest" in failing(
        kept.assign(growth=np.where(kept["state"] == "rest", kept["growth"] + 0.2, kept["growth"]))
    )
    carousel = failing(kept.assign(growth=np.where(kept["state"] == "driven", 0.0, kept["growth"])))
    assert carousel == {"driven", "driven, b = 1, g = 1", "driven, b >= 3, g >= 8"}
    assert "driven" in failing(kept.assign(log10_peak=0.0))
    assert "chrono, at rest" in failing(kept.assign(growth=kept["growth"] + 0.05 * (kept["start"] == "chrono")))
    same = kept.assign(
        growth=kept.groupby(["start", "forget_bias", "gain", "seed"], dropna=False)["growth"].transform("max")
    )
    assert "networks that explode at rest" in failing(same)


@pytest.mark.parametrize("wrong", [{"gain": (0.0,)}, {"forget_bias": (np.inf,)}, {"seq_len": 10}, {"hidden_size": 1}])
def test_bad_specs_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        exploding_lstm.Spec(**wrong)
