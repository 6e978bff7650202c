"""Gradients of linear networks by BPTT: the worst loss at every lag, and the signal-to-noise ratio of what is remembered."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import scipy
from numpy.typing import NDArray

import rnnlab as rl
from rnnlab.experiments.non_normal.networks import CHAIN, JORDAN, UNITS, chain, eigtool_demo, schur, symmetric

Array = NDArray[np.float64]
Row = dict[str, Any]
LONGEST = 256  # lags of a memory: what is beyond them is below rounding
DELAY, CHAINED, DEMO_NAME = "delay line", f"chain {JORDAN[0]:g} + {JORDAN[1]:g}", "EigTool's demo"
FIXED = {  # networks whose gradients are followed beside those of the Schur form
    DELAY: chain(UNITS, 1.0),
    CHAINED: chain(UNITS, JORDAN[1], JORDAN[0]),
    DEMO_NAME: eigtool_demo(),
}
NORMAL = {"orthogonal x 0.9": schur(0.0), "symmetric, radius 0.95": symmetric(0.95)}
PUBLISHED = {  # alpha, beta, d: J_tot, Kerg 2019, supplement, table 6
    (0.95, 0.0, 0.0): 3.03,
    (1.0, 0.0, 0.0): 5.19,
    (1.05, 0.0, 0.0): 12.1,
    (0.95, 0.005, 0.0): 3.18,
    (1.0, 0.005, 0.0): 5.30,
    (1.05, 0.005, 0.0): 12.1,
    (0.95, 0.0, 0.2): 12.0,
    (1.0, 0.0, 0.2): 16.2,
    (1.05, 0.0, 0.2): 20.5,
    (0.95, 0.005, 0.2): 12.1,
    (1.0, 0.005, 0.2): 16.3,
    (1.05, 0.005, 0.2): 20.4,
}


def jacobians(weight: Array, steps: int) -> Array:
    """dh_T/dh_(T-k) (T, N, N) for k = 0 .. T - 1, by BPTT: a sequence for each unit of h_T, whose loss is that unit."""
    units = len(weight)
    params = rl.RNNParams(np.eye(units), weight, np.zeros(units))
    tape = rl.forward(params, np.zeros((steps, units, units)), nonlinearity="linear")
    return np.asarray(rl.backward(tape, np.eye(units)).x[::-1])


def growth_rows(name: str, weight: Array, steps: int, size: float = np.nan) -> Iterator[Row]:
    """log10 of the largest gradient that a loss of length 1 sends k steps back; -inf where none comes."""
    largest = np.linalg.norm(jacobians(weight, steps), 2, axis=(1, 2))
    with np.errstate(divide="ignore"):
        for lag, value in enumerate(np.log10(largest)):
            yield {"part": "gradient", "network": name, "setting": size, "lag": lag, "value": value}


def schur_rows(size: float, steps: int) -> Iterator[Row]:
    """Those of a matrix whose eigenvalues are all of modulus 0.9."""
    return growth_rows(schur_name(size), schur(size), steps, size)


def schur_name(size: float) -> str:
    """The network with so large a triangular part."""
    return f"|lambda| = 0.9, T x {size:g}"


def total_of(weight: Array) -> float:
    """J_tot by BPTT: signal into the first unit, noise into all, sums over lags of what comes back of a gradient.

    C is not formed: it is R^T R of the stacked Jacobians, by a QR decomposition, which takes half of its digits.
    """
    back = jacobians(weight, LONGEST)
    noise = np.linalg.qr(np.concatenate(list(back.transpose(0, 2, 1))), mode="r")
    heard = scipy.linalg.solve_triangular(noise, back[:, :, 0].T, trans="T")
    return float((heard**2).sum())


def memory_row(part: str, name: str, weight: Array, gain: float = np.nan) -> Row:
    """The total memory of a network."""
    return {"part": part, "network": name, "setting": gain, "value": total_of(weight)}


def chain_rows(gain: float) -> Iterator[Row]:
    """A delay line of that gain."""
    yield memory_row("memory", DELAY, chain(CHAIN, gain), gain)


def normal_rows() -> Iterator[Row]:
    """Networks whose matrices are normal."""
    for name, weight in NORMAL.items():
        yield memory_row("memory", name, weight)


def published_rows(key: tuple[float, float, float]) -> Iterator[Row]:
    """A network of Kerg et al. 2019."""
    yield memory_row("published", published_name(key), published_weight(key), key[0])


def published_weight(key: tuple[float, float, float]) -> Array:
    """Its matrix."""
    alpha, beta, diagonal = key
    return chain(CHAIN, alpha, diagonal, beta)


def published_name(key: tuple[float, float, float]) -> str:
    """What claims and tables call it."""
    return "alpha {:g}, beta {:g}, d {:g}".format(*key)
