"""Products by BLAS's own function, which takes addresses: against NumPy, block by block, and of contiguous arrays alone."""

from typing import NamedTuple

import numpy as np
import pytest
from numba import config, njit
from numba.core.errors import TypingError

from rnnlab.kernels._blas import add_product
from rnnlab.kernels.cells import RNNParams
from rnnlab.kernels.products import (
    DEPTH,
    PANEL,
    add_bias_gradient,
    add_linear_sums,
    add_weight_gradient,
    multiply_packed,
    pack,
    project,
    project_back,
    project_packed,
)


class Sums(NamedTuple):
    """Gradients, of which these sums are all that is asked."""

    params: RNNParams


ROUNDING = {np.float64: 1e-12, np.float32: 1e-3}  # of sums over 300 terms near 1


@pytest.mark.parametrize("kind", ROUNDING)
@pytest.mark.parametrize("batch", [1, 2])
@pytest.mark.parametrize(
    ("inner", "columns"),
    [(1, 1), (1, 4), (4, 1), (5, 7), (16, 17), (19, 50), (60, 2 * PANEL + 3), (300, PANEL), (130, 2 * PANEL + 3)],
)
def test_a_product_from_panels_is_that_with_the_matrix(kind: type, batch: int, inner: int, columns: int) -> None:
    rng = np.random.default_rng(0)
    left, matrix = (rng.standard_normal(size).astype(kind) for size in ((3, batch, inner), (inner, columns)))
    panels, turned = np.empty((2, matrix.size), kind)
    pack(matrix, panels)
    pack(np.ascontiguousarray(matrix.T).T, turned)
    np.testing.assert_array_equal(panels, turned)
    out = np.full((batch, columns), np.nan, kind)
    multiply_packed(left, 1, panels, out, False)
    np.testing.assert_allclose(out, left[1] @ matrix, rtol=0, atol=ROUNDING[kind])
    multiply_packed(left, 2, panels, out, True)
    np.testing.assert_allclose(out, (left[1] + left[2]) @ matrix, rtol=0, atol=ROUNDING[kind])
    assert abs(out - left[1] @ matrix).max() > 0.01


@pytest.mark.parametrize("kind", ROUNDING)
@pytest.mark.parametrize(("gates", "inputs"), [(1, 1), (4, 1), (3, 2), (2 * PANEL + 3, 8), (300, DEPTH)])
def test_a_projection_from_panels_is_that_in_one_product(kind: type, gates: int, inputs: int) -> None:
    rng = np.random.default_rng(0)
    x, weight, bias = (rng.standard_normal(size).astype(kind) for size in ((90, 3, inputs), (gates, inputs), gates))
    panels, whole, packed = np.empty(weight.size, kind), np.empty((90, 3, gates), kind), np.empty((90, 3, gates), kind)
    pack(weight.T, panels)
    project(weight, bias, x, whole)
    of_a_unit = gates if inputs == 1 else 1
    project_packed(RNNParams(weight, np.empty((1, 1), kind), bias), x, panels, packed, of_a_unit)
    np.testing.assert_allclose(packed, x @ weight.T + bias, rtol=0, atol=ROUNDING[kind])
    np.testing.assert_allclose(packed, whole, rtol=0, atol=ROUNDING[kind])
    assert abs(packed - x @ weight.T).max() > 0.01


@pytest.mark.parametrize("kind", ROUNDING)
@pytest.mark.parametrize(("rows", "gates", "inputs"), [(1, 1, 1), (50, 3, 1), (150, 130, 3), (300, 70, 65)])
def test_a_weight_gradient_is_the_sum_of_outer_products(kind: type, rows: int, gates: int, inputs: int) -> None:
    rng = np.random.default_rng(0)
    da, x = rng.standard_normal((rows, 2, gates)).astype(kind), rng.standard_normal((rows, 2, inputs)).astype(kind)
    out = np.ones((gates, inputs), kind)
    add_weight_gradient(da, x, out)
    np.testing.assert_allclose(out, 1 + np.einsum("tbg,tbi->gi", da, x), rtol=0, atol=ROUNDING[kind])


@pytest.mark.parametrize("kind", ROUNDING)
@pytest.mark.parametrize(("rows", "gates"), [(1, 1), (3, 4), (50, 3), (37, 1), (150, 130)])
def test_a_bias_gradient_is_the_sum(kind: type, rows: int, gates: int) -> None:
    da = np.random.default_rng(0).standard_normal((rows, 2, gates)).astype(kind)
    out = np.ones(gates, kind)
    add_bias_gradient(da, out)
    np.testing.assert_allclose(out, 1 + da.sum((0, 1)), rtol=0, atol=ROUNDING[kind])
    assert abs(out - 1 - da[:, :1].sum((0, 1))).max() > 0.01


@pytest.mark.parametrize("kind", ROUNDING)
@pytest.mark.parametrize(("rows", "gates", "biases"), [(1, 3, 1), (37, 3, 1), (50, 3, 1), (37, 6, 2), (150, 90, 30)])
def test_a_bias_of_the_last_gate_alone_has_its_sum(kind: type, rows: int, gates: int, biases: int) -> None:
    da = np.random.default_rng(0).standard_normal((rows, 1, gates)).astype(kind)
    out = np.ones(biases, kind)
    add_bias_gradient(da, out)
    np.testing.assert_allclose(out, 1 + da[..., -biases:].sum((0, 1)), rtol=0, atol=ROUNDING[kind])
    assert abs(out - 1 - da[..., :biases].sum((0, 1))).max() > 0.01


@pytest.mark.parametrize("kind", ROUNDING)
@pytest.mark.parametrize("rows", [1, 2, 37, 300])
@pytest.mark.parametrize("gates", [1, 3, 4])
def test_the_sums_of_a_single_unit_are_those_of_outer_products(kind: type, rows: int, gates: int) -> None:
    rng = np.random.default_rng(0)
    x, sent = (rng.standard_normal((rows, 1, 1)).astype(kind) for _ in range(2))
    da, dhidden = (rng.standard_normal((rows, 1, gates)).astype(kind) for _ in range(2))
    sums = RNNParams(*(np.ones(size, kind) for size in ((gates, 1), (gates, 1), gates)))
    add_linear_sums(sums, x, da, sent, dhidden, Sums(sums))
    for found, pairs in zip(sums, ((da, x), (dhidden, sent), (da, np.ones_like(x))), strict=True):
        wanted = 1 + np.einsum("tbg,tbi->gi", *pairs).reshape(found.shape)
        np.testing.assert_allclose(found, wanted, rtol=0, atol=ROUNDING[kind])
    assert abs(sums.weight_hh - 1 - np.einsum("tbg,tbi->gi", da, sent)).max() > 0.01
    dx = np.empty_like(x)
    project_back(sums.weight_ih, da, dx)
    np.testing.assert_allclose(dx, da @ sums.weight_ih, rtol=0, atol=ROUNDING[kind] * 10)


@pytest.mark.skipif(bool(config.DISABLE_JIT), reason="interpreted, NumPy takes any array")
@pytest.mark.parametrize("place", range(3))
def test_an_array_with_gaps_is_refused_when_compiled(place: int) -> None:
    arrays = [np.ones((4, 4)) for _ in range(3)]
    arrays[place] = np.ones((4, 8))[:, ::2]

    @njit
    def product(left, right, out):  # type: ignore[no-untyped-def]
        add_product(left, right, out, (0, 4, 0, 4, 0, 4))

    with pytest.raises(TypingError, match="expected C-contiguous arrays"):
        product(*arrays)
    product(*map(np.ascontiguousarray, arrays))
