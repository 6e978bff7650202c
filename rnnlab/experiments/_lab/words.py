"""Numbers and counts as a sentence says them."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np


def from_log10(log10: float, digits: int = 3) -> str:
    """The number of a log10 with so many digits, far beyond floats too; of nan it is unknown.

    >>> from_log10(7 * np.log10(1.5)), from_log10(-1243.5), from_log10(-np.inf)
    ('17.1', '3.16e-1244', '0')
    """
    if np.isneginf(log10) or np.isnan(log10):
        return "0" if np.isneginf(log10) else "unknown"
    if not np.isfinite(log10):
        return f"{log10:g}"
    power = int(np.floor(log10))
    if abs(power) < 300:
        return f"{10.0**log10:.{digits}g}"
    return f"{10.0 ** (log10 - power):.{digits}g}e{power:+d}"


def times(pairs: Iterable[tuple[str, float]]) -> str:
    """Names with the numbers of their log10, the largest first."""
    ordered = sorted(pairs, key=lambda pair: -pair[1] if pair[1] == pair[1] else np.inf)
    return "; ".join(f"{name} times {from_log10(value)}" for name, value in ordered)
