"""Gradient flossing: Lyapunov exponents pushed to 0 before and during training, against plain, larger and orthogonal starts.

Claim: flossing brings the gradient of a long way back to its own size; whether it makes more learnable is tested in pairs
of trainings of one budget, in which steps of flossing count as updates.

    L = sum_i lambda_i^2 over the larger half of the exponents of a tanh network; see `rnnlab.flossing`

Sources: R. Engelken, Gradient flossing: improving gradient descent through dynamic control of Jacobians, NeurIPS 2023:
its abstract and its published code were read, which has the delayed copy; the paper's figures were not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import pandas as pd
from pydantic import Field, field_validator

from rnnlab.experiments._lab.spec import Choices, ExperimentSpec, Lengths, bytes_of_weights
from rnnlab.experiments.flossing.claims import checks as checks
from rnnlab.experiments.flossing.figures import draw as draw, finding as finding
from rnnlab.experiments.flossing.training import METHODS, ROUND, Method, Part, measure_part

SHORTEST = 10  # steps of temporal order


class Spec(ExperimentSpec):
    """Which tasks, starts and seeds, and how long."""

    method: Choices[Method] = Field(default=METHODS, description=", ".join(METHODS))
    copy_delay: Lengths = Field(default=(20, 30), description="delays by which bits are repeated; T is three delays")
    order_seq_len: Lengths = Field(default=(40, 60), description="lengths T of temporal order")
    hidden_size: int = Field(default=32, ge=2, description="tanh units H; half as many exponents are flossed")
    seeds: int = Field(default=12, ge=1, le=10_000, description="networks of each kind, seeded 0, 1, ...")
    updates: int = Field(default=1000, ge=ROUND, description="updates, those of flossing included")

    @field_validator("order_seq_len")
    @classmethod
    def _long_enough(cls, values: tuple[int, ...]) -> tuple[int, ...]:
        for steps in values:
            if steps < SHORTEST:
                raise ValueError(f"{steps} is below {SHORTEST}, the shortest sequence with two symbols")
        return values

    def bytes_needed(self, workers: int) -> int:
        """Memory of the states of a test and of the frames of flossing."""
        longest = max(3 * max(self.copy_delay), *self.order_seq_len)
        one = 8 * longest * self.hidden_size * (2000 + 2 * self.hidden_size)
        return workers * (one + bytes_of_weights(self.hidden_size))


def measure(spec: Spec, each: Callable[..., Iterable[pd.DataFrame]] = map) -> pd.DataFrame:
    """Train every network until it has solved its task or has used its budget.

    Returns
    -------
    DataFrame
        task (copy, order), delay (of order T), method, seed; drawn and start (root mean squares of the flossed exponents
        as the network was drawn and when its training began, nats a step), drawn_growth and start_growth (ln of a
        gradient's factor a step back, then), error (share of answers wrong in the end), solved, symptom, updates (when
        it ended), budget.
    """
    tasks = [*(("copy", delay) for delay in spec.copy_delay), *(("order", steps) for steps in spec.order_seq_len)]
    parts = [
        Part(task, delay, method, seed, spec.hidden_size, spec.updates)
        for task, delay in sorted(tasks, key=lambda task: -task[1])
        for method in spec.method
        for seed in range(spec.seeds)
    ]
    return pd.concat(each(measure_part, parts), ignore_index=True)
