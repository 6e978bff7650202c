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

from typing import TYPE_CHECKING, Any, NamedTuple

from rnnlab.kernels._floats import constants_of
from rnnlab.kernels._jit import inner_kernel, kernel
from rnnlab.kernels.activations import sigmoid, tanh
from rnnlab.kernels.products import bias_gradient, multiply, project, project_back, transpose, weight_gradient
from rnnlab.kernels.scaling import without_subnormals
from rnnlab.kernels.sequences import (
    WHOLE,
    Flow,
    Held,
    add_loss,
    add_scaled_loss,
    cut,
    hold,
    keep,
    put_back,
    record,
    silence,
)

if TYPE_CHECKING:
    from rnnlab.params import LSTMParams


class LSTMTape(NamedTuple):
    """What a run leaves behind for the way back."""

    x: Any  # (T, B, I): inputs, oldest first; x_t is row t - 1
    h: Any  # (T + 1, B, H): row 0 is set by the caller, the rest is written by `lstm_forward`
    c: Any  # (T + 1, B, H): row 0 is set by the caller, the rest is written by `lstm_forward`
    gates: Any  # (T, B, 4, H): i, f, g, o
    tanh_c: Any  # (T, B, H): tanh(c_t) in row t - 1
    length: Any  # (B,) int64: each sequence's number of steps, 0 to T


class LSTMWork(NamedTuple):
    """Work space; `now` holds zeros, or dL/dc_T in row 1, on entry to `lstm_backward` and `lstm_flow`."""

    weight_hh_t: Any  # (H, 4 H)
    recurrent: Any  # (B, 4 H)
    now: Any  # (2, B, H): dL/dh, dL/dc
    aside: Any  # (2, B, H)


class LSTMGradients(NamedTuple):
    """Derivatives of the loss, written by `lstm_backward`."""

    params: LSTMParams
    x: Any  # (T, B, I), or empty if not wanted
    h0: Any  # (2, B, H): dL/dh_0, dL/dc_0
    a: Any  # (T, B, 4, H): dL/da_t in row t - 1


@kernel
def lstm_forward(params: LSTMParams, tape: LSTMTape, work: LSTMWork) -> None:
    """Run the recurrence: x, length and row 0 of h and c of the tape are read, the rest is written."""
    steps, batch, hidden = tape.tanh_c.shape
    project(params.weight_ih, params.bias, tape.x, tape.gates)
    transpose(params.weight_hh, work.weight_hh_t)
    recurrent = work.recurrent.reshape((batch, 4, hidden))
    shortest = tape.length.min()
    h, c, gates, tanh_c = tape.h, tape.c, tape.gates, tape.tanh_c
    for t in range(steps):
        multiply(h, t, work.weight_hh_t, work.recurrent)
        activate_gates(gates, recurrent, t)
        lstm_step(gates, c, tanh_c, h, t)
        if t >= shortest:
            hold(tape.length, t, h)
            hold(tape.length, t, c)


@kernel
def activate_gates(gates: Any, recurrent: Any, t: int) -> None:
    """Gates (T, B, 4, H) of step t from their pre-activations: projected inputs in their place, and the recurrent part."""
    batch, _, hidden = recurrent.shape
    for b in range(batch):
        for k in range(4):
            if k == 2:
                for j in range(hidden):
                    gates[t, b, k, j] = tanh(gates[t, b, k, j] + recurrent[b, k, j])
            else:
                for j in range(hidden):
                    gates[t, b, k, j] = sigmoid(gates[t, b, k, j] + recurrent[b, k, j])


@kernel
def lstm_step(gates: Any, c: Any, tanh_c: Any, h: Any, t: int) -> None:
    """Cell and hidden state, row t + 1 of c and h, from the gates and c_t."""
    for b in range(tanh_c.shape[1]):
        for j in range(tanh_c.shape[2]):
            cell = gates[t, b, 1, j] * c[t, b, j] + gates[t, b, 0, j] * gates[t, b, 2, j]
            squashed = tanh(cell)
            c[t + 1, b, j] = cell
            tanh_c[t, b, j] = squashed
            h[t + 1, b, j] = gates[t, b, 3, j] * squashed


@inner_kernel
def lstm_step_back(weight_hh: Any, saved: Any, held: Held, t: int, da: Any, rows: Any, now: Any) -> None:
    """From dL/dh and dL/dc of step t + 1 in `now` to dL/da in row t of `da`, and to those of step t in `now`.

    `saved` are the tape's gates, c and tanh_c: a NamedTuple of more arrays costs two atomic counts for each at every
    call. `rows` (T, B, 4 H) is `da` (T, B, 4, H) in the shape of a product's factor.
    """
    gates, c, tanh_c = saved
    if t >= held.shortest:
        keep(held, t, now)
    lstm_gates_back(gates, c, tanh_c, now, da, t)
    if t >= held.shortest:
        silence(held, t, rows)
    multiply(rows, t, weight_hh, now[0])
    if t >= held.shortest:
        put_back(held, t, now)


@kernel
def lstm_gates_back(gates: Any, c: Any, tanh_c: Any, now: Any, da: Any, t: int) -> None:
    """The pointwise part; each loop writes one row of `da`, since loops that write several do not vectorise."""
    one = constants_of(now[0, 0, 0]).one
    _, batch, hidden = now.shape
    for b in range(batch):
        for j in range(hidden):
            o, dh = gates[t, b, 3, j], without_subnormals(now[0, b, j])
            da[t, b, 3, j] = dh * tanh_c[t, b, j] * o * (one - o)
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
            now[1, b, j] *= f


@kernel
def lstm_backward(
    params: LSTMParams, tape: LSTMTape, dloss: Any, gradients: LSTMGradients, work: LSTMWork, window: int = WHOLE
) -> None:
    """Backpropagation through time.

    Parameters
    ----------
    params, tape
        As `lstm_forward` was given and left them.
    dloss : ndarray (R, B, H)
        The loss's direct derivative with respect to the last R hidden states.
    gradients : LSTMGradients
        Written here.
    work : LSTMWork
    window : int
        Of truncated BPTT: every sequence is cut in windows of so many steps, counted from its last, and no gradient goes
        from one to the one before. Default: not truncated.
    """
    steps = tape.x.shape[0]
    held = Held(tape.length, tape.length.min(), work.aside)
    saved = tape.gates, tape.c, tape.tanh_c
    rows = gradients.a.reshape((steps, tape.length.size, gradients.params.bias.size))
    weight_hh, da, now = params.weight_hh, gradients.a, work.now
    for t in range(steps - 1, -1, -1):
        cut(window, tape.length, t, now)
        add_loss(dloss, steps - 1 - t, now)
        lstm_step_back(weight_hh, saved, held, t, da, rows, now)
    gradients.h0[:] = work.now
    project_back(params.weight_ih, gradients.a, gradients.x)
    weight_gradient(gradients.a, tape.x, gradients.params.weight_ih)
    weight_gradient(gradients.a, tape.h[:-1], gradients.params.weight_hh)
    bias_gradient(gradients.a, gradients.params.bias)


@kernel
def lstm_flow(
    params: LSTMParams, tape: LSTMTape, dloss: Any, flow: Flow, gradients: LSTMGradients, work: LSTMWork
) -> None:
    """The norms of dL/dh_t, dL/dc_t for t = T .. 0, far beyond the range of floats; of `gradients` a is work space."""
    steps = tape.x.shape[0]
    held = Held(tape.length, tape.length.min(), work.aside)
    saved = tape.gates, tape.c, tape.tanh_c
    rows = gradients.a.reshape((steps, tape.length.size, gradients.params.bias.size))
    for t in range(steps - 1, -1, -1):
        add_scaled_loss(dloss, steps - 1 - t, work.now, flow.exponent)
        record(work.now, t + 1, flow)
        lstm_step_back(params.weight_hh, saved, held, t, gradients.a, rows, work.now)
    record(work.now, 0, flow)
