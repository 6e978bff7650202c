"""Gradients taken apart: sums, SVDs, closed forms, and the refusals."""

from typing import Any

import numpy as np
import pytest

import rnnlab as rl
from rnnlab import anatomy
from tests.cells_reference import CELLS, RECURRENT

KINDS = [CELLS[name] for name in RECURRENT]
SHARING = [kind for kind in KINDS if kind.cell().share]


def a_run(kind: Any, steps: int = 12) -> rl.Tape:
    rng = np.random.default_rng(4)
    return rl.forward(kind.init(2, 5, rng=rng), rng.standard_normal((steps, 2)))


@pytest.mark.parametrize("kind", SHARING)
def test_shares_sum_to_the_gradient_and_without_one_they_do_not(kind: Any) -> None:
    tape, dh = a_run(kind), np.ones((12, 5))
    shares, total = anatomy.step_gradients(tape, dh), rl.backward(tape, dh).params.weight_hh
    np.testing.assert_allclose(shares.sum(axis=0), total, rtol=1e-11, atol=1e-14)
    assert not np.allclose(shares[:-1].sum(axis=0), total)


@pytest.mark.parametrize("kind", KINDS)
def test_product_of_jacobians_is_the_way_back(kind: Any) -> None:
    tape = a_run(kind)
    product = np.linalg.multi_dot(anatomy.jacobians(tape)[::-1])
    dh = np.random.default_rng(0).standard_normal(5)
    back = rl.backward(tape, dh).h0
    expected = np.concatenate(back) if isinstance(back, tuple) else back
    np.testing.assert_allclose(product[:5].T @ dh, expected, rtol=1e-10, atol=1e-15)


def test_singular_values_against_svd_and_far_beyond() -> None:
    factors = np.random.default_rng(0).standard_normal((5, 4, 4))
    expected = np.log10(np.linalg.svd(np.linalg.multi_dot(factors[::-1]), compute_uv=False))
    np.testing.assert_allclose(anatomy.log10_singular_values(factors), expected, atol=1e-10)
    far = np.repeat(np.diag([2.0, 0.5, 1e-8])[None], 2000, axis=0)
    np.testing.assert_allclose(anatomy.log10_singular_values(far), 2000 * np.log10([2.0, 0.5, 1e-8]), rtol=1e-12)
    lost = np.repeat(np.diag([1.0, 0.0])[None], 3, axis=0)
    np.testing.assert_array_equal(anatomy.log10_singular_values(lost), [0.0, -np.inf])


def test_triangle_of_a_linear_unit() -> None:
    tape = rl.forward(rl.RNNParams([[1.0]], [[0.5]], [0.0]), np.zeros((6, 1)), nonlinearity="linear")
    triangle = anatomy.loss_triangle(tape)
    lag = np.arange(1, 7)[:, None] - np.arange(7)
    np.testing.assert_allclose(triangle[lag >= 0], (lag * np.log10(0.5))[lag >= 0], atol=1e-14)
    assert np.isnan(triangle[lag < 0]).all()


def test_saturation_counts_flat_units() -> None:
    tape = rl.forward(rl.RNNParams([[0.0], [9.0]], np.zeros((2, 2)), [0.0, 0.0]), np.ones((3, 1)))
    np.testing.assert_array_equal(anatomy.saturation(tape), 0.5)


def test_first_nonfinite_step() -> None:
    params = rl.RNNParams([[1.0]], [[10.0]], [0.0])
    explodes = rl.forward(params, np.ones((400, 1)), nonlinearity="linear")
    assert anatomy.first_nonfinite(explodes, [1.0]) == ("forward", 310)  # (10^t - 1) / 9 passes 1.8e308 there
    quiet = rl.forward(params, np.zeros((400, 1)), nonlinearity="linear")
    assert anatomy.first_nonfinite(quiet, [1.0]) == ("backward", 400 - 309)
    assert anatomy.first_nonfinite(rl.forward(params, np.zeros((5, 1))), [1.0]) is None


@pytest.mark.parametrize(
    ("call", "error", "says"),
    [
        (
            lambda: anatomy.jacobians(rl.forward(a_run(rl.RNNParams).params, np.ones((2, 3, 2)))),
            ValueError,
            "of a batch",
        ),
        (lambda: anatomy.jacobians("tape"), TypeError, "expected what forward returned"),
        (lambda: anatomy.saturation(a_run(rl.GRUParams)), TypeError, "expected the vanilla cell's"),
        (lambda: anatomy.loss_triangle(a_run(rl.GRUParams), np.ones(3)), ValueError, r"dh has shape \(3,\)"),
        (lambda: anatomy.log10_singular_values(np.ones((2, 3))), ValueError, "expected 3 dimensions"),
        (lambda: anatomy.log10_singular_values(np.full((2, 3, 3), np.nan)), ValueError, "has the value nan"),
        (lambda: anatomy.log10_singular_values("a"), TypeError, "expected real numbers"),
        (lambda: anatomy.saturation(a_run(rl.RNNParams), limit=np.nan), ValueError, "limit is nan"),
    ],
)
def test_bad_arguments(call: Any, error: Any, says: str) -> None:
    with pytest.raises(error, match=says):
        call()


@pytest.mark.parametrize(("dtype", "far", "most"), [("f8", 64, 958), ("f4", 10, 116)])
def test_a_step_as_large_as_floats_are(dtype: Any, far: int, most: int) -> None:
    """Up to the limit that the documentation names the flow is exact, beyond it the product of Jacobians is."""
    network = [np.array(array, dtype) for array in ([[1.0]], [[2.0**most]], [0.0])]
    tape = rl.forward(rl.RNNParams(*network), np.zeros((3, 1), dtype), nonlinearity="linear")
    flow = rl.gradient_flow(tape, [2.0**far]).log10_norm
    np.testing.assert_allclose(flow, (far + most * np.arange(3, -1, -1)) * np.log10(2), rtol=1e-7)
    assert far + most == np.finfo(dtype).maxexp - 2  # one power of two below the largest
    if dtype == "f8":
        huge = rl.forward(rl.RNNParams([[1.0]], [[1e308]], [0.0]), np.zeros((3, 1)), nonlinearity="linear")
        assert anatomy.log10_singular_values(anatomy.jacobians(huge)) == pytest.approx([924.0], rel=1e-14)
