"""The minGRU: gate and candidate come from the input alone.

    z_t = sigmoid(W_z x_t + b_z),   n_t = W_n x_t + b_n,   h_t = (1 - z_t) * h_(t-1) + z_t * n_t

Backwards:

    da^z = dh * (n - h_(t-1)) * z (1 - z),   da^n = dh * z,   dh_(t-1) += (1 - z) * dh

so that the factor of a step, 1 - z_t, knows nothing of the state and lies between 0 and 1.

(L. Feng, F. Tung, M. O. Ahmed, Y. Bengio, H. Hajimirsadeghi, Were RNNs all we needed?, 2024, section 3.1.)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from rnnlab._base import initial
from rnnlab._base.initial import Scheme
from rnnlab._base.showing import largest_entry, shows
from rnnlab._base.state_dict import input_layer_of
from rnnlab.kernels._floats import constants_of
from rnnlab.kernels._jit import inner_kernel, kernel
from rnnlab.kernels.activations import sigmoid
from rnnlab.kernels.cells import recurrence
from rnnlab.kernels.cells.cell import Cell, Shapes, Steps
from rnnlab.kernels.products import add_bias_gradient, add_weight_gradient, project, project_back
from rnnlab.kernels.scaling import without_subnormals


@shows(largest_entry)
class MinGRUParams(NamedTuple):
    """minGRU, rows z, n; there are no recurrent weights."""

    weight_ih: Any  # (2 H, I)
    bias: Any  # (2 H,)

    @classmethod
    def init(
        cls,
        input_size: int,
        hidden_size: int,
        *,
        rng: np.random.Generator,
        scheme: Scheme = "pytorch",
        gain: float = 1.0,
        dtype: Any = np.float64,
    ) -> MinGRUParams:
        """Draw parameters, both blocks as `RNNParams.init` draws input weights and biases; `gain` has nothing to scale."""
        made = initial.draw(input_size, hidden_size, 2, initial.Recipe(rng, scheme, gain, dtype))
        return cls(made.weight_ih, made.bias)

    @classmethod
    def from_torch(cls, state: Mapping[str, Any]) -> MinGRUParams:
        """Parameters from a dict of tensors or arrays: weight_ih (2 H, I) and bias_ih, with or without ``_l0``."""
        return cls(*input_layer_of(state, 2))

    def to_torch(self) -> dict[str, Any]:
        """A dict of arrays by PyTorch's names, weight_ih_l0 and bias_ih_l0."""
        return {"weight_ih_l0": np.array(self.weight_ih), "bias_ih_l0": np.array(self.bias)}

    @staticmethod
    def cell() -> Cell:
        """Return the Cell: shapes, states and kernels, all that the package asks of this class of parameters."""
        return CELL


class MinGRUTape(NamedTuple):
    """A run of the cell, with all that its way back needs."""

    x: Any  # (T, B, I): inputs, oldest first; x_t is row t - 1
    h: Any  # (T + 1, B, H): row 0 is set by the caller
    gates: Any  # (T, B, 2, H): z, n
    length: Any  # (B,) int64: each sequence's number of steps, 0 to T


class MinGRUWork(NamedTuple):
    """Work space; `now` holds zeros on entry to the way back."""

    now: Any  # (1, B, H)
    aside: Any  # (1, B, H)


class MinGRUGradients(NamedTuple):
    """Derivatives of the loss."""

    params: MinGRUParams
    x: Any  # (T, B, I), or empty if not wanted
    h0: Any  # (1, B, H)
    a: Any  # (T, B, 2, H): dL/da_t in row t - 1


@kernel
def prepare(params: MinGRUParams, tape: MinGRUTape, work: MinGRUWork) -> None:
    """All gates and candidates, which know nothing of the states."""
    gates = tape.gates
    project(params.weight_ih, params.bias, tape.x, gates)
    for t in range(gates.shape[0]):
        for b in range(gates.shape[1]):
            for j in range(gates.shape[3]):
                gates[t, b, 0, j] = sigmoid(gates[t, b, 0, j])


@inner_kernel
def step(_: int, params: MinGRUParams, tape: MinGRUTape, work: MinGRUWork, t: int) -> None:
    """From h_t to h_(t+1)."""
    h, gates = tape.h, tape.gates
    for b in range(gates.shape[1]):
        for j in range(gates.shape[3]):
            h[t + 1, b, j] = h[t, b, j] + gates[t, b, 0, j] * (gates[t, b, 1, j] - h[t, b, j])


@inner_kernel
def step_back(params: MinGRUParams, tape: MinGRUTape, gradients: MinGRUGradients, work: MinGRUWork, t: int) -> None:
    """From dL/dh_(t+1) in `work.now` to dL/da_(t+1) in row t of `gradients.a`, and to dL/dh_t in `work.now`."""
    h, gates, a, now = tape.h, tape.gates, gradients.a, work.now
    one = constants_of(now[0, 0, 0]).one
    for b in range(gates.shape[1]):
        for j in range(gates.shape[3]):
            now[0, b, j] = without_subnormals(now[0, b, j])
        for j in range(gates.shape[3]):
            z = gates[t, b, 0, j]
            a[t, b, 0, j] = now[0, b, j] * (gates[t, b, 1, j] - h[t, b, j]) * z * (one - z)
        for j in range(gates.shape[3]):
            a[t, b, 1, j] = now[0, b, j] * gates[t, b, 0, j]
        for j in range(gates.shape[3]):
            now[0, b, j] *= one - gates[t, b, 0, j]


@kernel
def finish(params: MinGRUParams, tape: MinGRUTape, gradients: MinGRUGradients) -> None:
    """Add the sums over some steps to the gradients of the parameters, and write those of their inputs."""
    project_back(params.weight_ih, gradients.a, gradients.x)
    add_weight_gradient(gradients.a, tape.x, gradients.params.weight_ih)
    add_bias_gradient(gradients.a, gradients.params.bias)


def shapes(t: int, b: int, i: int, h: int) -> Shapes:
    """The shapes of all arrays, for T steps of B sequences."""
    params = MinGRUParams((2 * h, i), (2 * h,))
    return Shapes(
        params,
        MinGRUTape((t, b, i), (t + 1, b, h), (t, b, 2, h), (b,)),
        MinGRUWork((1, b, h), (1, b, h)),
        MinGRUGradients(params, (t, b, i), (1, b, h), (t, b, 2, h)),
    )


def tangent(_: MinGRUParams, tape: MinGRUTape) -> Callable[[int, Any], Any]:
    """Q to J_t Q, J_t = diag(1 - z_t)."""
    return lambda t, q: (1 - tape.gates[t, 0, 0, :, None]) * q


def remember(params: MinGRUParams, bias: float) -> None:
    """Set the bias of the gate, which lets go: 1 - sigmoid(-b) = sigmoid(b)."""
    params.bias.reshape(2, -1)[0] = -bias


CELL = Cell(
    gates=2,
    states=("h",),
    shapes=shapes,
    forward=recurrence.forward,
    backward=recurrence.backward,
    flow=recurrence.flow,
    steps=Steps(prepare, step, step_back, finish),
    tangent=tangent,
    remember=remember,
    opened=lambda tape: {"update": tape.gates[:, :, 0]},
    kept=lambda _, tape: 1 - tape.gates[:, :, 0],
)
