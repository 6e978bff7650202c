"""What is claimed of linear recurrences, and the other stories."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from rnnlab.experiments._lab.claims import Claim, table_of
from rnnlab.experiments._lab.differences import Chances, family, more_of
from rnnlab.experiments.linear_recurrence.readouts import LONGEST_PARITY, SEQUENCES
from rnnlab.experiments.linear_recurrence.recall import LONG, OPEN, SHORT, SOLVED
from rnnlab.experiments.linear_recurrence.signals import DENSE, DRAWN, EXACT, RINGS, UNITS
from rnnlab.laws import linear_recurrence as law

RING = "Orvieto 2023, lemma 3.2: mean of |lambda|^(2 k) over a ring"
CURSE = "Zucchet and Orvieto 2024, the curse of memory, for a complex lambda with its normalisation"
POWERS = {"state": (0.0, -1.0), "radius": (-2.0, 0.0), "log decay": (0.0, -2.0), "angle": (-2.0, 0.0)}
MOMENTS = {
    "state": lambda radius: 1 + 0 * radius,
    "radius": law.radius_second_moment,
    "log decay": law.log_decay_second_moment,
    "angle": law.angle_second_moment,
}
KEPT = {"minGRU": law.log_kept_mingru, "minLSTM": law.log_kept_minlstm}
FAR = 1000  # steps from which on trainings are told apart
NOT = {
    "linear orthogonal": "it is dense: its gradient has a factor of 1 and W2's is cursed (Zucchet and Orvieto 2024)",
    "tanh": "its gradient vanishes; it latches on to the sign at best",
    "mingru": "gates at 1/2",
    SHORT: "a ring of which nothing is left",
}


def checks(table: pd.DataFrame) -> pd.DataFrame:
    """Rings, moments, gates, readouts, trainings."""
    parts = dict(iter(table.groupby("part")))
    return table_of(
        [
            *ring_claims(parts["ring"]),
            *moment_claims(parts["moment"]),
            *gate_claims(parts["gate"]),
            *adding_claims(parts["adding"]),
            *parity_claims(parts["parity"]),
            *recall_claims(parts["recall"]),
        ]
    )


def ring_claims(rows: pd.DataFrame) -> Iterator[Claim]:
    """Each unit's |lambda|^T to rounding; means over rings; a dense matrix of the same eigenvalues keeps all."""
    exact = float(rows.loc[rows["network"] == "exact", "value"].iloc[0])
    text = f"{EXACT}: largest relative error of a unit's ln |dL/dh_0| / |dL/dh_T| against T ln |lambda|"
    yield Claim(text, 0.0, exact, 1e-9, "|lambda|^T to rounding; 1 if a step kept all", rival=1.0)
    for name, (least, most) in RINGS.items():
        one = rows[rows["network"] == name]
        lag = one["steps"].to_numpy()
        square, fourth = (law.ring_mean_square(k * lag, least, most) for k in (1, 2))
        error = np.sqrt((2 * fourth / square**2 - 1) / (DRAWN * UNITS / 2)) / 2 / np.log(10)
        expected, edge = np.log10(square) / 2, lag * np.log10((least + most) / 2)
        text = f"{name}: standard errors of log10 |dL/dh_(T-k)| off the ring's law, at most"
        worst, rival = (float(np.abs((one["value"] - told) / error).max()) for told in (expected, edge))
        yield Claim(text, 0.0, worst, 4.0, f"{RING}; or all at its middle", rival=rival)
    dense = rows[rows["network"] == DENSE]
    lag = dense["steps"].to_numpy()
    error = np.sqrt(2 * lag / (DRAWN * UNITS)) / 2 / np.log(10)
    rival = float(np.abs((dense["value"] - np.log10(law.ring_mean_square(lag, 0.0, 1.0)) / 2) / error).max())
    text = f"{DENSE}: standard errors of log10 |dL/dh_(T-k)| off 0, at most"
    source = "a Gaussian matrix keeps lengths in the mean; or as the ring of its own eigenvalues (circular law)"
    yield Claim(text, 0.0, float(np.abs(dense["value"] / error).max()), 4.0, source, rival=rival)


def moment_claims(rows: pd.DataFrame) -> Iterator[Claim]:
    """Each mean square within four standard errors of its law; the powers of 1 - |lambda| that they go with."""
    for name, one in rows.groupby("network", sort=False):
        for row in one.itertuples():
            text = f"|lambda| = {row.setting:g}: mean square of the {told(str(name))}"
            rival = 1 / (1 - row.setting**2) if name == "state" else float(MOMENTS[other(str(name))](row.setting))
            source = f"{CURSE}; or {'not normalised' if name == 'state' else 'as by the ' + other(str(name))}"
            yield Claim(text, float(MOMENTS[str(name)](row.setting)), row.value, 4 * row.error, source, rival=rival)
        long = one[one["setting"] >= 0.97].sort_values("setting")
        if len(long) > 1:
            power = float(np.polyfit(np.log(1 - long["setting"]), np.log(long["value"]), 1)[0])
            expected, rival = POWERS[str(name)]
            text = f"power of 1 - |lambda| in the mean square of the {told(str(name))}"
            yield Claim(text, expected, power, 0.15, f"{CURSE}; or as the others", rival=rival)


def told(name: str) -> str:
    """A moment as claims call it."""
    return name if name == "state" else f"state's derivative by the {'angle' if name == 'angle' else name}"


def other(name: str) -> str:
    """The parameter whose moment is the other story."""
    return "radius" if name == "log decay" else "log decay"


def gate_claims(rows: pd.DataFrame) -> Iterator[Claim]:
    """The mean of a logarithm, not the logarithm of a mean; and Mamba's selection is minGRU's gate."""
    for name, kept in KEPT.items():
        one = rows[rows["network"] == name]
        law_of = kept(one["setting"])
        text = f"{name}: standard errors of ln of the factor a step off E ln of what gates keep, at most"
        worst, rival = (
            float(np.abs((one["value"] - expected) / one["error"]).max()) for expected in (law_of, kept_of_mean(one))
        )
        yield Claim(text, 0.0, worst, 4.0, "gates know inputs alone; or those of a mean input", rival=rival)
    one = rows[rows["network"] == "Mamba"]
    text = "minGRU: largest difference of 1 - z from exp(-softplus(a)), Mamba's step with A = -1"
    rival = float(1 / (1 + np.exp(-np.abs(one["setting"]).max())) - 0.5)
    yield Claim(text, 0.0, float(one["value"].max()), 1e-14, "Gu and Dao 2023, theorem 1; or a fixed step", rival=rival)


def kept_of_mean(rows: pd.DataFrame) -> pd.Series:
    """ln of what gates keep that see no noise."""
    gate = rows["setting"] if rows["network"].iloc[0] == "minGRU" else np.log(2 / (1 + np.exp(-rows["setting"])))
    return -np.logaddexp(0, -gate)


def adding_claims(rows: pd.DataFrame) -> Iterator[Claim]:
    """Without selection 2 / T of the variance, with two gates all of it."""
    for row in rows.itertuples():
        if row.network == "LRU":
            share = float(law.linear_share_of_adding(row.steps))
            text = f"adding, T = {row.steps}, LRU: R^2 of the best linear readout"
            error = 4 * 2 * np.sqrt(share / SEQUENCES)
            yield Claim(text, share, row.value, error, "values and marks don't multiply; 1 if they did", rival=1.0)
        else:
            text = f"adding, T = {row.steps}, {row.network}: R^2 of the best linear readout"
            source = "a gate selects (Gu and Dao 2023, section 3.5.1); or as without"
            yield Claim(text, 1.0, row.value, 1e-6, source, rival=float(law.linear_share_of_adding(row.steps)))


def parity_claims(rows: pd.DataFrame) -> Iterator[Claim]:
    """Of the longest sequences: fixed lambda nothing, positive lambda nothing that lasts, a switch all of it."""
    last = rows[rows["steps"] == LONGEST_PARITY].set_index("network")["value"]
    text = f"parity of {LONGEST_PARITY} bits, R^2 of the best linear readout"
    noisy = ", 1 % of noise on the states"
    source = "parity is orthogonal to every sum over bits; 1 if it could be told"
    yield Claim(f"{text}, LRU{noisy}", 0.0, float(last["LRU"]), 0.2, source, rival=1.0)
    source = "Grazzi 2025, theorem 1; Sarrof 2024, theorem 2: no positive factor tells it at finite precision"
    yield Claim(f"{text}, minGRU{noisy}", 0.0, float(last["minGRU"]), 0.2, source, rival=1.0)
    source = "64 units of 64 bits tell 10 bits by cancellation; 0 if precision were no matter"
    yield Claim(f"{text}, minGRU without noise", 1.0, float(last["minGRU, no noise"]), 0.1, source, rival=0.0)
    source = "h_t = |h_(t-1) - x_t|; or as those above"
    yield Claim(f"{text}, two ReLUs{noisy}", 1.0, float(last["two ReLUs"]), 0.01, source, rival=0.0)


def recall_claims(rows: pd.DataFrame) -> Iterator[Claim]:
    """Over the longest delay a long ring learns, and the others don't; the reason is not the gradient's factor alone."""
    far = rows[rows["steps"] == rows["steps"].max()]
    if rows["steps"].max() < FAR or far["seed"].nunique() < 2:
        return
    solved = {str(name): (one["value"] <= SOLVED).to_numpy() for name, one in far.groupby("network", sort=False)}
    tests: list[tuple[str, Chances, str]] = [
        (
            f"{LONG} recalls over {far['steps'].iloc[0]} steps more often than {name}",
            more_of(solved[LONG], solved[name]),
            why,
        )
        for name, why in NOT.items()
    ]
    yield from family(tests)
    start = far.groupby("network")["gradient"].mean()
    text = "linear orthogonal: log10 of what comes back of a gradient over all steps, before training"
    source = "exactly 1: it is not for vanishing gradients that it doesn't learn; or as the long ring"
    yield Claim(text, 0.0, float(start["linear orthogonal"]), 1e-9, source, rival=float(start[LONG]))
    text = f"{OPEN}: log10 of what comes back of a gradient over all steps, before training"
    source = "(1 - 1/T)^T is 1/e; or as gates at 1/2"
    steps = int(far["steps"].iloc[0])
    yield Claim(text, -np.log10(np.e), float(start[OPEN]), 0.2, source, rival=-steps * np.log10(2))
