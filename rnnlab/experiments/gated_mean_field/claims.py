"""What is claimed of gated networks and their mean field, and the other stories."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
from scipy.special import expit

from rnnlab.experiments._lab.claims import AT_LEAST, AT_MOST, Claim, table_of
from rnnlab.experiments._lab.decay import border, root_mean_square
from rnnlab.experiments.gated_mean_field.networks import DRIVE, INPUTS
from rnnlab.laws import gated_mean_field as law
from rnnlab.laws.mean_field import edge_of_chaos

WIDE = 200  # units from which on networks are as infinite ones have it, to within tolerances
CHEN = "Chen, Pennington and Schoenholz 2018"
THEORY = f"{CHEN}: weights drawn anew at every step"
ALONE = "or E u^2, what gates alone leave"
OPEN, STRONG = 2.0, 6.0  # biases and gains from which on gates remember what they were


def checks(table: pd.DataFrame) -> pd.DataFrame:
    """The published border; the law against networks of both kinds; delays against time scales."""
    networks = dict(iter(table.groupby("network")))
    claims = [published()]
    if table["hidden_size"].iloc[0] >= WIDE:
        claims += [*untied_claims(networks["untied"]), *tied_claims(networks["tied"])]
    return table_of([*claims, *length_claims(networks["trained"])])


def published() -> Claim:
    """The gain at which a minimalRNN is critical, as it was printed."""
    inputs, drive = 0.46, 1.39**2 * 0.46
    found, ungated = law.critical_gain(0.0, inputs, drive), edge_of_chaos(float(np.sqrt(drive)))
    text = "critical gain for sigma_v = 1.39, R = 0.46, b = 0"
    source = f"{CHEN}, at second hand: 6.88, where R has two digits; or that of a tanh network"
    return Claim(text, 6.88, found, 0.04, source, rival=ungated)


def laws_of(rows: pd.DataFrame) -> pd.DataFrame:
    """The law at every row."""
    found = [law.minimal_rnn(gain, bias, INPUTS, DRIVE) for gain, bias in zip(rows["gain"], rows["bias"], strict=True)]
    return pd.DataFrame(found, index=rows.index)


def untied_claims(rows: pd.DataFrame) -> Iterator[Claim]:
    """Growth and state of networks as the theory has them."""
    told = laws_of(rows)
    text = "weights drawn anew: ln of a squared gradient's factor off ln chi, root mean square"
    off, alone = (root_mean_square(rows["growth"] - np.log(told[name])) for name in ("chi", "kept"))
    yield Claim(text, 0.0, off, 0.05, f"{THEORY}; {ALONE}", rival=alone)
    still = (1 - expit(rows["bias"])) ** 2 / (1 - expit(rows["bias"]) ** 2) * INPUTS
    text = "weights drawn anew: ln of the mean square of the state off ln Q, root mean square"
    off, fixed = (root_mean_square(np.log(rows["state"] / expected)) for expected in (told["state"], still))
    yield Claim(text, 0.0, off, 0.2, f"{THEORY}; or gates fixed at sigmoid(b)", rival=fixed)


def tied_claims(rows: pd.DataFrame) -> Iterator[Claim]:
    """Of networks whose weights stay: back as on, as the theory has it while gates forget, and less where they don't."""
    text = "weights fixed: ln of a squared gradient's factor off twice the largest Lyapunov exponent, root mean square"
    back = root_mean_square(rows["growth"] - 2 * rows["exponent"])
    yield Claim(
        text, 0.0, back, 0.03, "one product of Jacobians; or no growth", rival=root_mean_square(2 * rows["exponent"])
    )
    closed = rows[rows["bias"] == 0]
    if len(closed):
        told = laws_of(closed)
        off, alone = (root_mean_square(closed["growth"] - np.log(told[name])) for name in ("chi", "kept"))
        text = "weights fixed, b = 0: ln of a squared gradient's factor off ln chi, root mean square"
        yield Claim(text, 0.0, off, 0.06, f"{CHEN}, gates of two steps nearly independent; {ALONE}", rival=alone)
    open_ = rows[(rows["bias"] >= OPEN) & (rows["gain"] >= STRONG)]
    if len(open_):
        share = float(np.exp(np.log(open_["state"] / laws_of(open_)["state"]).mean()))
        text = f"weights fixed, b >= {OPEN:g}, g >= {STRONG:g}: mean square of the state over Q"
        source = "gates that stay as they are average less; 1 if weights drawn anew made no difference"
        yield Claim(text, 0.8, share, AT_MOST, source, rival=1.0)
    yield from border_claims(rows)


def border_claims(rows: pd.DataFrame) -> Iterator[Claim]:
    """Where gradients begin to explode, at the smallest and at the largest bias."""
    for bias, one in rows.groupby("bias"):
        found = border(one.groupby("gain")["growth"].mean())
        if not np.isfinite(found) or bias not in (rows["bias"].min(), rows["bias"].max()):
            continue
        ratio = found / law.critical_gain(float(bias), INPUTS, DRIVE)
        text = f"weights fixed, b = {bias:g}: gain at which gradients explode, over the theory's"
        if bias >= OPEN:
            yield Claim(text, 1.08, ratio, AT_LEAST, "open gates put it off; 1 by the theory", rival=1.0)
        else:
            ungated = edge_of_chaos(float(np.sqrt(DRIVE))) / law.critical_gain(float(bias), INPUTS, DRIVE)
            yield Claim(text, 1.0, ratio, 0.1, f"{CHEN}; or that of a tanh network", rival=ungated)


def length_claims(rows: pd.DataFrame) -> Iterator[Claim]:
    """The longest delay goes with the time scale, and at one bias with the gain as the time scale does."""
    length, scale = np.log(rows["length"]), np.log(rows["time_scale"])
    power = float(np.polyfit(scale, length, 1)[0])
    text = "power of the time scale that the longest delay learnt goes with"
    yield Claim(text, 1.0, power, 0.25, f"{CHEN}; 0 if the start did not matter", rival=0.0)
    mean = pd.DataFrame({"length": length, "scale": scale}).groupby([rows["gain"], rows["bias"]]).mean()
    steps = [
        mean.loc[(4.0, bias)] - mean.loc[(0.5, bias)]
        for bias in (0.0, 1.0)
        if {(4.0, bias), (0.5, bias)} <= set(mean.index)
    ]
    if steps:
        one = pd.DataFrame(steps).mean()
        text = "gain 4 against 0.5 at one bias: ln of the longest delay learnt, over that of the time scale"
        source = "recurrent weights lengthen it as a gate's bias does; 0 if gates alone decided"
        yield Claim(text, 1.0, float(one["length"] / one["scale"]), 0.5, source, rival=0.0)
