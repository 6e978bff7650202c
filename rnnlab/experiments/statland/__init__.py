"""StatLand's stock prices: the unrolled network step by step, there and back, and trained from random weights.

Claim: four rules of StatLand follow from five shared weights, and gradient descent through time can find them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Annotated, Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import BeforeValidator, Field, FiniteFloat

from rnnlab import kernels
from rnnlab.experiments._lab.claims import AT_LEAST, Claim, table_of
from rnnlab.experiments._lab.learning import NO_SYMPTOM
from rnnlab.experiments._lab.spec import ExperimentSpec, expand_ranges
from rnnlab.experiments.statland.figures import draw as draw, finding as finding

RULES = {"0 0": 0.0, "0 0.5": 1.0, "1 0.5": 0.0, "1 1": 1.0}  # (yesterday, today) -> tomorrow
PARAMETERS = ("w1", "w2", "b1", "w3", "b2")
SOLVED = 0.05  # every prediction within this of its rule
LOGGED = 40  # updates kept per seed, evenly spaced in their logarithm
BYTES_PER_SEED = 2**14  # of its logged rows in memory, as they are put together
GIVEN = (2.0, -0.5, 0.0, 1.0, 0.0)  # found by hand, the rules exactly; the explainer's 1.8, -0.5, 0, 1.1, 0 give 0.99
SETTINGS = {"learning_rate"}  # in the table where it is not the default, at which training is claimed to succeed
LONG, MANY = 1500, 10  # from so many updates and starts on

Weight = Annotated[FiniteFloat, Field(ge=-1000, le=1000)]  # of which no state of sixty days overflows
Days = Annotated[
    tuple[Annotated[FiniteFloat, Field(ge=-1e6, le=1e6)], ...],
    BeforeValidator(expand_ranges),
    Field(min_length=1, max_length=60),
]


class Spec(ExperimentSpec):
    """The prices to unroll, the weights, and the training."""

    days: Days = Field(default=(0.5, 0.0, 1.0, 1.0), description="prices to unroll, the oldest day first")
    w1: Weight = Field(default=2.0, description="input weight W1")
    w2: Weight = Field(default=-0.5, description="recurrent weight W2")
    b1: Weight = Field(default=0.0, description="bias B1")
    w3: Weight = Field(default=1.0, description="output weight W3")
    b2: Weight = Field(default=0.0, description="output bias B2")
    seeds: int = Field(default=20, ge=1, description="trainings, each from its own random weights")
    updates: int = Field(default=3000, ge=1, description="steps of gradient descent")
    learning_rate: FiniteFloat = Field(default=0.1, gt=0, description="step size")

    def bytes_needed(self, workers: int) -> int:
        """The logged rows of all trainings."""
        del workers
        return self.seeds * BYTES_PER_SEED


class Readout(NamedTuple):
    """Prediction = w3 h_T + b2; scalars or arrays over seeds."""

    w3: Any
    b2: Any


class Trained(NamedTuple):
    """What one update is made of, of every seed."""

    prediction: NDArray[np.float64]  # (seeds, 4)
    loss: NDArray[np.float64]  # (seeds,): mean squared error
    gradients: NDArray[np.float64]  # (5, seeds), by BPTT
    off: NDArray[np.int64]  # (seeds,): rules on whose last day the ReLU is off, so that no gradient comes back


def measure(spec: Spec, each: Callable[..., Iterable[pd.DataFrame]] = map) -> pd.DataFrame:
    """Unroll the given network, train another, and compare BPTT with central differences.

    Returns
    -------
    DataFrame
        ``part`` is unrolled (a row per copy of the network, oldest first; the given days are the last sequence), training
        (a row per logged update and seed, the predictions named after the rules), or gradient (BPTT beside a central
        difference). ``symptom`` of a training is dead (the ReLU is off on the last day of all rules, so that no gradient
        comes back), off for some of them, or not finite. ``factor`` of a copy is dh_t/dh_(t-1) = W2 ReLU'(a_t), ``gradient`` is dh_T/dh_(t-1), the product of
        the factors from the last copy back to this one, by BPTT. learning_rate: only where it is not the default.
    """
    parts = [unrolled, trained, gradient_check]
    table = pd.concat(each(lambda part: part(spec), parts), ignore_index=True)
    return table.assign(**spec.changed(SETTINGS))


def sequences(spec: Spec) -> list[list[float]]:
    """The days of the four rules, then those that were given."""
    rules = [[float(day) for day in rule.split()] for rule in RULES]
    return [*(rule for rule in rules if rule != list(spec.days)), list(spec.days)]


def unrolled(spec: Spec) -> pd.DataFrame:
    """Every number in every copy of the network, for every sequence: one lane each, all with the same weights."""
    given = sequences(spec)
    longest, lanes = max(map(len, given)), len(given)
    x, h, slope = np.zeros((longest, lanes)), np.zeros((longest + 1, lanes)), np.empty((longest, lanes))
    dh = np.zeros_like(h)
    for lane, days in enumerate(given):
        x[: len(days), lane] = days
        dh[len(days), lane] = 1.0
    weights = kernels.Weights(*(np.full(lanes, value) for value in (spec.w1, spec.w2, spec.b1)))
    kernels.forward(kernels.RELU, weights, x, h, slope)
    kernels.backward(weights, x, h, slope, dh, np.empty_like(slope), kernels.Weights(*np.zeros((3, lanes))))
    chains = (
        zip(days, h[:, lane], h[1:, lane], slope[:, lane], dh[:, lane], strict=False) for lane, days in enumerate(given)
    )
    return pd.DataFrame([row for chain in chains for row in copies(spec, list(chain))]).assign(part="unrolled")


def copies(spec: Spec, chain: list[tuple[float, ...]]) -> Iterator[dict[str, Any]]:
    """One row per copy of the network: of (day, state before, state, slope, gradient of the state before)."""
    name = " ".join(repr(float(copy[0])).removesuffix(".0") for copy in chain)
    for step, (day, before, output, slope, gradient) in enumerate(chain, start=1):
        weighted, recurrent = spec.w1 * day, spec.w2 * before
        last = step == len(chain)
        yield {
            "sequence": name,
            "step": step,
            "input": day,
            "weighted_input": weighted,
            "recurrent_term": recurrent,
            "bias": spec.b1,
            "pre_activation": weighted + recurrent + spec.b1,
            "output": output,
            "factor": spec.w2 * slope,
            "gradient": gradient,
            "prediction": spec.w3 * output + spec.b2 if last else np.nan,
            "target": RULES.get(name, np.nan) if last else np.nan,
            **{name: getattr(spec, name) for name in PARAMETERS},
        }


def rule_inputs(seeds: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Inputs (2, 4 x seeds) and targets (seeds, 4) of the four rules for every seed, the rule fastest."""
    days = np.array([[float(day) for day in rule.split()] for rule in RULES]).T
    return np.ascontiguousarray(np.tile(days, (1, seeds))), np.tile(list(RULES.values()), (seeds, 1))


def loss_and_gradients(parameters: NDArray[np.float64], x: NDArray[np.float64], target: NDArray[np.float64]) -> Trained:
    """Predictions, mean squared errors and their gradients."""
    (seeds, rules), (steps, lanes) = target.shape, x.shape
    weights = kernels.Weights(*(np.repeat(row, rules) for row in parameters[:3]))
    h, slope = np.zeros((steps + 1, lanes)), np.empty((steps, lanes))
    kernels.forward(kernels.RELU, weights, x, h, slope)
    last = h[-1].reshape(seeds, rules)
    prediction = parameters[3][:, None] * last + parameters[4][:, None]
    dprediction = 2.0 * (prediction - target) / rules
    dh = np.zeros_like(h)
    dh[-1] = (dprediction * parameters[3][:, None]).ravel()
    sums = kernels.Weights(*np.zeros((3, lanes)))
    kernels.backward(weights, x, h, slope, dh, np.empty_like(slope), sums)
    recurrent = [np.reshape(row, (seeds, rules)).sum(axis=1) for row in sums]
    gradients = np.array([*recurrent, (dprediction * last).sum(axis=1), dprediction.sum(axis=1)])
    off = (slope[-1].reshape(seeds, rules) == 0).sum(axis=1)
    return Trained(prediction, ((prediction - target) ** 2).mean(axis=1), gradients, off)


def initial_parameters(seeds: int) -> NDArray[np.float64]:
    """Random weights (5, seeds): W1, W2, W3 standard normal, both biases 0."""
    drawn = [np.random.default_rng(seed).standard_normal(3) for seed in range(seeds)]
    w1, w2, w3 = np.array(drawn).T
    return np.array([w1, w2, np.zeros(seeds), w3, np.zeros(seeds)])


def trained(spec: Spec) -> pd.DataFrame:
    """Train every seed by plain gradient descent on the four rules."""
    x, target = rule_inputs(spec.seeds)
    parameters = initial_parameters(spec.seeds)
    logged = set(np.unique(np.geomspace(1, spec.updates + 1, LOGGED).astype(int) - 1))
    rows = []
    with np.errstate(over="ignore", invalid="ignore"):  # steps that are too large end in infinities
        for update in range(spec.updates + 1):
            found = loss_and_gradients(parameters, x, target)
            if update in logged:
                rows.append(log_rows(update, found, parameters))
            parameters = parameters - spec.learning_rate * found.gradients
    return pd.concat(rows, ignore_index=True).assign(part="training")


def symptom_of(off: int, loss: float) -> str:
    """What keeps a training from learning, in words."""
    if not np.isfinite(loss):
        return "not finite"
    return {0: NO_SYMPTOM, len(RULES): "dead"}.get(off, f"off for {off} of {len(RULES)} rules")


def log_rows(update: int, found: Trained, parameters: Any) -> pd.DataFrame:
    """One row a seed: the update, the loss, the predictions of the rules, the symptom and the parameters."""
    return pd.DataFrame(
        {
            "update": update,
            "seed": range(found.loss.size),
            "loss": found.loss,
            "solved": (np.abs(found.prediction - list(RULES.values())) <= SOLVED).all(axis=1).astype(float),
            "symptom": list(map(symptom_of, found.off, found.loss)),
            **{f"rule {rule}": found.prediction[:, k] for k, rule in enumerate(RULES)},
            **dict(zip(PARAMETERS, parameters, strict=True)),
        }
    )


def gradient_check(spec: Spec) -> pd.DataFrame:
    """BPTT's gradient beside a central difference, at the given weights nudged off the ReLU's kink."""
    x, target = rule_inputs(1)
    at = np.array([[spec.w1], [spec.w2], [spec.b1 + 0.01], [spec.w3], [spec.b2]])
    gradients = loss_and_gradients(at, x, target).gradients[:, 0]
    nudge, rows = 1e-6, []
    for k, name in enumerate(PARAMETERS):
        side = np.zeros_like(at)
        side[k] = nudge
        up, down = (loss_and_gradients(at + sign * side, x, target).loss[0] for sign in (1, -1))
        rows.append({"parameter": name, "bptt": gradients[k], "central_difference": (up - down) / (2 * nudge)})
    return pd.DataFrame(rows).assign(part="gradient")


def checks(table: pd.DataFrame) -> pd.DataFrame:
    """The four rules, the way back, the gradient, and whether training finds the rules."""
    return table_of([*rule_claims(table), *gradient_claims(table), *training_claims(table)])


def rule_claims(table: pd.DataFrame) -> Iterator[Claim]:
    """What the weights that were found by hand predict, and what comes back through two copies that are active."""
    rows = table[table["part"] == "unrolled"]
    if not given(table):
        return
    told, source = rows[rows["target"].notna()], "StatLand, weights by hand; or the mean of the four"
    for row in told.itertuples():
        mean = float(told["target"].mean())
        yield Claim(f"({row.sequence}) -> tomorrow", row.target, row.prediction, 1e-15, source, rival=mean)
    first = rows[rows["sequence"] == "1 1"].iloc[0]
    text, source = "dh_2/dh_0 on (1, 1): W2 twice", "factors multiply, they don't add"
    yield Claim(text, first["w2"] ** 2, first["gradient"], 1e-15, source, rival=2 * first["w2"])


def given(table: pd.DataFrame) -> bool:
    """Whether the weights are the defaults."""
    return tuple(table.loc[table["part"] == "unrolled", list(PARAMETERS)].iloc[0]) == GIVEN


def gradient_claims(table: pd.DataFrame) -> Iterator[Claim]:
    """BPTT is right; other weights may be large, or on the ReLU's kink, where differences are not the gradient."""
    rows = table[table["part"] == "gradient"]
    worst = (rows["bptt"] - rows["central_difference"]).abs().max()
    if given(table):
        text, source = "largest difference of BPTT and central differences", "truncation 1e-12, rounding 1e-10"
        yield Claim(text, 0.0, worst, 1e-8, source, rival=float(rows["central_difference"].abs().max()))


def training_claims(table: pd.DataFrame) -> Iterator[Claim]:
    """Gradient descent reaches the rules from at least one of many starts, if it goes on for long."""
    training = table[table["part"] == "training"]
    last = training.groupby("seed").tail(1)
    if not SETTINGS.isdisjoint(table.columns) or last["update"].max() < LONG or len(last) < MANY:
        return
    text = f"starts, of {len(last)}, that reach all four rules within {SOLVED:g}"
    source = "gradient descent, standard normal weights; the others end in dead ReLUs or flats"
    yield Claim(text, 1.0, float(last["solved"].sum()), AT_LEAST, source, rival=0.0)
