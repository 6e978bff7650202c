"""The GRU cell, forward and its adjoint: torch.nn.GRU's equations, gate order (r, z, n) and packing.

    r, z = sigmoid(W_ih x_t + b + W_hh h_(t-1)),   m = W_hn h_(t-1) + b_hn,   n = tanh(W_in x_t + b_n + r * m)
    h_t = (1 - z) * n + z * h_(t-1)

Backwards:

    da^n = dh * (1 - z) * (1 - n^2),   da^z = dh * (h_(t-1) - n) * z (1 - z),   da^r = da^n * m * r (1 - r),
    dh_(t-1) += z * dh + W_hr^T da^r + W_hz^T da^z + W_hn^T (r * da^n)

(K. Cho et al., 2014, in the form of PyTorch: the reset gate is applied after the hidden product.)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from rnnlab._base import initial
from rnnlab._base.initial import Scheme
from rnnlab._base.showing import largest_entry, shows
from rnnlab._base.state_dict import layer_of, state_of
from rnnlab.kernels._floats import constants_of
from rnnlab.kernels._jit import inner_kernel, kernel
from rnnlab.kernels.activations import sigmoid, tanh
from rnnlab.kernels.cells import recurrence
from rnnlab.kernels.cells.cell import Cell, Shapes, Steps
from rnnlab.kernels.products import add_linear_gradients, multiply_packed, pack, project
from rnnlab.kernels.scaling import without_subnormals
from rnnlab.kernels.views import as_steps


@shows(largest_entry)
class GRUParams(NamedTuple):
    """GRU, gates r, z, n; the reset gate multiplies weight_hn h + bias_hn."""

    weight_ih: Any  # (3 H, I)
    weight_hh: Any  # (3 H, H)
    bias: Any  # (3 H,)
    bias_hn: Any  # (H,)

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
        chrono: float | None = None,
    ) -> GRUParams:
        """Draw parameters, each gate's block as `RNNParams.init` draws its weights; PyTorch adds two biases up for the gates alone.

        Parameters
        ----------
        input_size, hidden_size, rng, scheme, gain, dtype
            As in `RNNParams.init`.
        chrono : float, optional
            Longest expected dependency T_max > 2: the update gate's bias is log U[1, T_max - 1], as the update gate z
            keeps the state and 1 - z lets in the new one (Tallec and Ollivier 2018, section 2.2).

        Returns
        -------
        GRUParams
        """
        made = initial.draw(input_size, hidden_size, 3, initial.Recipe(rng, scheme, gain, dtype))
        params = cls._of_two_biases(*made)
        if chrono is not None:
            params.bias.reshape(3, -1)[1] = initial.chrono_bias(hidden_size, rng, chrono)
        return params

    @classmethod
    def from_torch(cls, state: Mapping[str, Any]) -> GRUParams:
        """Parameters of a ``torch.nn.GRU`` (one layer) or ``GRUCell``, from its state dict of tensors or arrays."""
        return cls._of_two_biases(*layer_of(state, 3))

    @classmethod
    def _of_two_biases(cls, weight_ih: Any, weight_hh: Any, bias_ih: Any, bias_hh: Any) -> GRUParams:
        """As PyTorch keeps them: the gates' are added up, the candidate's stay two."""
        candidate = slice(2 * weight_hh.shape[1], None)
        bias = bias_ih + bias_hh
        bias[candidate] = bias_ih[candidate]
        return cls(weight_ih, weight_hh, bias, bias_hh[candidate].copy())

    def to_torch(self) -> dict[str, Any]:
        """A state dict of arrays for ``torch.nn.GRU``; its second bias is 0 but for the candidate's."""
        second = np.zeros_like(self.bias)
        second[-self.bias_hn.size :] = self.bias_hn
        return state_of(self, second)

    @staticmethod
    def cell() -> Cell:
        """Return the Cell: shapes, states and kernels, all that the package asks of this class of parameters."""
        return CELL


class GRUTape(NamedTuple):
    """A run of the cell, with all that its way back needs."""

    x: Any  # (T, B, I): inputs, oldest first; x_t is row t - 1
    h: Any  # (T + 1, B, H): row 0 is set by the caller, the rest is written by `recurrence.forward`
    gates: Any  # (T, B, 3, H): r, z, n
    m: Any  # (T, B, H): the hidden product that the reset gate multiplies
    length: Any  # (B,) int64: each sequence's number of steps, 0 to T


class GRUWork(NamedTuple):
    """Work space; `now` holds zeros on entry to the way back, all else is written before it is read."""

    panels: Any  # (3 H H,): weight_hh as `multiply_packed` takes it, on the way forward its transpose
    recurrent: Any  # (B, 3 H)
    now: Any  # (1, B, H)
    aside: Any  # (1, B, H)


class GRUGradients(NamedTuple):
    """Derivatives of the loss, written by `recurrence.backward`."""

    params: GRUParams
    x: Any  # (T, B, I), or empty if not wanted
    h0: Any  # (1, B, H)
    a: Any  # (T, B, 3, H): with respect to the input's part of the pre-activations
    hidden: Any  # (T, B, 3, H): with respect to the state's part, W_hh h_(t-1) and b_hn


@kernel
def prepare(params: GRUParams, tape: GRUTape, work: GRUWork) -> None:
    """Project all inputs into the place of the gates."""
    project(params.weight_ih, params.bias, tape.x, tape.gates)
    pack(params.weight_hh.T, work.panels)


@inner_kernel
def step(_: int, params: GRUParams, tape: GRUTape, work: GRUWork, t: int) -> None:
    """From h_t to h_(t+1)."""
    multiply_packed(tape.h, t, work.panels, work.recurrent, False)
    new_state(params.bias_hn, tape.gates, work.recurrent, tape.m, tape.h, t)


@kernel
def new_state(bias_hn: Any, gates: Any, recurrent: Any, m: Any, h: Any, t: int) -> None:
    """Gates (T, B, 3, H) of step t, in whose place the projected inputs come, and row t + 1 of h."""
    hidden = m.shape[2]
    for b in range(m.shape[1]):
        for k in range(2):
            for j in range(hidden):
                gates[t, b, k, j] = sigmoid(gates[t, b, k, j] + recurrent[b, k * hidden + j])
        for j in range(hidden):
            m[t, b, j] = recurrent[b, 2 * hidden + j] + bias_hn[j]
            recurrent[b, 2 * hidden + j] = gates[t, b, 0, j] * m[t, b, j]
        for j in range(hidden):
            gates[t, b, 2, j] = tanh(gates[t, b, 2, j] + recurrent[b, 2 * hidden + j])
        for j in range(hidden):
            n = gates[t, b, 2, j]
            h[t + 1, b, j] = n + gates[t, b, 1, j] * (h[t, b, j] - n)


@kernel
def prepare_back(params: GRUParams, work: GRUWork) -> None:
    """Pack the recurrent weights."""
    pack(params.weight_hh, work.panels)


@inner_kernel
def step_back(params: GRUParams, tape: GRUTape, gradients: GRUGradients, work: GRUWork, t: int) -> None:
    """From dL/dh_(t+1) in `work.now` to row t of a and hidden of the gradients, and to dL/dh_t in `work.now`."""
    now = work.now
    gates_back(tape.gates, tape.m, tape.h, now, gradients.a, gradients.hidden, t)
    multiply_packed(as_steps(gradients.hidden), t, work.panels, now[0], True)


@inner_kernel
def gates_back(gates: Any, m: Any, h: Any, now: Any, da: Any, hidden: Any, t: int) -> None:
    """The pointwise part; each loop writes one row of an array, since loops that write several do not vectorise."""
    one = constants_of(now[0, 0, 0]).one
    _, batch, units = now.shape
    for b in range(batch):
        for j in range(units):
            z, n = gates[t, b, 1, j], gates[t, b, 2, j]
            da[t, b, 2, j] = without_subnormals(now[0, b, j]) * (one - z) * (one - n * n)
        for j in range(units):
            hidden[t, b, 2, j] = da[t, b, 2, j] * gates[t, b, 0, j]
        for j in range(units):
            da[t, b, 0, j] = hidden[t, b, 2, j] * m[t, b, j] * (one - gates[t, b, 0, j])
        for j in range(units):
            z = gates[t, b, 1, j]
            da[t, b, 1, j] = now[0, b, j] * (h[t, b, j] - gates[t, b, 2, j]) * z * (one - z)
        for j in range(units):  # what goes on directly, to which the product is added
            now[0, b, j] = without_subnormals(now[0, b, j] * gates[t, b, 1, j])
        for k in range(2):
            for j in range(units):
                hidden[t, b, k, j] = da[t, b, k, j]


@kernel
def finish(params: GRUParams, tape: GRUTape, gradients: GRUGradients) -> None:
    """Add the sums over some steps to the gradients of the parameters, and write those of their inputs."""
    add_linear_gradients(params, tape.x, gradients.a, tape.h[:-1], gradients.hidden, gradients)
    add_candidate_bias_gradient(gradients.hidden, gradients.params.bias_hn)


@kernel
def add_candidate_bias_gradient(hidden: Any, out: Any) -> None:
    """Add the candidate's part of `hidden` (T, B, 3, H), summed over t and b, to `out` (H,)."""
    for t in range(hidden.shape[0]):
        for b in range(hidden.shape[1]):
            for j in range(out.size):
                out[j] += hidden[t, b, 2, j]


def shapes(t: int, b: int, i: int, h: int) -> Shapes:
    """The shapes of all arrays, for T steps of B sequences."""
    params = GRUParams((3 * h, i), (3 * h, h), (3 * h,), (h,))
    return Shapes(
        params,
        GRUTape((t, b, i), (t + 1, b, h), (t, b, 3, h), (t, b, h), (b,)),
        GRUWork((3 * h * h,), (b, 3 * h), (1, b, h), (1, b, h)),
        GRUGradients(params, (t, b, i), (1, b, h), (t, b, 3, h), (t, b, 3, h)),
    )


def tangent(params: GRUParams, tape: GRUTape) -> Callable[[int, Any], Any]:
    """Q to J_t Q."""

    def apply(t: int, q: Any) -> Any:
        r, z, n = tape.gates[t, 0, :, :, None]
        m, h = tape.m[t, 0, :, None], tape.h[t, 0, :, None]
        of_r, of_z, of_n = np.split(params.weight_hh @ q, 3)
        candidate = (1 - n * n) * (r * of_n + m * r * (1 - r) * of_r)
        return z * q + (h - n) * z * (1 - z) * of_z + (1 - z) * candidate

    return apply


def remember(params: GRUParams, bias: float) -> None:
    """Set the bias of the update gate."""
    params.bias.reshape(3, -1)[1] = bias


CELL = Cell(
    gates=3,
    states=("h",),
    shapes=shapes,
    forward=recurrence.forward,
    backward=recurrence.backward,
    flow=recurrence.flow,
    steps=Steps(prepare, step, step_back, finish, prepare_back),
    recurrent=lambda params: params.weight_hh.reshape(3, *params.weight_hh.shape[1:] * 2),
    share=lambda tape, gradients: (gradients.hidden, tape.h[:-1]),
    tangent=tangent,
    remember=remember,
    opened=lambda tape: {name: tape.gates[:, :, k] for k, name in enumerate(("reset", "update"))},
    kept=lambda _, tape: tape.gates[:, :, 1],
)
