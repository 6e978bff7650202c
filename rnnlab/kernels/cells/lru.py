"""The linear recurrent unit, as a cell of one's own: a diagonal recurrence of N complex numbers, H = 2 N real units.

    lambda_j = exp(-exp(log_decay_j) + i angle_j),   gamma_j = sqrt(1 - |lambda_j|^2),
    h_t = lambda * h_(t-1) + gamma * (B x_t)

Real parts are the first N units, imaginary parts the last, so that a linear readout of h is Re(C h) of any complex C.
Backwards, with the bar for complex conjugates and g_t = dL/dh_t as a complex number:

    g_(t-1) += bar(lambda) * g_t,   d(B x_t) = gamma * g_t,
    dlambda = sum_t g_t bar(h_(t-1)),   dgamma = sum_t Re(g_t bar(B x_t)),
    dlog_decay = nu (gamma' dgamma - Re(dlambda bar(lambda))),   dangle = Im(dlambda bar(lambda)),

nu = exp(log_decay), gamma' = |lambda|^2 / gamma. So the decay is stable whatever descent does to it.

(A. Orvieto et al., Resurrecting recurrent neural networks for long sequences, ICML 2023: lemma 3.2 and
section 3.3; here gamma follows lambda at every update, and B has no bias.)
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from rnnlab.kernels._jit import inner_kernel, kernel
from rnnlab.kernels.cells import recurrence
from rnnlab.kernels.cells.cell import Cell, Shapes, Steps
from rnnlab.kernels.products import add_weight_gradient, project, project_back
from rnnlab.kernels.scaling import without_subnormals


class LRUParams(NamedTuple):
    """Linear recurrent unit; log_decay is log(-log |lambda|)."""

    weight_ih: Any  # (H, I): Re B, Im B
    log_decay: Any  # (N,)
    angle: Any  # (N,)

    @classmethod
    def init(
        cls,
        input_size: int,
        hidden_size: int,
        *,
        rng: np.random.Generator,
        ring: tuple[float, float] = (0.0, 1.0),
        most_angle: float = 2 * math.pi,
    ) -> LRUParams:
        """Draw lambda uniformly from the ring between two radii (lemma 3.2), and B with E |B x|^2 = |x|^2 / I.

        Parameters
        ----------
        input_size, hidden_size : int
            I, and H = 2 N.
        rng : numpy.random.Generator
        ring : (float, float)
            The least and the largest |lambda|, within 0 .. 1.
        most_angle : float
            Angles are uniform between 0 and this.
        """
        least, most = ring
        numbers = hidden_size // 2
        square = rng.uniform(least**2, most**2, numbers)
        angle = rng.uniform(0, most_angle, numbers)
        weight = rng.standard_normal((2 * numbers, input_size)) / math.sqrt(2 * input_size)
        return cls(weight, np.log(-np.log(square) / 2), angle)

    @staticmethod
    def cell() -> Cell:
        """Return the Cell."""
        return CELL


class LRUTape(NamedTuple):
    """A run of the cell."""

    x: Any  # (T, B, I)
    h: Any  # (T + 1, B, H)
    drive: Any  # (T, B, H): B x_t
    factor: Any  # (3, N): Re lambda, Im lambda, gamma
    length: Any  # (B,)


class LRUWork(NamedTuple):
    """Work space."""

    now: Any  # (1, B, H)
    aside: Any  # (1, B, H)


class LRUGradients(NamedTuple):
    """Derivatives of the loss."""

    params: LRUParams
    x: Any  # (T, B, I), or empty
    h0: Any  # (1, B, H)
    h: Any  # (T, B, H): dL/dh_t
    a: Any  # (T, B, H): dL/d(B x_t)


@kernel
def prepare(params: LRUParams, tape: LRUTape, work: LRUWork) -> None:
    """B x of all steps, lambda and gamma."""
    project(params.weight_ih, params.weight_ih[0, :0], tape.x, tape.drive)
    for j in range(params.angle.size):
        size = math.exp(-math.exp(params.log_decay[j]))
        tape.factor[0, j] = size * math.cos(params.angle[j])
        tape.factor[1, j] = size * math.sin(params.angle[j])
        tape.factor[2, j] = math.sqrt(-math.expm1(-2 * math.exp(params.log_decay[j])))


@inner_kernel
def step(_: int, params: LRUParams, tape: LRUTape, work: LRUWork, t: int) -> None:
    """From h_t to h_(t+1)."""
    h, drive, factor = tape.h, tape.drive, tape.factor
    n = factor.shape[1]
    for b in range(h.shape[1]):
        for j in range(n):
            h[t + 1, b, j] = factor[0, j] * h[t, b, j] - factor[1, j] * h[t, b, n + j] + factor[2, j] * drive[t, b, j]
        for j in range(n):
            turned = factor[0, j] * h[t, b, n + j] + factor[1, j] * h[t, b, j]
            h[t + 1, b, n + j] = turned + factor[2, j] * drive[t, b, n + j]


@inner_kernel
def step_back(params: LRUParams, tape: LRUTape, gradients: LRUGradients, work: LRUWork, t: int) -> None:
    """From dL/dh_(t+1) in `work.now` to row t of `gradients.h`, and to dL/dh_t in `work.now`."""
    factor, now, n = tape.factor, work.now, tape.factor.shape[1]
    for b in range(now.shape[1]):
        for j in range(2 * n):
            gradients.h[t, b, j] = without_subnormals(now[0, b, j])
        for j in range(n):
            now[0, b, j] = factor[0, j] * gradients.h[t, b, j] + factor[1, j] * gradients.h[t, b, n + j]
        for j in range(n):
            now[0, b, n + j] = factor[0, j] * gradients.h[t, b, n + j] - factor[1, j] * gradients.h[t, b, j]


@kernel
def finish(params: LRUParams, tape: LRUTape, gradients: LRUGradients) -> None:
    """Add the sums over all steps to the gradients of the parameters, and write those of the inputs."""
    g, h, drive, factor, a = gradients.h, tape.h, tape.drive, tape.factor, gradients.a
    n, by = factor.shape[1], np.zeros_like(factor)  # derivatives by Re lambda, Im lambda, gamma
    for t in range(g.shape[0]):
        for b in range(g.shape[1]):
            for j in range(n):
                up, down = g[t, b, j], g[t, b, n + j]
                by[0, j] += up * h[t, b, j] + down * h[t, b, n + j]
                by[1, j] += down * h[t, b, j] - up * h[t, b, n + j]
                by[2, j] += up * drive[t, b, j] + down * drive[t, b, n + j]
                a[t, b, j], a[t, b, n + j] = factor[2, j] * up, factor[2, j] * down
    for j in range(n):
        real, imaginary, gamma = factor[0, j], factor[1, j], factor[2, j]
        along, square = by[0, j] * real + by[1, j] * imaginary, real * real + imaginary * imaginary
        gradients.params.log_decay[j] += math.exp(params.log_decay[j]) * (square / gamma * by[2, j] - along)
        gradients.params.angle[j] += by[1, j] * real - by[0, j] * imaginary
    project_back(params.weight_ih, a, gradients.x)
    add_weight_gradient(a, tape.x, gradients.params.weight_ih)


def shapes(t: int, b: int, i: int, h: int) -> Shapes:
    """The shapes of all arrays, for T steps of B sequences; H is even."""
    params = LRUParams((h, i), (h // 2,), (h // 2,))
    step, state = (t, b, h), (1, b, h)
    return Shapes(
        params,
        LRUTape((t, b, i), (t + 1, b, h), step, (3, h // 2), (b,)),
        LRUWork(state, state),
        LRUGradients(params, (t, b, i), state, step, step),
    )


def tangent(_: LRUParams, tape: LRUTape) -> Callable[[int, Any], Any]:
    """Q to J Q, the same at every step: N turns, each with its decay."""
    real, imaginary, _ = tape.factor[:, :, None]

    def turned(_: int, q: Any) -> Any:
        up, down = np.split(q, 2)
        return np.concatenate([real * up - imaginary * down, real * down + imaginary * up])

    return turned


CELL = Cell(
    gates=1,
    states=("h",),
    shapes=shapes,
    forward=recurrence.forward,
    backward=recurrence.backward,
    flow=recurrence.flow,
    steps=Steps(prepare, step, step_back, finish),
    tangent=tangent,
)
