"""One cell, one batch of sequences and one loss, the product of the last state with a fixed vector."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from rnnlab.experiments.bench.timing import Array
from rnnlab.kernels.cells import CELLS

RECURRENT: dict[str, Any] = {kind.__name__.removesuffix("Params").lower(): kind for kind in CELLS if kind.cell().states}


class Problem(NamedTuple):
    """What is computed, in one floating type: gradients of every parameter, of the inputs and of the initial states."""

    cell: str
    params: Any
    x: Array  # (T, B, I)
    dh: Array  # (B, H): the loss's derivative with respect to the last state


def make_problem(cell: str, kind: str, shape: Sequence[int]) -> Problem:
    """PyTorch's initialisation and standard normal inputs; shape is (T, B, I, H)."""
    steps, batch, inputs, hidden = shape
    rng = np.random.default_rng(0)
    params = RECURRENT[cell].init(inputs, hidden, rng=rng, dtype=kind)
    x, dh = (rng.standard_normal(size).astype(kind) for size in ((steps, batch, inputs), (batch, hidden)))
    return Problem(cell, params, x, dh)


def weights_first(dx: Any, dparams: Any) -> list[Any]:
    """The gradients that are compared: of the inputs and of all matrices."""
    return [dx, *(getattr(dparams, name) for name in ("weight_ih", "weight_hh") if hasattr(dparams, name))]


def named(names: Mapping[str, str], cell: str, library: str) -> str:
    """What a library calls a cell; LookupError if it has none."""
    if cell not in names:
        raise LookupError(f"{library} has no {cell}")
    return names[cell]
