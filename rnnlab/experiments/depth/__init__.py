"""Depth and time of stacked networks: how much of a gradient reaches a layer below the top, so many steps back.

Claim: a gradient is lost over layers as over steps, up to the number of paths between them: all of it where paths are
aligned, its square root where they are random. Gated cells lose depth first; skip connections save depth, not time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Annotated, Any, Literal, NamedTuple, get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import Field

import rnnlab as rl
from rnnlab.experiments._lab.networks import NETWORKS, params_of
from rnnlab.experiments._lab.spec import Choices, ExperimentSpec, bytes_of_weights
from rnnlab.experiments.depth.claims import checks as checks
from rnnlab.experiments.depth.figures import draw as draw, finding as finding
from rnnlab.experiments.depth.sizes import log10_rms
from rnnlab.nonlinearities import Nonlinearity

Network = Literal["linear identity", "linear orthogonal", "tanh", "lstm", "lstm-1", "gru", "mingru", "leaky"]
SHOWN: tuple[Network, ...] = get_args(Network)
BYTES_PER_ROW = 300  # of the table in memory, as it is put together
Gain = Annotated[float, Field(ge=0.1, le=3)]  # with at most 200 steps and 32 layers no gradient leaves float64's range
Array = NDArray[np.float64]


class Spec(ExperimentSpec):
    """Which networks, how deep and how long."""

    network: Choices[Network] = Field(default=SHOWN, description=", ".join(SHOWN))
    layers: int = Field(default=8, ge=2, le=32, description="layers K")
    seq_len: int = Field(default=50, ge=2, le=200, description="sequence length T")
    hidden_size: int = Field(default=64, ge=1, description="units H of every layer")
    batch_size: int = Field(default=4, ge=1, description="sequences per network")
    seeds: int = Field(default=4, ge=1, description="networks, seeded 0, 1, ...")
    recurrent_gain: Gain = Field(default=0.9, description="a of the linear networks: size of their recurrent weights")
    input_gain: Gain = Field(default=0.8, description="b of the linear networks: size of the weights between layers")

    def bytes_needed(self, workers: int) -> int:
        """The table, and the weights and tapes that each worker has in hand."""
        rows = 2 * len(self.network) * self.seeds * self.layers * self.seq_len
        states = self.layers * self.batch_size * self.seq_len * 30 * self.hidden_size
        weights = self.layers * bytes_of_weights(self.hidden_size)
        return rows * BYTES_PER_ROW + workers * (weights + 8 * states)


class Part(NamedTuple):
    """One network."""

    spec: Spec
    network: Network
    residual: bool
    seed: int


def measure(spec: Spec, each: Callable[..., Iterable[pd.DataFrame]] = map) -> pd.DataFrame:
    """Measure |dL/dh^k_t| of every layer k and step t, for a random loss on the top layer's last output.

    Returns
    -------
    DataFrame
        network, residual (skip connections around every layer but the first), seed, distance (layers K - k below the
        top), lag (T - t), log10_gradient (log10 of the root mean square over the batch, relative to that of dL/dh^K_T).
        hidden_size, recurrent_gain, input_gain: as given.
    """
    runs = [(name, residual) for name in spec.network for residual in (False, True)]
    parts = [Part(spec, *run, seed) for run in runs for seed in range(spec.seeds)]
    table = pd.concat(each(measure_part, parts), ignore_index=True)
    return table.assign(**spec.model_dump(include={"hidden_size", "recurrent_gain", "input_gain"}))


def measure_part(part: Part) -> pd.DataFrame:
    """The rows of one network."""
    spec, network, residual, seed = part
    x = np.random.default_rng([seed, 1]).standard_normal((spec.seq_len, spec.batch_size, 1))
    dh = np.random.default_rng([seed, 2]).standard_normal((spec.batch_size, spec.hidden_size))
    layers = layers_of(network, spec, np.random.default_rng(seed))
    tapes = forward(layers, x, NETWORKS[network].nonlinearity, residual=residual)
    sizes = log10_rms(np.stack(list(sizes_by_layer(tapes, dh, residual=residual))), axis=2)
    distance, lag = np.indices(sizes.shape).reshape(2, -1)
    keys = {"network": network, "residual": residual, "seed": seed, "distance": distance, "lag": lag}
    return pd.DataFrame({**keys, "log10_gradient": sizes.ravel() - sizes[0, 0]})


def layers_of(name: Network, spec: Spec, rng: np.random.Generator) -> list[Any]:
    """Layers, the lowest first: the linear ones of two gains, the others as PyTorch draws them."""
    linear = NETWORKS[name].nonlinearity == "linear"
    gain = {"gain": spec.recurrent_gain} if linear else {}
    sizes = [1] + [spec.hidden_size] * (spec.layers - 1)
    layers = [params_of(name, size, spec.hidden_size, rng, **gain) for size in sizes]
    if not linear:
        return layers
    between = [params_of(name, 1, spec.hidden_size, rng, gain=spec.input_gain).weight_hh for _ in layers[1:]]
    return [layers[0], *(layer._replace(weight_ih=w) for layer, w in zip(layers[1:], between, strict=True))]


def forward(layers: list[Any], x: Array, nonlinearity: Nonlinearity, *, residual: bool) -> list[rl.Tape]:
    """The tapes of layers one above the other, the lowest first.

    With skip connections the next layer's inputs are a layer's inputs plus its states; those of the first layer, which
    have another size, are left out.
    """
    tapes = [rl.forward(layers[0], x, nonlinearity=nonlinearity)]
    y = tapes[0].h[1:]
    for layer in layers[1:]:
        tapes.append(rl.forward(layer, y, nonlinearity=nonlinearity))
        y = tapes[-1].h[1:] + residual * y
    return tapes


def sizes_by_layer(tapes: list[rl.Tape], dh: Array, *, residual: bool) -> Iterator[Array]:
    """log10 |dL/dh^k_t| (T, B) of every layer, the top one first, by lag, for a loss on the last output."""
    dy = np.zeros_like(tapes[-1].h[1:])
    dy[-1] = dh
    for tape in reversed(tapes):
        yield rl.gradient_flow(tape, dy).log10_norm[:0:-1]
        if tape is not tapes[0]:
            dy = rl.backward(tape, dy).x + residual * dy
