"""The leaky cell, a continuous-time (rate) network in steps of delta time constants.

    h_t = h_(t-1) + delta * d_t,   d_t = -h_(t-1) + W_hh f(h_(t-1)) + W_ih x_t + b

Euler's method for tau dh/dt = -h + W_hh f(h) + W_ih x + b with delta = dt / tau; h is a potential, f(h) the rate that
others see, f = tanh by default. Backwards, with s = f'(h_(t-1)):

    da_t = delta * dh_t,   dh_(t-1) += (1 - delta) dh_t + s * W_hh^T da_t,   dx_t = W_ih^T da_t,
    dW_ih = sum_t da_t x_t^T,   dW_hh = sum_t da_t f(h_(t-1))^T,   db = sum_t da_t,   ddelta = sum_t dh_t . d_t

(H. Sompolinsky, A. Crisanti, H. J. Sommers, Phys. Rev. Lett. 61, 1988, equation 1; H. F. Song, G. R. Yang, X.-J. Wang,
PLoS Comput. Biol. 12, 2016, for training.)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from rnnlab._base import initial
from rnnlab._base.checks import numbers
from rnnlab._base.initial import Scheme
from rnnlab._base.showing import largest_entry, shows
from rnnlab._base.state_dict import layer_of, state_of
from rnnlab.kernels._floats import constants_of
from rnnlab.kernels._jit import inner_kernel, kernel, unaliased_kernel
from rnnlab.kernels.activations import activate
from rnnlab.kernels.cells import recurrence
from rnnlab.kernels.cells.cell import Cell, Shapes, Steps
from rnnlab.kernels.cells.packed import inputs_back, prepare, prepare_back
from rnnlab.kernels.products import add_linear_sums, multiply_packed, project_packed
from rnnlab.kernels.scaling import without_subnormals
from rnnlab.kernels.views import as_rows, as_steps, flat


@shows(largest_entry)
class LeakyRNNParams(NamedTuple):
    """Leaky cell: h_t = h_(t-1) + delta (-h_(t-1) + weight_hh f(h_(t-1)) + weight_ih x_t + bias)."""

    weight_ih: Any  # (H, I)
    weight_hh: Any  # (H, H)
    bias: Any  # (H,)
    delta: Any  # (): the step in time constants; it has a gradient, and training leaves it as it is

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
        delta: float = 0.1,
    ) -> LeakyRNNParams:
        """Draw weights as `RNNParams.init` does; `delta` is given."""
        made = initial.draw(input_size, hidden_size, 1, initial.Recipe(rng, scheme, gain, dtype))
        return cls(made.weight_ih, made.weight_hh, made.bias, numbers("delta", delta, (0,), np.dtype(dtype)))

    @classmethod
    def from_torch(cls, state: Mapping[str, Any]) -> LeakyRNNParams:
        """Parameters from a dict by the names of ``torch.nn.RNN``, and delta."""
        if "delta" not in state:
            raise ValueError(f"the state dict has the keys {sorted(state)}: expected delta too")
        weight_ih, weight_hh, bias_ih, bias_hh = layer_of({k: v for k, v in state.items() if k != "delta"}, 1)
        return cls(weight_ih, weight_hh, bias_ih + bias_hh, numbers("delta", state["delta"], (0,), bias_ih.dtype))

    def to_torch(self) -> dict[str, Any]:
        """A dict of arrays by the names of ``torch.nn.RNN``, its second bias 0, and delta."""
        return {**state_of(self, np.zeros_like(self.bias)), "delta": np.array(self.delta)}

    @staticmethod
    def cell() -> Cell:
        """Return the Cell: shapes, states and kernels, all that the package asks of this class of parameters."""
        return CELL


class LeakyRNNTape(NamedTuple):
    """A run of the cell, with all that its way back needs."""

    x: Any  # (T, B, I): inputs, oldest first; x_t is row t - 1
    h: Any  # (T + 1, B, H): row 0 is set by the caller
    rate: Any  # (T, B, H): f(h_(t-1)) in row t - 1
    slope: Any  # (T, B, H): f'(h_(t-1)) in row t - 1
    drive: Any  # (T, B, H): d_t in row t - 1
    length: Any  # (B,) int64: each sequence's number of steps, 0 to T


class LeakyRNNWork(NamedTuple):
    """Work space; `now` holds zeros on entry to the way back."""

    panels: Any  # (H H,): weight_hh as `multiply_packed` takes it, on the way forward its transpose
    input_panels: Any  # (H I,): weight_ih, transposed, the same way
    now: Any  # (1, B, H)
    aside: Any  # (1, B, H)


class LeakyRNNGradients(NamedTuple):
    """Derivatives of the loss."""

    params: LeakyRNNParams
    x: Any  # (T, B, I), or empty if not wanted
    h0: Any  # (1, B, H)
    a: Any  # (T, B, H): da_t in row t - 1
    h: Any  # (T, B, H): dh_t in row t - 1


@kernel
def project(params: LeakyRNNParams, tape: LeakyRNNTape, work: LeakyRNNWork) -> None:
    """Project the inputs of some steps into the place of their drives."""
    project_packed(params, tape.x, work.input_panels, tape.drive, 1)


@inner_kernel
def step(nonlinearity: Any, params: LeakyRNNParams, tape: LeakyRNNTape, work: LeakyRNNWork, t: int) -> None:
    """From h_t to h_(t+1)."""
    h, drive, slope = as_rows(tape.h), as_rows(tape.drive)[t], as_rows(tape.slope)[t]
    for i in range(slope.size):
        slope[i] = h[t, i]
    activate(nonlinearity, slope, as_rows(tape.rate)[t])
    multiply_packed(tape.rate, t, work.panels, as_steps(tape.drive)[t], True)
    new_state(params.delta[()], h[t], drive, h[t + 1])


@unaliased_kernel
def new_state(delta: Any, h: Any, drive: Any, new_h: Any) -> None:
    """The state after a step from the one before it, and d_t from W_hh f(h) + W_ih x + b, all (B H,)."""
    for i in range(h.size):
        drive[i] -= h[i]
        new_h[i] = h[i] + delta * drive[i]


@inner_kernel
def step_back(
    params: LeakyRNNParams, tape: LeakyRNNTape, gradients: LeakyRNNGradients, work: LeakyRNNWork, t: int
) -> None:
    """From dL/dh_(t+1) in `work.now` to row t of a and h of the gradients, and to dL/dh_t in `work.now`."""
    delta, now = params.delta[()], flat(work.now)
    da, dh, slope = as_rows(gradients.a)[t], as_rows(gradients.h)[t], as_rows(tape.slope)[t]
    drives_back(delta, now, dh, da)
    multiply_packed(gradients.a, t, work.panels, work.now[0], False)
    states_back(constants_of(delta).one - delta, dh, slope, now)


@unaliased_kernel
def drives_back(delta: Any, now: Any, dh: Any, da: Any) -> None:
    """From dL/dh_t in `now` to dh_t and da_t, all (B H,)."""
    for i in range(now.size):
        dh[i] = without_subnormals(now[i])
        da[i] = delta * dh[i]


@unaliased_kernel
def states_back(kept: Any, dh: Any, slope: Any, now: Any) -> None:
    """From W_hh^T da_t in `now` to dL/dh_(t-1), all (B H,)."""
    for i in range(now.size):
        now[i] = kept * dh[i] + slope[i] * now[i]


@kernel
def finish(params: LeakyRNNParams, tape: LeakyRNNTape, gradients: LeakyRNNGradients) -> None:
    """Add the sums over some steps to the gradients of the parameters."""
    add_linear_sums(params, tape.x, gradients.a, tape.rate, gradients.a, gradients)
    gradients.params.delta[()] += np.sum(gradients.h * tape.drive)


def shapes(t: int, b: int, i: int, h: int) -> Shapes:
    """The shapes of all arrays, for T steps of B sequences."""
    params = LeakyRNNParams((h, i), (h, h), (h,), ())
    return Shapes(
        params,
        LeakyRNNTape((t, b, i), (t + 1, b, h), (t, b, h), (t, b, h), (t, b, h), (b,)),
        LeakyRNNWork((h * h,), (h * i,), (1, b, h), (1, b, h)),
        LeakyRNNGradients(params, (t, b, i), (1, b, h), (t, b, h), (t, b, h)),
    )


def tangent(params: LeakyRNNParams, tape: LeakyRNNTape) -> Callable[[int, Any], Any]:
    """Q to J_t Q, J_t = (1 - delta) + delta W_hh diag(f'(h_(t-1)))."""
    delta = params.delta
    return lambda t, q: (1 - delta) * q + delta * (params.weight_hh @ (tape.slope[t, 0, :, None] * q))


CELL = Cell(
    gates=1,
    states=("h",),
    shapes=shapes,
    forward=recurrence.forward,
    backward=recurrence.backward,
    flow=recurrence.flow,
    steps=Steps(prepare, step, step_back, finish, prepare_back, project, inputs_back),
    nonlinear=True,
    fixed=("delta",),
    recurrent=lambda params: params.weight_hh[None],
    share=lambda tape, gradients: (gradients.a, tape.rate),
    slopes=lambda tape: tape.slope,
    tangent=tangent,
    kept=lambda params, tape: np.full_like(tape.slope, 1 - params.delta),
)
