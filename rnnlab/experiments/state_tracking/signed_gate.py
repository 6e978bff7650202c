"""A minGRU whose factor a step lies between -1 and 1 instead of 0 and 1: a cell of one's own, in no list of rnnlab's.

    z_t = sigmoid(W_z x_t + b_z),   n_t = W_n x_t + b_n,   h_t = (1 - 2 z_t) * h_(t-1) + z_t * n_t

Backwards, with dh = dL/dh_t:

    da^z = dh * (n - 2 h_(t-1)) * z (1 - z),   da^n = dh * z,   dh_(t-1) += (1 - 2 z) * dh

(R. Grazzi et al., Unlocking state-tracking in linear RNNs through negative eigenvalues, ICLR 2025: the abstract's change of
[0, 1] to [-1, 1], here made to the cell of L. Feng et al., Were RNNs all we needed?, 2024, section 3.1.)
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import njit

from rnnlab.kernels import Cell, Shapes, Steps
from rnnlab.kernels.cells import mingru

REACH = 2  # the factor is 1 - REACH z; of a minGRU it is 1 - z


class SignedMinGRUParams(NamedTuple):
    """minGRU with factors -1 .. 1, rows z, n."""

    weight_ih: Any  # (2 H, I)
    bias: Any  # (2 H,)

    @classmethod
    def init(cls, input_size: int, hidden_size: int, *, rng: np.random.Generator) -> SignedMinGRUParams:
        """Draw parameters as those of a minGRU are drawn."""
        return cls(*mingru.MinGRUParams.init(input_size, hidden_size, rng=rng))

    @staticmethod
    def cell() -> Cell:
        """Return the Cell."""
        return CELL


# Kernels that rnnlab compiles with this class in them are not kept on disk, as those with a user's own: what is kept there
# has the digest of the files of rnnlab.kernels, and would not notice an edit of this one.
SignedMinGRUParams.__module__ = "signed_gate"


@njit
def step(_: int, params: Any, tape: Any, work: Any, t: int) -> None:  # noqa: ARG001 - as of all cells
    """From h_t to h_(t+1)."""
    h, gates = tape.h, tape.gates
    for b in range(gates.shape[1]):
        for j in range(gates.shape[3]):
            h[t + 1, b, j] = h[t, b, j] + gates[t, b, 0, j] * (gates[t, b, 1, j] - REACH * h[t, b, j])


@njit
def step_back(params: Any, tape: Any, gradients: Any, work: Any, t: int) -> None:  # noqa: ARG001
    """From dL/dh_(t+1) in `work.now` to row t of `gradients.a`, and to dL/dh_t in `work.now`."""
    h, gates, a, now = tape.h, tape.gates, gradients.a, work.now
    for b in range(gates.shape[1]):
        for j in range(gates.shape[3]):
            dh, z = now[0, b, j], gates[t, b, 0, j]
            a[t, b, 0, j] = dh * (gates[t, b, 1, j] - REACH * h[t, b, j]) * z * (1 - z)
            a[t, b, 1, j] = dh * z
            now[0, b, j] = (1 - REACH * z) * dh


def shapes(t: int, b: int, i: int, h: int) -> Shapes:
    """Those of a minGRU."""
    made = mingru.shapes(t, b, i, h)
    params = SignedMinGRUParams(*made.params)
    return made._replace(params=params, gradients=made.gradients._replace(params=params))


CELL = Cell(
    gates=2,
    states=("h",),
    shapes=shapes,
    forward=mingru.CELL.forward,
    backward=mingru.CELL.backward,
    flow=mingru.CELL.flow,
    steps=Steps(mingru.prepare, step, step_back, mingru.finish),
)
