"""Whether what is measured agrees with what was kept, as far as other processors and versions are promised to."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from pandas.api.types import is_numeric_dtype

from rnnlab.experiments._lab import provenance, store
from rnnlab.experiments._lab.errors import StoreError

PROMISED = 1e-9  # relative
ROUNDING = 1e-12  # of the largest number of a column: what is 0 here may be 1e-16 elsewhere


def kept(folder: Path, result: store.Result, checks: Callable[[pd.DataFrame], pd.DataFrame], parquet: bool) -> bool:
    """Whether a folder has this result already, undamaged, with the claims that are made now, as Parquet too if wanted."""
    told = provenance.read(folder)
    if told.get("spec_hash") != provenance.spec_hash(result.spec) or not provenance.digests(folder):
        return False
    if parquet and not (folder / store.PARQUET).exists():
        return False
    try:
        store.verify(folder)
        old = store.read_table(folder)
        return agree(old, result.table) and agree(pd.read_csv(folder / "checks.csv"), checks(old))
    except (StoreError, OSError, ValueError):
        return False


def agree(one: pd.DataFrame, other: pd.DataFrame) -> bool:
    """Whether two tables have the same columns and rows, words equal and numbers to `PROMISED`."""
    if list(one) != list(other) or len(one) != len(other):
        return False
    return all(columns_agree(one[name], other[name]) for name in one)


def columns_agree(one: pd.Series, other: pd.Series) -> bool:
    """Whether two columns agree."""
    if not (is_numeric_dtype(one) and is_numeric_dtype(other)):
        return [*one.fillna("")] == [*other.fillna("")]
    left, right = one.to_numpy(dtype=float), other.to_numpy(dtype=float)
    largest = np.abs(right[np.isfinite(right)]).max(initial=0.0)
    return np.allclose(left, right, rtol=PROMISED, atol=ROUNDING * largest, equal_nan=True)
