"""Single-head causal self-attention with a residual connection: the smallest honest stand-in for a Transformer layer.

    e_t = W_ih x_t + b,   q, k, v = W_q e, W_k e, W_v e
    w_ts = softmax over s <= t of q_t . k_s / sqrt(H),   m_t = sum_s w_ts v_s,   h_t = e_t + W_o m_t

Backwards, with dS = w * (dw - sum_s w dw) / sqrt(H) row by row:

    dm = W_o^T dh,   dw_ts = dm_t . v_s,   dv = w^T dm,   dq = dS k,   dk = dS^T q,
    de = dh + W_q^T dq + W_k^T dk + W_v^T dv

(A. Vaswani et al., Attention is all you need, 2017, section 3.2.1; without positions, normalisation or biases.)
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from rnnlab._base import initial
from rnnlab._base.initial import Scheme
from rnnlab._base.showing import largest_entry, shows
from rnnlab.kernels._floats import constants_of
from rnnlab.kernels._jit import kernel
from rnnlab.kernels.cells.cell import Cell, Shapes
from rnnlab.kernels.products import bias_gradient, project, project_back, weight_gradient
from rnnlab.kernels.sequences import Flow, log10_norm


@shows(largest_entry)
class AttentionParams(NamedTuple):
    """Single-head causal self-attention over embedded inputs."""

    weight_ih: Any  # (H, I): the embedding
    bias: Any  # (H,)
    weight_q: Any  # (H, H)
    weight_k: Any  # (H, H)
    weight_v: Any  # (H, H)
    weight_o: Any  # (H, H)

    @classmethod
    def init(
        cls,
        input_size: int,
        hidden_size: int,
        *,
        rng: np.random.Generator,
        scheme: Scheme = "glorot",
        gain: float = 1.0,
        dtype: Any = np.float64,
    ) -> AttentionParams:
        """Draw parameters: the embedding as `RNNParams.init` draws input weights, the others as recurrent ones."""
        made = initial.draw(input_size, hidden_size, 4, initial.Recipe(rng, scheme, gain, dtype))
        q, k, v, o = made.weight_hh.reshape(4, hidden_size, hidden_size)
        return cls(made.weight_ih[:hidden_size].copy(), made.bias[:hidden_size].copy(), q, k, v, o)

    @staticmethod
    def cell() -> Cell:
        """Return the Cell: shapes, states and kernels, all that the package asks of this class of parameters."""
        return CELL


class AttentionTape(NamedTuple):
    """A run of the cell, with all that its way back needs."""

    x: Any  # (T, B, I): inputs, oldest first; x_t is row t - 1
    h: Any  # (T + 1, B, H): row 0 is set by the caller and not read; the rest is written by `attention_forward`
    e: Any  # (T, B, H): embedded inputs
    qkv: Any  # (3, T, B, H): queries, keys, values
    weights: Any  # (B, T, T): attention weights, row t on column s <= t
    mixed: Any  # (T, B, H): values mixed by the weights
    length: Any  # (B,) int64: each sequence's number of steps, 0 to T; its last h is held afterwards


class AttentionWork(NamedTuple):
    """Work space."""

    sequences: Any  # (7, T, H): queries, keys, values of one sequence, and the gradients of them and of the mix
    scores: Any  # (T, T)
    dmixed: Any  # (T, B, H)
    dqkv: Any  # (3, T, B, H)
    share: Any  # (T, B, H)
    nothing: Any  # (H,) zeros: the bias that the inner projections do not have


class AttentionGradients(NamedTuple):
    """Derivatives of the loss, written by `attention_backward`."""

    params: AttentionParams
    x: Any  # (T, B, I), or empty if not wanted
    h: Any  # (T, B, H): with respect to h_t, held steps added to the last one
    e: Any  # (T, B, H): with respect to the embedded inputs


@kernel
def attention_forward(params: AttentionParams, tape: AttentionTape, work: AttentionWork) -> None:
    """Run the layer: x, length and row 0 of h of the tape are read, the rest is written."""
    steps = tape.x.shape[0]
    project(params.weight_ih, params.bias, tape.x, tape.e)
    for b in range(tape.length.size):
        tape.e[tape.length[b] :, b] = 0  # whatever x has after a sequence's end
    project(params.weight_q, work.nothing, tape.e, tape.qkv[0])
    project(params.weight_k, work.nothing, tape.e, tape.qkv[1])
    project(params.weight_v, work.nothing, tape.e, tape.qkv[2])
    for b in range(tape.length.size):
        gather(tape.qkv, b, work.sequences)
        np.dot(work.sequences[0], work.sequences[1].T, work.scores)
        softmax_of_past(work.scores, scale_of(params), tape.weights[b])
        np.dot(tape.weights[b], work.sequences[2], work.sequences[6])
        tape.mixed[:, b] = work.sequences[6]
    project(params.weight_o, work.nothing, tape.mixed, tape.h[1:])
    for t in range(steps):
        for b in range(tape.length.size):
            for j in range(tape.h.shape[2]):
                tape.h[t + 1, b, j] = tape.h[t, b, j] if tape.length[b] <= t else tape.h[t + 1, b, j] + tape.e[t, b, j]


@kernel
def gather(qkv: Any, b: int, sequences: Any) -> None:
    """Copy queries, keys and values of sequence b, so that they are contiguous."""
    for k in range(3):
        sequences[k] = qkv[k, :, b]


@kernel
def scale_of(params: AttentionParams) -> Any:
    """1 / sqrt(H), in the type of the weights."""
    one = constants_of(params.bias[0]).one
    return one / type(one)(math.sqrt(params.bias.size))


@kernel
def softmax_of_past(scores: Any, scale: Any, weights: Any) -> None:
    """Row t of `weights` is the softmax of scale scores[t, s] over s <= t, and 0 beyond; all (T, T)."""
    for t in range(scores.shape[0]):
        top = scores[t, 0]
        for s in range(1, t + 1):
            top = max(top, scores[t, s])
        total = top - top
        for s in range(t + 1):
            weights[t, s] = math.exp(scale * (scores[t, s] - top))
            total += weights[t, s]
        for s in range(t + 1):
            weights[t, s] /= total
        weights[t, t + 1 :] = 0


@kernel
def softmax_back(weights: Any, scale: Any, dweights: Any) -> None:
    """From the derivative with respect to the weights to that with respect to the scores, in place; all (T, T)."""
    for t in range(weights.shape[0]):
        mean = weights[t, 0] * dweights[t, 0]
        for s in range(1, t + 1):
            mean += weights[t, s] * dweights[t, s]
        for s in range(weights.shape[0]):
            dweights[t, s] = scale * weights[t, s] * (dweights[t, s] - mean)


@kernel
def attention_backward(
    params: AttentionParams, tape: AttentionTape, dloss: Any, gradients: AttentionGradients, work: AttentionWork
) -> None:
    """The adjoint of `attention_forward`.

    Parameters
    ----------
    params, tape
        As `attention_forward` was given and left them.
    dloss : ndarray (R, B, H)
        The loss's direct derivative with respect to the last R outputs.
    gradients : AttentionGradients
        Written here.
    work : AttentionWork
    """
    own_outputs(tape.length, dloss, gradients.h)
    project_back(params.weight_o, gradients.h, work.dmixed)
    weight_gradient(gradients.h, tape.mixed, gradients.params.weight_o)
    for b in range(tape.length.size):
        sequence_back(tape, scale_of(params), b, work)
    gradients.e[:] = gradients.h
    inner = gradients.params
    share_of(params.weight_q, work.dqkv[0], tape.e, inner.weight_q, gradients.e, work.share)
    share_of(params.weight_k, work.dqkv[1], tape.e, inner.weight_k, gradients.e, work.share)
    share_of(params.weight_v, work.dqkv[2], tape.e, inner.weight_v, gradients.e, work.share)
    project_back(params.weight_ih, gradients.e, gradients.x)
    weight_gradient(gradients.e, tape.x, inner.weight_ih)
    bias_gradient(gradients.e, inner.bias)


@kernel
def own_outputs(length: Any, dloss: Any, dh: Any) -> None:
    """Gradient of each computed output: those of held steps go to the last computed one, (T, B, H)."""
    steps = dh.shape[0]
    dh[:] = 0
    for row in range(dloss.shape[0]):
        t = steps - dloss.shape[0] + row
        for b in range(length.size):
            own = min(t, length[b] - 1)
            if own >= 0:
                for j in range(dh.shape[2]):
                    dh[own, b, j] += dloss[row, b, j]


@kernel
def sequence_back(tape: AttentionTape, scale: Any, b: int, work: AttentionWork) -> None:
    """Through mixing, softmax and scores of sequence b."""
    weights, scores, parts = tape.weights[b], work.scores, work.sequences
    gather(tape.qkv, b, parts)
    parts[6] = work.dmixed[:, b]
    np.dot(parts[6], parts[2].T, scores)
    softmax_back(weights, scale, scores)
    np.dot(scores, parts[1], parts[3])
    np.dot(scores.T, parts[0], parts[4])
    np.dot(weights.T, parts[6], parts[5])
    for k in range(3):
        work.dqkv[k][:, b] = parts[3 + k]


@kernel
def share_of(weight: Any, dpart: Any, e: Any, dweight: Any, de: Any, share: Any) -> None:
    """The gradient of one inner projection, and its share of the embedding's, added to `de`."""
    weight_gradient(dpart, e, dweight)
    project_back(weight, dpart, share)
    for t in range(de.shape[0]):
        for b in range(de.shape[1]):
            for j in range(de.shape[2]):
                de[t, b, j] += share[t, b, j]


@kernel
def attention_flow(
    params: AttentionParams,
    tape: AttentionTape,
    dloss: Any,
    flow: Flow,
    gradients: AttentionGradients,
    work: AttentionWork,
) -> None:
    """The norm of dL/de_t in row t; row 0 is -inf. No state goes from step to step: the embedded inputs stand for it."""
    attention_backward(params, tape, dloss, gradients, work)
    flow.log10_norm[0, 0] = -np.inf
    for t in range(gradients.e.shape[0]):
        for b in range(gradients.e.shape[1]):
            flow.log10_norm[0, t + 1, b] = log10_norm(gradients.e[t, b], 0)


def shapes(t: int, b: int, i: int, h: int) -> Shapes:
    """The shapes of all arrays, for T steps of B sequences."""
    params = AttentionParams((h, i), (h,), (h, h), (h, h), (h, h), (h, h))
    return Shapes(
        params,
        AttentionTape((t, b, i), (t + 1, b, h), (t, b, h), (3, t, b, h), (b, t, t), (t, b, h), (b,)),
        AttentionWork((7, t, h), (t, t), (t, b, h), (3, t, b, h), (t, b, h), (h,)),
        AttentionGradients(params, (t, b, i), (t, b, h), (t, b, h)),
    )


@kernel
def forward(_: int, params: AttentionParams, tape: AttentionTape, work: AttentionWork) -> None:
    """`attention_forward` as every cell's is called."""
    attention_forward(params, tape, work)


@kernel
def backward(
    params: AttentionParams, tape: AttentionTape, dloss: Any, gradients: AttentionGradients, work: AttentionWork, _: int
) -> None:
    """`attention_backward` as every cell's is called; there is nothing to truncate."""
    attention_backward(params, tape, dloss, gradients, work)


CELL = Cell(gates=1, states=(), shapes=shapes, forward=forward, backward=backward, flow=attention_flow)
