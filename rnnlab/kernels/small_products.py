"""Products of so few numbers that loops take less time than to call BLAS; `products` chooses.

Arrays are C-contiguous, of one floating type, and share no memory.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from rnnlab.kernels._jit import inner_kernel, unaliased_kernel
from rnnlab.kernels.views import flat

FEW = (1, 3, 4)  # gates of a unit, whose loops are unrolled
# entries of a matrix, up to which `multiply_row` won but at 6 x 20 in float32; already for two rows it lost
SMALL = 2**10


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


@unaliased_kernel
def multiply_row(row: Any, matrix: Any, out: Any, added: bool) -> None:
    """Out = row @ matrix, or that added to it: row (K,), matrix (K N,), out (N,). Of 16 x 16 in 15 to 27 ns, BLAS in 45 to 70.

    Eight terms at a time, so that a sum is stored and read again once for them. Places are unsigned, as to ask for a sign
    would stop vectorising.
    """
    columns = np.uintp(out.size)
    if not added:
        out[:] = 0
    for eight in range(row.size // 8):
        for n in range(out.size):
            total = out[n]
            for pair in range(4):
                k = np.uintp(8 * eight + 2 * pair)
                place = k * columns + np.uintp(n)
                total += row[k] * matrix[place] + row[k + np.uintp(1)] * matrix[place + columns]
            out[n] = total
    for rest in range(row.size // 8 * 8, row.size):
        for n in range(out.size):
            out[n] += row[rest] * matrix[np.uintp(rest) * columns + np.uintp(n)]


@unaliased_kernel
def project_number(weight: Any, bias: Any, x: Any, out: Any, gates: int) -> None:
    """`project` for weight (G,), x (N,), out (N G,), G `gates`, a constant where it is to be fast: 1 us for 14 at 3,200 rows."""
    for r in range(x.size):
        for g in range(gates):
            out[r * gates + g] = weight[g] * x[r] + bias[g]


@inner_kernel
def numbers_back(weight: Any, da: Any, dx: Any) -> None:
    """`number_back` of a number of gates that is a constant."""
    if weight.size == 1:
        number_back(weight, da, dx, 1)
    elif weight.size == 3:
        number_back(weight, da, dx, 3)
    else:
        number_back(weight, da, dx, 4)


@unaliased_kernel
def number_back(weight: Any, da: Any, dx: Any, gates: int) -> None:
    """`project_back` for weight (G,), da (N G,), dx (N,), G `gates`: 2 us for 4.5 at 3,200 rows of an LSTM (float64)."""
    for r in range(dx.size):
        total = weight[0] * da[r * gates]
        for g in range(1, gates):
            total += weight[g] * da[r * gates + g]
        dx[r] = total


@inner_kernel
def column_sum(matrix: Any, columns: int) -> Any:
    """The sum of the last column of a matrix (R C,), C `columns`, every other row's apart, as each waits for the one before."""
    size = matrix.size
    total = other = type(matrix[0])(0)
    for end in range(2 * columns, size + 1, 2 * columns):
        other += matrix[end - columns - 1]
        total += matrix[end - 1]
    return total + other if size // columns % 2 == 0 else total + other + matrix[size - 1]


@inner_kernel
def add_number_sums(x: Any, da: Any, sent: Any, dhidden: Any, out: Any) -> None:
    """`add_numbers` of a number of gates that is a constant."""
    if out.bias.size == 1:
        add_numbers(x, da, sent, dhidden, out, 1)
    elif out.bias.size == 3:
        add_numbers(x, da, sent, dhidden, out, 3)
    else:
        add_numbers(x, da, sent, dhidden, out, 4)


@unaliased_kernel
def add_numbers(x: Any, da: Any, sent: Any, dhidden: Any, out: Any, gates: int) -> None:
    """`add_linear_sums` of one unit of one input, all three sums in one loop: 5 us for 11 at 3,200 rows of an LSTM (float64).

    For x and `sent` (N,), da and `dhidden` (N G,), G `gates`; by two rows, so that a sum waits half as often.
    """
    inputs, recurrent, bias = flat(out.weight_ih), flat(out.weight_hh), out.bias
    for r in range(0, x.size - 1, 2):
        for g in range(gates):
            this, other = r * gates + g, (r + 1) * gates + g
            inputs[g] += da[this] * x[r] + da[other] * x[r + 1]
            recurrent[g] += dhidden[this] * sent[r] + dhidden[other] * sent[r + 1]
            bias[g] += da[this] + da[other]
    if x.size % 2:
        for g in range(gates):
            last = (x.size - 1) * gates + g
            inputs[g] += da[last] * x[x.size - 1]
            recurrent[g] += dhidden[last] * sent[x.size - 1]
            bias[g] += da[last]
