"""BLAS's own function, called with addresses: of blocks that lie among other numbers, and with what is there added.

`np.dot` takes whole arrays alone, and overwrites.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir  # type: ignore[import-untyped]
from numba import types
from numba.core import cgutils
from numba.core.errors import NumbaTypeError
from numba.extending import intrinsic, overload

from rnnlab.kernels._jit import INLINED


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
