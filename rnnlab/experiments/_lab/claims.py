"""Claims: what theory or the literature says of a number, what another story says, and which of the two was measured."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import pandas as pd

Verdict = Literal["holds", "fails", "open", "missed"]
AT_LEAST, AT_MOST = (0.0, math.inf), (math.inf, 0.0)  # tolerances to one side
COLUMNS = ["claim", "expected", "rival", "measured", "low", "high", "source", "verdict"]


@dataclass(frozen=True)
class Claim:
    """One row of a checks table: a number, and two stories of what it is.

    Attributes
    ----------
    claim : str
        What is measured.
    expected : float
        What is claimed of it.
    measured : float
        What was measured, as it was.
    tolerance : float or (float, float)
        How far it may lie from `expected`, to both sides or below and above.
    source : str
        Who claims it, or why it has this tolerance.
    rival : float
        What the other story says of the same number: the folk story, no effect, the term left out, chance. Where the
        interval of accepted numbers holds it, the claim says nothing: it is "open" at best, and `verify` fails.

    Raises
    ------
    ValueError
        If there is no rival.
    """

    claim: str
    expected: float
    measured: float
    tolerance: float | tuple[float, float]
    source: str
    rival: float

    def __post_init__(self) -> None:
        if math.isnan(self.rival):
            raise ValueError(f"the claim {self.claim!r} has a rival that is not a number: without one it is no claim")

    @property
    def accepted(self) -> tuple[float, float]:
        """The interval of numbers that agree with the claim, both ends included."""
        below, above = self.tolerance if isinstance(self.tolerance, tuple) else (self.tolerance, self.tolerance)
        return self.expected - below, self.expected + above

    @property
    def verdict(self) -> Verdict:
        """Whether the claim "holds" or "fails"; "open" where the number agrees with the rival as well."""
        low, high = self.accepted
        if not low <= self.measured <= high:
            return "fails"
        return "open" if agrees_with_rival(self.expected, self.rival, self.measured, low, high) else "holds"


def agrees_with_rival(expected: float, rival: float, measured: float, low: float, high: float) -> bool:
    """Whether the rival lies in the interval, or the number in the rival's: as wide, and open to the other side."""
    return low <= rival <= high or rival - (high - expected) <= measured <= rival + (expected - low)


def table_of(claims: Iterable[Claim]) -> pd.DataFrame:
    """The checks table of an experiment: the fields of each claim, the interval accepted and the verdict."""
    rows = [[c.claim, c.expected, c.rival, c.measured, *c.accepted, c.source, c.verdict] for c in claims]
    return pd.DataFrame(rows, columns=COLUMNS)
