"""The vanilla recurrent cell with the ReLU, as ``torch.nn.RNN(nonlinearity="relu")``; it is part of the type.

    h_t = max(0, W_ih x_t + b + W_hh h_(t-1))

All else is as in `rnn`, whose compiled kernels run it. Weights that come from elsewhere can say with their type which of
the two cells they are of. (Q. V. Le, N. Jaitly, G. E. Hinton, 2015.)
"""

from __future__ import annotations

from typing import Any

from rnnlab.kernels._jit import in_either, inner_kernel
from rnnlab.kernels.activations import RELU
from rnnlab.kernels.cells import recurrence, rnn
from rnnlab.kernels.cells.cell import Cell, Shapes
from rnnlab.kernels.sequences import ScaledFlow


class ReLURNNParams(rnn.RNNParams):
    """Vanilla cell with the ReLU: h_t = max(0, weight_ih x_t + weight_hh h_(t-1) + bias)."""

    __slots__ = ()

    @staticmethod
    def cell() -> Cell:
        """Return the Cell: shapes, states and kernels, all that the package asks of this class of parameters."""
        return CELL


@in_either
def vanilla(params: Any) -> Any:
    """The same arrays as those of the vanilla cell."""
    return rnn.RNNParams(params.weight_ih, params.weight_hh, params.bias)


@in_either
def of_vanilla(gradients: Any) -> Any:
    """Gradients, written by the vanilla cell."""
    return rnn.RNNGradients(vanilla(gradients.params), gradients.x, gradients.h0, gradients.a)


@inner_kernel
def step(_: int, params: Any, tape: Any, work: Any, t: int) -> None:
    """The vanilla cell's step with the ReLU."""
    rnn.step(RELU, params, tape, work, t)


@in_either
def forward(_: int, params: Any, tape: Any, work: Any) -> None:
    """`recurrence.forward` with the ReLU."""
    recurrence.forward(RELU, vanilla(params), tape, work)


@in_either
def backward(params: Any, tape: Any, dloss: Any, gradients: Any, work: Any, window: int) -> None:
    """`recurrence.backward`."""
    recurrence.backward(vanilla(params), tape, dloss, of_vanilla(gradients), work, window)


def flow(params: Any, tape: Any, dloss: Any, flow: Any, gradients: Any, work: Any) -> None:
    """`recurrence.flow`, or in a network of several `recurrence.scaled_flow`."""
    run = recurrence.scaled_flow if isinstance(flow, ScaledFlow) else recurrence.flow
    run(vanilla(params), tape, dloss, flow, of_vanilla(gradients), work)


def shapes(t: int, b: int, i: int, h: int) -> Shapes:
    """The shapes of all arrays, for T steps of B sequences."""
    made = rnn.shapes(t, b, i, h)
    params: Any = ReLURNNParams(*made.params)
    return made._replace(params=params, gradients=made.gradients._replace(params=params))


STEPS = rnn.STEPS._replace(forward=step)

CELL = rnn.CELL._replace(nonlinear=False, shapes=shapes, forward=forward, backward=backward, flow=flow, steps=STEPS)
