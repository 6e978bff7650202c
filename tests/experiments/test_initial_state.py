"""The turn from exploding to vanishing: curves against products in 50 digits, the law, claims and their controls."""

import mpmath
import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from rnnlab import laws
from rnnlab.experiments import initial_state

SMALL = initial_state.Spec(w2=2.0, h0=(1e-1, 1e-3, 1e-5), sigma=(1e-4, 1e-6, 1e-8), seq_len=90, seeds=100)


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    return initial_state.measure(SMALL)


def product(w2: float, x: list[float], h0: float) -> list[float]:
    """log10 |dh_t/dh_0| of every t, as the product of slopes."""
    with mpmath.workdps(50):
        h, total, found = mpmath.mpf(h0), mpmath.mpf(1), []
        for value in x:
            h = mpmath.tanh(value + w2 * h)
            total *= w2 * (1 - h**2)
            found.append(float(mpmath.log10(abs(total))))
        return found


def test_curves_are_products_of_slopes() -> None:
    for h0, scale in ((1e-4, 0.0), (0.0, 1e-3)):
        x = scale * np.random.default_rng(0).standard_normal((30, 1))
        rows = initial_state.curves(1.5, x, np.array([h0]))
        exact = product(1.5, [float(value) for value in x[:, 0]], h0)
        np.testing.assert_allclose(rows["log10_gradient"], exact, rtol=0, atol=1e-12)  # 30 steps of rounding
        assert np.abs(rows["log10_gradient"] - np.arange(1, 31) * np.log10(1.5)).max() > 1  # and not W2^t


def test_rows(table: pd.DataFrame) -> None:
    start, noise = (table[table["start"] == name] for name in ("h_0", "noise"))
    assert len(start) == 3 * 90
    assert len(noise) == 3 * 100
    assert sorted(noise[noise["size"] == 1e-6]["seed"]) == list(range(100))
    assert (noise["log10_gradient"] > 3).all()
    assert set(initial_state.draw(table)) == {"turn", "noise"}


def test_claims_hold_and_fail_where_the_other_story_does(table: pd.DataFrame) -> None:
    checks = initial_state.checks(table)
    assert len(checks) == 3 + 1 + 3
    assert checks["verdict"].eq("holds").all()
    folk = table.assign(
        log10_gradient=np.where(table["start"] == "h_0", table["t"] * np.log10(2), table["log10_gradient"])
    )
    assert (initial_state.checks(folk)["verdict"] == "fails").sum() == 3  # no turn, no height, no decay
    fixed = table.assign(t=np.where(table["start"] == "noise", laws.turn(2.0, table["size"]), table["t"]))
    assert (initial_state.checks(fixed)["verdict"] == "fails").sum() == 3  # without spread
    still = table.assign(t=np.where(table["start"] == "noise", table["seed"] % 5, table["t"]))
    assert "fails" in set(initial_state.checks(still)["verdict"])


@pytest.mark.parametrize("wrong", [{"w2": 1.0}, {"h0": 0.0}, {"sigma": 2.0}, {"seeds": 1}, {"seq_len": 5}])
def test_bad_specs_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        initial_state.Spec(**wrong)
