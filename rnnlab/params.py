"""Parameters behind checks; and the readout.

The classes of parameters stand with their cells, one file each, in `rnnlab.kernels.cells`.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rnnlab._base import initial
from rnnlab._base.checks import numbers, shortened
from rnnlab.kernels.cells import CELLS
from rnnlab.kernels.cells.cell import Cell, cell_of, sizes_of
from rnnlab.nonlinearities import nonlinearity_code

Array = NDArray[Any]


class Readout(NamedTuple):
    """A linear map from states to outputs: y_t = weight h_t + bias."""

    weight: Array  # (O, H)
    bias: Array  # (O,)

    @classmethod
    def init(cls, hidden_size: int, output_size: int, *, rng: np.random.Generator, dtype: Any = np.float64) -> Readout:
        """Draw both uniformly within 1 / sqrt(H), as ``torch.nn.Linear`` does."""
        initial.check(initial.Recipe(rng, "pytorch", 1.0, dtype), hidden_size=hidden_size, output_size=output_size)
        bound = 1 / math.sqrt(hidden_size)
        weight = rng.uniform(-bound, bound, (output_size, hidden_size))
        return cls(weight.astype(dtype), rng.uniform(-bound, bound, output_size).astype(dtype))


def checked_params(params: Any) -> tuple[Cell, Any]:
    """The cell, and parameters of one floating type and consistent shapes."""
    cell = cell_of(params)
    if cell is None:
        known = ", ".join(kind.__name__ for kind in CELLS)
        raise TypeError(f"params is {shortened(params)}: expected one of {known}")
    single = all(getattr(array, "dtype", None) == np.float32 for array in params)
    kind = np.float32 if single else np.float64
    names = [f"params.{name}" for name in params._fields]
    given = type(params)(*(numbers(name, value, (0, 1, 2), kind) for name, value in zip(names, params, strict=True)))
    if given.weight_ih.ndim != 2 or 0 in given.weight_ih.shape:
        raise ValueError(f"params.weight_ih has shape {given.weight_ih.shape}: expected a matrix, gates x inputs")
    if given.weight_ih.shape[0] % cell.gates:
        raise ValueError(
            f"params.weight_ih has shape {given.weight_ih.shape}: "
            f"expected a multiple of {cell.gates} rows, one block a gate"
        )
    same_shapes("params", given, cell.shapes(1, 1, *sizes_of(given)).params)
    return cell, given


def dtype_of(params: Any) -> Any:
    """The one floating type of checked parameters."""
    return params.weight_ih.dtype


def checked_choice(cell: Cell, params: Any, nonlinearity: Any) -> int:
    """The nonlinearity's code; cells without a choice take none but their own, which goes by "tanh"."""
    code = nonlinearity_code(nonlinearity)
    if not cell.nonlinear and nonlinearity != "tanh":
        kind = type(params).__name__
        raise ValueError(f"nonlinearity is {nonlinearity!r}: expected none, a {kind} cell has no choice")
    return code


def same_shapes(owner: str, arrays: Any, shapes: Any) -> None:
    """Refuse arrays that are not of the expected shapes."""
    for name, array, shape in zip(arrays._fields, arrays, shapes, strict=True):
        if np.shape(array) != shape:
            raise ValueError(f"{owner}.{name} has shape {np.shape(array)}: expected {shape}")
