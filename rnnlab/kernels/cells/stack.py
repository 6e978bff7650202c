"""Layers one above the other: the states of one are the inputs of the next, as in torch.nn.RNN(num_layers=...).

    h^1_t = cell^1(x_t, h^1_(t-1)),   h^k_t = cell^k(h^(k-1)_t, h^k_(t-1))

Backwards from the top: dL/dx of a layer is the direct derivative of the loss with respect to the states below it. Each
layer's gradient has exponents of its own (`ScaledFlow`), so that neither depth nor time loses it.

Kernels are compiled for one cell each; what is here calls them layer by layer from Python, 20 us a layer. Compiled as a whole,
every new stack took minutes to compile, since Numba optimises the code of all layers once more at each level of calls.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from rnnlab._base import initial
from rnnlab._base.showing import largest_entry, shows
from rnnlab.kernels.cells.bidirectional import Bidirectional
from rnnlab.kernels.cells.cell import LASTING, Cell, Shapes, parts_of, shapes_of, sizes_of
from rnnlab.kernels.cells.dispatch import every_backward, every_forward, with_inputs
from rnnlab.kernels.cells.parts import gradients_into, layer_flow, scaled_flow_of


@shows(largest_entry)
class Stack(NamedTuple):
    """Layers one above the other, the first one next to the inputs; each a cell's parameters, a `Bidirectional` or a `Stack`."""

    layers: tuple[Any, ...]

    @classmethod
    def init(
        cls,
        kind: Any,
        input_size: int,
        hidden_size: Any,
        layers: int,
        *,
        rng: np.random.Generator,
        bidirectional: bool = False,
        **how: Any,
    ) -> Stack:
        """Draw all layers from the lowest on, each as its cell's own `init` does.

        Parameters
        ----------
        kind : class of parameters, or list of them
            Say LSTMParams. This and all that may be a list below: one for all layers, or a list with one a layer.
        input_size : int
            I of the lowest layer.
        hidden_size : int or list of int
            H, of each direction.
        layers : int
        rng : numpy.random.Generator
        bidirectional : bool
            Whether each layer reads in both directions.
        **how
            Further arguments of the cells' `init`, or lists of them: scheme, gain, dtype, forget_bias, chrono.

        Returns
        -------
        Stack

        Raises
        ------
        TypeError, ValueError
            If an argument is not as above; the message names it.

        Examples
        --------
        >>> import numpy as np
        >>> import rnnlab as rl
        >>> rng = np.random.default_rng(0)
        >>> stack = rl.Stack.init(rl.GRUParams, 3, [8, 4], 2, rng=rng, scheme=["orthogonal", "pytorch"])
        >>> [params.weight_ih.shape for params in stack.layers]
        [(24, 3), (12, 8)]
        """
        made: list[Any] = []
        for cell, size, own in initial.layer_by_layer(layers, kind, hidden_size, how):
            below = sizes_of(made[-1])[1] if made else input_size
            drawn = [cell.init(below, size, rng=rng, **own) for _ in range(1 + bidirectional)]
            made.append(Bidirectional(*drawn) if bidirectional else drawn[0])
        return cls(tuple(made))

    @property
    def parts(self) -> tuple[Any, ...]:
        """The networks that it is made of."""
        return self.layers

    @classmethod
    def of(cls, parts: Any) -> Stack:
        """One of these parts."""
        return cls(tuple(parts))

    def places(self) -> list[str]:
        """Names of the parts, as errors call them."""
        return [f"layers[{k}]" for k in range(len(self.layers))]

    def joints(self) -> list[tuple[int, str]]:
        """Inputs that each part but the first must have, and the reason for it that an error tells."""
        return [(sizes_of(layer)[1], "the layer below has outputs") for layer in self.layers[:-1]]

    def sizes(self) -> tuple[int, int]:
        """Numbers of inputs and outputs of the whole network."""
        return sizes_of(self.layers[0])[0], sizes_of(self.layers[-1])[1]

    def shapes(self, t: int, b: int) -> Shapes:
        """The shapes of all arrays for T steps of B sequences."""
        params, tapes, works, gradients = zip(*(shapes_of(layer, t, b) for layer in self.layers), strict=True)
        inputs, outputs = self.sizes()
        tape = StackTape((t, b, inputs), (t + 1, b, outputs), (b,), tapes)
        return Shapes(Stack(params), tape, StackWork(works), StackGradients((t, b, inputs), gradients))

    def flow(self, steps: int, loss_exponent: Any) -> StackFlow:
        """Norms of all parts' gradients, yet to be written, for a loss in units 2^loss_exponent (R, B)."""
        layers, exponent = [], loss_exponent
        for layer in reversed(self.layers):
            layers.append(scaled_flow_of(layer, steps, exponent))
            exponent = layers[-1].input_exponent
        return StackFlow(loss_exponent, exponent, tuple(reversed(layers)))

    @staticmethod
    def cell() -> Cell:
        """Return the Cell of the whole network, put together from those of its parts."""
        return CELL


class StackTape(NamedTuple):
    """A run of the cell, with all that its way back needs."""

    x: Any  # (T, B, I): that of the first layer
    h: Any  # (T + 1, B, H): that of the last layer
    length: Any  # (B,) int64
    layers: Any

    @property
    def parts(self) -> tuple[Any, ...]:
        """The layers' own."""
        return tuple(self.layers)

    def linked(self) -> StackTape:
        """The same with each layer's states in the place of the inputs of the next."""
        layers: list[Any] = []
        for layer in self.layers:
            layers.append(with_inputs(layer, layers[-1].h[1:] if layers else self.x, self.length))
        return self._replace(h=layers[-1].h, layers=tuple(layers))


class StackWork(NamedTuple):
    """Work space."""

    layers: Any

    @property
    def parts(self) -> tuple[Any, ...]:
        """The layers' own."""
        return tuple(self.layers)

    def linked(self) -> StackWork:
        """The same with work space that all layers share, but for the gradients of their last states."""
        return StackWork(shared(self.layers, frozenset({"now"})))


class StackGradients(NamedTuple):
    """Derivatives of the loss."""

    x: Any  # (T, B, I): that of the first layer
    layers: Any

    @property
    def parts(self) -> tuple[Any, ...]:
        """The layers' own."""
        return tuple(self.layers)

    @property
    def params(self) -> Stack:
        """Of the parameters."""
        return Stack(tuple(layer.params for layer in self.layers))

    def linked(self) -> StackGradients:
        """The same with the first layer's x, and with what a layer alone needs shared by all."""
        layers = shared(self.layers, LASTING)
        return StackGradients(layers[0].x, layers)

    def into(self, params: Stack, x: Any = None) -> StackGradients:
        """The same with other places for the parameters' gradients, and for that of the inputs."""
        layers = tuple(
            gradients_into(layer, part, None if k else x)
            for k, (layer, part) in enumerate(zip(self.layers, params.layers, strict=True))
        )
        return StackGradients(layers[0].x, layers)


def shared(layers: Any, lasting: frozenset[str]) -> tuple[Any, ...]:
    """All layers' arrays, those of the one below in the place of a layer's that are like them and not `lasting`.

    They are in the cache, as those of a single cell are that is run again.
    """
    made = [layers[0]]
    for layer in layers[1:]:
        below = made[-1]._asdict() if type(made[-1]) is type(layer) and not parts_of(layer) else {}
        brief = {name: array for name, array in below.items() if name not in lasting}
        same = {name: array for name, array in brief.items() if array.shape == getattr(layer, name).shape}
        made.append(layer._replace(**same))
    return tuple(made)


class StackFlow(NamedTuple):
    """The size of the gradient in every layer; a layer's `loss_exponent` is the `input_exponent` of that above it."""

    loss_exponent: Any
    input_exponent: Any
    layers: Any

    @property
    def parts(self) -> tuple[Any, ...]:
        """The layers' own."""
        return tuple(self.layers)


def forward(nonlinearity: Any, params: Any, tape: Any, work: Any, runs: Any = every_forward) -> None:
    """All layers, each through all of time before the next one; `runs` are the layers' own."""
    for run, *layer in zip(runs, params.layers, tape.layers, work.layers, strict=False):
        run(nonlinearity, *layer)


def backward(
    params: Any, tape: Any, dloss: Any, gradients: Any, work: Any, window: int, runs: Any = every_backward
) -> None:
    """All layers, from the top; `runs` are the layers' own."""
    each = list(zip(runs, params.layers, tape.layers, gradients.layers, work.layers, strict=False))
    for run, layer, own, found, space in reversed(each):
        run(layer, own, dloss, found, space, window)
        dloss = found.x


def flow(params: Any, tape: Any, dloss: Any, flow: Any, gradients: Any, work: Any) -> None:
    """The norms of the gradients of all layers' states, far beyond the range of floats."""
    for k in reversed(range(len(params.layers))):
        layer_flow(params.layers[k], tape.layers[k], dloss, flow.layers[k], gradients.layers[k], work.layers[k])
        dloss = gradients.layers[k].x


CELL = Cell(gates=0, states=("h",), shapes=None, forward=forward, backward=backward, flow=flow)
