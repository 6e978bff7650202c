"""Matrix products, one step's and those over all steps at once. Arrays are C-contiguous and of one floating type.

BLAS computes them, but for the few of `small_products`: a call costs 20 to 70 ns.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from rnnlab.kernels._blas import add_product, times_panel
from rnnlab.kernels._jit import inner_kernel, kernel, unaliased_kernel
from rnnlab.kernels.small_products import (
    FEW,
    SMALL,
    add_number_sums,
    column_sum,
    multiply_few,
    multiply_row,
    numbers_back,
    project_number,
)
from rnnlab.kernels.views import as_rows, flat

PANEL, DEPTH = 32, 128  # columns and rows of a block; OpenBLAS takes products of up to 10^6 terms as they lie in memory
NARROW, SIDE = 256, 64  # columns of a narrow gradient of weights, and of its blocks


@inner_kernel
def multiply(left: Any, t: int, right: Any, out: Any) -> None:
    """Out = left[t] @ right, for left (T, R, K), right (K, N), out (R, N)."""
    if right.size > 4:  # more than one unit's
        np.dot(left[t], right, out)
    else:
        multiply_few(as_rows(left)[t], flat(right), flat(out), right.shape[0], right.shape[1], False)


@kernel
def transpose(matrix: Any, out: Any) -> None:
    """Out = matrix.T, for matrix (R, C), out (C, R)."""
    for r in range(matrix.shape[0]):
        for c in range(matrix.shape[1]):
            out[c, r] = matrix[r, c]


@kernel
def project(weight: Any, bias: Any, x: Any, out: Any) -> None:
    """Out[t, b] = weight x[t, b] + bias for all steps in one product: weight (G, I), x (T, B, I), out (T, B, G)."""
    rows = x.shape[0] * x.shape[1]
    flat = out.reshape((rows, weight.shape[0]))
    np.dot(x.reshape((rows, weight.shape[1])), weight.T, flat)
    for r in range(rows):
        for g in range(bias.size):
            flat[r, g] += bias[g]


@inner_kernel
def project_packed(params: Any, x: Any, panels: Any, out: Any, gates: int) -> None:
    """`project` with weight_ih and bias, from `panels` (`pack`) of the transposed weights; a unit has so many `gates`.

    `DEPTH` rows at a time, which fit one block: 1.4 us a row for 1.7 in one product, 64 inputs, 1024 gates (float32).
    """
    if panels.size == gates and params.bias.size == gates:  # one unit's, of one input
        project_number(flat(params.weight_ih), params.bias, flat(x), flat(out), gates)
        return
    (steps, batch, inputs), columns = x.shape, params.bias.size
    rows, left = out.reshape((steps * batch, columns)), x.reshape((steps * batch, inputs))
    for first in range(0, steps * batch, DEPTH):
        some = rows[first : first + DEPTH]
        for r in range(some.shape[0]):
            for g in range(columns):
                some[r, g] = params.bias[g]
        multiply_packed(left[first : first + DEPTH].reshape((1, some.shape[0], inputs)), 0, panels, some, True)


@kernel
def project_back(weight: Any, da: Any, dx: Any) -> None:
    """Dx[t, b] = weight.T da[t, b], in one product: weight (G, I), da (T, B, G), dx (T, B, I) or empty if not wanted."""
    if weight.shape[1] == 1 and weight.size in FEW:
        numbers_back(flat(weight), flat(da), flat(dx))
    elif dx.size > 0:
        rows = dx.shape[0] * dx.shape[1]
        np.dot(da.reshape((rows, weight.shape[0])), weight, dx.reshape((rows, weight.shape[1])))


@kernel
def pack(matrix: Any, panels: Any) -> None:
    """Write the columns of a matrix (K, N) to `panels` (K N,), some at a time: each panel is a matrix (K, its width)."""
    rows, columns = matrix.shape
    widest = width_of(rows)
    for first in range(0, columns, widest):
        width = min(widest, columns - first)
        for r in range(rows):
            for c in range(width):
                panels[first * rows + r * width + c] = matrix[r, first + c]


@inner_kernel
def width_of(rows: int) -> int:
    """How many columns a panel of so many rows has, at most: where they are few, calls cost as much as the products."""
    return 2 * PANEL if 2 * rows <= DEPTH else PANEL


@inner_kernel
def multiply_packed(left: Any, t: int, panels: Any, out: Any, added: bool) -> None:
    """Out = left[t] @ the matrix of `panels` (K N,), or that added to it, for left (T, R, K), out (R, N).

    BLAS would pack the matrix anew at every step: 76 GFLOP/s at 32 x 256 x 1024, 142 from panels (float32).
    """
    inner, columns = left.shape[2], out.shape[1]
    widest = width_of(inner)
    if panels.size <= 4:  # one unit's
        multiply_few(as_rows(left)[t], panels, flat(out), inner, columns, added)
    elif out.shape[0] == 1 and columns <= widest and panels.size <= SMALL:
        multiply_row(left[t, 0], panels, out[0], added)
    else:
        for column in range(0, columns, widest):
            width = min(widest, columns - column)
            for row in range(0, inner, DEPTH):
                block = (row, min(DEPTH, inner - row), column, width)
                times_panel(left, t, panels, out, block, added or row > 0)


@kernel
def add_weight_gradient(da: Any, inputs: Any, out: Any) -> None:
    """Out += sum over t and b of da[t, b] inputs[t, b]^T: da (T, B, G), inputs (T, B, I), out (G, I).

    In one product, or where `out` is narrow block by block, which OpenBLAS computes without packing its factors: 1.3 times
    as fast at 256 x 1024 x 64 and 1.1 times at 256 x 1024 x 256; beyond, the blocks of float64 lose 0.9 (both types).
    """
    rows = da.shape[0] * da.shape[1]
    if out.size <= 4 and out.shape[1] == 1:  # one unit's: 2 us for 5 at 3200 rows
        out[:, 0] += np.dot(da.reshape((rows, out.shape[0])).T, inputs.reshape(rows))
        return
    left, right = da.reshape((rows, out.shape[0])), inputs.reshape((rows, out.shape[1]))
    (height, width), deep = out.shape, rows
    if width <= NARROW:
        deep, height, width = DEPTH, SIDE, SIDE
    for first in range(0, rows, deep):
        for place in range(0, out.shape[0], height):
            for column in range(0, out.shape[1], width):
                high, wide = min(height, out.shape[0] - place), min(width, out.shape[1] - column)
                add_product(left, right, out, (first, min(deep, rows - first), place, high, column, wide))


@kernel
def weight_gradient(da: Any, inputs: Any, out: Any) -> None:
    """Out = sum over t and b of da[t, b] inputs[t, b]^T."""
    out.fill(0)
    add_weight_gradient(da, inputs, out)


@kernel
def add_bias_gradient(da: Any, out: Any) -> None:
    """Out += sum over t and b of da[t, b], or of its last entries, if `out` has fewer: da (T, B, G), out (G,) or shorter."""
    rows = da.shape[0] * da.shape[1]
    columns = da.size // rows
    if out.size == 1:
        out[0] += column_sum(flat(da), columns)
    elif out.size == columns <= 4:  # no number waits for the one before: 3 us for 12 at 3,200 rows
        out += np.dot(da.reshape((rows, columns)).T, np.ones(rows, out.dtype))
    else:
        for end in range(columns, da.size + 1, columns):
            add_row(flat(da)[end - out.size : end], out)


@unaliased_kernel
def add_row(row: Any, out: Any) -> None:
    """Out += row, both (N,)."""
    for g in range(out.size):
        out[g] += row[g]


@kernel
def bias_gradient(da: Any, out: Any) -> None:
    """Out = sum over t and b of da[t, b]."""
    out.fill(0)
    add_bias_gradient(da, out)


@kernel
def add_linear_gradients(params: Any, x: Any, da: Any, sent: Any, dhidden: Any, gradients: Any) -> None:
    """Add to the gradients of weight_ih, weight_hh and bias, write those of x, for weight_ih x + bias and weight_hh sent.

    `da` and `dhidden` (T, B, G) are the loss's derivatives by the two parts of the pre-activations.
    """
    project_back(params.weight_ih, da, gradients.x)
    add_linear_sums(params, x, da, sent, dhidden, gradients)


@kernel
def add_linear_sums(params: Any, x: Any, da: Any, sent: Any, dhidden: Any, gradients: Any) -> None:
    """`add_linear_gradients` of the parameters alone."""
    out = gradients.params
    if out.weight_ih.size == out.weight_hh.size == out.bias.size and out.bias.size in FEW:
        add_number_sums(flat(x), flat(da), flat(sent), flat(dhidden), out)
        return
    add_weight_gradient(da, x, out.weight_ih)
    add_weight_gradient(dhidden, sent, out.weight_hh)
    add_bias_gradient(da, out.bias)
