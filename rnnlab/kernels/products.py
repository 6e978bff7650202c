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
from numba.core.errors import NumbaTypeError
from numba.extending import intrinsic, overload

from rnnlab.kernels._jit import INLINED, inner_kernel, kernel, unaliased_kernel
from rnnlab.kernels.views import as_rows, flat

PANEL, DEPTH = 32, 128  # columns and rows of a block; OpenBLAS takes products of up to 10^6 terms as they lie in memory
NARROW = 64
AT_ONCE = 8


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


def add_product(left: Any, right: Any, out: Any, block: Any) -> None:
    """Add to a block of `out` (G, I) the product of blocks of left^T and right, for left (R, G), right (R, I).

    `block` is the first row and their number, the same of G, and of I.
    """
    row, rows, place, height, column, width = block
    some, others = left[row : row + rows, place : place + height], right[row : row + rows, column : column + width]
    out[place : place + height, column : column + width] += some.T @ others


def times_panel(left: Any, t: int, panels: Any, out: Any, block: Any, added: Any) -> None:
    """Out[:, column : column + width] = left[t][:, row : row + rows] @ the same rows of a panel (`pack`), or added to it.

    `block` is row, rows, column, width; left (T, R, K), panels (K N,), out (R, N), `added` whether.
    """
    row, rows, column, width = block
    start = left.shape[2] * column
    panel = panels[start : start + left.shape[2] * width].reshape(-1, width)[row : row + rows]
    product, place = left[t][:, row : row + rows] @ panel, out[:, column : column + width]
    place[:] = place + product if added else product


def _contiguous(*arrays: Any) -> None:
    """Refuse, while compiling, arrays of which BLAS would read other numbers than those meant."""
    for array in arrays:
        if array.layout != "C" or array.dtype not in _BLAS_KINDS or array.dtype != arrays[0].dtype:
            raise NumbaTypeError(f"got {array}: expected C-contiguous arrays of one floating type")


def _multiply(builder: Any, context: Any, dtype: Any, turned: str, sizes: Any, matrices: Any, beta: Any) -> None:
    """Call BLAS for rows x columns x inner of left, right and out, each the address and the length of its rows."""
    left, right, out = matrices
    character = ir.IntType(8)
    pointer, whole = character.as_pointer(), sizes[0].type
    rows, columns, inner = sizes
    one = cgutils.alloca_once_value(builder, context.get_constant(dtype, 1))
    factor = cgutils.alloca_once_value(builder, beta)
    taken = [character] * 3 + [whole] * 3 + [pointer] * 2 + [whole, pointer, whole] + [pointer] * 2 + [whole]
    gemm = cgutils.get_or_insert_function(builder.module, ir.FunctionType(ir.IntType(32), taken), "numba_xxgemm")
    kind, plain, how = (character(ord(letter)) for letter in (_BLAS_KINDS[dtype], "n", turned))
    one, factor, *data = (builder.bitcast(place, pointer) for place in (one, factor, left[0], right[0], out[0]))
    # BLAS counts by columns, which are our rows: its left factor is our right one
    builder.call(
        gemm,
        [kind, plain, how, columns, rows, inner, one, data[1], right[1], data[0], left[1], factor, data[2], out[1]],
    )


@intrinsic
def _add_product(typingctx, left, right, out, block):  # type: ignore[no-untyped-def]
    _contiguous(left, right, out)

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        left, right, out = (
            context.make_array(kind)(context, builder, value)
            for kind, value in zip(signature.args[:3], args[:3], strict=True)
        )
        row, rows, place, height, column, width = cgutils.unpack_tuple(builder, args[3])
        _, of_left = cgutils.unpack_tuple(builder, left.shape)
        _, of_right = cgutils.unpack_tuple(builder, right.shape)
        matrices = [
            (_entry(builder, array, row, length, first), length)
            for array, row, length, first in (
                (left, row, of_left, place),
                (right, row, of_right, column),
                (out, place, of_right, column),
            )
        ]
        dtype = signature.args[2].dtype
        _multiply(builder, context, dtype, "t", (height, width, rows), matrices, context.get_constant(dtype, 1))
        return context.get_dummy_value()

    return types.void(left, right, out, block), codegen


def _entry(builder: Any, array: Any, row: Any, length: Any, column: Any) -> Any:
    """The address of an entry of a matrix with rows of that length."""
    return builder.gep(array.data, [builder.add(builder.mul(row, length), column)])


@intrinsic
def _times_panel(typingctx, left, t, panels, out, block, added):  # type: ignore[no-untyped-def]
    _contiguous(left, panels, out)

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        left, panels, out = (context.make_array(signature.args[k])(context, builder, args[k]) for k in (0, 2, 3))
        row, rows, column, width = cgutils.unpack_tuple(builder, args[4])
        _, height, inner = cgutils.unpack_tuple(builder, left.shape)
        columns = cgutils.unpack_tuple(builder, out.shape)[1]
        first = (_entry(builder, left, builder.mul(args[1], height), inner, row), inner)
        start = builder.add(builder.mul(column, inner), builder.mul(row, width))
        second = (builder.gep(panels.data, [start]), width)
        third = (builder.gep(out.data, [column]), columns)
        dtype = signature.args[3].dtype
        beta = builder.uitofp(args[5], context.get_value_type(dtype))
        _multiply(builder, context, dtype, "n", (height, width, rows), (first, second, third), beta)
        return context.get_dummy_value()

    return types.void(left, types.intp, panels, out, block, types.boolean), codegen


_BLAS_KINDS = {types.float32: "s", types.float64: "d"}


@overload(add_product)
def _add_product_of(left, right, out, block):  # type: ignore[no-untyped-def]
    return lambda left, right, out, block: _add_product(left, right, out, block)


@overload(times_panel, **INLINED)
def _times_panel_of(left, t, panels, out, block, added):  # type: ignore[no-untyped-def]
    return lambda left, t, panels, out, block, added: _times_panel(left, t, panels, out, block, added)


@kernel
def pack(matrix: Any, panels: Any) -> None:
    """Write the columns of a matrix (K, N) to `panels` (K N,), `PANEL` at a time: each panel is a matrix (K, its width)."""
    rows, columns = matrix.shape
    for first in range(0, columns, PANEL):
        width = min(PANEL, columns - first)
        for r in range(rows):
            for c in range(width):
                panels[first * rows + r * width + c] = matrix[r, first + c]


@inner_kernel
def multiply_packed(left: Any, t: int, panels: Any, out: Any, added: bool) -> None:
    """Out = left[t] @ the matrix of `panels` (K N,), or that added to it, for left (T, R, K), out (R, N).

    BLAS would pack the matrix anew at every step: 76 GFLOP/s at 32 x 256 x 1024, 142 from panels (float32).
    """
    inner, columns = left.shape[2], out.shape[1]
    if panels.size > 4:  # more than one unit's
        for column in range(0, columns, PANEL):
            width = min(PANEL, columns - column)
            for row in range(0, inner, DEPTH):
                block = (row, min(DEPTH, inner - row), column, width)
                times_panel(left, t, panels, out, block, added or row > 0)
    else:
        multiply_few(as_rows(left)[t], panels, flat(out), inner, columns, added)


@unaliased_kernel
def multiply_few(left: Any, matrix: Any, out: Any, inner: int, columns: int, added: bool) -> None:
    """Out = left @ matrix, or that added to it, of few entries: left (R K,), matrix (K N,), out (R N,), K `inner`, N `columns`.

    Where K and N are constants the loop over the rows is vectorised.
    """
    for r in range(out.size // columns):
        for n in range(columns):
            total = left[r * inner] * matrix[n]
            for k in range(1, inner):
                total += left[r * inner + k] * matrix[k * columns + n]
            out[r * columns + n] = out[r * columns + n] + total if added else total


@kernel
def add_weight_gradient(da: Any, inputs: Any, out: Any) -> None:
    """Out += sum over t and b of da[t, b] inputs[t, b]^T: da (T, B, G), inputs (T, B, I), out (G, I).

    In one product, or where `out` is narrow block by block, which OpenBLAS computes without packing its factors: 1.4 times
    as fast at 256 x 256 x 64 and 1.6 times at 256 x 64 x 64 (float32).
    """
    rows = da.shape[0] * da.shape[1]
    if out.size <= 4 and out.shape[1] == 1:  # one unit's: 2 us for 5 at 3200 rows
        out[:, 0] += np.dot(da.reshape((rows, out.shape[0])).T, inputs.reshape(rows))
        return
    left, right = da.reshape((rows, out.shape[0])), inputs.reshape((rows, out.shape[1]))
    (height, width), deep = out.shape, rows
    if width <= NARROW:
        deep, height = DEPTH, NARROW
    for first in range(0, rows, deep):
        for place in range(0, out.shape[0], height):
            block = (first, min(deep, rows - first), place, min(height, out.shape[0] - place), 0, width)
            add_product(left, right, out, block)


@kernel
def weight_gradient(da: Any, inputs: Any, out: Any) -> None:
    """Out = sum over t and b of da[t, b] inputs[t, b]^T."""
    out.fill(0)
    add_weight_gradient(da, inputs, out)


@kernel
def add_bias_gradient(da: Any, out: Any) -> None:
    """Out += sum over t and b of da[t, b]: da (T, B, G), out (G,)."""
    if out.size > 4:
        rows = da.reshape((da.shape[0] * da.shape[1], out.size))
        for r in range(rows.shape[0]):
            for g in range(out.size):
                out[g] += rows[r, g]
    else:
        add_few_biases(flat(da), out)


@kernel
def add_few_biases(da: Any, out: Any) -> None:
    """The same for da (T B G,) of one unit, `AT_ONCE` rows at once: no sum waits for the one before (2 us for 7)."""
    partial = np.zeros(AT_ONCE * out.size, out.dtype)
    rest = da.size // partial.size * partial.size
    for first in range(0, rest, partial.size):
        for k in range(partial.size):
            partial[k] += da[first + k]
    for k in range(partial.size):
        out[k % out.size] += partial[k]
    for k in range(rest, da.size):
        out[k % out.size] += da[k]


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
