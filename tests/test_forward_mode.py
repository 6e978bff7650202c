"""Gradients carried forwards: against BPTT, differences, and an average over all signs that there are."""

import itertools
from typing import Any

import numpy as np
import pytest

import rnnlab as rl
from rnnlab.forward_mode import flat, local_derivatives, real_time_gradients, sparse_gradients, unbiased_gradients
from rnnlab.laws.forward_mode import uoro_variance
from tests.cells_reference import CELLS, RECURRENT


class AllSigns(np.random.Generator):
    """Draws, over the samples, every pattern of the signs of some steps once."""

    def __init__(self, steps: int, units: int) -> None:
        super().__init__(np.random.PCG64(0))
        patterns = np.array(list(itertools.product([-1.0, 1.0], repeat=steps * units)))
        self.rows = iter(patterns.reshape(-1, steps, units).swapaxes(0, 1))

    def choice(self, *_: Any, **__: Any) -> Any:
        return next(self.rows)


def tape_of(kind: Any = rl.RNNParams, steps: int = 5, units: int = 3, **more: Any) -> rl.Tape:
    rng = np.random.default_rng(4)
    return rl.forward(kind.init(2, units, rng=rng), rng.standard_normal((steps, 2)), **more)


@pytest.mark.parametrize("kind", [CELLS[name] for name in RECURRENT])
def test_real_time_is_through_time(kind: Any) -> None:
    tape, dh = tape_of(kind), np.random.default_rng(1).standard_normal((5, 3))
    fixed = kind.cell().fixed
    got, expected, cut = (
        real_time_gradients(tape, dh),
        rl.backward(tape, dh).params,
        rl.backward(tape, dh, window=4).params,
    )
    for name in (name for name in kind._fields if name not in fixed):
        pair = getattr(got, name), getattr(expected, name)
        np.testing.assert_allclose(*pair, rtol=1e-12, atol=1e-14)  # five steps of rounding
    assert np.abs(flat(cut) - flat(expected)).max() > 1e-6  # the control: the first step left out


@pytest.mark.parametrize("kind", [CELLS[name] for name in RECURRENT])
def test_sparse_is_through_time_once_all_is_reached(kind: Any) -> None:
    tape, dh = tape_of(kind), np.random.default_rng(1).standard_normal((5, 3))
    expected = flat(rl.backward(tape, dh).params)
    whole, part = (flat(sparse_gradients(tape, dh, reach=n)) for n in (3, 1))
    trained = flat(
        type(tape.params)(*(np.full(np.shape(a), n not in kind.cell().fixed) for n, a in tape.params._asdict().items()))
    )
    np.testing.assert_allclose(whole[trained], expected[trained], rtol=1e-12, atol=1e-14)  # five steps of rounding
    hears_others = np.abs(rl.anatomy.jacobians(tape) * (1 - np.eye(len(local_derivatives_of(tape).state)))).max() > 0
    assert (np.abs(part - expected)[trained].max() > 1e-6) == hears_others


def local_derivatives_of(tape: rl.Tape) -> Any:
    return next(local_derivatives(tape))


def test_sparse_of_a_chain_written_out() -> None:
    """Unit 0 is heard by 1, 1 by 2: what x does to unit 2 two steps later is kept from n = 3 on."""
    params = rl.RNNParams([[1.0], [0.0], [0.0]], [[0.0, 0.0, 0.0], [2.0, 0.0, 0.0], [0.0, 3.0, 0.0]], np.zeros(3))
    tape = rl.forward(params, [[1.0], [0.0], [0.0]], nonlinearity="linear")
    found = [sparse_gradients(tape, [0.0, 0.0, 1.0], reach=n).weight_ih[0, 0] for n in (1, 2, 3, 4)]
    assert found == [0.0, 0.0, 6.0, 6.0]


def test_real_time_is_what_moving_a_weight_does() -> None:
    tape, dh = tape_of(rl.LSTMParams), np.random.default_rng(1).standard_normal(3)
    got, x = real_time_gradients(tape, dh, dh_n=(np.zeros(3), dh)), tape.record.x[:, 0]
    for place in [(0, 0), (4, 2), (7, 1), (11, 2)]:
        ends = []
        for way in (1e-5, -1e-5):
            weights = tape.params.weight_hh.copy()
            weights[place] += way
            run: Any = rl.forward(tape.params._replace(weight_hh=weights), x)
            ends.append(dh @ (run.h[-1] + run.c[-1]))
        assert got.weight_hh[place] == pytest.approx((ends[0] - ends[1]) / 2e-5, abs=1e-8)  # rounding over the step


@pytest.mark.parametrize("rescale", [True, False])
def test_over_all_signs_guesses_have_no_bias_and_the_laws_variance(rescale: bool) -> None:
    """Exact: 64 patterns of the signs of 2 units in 3 steps."""
    tape, v = tape_of(steps=3, units=2), np.array([0.7, -1.2])
    guesses = unbiased_gradients(tape, v, rng=AllSigns(3, 2), samples=64, rescale=rescale)
    rows, exact = (
        np.concatenate([array.reshape(64, -1) for array in guesses], axis=1),
        flat(rl.backward(tape, v).params),
    )
    np.testing.assert_allclose(rows.mean(axis=0), exact, rtol=1e-12, atol=1e-14)
    local = list(local_derivatives(tape))
    by_state = [v]
    for step in local[:0:-1]:
        by_state.append(step.state.T @ by_state[-1])
    of_steps = np.array(by_state[::-1]), np.stack([step.params for step in local])
    laws = {best: uoro_variance(*of_steps, best=best) for best in (True, False)}
    variance = rows.var(axis=0).sum()
    assert laws[True] < laws[False]
    assert (variance == pytest.approx(laws[False], rel=1e-12)) is not rescale


@pytest.mark.parametrize("kind", [rl.RNNParams, rl.LSTMParams])
def test_few_guesses_are_those_of_whole_derivatives(kind: Any) -> None:
    """Two samples of three units go back each by itself; the recursion is written out with the derivatives formed."""
    tape, dh = tape_of(kind), np.random.default_rng(1).standard_normal(3)
    got = unbiased_gradients(tape, dh, rng=np.random.default_rng(7), samples=2, rescale=False)
    local, rng = list(local_derivatives(tape)), np.random.default_rng(7)
    u, w = np.zeros((2, len(local[0].state))), np.zeros((2, local[0].params.shape[1]))
    for step in local:
        signs = rng.choice([-1.0, 1.0], u.shape)
        u, w = u @ step.state.T + signs, w + signs @ step.params
    expected = (u[:, :3] @ dh)[:, None] * w
    rows = np.concatenate([array.reshape(2, -1) for array in got], axis=1)
    np.testing.assert_allclose(rows, expected, rtol=1e-12, atol=1e-14)  # five steps of rounding
    assert np.abs(rows - expected[::-1]).max() > 1e-2  # the control: another sample's


def test_losses_of_every_step_are_guessed_without_bias_too() -> None:
    tape, dh = tape_of(steps=3, units=2), np.random.default_rng(2).standard_normal((3, 2))
    guesses = unbiased_gradients(tape, dh, rng=AllSigns(3, 2), samples=64)
    for got, expected in zip(guesses, rl.backward(tape, dh).params, strict=True):
        np.testing.assert_allclose(got.mean(axis=0), expected, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("length", [0, 1, 3])
def test_a_sequence_that_ends_early(length: int) -> None:
    tape, dh = tape_of(length=length), np.ones((5, 3))
    for loss in (dh, dh[0]):
        got, expected = flat(real_time_gradients(tape, loss)), flat(rl.backward(tape, loss).params)
        np.testing.assert_allclose(got, expected, rtol=1e-12, atol=1e-14)
        np.testing.assert_allclose(flat(sparse_gradients(tape, loss, reach=2)), expected, rtol=1e-12, atol=1e-14)
    guesses = unbiased_gradients(tape, dh[0], rng=np.random.default_rng(0), samples=3)
    assert guesses.weight_hh.shape == (3, 3, 3)
    assert guesses.weight_hh.any() == (length > 1)


def test_what_has_no_such_step_is_refused() -> None:
    stack = rl.Stack((rl.RNNParams.init(2, 3, rng=np.random.default_rng(0)),))
    with pytest.raises(TypeError, match="expected a single cell's"):
        real_time_gradients(rl.forward(stack, np.ones((3, 2))), np.ones(3))
    with pytest.raises(ValueError, match="expected one sequence"):
        local_derivatives(rl.forward(tape_of().params, np.ones((3, 4, 2))))
    with pytest.raises(ValueError, match="reach is 0"):
        sparse_gradients(tape_of(), np.ones(3), reach=0)
    with pytest.raises(ValueError, match="samples is 0"):
        unbiased_gradients(tape_of(), np.ones(3), rng=np.random.default_rng(0), samples=0)
