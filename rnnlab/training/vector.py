"""All that is trained as one flat vector, on which a step of gradient descent is one loop."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnlab.kernels.cells.cell import cell_of, leaves_of, with_leaves

Array = NDArray[Any]


def fixed_of(part: Any) -> tuple[str, ...]:
    """The fields that training leaves as they are."""
    cell = cell_of(part)
    return cell.fixed if cell else ()


def flat(*parts: Any) -> Array:
    """The trained arrays of some networks and readouts one after another, (P,)."""
    leaves = [leaf for part in parts for leaf in leaves_of(part)]
    arrays = [getattr(leaf, name).ravel() for leaf in leaves for name in leaf._fields if name not in fixed_of(leaf)]
    return np.concatenate(arrays)


def edges(*parts: Any) -> NDArray[np.int64]:
    """Where each trained array begins in the same vector, and where the last ends, (A + 1,)."""
    leaves = [leaf for part in parts for leaf in leaves_of(part)]
    sizes = [getattr(leaf, name).size for leaf in leaves for name in leaf._fields if name not in fixed_of(leaf)]
    return np.cumsum([0, *sizes])


def views(vector: Array, *parts: Any) -> list[Any]:
    """The same networks and readouts, their trained arrays views of a vector (P,) and the others copies."""
    made, start = [], 0
    for part in parts:
        leaves = []
        for leaf in leaves_of(part):
            size = flat(leaf).size
            leaves.append(leaf_views(vector[start : start + size], leaf))
            start += size
        made.append(with_leaves(part, iter(leaves)))
    return made


def leaf_views(vector: Array, leaf: Any) -> Any:
    """The same NamedTuple, its trained arrays views of a vector and the others copies."""
    arrays, start = [], 0
    for name, array in zip(leaf._fields, leaf, strict=True):
        if name in fixed_of(leaf):
            arrays.append(array.copy())
        else:
            arrays.append(vector[start : start + array.size].reshape(array.shape))
            start += array.size
    return type(leaf)(*arrays)
