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
from rnnlab.kernels.cells.packed import inputs_back, prepare, prepare_back
from rnnlab.kernels.products import add_linear_sums, multiply_packed, project_packed
from rnnlab.kernels.scaling import without_subnormals
from rnnlab.kernels.views import as_rows, as_steps


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
    input_panels: Any  # (4 H I,): weight_ih, transposed, the same way
    now: Any  # (2, B, H): dL/dh, dL/dc
    aside: Any  # (2, B, H)


class LSTMGradients(NamedTuple):
    """Derivatives of the loss, written by `recurrence.backward`."""

    params: LSTMParams
    x: Any  # (T, B, I), or empty if not wanted
    h0: Any  # (2, B, H): dL/dh_0, dL/dc_0
    a: Any  # (T, B, 4, H): dL/da_t in row t - 1


@kernel
def project(params: LSTMParams, tape: LSTMTape, work: LSTMWork) -> None:
    """Project the inputs of some steps into the place of their gates."""
    project_packed(params, tape.x, work.input_panels, tape.gates, 4)


@inner_kernel
def step(_: int, params: LSTMParams, tape: LSTMTape, work: LSTMWork, t: int) -> None:
    """From h_t and c_t to those of t + 1."""
    gates, tanh_c, c, h = as_rows(tape.gates)[t], as_rows(tape.tanh_c)[t], as_rows(tape.c), as_rows(tape.h)
    if params.weight_hh.shape[1] == 1:
        number_step(gates, work.panels, (c[t], h[t]), c[t + 1], tanh_c, h[t + 1])
    else:
        multiply_packed(tape.h, t, work.panels, as_steps(tape.gates)[t], True)
        activate_gates(gates, params.weight_hh.shape[1])
        new_states(gates, c[t], c[t + 1], tanh_c, h[t + 1], params.weight_hh.shape[1])


@unaliased_kernel
def number_step(gates: Any, weight: Any, before: Any, new_c: Any, tanh_c: Any, new_h: Any) -> None:
    """`step` of one unit, from c and h `before` (B,) and `weight` (4,), no number read that was just written: 0.75 of the time."""
    c, h = before
    for b in range(h.size):
        i, f = sigmoid(gates[4 * b] + weight[0] * h[b]), sigmoid(gates[4 * b + 1] + weight[1] * h[b])
        g, o = tanh(gates[4 * b + 2] + weight[2] * h[b]), sigmoid(gates[4 * b + 3] + weight[3] * h[b])
        gates[4 * b], gates[4 * b + 1], gates[4 * b + 2], gates[4 * b + 3] = i, f, g, o
        new_c[b] = f * c[b] + i * g
        tanh_c[b] = tanh(new_c[b])
        new_h[b] = o * tanh_c[b]


@unaliased_kernel
def activate_gates(gates: Any, hidden: int) -> None:
    """The gates of a step, (B 4 H,), in the place of their pre-activations."""
    # ranges 0 to `hidden`: of others Numba looks for signs, and nothing is vectorised
    for b in range(gates.size // (4 * hidden)):
        for k in range(4):
            first = (4 * b + k) * hidden
            if k == 2:
                for j in range(hidden):
                    gates[first + j] = tanh(gates[first + j])
            else:
                for j in range(hidden):
                    gates[first + j] = sigmoid(gates[first + j])


@unaliased_kernel
def new_states(gates: Any, c: Any, new_c: Any, tanh_c: Any, h: Any, hidden: int) -> None:
    """Cell and hidden state after a step, `new_c` and h, from its gates and the cell state before it; all (B H,) but gates."""
    for b in range(c.size // hidden):
        first = b * hidden
        i, f, g, o = 4 * first, 4 * first + hidden, 4 * first + 2 * hidden, 4 * first + 3 * hidden
        for j in range(hidden):
            new_c[first + j] = gates[f + j] * c[first + j] + gates[i + j] * gates[g + j]
            tanh_c[first + j] = tanh(new_c[first + j])
            h[first + j] = gates[o + j] * tanh_c[first + j]


@inner_kernel
def step_back(params: LSTMParams, tape: LSTMTape, gradients: LSTMGradients, work: LSTMWork, t: int) -> None:
    """From dL/dh and dL/dc of step t + 1 in `work.now` to dL/da in row t, and to those of step t in `work.now`."""
    gates, c, tanh_c = as_rows(tape.gates)[t], as_rows(tape.c)[t], as_rows(tape.tanh_c)[t]
    da, now = as_rows(gradients.a)[t], as_rows(work.now)
    if params.weight_hh.shape[1] == 1:
        number_back(gates, (c, tanh_c), work.panels, now[0], now[1], da)
    else:
        gates_back(gates, (c, tanh_c), now[0], now[1], da, params.weight_hh.shape[1])
        multiply_packed(as_steps(gradients.a), t, work.panels, work.now[0], False)


@inner_kernel
def unit_back(gates: Any, states: Any, sent: Any) -> Any:
    """One unit's dL/da, four, and dL/dc_(t-1), from its gates i, f, g, o, c_(t-1) and tanh c_t, and `sent`: dL/dh_t, dL/dc_t."""
    (i, f, g, o), (c, tanh_c), one = gates, states, constants_of(sent[0]).one
    of_h = without_subnormals(sent[0])
    of_c = without_subnormals(sent[1] + of_h * o * (one - tanh_c * tanh_c))
    of_i, of_f = of_c * g * i * (one - i), of_c * c * f * (one - f)
    of_g, of_o = of_c * i * (one - g * g), of_h * tanh_c * o * (one - o)
    return (of_i, of_f, of_g, of_o), of_c * f


@unaliased_kernel
def number_back(gates: Any, states: Any, weight: Any, dh: Any, dc: Any, da: Any) -> None:
    """`step_back` of one unit, from its `states` c and tanh_c (B,)."""
    c, tanh_c = states
    for b in range(dh.size):
        own = gates[4 * b], gates[4 * b + 1], gates[4 * b + 2], gates[4 * b + 3]
        of_gates, dc[b] = unit_back(own, (c[b], tanh_c[b]), (dh[b], dc[b]))
        da[4 * b], da[4 * b + 1], da[4 * b + 2], da[4 * b + 3] = of_gates
        of_i, of_f, of_g, of_o = of_gates
        dh[b] = weight[0] * of_i + weight[1] * of_f + weight[2] * of_g + weight[3] * of_o


@unaliased_kernel
def gates_back(gates: Any, states: Any, dh: Any, dc: Any, da: Any, hidden: int) -> None:
    """The pointwise part: `gates` and `da` (B 4 H,), all others (B H,). In one loop: 0.7 of the time of one an output."""
    c, tanh_c = states
    for b in range(dh.size // hidden):
        first = b * hidden
        i, f, g, o = 4 * first, 4 * first + hidden, 4 * first + 2 * hidden, 4 * first + 3 * hidden
        for j in range(hidden):
            place = first + j
            own = gates[i + j], gates[f + j], gates[g + j], gates[o + j]
            of_gates, dc[place] = unit_back(own, (c[place], tanh_c[place]), (dh[place], dc[place]))
            da[i + j], da[f + j], da[g + j], da[o + j] = of_gates


@kernel
def finish(params: LSTMParams, tape: LSTMTape, gradients: LSTMGradients) -> None:
    """Add the sums over some steps to the gradients of the parameters."""
    add_linear_sums(params, tape.x, gradients.a, tape.h[:-1], gradients.a, gradients)


def shapes(t: int, b: int, i: int, h: int) -> Shapes:
    """The shapes of all arrays, for T steps of B sequences."""
    params = LSTMParams((4 * h, i), (4 * h, h), (4 * h,))
    return Shapes(
        params,
        LSTMTape((t, b, i), (t + 1, b, h), (t + 1, b, h), (t, b, 4, h), (t, b, h), (b,)),
        LSTMWork((4 * h * h,), (4 * h * i,), (2, b, h), (2, b, h)),
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
    steps=Steps(prepare, step, step_back, finish, prepare_back, project, inputs_back),
    recurrent=lambda params: params.weight_hh.reshape(4, *params.weight_hh.shape[1:] * 2),
    share=lambda tape, gradients: (gradients.a, tape.h[:-1]),
    tangent=tangent,
    remember=remember,
    opened=lambda tape: {name: tape.gates[:, :, k] for name, k in (("input", 0), ("forget", 1), ("output", 3))},
    kept=lambda _, tape: tape.gates[:, :, 1],
)
