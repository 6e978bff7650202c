"""The vanilla recurrent cell, forward and its adjoint.

    a_t = W_ih x_t + b + W_hh h_(t-1),   h_t = f(a_t)

Backwards, with dh_t = dL/dh_t and s_t = f'(a_t):

    da_t = s_t * dh_t,   dh_(t-1) += W_hh^T da_t,   dx_t = W_ih^T da_t,
    dW_ih = sum_t da_t x_t^T,   dW_hh = sum_t da_t h_(t-1)^T,   db = sum_t da_t

(P. J. Werbos, Proc. IEEE 78, 1990, section III; weights as in torch.nn.RNN, its two biases added up.)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from rnnlab.kernels._jit import inner_kernel, kernel
from rnnlab.kernels.activations import (
    RELU,
    SIGMOID,
    TANH,
    linear_and_slope,
    relu_and_slope,
    sigmoid_and_slope,
    tanh_and_slope,
)
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
    from rnnlab.params import RNNParams


class RNNTape(NamedTuple):
    """What a run leaves behind for the way back."""

    x: Any  # (T, B, I): inputs, oldest first; x_t is row t - 1
    h: Any  # (T + 1, B, H): row 0 is set by the caller, the rest is written by `rnn_forward`
    slope: Any  # (T, B, H): f'(a_t) in row t - 1
    length: Any  # (B,) int64: each sequence's number of steps, 0 to T


class RNNWork(NamedTuple):
    """Work space; `now` holds zeros on entry to `rnn_backward` and `rnn_flow`, all else is written before it is read."""

    weight_hh_t: Any  # (H, H)
    recurrent: Any  # (B, H)
    now: Any  # (1, B, H)
    aside: Any  # (1, B, H)


class RNNGradients(NamedTuple):
    """Derivatives of the loss, written by `rnn_backward`."""

    params: RNNParams
    x: Any  # (T, B, I), or empty if not wanted
    h0: Any  # (1, B, H)
    a: Any  # (T, B, H): dL/da_t in row t - 1


@kernel
def rnn_forward(nonlinearity: int, params: RNNParams, tape: RNNTape, work: RNNWork) -> None:
    """Run the recurrence.

    Parameters
    ----------
    nonlinearity : int
        LINEAR, RELU, TANH or SIGMOID.
    params : RNNParams
    tape : RNNTape
        x, length and row 0 of h are read, the rest is written.
    work : RNNWork
    """
    steps, batch, hidden = tape.slope.shape
    project(params.weight_ih, params.bias, tape.x, tape.slope)
    transpose(params.weight_hh, work.weight_hh_t)
    a, h = tape.slope.reshape((steps, batch * hidden)), tape.h.reshape((steps + 1, batch * hidden))
    recurrent = work.recurrent.reshape(batch * hidden)
    shortest = tape.length.min()
    for t in range(steps):
        multiply(tape.h, t, work.weight_hh_t, work.recurrent)
        activate(nonlinearity, a, recurrent, h, t)
        if t >= shortest:
            hold(tape.length, t, tape.h)


@kernel
def activate(nonlinearity: int, a: Any, recurrent: Any, h: Any, t: int) -> None:
    """Write f(a[t] + recurrent) to h[t + 1], and the slope into the place of a[t]; rows of all sequences' units."""
    if nonlinearity == TANH:
        for i in range(recurrent.size):
            h[t + 1, i], a[t, i] = tanh_and_slope(a[t, i] + recurrent[i])
    elif nonlinearity == SIGMOID:
        for i in range(recurrent.size):
            h[t + 1, i], a[t, i] = sigmoid_and_slope(a[t, i] + recurrent[i])
    elif nonlinearity == RELU:
        for i in range(recurrent.size):
            h[t + 1, i], a[t, i] = relu_and_slope(a[t, i] + recurrent[i])
    else:
        for i in range(recurrent.size):
            h[t + 1, i], a[t, i] = linear_and_slope(a[t, i] + recurrent[i])


@inner_kernel
def rnn_step_back(weight_hh: Any, slope: Any, held: Held, t: int, da: Any, now: Any) -> None:
    """From dL/dh_(t+1) in `now` (1, B, H) to dL/da_(t+1) in row t of `da`, and to dL/dh_t in `now`.

    Arrays come one by one, since a NamedTuple of many costs two atomic counts each at every call.
    """
    times_slope(now, slope, da, t)
    if t >= held.shortest:
        keep(held, t, now)
        silence(held, t, da)
    multiply(da, t, weight_hh, now[0])
    if t >= held.shortest:
        put_back(held, t, now)


@kernel
def times_slope(dh: Any, slope: Any, da: Any, t: int) -> None:
    """Row t of `da` is dh[0] times row t of `slope`."""
    for b in range(dh.shape[1]):
        for j in range(dh.shape[2]):
            da[t, b, j] = without_subnormals(dh[0, b, j] * slope[t, b, j])


@kernel
def rnn_backward(
    params: RNNParams, tape: RNNTape, dloss: Any, gradients: RNNGradients, work: RNNWork, window: int = WHOLE
) -> None:
    """Backpropagation through time.

    Parameters
    ----------
    params, tape
        As `rnn_forward` was given and left them.
    dloss : ndarray (R, B, H)
        The loss's direct derivative with respect to the last R states.
    gradients : RNNGradients
        Written here.
    work : RNNWork
    window : int
        Of truncated BPTT: every sequence is cut in windows of so many steps, counted from its last, and no gradient goes
        from one to the one before. Default: not truncated.
    """
    steps = tape.x.shape[0]
    held = Held(tape.length, tape.length.min(), work.aside)
    weight_hh, slope, da, now = params.weight_hh, tape.slope, gradients.a, work.now
    for t in range(steps - 1, -1, -1):
        cut(window, tape.length, t, now)
        add_loss(dloss, steps - 1 - t, now)
        rnn_step_back(weight_hh, slope, held, t, da, now)
    gradients.h0[:] = work.now
    project_back(params.weight_ih, gradients.a, gradients.x)
    weight_gradient(gradients.a, tape.x, gradients.params.weight_ih)
    weight_gradient(gradients.a, tape.h[:-1], gradients.params.weight_hh)
    bias_gradient(gradients.a, gradients.params.bias)


@kernel
def rnn_flow(params: RNNParams, tape: RNNTape, dloss: Any, flow: Flow, gradients: RNNGradients, work: RNNWork) -> None:
    """The norm of dL/dh_t for t = T .. 0, far beyond the range of floats; of `gradients` a is work space."""
    steps = tape.x.shape[0]
    held = Held(tape.length, tape.length.min(), work.aside)
    for t in range(steps - 1, -1, -1):
        add_scaled_loss(dloss, steps - 1 - t, work.now, flow.exponent)
        record(work.now, t + 1, flow)
        rnn_step_back(params.weight_hh, tape.slope, held, t, gradients.a, work.now)
    record(work.now, 0, flow)
