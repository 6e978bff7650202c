"""The vanilla recurrent cell, forward and its adjoint.

    a_t = W_ih x_t + b + W_hh h_(t-1),   h_t = f(a_t)

Backwards, with dh_t = dL/dh_t and s_t = f'(a_t):

    da_t = s_t * dh_t,   dh_(t-1) += W_hh^T da_t,   dx_t = W_ih^T da_t,
    dW_ih = sum_t da_t x_t^T,   dW_hh = sum_t da_t h_(t-1)^T,   db = sum_t da_t

(P. J. Werbos, Proc. IEEE 78, 1990, section III; weights as in torch.nn.RNN, its two biases added up.)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from rnnlab._base import initial
from rnnlab._base.initial import Scheme
from rnnlab._base.showing import largest_entry, shows
from rnnlab._base.state_dict import layer_of, state_of
from rnnlab.kernels._jit import UNALIASED, inner_kernel, kernel, unaliased_kernel
from rnnlab.kernels.activations import (
    RELU,
    SIGMOID,
    TANH,
    activate,
    by_nonlinearity,
    linear_and_slope,
    relu_and_slope,
    sigmoid_and_slope,
    tanh_and_slope,
)
from rnnlab.kernels.cells import recurrence
from rnnlab.kernels.cells.cell import Cell, Shapes, Steps
from rnnlab.kernels.cells.packed import inputs_back, prepare, prepare_back
from rnnlab.kernels.products import add_linear_sums, multiply_packed, project_packed
from rnnlab.kernels.regulariser import Regulariser, add_regulariser
from rnnlab.kernels.scaling import without_subnormals
from rnnlab.kernels.views import as_rows, as_steps, flat


@shows(largest_entry)
class RNNParams(NamedTuple):
    """Vanilla cell: h_t = f(weight_ih x_t + weight_hh h_(t-1) + bias)."""

    weight_ih: Any  # (H, I)
    weight_hh: Any  # (H, H)
    bias: Any  # (H,)

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
    ) -> RNNParams:
        """Draw parameters.

        Parameters
        ----------
        input_size, hidden_size : int
            I and H, at least 1.
        rng : numpy.random.Generator
        scheme : {"pytorch", "glorot", "orthogonal", "identity", "gaussian", "sparse"}
            pytorch: weights uniform within 1 / sqrt(H), the bias a sum of two such. glorot: uniform within
            sqrt(6 / (fan in + fan out)) (Glorot and Bengio 2010), no bias; the others have input weights like it and
            recurrent ones as named: orthogonal: gain x a Haar-random orthogonal matrix (Saxe 2014). identity: gain x
            the identity, input weights
            N(0, 0.001^2) (IRNN, Le, Jaitly and Hinton 2015). gaussian: N(0, gain^2 / H). sparse: 15 entries a row
            (or H) scaled to spectral radius 0.95 gain (Pascanu, Mikolov and Bengio 2013, section 4.1, "smart").
        gain : float
            Factor of the recurrent weights, of every scheme but pytorch and glorot.
        dtype : {float64, float32}

        Returns
        -------
        RNNParams

        Raises
        ------
        TypeError, ValueError
            If an argument is not as above; the message names it.
        """
        made = initial.draw(input_size, hidden_size, 1, initial.Recipe(rng, scheme, gain, dtype))
        return cls(made.weight_ih, made.weight_hh, made.bias)

    @classmethod
    def from_torch(cls, state: Mapping[str, Any]) -> RNNParams:
        """Parameters of a ``torch.nn.RNN`` (one layer) or ``RNNCell``, from its state dict of tensors or arrays."""
        weight_ih, weight_hh, bias_ih, bias_hh = layer_of(state, 1)
        return cls(weight_ih, weight_hh, bias_ih + bias_hh)

    def to_torch(self) -> dict[str, Any]:
        """A state dict of arrays for ``torch.nn.RNN``; its second bias is 0."""
        return state_of(self, np.zeros_like(self.bias))

    @staticmethod
    def cell() -> Cell:
        """Return the Cell: shapes, states and kernels, all that the package asks of this class of parameters."""
        return CELL


class RNNTape(NamedTuple):
    """A run of the cell, with all that its way back needs."""

    x: Any  # (T, B, I): inputs, oldest first; x_t is row t - 1
    h: Any  # (T + 1, B, H): row 0 is set by the caller, the rest is written by `recurrence.forward`
    slope: Any  # (T, B, H): f'(a_t) in row t - 1
    length: Any  # (B,) int64: each sequence's number of steps, 0 to T


class RNNWork(NamedTuple):
    """Work space; `now` holds zeros on entry to the way back, all else is written before it is read."""

    panels: Any  # (H H,): weight_hh as `multiply_packed` takes it, on the way forward its transpose
    input_panels: Any  # (H I,): weight_ih, transposed, the same way
    now: Any  # (1, B, H)
    aside: Any  # (1, B, H)


class RNNGradients(NamedTuple):
    """Derivatives of the loss, written by `recurrence.backward`."""

    params: RNNParams
    x: Any  # (T, B, I), or empty if not wanted
    h0: Any  # (1, B, H)
    a: Any  # (T, B, H): dL/da_t in row t - 1


@kernel
def project(params: RNNParams, tape: RNNTape, work: RNNWork) -> None:
    """Project the inputs of some steps into the place of their slopes."""
    project_packed(params, tape.x, work.input_panels, tape.slope, 1)


@inner_kernel
def step(nonlinearity: Any, params: RNNParams, tape: RNNTape, work: RNNWork, t: int) -> None:
    """From h_t to h_(t+1), and the slope in the place of the projected input."""
    slope, h = as_rows(tape.slope)[t], as_rows(tape.h)
    if work.panels.size == 1:
        number_step(nonlinearity, slope, work.panels, h[t], h[t + 1])
    else:
        multiply_packed(tape.h, t, work.panels, as_steps(tape.slope)[t], True)
        activate(nonlinearity, slope, h[t + 1])


def number_step_known(nonlinearity: int, slope: Any, weight: Any, h: Any, new_h: Any) -> None:
    """`number_step` of a code."""
    if nonlinearity == TANH:
        for b in range(h.size):
            new_h[b], slope[b] = tanh_and_slope(slope[b] + weight[0] * h[b])
    elif nonlinearity == SIGMOID:
        for b in range(h.size):
            new_h[b], slope[b] = sigmoid_and_slope(slope[b] + weight[0] * h[b])
    elif nonlinearity == RELU:
        for b in range(h.size):
            new_h[b], slope[b] = relu_and_slope(slope[b] + weight[0] * h[b])
    else:
        for b in range(h.size):
            new_h[b], slope[b] = linear_and_slope(slope[b] + weight[0] * h[b])


def number_step_own(nonlinearity: Any, slope: Any, weight: Any, h: Any, new_h: Any) -> None:
    """`number_step` of a function."""
    for b in range(h.size):
        new_h[b], slope[b] = nonlinearity(slope[b] + weight[0] * h[b])


# `step` of one unit with `weight` (1,), no number read that was just written: 0.9 of the time; arrays share no memory
number_step = by_nonlinearity(number_step_known, number_step_own, UNALIASED)


@inner_kernel
def step_back(params: RNNParams, tape: RNNTape, gradients: RNNGradients, work: RNNWork, t: int) -> None:
    """From dL/dh_(t+1) in `work.now` to dL/da_(t+1) in row t of `gradients.a`, and to dL/dh_t in `work.now`."""
    dh, slope, da = flat(work.now), as_rows(tape.slope)[t], as_rows(gradients.a)[t]
    if work.panels.size == 1:
        number_back(slope, work.panels, dh, da)
    else:
        activations_back(dh, slope, da)
        multiply_packed(gradients.a, t, work.panels, work.now[0], False)


@unaliased_kernel
def number_back(slope: Any, weight: Any, dh: Any, da: Any) -> None:
    """`step_back` of one unit: 0.4 of the time, as no number is read that was just written."""
    for b in range(dh.size):
        da[b] = without_subnormals(dh[b] * slope[b])
        dh[b] = weight[0] * da[b]


@unaliased_kernel
def activations_back(dh: Any, slope: Any, da: Any) -> None:
    """From dL/dh to dL/da, all (B H,)."""
    for i in range(dh.size):
        da[i] = without_subnormals(dh[i] * slope[i])


@kernel
def finish(params: RNNParams, tape: RNNTape, gradients: RNNGradients) -> None:
    """Add the sums over some steps to the gradients of the parameters."""
    add_linear_sums(params, tape.x, gradients.a, tape.h[:-1], gradients.a, gradients)


@kernel
def regularise(params: RNNParams, tape: RNNTape, dloss: Any, gradients: RNNGradients, regulariser: Regulariser) -> None:
    """Add the gradient of Pascanu's regulariser."""
    out = gradients.params.weight_hh
    add_regulariser(params.weight_hh, gradients.a, dloss, tape.length, regulariser, out)


def shapes(t: int, b: int, i: int, h: int) -> Shapes:
    """The shapes of all arrays, for T steps of B sequences."""
    params = RNNParams((h, i), (h, h), (h,))
    return Shapes(
        params,
        RNNTape((t, b, i), (t + 1, b, h), (t, b, h), (b,)),
        RNNWork((h * h,), (h * i,), (1, b, h), (1, b, h)),
        RNNGradients(params, (t, b, i), (1, b, h), (t, b, h)),
    )


def tangent(params: RNNParams, tape: RNNTape) -> Callable[[int, Any], Any]:
    """Q to J_t Q, J_t = diag(f'(a_t)) W_hh."""
    return lambda t, q: tape.slope[t, 0, :, None] * (params.weight_hh @ q)


STEPS = Steps(prepare, step, step_back, finish, prepare_back, project, inputs_back)

CELL = Cell(
    gates=1,
    states=("h",),
    shapes=shapes,
    forward=recurrence.forward,
    backward=recurrence.backward,
    flow=recurrence.flow,
    steps=STEPS,
    nonlinear=True,
    recurrent=lambda params: params.weight_hh[None],
    share=lambda tape, gradients: (gradients.a, tape.h[:-1]),
    slopes=lambda tape: tape.slope,
    tangent=tangent,
    regularise=regularise,
)
