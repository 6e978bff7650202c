"""The GRU as first published, whose reset gate comes before the hidden product; Keras's GRU(reset_after=False).

    r, z = sigmoid(W_ih x_t + b + W_hh h_(t-1)),   s = r * h_(t-1),   n = tanh(W_in x_t + b_n + W_hn s)
    h_t = (1 - z) * n + z * h_(t-1)

Backwards:

    da^n = dh * (1 - z) * (1 - n^2),   ds = W_hn^T da^n,   da^z = dh * (h_(t-1) - n) * z (1 - z),
    da^r = ds * h_(t-1) * r (1 - r),   dh_(t-1) += z * dh + r * ds + W_hr^T da^r + W_hz^T da^z

(K. Cho et al., EMNLP 2014, equations 5 to 8; `gru` has PyTorch's form.)
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from rnnlab._base import initial
from rnnlab._base.initial import Scheme
from rnnlab._base.showing import largest_entry, shows
from rnnlab.kernels._floats import constants_of
from rnnlab.kernels._jit import inner_kernel, kernel
from rnnlab.kernels.activations import sigmoid, tanh
from rnnlab.kernels.cells import gru
from rnnlab.kernels.cells.cell import Cell, Shapes, Steps
from rnnlab.kernels.products import add_bias_gradient, add_weight_gradient, multiply, project, project_back, transpose
from rnnlab.kernels.scaling import without_subnormals
from rnnlab.kernels.views import as_steps


@shows(largest_entry)
class ResetBeforeGRUParams(NamedTuple):
    """GRU, gates r, z, n; the reset gate multiplies the state before weight_hn does."""

    weight_ih: Any  # (3 H, I)
    weight_hh: Any  # (3 H, H)
    bias: Any  # (3 H,)

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
    ) -> ResetBeforeGRUParams:
        """Draw parameters, each gate's block as `RNNParams.init` draws its weights; `chrono` as in `GRUParams.init`."""
        made = initial.draw(input_size, hidden_size, 3, initial.Recipe(rng, scheme, gain, dtype))
        params = cls(made.weight_ih, made.weight_hh, made.bias)
        if chrono is not None:
            params.bias.reshape(3, -1)[1] = initial.chrono_bias(hidden_size, rng, chrono)
        return params

    @staticmethod
    def cell() -> Cell:
        """Return the Cell: shapes, states and kernels, all that the package asks of this class of parameters."""
        return CELL


class ResetBeforeGRUTape(NamedTuple):
    """A run of the cell, with all that its way back needs."""

    x: Any  # (T, B, I): inputs, oldest first; x_t is row t - 1
    h: Any  # (T + 1, B, H): row 0 is set by the caller
    gates: Any  # (T, B, 2, H): r, z
    n: Any  # (T, B, H)
    s: Any  # (T, B, H): r * h_(t-1) in row t - 1
    length: Any  # (B,) int64: each sequence's number of steps, 0 to T


class ResetBeforeGRUWork(NamedTuple):
    """Work space; `now` holds zeros on entry to the way back."""

    of_gates_t: Any  # (H, 2 H): weight_hr and weight_hz, transposed
    of_n_t: Any  # (H, H)
    gates: Any  # (B, 2 H)
    n: Any  # (B, H): W_hn s forward, ds on the way back
    now: Any  # (1, B, H)
    direct: Any  # (B, H): the share z * dh + r * ds of the gradient
    aside: Any  # (1, B, H)


class ResetBeforeGRUGradients(NamedTuple):
    """Derivatives of the loss."""

    params: ResetBeforeGRUParams
    x: Any  # (T, B, I), or empty if not wanted
    h0: Any  # (1, B, H)
    a: Any  # (T, B, 3, H): dL/da_t in row t - 1
    gates: Any  # (T, B, 2, H): the same of r and z alone
    n: Any  # (T, B, H): the same of n alone


@kernel
def prepare(params: ResetBeforeGRUParams, tape: ResetBeforeGRUTape, work: ResetBeforeGRUWork) -> None:
    """Project all inputs into the place of the gates and of the candidate."""
    two = 2 * tape.n.shape[2]
    project(params.weight_ih[:two], params.bias[:two], tape.x, tape.gates)
    project(params.weight_ih[two:], params.bias[two:], tape.x, tape.n)
    transpose(params.weight_hh[:two], work.of_gates_t)
    transpose(params.weight_hh[two:], work.of_n_t)


@inner_kernel
def step(_: int, params: ResetBeforeGRUParams, tape: ResetBeforeGRUTape, work: ResetBeforeGRUWork, t: int) -> None:
    """From h_t to h_(t+1)."""
    multiply(tape.h, t, work.of_gates_t, work.gates)
    reset(tape.gates, work.gates, tape.h, tape.s, t)
    multiply(tape.s, t, work.of_n_t, work.n)
    new_state(tape.gates, work.n, tape.n, tape.h, t)


@kernel
def reset(gates: Any, recurrent: Any, h: Any, s: Any, t: int) -> None:
    """Gates (T, B, 2, H) of step t, in whose place the projected inputs come, and row t of r * h."""
    hidden = s.shape[2]
    for b in range(s.shape[1]):
        for k in range(2):
            for j in range(hidden):
                gates[t, b, k, j] = sigmoid(gates[t, b, k, j] + recurrent[b, k * hidden + j])
        for j in range(hidden):
            s[t, b, j] = gates[t, b, 0, j] * h[t, b, j]


@kernel
def new_state(gates: Any, recurrent: Any, n: Any, h: Any, t: int) -> None:
    """Candidate of step t, in whose place the projected input comes, and row t + 1 of h."""
    for b in range(n.shape[1]):
        for j in range(n.shape[2]):
            n[t, b, j] = tanh(n[t, b, j] + recurrent[b, j])
        for j in range(n.shape[2]):
            h[t + 1, b, j] = n[t, b, j] + gates[t, b, 1, j] * (h[t, b, j] - n[t, b, j])


@inner_kernel
def step_back(
    params: ResetBeforeGRUParams,
    tape: ResetBeforeGRUTape,
    gradients: ResetBeforeGRUGradients,
    work: ResetBeforeGRUWork,
    t: int,
) -> None:
    """From dL/dh_(t+1) in `work.now` to row t of a, gates and n of the gradients, and to dL/dh_t in `work.now`."""
    now, direct, two = work.now, work.direct, 2 * tape.n.shape[2]
    candidate_back(tape.gates, tape.n, now, gradients.a, gradients.n, t)
    multiply(gradients.n, t, params.weight_hh[two:], work.n)
    gates_back(tape, now, work.n, gradients.a, direct, t)
    for b in range(direct.shape[0]):
        for k in range(2):
            for j in range(direct.shape[1]):
                gradients.gates[t, b, k, j] = gradients.a[t, b, k, j]
    multiply(as_steps(gradients.gates), t, params.weight_hh[:two], now[0])
    for b in range(direct.shape[0]):
        for j in range(direct.shape[1]):
            now[0, b, j] += direct[b, j]


@kernel
def candidate_back(gates: Any, n: Any, now: Any, da: Any, dn: Any, t: int) -> None:
    """The candidate's pointwise part, to row t of `dn` (T, B, H) and of `da` (T, B, 3, H)."""
    one = constants_of(now[0, 0, 0]).one
    for b in range(n.shape[1]):
        for j in range(n.shape[2]):
            now[0, b, j] = without_subnormals(now[0, b, j])
        for j in range(n.shape[2]):
            dn[t, b, j] = now[0, b, j] * (one - gates[t, b, 1, j]) * (one - n[t, b, j] * n[t, b, j])
            da[t, b, 2, j] = dn[t, b, j]


@kernel
def gates_back(tape: ResetBeforeGRUTape, now: Any, ds: Any, da: Any, direct: Any, t: int) -> None:
    """The gates' pointwise part, to row t of `da` (T, B, 3, H), and what goes past them, to `direct` (B, H)."""
    gates, h, n = tape.gates, tape.h, tape.n
    one = constants_of(now[0, 0, 0]).one
    for b in range(direct.shape[0]):
        for j in range(direct.shape[1]):
            r = gates[t, b, 0, j]
            da[t, b, 0, j] = ds[b, j] * h[t, b, j] * r * (one - r)
        for j in range(direct.shape[1]):
            z = gates[t, b, 1, j]
            da[t, b, 1, j] = now[0, b, j] * (h[t, b, j] - n[t, b, j]) * z * (one - z)
        for j in range(direct.shape[1]):
            direct[b, j] = without_subnormals(now[0, b, j] * gates[t, b, 1, j] + ds[b, j] * gates[t, b, 0, j])


@kernel
def finish(params: ResetBeforeGRUParams, tape: ResetBeforeGRUTape, gradients: ResetBeforeGRUGradients) -> None:
    """Add the sums over some steps to the gradients of the parameters, and write those of their inputs."""
    two, out = 2 * tape.n.shape[2], gradients.params
    project_back(params.weight_ih, gradients.a, gradients.x)
    add_weight_gradient(gradients.a, tape.x, out.weight_ih)
    add_weight_gradient(gradients.gates, tape.h[:-1], out.weight_hh[:two])
    add_weight_gradient(gradients.n, tape.s, out.weight_hh[two:])
    add_bias_gradient(gradients.a, out.bias)


def shapes(t: int, b: int, i: int, h: int) -> Shapes:
    """The shapes of all arrays, for T steps of B sequences."""
    params = ResetBeforeGRUParams((3 * h, i), (3 * h, h), (3 * h,))
    states, gates = (t, b, h), (t, b, 2, h)
    return Shapes(
        params,
        ResetBeforeGRUTape((t, b, i), (t + 1, b, h), gates, states, states, (b,)),
        ResetBeforeGRUWork((h, 2 * h), (h, h), (b, 2 * h), (b, h), (1, b, h), (b, h), (1, b, h)),
        ResetBeforeGRUGradients(params, (t, b, i), (1, b, h), (t, b, 3, h), gates, states),
    )


def tangent(params: ResetBeforeGRUParams, tape: ResetBeforeGRUTape) -> Callable[[int, Any], Any]:
    """Q to J_t Q."""

    def apply(t: int, q: Any) -> Any:
        r, z = tape.gates[t, 0, :, :, None]
        n, h = tape.n[t, 0, :, None], tape.h[t, 0, :, None]
        weight_r, weight_z, weight_n = np.split(params.weight_hh, 3)
        of_s = r * q + h * r * (1 - r) * (weight_r @ q)
        return z * q + (h - n) * z * (1 - z) * (weight_z @ q) + (1 - z) * (1 - n * n) * (weight_n @ of_s)

    return apply


CELL = gru.CELL._replace(shapes=shapes, steps=Steps(prepare, step, step_back, finish), share=None, tangent=tangent)
