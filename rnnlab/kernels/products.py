"""Matrix products, one step's and those over all steps at once. Arrays are C-contiguous and of one floating type.

`np.dot` with an output calls BLAS at a cost of 20 to 40 ns, and our own loops lost four times to it at 32 x 16 x 16; they
win with a single unit alone, where a step is a few products of numbers.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir  # type: ignore[import-untyped]
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic, overload

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


def add_product(left: Any, right: Any, out: Any) -> None:
    """Out += left^T right, for left (R, G), right (R, I), out (G, I); `np.dot` can't add."""
    out += left.T @ right


@intrinsic
def _add_product(typingctx, left, right, out):  # type: ignore[no-untyped-def]
    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        parts = zip(signature.args, args, strict=True)
        left, right, out = (context.make_array(kind)(context, builder, value) for kind, value in parts)
        (rows, columns), (_, inner) = (cgutils.unpack_tuple(builder, array.shape) for array in (left, right))
        one = cgutils.alloca_once_value(builder, context.get_constant(signature.args[2].dtype, 1))
        character = ir.IntType(8)
        kind, plain, turned = (character(ord(letter)) for letter in (_BLAS_KINDS[signature.args[2].dtype], "n", "t"))
        pointer, whole = character.as_pointer(), rows.type
        one, *data = (builder.bitcast(place, pointer) for place in (one, left.data, right.data, out.data))
        taken = [character] * 3 + [whole] * 3 + [pointer] * 2 + [whole, pointer, whole] + [pointer] * 2 + [whole]
        gemm = cgutils.get_or_insert_function(builder.module, ir.FunctionType(ir.IntType(32), taken), "numba_xxgemm")
        sizes = (inner, columns, rows)  # of BLAS's columns, which are our rows
        builder.call(gemm, [kind, plain, turned, *sizes, one, data[1], inner, data[0], columns, one, data[2], inner])
        return context.get_dummy_value()

    return types.void(left, right, out), codegen


_BLAS_KINDS = {types.float32: "s", types.float64: "d"}


@overload(add_product)
def _add_product_of(left, right, out):  # type: ignore[no-untyped-def]
    return lambda left, right, out: _add_product(left, right, out)


@kernel
def add_weight_gradient(da: Any, inputs: Any, out: Any) -> None:
    """Out += sum over t and b of da[t, b] inputs[t, b]^T: da (T, B, G), inputs (T, B, I), out (G, I).

    In one product, or where `out` is small in one for every hundred rows: OpenBLAS computes products of up to 10^6 terms
    without packing its factors, 1.5 times as fast at 2000 x 50 x 50, 2.9 times at 2000 x 200 x 6.
    """
    rows = da.shape[0] * da.shape[1]
    left, right = da.reshape((rows, out.shape[0])), inputs.reshape((rows, out.shape[1]))
    at_once = ROWS_AT_ONCE if out.size <= UNPACKED // ROWS_AT_ONCE else rows
    for first in range(0, rows, at_once):
        last = min(first + at_once, rows)
        add_product(left[first:last], right[first:last], out)


@kernel
def weight_gradient(da: Any, inputs: Any, out: Any) -> None:
    """Out = sum over t and b of da[t, b] inputs[t, b]^T."""
    out.fill(0)
    add_weight_gradient(da, inputs, out)


@kernel
def add_bias_gradient(da: Any, out: Any) -> None:
    """Out += sum over t and b of da[t, b]: da (T, B, G), out (G,)."""
    flat = da.reshape((da.shape[0] * da.shape[1], out.size))
    for r in range(flat.shape[0]):
        for g in range(out.size):
            out[g] += flat[r, g]


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
    add_weight_gradient(da, x, gradients.params.weight_ih)
    add_weight_gradient(dhidden, sent, gradients.params.weight_hh)
    add_bias_gradient(da, gradients.params.bias)
