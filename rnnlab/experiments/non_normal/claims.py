"""What is claimed of non-normal networks, and the other stories: mostly that eigenvalues tell all."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import cache

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rnnlab.experiments._lab.claims import Claim, table_of
from rnnlab.experiments._lab.differences import Chances, family, more_in_pairs
from rnnlab.experiments.non_normal.gradients import (
    CHAINED,
    DELAY,
    DEMO_NAME,
    FIXED,
    PUBLISHED,
    published_name,
    published_weight,
    schur_name,
)
from rnnlab.experiments.non_normal.learning import TASKS
from rnnlab.experiments.non_normal.networks import CHAIN, JORDAN, RADIUS, UNITS, schur
from rnnlab.laws import non_normal as law

Array = NDArray[np.float64]
ROUNDING = 1e-9
GROWN = 10.0  # a peak factor from which on the size of its bound is claimed
KREISS = "Kreiss's theorem, K to e N K (Spijker 1991)"
GANGULI = "Ganguli, Huh and Sompolinsky 2008, abstract"
TABLE = "Kerg 2019, supplement, table 6"
PAPER = (
    "Orhan and Pitkow 2020, abstract: in a diverse range of benchmarks; here few updates, in their code up to 375,000"
)
TRIAL = "both are starts of Orhan and Pitkow's code; the direction is that of a trial with other networks"
BENT = "Orhan and Pitkow 2020, abstract: where units are not linear, orthogonal weights no longer keep lengths"
PAIRS = (  # task and start of the better, of the worse, and who says so
    (("copy, ReLU", "chain"), ("copy, ReLU", "orthogonal"), PAPER),
    (("copy, ReLU", "chain"), ("copy, ReLU", "identity"), TRIAL),
    (("copy, linear", "orthogonal"), ("copy, ReLU", "orthogonal"), BENT),
    (("adding, ReLU", "chain"), ("adding, ReLU", "orthogonal"), PAPER),
    (("adding, ReLU", "identity"), ("adding, ReLU", "chain"), TRIAL),
)


def checks(table: pd.DataFrame) -> pd.DataFrame:
    """Gradients against closed forms and bounds, memories against theory and table 6, differences between trainings."""
    parts = dict(iter(table.groupby("part", sort=False)))
    gradients = dict(iter(parts["gradient"].groupby("network", sort=False)))
    claims = [*exact_claims(gradients), *bound_claims(gradients), *end_claims(gradients)]
    claims += memory_claims(parts["memory"])
    return table_of([*claims, *published_claims(parts["published"]), *family(comparisons(table))])


@cache
def weight_of(name: str, size: float) -> Array:
    """The matrix of a network whose gradients were followed."""
    return FIXED[name] if name in FIXED else schur(size)


def exact_claims(gradients: dict[str, pd.DataFrame]) -> Iterator[Claim]:
    """A normal network by its eigenvalues, chains by binomials; what eigenvalues say is the rival."""
    lag = gradients[DELAY]["lag"].to_numpy()
    cases = {CHAINED: JORDAN, schur_name(0.0): (RADIUS, 0.0)}
    for name, (eigenvalue, gain) in cases.items():
        if name in gradients:
            found = gradients[name]["value"].to_numpy()
            told = np.array([law.log10_jordan_norm(k, UNITS, eigenvalue, gain) for k in lag])
            other = lag * math.log10(eigenvalue) if gain else 0 * lag
            text = f"{name}: largest difference of log10 of the worst gradient from its law"
            source = "sums of C(k, j) lambda^(k - j) g^j; or lambda^k" if gain else "0.9^k; or 1, as an orthogonal one"
            off, rival = (float(np.abs(found - story).max()) for story in (told, other))
            yield Claim(text, 0.0, off, ROUNDING, source, rival=rival)
    found = gradients[DELAY]["value"].to_numpy()
    text = f"{DELAY} of {UNITS} units, all eigenvalues 0: lags over which the gradient comes back whole"
    whole = float((np.abs(found) <= ROUNDING).sum() - 1)
    yield Claim(text, UNITS - 1.0, whole, 0.0, "W^k is a shift by k; or none, as by its eigenvalues", rival=0.0)
    text = f"{DELAY} of {UNITS} units: longest lag from which anything comes back"
    last = float(lag[np.isfinite(found)].max())
    yield Claim(text, UNITS - 1.0, last, 0.0, "W^N = 0; or for ever, as by its norm 1", rival=float(lag.max()))


def bound_claims(gradients: dict[str, pd.DataFrame]) -> Iterator[Claim]:
    """Peaks between Kreiss's bounds; every lag above what the resolvent tells; a published peak."""
    for name, rows in gradients.items():
        found, weight = rows["value"].to_numpy(), weight_of(name, float(rows["setting"].iloc[0]))
        least, peak = law.kreiss_constant(weight), 10 ** float(found.max())
        if least <= 1 + ROUNDING:
            continue
        told = (0.0, (math.e * len(weight) - 1) * least)
        source = f"{KREISS}; or never above 1, as by its eigenvalues"
        yield Claim(f"{name}: peak of the worst gradient", least, peak, told, source, rival=1.0)
        bound = np.log10(law.transient_bound(weight, len(found) - 1))
        above = float((np.maximum.accumulate(found[1:]) - bound).min())
        text = f"{name}: log10 of the peak up to any lag over the resolvent's bound, least"
        source = "Trefethen 2002, as EigTool's documentation has it; or as by eigenvalues, no growth"
        yield Claim(text, 0.0, above, (ROUNDING, math.inf), source, rival=-float(bound.max()))
        if peak >= GROWN:
            text = f"{name}: log10 of its peak over the best such bound"
            source = "EigTool's documentation: usually within an order of magnitude; or no bound but 1"
            off = float(found.max() - bound.max())
            yield Claim(text, 0.0, off, (ROUNDING, 1.0), source, rival=float(found.max()))
    peak = 10 ** float(gradients[DEMO_NAME]["value"].max())
    text = f"{DEMO_NAME}: peak of the worst gradient, spectral radius 0.91"
    source = "EigTool's documentation, Transients menu: over one hundredfold"
    yield Claim(text, 100.0, peak, (0.0, math.inf), source, rival=1.0)


def end_claims(gradients: dict[str, pd.DataFrame]) -> Iterator[Claim]:
    """In the end eigenvalues are right: 0.9^k times the condition of the eigenvectors is the most that there is."""
    for name, rows in gradients.items():
        size, lag, found = (rows[column].to_numpy() for column in ("setting", "lag", "value"))
        if size[0] > 0:
            decay = lag * math.log10(RADIUS)
            most = math.ceil(10 * math.log10(law.eigenvector_condition(weight_of(name, float(size[0]))))) / 10
            text = f"{name}: log10 of the worst gradient over 0.9^k, most"
            source = "W^k = V diag(lambda^k) V^-1, up to |V| |V^-1|; or as if it stayed at its peak"
            staying = float(found.max() - decay[-1])
            yield Claim(text, 0.0, float((found - decay).max()), (ROUNDING, most), source, rival=staying)


def memory_claims(rows: pd.DataFrame) -> Iterator[Claim]:
    """Chains against the closed form, normal networks against 1."""
    for row in rows.itertuples():
        if row.network == DELAY:
            total = float(law.chain_memory(np.arange(CHAIN), row.setting).sum())
            text = f"{DELAY} of {CHAIN} units, gain {row.setting:g}: J_tot"
            source = "its closed form; or 1, as of a normal network"
            yield Claim(text, total, row.value, ROUNDING * total, source, rival=1.0)
        else:
            text, source = f"{row.network}, {UNITS} units: J_tot", f"{GANGULI}: normal networks have exactly 1"
            rival = float(law.chain_memory(np.arange(UNITS), 1.0).sum())
            yield Claim(text, 1.0, row.value, ROUNDING, f"{source}; or as a delay line", rival=rival)
    widest = rows[rows["network"] == DELAY].nlargest(1, "setting")
    text = f"{DELAY} of {CHAIN} units, gain {widest['setting'].iloc[0]:g}: J_tot, at most N"
    half = (CHAIN / 2, 0.0)
    yield Claim(text, CHAIN, float(widest["value"].iloc[0]), half, f"{GANGULI}: N at most; or 1", rival=1.0)


def published_claims(rows: pd.DataFrame) -> Iterator[Claim]:
    """Table 6: where the law agrees with its digits, as published; else the law, with the published number as rival."""
    found = rows.set_index("network")["value"]
    for key, published in PUBLISHED.items():
        total = exact_total(key)
        text, half = f"J_tot of {CHAIN} units, {published_name(key)}", half_digit(published)
        value = float(found[published_name(key)])
        if abs(total - published) <= half:
            yield Claim(text, published, value, half, f"{TABLE}; or 1, as of a normal network", rival=1.0)
        else:
            source = f"by QR; {TABLE} has {published:g}, where C is nearly singular"
            yield Claim(f"{text}, not as published", total, value, 1e-6 * total, source, rival=published)


@cache
def exact_total(key: tuple[float, float, float]) -> float:
    """J_tot of a published network by its law."""
    return law.total_memory(published_weight(key), np.eye(CHAIN)[0])


def half_digit(value: float) -> float:
    """Half a unit of the third digit, which all of table 6 have."""
    return float(0.5 * 10.0 ** (math.floor(math.log10(value)) - 2))


def comparisons(table: pd.DataFrame) -> Iterator[tuple[str, Chances, str]]:
    """The sign test over seeds, each start at its best rate; below `solved`, where trainings end, all errors are one."""
    found = {
        (task, start): errors.clip(lower=trial.solved)
        for task, trial in TASKS.items()
        for start, errors in at_best(table[table["part"] == task]).items()
    }
    for better, worse, source in PAIRS:
        if {better, worse} <= set(found):
            text = f"{' '.join(better)} is left with a smaller error than {' '.join(worse)}"
            yield text, more_in_pairs(found[worse], found[better]), source


def at_best(rows: pd.DataFrame) -> pd.DataFrame:
    """Errors (seeds, starts), each start at the learning rate of its least mean error."""
    mean = rows.groupby(["network", "setting"], sort=False)["value"].mean().reset_index()
    best = mean.loc[mean.groupby("network", sort=False)["value"].idxmin(), ["network", "setting"]]
    return rows.merge(best, on=["network", "setting"]).pivot_table(index="seed", columns="network", values="value")
