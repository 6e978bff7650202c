"""Matrix products, one step's and those over all steps at once. Arrays are C-contiguous and of one floating type.

`np.dot` with an output calls BLAS at a cost of 20 to 40 ns, and our own loops lost four times to it at 32 x 16 x 16; they
win with a single unit alone, where a step is a few products of numbers.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from rnnlab.kernels._jit import inner_kernel, kernel

UNPACKED = 1_000_000  # multiplications up to which OpenBLAS takes its kernels for small matrices
ROWS_AT_ONCE = 100


@inner_kernel
def multiply(left: Any, t: int, right: Any, out: Any) -> None:
    """Out = left[t] @ right, for left (T, R, K), right (K, N), out (R, N)."""
    if right.size > 4:  # more than one unit's
        np.dot(left[t], right, out)
    else:
        for r in range(out.shape[0]):
            for n in range(out.shape[1]):
                total = left[t, r, 0] * right[0, n]
                for k in range(1, right.shape[0]):
                    total += left[t, r, k] * right[k, n]
                out[r, n] = total


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


@kernel
def project_back(weight: Any, da: Any, dx: Any) -> None:
    """Dx[t, b] = weight.T da[t, b], in one product: weight (G, I), da (T, B, G), dx (T, B, I) or empty if not wanted."""
    if dx.size > 0:
        rows = dx.shape[0] * dx.shape[1]
        np.dot(da.reshape((rows, weight.shape[0])), weight, dx.reshape((rows, weight.shape[1])))


@kernel
def weight_gradient(da: Any, inputs: Any, out: Any) -> None:
    """Out = sum over t and b of da[t, b] inputs[t, b]^T: da (T, B, G), inputs (T, B, I), out (G, I).

    In one product, or where `out` is small in one for every hundred rows: OpenBLAS computes products of up to 10^6 terms
    without packing its factors, 1.5 times as fast at 2000 x 50 x 50, 2.9 times at 2000 x 200 x 6.
    """
    rows = da.shape[0] * da.shape[1]
    left, right = da.reshape((rows, out.shape[0])), inputs.reshape((rows, out.shape[1]))
    if rows <= ROWS_AT_ONCE or out.size > UNPACKED // ROWS_AT_ONCE:
        np.dot(left.T, right, out)
        return
    out[:] = 0
    part = np.empty_like(out)
    for first in range(0, rows, ROWS_AT_ONCE):
        last = min(first + ROWS_AT_ONCE, rows)
        np.dot(left[first:last].T, right[first:last], part)
        for g in range(out.shape[0]):
            for i in range(out.shape[1]):
                out[g, i] += part[g, i]


@kernel
def bias_gradient(da: Any, out: Any) -> None:
    """Out = sum over t and b of da[t, b]: da (T, B, G), out (G,)."""
    flat = da.reshape((da.shape[0] * da.shape[1], out.size))
    for g in range(out.size):
        out[g] = 0
    for r in range(flat.shape[0]):
        for g in range(out.size):
            out[g] += flat[r, g]


@kernel
def linear_gradients(params: Any, x: Any, da: Any, sent: Any, dhidden: Any, gradients: Any) -> None:
    """The gradients of weight_ih, weight_hh, bias and x, with pre-activations weight_ih x + bias and weight_hh sent.

    `da` and `dhidden` (T, B, G) are the loss's derivatives by the two parts of the pre-activations.
    """
    project_back(params.weight_ih, da, gradients.x)
    weight_gradient(da, x, gradients.params.weight_ih)
    weight_gradient(dhidden, sent, gradients.params.weight_hh)
    bias_gradient(da, gradients.params.bias)
