"""Random networks whose readout learns a series by least squares, and how their gradients grow as they go on with it.

Sources: H. Jaeger, The echo state approach, GMD report 148, 2001; that such a network has the series' exponents: J. Pathak
et al., Using machine learning to replicate chaotic attractors, Chaos 27, 2017.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

import rnnlab as rl
from rnnlab.experiments.chaos.series import Series

Array = NDArray[np.float64]
FORGOTTEN = 100  # steps until a network has forgotten where it began


class EchoState(NamedTuple):
    """A network that continues a series: fed with it, and with its own prediction."""

    fed: rl.RNNParams  # inputs are the series
    free: rl.RNNParams  # the prediction is an input no more but part of the recurrent weights
    h: Array  # (H,) after the part of the series that it was trained on
    error: float  # of one step, root mean square


def train(series: Series, x: Array, hidden_size: int, rng: np.random.Generator) -> EchoState:
    """Least squares for the readout of a random tanh network, an echo state network.

    With its own prediction R h_t + r fed back, W_hh h_t + W_ih (R h_t + r) is one matrix times h_t and a bias: the trained
    network is a plain RNN.
    """
    params = rl.RNNParams.init(x.shape[1], hidden_size, rng=rng, scheme="gaussian", gain=series.radius)
    uniform = series.input_size * rng.uniform(-1, 1, (hidden_size, x.shape[1] + 1))
    params = params._replace(weight_ih=uniform[:, 1:], bias=uniform[:, 0])
    noisy = x[:-1] + series.noise * rng.standard_normal(x[:-1].shape)
    states = rl.forward(params, noisy).h[1 + FORGOTTEN :]
    states, wanted = np.column_stack([states, np.ones(len(states))]), x[1 + FORGOTTEN :]
    square = states.T @ states + series.ridge * np.eye(hidden_size + 1)
    readout = np.linalg.solve(square, states.T @ wanted).T
    error = float(np.sqrt(np.mean((states @ readout.T - wanted) ** 2)))
    through, constant = params.weight_ih @ readout[:, :-1], params.weight_ih @ readout[:, -1]
    free = rl.RNNParams(np.zeros((hidden_size, 1)), params.weight_hh + through, params.bias + constant)
    return EchoState(params, free, rl.forward(params, x).h[-1], error)


def sizes_by_lag(network: EchoState, dh: Array, steps: int) -> Array:
    """log10 |dL/dh_t| of a free run against lag, relative to the last step."""
    size = rl.gradient_flow(rl.forward(network.free, silence(steps), network.h), dh).log10_norm[::-1]
    return np.asarray(size - size[0])


def largest_exponent(network: EchoState, steps: int) -> float:
    """Of a free run."""
    return float(rl.lyapunov_spectrum(network.free, silence(steps), network.h, k=1, discard=FORGOTTEN)[0])


def fed_growth(network: EchoState, x: Array, interval: int, dh: Array) -> float:
    """ln of BPTT's factor a step, where a value of x in the prediction's place is fed once an interval; the state stays."""
    total = 0.0
    for tape in reversed(list(pieces(network, x, interval))):
        dh = rl.backward(tape, dh / np.linalg.norm(dh)).h0
        total += float(np.log(np.linalg.norm(dh)))
    return total / len(x)


def pieces(network: EchoState, x: Array, interval: int) -> Iterator[rl.Tape]:
    """A step with a value of the series, then the steps that the network goes on by itself, and so on."""
    h = network.h
    for begin in range(0, len(x), interval):
        tape = rl.forward(network.fed, x[begin : begin + 1], h)
        yield tape
        alone = min(interval, len(x) - begin) - 1
        if alone:
            tape = rl.forward(network.free, silence(alone), tape.h[-1])
            yield tape
        h = tape.h[-1]


def silence(steps: int) -> Array:
    """No inputs."""
    return np.zeros((steps, 1))
