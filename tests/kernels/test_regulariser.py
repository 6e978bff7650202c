"""Pascanu's regulariser against complex steps of its equation, at its limits, and a control."""

from typing import Any

import numpy as np
import pytest

import rnnlab as rl
from rnnlab.kernels.regulariser import Regulariser, add_regulariser
from rnnlab.training.run import Backprop
from tests.cells_reference import complex_step_gradients, states
from tests.kernels.test_training import Whole
from tests.reference import relative


def omega(whole: Whole, weight_hh: Any, dh: Any, da: Any) -> Any:
    """Equation 9 over the steps of every sequence, as its authors write it: |dh_t| and da_t are constants."""
    terms = []
    for b, length in enumerate(whole.length):
        for t in range(length):
            v = da[t, b] @ weight_hh
            terms.append((np.sqrt((v * v).sum()) / np.sqrt((dh[t, b] ** 2).sum()) - 1) ** 2)
    return np.mean(terms)


@pytest.mark.parametrize("steps", [1, 5])
def test_regulariser_against_complex_steps(steps: int) -> None:
    """dL/dh_t comes from complex steps too: of the loss by a change of h_t."""
    whole = Whole("rnn", "cross_entropy", steps)
    _, plain = whole.by_kernel()
    _, regularised = whole.by_kernel(Backprop(None, 0.7))
    got = (regularised["weight_hh"] - plain["weight_hh"]) / 0.7
    h = np.concatenate([np.zeros((1, 4, 3)), states(whole.params, whole.x, np.zeros((2, 4, 3)), whole.length)])
    dh = np.array([total_derivative(whole, h, t) for t in range(1, 6)])
    da = (1 - h[1:] ** 2) * dh
    expected = complex_step_gradients(lambda moved: omega(whole, moved, dh, da), whole.params.weight_hh)
    assert relative(got, expected) < 1e-11  # a difference of two gradients
    for name in plain.keys() - {"weight_hh"}:
        np.testing.assert_array_equal(plain[name], regularised[name])
    doubled = complex_step_gradients(lambda moved: omega(whole, moved, dh, 2 * da), whole.params.weight_hh)
    assert relative(got, doubled) > 0.1  # the control


def total_derivative(whole: Whole, h: Any, t: int) -> Any:
    """dL/dh_t (B, H) of the whole loss by way of all later states, from complex steps of h_t."""
    first = 5 - len(whole.target)

    def loss(moved: Any) -> Any:
        rest = np.maximum(whole.length - t, 0)
        later = states(whole.params, whole.x[t:], np.stack([moved, moved]), rest) if t < 5 else np.empty((0, 4, 3))
        path = np.concatenate([h[1:t], moved[None], later])[first:]
        return whole.loss_of(path @ whole.readout.weight.T + whole.readout.bias)

    return complex_step_gradients(loss, h[t])


def test_regulariser_of_a_network_that_keeps_norms_is_zero() -> None:
    """Linear units and an orthogonal matrix: every ratio is 1, so that there is nothing to correct."""
    rng = np.random.default_rng(0)
    params = rl.RNNParams.init(2, 3, rng=rng, scheme="orthogonal")
    da, dloss = np.zeros((5, 4, 3)), rng.standard_normal((1, 4, 3))
    da[-1] = dloss[0]
    for t in range(3, -1, -1):
        da[t] = da[t + 1] @ params.weight_hh
    space = Regulariser(1.0, np.zeros((5, 4, 3)), np.zeros((3, 3)))
    out = np.zeros((3, 3))
    assert add_regulariser(params.weight_hh, da, dloss, np.full(4, 5), space, out) < 1e-28
    assert np.abs(out).max() < 1e-14
    omega = add_regulariser(2 * params.weight_hh, da, dloss, np.full(4, 5), space, out)
    assert omega == pytest.approx(0.2, rel=1e-12)  # (2 - 1)^2 at the last of five steps, where the loss is


@pytest.mark.parametrize("scale", [1e-140, 1e-200, 1e-300])
def test_regulariser_of_a_gradient_that_nearly_vanished(scale: float) -> None:
    """Only the direction of v and the ratio of norms count; their product with |dh| would leave the floats' range."""
    rng, found = np.random.default_rng(3), []
    weight, dloss = 0.5 * rng.standard_normal((3, 3)), rng.standard_normal((1, 1, 3))
    for size in (1.0, scale):
        space, out = Regulariser(1.0, np.zeros((1, 1, 3)), np.zeros((3, 3))), np.zeros((3, 3))
        omega = add_regulariser(weight, size * dloss, dloss, np.ones(1, int), space, out)
        found.append((omega, out))
    assert np.isfinite(found[1][1]).all()
    assert found[1][0] == pytest.approx(1.0, abs=1e-12)  # (|v| / |dh| - 1)^2 for |v| far below |dh|
    assert np.abs(found[1][1]).max() < 10 * np.abs(found[0][1]).max()


def test_regulariser_without_a_gradient_is_silent() -> None:
    space, out = Regulariser(1.0, np.zeros((5, 4, 3)), np.zeros((3, 3))), np.zeros((3, 3))
    zeros = np.zeros((5, 4, 3))
    assert add_regulariser(np.eye(3), zeros, zeros[:1], np.full(4, 5), space, out) == 0
    assert not out.any()
