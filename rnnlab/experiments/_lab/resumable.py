"""Parts of a measurement that take so long that an interrupted run should go on in the middle of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import pandas as pd

Keep = Callable[[Any], None]


def forget(_: Any) -> None:
    """Keep nothing."""


class Resumable(NamedTuple):
    """A part's measurement that tells what it has so far; called like any other, nothing is kept."""

    measure: Callable[[Any, Any, Keep], pd.DataFrame]  # (item, what it kept last or None, keep)

    def __call__(self, item: Any) -> pd.DataFrame:
        """Measure from the start."""
        return self.measure(item, None, forget)
