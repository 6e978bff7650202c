"""What every checked function asks of its arguments; each refusal is one sentence: what, got, expected."""

from __future__ import annotations

import difflib
import os
import sys
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

LARGEST = sys.float_info.max


def numbers(name: str, value: ArrayLike, dimensions: tuple[int, ...], kind: Any = None) -> NDArray[Any]:
    """`value` as the one kind of array that kernels are compiled for, all finite.

    Parameters
    ----------
    name : str
        What errors call it.
    value : array_like
    dimensions : tuple of int
        The numbers of dimensions it may have.
    kind : dtype, optional
        float32 or float64; default float32 for float32 and float64 for anything else.

    Returns
    -------
    ndarray
        C-contiguous, writeable, in the machine's byte order.
    """
    array = floats(name, value, dimensions, kind)
    if not np.isfinite(array).all():
        worst = real_numbers(name, value)[~np.isfinite(array)].flat[0]
        raise ValueError(f"{name} has the value {worst}: expected finite numbers of type {array.dtype}")
    return array


def floats(name: str, value: ArrayLike, dimensions: tuple[int, ...], kind: Any = None) -> NDArray[Any]:
    """The same of which nobody has looked whether they are finite."""
    array = real_numbers(name, value)
    kind = kind or (np.float32 if is_float32(array) else np.float64)
    if array.dtype != kind or not array.flags.carray:
        with np.errstate(over="ignore"):  # said below
            array = np.require(array, dtype=kind, requirements=["C", "A", "W"]).reshape(array.shape)
    if array.ndim not in dimensions:
        raise ValueError(f"{name} has shape {array.shape}: expected {' or '.join(map(str, dimensions))} dimensions")
    return array


def real_numbers(name: str, value: ArrayLike) -> NDArray[Any]:
    """`value` as an array of floats, integers or booleans, finite or not, with nothing masked."""
    return of_kinds("fiub", name, value, "real numbers", "a number")


def integers(name: str, value: ArrayLike) -> NDArray[Any]:
    """`value` as an array of integers, with nothing masked."""
    return of_kinds("iu", name, value, "integers", "an integer")


def of_kinds(kinds: str, name: str, value: Any, many: str, one: str) -> NDArray[Any]:
    """`value` as an array of one of these kinds, with nothing masked; an array that is one is found at once."""
    if type(value) is np.ndarray and value.dtype.kind in kinds:
        return value
    array = plain(value)
    if array.dtype.kind not in kinds:
        raise TypeError(f"{name} {described(value, kinds)}: expected {many}")
    if np.ma.is_masked(value):
        raise ValueError(f"{name} has masked values: expected {one} in every place")
    return array


def described(value: Any, kinds: str) -> str:
    """What was given in the place of an array: a value as it is, of a table the columns that are not of these kinds."""
    columns: Any = getattr(value, "dtypes", None)
    if not hasattr(columns, "items"):
        return f"is {shortened(value)}"
    odd = [f"{name!r} of {kind}" for name, kind in columns.items() if getattr(kind, "kind", "O") not in kinds]
    return f"has the column{'s' * (len(odd) != 1)} {', '.join(odd)}"


def file_path(name: str, value: Any) -> Path:
    """A file's path as text or path-like object, not empty; of what is there the system tells."""
    try:
        text = os.fspath(value)
    except TypeError:
        text = b""
    if not isinstance(text, str):
        raise TypeError(f"{name} is {shortened(value)}: expected the name of a file, as text or a path")
    if not text or "\0" in text:
        raise ValueError(f"{name} is {shortened(text)}: expected the name of a file")
    return Path(text)


def plain(value: Any) -> NDArray[Any]:
    """What is given as an array; of no numbers where it is none."""
    try:
        array = np.asarray(value)
        if array.dtype == object:  # pandas with gaps
            kinds = np.ravel(np.asarray(getattr(value, "dtypes", None), dtype=object))
            if all(getattr(kind, "kind", "O") in "fiub" for kind in kinds):
                array = value.to_numpy(dtype=np.float64, na_value=np.nan)
    except Exception:  # noqa: BLE001 - rows of different lengths, an object that is asked for an array and fails
        return np.empty(0, dtype=object)
    return array


def is_float32(value: Any) -> bool:
    """Whether it is an array of float32, in whatever order of bytes."""
    kind = getattr(value, "dtype", None)
    return isinstance(kind, np.dtype) and kind.newbyteorder("=") == np.float32


def shortened(value: Any) -> str:
    """A value as Python writes it, cut where it is long."""
    try:
        text = " ".join(repr(value).split())
    except Exception:  # noqa: BLE001 - of somebody else's object
        text = f"a {type(value).__name__} that can't be shown"
    return text if len(text) <= 60 else f"{text[:57]}..."


def lengths(length: ArrayLike | None, steps: int, sequences: int) -> NDArray[np.int64]:
    """Each sequence's number of steps."""
    if length is None:
        every = np.empty(sequences, np.int64)
        every.fill(steps)  # np.full takes 1 us more
        return every
    array = integers("length", length)
    if array.ndim > 1 or array.size not in (1, sequences):
        raise ValueError(f"length has shape {array.shape}: expected a scalar or ({sequences},)")
    if (array < 0).any() or (array > steps).any():
        raise ValueError(f"length has values {array.min()} to {array.max()}: expected 0 to {steps}, the steps of x")
    return np.array(np.broadcast_to(array.reshape(-1), (sequences,)), dtype=np.int64)


def at_least(least: int, **sizes: Any) -> None:
    """Refuse sizes that are not integers of at least so many."""
    for name, size in sizes.items():
        whole(least, name, size)


def whole(least: int, name: str, size: Any) -> int:
    """A size of at least so much, as an integer that no product of it overflows."""
    if not isinstance(size, int | np.integer) or isinstance(size, bool) or size < least:
        raise ValueError(f"{name} is {shortened(size)}: expected an integer of at least {least}")
    return int(size)


def within_memory(count: int, **sizes: int) -> None:
    """Refuse sizes of arrays, of so many numbers together, that are larger than the machine's memory."""
    needed, there = 8 * count, memory_of_the_machine()
    if needed > there:
        told = " and ".join(f"{name} is {shortened(size)}" for name, size in sizes.items())
        raise ValueError(
            f"{told}: that takes {needed >> 30:,} GiB, expected less than the {there >> 30:,} GiB there are"
        )


@cache  # asked at every batch that is drawn, and 60 us to find out: a fifth of a small network's update
def memory_of_the_machine() -> int:
    """Bytes, in use or not."""
    import psutil  # not with rnnlab: 25 ms

    return int(psutil.virtual_memory().total)


def positive(**given: Any) -> None:
    """Refuse numbers that are not finite and above 0."""
    for name, number in given.items():
        real = isinstance(number, int | float | np.integer | np.floating) and not isinstance(number, bool)
        if not real or not 0 < (int(number) if isinstance(number, int | np.integer) else float(number)) <= LARGEST:
            raise ValueError(f"{name} is {shortened(number)}: expected a finite number above 0")


def one_of(name: str, given: Any, known: Mapping[str, Any]) -> Any:
    """What is known by that name."""
    if not isinstance(given, str) or given not in known:
        raise ValueError(f"{name} is {shortened(given)}: expected one of {', '.join(known)}")
    return known[given]


def checked_rng(rng: Any) -> np.random.Generator:
    """A Generator."""
    if not isinstance(rng, np.random.Generator):
        raise TypeError(
            f"rng is {shortened(rng)}: expected a numpy.random.Generator, as numpy.random.default_rng(0) is"
        )
    return rng


def nearest(word: str, known: Iterable[str]) -> str:
    """A hint at the nearest known word, with those that there are if none is near."""
    known = list(known)
    close = difflib.get_close_matches(word, known, n=1)
    return f"; did you mean {close[0]!r}?" if close else f"; known are {', '.join(known)}"
