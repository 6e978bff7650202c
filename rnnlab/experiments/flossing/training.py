"""One training: a network is drawn, flossed or not, and trained in rounds, before each of which it may be flossed again."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple, get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray

import rnnlab as rl
from rnnlab._base.initial import Scheme
from rnnlab.experiments._lab.learning import symptom_of

Array = NDArray[np.float64]
Method = Literal["plain", "plain-flossed", "plain-flossed-throughout", "gaussian", "orthogonal", "orthogonal-flossed"]
METHODS: tuple[Method, ...] = get_args(Method)
FLOSSED = ("plain-flossed", "plain-flossed-throughout", "orthogonal-flossed")
SCHEMES: dict[str, Scheme] = {"plain": "pytorch", "gaussian": "gaussian", "orthogonal": "orthogonal"}
THROUGHOUT = "plain-flossed-throughout"
ROUND, FIRST, LATER = 250, 100, 25  # updates of a round, and those of flossing among them
FLOSSING_RATE, CLIP, BATCH, FRESH = 0.003, 1.0, 20, 500
RECIPE = rl.Recipe(0.002, "adam", clip_norm=CLIP)
SOLVED = 0.01  # share of answers wrong


class Part(NamedTuple):
    """One network to be trained."""

    task: str
    delay: int
    method: Method
    seed: int
    hidden_size: int
    updates: int

    @property
    def exponents(self) -> int:
        """How many exponents are flossed."""
        return self.hidden_size // 2


def task_of(name: str, delay: int) -> rl.Task:
    """Temporal order over `delay` steps; or bits 1 and -1 that are to be said `delay` steps later, for two delays."""
    if name == "order":
        return rl.tasks.temporal_order(delay)

    def draw(rng: np.random.Generator, batch_size: int) -> rl.Batch:
        bits = rng.integers(2, size=(3 * delay, batch_size))
        return rl.Batch(2.0 * bits[:, :, None] - 1, bits[:-delay])

    return rl.Task(draw, "cross_entropy", 1, 2)


def measure_part(part: Part) -> pd.DataFrame:
    """Train one network."""
    task, key = task_of(part.task, part.delay), [part.seed, part.delay, len(part.task), 1]
    rng, flossing = np.random.default_rng(key), np.random.default_rng([*key, 2])
    model = model_of(part, task, rng)
    drawn = conditioning(model, task, part)
    if part.method in FLOSSED:
        model = flossed(model, task, part, FIRST, flossing)
    begun = conditioning(model, task, part)
    done, error = train(model, task, part, (rng, flossing))
    keys = {name: getattr(part, name) for name in ("task", "delay", "method", "seed")}
    before = {"drawn": drawn[0], "start": begun[0], "drawn_growth": drawn[1], "start_growth": begun[1]}
    after = {"error": error, "solved": error <= SOLVED, "symptom": symptom_of(done, CLIP)}
    updates = done.state.update + flossing_updates(part, done.state.update)
    return pd.DataFrame([{**keys, **before, **after, "updates": updates, "budget": part.updates}])


def model_of(part: Part, task: rl.Task, rng: np.random.Generator) -> rl.Model:
    """The network as it is drawn."""
    scheme = SCHEMES[part.method.partition("-")[0]]
    params = rl.RNNParams.init(task.inputs, part.hidden_size, rng=rng, scheme=scheme)
    return rl.Model(params, rl.Readout.init(part.hidden_size, task.outputs, rng=rng))


def flossed(model: rl.Model, task: rl.Task, part: Part, updates: int, rng: np.random.Generator) -> rl.Model:
    """The model after so many updates of flossing."""
    how: Any = {"updates": updates, "k": part.exponents, "learning_rate": FLOSSING_RATE}
    return rl.floss(model, task, rng=rng, **how).model


def train(
    model: rl.Model, task: rl.Task, part: Part, drawn: tuple[np.random.Generator, np.random.Generator]
) -> tuple[rl.Fit, float]:
    """Rounds of training, until the task is solved, the budget used or something is not finite: share of wrong answers."""
    rng, flossing = drawn
    done, error, state = None, 1.0, None
    for number in range(part.updates // ROUND):
        if number and part.method == THROUGHOUT:
            model = flossed(model, task, part, LATER, flossing)
        count = ROUND - of_flossing(part, number)
        how: Any = {"updates": count, "batch_size": BATCH, "rng": rng, "state": state, "record_flow": ROUND}
        done = rl.fit(model, task, RECIPE, **how)
        model, state, error = done.model, done.state, wrong_answers(done.model, task)
        if error <= SOLVED or done.stopped:
            break
    assert done is not None  # the budget is a round or more
    return done, 1.0 if done.stopped else error


def of_flossing(part: Part, number: int) -> int:
    """How many updates of a round are of flossing."""
    if number:
        return LATER * (part.method == THROUGHOUT)
    return FIRST * (part.method in FLOSSED)


def flossing_updates(part: Part, trained: int) -> int:
    """How many updates of flossing were taken beside so many of training."""
    total, number = 0, 0
    while trained > 0:
        total += of_flossing(part, number)
        trained -= ROUND - of_flossing(part, number)
        number += 1
    return total


def wrong_answers(model: rl.Model, task: rl.Task) -> float:
    """The share of wrong answers to fresh sequences, the same at every test."""
    batch = task.draw(np.random.default_rng(0), FRESH)
    said = rl.predict(model, batch.x)[-len(batch.target) :].argmax(axis=-1)
    return float(np.mean(said != batch.target))


def conditioning(model: rl.Model, task: rl.Task, part: Part) -> tuple[float, float]:
    """Root mean square of the exponents that are flossed, on a fresh sequence; ln of a random gradient's factor a step."""
    rng = np.random.default_rng([part.seed, 2])
    x = task.draw(rng, 1).x[:, 0]
    loss = rl.flossing_loss(model.params, x, k=part.exponents).loss
    sizes: Array = rl.gradient_flow(rl.forward(model.params, x), rng.standard_normal(part.hidden_size)).log10_norm
    return float(np.sqrt(loss / part.exponents)), float((sizes[0] - sizes[-1]) * np.log(10) / len(x))
