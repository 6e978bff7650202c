"""Two directions side by side, as in torch.nn.RNN(bidirectional=True) on packed sequences.

    h_t = (f_t, b_t),   f from x_1 .. x_t,   b from x_L .. x_t,   L the sequence's own number of steps

The second direction runs through each sequence's own steps in reverse; after a sequence's end its output is held.
"""

from __future__ import annotations

from itertools import islice
from typing import Any, NamedTuple

import numpy as np

from rnnlab._base.showing import largest_entry, shows
from rnnlab.kernels._jit import kernel
from rnnlab.kernels.cells.cell import Cell, Shapes, shapes_of, sizes_of
from rnnlab.kernels.cells.dispatch import every_backward, every_forward, with_inputs
from rnnlab.kernels.cells.parts import gradients_into, layer_flow, scaled_flow_of
from rnnlab.kernels.sequences import largest, power_not_above_one


@shows(largest_entry)
class Bidirectional(NamedTuple):
    """Two networks of the same inputs, one forward through time and one backward, their outputs side by side."""

    forward: Any
    backward: Any

    @property
    def parts(self) -> tuple[Any, ...]:
        """The networks that it is made of."""
        return tuple(self)

    @classmethod
    def of(cls, parts: Any) -> Bidirectional:
        """One of these parts."""
        return cls(*parts)

    def places(self) -> list[str]:
        """Names of the parts, as errors call them."""
        return list(self._fields)

    def joints(self) -> list[tuple[int, str]]:
        """Inputs that each part but the first must have, and the reason for it that an error tells."""
        return [(sizes_of(self.forward)[0], "the other direction has")]

    def sizes(self) -> tuple[int, int]:
        """Numbers of inputs and outputs of the whole network."""
        inputs, ahead = sizes_of(self.forward)
        return inputs, ahead + sizes_of(self.backward)[1]

    def shapes(self, t: int, b: int) -> Shapes:
        """The shapes of all arrays for T steps of B sequences."""
        ahead, behind = (shapes_of(part, t, b) for part in self)
        (inputs, outputs), (_, width) = self.sizes(), sizes_of(self.forward)
        return Shapes(
            Bidirectional(ahead.params, behind.params),
            BidirectionalTape((t, b, inputs), (t + 1, b, outputs), (b,), ahead.tape, behind.tape),
            BidirectionalWork((t, b, width), (t, b, outputs - width), ahead.work, behind.work),
            BidirectionalGradients((t, b, inputs), ahead.gradients, behind.gradients),
        )

    def flow(self, steps: int, loss_exponent: Any) -> BidirectionalFlow:
        """Norms of all parts' gradients, yet to be written, for a loss in units 2^loss_exponent (R, B)."""
        ahead, behind, of_inputs = (np.zeros((steps, loss_exponent.shape[1]), loss_exponent.dtype) for _ in range(3))
        directions = scaled_flow_of(self.forward, steps, ahead), scaled_flow_of(self.backward, steps, behind)
        return BidirectionalFlow(loss_exponent, of_inputs, *directions)

    @staticmethod
    def cell() -> Cell:
        """Return the Cell of the whole network, put together from those of its parts."""
        return CELL


class BidirectionalTape(NamedTuple):
    """A run of the cell, with all that its way back needs."""

    x: Any  # (T, B, I)
    h: Any  # (T + 1, B, H): both directions side by side
    length: Any  # (B,) int64
    forward: Any
    backward: Any  # its x is x with each sequence's own steps reversed

    @property
    def parts(self) -> tuple[Any, ...]:
        """The directions' own."""
        return self.forward, self.backward

    def linked(self) -> BidirectionalTape:
        """The same with what both directions share."""
        ahead = with_inputs(self.forward, self.x, self.length)
        return self._replace(forward=ahead, backward=with_inputs(self.backward, self.backward.x, self.length))


class BidirectionalWork(NamedTuple):
    """Work space."""

    dforward: Any  # (T, B, H'): the loss's derivative by the first direction's states
    dbackward: Any  # (T, B, H''): by those of the second, in its own time
    forward: Any
    backward: Any

    @property
    def parts(self) -> tuple[Any, ...]:
        """The directions' own."""
        return self.forward, self.backward


class BidirectionalGradients(NamedTuple):
    """Derivatives of the loss."""

    x: Any  # (T, B, I), or empty if not wanted
    forward: Any
    backward: Any

    @property
    def parts(self) -> tuple[Any, ...]:
        """The directions' own."""
        return self.forward, self.backward

    @property
    def params(self) -> Bidirectional:
        """Of the parameters."""
        return Bidirectional(self.forward.params, self.backward.params)

    def into(self, params: Bidirectional, x: Any = None) -> BidirectionalGradients:
        """The same with other places for the parameters' gradients, and for that of the inputs."""
        parts = [gradients_into(*pair, x) for pair in zip(self[1:], params, strict=True)]
        return BidirectionalGradients(self.x if x is None else x, *parts)


class BidirectionalFlow(NamedTuple):
    """The size of the gradient in both directions."""

    loss_exponent: Any  # (R, B)
    input_exponent: Any  # (T, B)
    forward: Any
    backward: Any

    @property
    def parts(self) -> tuple[Any, ...]:
        """The directions' own."""
        return self.forward, self.backward


@kernel
def own_row(length: int, t: int) -> int:
    """The row of the second direction's states beside row t of the first's, t = 0 .. T; after the end that of the last."""
    return 0 if t == 0 or length == 0 else length + 1 - min(t, length)


@kernel
def reverse(x: Any, length: Any, out: Any) -> None:
    """Out = x (T, B, I) with each sequence's own steps in reverse; what follows its end stays."""
    for t in range(x.shape[0]):
        for b in range(x.shape[1]):
            out[t, b] = x[length[b] - 1 - t if t < length[b] else t, b]


def forward(nonlinearity: Any, params: Any, tape: Any, work: Any, runs: Any = every_forward) -> None:
    """Both directions, and their states side by side; `runs` are the directions' own."""
    first, second = islice(runs, 2)
    reverse(tape.x, tape.length, tape.backward.x)
    first(nonlinearity, params.forward, tape.forward, work.forward)
    second(nonlinearity, params.backward, tape.backward, work.backward)
    side_by_side(tape.forward.h, tape.backward.h, tape.length, tape.h)


def backward(
    params: Any, tape: Any, dloss: Any, gradients: Any, work: Any, window: int, runs: Any = every_backward
) -> None:
    """Both directions, whose own are `runs`; the gradient of the inputs is the sum."""
    first, second = islice(runs, 2)
    part(dloss, tape.length, work.dforward, work.dbackward)
    first(params.forward, tape.forward, work.dforward, gradients.forward, work.forward, window)
    second(params.backward, tape.backward, work.dbackward, gradients.backward, work.backward, window)
    if gradients.x.size:
        reverse(gradients.backward.x, tape.length, gradients.x)
        np.add(gradients.x, gradients.forward.x, out=gradients.x)


def flow(params: Any, tape: Any, dloss: Any, flow: Any, gradients: Any, work: Any) -> None:
    """The norms of the gradients of both directions' states, far beyond the range of floats."""
    exponents = flow.forward.loss_exponent, flow.backward.loss_exponent
    part_scaled(dloss, flow.loss_exponent, tape.length, (work.dforward, work.dbackward), exponents)
    layer_flow(params.forward, tape.forward, work.dforward, flow.forward, gradients.forward, work.forward)
    layer_flow(params.backward, tape.backward, work.dbackward, flow.backward, gradients.backward, work.backward)
    of_inputs = flow.input_exponent, flow.forward.input_exponent, flow.backward.input_exponent
    add_scaled(gradients.x, gradients.forward.x, gradients.backward.x, of_inputs, tape.length)


@kernel
def side_by_side(ahead: Any, behind: Any, length: Any, out: Any) -> None:
    """Out (T + 1, B, H' + H''): the states of the first direction and, of the second, those beside them."""
    width = ahead.shape[2]
    for t in range(out.shape[0]):
        for b in range(length.size):
            out[t, b, :width] = ahead[t, b]
            out[t, b, width:] = behind[own_row(length[b], t), b]


@kernel
def part(dloss: Any, length: Any, dforward: Any, dbackward: Any) -> None:
    """The loss's derivatives (R, B, H' + H'') by the last R outputs, sent to both directions' states, all (T, B, ...)."""
    dforward[:] = 0
    dbackward[:] = 0
    width, first = dforward.shape[2], dforward.shape[0] - dloss.shape[0]
    for row in range(dloss.shape[0]):
        for b in range(length.size):
            dforward[first + row, b] = dloss[row, b, :width]
            dbackward[max(own_row(length[b], first + row + 1), 1) - 1, b] += dloss[row, b, width:]


@kernel
def part_scaled(dloss: Any, exponent: Any, length: Any, out: Any, out_exponent: Any) -> None:
    """The same for derivatives in units 2^exponent (R, B), to those in units of their own (T, B)."""
    dforward, dbackward = out
    dforward[:] = 0
    dbackward[:] = 0
    width, first = dforward.shape[2], dforward.shape[0] - dloss.shape[0]
    for row in range(dloss.shape[0]):
        for b in range(length.size):
            own = max(own_row(length[b], first + row + 1), 1) - 1
            add_row(dloss[row, b, :width], exponent[row, b], dforward, out_exponent[0], first + row, b)
            add_row(dloss[row, b, width:], exponent[row, b], dbackward, out_exponent[1], own, b)


@kernel
def add_scaled(out: Any, ahead: Any, behind: Any, exponents: Any, length: Any) -> None:
    """Out (T, B, I) = ahead + behind with each sequence's own steps reversed, each in units of its own (T, B)."""
    of_out, of_ahead, of_behind = exponents
    out[:] = ahead
    of_out[:] = of_ahead
    for t in range(out.shape[0]):
        for b in range(length.size):
            row = length[b] - 1 - t if t < length[b] else t
            add_row(behind[row, b], of_behind[row, b], out, of_out, t, b)


@kernel
def add_row(row: Any, exponent: Any, total: Any, total_exponent: Any, t: int, b: int) -> None:
    """Add row x 2^exponent to total[t, b] x 2^total_exponent[t, b], in the larger exponent of those not zero."""
    if largest(row) == 0:
        return
    old = total_exponent[t, b] if largest(total[t, b]) != 0 else exponent
    top = max(old, exponent)
    down, other = power_not_above_one(type(top)(old - top)), power_not_above_one(type(top)(exponent - top))
    for j in range(row.size):
        total[t, b, j] = total[t, b, j] * down + row[j] * other
    total_exponent[t, b] = top


CELL = Cell(gates=0, states=("h",), shapes=None, forward=forward, backward=backward, flow=flow)
