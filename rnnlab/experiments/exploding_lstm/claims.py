"""What is claimed of exploding LSTMs, and the other stories."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
from scipy.special import log_expit

from rnnlab.experiments._lab.claims import AT_LEAST, AT_MOST, Claim, table_of
from rnnlab.experiments._lab.decay import border, root_mean_square
from rnnlab.laws.gates import CRITICAL_GAIN_OF_CHRONO, critical_gain, log_growth_at_rest

MANY, LONG = 64, 400  # units and steps from which on means are as theory has them
STEPS = 100  # of the factors that are claimed
EDGE = 0.05  # of ln: of 64 eigenvalues the largest real part is 0.96 +- 0.08 of the limit
NEAR_IT = 0.5  # of chrono's critical gain: gains are sqrt(2) apart, and its modes are slower than 400 steps
REST = "sigmoid(b) I + W_g / 4 and the circular law, see rnnlab.laws.gates"
FINITE = "finite-time growth scatters by about 0.03 a step over 300 steps"


def checks(table: pd.DataFrame) -> pd.DataFrame:
    """The law at rest and its border; what noise and chrono do to it; growth against Lyapunov exponents."""
    if table["hidden_size"].iloc[0] < MANY or table["seq_len"].iloc[0] < LONG:
        return table_of([])
    biased, chrono = (table[table["start"] == start] for start in ("forget bias", "chrono"))
    rest, driven = (biased[biased["state"] == state] for state in ("rest", "driven"))
    return table_of([*rest_claims(rest), *chrono_claims(chrono), *driven_claims(rest, driven), *usual_claims(driven)])


def borders(rows: pd.DataFrame) -> dict[float, float]:
    """Gain at which the mean growth becomes positive, of each forget bias that has one."""
    found = {float(bias): border(group.groupby("gain")["growth"].mean()) for bias, group in rows.groupby("forget_bias")}
    return {bias: gain for bias, gain in found.items() if np.isfinite(gain)}


def rest_claims(rows: pd.DataFrame) -> Iterator[Claim]:
    """Growth by the law, and the border that follows."""
    growth, bias = rows["growth"].to_numpy(), rows["forget_bias"].to_numpy()
    off, alone = (root_mean_square(growth - law) for law in (log_growth_at_rest(bias, rows["gain"]), log_expit(bias)))
    what = "at rest: ln of a step off ln(sigmoid(b) + g / 4), root mean square"
    yield Claim(what, 0.0, off, EDGE, REST + "; or the forget gate alone", rival=alone)
    found = borders(rows)
    if len(found) > 2:
        slope = np.polyfit(np.logaddexp(0.0, list(found)), np.log(list(found.values())), 1)[0]
        text = "at rest: power of 1 + e^b that the critical gain goes with"
        yield Claim(text, -1.0, float(slope), 0.1, REST + "; 0 if the forget bias did not matter", rival=0.0)


def chrono_claims(rows: pd.DataFrame) -> Iterator[Claim]:
    """Input gates that are closed as far as forget gates are open put the border back."""
    mean_bias = float(np.log(rows["seq_len"].iloc[0] / 2))
    found = border(rows[rows["state"] == "rest"].groupby("gain")["growth"].mean())
    if rows["gain"].min() < CRITICAL_GAIN_OF_CHRONO / 2 and 2 * CRITICAL_GAIN_OF_CHRONO < rows["gain"].max():
        source = "I - (1 - F)(I - W_g / 2); or that of a forget bias of log(T / 2) alone"
        rival = float(critical_gain(mean_bias))
        yield Claim("chrono, at rest: critical gain", CRITICAL_GAIN_OF_CHRONO, found, NEAR_IT, source, rival=rival)


def driven_claims(rest: pd.DataFrame, driven: pd.DataFrame) -> Iterator[Claim]:
    """BPTT's gradient grows at the largest exponent, and less than at rest."""
    growth, exponent = driven["growth"].to_numpy(), driven["exponent"].to_numpy()
    text = "driven: growth of BPTT's gradient off the largest Lyapunov exponent, root mean square"
    yield Claim(
        text,
        0.0,
        root_mean_square(growth - exponent),
        0.03,
        FINITE + "; or no growth",
        rival=root_mean_square(exponent),
    )
    strong = exponent > 0.1
    if strong.sum() > 2:
        steps = driven["seq_len"].to_numpy()[strong] * exponent[strong] / np.log(10)
        slope = float(np.sum(driven["log10_peak"].to_numpy()[strong] * steps) / np.sum(steps**2))
        yield Claim("driven: log10 of the peak factor over T times the exponent", 1.0, slope, 0.1, FINITE, rival=0.0)
    unstable = rest["growth"].to_numpy() > EDGE
    if unstable.any():
        text = "networks that explode at rest: mean growth driven over mean growth at rest"
        ratio = float(growth[unstable].mean() / rest["growth"].to_numpy()[unstable].mean())
        yield Claim(text, 0.0, ratio, (np.inf, 0.5), "states and gates saturate; 1 if inputs did nothing", rival=1.0)


def usual_claims(rows: pd.DataFrame) -> Iterator[Claim]:
    """The two halves of the truth: the usual start vanishes, a good memory with large weights explodes."""
    factors = {
        "b = 1, g = 1": rows[(rows["forget_bias"] == 1) & (rows["gain"] == 1)],
        "b >= 3, g >= 8": rows[(rows["forget_bias"] >= 3) & (rows["gain"] >= 8)],
    }
    ends = {"b = 1, g = 1": (-1.0, "at most", AT_MOST), "b >= 3, g >= 8": (2.0, "at least", AT_LEAST)}
    for name, chosen in factors.items():
        if len(chosen):
            expected, side, tolerance = ends[name]
            worst = chosen["growth"].min() if side == "at least" else chosen["growth"].max()
            text = f"driven, {name}: log10 of the factor of {STEPS} steps, {side}"
            source = "0, were the gradient carried on unchanged (the constant error carousel)"
            yield Claim(text, expected, float(STEPS * worst / np.log(10)), tolerance, source, rival=0.0)
