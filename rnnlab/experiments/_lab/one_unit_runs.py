"""One-unit networks without inputs: last states, gradients, brackets, and the error surface of Pascanu's cliff."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rnnlab import kernels

CLIFF_STEPS = 50
CLIFF_TARGET = 0.7
ZOOMS = 9  # each zoom of a bracket gains a factor of 100


class Network(NamedTuple):
    """A one-unit network without inputs, its fields scalars or arrays (L,)."""

    nonlinearity: int
    w2: Any
    b1: Any = 0.0
    h0: Any = 0.5


def gradients(network: Network, steps: int) -> kernels.Gradients:
    """Scaled gradients of h_T by BPTT, for all lanes of a network without inputs."""
    w2, b1, h0 = np.broadcast_arrays(*(np.atleast_1d(np.float64(v)) for v in network[1:]))
    lanes = w2.size
    out = kernels.Gradients(*[kernels.Scaled(np.empty(lanes), np.empty(lanes, np.int64)) for _ in range(5)])
    weights = kernels.Weights(np.ones(lanes), w2.copy(), b1.copy())
    x, length = np.zeros((steps, lanes)), np.full(lanes, steps)
    kernels.last_state_gradients(network.nonlinearity, weights, x, h0.copy(), length, out)
    return out


def final_state(network: Network, steps: int) -> NDArray[np.float64]:
    """h_T of all lanes, in stretches of bounded memory."""
    w2, b1, h0 = np.broadcast_arrays(*(np.atleast_1d(np.float64(v)) for v in network[1:]))
    weights = kernels.Weights(np.ones(w2.size), w2.copy(), b1.copy())
    stretch = min(steps, 500)
    x, slope, h = np.zeros((stretch, w2.size)), np.empty((stretch, w2.size)), np.empty((stretch + 1, w2.size))
    h[0] = h0
    for done in range(0, steps, stretch):
        part = min(stretch, steps - done)
        kernels.forward(network.nonlinearity, weights, x[:part], h, slope)
        h[0] = h[part]
    return h[0].copy()


def bracket(flips: Callable[[NDArray[np.float64]], NDArray[np.bool_]], low: float, high: float, zooms: int) -> float:
    """Where `flips` turns from false to true between low and high, by zooming in on the first true of 101 points."""
    for _ in range(zooms):
        points = np.linspace(low, high, 101)
        first = max(1, int(np.argmax(flips(points))))
        low, high = points[first - 1], points[first]
    return 0.5 * (low + high)


def cliff_norms(w: float, b: NDArray[np.float64], s0: float) -> NDArray[np.float64]:
    """|(dE/dw, dE/db)| of E = (sigmoid(x_50) - 0.7)^2 for each bias; h = sigmoid(x) is the network's state."""
    network = Network(kernels.SIGMOID, w, b, s0)
    out = gradients(network, CLIFF_STEPS)
    slopes = np.hypot(*(np.ldexp(g.mantissa, g.exponent) for g in (out.w2, out.b1)))
    return 2.0 * np.abs(final_state(network, CLIFF_STEPS) - CLIFF_TARGET) * slopes


def steepest(w: float, wall: float, s0: float) -> tuple[float, float]:
    """The largest gradient norm near the wall and its b."""
    width, best, norm = 1e-3, wall, 0.0
    for _ in range(ZOOMS):
        b = np.linspace(best - width, best + width, 2001)
        norms = cliff_norms(w, b, s0)
        best, norm, width = float(b[np.argmax(norms)]), float(norms.max()), width / 20
    return norm, best
