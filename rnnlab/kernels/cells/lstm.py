"""The LSTM cell, forward and its adjoint: torch.nn.LSTM's equations, gate order (i, f, g, o) and packing.

    a_t = W_ih x_t + b + W_hh h_(t-1),   i, f, o = sigmoid(a^i, a^f, a^o),   g = tanh(a^g)
    c_t = f * c_(t-1) + i * g,           h_t = o * tanh(c_t)

Backwards, with dc_t the derivative with respect to c_t by way of later steps alone:

    da^o = dh * tanh(c) * o (1 - o),     dc += dh * o * (1 - tanh(c)^2),
    da^i = dc * g * i (1 - i),   da^f = dc * c_(t-1) * f (1 - f),   da^g = dc * i * (1 - g^2),
    dc_(t-1) = dc * f,   dh_(t-1) += W_hh^T da

(S. Hochreiter and J. Schmidhuber, Neural Computation 9, 1997; forget gate: F. A. Gers et al., 2000.)
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
from rnnlab.kernels._jit import inner_kernel, kernel, unaliased_kernel
from rnnlab.kernels.activations import sigmoid, tanh
from rnnlab.kernels.cells import recurrence
from rnnlab.kernels.cells.cell import Cell, Shapes, Steps
from rnnlab.kernels.products import add_linear_gradients, multiply_packed, pack, project
from rnnlab.kernels.scaling import without_subnormals
from rnnlab.kernels.views import as_steps


@shows(largest_entry)
class LSTMParams(NamedTuple):
    """LSTM, gates i, f, g, o."""

    weight_ih: Any  # (4 H, I)
    weight_hh: Any  # (4 H, H)
    bias: Any  # (4 H,)

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
        forget_bias: float | None = None,
        chrono: float | None = None,
    ) -> LSTMParams:
        """Draw parameters, each gate's block as `RNNParams.init` draws its weights.

        Parameters
        ----------
        input_size, hidden_size, rng, scheme, gain, dtype
            As in `RNNParams.init`.
        forget_bias : float, optional
            The forget gate's bias (Gers, Schmidhuber and Cummins 2000; 1 in Jozefowicz 2015).
        chrono : float, optional
            Longest expected dependency T_max > 2: the forget gate's bias is log U[1, T_max - 1], the input gate's its
            negative (Tallec and Ollivier 2018, section 2.2).

        Returns
        -------
        LSTMParams
        """
        made = initial.draw(input_size, hidden_size, 4, initial.Recipe(rng, scheme, gain, dtype))
        params = cls(made.weight_ih, made.weight_hh, made.bias)
        initial.set_forget_bias(params.bias.reshape(4, -1), rng, forget_bias, chrono)
        return params

    @classmethod
    def from_torch(cls, state: Mapping[str, Any]) -> LSTMParams:
        """Parameters of a ``torch.nn.LSTM`` (one layer) or ``LSTMCell``, from its state dict of tensors or arrays."""
        weight_ih, weight_hh, bias_ih, bias_hh = layer_of(state, 4)
        return cls(weight_ih, weight_hh, bias_ih + bias_hh)

    def to_torch(self) -> dict[str, Any]:
        """A state dict of arrays for ``torch.nn.LSTM``; its second bias is 0."""
        return state_of(self, np.zeros_like(self.bias))

    @staticmethod
    def cell() -> Cell:
        """Return the Cell: shapes, states and kernels, all that the package asks of this class of parameters."""
        return CELL


class LSTMTape(NamedTuple):
    """A run of the cell, with all that its way back needs."""

    x: Any  # (T, B, I): inputs, oldest first; x_t is row t - 1
    h: Any  # (T + 1, B, H): row 0 is set by the caller, the rest is written by `recurrence.forward`
    c: Any  # (T + 1, B, H): row 0 is set by the caller, the rest is written by `recurrence.forward`
    gates: Any  # (T, B, 4, H): i, f, g, o
    tanh_c: Any  # (T, B, H): tanh(c_t) in row t - 1
    length: Any  # (B,) int64: each sequence's number of steps, 0 to T


class LSTMWork(NamedTuple):
    """Work space; `now` holds zeros, or dL/dc_T in row 1, on entry to the way back."""

    panels: Any  # (4 H H,): weight_hh as `multiply_packed` takes it, on the way forward its transpose
    now: Any  # (2, B, H): dL/dh, dL/dc
    aside: Any  # (2, B, H)


class LSTMGradients(NamedTuple):
    """Derivatives of the loss, written by `recurrence.backward`."""

    params: LSTMParams
    x: Any  # (T, B, I), or empty if not wanted
    h0: Any  # (2, B, H): dL/dh_0, dL/dc_0
    a: Any  # (T, B, 4, H): dL/da_t in row t - 1


@kernel
def prepare(params: LSTMParams, tape: LSTMTape, work: LSTMWork) -> None:
    """Project all inputs into the place of the gates."""
    project(params.weight_ih, params.bias, tape.x, tape.gates)
    pack(params.weight_hh.T, work.panels)


@inner_kernel
def step(_: int, params: LSTMParams, tape: LSTMTape, work: LSTMWork, t: int) -> None:
    """From h_t and c_t to those of t + 1."""
    multiply_packed(tape.h, t, work.panels, as_steps(tape.gates)[t], True)
    activate_gates(tape.gates, t)
    new_states(tape.gates, tape.c, tape.tanh_c, tape.h, t)


@unaliased_kernel
def activate_gates(gates: Any, t: int) -> None:
    """Gates (T, B, 4, H) of step t, in the place of their pre-activations."""
    hidden = gates.shape[3]
    for b in range(gates.shape[1]):
        for k in range(4):
            if k == 2:
                for j in range(hidden):
                    gates[t, b, k, j] = tanh(gates[t, b, k, j])
            else:
                for j in range(hidden):
                    gates[t, b, k, j] = sigmoid(gates[t, b, k, j])


@unaliased_kernel
def new_states(gates: Any, c: Any, tanh_c: Any, h: Any, t: int) -> None:
    """Cell and hidden state, row t + 1 of c and h, from the gates and c_t; loops that write several arrays do not vectorise."""
    for b in range(tanh_c.shape[1]):
        for j in range(tanh_c.shape[2]):
            c[t + 1, b, j] = gates[t, b, 1, j] * c[t, b, j] + gates[t, b, 0, j] * gates[t, b, 2, j]
        for j in range(tanh_c.shape[2]):
            tanh_c[t, b, j] = tanh(c[t + 1, b, j])
        for j in range(tanh_c.shape[2]):
            h[t + 1, b, j] = gates[t, b, 3, j] * tanh_c[t, b, j]


@kernel
def prepare_back(params: LSTMParams, work: LSTMWork) -> None:
    """Pack the recurrent weights."""
    pack(params.weight_hh, work.panels)


@inner_kernel
def step_back(params: LSTMParams, tape: LSTMTape, gradients: LSTMGradients, work: LSTMWork, t: int) -> None:
    """From dL/dh and dL/dc of step t + 1 in `work.now` to dL/da in row t, and to those of step t in `work.now`."""
    gates_back(tape.gates, tape.c, tape.tanh_c, work.now, gradients.a, t)
    multiply_packed(as_steps(gradients.a), t, work.panels, work.now[0], False)


@unaliased_kernel
def gates_back(gates: Any, c: Any, tanh_c: Any, now: Any, da: Any, t: int) -> None:
    """The pointwise part; each loop writes one row of `da`, since loops that write several do not vectorise."""
    one = constants_of(now[0, 0, 0]).one
    _, batch, hidden = now.shape
    for b in range(batch):
        for j in range(hidden):
            o = gates[t, b, 3, j]
            da[t, b, 3, j] = without_subnormals(now[0, b, j]) * tanh_c[t, b, j] * o * (one - o)
        for j in range(hidden):
            o, dh = gates[t, b, 3, j], without_subnormals(now[0, b, j])
            dc = now[1, b, j] + dh * o * (one - tanh_c[t, b, j] * tanh_c[t, b, j])
            now[1, b, j] = without_subnormals(dc)
        for j in range(hidden):
            i = gates[t, b, 0, j]
            da[t, b, 0, j] = now[1, b, j] * gates[t, b, 2, j] * i * (one - i)
        for j in range(hidden):
            g = gates[t, b, 2, j]
            da[t, b, 2, j] = now[1, b, j] * gates[t, b, 0, j] * (one - g * g)
        for j in range(hidden):
            f = gates[t, b, 1, j]
            da[t, b, 1, j] = now[1, b, j] * c[t, b, j] * f * (one - f)
        for j in range(hidden):
            now[1, b, j] *= gates[t, b, 1, j]


@kernel
def finish(params: LSTMParams, tape: LSTMTape, gradients: LSTMGradients) -> None:
    """Add the sums over some steps to the gradients of the parameters, and write those of their inputs."""
    add_linear_gradients(params, tape.x, gradients.a, tape.h[:-1], gradients.a, gradients)


def shapes(t: int, b: int, i: int, h: int) -> Shapes:
    """The shapes of all arrays, for T steps of B sequences."""
    params = LSTMParams((4 * h, i), (4 * h, h), (4 * h,))
    return Shapes(
        params,
        LSTMTape((t, b, i), (t + 1, b, h), (t + 1, b, h), (t, b, 4, h), (t, b, h), (b,)),
        LSTMWork((4 * h * h,), (2, b, h), (2, b, h)),
        LSTMGradients(params, (t, b, i), (2, b, h), (t, b, 4, h)),
    )


def tangent(params: LSTMParams, tape: LSTMTape) -> Callable[[int, Any], Any]:
    """Q to J_t Q, rows of h above those of c."""

    def apply(t: int, q: Any) -> Any:
        i, f, g, o = tape.gates[t, 0, :, :, None]
        c, squashed = tape.c[t, 0, :, None], tape.tanh_c[t, 0, :, None]
        of_h, of_c = np.split(q, 2)
        of_i, of_f, of_g, of_o = np.split(params.weight_hh @ of_h, 4)
        new_c = f * of_c + c * f * (1 - f) * of_f + g * i * (1 - i) * of_i + i * (1 - g * g) * of_g
        new_h = o * (1 - squashed * squashed) * new_c + squashed * o * (1 - o) * of_o
        return np.concatenate([new_h, new_c])

    return apply


def remember(params: LSTMParams, bias: float) -> None:
    """Set the bias of the forget gate."""
    params.bias.reshape(4, -1)[1] = bias


CELL = Cell(
    gates=4,
    states=("h", "c"),
    shapes=shapes,
    forward=recurrence.forward,
    backward=recurrence.backward,
    flow=recurrence.flow,
    steps=Steps(prepare, step, step_back, finish, prepare_back),
    recurrent=lambda params: params.weight_hh.reshape(4, *params.weight_hh.shape[1:] * 2),
    share=lambda tape, gradients: (gradients.a, tape.h[:-1]),
    tangent=tangent,
    remember=remember,
    opened=lambda tape: {name: tape.gates[:, :, k] for name, k in (("input", 0), ("forget", 1), ("output", 3))},
    kept=lambda _, tape: tape.gates[:, :, 1],
)
