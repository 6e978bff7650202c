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
from rnnlab.kernels._jit import inner_kernel, kernel, unaliased_kernel
from rnnlab.kernels.activations import sigmoid, tanh
from rnnlab.kernels.cells import recurrence
from rnnlab.kernels.cells.cell import Cell, Shapes, Steps
from rnnlab.kernels.cells.packed import inputs_back, prepare, prepare_back
from rnnlab.kernels.products import add_bias_gradient, add_linear_sums, multiply_packed, project_packed
from rnnlab.kernels.scaling import without_subnormals
from rnnlab.kernels.views import as_rows, as_steps, flat


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
    input_panels: Any  # (3 H I,): weight_ih, transposed, the same way
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
def project(params: GRUParams, tape: GRUTape, work: GRUWork) -> None:
    """Project the inputs of some steps into the place of their gates."""
    project_packed(params, tape.x, work.input_panels, tape.gates, 3)


@inner_kernel
def step(_: int, params: GRUParams, tape: GRUTape, work: GRUWork, t: int) -> None:
    """From h_t to h_(t+1)."""
    gates, m, h = as_rows(tape.gates)[t], as_rows(tape.m)[t], as_rows(tape.h)
    if params.bias_hn.size == 1:
        number_step(gates, work.panels, params.bias_hn, m, h[t], h[t + 1])
    else:
        multiply_packed(tape.h, t, work.panels, work.recurrent, False)
        activate_gates(params.bias_hn, gates, flat(work.recurrent), m, params.bias_hn.size)
        new_state(gates, h[t], h[t + 1], params.bias_hn.size)


@unaliased_kernel
def number_step(gates: Any, weight: Any, bias_hn: Any, m: Any, h: Any, new_h: Any) -> None:
    """`step` of one unit, with `weight` (3,), in one loop: 0.4 of the time of several over 32 sequences (float32: 0.25)."""
    for b in range(h.size):
        r, z = sigmoid(gates[3 * b] + weight[0] * h[b]), sigmoid(gates[3 * b + 1] + weight[1] * h[b])
        m[b] = weight[2] * h[b] + bias_hn[0]
        n = tanh(gates[3 * b + 2] + r * m[b])
        gates[3 * b], gates[3 * b + 1], gates[3 * b + 2] = r, z, n
        new_h[b] = n + z * (h[b] - n)


@unaliased_kernel
def activate_gates(bias_hn: Any, gates: Any, recurrent: Any, m: Any, hidden: int) -> None:
    """The gates of a step, (B 3 H,), in the place of their projected inputs, and m (B H,), from W_hh h (B 3 H,), overwritten."""
    # ranges 0 to `hidden`: of others Numba looks for signs, and nothing is vectorised
    for b in range(m.size // hidden):
        for k in range(2):
            gate = (3 * b + k) * hidden
            for j in range(hidden):
                gates[gate + j] = sigmoid(gates[gate + j] + recurrent[gate + j])
    for b in range(m.size // hidden):
        first, r, n = b * hidden, 3 * b * hidden, (3 * b + 2) * hidden
        for j in range(hidden):
            m[first + j] = recurrent[n + j] + bias_hn[j]
            recurrent[n + j] = gates[r + j] * m[first + j]
    for b in range(m.size // hidden):  # within the loop above 16 units took 2.7 ns each for 1.6 (float32)
        n = (3 * b + 2) * hidden
        for j in range(hidden):
            gates[n + j] = tanh(gates[n + j] + recurrent[n + j])


@unaliased_kernel
def new_state(gates: Any, h: Any, new_h: Any, hidden: int) -> None:
    """The state after a step from the one before it, both (B H,)."""
    for b in range(h.size // hidden):
        first, z, n = b * hidden, (3 * b + 1) * hidden, (3 * b + 2) * hidden
        for j in range(hidden):
            new_h[first + j] = gates[n + j] + gates[z + j] * (h[first + j] - gates[n + j])


@inner_kernel
def step_back(params: GRUParams, tape: GRUTape, gradients: GRUGradients, work: GRUWork, t: int) -> None:
    """From dL/dh_(t+1) in `work.now` to row t of a and hidden of the gradients, and to dL/dh_t in `work.now`."""
    gates, m, h, dh = as_rows(tape.gates)[t], as_rows(tape.m)[t], as_rows(tape.h)[t], flat(work.now)
    da, dhidden = as_rows(gradients.a)[t], as_rows(gradients.hidden)[t]
    if params.bias_hn.size == 1:
        number_back(gates, (m, h), work.panels, dh, da, dhidden)
    else:
        gates_back(gates, (m, h), dh, da, dhidden, params.bias_hn.size)
        multiply_packed(as_steps(gradients.hidden), t, work.panels, work.now[0], True)


@inner_kernel
def unit_back(gates: Any, states: Any, dh: Any) -> Any:
    """One unit's dL/da, three, dL/dm, and what of dh goes on past the product, from its gates r, z, n, and m and h_(t-1)."""
    (r, z, n), (m, h), one = gates, states, constants_of(dh).one
    of_h = without_subnormals(dh)
    of_n, of_z = of_h * (one - z) * (one - n * n), of_h * (h - n) * z * (one - z)
    of_m = of_n * r
    return (of_m * m * (one - r), of_z, of_n), of_m, without_subnormals(of_h * z)


@unaliased_kernel
def number_back(gates: Any, states: Any, weight: Any, dh: Any, da: Any, dhidden: Any) -> None:
    """`step_back` of one unit, from its `states` m and h (B,)."""
    m, h = states
    for b in range(dh.size):
        of_gates, of_m, rest = unit_back((gates[3 * b], gates[3 * b + 1], gates[3 * b + 2]), (m[b], h[b]), dh[b])
        da[3 * b], da[3 * b + 1], da[3 * b + 2] = of_gates
        dhidden[3 * b], dhidden[3 * b + 1], dhidden[3 * b + 2] = of_gates[0], of_gates[1], of_m
        dh[b] = rest + (weight[0] * of_gates[0] + weight[1] * of_gates[1] + weight[2] * of_m)


@unaliased_kernel
def gates_back(gates: Any, states: Any, dh: Any, da: Any, dhidden: Any, hidden: int) -> None:
    """The pointwise part: `gates`, `da` and `dhidden` (B 3 H,), all others (B H,). In one loop: 0.6 of the time of seven."""
    m, h = states
    for b in range(dh.size // hidden):
        first, r, z, n = b * hidden, 3 * b * hidden, (3 * b + 1) * hidden, (3 * b + 2) * hidden
        for j in range(hidden):
            place, own = first + j, (gates[r + j], gates[z + j], gates[n + j])
            of_gates, of_m, dh[place] = unit_back(own, (m[place], h[place]), dh[place])
            da[r + j], da[z + j], da[n + j] = of_gates
            dhidden[r + j], dhidden[z + j], dhidden[n + j] = of_gates[0], of_gates[1], of_m


@kernel
def finish(params: GRUParams, tape: GRUTape, gradients: GRUGradients) -> None:
    """Add the sums over some steps to the gradients of the parameters."""
    add_linear_sums(params, tape.x, gradients.a, tape.h[:-1], gradients.hidden, gradients)
    add_bias_gradient(gradients.hidden, gradients.params.bias_hn)


def shapes(t: int, b: int, i: int, h: int) -> Shapes:
    """The shapes of all arrays, for T steps of B sequences."""
    params = GRUParams((3 * h, i), (3 * h, h), (3 * h,), (h,))
    return Shapes(
        params,
        GRUTape((t, b, i), (t + 1, b, h), (t, b, 3, h), (t, b, h), (b,)),
        GRUWork((3 * h * h,), (3 * h * i,), (b, 3 * h), (1, b, h), (1, b, h)),
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
    steps=Steps(prepare, step, step_back, finish, prepare_back, project, inputs_back),
    recurrent=lambda params: params.weight_hh.reshape(3, *params.weight_hh.shape[1:] * 2),
    share=lambda tape, gradients: (gradients.hidden, tape.h[:-1]),
    tangent=tangent,
    remember=remember,
    opened=lambda tape: {name: tape.gates[:, :, k] for k, name in enumerate(("reset", "update"))},
    kept=lambda _, tape: tape.gates[:, :, 1],
)
