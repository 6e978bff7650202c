"""Tables of any size as text, written and read in pieces, so that memory holds little beside the table itself."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

ROWS = 100_000  # of a piece: 14 MB of text of the sweep
# Equal texts of a piece are one object, eight bytes a row: with PyArrow installed pandas makes a new one of each, and five
# million points of the sweep took 2.9 GB.
shared_text = pd.option_context("mode.string_storage", "python")


def pieces(table: pd.DataFrame) -> Iterator[bytes]:
    """The text of a table, the same bytes on every system, the names of the columns in the first piece alone."""
    for first in range(0, max(1, len(table)), ROWS):
        part = table.iloc[first : first + ROWS]
        text: str = part.to_csv(index=False, header=first == 0, lineterminator="\n")
        yield text.encode()


def size_of(table: pd.DataFrame) -> int:
    """About how many bytes the text of a table takes."""
    start = len(next(pieces(table.iloc[:1000])))
    return start * max(1, len(table) // 1000)


@shared_text
def normal_form(table: pd.DataFrame) -> pd.DataFrame:
    """The table as it will be read back, so that a figure drawn now equals one redrawn later."""
    return pd.DataFrame({name: read_back(table[[name]]) for name in table}, copy=False)


def read_back(column: pd.DataFrame) -> Any:
    """A table's one column as it will be read back; where that is the same, it itself and no copy."""
    name = column.iloc[:0].to_csv(index=False).encode()
    parts = (pd.read_csv(BytesIO(text if k == 0 else name + text)) for k, text in enumerate(pieces(column)))
    try:
        found = joined(parts, len(column))
    except UnevenError:
        found = pd.read_csv(BytesIO(b"".join(pieces(column))))
    before, after = column.iloc[:, 0], found.iloc[:, 0]
    return before.array if before.equals(after.set_axis(before.index)) else after.array


@shared_text
def read(path: Path) -> pd.DataFrame:
    """A table that was written as text; OSError or ValueError where it can't be read."""
    with path.open("rb") as file:
        lines = sum(piece.count(b"\n") for piece in iter(lambda: file.read(2**20), b""))
    try:
        with pd.read_csv(path, chunksize=ROWS) as parts:
            return joined(parts, lines - 1)
    except UnevenError:
        return pd.read_csv(path)


class UnevenError(Exception):
    """Parts have a column in different types, as where a long stretch of it is empty."""


def joined(parts: Iterable[pd.DataFrame], rows: int) -> pd.DataFrame:
    """One table of `rows` rows, its columns filled in place while parts come, of which none is held."""
    columns: dict[str, Any] = {}
    kinds: Any = None
    done = 0
    for part in parts:
        if kinds is None:
            if len(part) == rows:
                return part
            kinds = part.dtypes
            columns = {name: np.empty(rows, plain(part[name]).dtype) for name in part}
        if not part.dtypes.equals(kinds) or done + len(part) > rows:
            raise UnevenError
        for name, column in columns.items():
            column[done : done + len(part)] = plain(part[name])
        done += len(part)
    if done != rows:
        raise UnevenError
    return pd.DataFrame({name: typed(columns.pop(name), kind) for name, kind in kinds.items()}, copy=False)


def plain(column: Any) -> Any:
    """A column as NumPy holds it, of categories their codes."""
    return column.cat.codes.to_numpy() if isinstance(column.dtype, pd.CategoricalDtype) else column.to_numpy()


def typed(values: Any, kind: Any) -> Any:
    """A column of a type, from what NumPy holds of it."""
    if isinstance(kind, pd.CategoricalDtype):
        return pd.Categorical.from_codes(values, dtype=kind)
    return pd.array(values, dtype=kind) if isinstance(kind, pd.StringDtype) else values
