"""The cures under one measurement: how much of a gradient reaches an input `lag` steps back, cell by cell.

Claim: gates, identity or orthogonal weights, a leak and attention let more of a gradient through to early inputs; a
minGRU as drawn and clipping do not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Literal, NamedTuple, get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import Field, FiniteFloat

from rnnlab.experiments._lab.claims import AT_LEAST, Claim, table_of
from rnnlab.experiments._lab.decay import decay_rates
from rnnlab.experiments._lab.differences import Chances, family, more_in_pairs
from rnnlab.experiments._lab.lags import Problem, pull_back, sizes_by_lag
from rnnlab.experiments._lab.networks import NETWORKS, params_of
from rnnlab.experiments._lab.spec import Choices, ExperimentSpec, bytes_of_weights
from rnnlab.experiments.mitigations.figures import draw as draw, finding as finding

Network = Literal[
    "tanh", "relu", "irnn", "orthogonal", "lstm-0", "lstm-1", "lstm-chrono", "gru", "attention", "mingru", "leaky"
]
SHOWN: tuple[Network, ...] = get_args(Network)
SETTINGS = {"hidden_size", "batch_size"}  # in the table where they are not the defaults, at which much is claimed
LONG, MANY = 100, 4  # and from so many lags and seeds on: what is drawn at random differs less
KEPT = {"lstm-0": 0.5, "lstm-1": 1 / (1 + np.exp(-1.0)), "mingru": 0.5, "leaky": 0.9}  # of a state, by what follows
KEEPERS = {
    **dict.fromkeys(("lstm-0", "lstm-1"), ("its forget gate", "Gers 2000, section 3")),
    "mingru": ("a gate at 1/2", "units whose gates let go of less outlast the others"),
    "leaky": ("its leak", "recurrent weights add to 1 - delta"),
}
FAR = 0.9  # of the lags: at the longest, states are near h_0 = 0, and at rest
SEEN = 1e-6  # a difference of rates beyond rounding
BYTES_PER_ROW = 300  # of the table in memory, as it is put together
Array = NDArray[np.float64]


class Spec(ExperimentSpec):
    """Who is compared, on what."""

    network: Choices[Network] = Field(default=SHOWN, description=", ".join(SHOWN))
    hidden_size: int = Field(default=64, ge=2, description="units H")
    seq_len: int = Field(default=200, ge=20, description="sequence length T; also chrono's longest dependency")
    batch_size: int = Field(default=16, ge=1, description="sequences per network")
    seeds: int = Field(default=16, ge=2, description="networks, seeded 0, 1, ...")
    clip: FiniteFloat = Field(default=1.0, gt=0, description="largest global norm of the clipped gradient")

    def bytes_needed(self, workers: int) -> int:
        """The table, and what each worker has in hand: the tape, or attention's weights."""
        rows = len(self.network) * self.seeds * self.seq_len
        states = self.batch_size * self.seq_len * max(30 * self.hidden_size, 4 * self.seq_len)
        return rows * BYTES_PER_ROW + workers * (bytes_of_weights(self.hidden_size) + 8 * states)


class Part(NamedTuple):
    """One network."""

    spec: Spec
    network: Network
    seed: int


def measure(spec: Spec, each: Callable[..., Iterable[pd.DataFrame]] = map) -> pd.DataFrame:
    """Measure |dL/dx_t| for a loss on the last state, all networks on the same inputs and the same loss.

    Returns
    -------
    DataFrame
        network, seed, lag (T - t), log10_gradient (log10 of the root mean square of dL/dx_t over the batch, relative to
        that of dL/dx_T), log10_clipped (after the parameters' gradient, and with it every share, was scaled to the
        largest global norm `clip`), log10_law (theory relative to lag 0, empty where there is none). hidden_size and
        batch_size: each only where it is not the default.
    """
    parts = [Part(spec, network, seed) for network in spec.network for seed in range(spec.seeds)]
    table = pd.concat(each(measure_part, parts), ignore_index=True)
    return table.assign(**spec.changed(SETTINGS))


def measure_part(part: Part) -> pd.DataFrame:
    """The rows of one network."""
    spec = part.spec
    params = network_of(part.network, spec, np.random.default_rng(part.seed))
    problem = Problem(spec.seq_len, spec.batch_size, spec.hidden_size, part.seed)
    gradients = pull_back(params, problem, NETWORKS[part.network].nonlinearity)
    norm = np.sqrt(sum((array**2).sum() for array in gradients.params))
    with np.errstate(divide="ignore", invalid="ignore"):  # a network whose ReLUs are all dead has no gradient
        logs, shrunk = np.log10(sizes_by_lag(gradients)), min(0.0, np.log10(spec.clip / norm))
        relative = logs - logs[0]
    lag = np.arange(spec.seq_len)
    columns = {
        "network": part.network,
        "seed": part.seed,
        "lag": lag,
        "log10_gradient": relative,
        "log10_clipped": logs + shrunk,
        "log10_law": law_of(part.network, lag, spec.seq_len),
    }
    return pd.DataFrame(columns)


def network_of(name: Network, spec: Spec, rng: np.random.Generator) -> Any:
    """Parameters: tanh and ReLU as PyTorch draws them, the others by the initialisation that made them known."""
    longest = {"chrono": float(spec.seq_len)} if name == "lstm-chrono" else {}
    return params_of(name, 1, spec.hidden_size, rng, **longest)


def law_of(name: Network, lag: NDArray[np.int64], seq_len: int) -> Array:
    """Theory where there is one, relative to lag 0; all are limits in which gates and weights see no input.

    IRNN: 1 at every lag while its units are active. LSTM: sigmoid(b_f)^lag. minGRU: 2^-lag. Leaky: (1 - delta)^lag.
    Attention: uniform weights 1 / T at every lag but 0, where the residual connection adds 1.
    """
    keep = {"irnn": 1.0, **KEPT}
    if name in keep:
        return lag * np.log10(keep[name])
    if name == "attention":
        return np.where(lag == 0, 0.0, -np.log10(seq_len + 1))
    return np.full(lag.size, np.nan)


def checks(table: pd.DataFrame) -> pd.DataFrame:
    """What the cures do, and what clipping does not."""
    usual = SETTINGS.isdisjoint(table.columns) and table["lag"].max() + 1 >= LONG and table["seed"].nunique() >= MANY
    random = [*family(orders(table)), *rate_claims(decay_rates(table).dropna())] if usual else []
    return table_of([*random, *clipping_claims(table)])


def orders(table: pd.DataFrame) -> Iterator[tuple[str, Chances, str]]:
    """Every cure lets more through than the vanilla tanh cell from far back, if only by a little (GRU, LSTM at 0).

    Not so the minGRU: as PyTorch draws it its gates keep half of a state, and the tanh cell's weights 1 / sqrt(3).
    """
    lag = int(FAR * table["lag"].max())
    last = table[table["lag"] == lag].pivot_table(
        index="seed", columns="network", values="log10_gradient", dropna=False
    )
    pairs = [(name, "tanh", "the usual story") for name in last.columns.difference(["tanh", "relu", "mingru"])]
    pairs += [("tanh", "mingru", "1/2 < 1/sqrt(3)")]
    pairs += [("lstm-1", "lstm-0", "Jozefowicz 2015"), ("lstm-chrono", "lstm-1", "Tallec and Ollivier 2018")]
    for more, less, source in pairs:
        if {more, less} <= set(last.columns):
            through = last[[more, less]].dropna()
            text = f"{more} lets more through than {less} at lag {lag} ({len(through)} pairs)"
            yield text, more_in_pairs(through[more], through[less]), source
    if "irnn" in last.columns:
        text = f"irnn lets less through at lag {lag} than at lag 0 ({len(last)} networks)"
        yield (
            text,
            more_in_pairs(np.zeros(len(last)), last["irnn"]),
            "ReLUs that become inactive; an identity keeps all",
        )


def rate_claims(rates: pd.DataFrame) -> Iterator[Claim]:
    """Decay rates that theory fixes."""
    if "irnn" in rates.index:
        rate = 10 ** float(rates.loc["irnn", "rate"])
        source = "identity, up to a tenth for units whose ReLUs become inactive; or as the tanh cell, 1 / sqrt(3)"
        yield Claim("IRNN: factor per step", 1.0, rate, (0.1, 0.0), source, rival=3**-0.5)
    if "attention" in rates.index:
        rate = float(rates.loc["attention", "rate"])
        source = "uniform attention: 1 / T at every lag; or as the tanh cell"
        yield Claim("attention: decay per step (log10)", 0.0, rate, 1e-2, source, rival=float(np.log10(3) / -2))
    for name, keep in KEPT.items():
        if name in rates.index:
            low, alone = float(rates.loc[name, "low"]), float(np.log10(keep))
            text = f"{name}: decay per step (log10), lower end of its interval, over {KEEPERS[name][0]} alone"
            yield Claim(text, SEEN, low - alone, AT_LEAST, KEEPERS[name][1], rival=0.0)


def clipping_claims(table: pd.DataFrame) -> Iterator[Claim]:
    """Clipping scales all shares by one number: the share of the earliest input is as small as before."""
    moved = table["log10_clipped"] - table["log10_gradient"]
    spread = moved[np.isfinite(moved)].groupby([table["network"], table["seed"]]).agg(np.ptp).max()
    if np.isfinite(spread):
        text = "clipping changes the ratio of early to late shares by (log10)"
        shrunk = float((table["log10_clipped"] - table["log10_gradient"])[table["lag"] == 0].abs().max())
        source = "one factor for all; the whole factor if it shortened only some"
        yield Claim(text, 0.0, float(spread), 1e-9, source, rival=shrunk)
