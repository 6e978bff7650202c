"""Online gradients that leave something out: what of the influence matrix is worth keeping, and what it costs.

The sparse n-step approximation (SnAp-n) of real-time recurrent learning keeps a parameter's influence on the units that it
reaches within n steps. Its relatives keep less: RFLO and e-prop only what a unit passes on to itself by its leak or its
forget gate. UORO guesses, truncated BPTT forgets. Measured: the cosine of each with BPTT's gradient of a loss v . h_T of the
last state alone, v random, and its norm; what each keeps from step to step, and how often a step multiplies, by counting
entries that are not zero (equations in `rnnlab.forward_mode`).

Claim: SnAp-n is exact from that n on at which nothing more is reached, at 1 where units hear only themselves, and costs then
what BPTT does times a number that does not grow. In dense networks SnAp-1 leaves out most, and BPTT over as many steps as fit
in its memory has the smaller angle to the gradient, unless units leak so slowly that they outlast the sequence.

Sources: J. Menick et al., Practical real time recurrent learning with a sparse approximation, ICLR 2021 (SnAp); J. M. Murray,
Local online learning in recurrent networks with random feedback, eLife 8, 2019 (RFLO; here with the exact feedback); G. Bellec
et al., A solution to the learning dilemma for recurrent networks of spiking neurons, Nature Communications 11, 2020 (e-prop);
N. Zucchet et al., Online learning of long-range dependencies, NeurIPS 2023, and K. Irie, A. Gopalakrishnan, J. Schmidhuber,
Exploring the promise and limits of real-time recurrent learning, ICLR 2024 (element-wise recurrence, for which real-time
recurrent learning is cheap); O. Marschall, K. Cho, C. Savin, A unified framework of online learning algorithms for training
recurrent neural networks, JMLR 21, 2020 (alignment of such gradients).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Annotated, Any, Literal, NamedTuple, get_args

import pandas as pd
from pydantic import Field, FiniteFloat

from rnnlab.experiments._lab.spec import Choices, ExperimentSpec, Lengths, Listed
from rnnlab.experiments.sparse_rtrl import alignment, cost
from rnnlab.experiments.sparse_rtrl.claims import checks as checks
from rnnlab.experiments.sparse_rtrl.figures import draw as draw, finding as finding
from rnnlab.experiments.sparse_rtrl.networks import Exact

COLUMNS = ["part", "network", "setting", "hidden_size", "steps", "method", "reach", "seed", "cosine", "norm", "error"]
COUNTED = ["law", "law_norm", "kept", "products"]


class Spec(ExperimentSpec):
    """Which networks, how long, how slow."""

    network: Choices[Exact] = Field(
        default=get_args(Exact), description=f"{', '.join(get_args(Exact))}: SnAp-n for every n"
    )
    gain: Listed[Annotated[float, Field(ge=0.5, le=1.5)]] = Field(
        default=(0.8, 1.0, 1.2), description="sizes of the orthogonal recurrent weights"
    )
    seq_len: Lengths = Field(default=(4, 8, 16, 32, 64, 128), description="sequence lengths T")
    delta: Listed[Annotated[FiniteFloat, Field(gt=0, le=1)]] = Field(
        default=(1.0, 0.1, 0.03, 0.01), description="steps of leaky networks, in time constants"
    )
    forget_bias: Listed[Annotated[FiniteFloat, Field(ge=-5, le=10)]] = Field(
        default=(0.0, 2.0, 4.0, 6.0), description="forget biases of LSTMs"
    )
    hidden_size: int = Field(default=16, ge=2, le=64, description="units H, of the LSTM half as many")
    seeds: int = Field(default=16, ge=1, description="networks, seeded 0, 1, ...")

    def bytes_needed(self, workers: int) -> int:
        """The derivatives of every step of a network in hand, and its influence matrix."""
        return 8 * workers * 4 * self.hidden_size**3 * (max(self.seq_len) + 4)


class Part(NamedTuple):
    """Some networks of a seed."""

    kind: Literal["reach", "relative", "linear", "leaky", "lstm", "cost"]
    spec: Spec
    seed: int


def measure(spec: Spec, each: Callable[..., Iterable[pd.DataFrame]] = map) -> pd.DataFrame:
    """Measure how gradients that are carried in part lie to BPTT's, and count what they cost.

    Returns
    -------
    DataFrame
        part, network, setting, hidden_size, steps, method, reach, seed, cosine, norm, error, law, law_norm, kept, products;
        nan or 0 where a part has none. method: SnAp-n (reach is n), e-prop (of leaky networks RFLO), UORO (of many guesses
        the root mean square of the cosine), BPTT (over the last steps, reach of them), RTRL. cosine and norm (over the
        gradient's) are those of the approximate gradient, error its distance from the gradient over the gradient's norm,
        law and law_norm `rnnlab.laws.forward_mode.linear_alignment`. By part:

        reach: SnAp-n of networks whose units hear some others. relative: error is the distance of two of them. linear, leaky, lstm: over setting, the gain, delta or the
        forget bias. cost: numbers kept from step to step, and products a step.
    """
    parts = [
        Part(kind, spec, seed)
        for seed in range(spec.seeds)
        for kind in ("reach", "relative", "linear", "leaky", "lstm")
    ]
    parts += [Part("cost", spec, 0)]
    table = pd.concat(each(measure_part, parts), ignore_index=True)
    return table.reindex(columns=COLUMNS + COUNTED).astype({"steps": int, "reach": int, "seed": int})


def measure_part(part: Part) -> pd.DataFrame:
    """The rows of one part."""
    ways: dict[str, Callable[[Spec, int], Iterable[dict[str, Any]]]] = {
        "reach": alignment.reach_rows,
        "relative": alignment.relative_rows,
        "linear": alignment.linear_rows,
        "leaky": alignment.leaky_rows,
        "lstm": alignment.lstm_rows,
        "cost": cost.cost_rows,
    }
    rows = pd.DataFrame(
        [{"setting": 0.0, "steps": 0, "reach": 0, **row} for row in ways[part.kind](part.spec, part.seed)]
    )
    return rows.assign(part=part.kind, seed=part.seed)
