"""The plain kernels against complex steps, mpmath and closed forms, with a control that must fail."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from rnnlab import kernels
from tests.reference import complex_step, exact_gradients, last_state

CODES = {"linear": kernels.LINEAR, "relu": kernels.RELU, "tanh": kernels.TANH, "sigmoid": kernels.SIGMOID}
TYPES = [np.float32, np.float64]


def run(name: str, weights: NDArray[Any], x: NDArray[Any], h0: NDArray[Any], length: NDArray[Any]) -> dict[str, Any]:
    """All gradients of each lane's last state by the plain kernels; weights (3, L), x (T, L)."""
    (steps, lanes), kind = x.shape, x.dtype
    h, slope = np.empty((steps + 1, lanes), kind), np.empty((steps, lanes), kind)
    h[0] = h0
    given = kernels.Weights(*weights)
    kernels.forward(CODES[name], given, x, h, slope)
    dh, da = np.zeros_like(h), np.empty_like(slope)
    dh[length, np.arange(lanes)] = 1
    sums = kernels.Weights(*np.zeros((3, lanes), kind))
    kernels.backward(given, x, h, slope, dh, da, sums)
    return {"h": h, "dh": dh, "dx": weights[0] * da, "w1": sums.w1, "w2": sums.w2, "b1": sums.b1}


def case(kind: type, steps: int = 12, lanes: int = 5) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Weights, inputs and initial states; all positive, so that a ReLU is active away from its kink."""
    rng = np.random.default_rng(steps * 100 + lanes)
    positive = (rng.uniform(0.2, 1.1, size) for size in ((3, lanes), (steps, lanes), lanes))
    weights, x, h0 = (values.astype(kind) for values in positive)
    return weights, x, h0


@pytest.mark.parametrize("name", CODES)
@pytest.mark.parametrize("steps", [1, 2, 12])
def test_every_gradient_against_complex_steps(name: str, steps: int) -> None:
    weights, x, h0 = case(np.float64, steps)
    got = run(name, weights, x, h0, np.full(h0.size, steps))
    w1, w2, b1 = weights
    oracles = {
        "w1": complex_step(lambda v: last_state(name, v, w2, b1, x, h0), w1),
        "w2": complex_step(lambda v: last_state(name, w1, v, b1, x, h0), w2),
        "b1": complex_step(lambda v: last_state(name, w1, w2, v, x, h0), b1),
    }
    for gradient, oracle in oracles.items():
        # sums of up to 36 rounded products of positive terms: 1e-13 would do, 1e-12 is the project's promise
        np.testing.assert_allclose(got[gradient], oracle, rtol=1e-12)
    for t in range(steps + 1):
        oracle = complex_step(lambda v: last_state(name, w1, w2, b1, x[t:], v), got["h"][t])  # noqa: B023
        np.testing.assert_allclose(got["dh"][t], oracle, rtol=1e-12)
    for t in range(steps):
        oracle = complex_step(lambda v: last_state(name, w1, w2, b1, [v, *x[t + 1 :]], got["h"][t]), x[t])  # noqa: B023
        np.testing.assert_allclose(got["dx"][t], oracle, rtol=1e-12)


@pytest.mark.parametrize("name", CODES)
@pytest.mark.parametrize("kind", TYPES)
def test_against_mpmath(name: str, kind: type) -> None:
    weights, x, h0 = case(kind, 9, 3)
    got = run(name, weights, x, h0, np.full(3, 9))
    for lane in range(3):
        truth = exact_gradients(name, *weights[:, lane], x[:, lane], float(h0[lane]))
        for gradient in ("w1", "w2", "b1"):
            assert got[gradient][lane] == pytest.approx(float(truth[gradient]), rel=60 * float(np.finfo(kind).eps))
        assert got["dh"][0, lane] == pytest.approx(float(truth["h0"]), rel=60 * float(np.finfo(kind).eps))


def test_dropping_a_term_is_noticed() -> None:
    weights, x, h0 = case(np.float64)
    got = run("tanh", weights, x, h0, np.full(h0.size, 12))
    w1, w2, b1 = weights
    oracle = complex_step(lambda v: last_state("tanh", w1, v, b1, x, h0), w2)
    h, slope = got["h"], np.empty_like(x)
    kernels.forward(CODES["tanh"], kernels.Weights(*weights), x, h.copy(), slope)
    broken = got["dh"][1:] * slope
    without_last = (broken[:-1] * h[:-2]).sum(axis=0)  # the sum over steps with its last term left out
    without_slope = (got["dh"][1:] * h[:-1]).sum(axis=0)  # f'(a) left out
    complete = (broken * h[:-1]).sum(axis=0)
    np.testing.assert_allclose(complete, oracle, rtol=1e-12)
    for wrong in (without_last, without_slope):
        assert (np.abs(wrong / oracle - 1) > 1e-3).all()


def test_powers_are_exact() -> None:
    x, ones = np.zeros((50, 2)), np.ones(2)
    weights = np.array([ones, [2.0, 0.5], 0 * ones])
    got = run("linear", weights, x, ones, np.full(2, 50))
    assert got["dh"][0].tolist() == [1125899906842624.0, 8.881784197001252e-16]
    assert got["dx"][0].tolist() == [2.0**49, 0.5**49]


def test_statland_rules() -> None:
    x = np.array([[0, 0, 1, 1], [0, 0.5, 0.5, 1]])
    weights = np.array([[1.8] * 4, [-0.5] * 4, [0.0] * 4])
    got = run("relu", weights, x, np.zeros(4), np.full(4, 2))
    np.testing.assert_allclose(1.1 * got["h"][-1], [0, 0.99, 0, 0.99], atol=1e-15)


def test_lanes_of_different_lengths_are_independent() -> None:
    weights, x, h0 = case(np.float64, 10, 4)
    length = np.array([10, 3, 1, 7])
    together = run("tanh", weights, x, h0, length)
    for lane, steps in enumerate(length):
        alone = run(
            "tanh",
            weights[:, lane : lane + 1].copy(),
            x[:steps, lane : lane + 1].copy(),
            h0[lane : lane + 1],
            length[lane : lane + 1],
        )
        for gradient in ("w1", "w2", "b1"):
            assert together[gradient][lane] == alone[gradient][0]
        np.testing.assert_array_equal(together["dh"][: steps + 1, lane], alone["dh"][:, 0])
        assert not together["dh"][steps + 1 :, lane].any()


def test_a_loss_on_every_step() -> None:
    weights, x, h0 = case(np.float64, 6, 3)
    h, slope = np.empty((7, 3)), np.empty((6, 3))
    h[0] = h0
    given = kernels.Weights(*weights)
    kernels.forward(kernels.TANH, given, x, h, slope)
    dh = np.ones_like(h)
    kernels.backward(given, x, h, slope, dh, np.empty_like(slope), kernels.Weights(*np.zeros((3, 3))))
    total = sum(complex_step(lambda v, t=t: last_state("tanh", *weights, x[:t], v), h0) for t in range(7))
    np.testing.assert_allclose(dh[0], total, rtol=1e-12)
