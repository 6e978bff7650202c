"""Trainability: from which weights W2 gradient descent learns to remember a first input, and for how long.

Claim: exploding gradients prevent convergence, vanishing ones learning over long lags; clipping cures the first
alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import Field, FiniteFloat

from rnnlab.experiments._lab.claims import Claim, table_of
from rnnlab.experiments._lab.spec import Choices, ExperimentSpec, Lengths, Numbers
from rnnlab.experiments.trainability.figures import OUTCOMES, VARIANTS, draw as draw, finding as finding
from rnnlab.kernels import one_unit_training as training
from rnnlab.nonlinearities import Nonlinearity, nonlinearity_code

FUNCTIONS: dict[str, Callable[[Any], Any]] = {
    "linear": lambda a: a,
    "relu": lambda a: np.where(np.real(a) > 0, a, 0.0),
    "tanh": np.tanh,
    "sigmoid": lambda a: 1 / (1 + np.exp(-a)),
}
SOLVED = 0.1  # a squared error below this; who always answers 0 has 1
PATIENCE = 10  # updates in a row that must all be solved
BOUND = 1e6  # a parameter beyond this has diverged
STEEP = 10.0  # |g|, ten times the norm at which clipping begins: unsolved trainings below it stall, others exploded
SEQUENCES = 2  # per update: one that starts with +1, one with -1
W2_AT_ONCE = 52  # twice as many lanes, a multiple of the SIMD width; and parts enough for many workers
EARLY = 100  # updates by which 0.6 of the lanes have stopped: all trainings take 7.5 s for 11.9 on one core
VECTOR = 8  # lanes at once: of a number that is no multiple of it the last ones take 1.3 s of these
SETTINGS = ("updates", "learning_rate", "clip", "noise")  # at whose defaults the claims are made
EXPLODES = "Pascanu, Mikolov and Bengio 2013, section 2: |W2| > 1 is enough for a linear unit"
CLIPPING = "Pascanu, Mikolov and Bengio 2013, section 3.2: clipping bounds every step"
LAGS = "Bengio, Simard and Frasconi 1994, section IV: clipping leaves gradients below the norm as they are"
LATCH = "a tanh unit is bounded, and for |W2| > 1 latches (Bengio, Simard and Frasconi 1994)"


class Spec(ExperimentSpec):
    """The grid of trainings, and how each goes."""

    w2: Numbers = Field(
        default=tuple(round(-2.5 + 0.05 * k, 12) + 0.0 for k in range(101)), description="initial recurrent weights W2"
    )
    seq_len: Lengths = Field(default=(1, 2, 3, 5, 7, 10, 15, 20, 30, 50), description="sequence lengths T")
    nonlinearity: Choices[Nonlinearity] = Field(default=("linear", "tanh"), description="linear, relu, tanh, sigmoid")
    seeds: int = Field(default=50, ge=1, description="trainings per point: initial W1 and W3, and inputs")
    updates: int = Field(default=1000, ge=PATIENCE, description="steps of gradient descent")
    learning_rate: FiniteFloat = Field(default=0.01, gt=0, description="step size")
    clip: FiniteFloat = Field(default=1.0, gt=0, description="largest norm of a clipped gradient")
    noise: FiniteFloat = Field(default=0.02, ge=0, description="standard deviation of all inputs but the first")

    def bytes_needed(self, workers: int) -> int:
        """Memory of the inputs that the workers have in hand, drawn and copied."""
        return workers * self.updates * SEQUENCES * max(self.seq_len) * 16


class Part(NamedTuple):
    """One piece of the work: some W2 of one nonlinearity and one length, every seed and variant."""

    spec: Spec
    nonlinearity: Nonlinearity
    seq_len: int
    w2: tuple[float, ...]


def parts_of(spec: Spec) -> list[Part]:
    """The grid in pieces, the longest sequences first, so that no worker is left with one at the end."""
    return [
        Part(spec, nonlinearity, seq_len, spec.w2[first : first + W2_AT_ONCE])
        for seq_len in sorted(spec.seq_len, reverse=True)
        for nonlinearity in spec.nonlinearity
        for first in range(0, len(spec.w2), W2_AT_ONCE)
    ]


def measure(spec: Spec, each: Callable[..., Iterable[pd.DataFrame]] = map) -> pd.DataFrame:
    """Train every network of the grid to answer with its first input, -1 or +1, by plain and by clipped descent.

    Returns
    -------
    DataFrame
        ``part`` is map or gradient. map, a row per nonlinearity, seq_len, w2 and variant (plain, clipped): runs; the
        shares of them that solved the task, diverged (a parameter left the bounds), exploded (neither, after a gradient
        of norm 10 or more) or stalled (neither, without one); medians over the solved of updates_to_solve, over the
        diverged of updates_to_diverge, over all of largest_gradient (its norm before clipping) and last_w2; the
        settings. gradient, a row per nonlinearity and parameter: the
        first update of the kernel (bptt) beside complex_step.
    """
    table = pd.concat(each(measure_part, parts_of(spec)))
    table = table.sort_values(["nonlinearity", "seq_len", "w2", "variant"]).assign(part="map")
    gradients = pd.concat([gradient_check(name) for name in spec.nonlinearity]).assign(part="gradient")
    return pd.concat([table, gradients], ignore_index=True)


def measure_part(part: Part) -> pd.DataFrame:
    """The rows of one part: all its trainings, then what became of them at each point."""
    seeds = [trainings(part, seed) for seed in range(part.spec.seeds)]
    runs = pd.DataFrame({name: np.concatenate([one[name] for one in seeds]) for name in seeds[0]})
    groups = runs.groupby(["w2", "variant"])
    shares = groups[list(OUTCOMES)].mean()
    medians = groups[["updates_to_solve", "updates_to_diverge", "largest_gradient", "last_w2"]].median()
    rows = pd.concat([groups.size().rename("runs"), shares, medians], axis=1).reset_index()
    settings = {name: getattr(part.spec, name) for name in SETTINGS}
    return rows.assign(nonlinearity=part.nonlinearity, seq_len=part.seq_len, **settings)


def trainings(part: Part, seed: int) -> dict[str, NDArray[Any]]:
    """One entry per W2 and variant: the trainings of one seed, all on the same inputs."""
    spec, w2 = part.spec, np.tile(part.w2, len(VARIANTS))
    clip = np.repeat([np.inf, spec.clip], len(part.w2))
    rng = np.random.default_rng([seed, part.seq_len])
    network = initial_network(w2, part.seq_len, rng)
    data = inputs(spec.updates, part.seq_len, spec.noise, rng)
    outcome = train(part.nonlinearity, data, network, descent_of(np.full(w2.size, spec.learning_rate), clip))
    keys = {"w2": w2, "variant": np.repeat(VARIANTS, len(part.w2))}
    return {**keys, **verdicts(outcome), "last_w2": network.w2}


def descent_of(rate: NDArray[np.float64], clip: NDArray[np.float64]) -> training.Descent:
    """Gradient descent with the rules for stopping."""
    return training.Descent(rate, clip, SOLVED, PATIENCE, BOUND)


def initial_network(w2: NDArray[np.float64], seq_len: int, rng: np.random.Generator) -> training.Network:
    """The same random W1 and W3 for every W2, no biases.

    W3 has the sign that makes the first answer right: otherwise half of the trainings would have to take a parameter
    through 0, and the map would show the luck of signs beside the size of gradients.
    """
    w1, w3 = rng.uniform(0.5, 1.5, 2)
    sign = np.where(w2 < 0, -1.0, 1.0) ** (seq_len - 1)
    return training.Network(np.full(w2.size, w1), w2.copy(), np.zeros(w2.size), w3 * sign, np.zeros(w2.size))


def inputs(updates: int, seq_len: int, noise: float, rng: np.random.Generator) -> training.Data:
    """First inputs +1 and -1, the others small noise, fresh at every update; the target is the first input."""
    x = noise * rng.standard_normal((updates, SEQUENCES, seq_len))
    x[:, :, 0] = 1.0 - 2.0 * (np.arange(SEQUENCES) % 2)
    return training.Data(x, x[:, :, 0].copy())


def train(name: str, data: training.Data, network: training.Network, descent: training.Descent) -> training.Outcome:
    """Train `network` in place, every lane; those that go on after some updates anew from the start, without the others.

    The loss is that of the last update that a lane was in.
    """
    start = [array.copy() for array in network]
    outcome = train_lanes(name, training.Data(data.x[:EARLY], data.target[:EARLY]), network, descent)
    stopped = (outcome.solved_at >= 0) | (outcome.diverged_at >= 0)
    on = np.argsort(stopped, kind="stable")[: -(-np.sum(~stopped) // VECTOR) * VECTOR]
    if on.size and len(data.x) > EARLY:
        again = training.Network(*(array[on] for array in start))
        rest = train_lanes(name, data, again, descent._replace(rate=descent.rate[on], clip=descent.clip[on]))
        for every, some in zip((*network, *outcome), (*again, *rest), strict=True):
            every[on] = some
    return outcome


def train_lanes(
    name: str, data: training.Data, network: training.Network, descent: training.Descent
) -> training.Outcome:
    """Train all lanes together, to the last update."""
    lanes = network.w1.size
    outcome = training.Outcome(*np.empty((2, lanes), np.int64), *np.empty((2, lanes)))
    training.train(nonlinearity_code(name), data, network, descent, outcome)
    return outcome


def verdicts(outcome: training.Outcome) -> dict[str, NDArray[np.float64]]:
    """Each lane's outcome as 0 or 1 in four columns, when it came, nan where it did not, and its largest gradient."""
    diverged, solved = outcome.diverged_at >= 0, outcome.solved_at >= 0
    largest = np.nan_to_num(outcome.largest, nan=np.inf)
    steep = largest >= STEEP
    return {
        "solved": solved.astype(float),
        "stalled": (~solved & ~diverged & ~steep).astype(float),
        "exploded": (~solved & ~diverged & steep).astype(float),
        "diverged": diverged.astype(float),
        "updates_to_solve": np.where(solved, outcome.solved_at, np.nan),
        "updates_to_diverge": np.where(diverged, outcome.diverged_at, np.nan),
        "largest_gradient": largest,
    }


def gradient_check(name: str) -> pd.DataFrame:
    """One update of the kernel at rate 1, which is the gradient, beside the complex step of the loss."""
    rng = np.random.default_rng(7)
    data = inputs(1, 6, 0.5, rng)
    start = rng.uniform(0.3, 0.9, 5)
    network = training.Network(*(np.array([value]) for value in start))
    train(name, data, network, descent_of(np.ones(1), np.array([np.inf])))
    bptt = start - np.concatenate(network)
    nudged = start + 1e-200j * np.eye(5)
    truth = [loss(name, values, data).imag / 1e-200 for values in nudged]
    rows = {"parameter": training.Network._fields, "bptt": bptt, "complex_step": truth}
    return pd.DataFrame(rows).assign(nonlinearity=name)


def loss(name: str, parameters: Any, data: training.Data) -> Any:
    """The loss of the first update, written out; complex parameters carry derivatives through."""
    w1, w2, b1, w3, b2 = parameters
    h: Any = 0.0
    for x_t in data.x[0].T:
        h = FUNCTIONS[name](w1 * x_t + w2 * h + b1)
    return ((w3 * h + b2 - data.target[0]) ** 2).mean()


def checks(table: pd.DataFrame) -> pd.DataFrame:
    """The kernel against complex steps; then, of trainings with the default settings, what the map says."""
    map_rows = table[table["part"] == "map"]
    usual = map_rows[(map_rows[list(SETTINGS)] == [Spec.model_fields[name].default for name in SETTINGS]).all(axis=1)]
    return table_of([*gradient_claims(table), *linear_claims(usual), *lag_claims(usual), *tanh_claims(usual)])


def gradient_claims(table: pd.DataFrame) -> Iterator[Claim]:
    """The first update of the kernel is the gradient."""
    for name, rows in table[table["part"] == "gradient"].groupby("nonlinearity"):
        off = (rows["bptt"] / rows["complex_step"] - 1).abs().max()
        text = f"{name}: the kernel's update against complex steps, largest relative difference"
        yield Claim(text, 0.0, off, 1e-12, "rounding of sums of 12 terms; 1 if one were left out", rival=1.0)


def linear_claims(rows: pd.DataFrame) -> Iterator[Claim]:
    """|W2| > 1 prevents convergence, and clipping cures that."""
    rows = rows[rows["nonlinearity"] == "linear"]
    size, steps, plain = rows["w2"].abs(), rows["seq_len"], rows["variant"] == "plain"
    wild, cured = (size >= 2) & (steps >= 20), size.between(1, 2) & steps.between(20, 30)
    lost, where = size.between(1.05, 2) & (steps >= 20), "1 <= |W2| <= 2, T 20 to 30"
    yield from share("linear, plain, |W2| >= 2, T >= 20", rows[wild & plain], "diverged", 1.0, EXPLODES)
    yield from share(f"linear, plain, {where}", rows[cured & plain], "solved", 0.0, EXPLODES)
    yield from share("linear, plain, 1.05 <= |W2| <= 2, T >= 20", rows[lost & plain], "stalled", 0.0, EXPLODES)
    yield from share(f"linear, clipped, {where}", rows[cured & ~plain], "solved", 1.0, CLIPPING)


def lag_claims(rows: pd.DataFrame) -> Iterator[Claim]:
    """|W2| < 1 prevents learning over long lags, clipped or not; without a lag there is nothing to prevent."""
    for name in ("linear", "tanh"):
        for variant, some in rows[rows["nonlinearity"] == name].groupby("variant"):
            short, faint = some["seq_len"] == 1, (some["w2"].abs() <= 0.5) & (some["seq_len"] >= 20)
            yield from share(f"{name}, {variant}, T = 1", some[short], "solved", 1.0, LAGS)
            yield from share(f"{name}, {variant}, |W2| <= 0.5, T >= 20", some[faint], "stalled", 1.0, LAGS)


def tanh_claims(rows: pd.DataFrame) -> Iterator[Claim]:
    """A bounded unit never diverges; a latch, whose gradients vanish, has nothing to learn: it is right at once."""
    for variant, some in rows[rows["nonlinearity"] == "tanh"].groupby("variant"):
        latch = (some["w2"].abs() >= 2) & (some["seq_len"] >= 20)
        yield from share(f"tanh, {variant}", some, "diverged", 0.0, LATCH)
        if latch.any():
            updates = float(some.loc[latch, "updates_to_solve"].fillna(np.inf).median())
            claim = f"tanh, {variant}, |W2| >= 2, T >= 20: median number of updates until right"
            yield Claim(
                claim,
                0.0,
                updates,
                PATIENCE,
                LATCH + "; or never in the time",
                rival=float(Spec.model_fields["updates"].default),
            )


def share(where: str, rows: pd.DataFrame, outcome: str, expected: float, source: str) -> Iterator[Claim]:
    """The share of trainings at these points with this outcome; nothing where the grid has no such points."""
    if len(rows):
        text = f"{where}: share {outcome} of {int(rows['runs'].sum())} trainings"
        yield Claim(
            text, expected, float(rows[outcome].mean()), 0.01, source, rival=1 - expected
        )  # one odd seed in a hundred; all or none
