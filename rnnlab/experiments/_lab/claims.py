"""Claims: what theory or the literature says beside what was measured, and whether they agree."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import pandas as pd


class Claim(NamedTuple):
    """One row of a checks table; `ok` is |measured - expected| <= tolerance."""

    claim: str
    expected: float
    measured: float
    tolerance: float
    source: str

    @property
    def ok(self) -> bool:
        """Whether the claim holds; a measured nan never does."""
        return self.measured == self.expected or abs(self.measured - self.expected) <= self.tolerance


def table_of(claims: Iterable[Claim]) -> pd.DataFrame:
    """The checks table of an experiment: the fields of each claim and its verdict."""
    columns = [*Claim._fields, "ok"]
    return pd.DataFrame([[*claim, claim.ok] for claim in claims], columns=columns)
