"""Whether one way of training is better than another: exact tests, corrected for how many were made."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import binomtest, fisher_exact

from rnnlab.experiments._lab.claims import Claim, Verdict

LEVEL = 0.05  # chance that of a family of claims about no difference at all one holds


class Chances(NamedTuple):
    """Chances of a difference at least as large as the measured one, if there is none.

    Attributes
    ----------
    p : float
        In the direction that is claimed.
    reverse : float
        In the other direction.
    """

    p: float
    reverse: float


@dataclass(frozen=True)
class Difference(Claim):
    """A claim that one is better than another: `measured` is p, at most 0.05; without a difference it is 0.5 on average.

    Attributes
    ----------
    reverse : float
        p of the other direction, corrected as `measured` is.
    """

    reverse: float = 1.0

    @property
    def verdict(self) -> Verdict:
        """Whether the difference "holds", "fails" as the other direction holds, or is "open": too few to tell."""
        if self.measured <= LEVEL:
            return "holds"
        return "fails" if self.reverse <= LEVEL else "open"


def more_of(better: ArrayLike, worse: ArrayLike) -> Chances:
    """Fisher's exact test of two groups of yes and no: whether `better` has the larger share of yes."""
    table = [[np.sum(group), np.size(group) - np.sum(group)] for group in (np.asarray(better), np.asarray(worse))]
    return Chances(*(float(fisher_exact(table, alternative=side).pvalue) for side in ("greater", "less")))


def more_in_pairs(better: ArrayLike, worse: ArrayLike) -> Chances:
    """The sign test of pairs, such as trainings of one seed: whether `better` is more often the larger than the smaller.

    Pairs that are equal tell nothing. Of yes and no it is McNemar's exact test.
    """
    larger = np.asarray(better, float) - np.asarray(worse, float)
    more, less = int((larger > 0).sum()), int((larger < 0).sum())
    if not more + less:
        return Chances(1.0, 1.0)
    return Chances(*(binomtest(k, more + less, alternative="greater").pvalue for k in (more, less)))


def family(tests: Iterable[tuple[str, Chances, str]]) -> Iterator[Difference]:
    """The claims (text, test, source) of a family, corrected by Holm: one holds by chance in one family of twenty.

    Sources: S. Holm, A simple sequentially rejective multiple test procedure, Scandinavian Journal of Statistics 6,
    1979.
    """
    rows = list(tests)
    corrected = zip(*(holm([getattr(test, way) for _, test, _ in rows]) for way in Chances._fields), strict=True)
    for (text, _, source), (p, reverse) in zip(rows, corrected, strict=True):
        yield Difference(f"{text}: p", 0.0, p, (0.0, LEVEL), source, rival=0.5, reverse=reverse)


def holm(p: list[float]) -> list[float]:
    """Each p times the number of those not smaller, and never below that of a smaller one."""
    order = np.argsort(p)
    times = np.asarray(p)[order] * np.arange(len(p), 0, -1)
    corrected = np.empty(len(p))
    corrected[order] = np.minimum(np.maximum.accumulate(times), 1.0)
    return [float(value) for value in corrected]
