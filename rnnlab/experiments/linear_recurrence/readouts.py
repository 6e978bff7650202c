"""What could be read from the states at all: R^2 of the best linear readout, found by least squares, nothing trained."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np

import rnnlab as rl
from rnnlab.experiments.linear_recurrence.signals import Array, Row
from rnnlab.kernels.cells.lru import LRUParams

UNITS = 64
SEQUENCES = 4096  # of the adding problem; of parity there are all 2^T
NOISE = 0.01  # on every unit's last state, as a share of its standard deviation
PARITY = (1, 2, 3, 4, 6, 8, 10)
LONGEST_PARITY = PARITY[-1]
ADDING = (10, 20, 40, 80)
CLOSED = -40.0  # what a closed gate is fed with: it lets in 4e-18


def adding_rows() -> Iterator[Row]:
    """The adding problem: a sum of all inputs, and two gates that open at marks."""
    sums = LRUParams.init(2, UNITS // 2, rng=np.random.default_rng(0), ring=(0.9, 0.9999), most_angle=0.0)
    open_at = np.array([0.0, -np.log(2)])  # z = 1/2 and 1/3, h = (1 - z) z v_1 + z v_2: two that give v_1 + v_2
    gated = rl.MinGRUParams(
        np.array([[0.0, open_at[0] - CLOSED], [0.0, open_at[1] - CLOSED], [1.0, 0.0], [1.0, 0.0]]),
        np.array([CLOSED, CLOSED, 0.0, 0.0]),
    )
    for steps in ADDING:
        x, target, _ = rl.tasks.adding(steps).draw(np.random.default_rng(1), SEQUENCES)
        for name, params in (("LRU", sums), ("minGRU, 2 units", gated)):
            last = rl.forward(params, x).h[-1]
            yield {"network": name, "steps": steps, "value": explained(last, target[0, :, 0])}


def parity_rows() -> Iterator[Row]:
    """Parity of T bits, over all sequences, each as often: lambda fixed, lambda between 0 and 1 by the input, and a switch of two ReLUs.

    The switch is h_t = |h_(t-1) - x_t|, the sum of its two units.
    """
    rng = np.random.default_rng(0)
    fixed = LRUParams.init(1, UNITS, rng=rng, ring=(0.5, 1.0))
    gated = rl.MinGRUParams(*(rng.standard_normal(shape) for shape in ((2 * UNITS, 1), (2 * UNITS,))))
    switch = rl.ReLURNNParams(np.array([[-1.0], [1.0]]), np.array([[1.0, 1.0], [-1.0, -1.0]]), np.zeros(2))
    for steps in PARITY:
        bits = np.tile(np.array(list(itertools.product((0.0, 1.0), repeat=steps))), (2 ** (LONGEST_PARITY - steps), 1))
        x, parity = np.ascontiguousarray(bits.T[:, :, None]), 1 - 2 * (bits.sum(axis=1) % 2)
        for name, params in (("LRU", fixed), ("minGRU", gated), ("two ReLUs", switch)):
            last = rl.forward(params, x).h[-1]
            noise = NOISE * last.std(axis=0) * rng.standard_normal(last.shape)
            yield {"network": name, "steps": steps, "value": explained(last + noise, parity)}
            if name == "minGRU":
                yield {"network": "minGRU, no noise", "steps": steps, "value": explained(last, parity)}


def explained(states: Array, target: Array) -> float:
    """R^2 of the best linear readout with a constant, of states (S, H), less what as many random states would explain."""
    features = np.column_stack([states, np.ones(len(target))])
    weights, _, rank, _ = np.linalg.lstsq(features, target, rcond=None)
    left = len(target) - rank
    if left <= 0:
        return 1.0
    return float(1 - (target - features @ weights).var() / target.var() * (len(target) - 1) / left)
