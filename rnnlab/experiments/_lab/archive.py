"""What a run keeps as bytes that can't execute: a SHA-256, a tree in JSON, and its arrays as NumPy writes them.

Tables come back with the same types, columns and index; records are those of rnnlab's trainings and no others.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from io import BytesIO
from typing import Any

import numpy as np
import pandas as pd

from rnnlab.experiments._lab.learning import Progress
from rnnlab.kernels.cells import CELLS
from rnnlab.params import Readout
from rnnlab.training import Fit, History, Model, Stopped, TrainingState

FORMAT = b"rnnlab part 1\n"
DIGEST = hashlib.sha256().digest_size
RECORDS = {kind.__name__: kind for kind in (Progress, Fit, Model, History, Stopped, TrainingState, Readout, *CELLS)}
PLAIN = (str, bool, int, float, type(None))


class DamagedError(ValueError):
    """Bytes that are not as they were written."""


def pack(value: Any) -> bytes:
    """A table, or a tree of records, lists, dictionaries, arrays and numbers, as bytes; TypeError of anything else."""
    arrays: list[np.ndarray[Any, Any]] = []
    tree = json.dumps(_tree(value, arrays)).encode()
    file = BytesIO()
    for array in (np.frombuffer(tree, np.uint8), *arrays):
        np.save(file, array, allow_pickle=False)
    body = file.getvalue()
    return FORMAT + hashlib.sha256(body).digest() + body


def unpack(content: bytes) -> Any:
    """What was packed, or DamagedError."""
    start = len(FORMAT) + DIGEST
    digest, body = content[len(FORMAT) : start], content[start:]
    if not content.startswith(FORMAT) or hashlib.sha256(body).digest() != digest:
        raise DamagedError("its digest is another")
    file = BytesIO(body)
    try:
        tree = json.loads(np.load(file, allow_pickle=False).tobytes())
        return _value(tree, lambda: np.load(file, allow_pickle=False))
    except (ValueError, TypeError, LookupError, EOFError, MemoryError, RecursionError) as error:
        raise DamagedError(str(error)) from error  # with a digest, but not of ours


def _tree(value: Any, arrays: list[Any]) -> Any:
    """A value in JSON: plain ones as they are, others as a list of their kind and parts; arrays are put aside."""
    if type(value) in PLAIN:
        return value
    name = type(value).__name__
    if RECORDS.get(name) is type(value):
        return [name, [_tree(part, arrays) for part in value]]
    if type(value) in (list, tuple):
        return [name, [_tree(part, arrays) for part in value]]
    if type(value) is dict:
        return ["dict", [[_tree(key, arrays), _tree(part, arrays)] for key, part in value.items()]]
    if isinstance(value, pd.DataFrame):
        columns = [[_tree(key, arrays), _column(value.iloc[:, k], arrays)] for k, key in enumerate(value.columns)]
        return ["table", columns, _index(value.index, arrays)]
    if isinstance(value, (np.ndarray, np.generic)) and value.dtype.kind in "biufcSU":
        arrays.append(np.asarray(value))
        return ["array" if isinstance(value, np.ndarray) else "scalar"]
    raise TypeError(f"a {name} can't be kept")


def _index(index: Any, arrays: list[Any]) -> Any:
    """A table's index: its range, or as a column."""
    if isinstance(index, pd.RangeIndex):
        return ["range", index.start, index.stop, index.step, _tree(index.name, arrays)]
    return ["index", _column(index.to_series(), arrays), _tree(index.name, arrays)]


def _column(column: Any, arrays: list[Any]) -> Any:
    """A column: numbers as an array, text and categories as codes of what differs, objects one by one."""
    kind = column.dtype
    if isinstance(kind, pd.CategoricalDtype):
        categories = _column(kind.categories.to_series(), arrays)
        return ["category", categories, kind.ordered, _tree(column.cat.codes.to_numpy(), arrays)]
    if isinstance(kind, pd.StringDtype):
        codes, texts = pd.factorize(column)
        return ["text", texts.tolist(), _tree(codes, arrays)]
    if kind == object:
        return ["objects", [_tree(item, arrays) for item in column]]
    return ["numbers", _tree(column.to_numpy(), arrays)]


def _value(tree: Any, array: Callable[[], Any]) -> Any:
    """The value of a tree, its arrays in the order in which they were put aside."""
    if not isinstance(tree, list):
        return tree
    kind, *rest = tree
    if kind in ("array", "scalar"):
        return array() if kind == "array" else array()[()]
    if kind == "dict":
        return {_value(key, array): _value(part, array) for key, part in rest[0]}
    if kind == "table":
        columns = [(_value(key, array), _column_of(part, array)) for key, part in rest[0]]
        table = pd.DataFrame(dict(enumerate(part for _, part in columns)), index=_index_of(rest[1], array))
        table.columns = pd.Index([key for key, _ in columns])
        return table
    parts = [_value(part, array) for part in rest[0]]
    return RECORDS[kind](*parts) if kind in RECORDS else {"list": list, "tuple": tuple}[kind](parts)


def _index_of(tree: Any, array: Callable[[], Any]) -> Any:
    """The index of a table."""
    kind, *rest = tree
    if kind == "range":
        return pd.RangeIndex(*rest[:3], name=_value(rest[3], array))
    return pd.Index(_column_of(rest[0], array), name=_value(rest[1], array))


def _column_of(tree: Any, array: Callable[[], Any]) -> Any:
    """The values of a column, in their type."""
    kind, *rest = tree
    if kind == "numbers":
        return _value(rest[0], array)
    if kind == "objects":
        return pd.Series([_value(item, array) for item in rest[0]], dtype=object).to_numpy()
    if kind == "text":
        codes = _value(rest[1], array)
        return pd.array(rest[0], dtype="str").take(codes, allow_fill=True)
    categories = pd.Index(_column_of(rest[0], array))
    return pd.Categorical.from_codes(_value(rest[2], array), categories, ordered=rest[1])
