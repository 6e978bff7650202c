"""Cells of one unit, whose steps are loops of their own: against the same unit beside another that it hears nothing of."""

from typing import Any

import numpy as np
import pytest

import rnnlab as rl
from rnnlab.nonlinearities import CODES

CELLS = (rl.RNNParams, rl.LSTMParams, rl.GRUParams)
CASES = [(cell, name) for cell in CELLS for name in (CODES if cell.cell().nonlinear else ("tanh",))]
LAST_BITS = {np.float64: 1e-13, np.float32: 3e-5}  # of sums over 7 sequences of 12 steps


def beside_another(array: Any, rng: np.random.Generator) -> Any:
    """The unit's weights (G, ...) with those of a second one after every gate's: to and from the other they are 0."""
    other = rng.standard_normal(array.shape).astype(array.dtype)
    pair = np.stack([array, other], axis=1).reshape(2 * len(array), -1)
    return pair[:, 0] if array.ndim == 1 else pair


def apart(weight: Any) -> Any:
    """Recurrent weights (2 G, 1) as (2 G, 2) of two units that do not hear each other."""
    return weight * np.tile(np.eye(2, dtype=weight.dtype), (len(weight) // 2, 1))


@pytest.mark.parametrize("dtype", LAST_BITS)
@pytest.mark.parametrize("batch", [1, 7])
@pytest.mark.parametrize(("cell", "nonlinearity"), CASES)
def test_a_single_unit_is_one_of_two_that_hear_nothing_of_each_other(
    cell: Any, nonlinearity: Any, batch: int, dtype: Any
) -> None:
    rng = np.random.default_rng(3)
    single = cell.init(1, 1, rng=rng, dtype=dtype)
    pair = cell(*(beside_another(array, rng) for array in single))
    pair = pair._replace(weight_hh=apart(pair.weight_hh))
    x = rng.standard_normal((12, batch, 1)).astype(dtype)
    dh = rng.standard_normal((12, batch, 2)).astype(dtype) * np.array([1, 0], dtype)
    one, two = (rl.forward(params, x, nonlinearity=nonlinearity) for params in (single, pair))
    np.testing.assert_allclose(one.h, two.h[..., :1], rtol=LAST_BITS[dtype], atol=LAST_BITS[dtype])
    assert abs(one.h - two.h[..., 1:]).max() > 0.01
    found, wanted = rl.backward(one, np.ascontiguousarray(dh[..., :1])), rl.backward(two, dh)
    assert abs(found.x).max() > 0.01
    np.testing.assert_allclose(found.x, wanted.x, rtol=0, atol=LAST_BITS[dtype])
    for mine, theirs in zip(found.params, wanted.params, strict=True):
        np.testing.assert_allclose(
            mine.ravel(), theirs[::2].reshape(len(mine), -1)[:, 0], rtol=0, atol=LAST_BITS[dtype]
        )
