"""Gradients carried forwards in time: exact at the price of memory, or unbiased at the price of noise.

Real-time recurrent learning carries P_t = J_t P_(t-1) + I_t and equals backpropagation through time; UORO carries one
vector of states and one of parameters, whose product is P_t in the mean (equations in `rnnlab.forward_mode`; R. J.
Williams and D. Zipser, Neural Computation 1, 1989; C. Tallec and Y. Ollivier, arXiv:1702.05043, 2017; the
variance is derived in `rnnlab.laws.forward_mode`). Truncated BPTT, its competitor, has no noise, but a bias.

Claim: real-time recurrent learning is backpropagation to rounding, in any cell; UORO is unbiased, and its noise, relative to
the gradient, does not grow with T as long as its factors are balanced, but with the number of units.
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
from rnnlab.experiments._lab.spec import Choices, ExperimentSpec, Listed
from rnnlab.experiments.forward_mode.claims import checks as checks
from rnnlab.experiments.forward_mode.figures import draw as draw, finding as finding
from rnnlab.forward_mode import flat, local_derivatives, real_time_gradients, unbiased_gradients
from rnnlab.laws.forward_mode import uoro_variance

Network = Literal["tanh", "relu", "lstm", "gru", "mingru", "leaky"]
LINEAR = "linear orthogonal"
SHORT = 20  # steps, and
FEW = 6  # units of the networks in which the exact ways are compared
SIZES = (8, 16, 32, 64)  # units at which memory is counted
KEYS = ("kind", "network", "gain", "hidden_size", "seq_len", "window", "seed", "value", "law")
Array = NDArray[np.float64]
Row = tuple[Any, ...]


class Spec(ExperimentSpec):
    """Which networks, how long, and how many guesses."""

    network: Choices[Network] = Field(
        default=get_args(Network), description=f"{', '.join(get_args(Network))}: exact ways"
    )
    gain: Listed[Annotated[float, Field(ge=0.5, le=1.5)]] = Field(
        default=(0.9, 1.0, 1.1), description="sizes of the recurrent weights of the linear networks that UORO runs in"
    )
    hidden_size: Listed[Annotated[int, Field(ge=1, le=128)]] = Field(default=(4, 8, 16), description="their units H")
    seq_len: Listed[Annotated[int, Field(ge=1, le=1000)]] = Field(
        default=(4, 8, 16, 32, 64, 128), description="sequence lengths T, at the largest H; the others at the largest T"
    )
    samples: int = Field(default=500, ge=2, description="guesses of UORO per network")
    seeds: int = Field(default=4, ge=1, description="networks, seeded 0, 1, ...")

    def bytes_needed(self, workers: int) -> int:
        """One step's derivatives for every step of a network in hand, and a gradient a guess."""
        size = max(self.hidden_size)
        return 8 * workers * size**2 * (2 * size * max(self.seq_len) + 4 * self.samples)


class Part(NamedTuple):
    """One network: compared in all exact ways, guessed, or weighed."""

    spec: Spec
    kind: Literal["exact", "guess", "memory"]
    network: str
    gain: float
    hidden_size: int
    seq_len: int
    seed: int


def measure(spec: Spec, each: Callable[..., Iterable[pd.DataFrame]] = map) -> pd.DataFrame:
    """Measure gradients of v . h_T with v random, by all ways forwards and backwards.

    Returns
    -------
    DataFrame
        kind, network, gain, hidden_size, seq_len, window, seed, value, law; by kind, relative to the gradient's norm g:
        rtrl (its distance from BPTT), truncated (that of BPTT cut to `window` steps), uoro (variance / g^2; law: of the best
        fixed rescaling), plain (the same without rescaling; law: exact), mean (distance of the guesses' mean from BPTT in
        standard errors), and in bytes what is kept of a run: memory BPTT, memory RTRL, memory UORO. samples: as given.
    """
    largest = max(spec.hidden_size), max(spec.seq_len)
    grid = {(largest[0], steps) for steps in spec.seq_len} | {(size, largest[1]) for size in spec.hidden_size}
    seeds = range(spec.seeds)
    parts = [Part(spec, "exact", name, 1.0, FEW, SHORT, seed) for name in spec.network for seed in seeds]
    parts += [
        Part(spec, "guess", LINEAR, gain, *at, seed) for gain in spec.gain for at in sorted(grid) for seed in seeds
    ]
    parts += [Part(spec, "memory", "tanh", 1.0, size, largest[1], 0) for size in SIZES]
    return pd.concat(each(measure_part, parts), ignore_index=True).assign(samples=spec.samples)


def measure_part(part: Part) -> pd.DataFrame:
    """The rows of one network."""
    rng = np.random.default_rng([part.seed, part.hidden_size])
    gain = {"gain": part.gain} if part.network == LINEAR else {}
    params = params_of(part.network, 1, part.hidden_size, rng, **gain)
    x, v = rng.standard_normal((part.seq_len, 1)), rng.standard_normal(part.hidden_size)
    tape = rl.forward(params, x, nonlinearity=NETWORKS[part.network].nonlinearity)
    ways = {"exact": exact_ways, "guess": guesses, "memory": weights_of_memory}
    rows = [row._asdict() for row in ways[part.kind](part, tape, v)]
    keys = part._asdict()
    made = pd.DataFrame(rows).assign(**{name: keys[name] for name in KEYS if name in keys and name != "kind"})
    return made[list(KEYS)]


class Value(NamedTuple):
    """What was measured of a network."""

    kind: str
    value: float
    law: float = np.nan
    window: int = 0


def exact_ways(part: Part, tape: rl.Tape, v: Array) -> Iterator[Value]:
    """Real-time recurrent learning, and BPTT that leaves out one step of many: the smallest mistake."""
    exact = flat(rl.backward(tape, v).params)
    yield Value("rtrl", distance(flat(real_time_gradients(tape, v)), exact))
    yield truncated(tape, v, exact, part.seq_len - 1)


def distance(found: Array, exact: Array) -> float:
    """|found - exact| / |exact|."""
    return float(np.linalg.norm(found - exact) / np.linalg.norm(exact))


def truncated(tape: rl.Tape, v: Array, exact: Array, window: int) -> Value:
    """The error of truncated BPTT."""
    return Value("truncated", distance(flat(rl.backward(tape, v, window=window).params), exact), window=window)


def guesses(part: Part, tape: rl.Tape, v: Array) -> Iterator[Value]:
    """Mean and variance of UORO beside their laws; and truncated BPTT at windows of 1, 2, 4, .. steps."""
    exact, rng = flat(rl.backward(tape, v).params), np.random.default_rng([part.seed, part.seq_len, 1])
    square, laws = float(exact @ exact), laws_of(tape, v)
    for kind, law in laws.items():
        made = unbiased_gradients(tape, v, rng=rng, samples=part.spec.samples, rescale=kind == "uoro")
        rows = np.concatenate([array.reshape(part.spec.samples, -1) for array in made], axis=1)
        variance = float(rows.var(axis=0, ddof=1).sum())
        yield Value(kind, variance / square, law / square)
        if kind == "uoro":
            off = np.linalg.norm(rows.mean(axis=0) - exact)
            yield Value("mean", float(off / np.sqrt(variance / part.spec.samples)))
    for power in range(int(np.log2(part.seq_len))):
        yield truncated(tape, v, exact, 2**power)


def laws_of(tape: rl.Tape, v: Array) -> dict[str, float]:
    """The variance of UORO, of the best rescaling and of none, from every step's derivatives."""
    local = list(local_derivatives(tape))
    by_state = [v]
    for step in local[:0:-1]:
        by_state.append(step.state.T @ by_state[-1])
    of_steps = np.array(by_state[::-1]), np.stack([step.params for step in local])
    return {"uoro": uoro_variance(*of_steps, best=True), "plain": uoro_variance(*of_steps)}


def weights_of_memory(_: Part, tape: rl.Tape, v: Array) -> Iterator[Value]:
    """Bytes of the arrays that BPTT, RTRL and UORO keep from step to step."""
    local = next(local_derivatives(tape))
    yield Value("memory BPTT", float(sum(array.nbytes for array in tape.record)))
    yield Value("memory RTRL", float(local.params.nbytes))
    yield Value("memory UORO", float(v.nbytes + local.params[0].nbytes))
