"""The curse of memory: closed forms, measured moments and what must fail."""

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from rnnlab.experiments import memory
from rnnlab.experiments._lab import runner, saving
from rnnlab.experiments._lab.claims import table_of
from rnnlab.experiments._lab.looks import PAPER
from rnnlab.laws import memory as law

SMALL = memory.Spec(lam="0.5,0.9,0.98,0.99", rho="0,0.9", lanes=1000)
COLUMNS = ["lam", "rho", "normalised", "seq_len", "lanes", "quantity", "mean", "standard_error"]


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    return runner.normal_form(memory.measure(SMALL))


@pytest.mark.parametrize("lam", [0.0, 0.3, 0.9, -0.7])
@pytest.mark.parametrize("rho", [0.0, 0.5, 0.9, -0.5])
def test_closed_forms_are_the_double_sums(lam: float, rho: float) -> None:
    k = np.arange(500)  # 0.9^500 is below 1e-22
    correlation = np.power(rho, np.abs(k[:, None] - k))  # 0^0 = 1
    state = np.power(lam, k)
    gradient = np.concatenate([[0.0], k[1:] * np.power(lam, k[:-1])])  # d/dlambda of lambda^k
    # sums of 250,000 terms that alternate in sign where rho or lambda is negative
    assert law.state_second_moment(lam, rho) == pytest.approx(state @ correlation @ state, rel=1e-12)
    assert law.gradient_second_moment(lam, rho) == pytest.approx(gradient @ correlation @ gradient, rel=1e-12)


def test_inputs_are_stationary_with_the_correlation_asked_for() -> None:
    x = memory.inputs(0.5, 4, 40_000, np.random.default_rng(0))
    measured = x @ x.T / x.shape[1]
    expected = 0.5 ** np.abs(np.subtract.outer(np.arange(4), np.arange(4)))
    assert measured == pytest.approx(expected, abs=0.03)  # four times sqrt(2 / 40,000)


def test_last_state_and_its_gradient() -> None:
    x = np.random.default_rng(1).standard_normal((30, 5))
    h, gradient = memory.last_state(0.8, x)
    h_complex = np.zeros(5, complex)
    for row in x:
        h_complex = (0.8 + 1e-30j) * h_complex + row  # the complex step has no cancellation
    assert h == pytest.approx(h_complex.real, rel=1e-12)
    assert gradient == pytest.approx(h_complex.imag / 1e-30, rel=1e-12)


def test_columns_and_size(table: pd.DataFrame) -> None:
    assert list(table.columns) == COLUMNS
    assert len(table) == 4 * 2 * 2 * 2
    assert table.seq_len.max() == 2000


def test_checks_hold(table: pd.DataFrame) -> None:
    checks = memory.checks(table)
    assert checks.verdict.eq("holds").all()
    assert len(checks) == len(memory.REFERENCE) + len(table) + 4


def test_wrong_inputs_fail_the_checks(table: pd.DataFrame) -> None:
    correlated = table[table.rho == 0.9].assign(rho=0.0)  # held against the law of white inputs
    long = table[table.lam >= 0.9]  # where 1 - lambda^2 is far from 1
    unscaled = long[~long.normalised].assign(normalised=True)
    for wrong in (correlated, unscaled):
        assert not any(claim.verdict == "holds" for claim in memory.row_claims(wrong))
        assert not memory.checks(wrong).verdict.eq("holds").all()


def test_a_term_dropped_from_the_closed_form_fails_the_checks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        memory.law, "gradient_second_moment", lambda lam, rho: (1 + lam**2) / (1 - lam**2) ** 3 + 0 * rho
    )
    claims = table_of(memory.reference_claims())
    wrong = claims.verdict == "fails"
    assert claims.claim[wrong].tolist() == [name for name in claims.claim if "gradient" in name and "rho 0.9" in name]


def test_sequences_too_short_fail_the_checks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "MEMORIES", 1)  # T = 1 / (1 - lambda) steps are too few to be stationary
    short = memory.checks(memory.measure(SMALL))
    failed = short[~short.verdict.eq("holds")].claim
    assert failed.str.contains("gradient").any()
    assert failed.str.contains("state").any()


def test_same_seed_same_table() -> None:
    one = memory.Spec(lam=0.5, rho=0, lanes=100)
    assert memory.measure(one).equals(memory.measure(one))
    assert not memory.measure(one).equals(memory.measure(one.model_copy(update={"seed": 1})))


@pytest.mark.parametrize("wrong", [{"lam": [1.0]}, {"lam": [-0.1]}, {"rho": [1.0]}, {"rho": []}, {"lanes": 1}])
def test_wrong_specs_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        memory.Spec(**wrong)


def test_figure_is_drawn_from_the_table_alone(table: pd.DataFrame) -> None:
    one, two = (saving.rendered(memory.draw(table), PAPER) for _ in range(2))
    assert one["moments.png"] == two["moments.png"]


def test_a_grid_of_one_point_is_drawn() -> None:
    one = memory.measure(memory.Spec(lam=0.0, rho=0, lanes=10))
    assert set(memory.draw(one)) == {"moments"}


def test_moments_are_claimed_of_many_sequences_alone() -> None:
    few = memory.measure(memory.Spec(lanes=2))
    assert len(memory.checks(few)) == len(memory.REFERENCE)
    assert memory.checks(few).verdict.eq("holds").all()
    assert memory.Spec(lanes=10**12).bytes_needed(1) > 2**40
