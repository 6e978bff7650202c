"""Truncated BPTT: what it computes, its exactness at k = T, and what must fail."""

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from pydantic import ValidationError

import rnnlab as rl
from rnnlab.experiments import truncation
from rnnlab.experiments._lab import runner, saving
from rnnlab.experiments._lab.looks import PAPER

SMALL = truncation.Spec(gain="0.5,0.9,1.5", hidden_size=16, seq_len=100, seeds=3)
COLUMNS = ["gain", "seed", "k", "relative_bias", "cosine", "log10_flow"]


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    return runner.normal_form(truncation.measure(SMALL))


def network(gain: float = 0.9) -> tuple[rl.Tape, NDArray[np.float64], NDArray[np.float64]]:
    rng = np.random.default_rng(5)
    params = rl.RNNParams.init(1, 6, rng=rng, scheme="orthogonal", gain=gain)
    x = rng.standard_normal((12, 1))
    return rl.forward(params, x, rng.uniform(-1, 1, 6)), x, rng.standard_normal(6)


def naive(tape: rl.Tape, dh: NDArray[np.float64], k: int) -> NDArray[np.float64]:
    """The sum over the last k steps of da_t h_(t-1)^T, written out."""
    total, weight_hh = np.zeros((6, 6)), tape.params.weight_hh
    for t in range(len(tape.h) - 1, len(tape.h) - 1 - k, -1):
        da = dh * (1 - tape.h[t] ** 2)
        total += np.outer(da, tape.h[t - 1])
        dh = weight_hh.T @ da
    return total


@pytest.mark.parametrize("k", [1, 2, 5, 12])
def test_truncated_gradient_is_the_sum_over_the_window(k: int) -> None:
    tape, x, dh = network()
    # sums of 12 terms, in another order
    np.testing.assert_allclose(truncation.truncated_gradient(tape, x, dh, k), naive(tape, dh, k), rtol=0, atol=1e-14)


def test_a_window_as_long_as_the_sequence_or_longer_is_exact() -> None:
    tape, x, dh = network()
    whole = rl.backward(tape, dh).params.weight_hh
    for k in (12, 13, 100):
        np.testing.assert_array_equal(truncation.truncated_gradient(tape, x, dh, k), whole)
    assert not np.array_equal(truncation.truncated_gradient(tape, x, dh, 11), whole)


def test_the_rest_is_what_flows_past_the_window() -> None:
    tape, x, dh = network(1.5)
    whole = rl.backward(tape, dh).params.weight_hh
    past = rl.backward(rl.forward(tape.params, x[8:], tape.h[8]), dh).h0
    rest = rl.backward(rl.forward(tape.params, x[:8], tape.h[0]), past).params.weight_hh
    np.testing.assert_allclose(truncation.truncated_gradient(tape, x, dh, 4) + rest, whole, rtol=0, atol=1e-13)


def test_forgetting_the_state_is_not_truncated_bptt() -> None:
    tape, x, dh = network()
    forgetful = rl.backward(rl.forward(tape.params, x[-2:]), dh).params.weight_hh
    assert np.abs(forgetful - naive(tape, dh, 2)).max() > 1e-2


def test_columns_and_ends(table: pd.DataFrame) -> None:
    assert list(table.columns) == COLUMNS
    assert len(table) == 3 * 3 * 100
    assert (table[table.k == 100].relative_bias == 0).all()
    assert (table[(table.gain == 0.5) & (table.k == 50)].relative_bias < 1e-12).all()  # about 0.5^50


def test_checks_hold(table: pd.DataFrame) -> None:
    checks = truncation.checks(table)
    assert checks.verdict.eq("holds").all()
    assert checks.claim.str.contains("against that of the flow").sum() == 2


@pytest.mark.parametrize(
    ("column", "wrong"),
    [
        ("relative_bias", lambda rows: np.sqrt(rows.relative_bias)),  # half the rate
        ("relative_bias", lambda rows: rows.relative_bias + 1e-15),  # not exact at k = T
        ("cosine", lambda rows: rows.cosine.where(rows.gain > 0.5, 0.0)),  # the smallest gain needs the longest window
        ("log10_flow", lambda rows: 1.1 * rows.log10_flow),
    ],
)
def test_wrong_numbers_fail_the_checks(table: pd.DataFrame, column: str, wrong: object) -> None:
    assert not truncation.checks(table.assign(**{column: wrong})).verdict.eq("holds").all()


@pytest.mark.parametrize("wrong", [{"gain": [0.0]}, {"gain": []}, {"seq_len": 1}, {"seeds": 0}, {"units": 3}])
def test_wrong_specs_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        truncation.Spec(**wrong)


def test_figure_is_drawn_from_the_table_alone(table: pd.DataFrame) -> None:
    one, two = (saving.rendered(truncation.draw(table), PAPER) for _ in range(2))
    assert one["windows.png"] == two["windows.png"]


def test_one_short_network_is_drawn_and_checked() -> None:
    one = truncation.measure(truncation.Spec(gain=0.5, hidden_size=2, seq_len=2, seeds=1))
    assert set(truncation.draw(one)) == {"windows"}
    assert truncation.checks(one).verdict.eq("holds").all()
