"""All that is trained as one flat vector, on which a step of gradient descent is one loop."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnlab.kernels.cells.cell import cell_of

Array = NDArray[Any]


def fixed_of(part: Any) -> tuple[str, ...]:
    """The fields that training leaves as they are."""
    cell = cell_of(part)
    return cell.fixed if cell else ()


def flat(*parts: Any) -> Array:
    """The trained arrays of some NamedTuples one after another, (P,)."""
    arrays = [getattr(part, name).ravel() for part in parts for name in part._fields if name not in fixed_of(part)]
    return np.concatenate(arrays)


def views(vector: Array, *parts: Any) -> list[Any]:
    """The same NamedTuples, their trained arrays views of a vector (P,) and the others copies."""
    made, start = [], 0
    for part in parts:
        arrays = []
        for name, array in zip(part._fields, part, strict=True):
            if name in fixed_of(part):
                arrays.append(array.copy())
            else:
                arrays.append(vector[start : start + array.size].reshape(array.shape))
                start += array.size
        made.append(type(part)(*arrays))
    return made
