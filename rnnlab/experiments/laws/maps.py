"""Chaotic maps whose Lyapunov exponents are published, measured by the decomposition that networks are measured by.

J. C. Sprott, Chaos and Time-Series Analysis, Oxford University Press 2003, appendix A: exponents to five digits of long runs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from itertools import chain
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rnnlab.lyapunov import decompose, kaplan_yorke_dimension

Array = NDArray[np.float64]
STEPS, SETTLING = 8000, 200
SCATTER = 0.03  # of a mean over so many steps: three standard deviations, each 0.01 at most
TURN = 2 * np.pi
SOURCE = "Sprott 2003, appendix A"


class ChaoticMap(NamedTuple):
    """A map, its Jacobian, where it starts, and the published exponents in nats a step."""

    step: Callable[[Array], Any]
    jacobian: Callable[[Array], Any]
    start: tuple[float, ...]
    published: tuple[float, ...]


def ikeda(s: Array) -> Any:
    """The Ikeda map."""
    angle = 0.4 - 6 / (1 + s @ s)
    turned = s[0] * np.cos(angle) - s[1] * np.sin(angle), s[0] * np.sin(angle) + s[1] * np.cos(angle)
    return 1 + 0.9 * turned[0], 0.9 * turned[1]


def ikeda_jacobian(s: Array) -> Any:
    """Its rotation, and what a state changes by way of the angle."""
    size = 1 + s @ s
    angle, by_state = 0.4 - 6 / size, 12 * s / size**2
    rotation = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    quarter = np.array([[0.0, -1.0], [1.0, 0.0]])
    return 0.9 * (rotation + np.outer(quarter @ rotation @ s, by_state))


MAPS = {
    "logistic map, r = 4": ChaoticMap(lambda s: 4 * s * (1 - s), lambda s: 4 - 8 * s, (0.1,), (0.693147,)),
    "cubic map": ChaoticMap(lambda s: 3 * s * (1 - s**2), lambda s: 3 - 9 * s**2, (0.1,), (1.098612,)),
    "sine map": ChaoticMap(lambda s: np.sin(np.pi * s), lambda s: np.pi * np.cos(np.pi * s), (0.1,), (0.689067,)),
    "pinchers map": ChaoticMap(
        lambda s: np.abs(np.tanh(2 * s - 1)),
        lambda s: 2 * np.sign(s - 0.5) / np.cosh(2 * s - 1) ** 2,
        (0.0,),
        (0.467944,),
    ),
    "Ricker map": ChaoticMap(lambda s: 20 * s * np.exp(-s), lambda s: 20 * (1 - s) * np.exp(-s), (0.1,), (0.384846,)),
    "sine circle map": ChaoticMap(
        lambda s: (s + 0.5 - np.sin(TURN * s) / np.pi) % 1, lambda s: 1 - 2 * np.cos(TURN * s), (0.1,), (0.353863,)
    ),
    "Henon map": ChaoticMap(
        lambda s: (1 - 1.4 * s[0] ** 2 + 0.3 * s[1], s[0]),
        lambda s: ((-2.8 * s[0], 0.3), (1, 0)),
        (0.0, 0.9),
        (0.41922, -1.62319),
    ),
    "Lozi map": ChaoticMap(
        lambda s: (1 - 1.7 * abs(s[0]) + 0.5 * s[1], s[0]),
        lambda s: ((-1.7 * np.sign(s[0]), 0.5), (1, 0)),
        (-0.1, 0.1),
        (0.47023, -1.16338),
    ),
    "delayed logistic map": ChaoticMap(
        lambda s: (2.27 * s[0] * (1 - s[1]), s[0]),
        lambda s: ((2.27 * (1 - s[1]), -2.27 * s[0]), (1, 0)),
        (0.001, 0.001),
        (0.18312, -1.24199),
    ),
    "Tinkerbell map": ChaoticMap(
        lambda s: (s[0] ** 2 - s[1] ** 2 + 0.9 * s[0] - 0.6 * s[1], 2 * s[0] * s[1] + 2 * s[0] + 0.5 * s[1]),
        lambda s: ((2 * s[0] + 0.9, -2 * s[1] - 0.6), (2 * s[1] + 2, 2 * s[0] + 0.5)),
        (0.0, 0.5),
        (0.18997, -0.52091),
    ),
    "Burgers map": ChaoticMap(
        lambda s: (0.75 * s[0] - s[1] ** 2, 1.75 * s[1] + s[0] * s[1]),
        lambda s: ((0.75, -2 * s[1]), (s[1], 1.75 + s[0])),
        (-0.1, 0.1),
        (0.12076, -0.22136),
    ),
    "Sinai map": ChaoticMap(
        lambda s: ((s[0] + s[1] + 0.1 * np.cos(TURN * s[1])) % 1, (s[0] + 2 * s[1]) % 1),
        lambda s: ((1, 1 - 0.1 * TURN * np.sin(TURN * s[1])), (1, 2)),
        (0.5, 0.5),
        (0.95946, -1.07714),
    ),
    "dissipative standard map": ChaoticMap(
        lambda s: (np.array([s[0], 0.0]) + 0.1 * s[1] + 8.8 * np.sin(s[0])) % TURN,
        lambda s: ((1 + 8.8 * np.cos(s[0]), 0.1), (8.8 * np.cos(s[0]), 0.1)),
        (0.1, 0.1),
        (1.46995, -3.77254),
    ),
    "Ikeda map": ChaoticMap(ikeda, ikeda_jacobian, (0.0, 0.0), (0.50760, -0.71832)),
    "Holmes cubic map": ChaoticMap(
        lambda s: (s[1], -0.2 * s[0] + 2.77 * s[1] - s[1] ** 3),
        lambda s: ((0, 1), (-0.2, 2.77 - 3 * s[1] ** 2)),
        (1.6, 0.0),
        (0.59458, -2.20402),
    ),
}


@cache
def exponents(name: str) -> tuple[float, ...]:
    """The Lyapunov exponents of a map, descending."""
    chaotic = MAPS[name]
    states = [np.array(chaotic.start)]
    for _ in range(SETTLING + STEPS):
        states.append(np.asarray(chaotic.step(states[-1])))
    jacobians = [np.atleast_2d(np.asarray(chaotic.jacobian(state), np.float64)) for state in states[:-1]]
    sums = decompose(lambda t, q: jacobians[t] @ q, np.eye(len(chaotic.start)), range(len(jacobians)), SETTLING)
    return tuple(float(value) for value in np.sort(sums / STEPS)[::-1])


def named(name: str, values: tuple[float, ...]) -> Iterator[tuple[str, float, int, float]]:
    """Law, index of the exponent (0: the Kaplan-Yorke dimension of all), steps, value."""
    for index, value in enumerate(values, start=1):
        yield f"{name}: Lyapunov exponent", float(index), STEPS, value
    if len(values) > 1:
        yield f"{name}: Kaplan-Yorke dimension", 0.0, STEPS, kaplan_yorke_dimension(values)


def rows() -> Iterator[tuple[str, float, int, float]]:
    """What is measured of all maps."""
    return chain.from_iterable(named(name, exponents(name)) for name in MAPS)


def published() -> dict[tuple[str, float, int], tuple[float, float, str]]:
    """Value, tolerance and source of every row."""
    told = chain.from_iterable(named(name, chaotic.published) for name, chaotic in MAPS.items())
    return {
        (law, index, steps): (value, SCATTER if index else 2 * SCATTER, SOURCE) for law, index, steps, value in told
    }


def otherwise(law: str, index: float) -> float | None:
    """Without chaos the leading exponent is 0, the other one all of the contraction, and the dimension a whole number."""
    chaotic = MAPS.get(law.partition(":")[0])
    if chaotic is None:
        return None
    return {0.0: 1.0, 1.0: 0.0}.get(index, sum(chaotic.published))
