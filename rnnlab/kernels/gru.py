"""The GRU cell, forward and its adjoint: torch.nn.GRU's equations, gate order (r, z, n) and packing.

    r, z = sigmoid(W_ih x_t + b + W_hh h_(t-1)),   m = W_hn h_(t-1) + b_hn,   n = tanh(W_in x_t + b_n + r * m)
    h_t = (1 - z) * n + z * h_(t-1)

Backwards:

    da^n = dh * (1 - z) * (1 - n^2),   da^z = dh * (h_(t-1) - n) * z (1 - z),   da^r = da^n * m * r (1 - r),
    dh_(t-1) += z * dh + W_hr^T da^r + W_hz^T da^z + W_hn^T (r * da^n)

(K. Cho et al., 2014, in the form of PyTorch: the reset gate is applied after the hidden product.)
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
    from rnnlab.params import GRUParams


class GRUTape(NamedTuple):
    """What a run leaves behind for the way back."""

    x: Any  # (T, B, I): inputs, oldest first; x_t is row t - 1
    h: Any  # (T + 1, B, H): row 0 is set by the caller, the rest is written by `gru_forward`
    gates: Any  # (T, B, 3, H): r, z, n
    m: Any  # (T, B, H): the hidden product that the reset gate multiplies
    length: Any  # (B,) int64: each sequence's number of steps, 0 to T


class GRUWork(NamedTuple):
    """Work space; `now` holds zeros on entry to `gru_backward` and `gru_flow`, all else is written before it is read."""

    weight_hh_t: Any  # (H, 3 H)
    recurrent: Any  # (B, 3 H)
    now: Any  # (1, B, H)
    direct: Any  # (B, H): the share z * dh of the gradient
    aside: Any  # (1, B, H)


class GRUGradients(NamedTuple):
    """Derivatives of the loss, written by `gru_backward`."""

    params: GRUParams
    x: Any  # (T, B, I), or empty if not wanted
    h0: Any  # (1, B, H)
    a: Any  # (T, B, 3, H): with respect to the input's part of the pre-activations
    hidden: Any  # (T, B, 3, H): with respect to the state's part, W_hh h_(t-1) and b_hn


@kernel
def gru_forward(params: GRUParams, tape: GRUTape, work: GRUWork) -> None:
    """Run the recurrence: x, length and row 0 of h of the tape are read, the rest is written."""
    steps, batch, hidden = tape.m.shape
    project(params.weight_ih, params.bias, tape.x, tape.gates)
    transpose(params.weight_hh, work.weight_hh_t)
    recurrent = work.recurrent.reshape((batch, 3, hidden))
    shortest = tape.length.min()
    h, gates, m, bias_hn = tape.h, tape.gates, tape.m, params.bias_hn
    for t in range(steps):
        multiply(h, t, work.weight_hh_t, work.recurrent)
        gru_step(bias_hn, gates, recurrent, m, h, t)
        if t >= shortest:
            hold(tape.length, t, h)


@kernel
def gru_step(bias_hn: Any, gates: Any, recurrent: Any, m: Any, h: Any, t: int) -> None:
    """Gates (T, B, 3, H) of step t, in whose place the projected inputs come, and row t + 1 of h."""
    batch, _, hidden = recurrent.shape
    for b in range(batch):
        for k in range(2):
            for j in range(hidden):
                gates[t, b, k, j] = sigmoid(gates[t, b, k, j] + recurrent[b, k, j])
        for j in range(hidden):
            m[t, b, j] = recurrent[b, 2, j] + bias_hn[j]
            recurrent[b, 2, j] = gates[t, b, 0, j] * m[t, b, j]
        for j in range(hidden):
            gates[t, b, 2, j] = tanh(gates[t, b, 2, j] + recurrent[b, 2, j])
        for j in range(hidden):
            n = gates[t, b, 2, j]
            h[t + 1, b, j] = n + gates[t, b, 1, j] * (h[t, b, j] - n)


@inner_kernel
def gru_step_back(weight_hh: Any, saved: Any, held: Held, t: int, out: Any, direct: Any, now: Any) -> None:
    """From dL/dh_(t+1) in `now` to row t of the arrays in `out`, and to dL/dh_t in `now`.

    `saved` are the tape's gates, m and h: a NamedTuple of more arrays costs two atomic counts for each at every call.
    `out` are a and hidden of the gradients, (T, B, 3, H), and the same in the shape of a product's factor, (T, B, 3 H).
    """
    da, hidden, da_rows, hidden_rows = out
    if t >= held.shortest:
        keep(held, t, now)
    gru_gates_back(saved, now, da, hidden, direct, t)
    if t >= held.shortest:
        silence(held, t, da_rows)
        silence(held, t, hidden_rows)
    multiply(hidden_rows, t, weight_hh, now[0])
    for b in range(direct.shape[0]):
        for j in range(direct.shape[1]):
            now[0, b, j] += direct[b, j]
    if t >= held.shortest:
        put_back(held, t, now)


@kernel
def gru_gates_back(saved: Any, now: Any, da: Any, hidden: Any, direct: Any, t: int) -> None:
    """The pointwise part; each loop writes one row of an array, since loops that write several do not vectorise."""
    gates, m, h = saved
    one = constants_of(now[0, 0, 0]).one
    _, batch, units = now.shape
    for b in range(batch):
        for j in range(units):
            r, z, n = gates[t, b, 0, j], gates[t, b, 1, j], gates[t, b, 2, j]
            dn = without_subnormals(now[0, b, j]) * (one - z) * (one - n * n)
            da[t, b, 2, j] = dn
            hidden[t, b, 2, j] = dn * r
        for j in range(units):
            da[t, b, 0, j] = hidden[t, b, 2, j] * m[t, b, j] * (one - gates[t, b, 0, j])
        for j in range(units):
            z = gates[t, b, 1, j]
            direct[b, j] = without_subnormals(now[0, b, j] * z)
            da[t, b, 1, j] = now[0, b, j] * (h[t, b, j] - gates[t, b, 2, j]) * z * (one - z)
        for k in range(2):
            for j in range(units):
                hidden[t, b, k, j] = da[t, b, k, j]


@kernel
def gru_backward(
    params: GRUParams, tape: GRUTape, dloss: Any, gradients: GRUGradients, work: GRUWork, window: int = WHOLE
) -> None:
    """Backpropagation through time.

    Parameters
    ----------
    params, tape
        As `gru_forward` was given and left them.
    dloss : ndarray (R, B, H)
        The loss's direct derivative with respect to the last R states.
    gradients : GRUGradients
        Written here.
    work : GRUWork
    window : int
        Of truncated BPTT: every sequence is cut in windows of so many steps, counted from its last, and no gradient goes
        from one to the one before. Default: not truncated.
    """
    steps = tape.x.shape[0]
    held = Held(tape.length, tape.length.min(), work.aside)
    saved = tape.gates, tape.m, tape.h
    shape = (steps, tape.length.size, gradients.params.bias.size)
    out = gradients.a, gradients.hidden, gradients.a.reshape(shape), gradients.hidden.reshape(shape)
    weight_hh, direct, now = params.weight_hh, work.direct, work.now
    for t in range(steps - 1, -1, -1):
        cut(window, tape.length, t, now)
        add_loss(dloss, steps - 1 - t, now)
        gru_step_back(weight_hh, saved, held, t, out, direct, now)
    gradients.h0[:] = work.now
    project_back(params.weight_ih, gradients.a, gradients.x)
    weight_gradient(gradients.a, tape.x, gradients.params.weight_ih)
    weight_gradient(gradients.hidden, tape.h[:-1], gradients.params.weight_hh)
    bias_gradient(gradients.a, gradients.params.bias)
    candidate_bias_gradient(gradients.hidden, gradients.params.bias_hn)


@kernel
def candidate_bias_gradient(hidden: Any, out: Any) -> None:
    """The candidate's part of `hidden` (T, B, 3, H) summed over t and b, to `out` (H,)."""
    for j in range(out.size):
        out[j] = 0
    for t in range(hidden.shape[0]):
        for b in range(hidden.shape[1]):
            for j in range(out.size):
                out[j] += hidden[t, b, 2, j]


@kernel
def gru_flow(params: GRUParams, tape: GRUTape, dloss: Any, flow: Flow, gradients: GRUGradients, work: GRUWork) -> None:
    """The norm of dL/dh_t for t = T .. 0, far beyond the range of floats; of `gradients` a, hidden are work space."""
    steps = tape.x.shape[0]
    held = Held(tape.length, tape.length.min(), work.aside)
    saved = tape.gates, tape.m, tape.h
    shape = (steps, tape.length.size, gradients.params.bias.size)
    out = gradients.a, gradients.hidden, gradients.a.reshape(shape), gradients.hidden.reshape(shape)
    weight_hh, direct, now = params.weight_hh, work.direct, work.now
    for t in range(steps - 1, -1, -1):
        add_scaled_loss(dloss, steps - 1 - t, now, flow.exponent)
        record(now, t + 1, flow)
        gru_step_back(weight_hh, saved, held, t, out, direct, now)
    record(now, 0, flow)
