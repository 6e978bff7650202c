"""Kernels inside a user's own compiled code, in parallel too."""

from typing import Any

import numba
import numpy as np
import pytest

from rnnlab import kernels


@numba.njit
def my_loss(weights: Any, x: Any, h: Any, slope: Any) -> float:
    kernels.forward(kernels.TANH, weights, x, h, slope)
    return float(np.sum(h[-1] ** 2)) + kernels.sigmoid(0.0)


@numba.njit
def part_of(mantissa: Any, exponent: Any, row: int, first: int, last: int) -> Any:
    return kernels.Scaled(mantissa[row, first:last], exponent[row, first:last])


@numba.njit(parallel=True)
def in_parallel(w: Any, x: Any, mantissa: Any, exponent: Any) -> None:
    """Two halves of the lanes, each in a thread; rows of the results as in kernels.Gradients."""
    half = w.shape[1] // 2
    for k in numba.prange(2):
        a, b = k * half, (k + 1) * half
        out = kernels.Gradients(
            part_of(mantissa, exponent, 0, a, b),
            part_of(mantissa, exponent, 1, a, b),
            part_of(mantissa, exponent, 2, a, b),
            part_of(mantissa, exponent, 3, a, b),
            part_of(mantissa, exponent, 4, a, b),
        )
        weights = kernels.Weights(w[0, a:b], w[1, a:b], w[2, a:b])
        inputs = np.ascontiguousarray(x[:, a:b])
        kernels.last_state_gradients(kernels.TANH, weights, inputs, np.zeros(half), np.full(half, x.shape[0]), out)


def case(lanes: int = 20, steps: int = 30) -> tuple[Any, ...]:
    rng = np.random.default_rng(0)
    out = kernels.Gradients(*[kernels.Scaled(np.empty(lanes), np.empty(lanes, np.int64)) for _ in range(5)])
    return (
        kernels.Weights(*rng.normal(size=(3, lanes))),
        rng.normal(size=(steps, lanes)),
        np.zeros(lanes),
        np.full(lanes, steps),
        out,
    )


def test_called_from_compiled_code() -> None:
    weights, x, *_ = case()
    h, slope = np.zeros((31, 20)), np.empty((30, 20))
    mine = my_loss(weights, x, h, slope)
    again = np.zeros_like(h)
    kernels.forward(kernels.TANH, weights, x, again, np.empty_like(slope))
    np.testing.assert_array_equal(h, again)
    assert mine == pytest.approx(np.sum(again[-1] ** 2) + 0.5, rel=1e-14)


def test_called_in_parallel() -> None:
    weights, x, h0, length, alone = case()
    mantissa, exponent = np.empty((5, h0.size)), np.empty((5, h0.size), np.int64)
    in_parallel(np.array(weights), x, mantissa, exponent)
    kernels.last_state_gradients(kernels.TANH, weights, x, h0, length, alone)
    for row, number in enumerate(alone):
        np.testing.assert_array_equal(mantissa[row], number.mantissa)
        np.testing.assert_array_equal(exponent[row], number.exponent)
