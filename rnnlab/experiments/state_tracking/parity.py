"""One training: bits are shown, their parity so far is asked for, and longer sequences are tested."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp

import rnnlab as rl
from rnnlab.experiments._lab.networks import params_of
from rnnlab.experiments.state_tracking.signed_gate import SignedMinGRUParams
from rnnlab.kernels.cells.lru import LRUParams

Array = NDArray[Any]
Network = Literal["minGRU", "minGRU, open", "minGRU, signed", "LRU", "tanh RNN", "LSTM"]
NETWORKS: tuple[Network, ...] = get_args(Network)
UNITS, BATCH, CLIP = 16, 32, 1.0
TRAINED, LONG = 40, 256  # bits: the longest of training and of tests of Grazzi et al.
TESTED, WINDOW = 200, 8  # sequences of a test, and steps over which an accuracy is taken
SHOWN = (8, 16, 24, 32, 40, 64, 96, 128, 160, 192, 224, 256)  # steps at which it is
LAGS = (1, 2, 5, 10, 20, 39, 80, 160, 255)
RING = (0.9, 0.999)  # of the LRU
Row = tuple[str, int, float]


def draw(steps: int, rng: np.random.Generator, batch_size: int) -> rl.Batch:
    """Bits as -1 and 1 (T, B, 1), and the parity of those so far (T, B)."""
    bits = rng.integers(2, size=(steps, batch_size))
    return rl.Batch(2.0 * bits[:, :, None] - 1, bits.cumsum(axis=0) % 2)


TASK = rl.Task(lambda rng, batch_size: draw(TRAINED, rng, batch_size), "cross_entropy", 1, 2, float(np.log(2)))


def cell_of(network: Network, rng: np.random.Generator) -> Any:
    """A network as it is drawn; open gates keep 1 - 1 / T of the state a step."""
    if network == "minGRU, signed":
        return SignedMinGRUParams.init(1, UNITS, rng=rng)
    if network == "LRU":
        return LRUParams.init(1, UNITS, rng=rng, ring=RING)
    name = {"tanh RNN": "tanh", "LSTM": "lstm-1"}.get(network, "mingru")
    params = params_of(name, 1, UNITS, rng)
    if network == "minGRU, open":
        params.cell().remember(params, np.log(TRAINED - 1))
    return params


def parity_rows(network: Network, rate: float, seed: int, updates: int) -> Iterator[Row]:
    """What one training comes to."""
    rng = np.random.default_rng([seed, 3])
    model = rl.Model(cell_of(network, rng), rl.Readout.init(UNITS, 2, rng=rng))
    yield from gradient_rows("start", model)
    recipe = rl.Recipe(rate, "adam", clip_norm=CLIP)
    trained = rl.fit(model, TASK, recipe, updates=updates, batch_size=BATCH, rng=rng).model
    yield from accuracy_rows(trained)
    yield "ones", LONG, float(changes(trained))
    yield from gradient_rows("end", trained)


def accuracy_rows(model: rl.Model) -> Iterator[Row]:
    """Shares of right answers, by how many bits there were."""
    batch = draw(LONG, np.random.default_rng(1), TESTED)
    right = (rl.predict(model, batch.x).argmax(axis=-1) == batch.target).mean(axis=1)
    for steps in SHOWN:
        yield "accuracy", steps, float(right[steps - WINDOW : steps].mean())
    yield "beyond", LONG, float(right[TRAINED:].mean())


def changes(model: rl.Model) -> int:
    """How often the answer changes over ones alone; of parity it is every time."""
    said = rl.predict(model, np.ones((LONG, 1, 1))).argmax(axis=-1)
    return int(np.count_nonzero(np.diff(said[:, 0])))


def gradient_rows(part: str, model: rl.Model) -> Iterator[Row]:
    """How much of an answer's derivative comes back to earlier bits."""
    batch = draw(LONG, np.random.default_rng(2), BATCH)
    tape = rl.forward(model.params, batch.x)
    by_bit = rl.backward(tape, np.tile(np.diff(model.readout.weight, axis=0), (BATCH, 1))).x
    with np.errstate(divide="ignore"):  # squares of what is below 1e-162 would be 0
        size = logsumexp(2 * np.log(np.abs(by_bit[:, :, 0])), axis=1) / np.log(100)
    for lag in LAGS:
        yield part, lag, float(size[-1 - lag] - size[-1])
