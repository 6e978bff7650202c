"""What is claimed of layers and time, and the numbers that it is held against."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.special import binom

from rnnlab.experiments._lab.claims import AT_LEAST, Claim, table_of
from rnnlab.experiments._lab.networks import NETWORKS
from rnnlab.experiments.depth.sizes import Array, grid_of, log10_rms, loss_of
from rnnlab.laws import depth as law

ROUNDING = 1e-12  # in log10, of sums of some thousand terms of one sign
UNITS, LAYERS, SEEDS = 64, 6, 4  # from so many on, means over them are as theory has them
NEAR = 10  # lag at which paths are counted: later the largest eigenvalues of one matrix take over
BRIEF = 8  # layers times lags over units: up to here pairs of random paths have no mean product to speak of
OPENNESS = {"tanh": 1.0, "lstm": 1 / 4, "lstm-1": 1 / 4, "gru": 1 / 2, "mingru": 1 / 2, "leaky": 0.1}
POWERS = {"tanh": (0.5, 0.1), "gru": (1.0, 0.25), "mingru": (1.0, 0.1), "leaky": (1.0, 0.1)}  # and their tolerance
FACTOR = 0.03  # log10 per layer, 7 %: gates are not quite at 1/2 and slopes not quite 1
PATHS = "sum over paths, see rnnlab.laws.depth"
HALF = "weights of PyTorch keep 1 / sqrt(3) of a length, gates at 1/2 (LSTM: 1/4 of two; leaky: its step) of that"
ALIGNED, RANDOM = "linear identity", "linear orthogonal"
Key = tuple[str, bool]  # a network's name, and whether it has skip connections


class Linear(NamedTuple):
    """Of the linear networks."""

    recurrent_gain: float
    input_gain: float
    units: int


def checks(table: pd.DataFrame) -> pd.DataFrame:
    """The linear law, whole and in the mean; factors per layer, ways of counting paths, and what is lost first."""
    grids = {
        (str(name), bool(residual)): grid_of(rows)
        for (name, residual), rows in table.groupby(["network", "residual"], sort=False)
    }
    linear = Linear(*(table[name].iloc[0] for name in ("recurrent_gain", "input_gain", "hidden_size")))
    claims = [claim for key, grid in grids.items() for claim in linear_claims(key, grid, linear)]
    least = (SEEDS, LAYERS, NEAR + 1)
    if linear.units >= UNITS and all(
        size >= few for grid in grids.values() for size, few in zip(grid.shape, least, strict=True)
    ):
        for claims_of in (layer_claims, power_claims, order_claims):
            claims += [claim for key, grid in grids.items() for claim in claims_of(key, grid)]
        claims += time_claims(grids)
    return table_of(claims)


def titled(key: Key) -> str:
    """A network as claims call it."""
    return NETWORKS[key[0]].label + (", skips" if key[1] else "")


def linear_claims(key: Key, grid: Array, linear: Linear) -> Iterator[Claim]:
    """Aligned matrices: the law to rounding; random ones: in the mean square, and no other law does."""
    distance, lag = np.indices(grid.shape[1:])
    found = {way: law.log10_gradient(distance, lag, linear[:2], residual=key[1], aligned=way) for way in (True, False)}
    if key[0] == ALIGNED:
        off = float(np.abs(grid - found[True]).max())
        yield Claim(
            f"{titled(key)}: log10 off the sum over paths, at most",
            0.0,
            off,
            ROUNDING,
            PATHS + "; or random paths",
            rival=float(np.abs(grid - found[False]).max()),
        )
    brief = distance.max() * lag.max() <= BRIEF * linear.units
    if key[0] == RANDOM and brief and linear.units >= UNITS and len(grid) >= SEEDS:
        single = lag * np.log10(linear.recurrent_gain) + found[False][:, :1]  # of its layer at lag 0, and on from there
        others = {"aligned paths": found[True], "a single path": single}
        yield from random_claims(
            titled(key), log10_rms(grid, axis=0), found[False], others, scatter(grid, linear.units)
        )


def random_claims(name: str, size: Array, expected: Array, others: dict[str, Array], error: Array) -> Iterator[Claim]:
    """Within four standard errors of the law, and far from the others where these gains tell them apart."""

    def worst(law: Array) -> float:
        return float((np.abs(size - law) / error).max())

    off = worst(expected)
    yield Claim(
        f"{name}: standard errors off the root of summed squares, at most",
        0.0,
        off,
        4.0,
        PATHS + "; or aligned ones",
        rival=worst(others["aligned paths"]),
    )
    for other, values in others.items():
        if (np.abs(values - expected) / error).max() > 4 * 4.0:
            text, source = f"{name}: standard errors off {other}, at least", "random paths are neither; 4 if they were"
            yield Claim(text, 8.0, worst(values), AT_LEAST, source, rival=4.0)


def scatter(grid: Array, units: int) -> Array:
    """Standard error of log10 of the root mean square over networks, by distance.

    A random matrix changes the square of a length by a share of about sqrt(2 / H), as squares of H Gaussians vary, and
    on the way to a distance m there are m + 1 layers of them.
    """
    share = np.sqrt(2 * np.arange(1, grid.shape[1] + 1) / (units * len(grid)))
    return np.asarray(share / 2 / np.log(10))[:, None]


def layer_claims(key: Key, grid: Array) -> Iterator[Claim]:
    """The factor per layer at lag 0."""
    if key[0] in OPENNESS:
        expected, rival = (
            float(law.log10_layer_factor(OPENNESS[key[0]], residual=way)) for way in (key[1], not key[1])
        )
        measured = float(loss_of(log10_rms(grid, axis=0)).layer)
        yield Claim(f"{titled(key)}: log10 per layer at lag 0", expected, measured, FACTOR, HALF, rival=rival)


def power_claims(key: Key, grid: Array) -> Iterator[Claim]:
    """Without skips the gradient is its edges times a power of the number of paths: 1 aligned, 1/2 random."""
    if key[0] in POWERS and not key[1]:
        expected, tolerance = POWERS[key[0]]
        reason = "a step is a random matrix" if expected < 1 else "a step is nearly a multiple of the identity"
        name = f"{titled(key)}: power of the number of paths, lag {NEAR}, lowest layer"
        yield Claim(name, expected, power_of(log10_rms(grid, axis=0)), tolerance, reason, rival=1.5 - expected)


def power_of(grid: Array) -> float:
    """p of |dL/dh| = (that of its layer at lag 0) (that of its lag in the top layer) C(lag + distance, distance)^p."""
    last = grid.shape[0] - 1
    return float((grid[-1, NEAR] - grid[-1, 0] - grid[0, NEAR]) / np.log10(binom(NEAR + last, last)))


def order_claims(key: Key, grid: Array) -> Iterator[Claim]:
    """Gated cells lose depth first, and everything with skip connections time."""
    if key[0] in OPENNESS and (key[1] or OPENNESS[key[0]] < 1):
        layer, step = loss_of(grid)
        first = float(np.mean(step < layer if key[1] else layer < step))
        what = "per step than per layer" if key[1] else "per layer than per step"
        name = f"{titled(key)}: share of networks that lose more {what}"
        source = "a skip passes depth at 1" if key[1] else "gates hold a state and let in a part of the layer below"
        yield Claim(name, 1.0, first, 0.0, source + "; or neither", rival=0.5)


def time_claims(grids: dict[Key, Array]) -> Iterator[Claim]:
    """Skip connections do not save time: what is lost per step is of the same order with and without them."""
    for name in OPENNESS:
        if (name, False) in grids and (name, True) in grids:
            plain, skips = (float(loss_of(grids[name, residual]).step.mean()) for residual in (False, True))
            claim = f"{titled((name, False))}: loss per step in the top layer with skips over without"
            source = "skips pass depth only; their larger inputs move slopes and gates; 0 if they saved time"
            yield Claim(claim, 1.0, skips / plain, 0.5, source, rival=0.0)
