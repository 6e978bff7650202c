"""Implementations of the same thing side by side: what each computes, its time in the same rounds, its gradients."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Sequence
from importlib import metadata
from textwrap import shorten
from typing import Any, NamedTuple

import numpy as np

from rnnlab.experiments.bench.timing import Array, Effort, Row, Run, binding_note, rounds_of, timed

OURS = "rnnlab"
LONGEST = 130  # letters of what ails an implementation


class Implementation(NamedTuple):
    """One way to compute something.

    Attributes
    ----------
    name : str
        As rows and figures call it.
    computes : str
        What one timed call does, in words.
    build : callable
        From a problem and a number of cores to a function without arguments. What can be prepared once (copies in a
        library's own type, buffers, compilation) is prepared here or in the first call.
    library : str
        Whose it is, as ``pip`` calls it.
    """

    name: str
    computes: str
    build: Callable[[Any, int], Run]
    library: str = OURS


class Attempt(NamedTuple):
    """An implementation ready to be timed with what its first call returned, or why there is none."""

    run: Run | None
    result: Any
    note: str


def compared(
    title: Row,
    items: int,
    implementations: Sequence[Implementation],
    problem: Any,
    effort: Effort,
    difference: Callable[[Any, Any], float] | None = None,
) -> list[Row]:
    """A row of each implementation, timed in the same rounds.

    Parameters
    ----------
    title : Row
        Case, problem, floating type and cores of all rows.
    items : int
        What a call computes, of which one takes so many nanoseconds.
    implementations : sequence of Implementation
        The first is ours, which the others are compared to.
    problem : object
        What they are built of.
    effort : Effort
    difference : callable, optional
        How far two results are from each other.

    Returns
    -------
    list of Row
        Of one that is not installed or fails, the row says so.
    """
    attempts = [attempt(one, problem, title.cores) for one in implementations]
    seconds = rounds_of({number: one.run for number, one in enumerate(attempts) if one.run}, effort)
    rows = []
    for number, (one, (_, result, note)) in enumerate(zip(implementations, attempts, strict=True)):
        row = title._replace(implementation=one.name, library=version_of(one.library), computes=one.computes, note=note)
        if number in seconds:
            row = timed(row, seconds[number], items, seconds[0] if number else None)
        if number and difference and result is not None:
            row = row._replace(deviation=difference(result, attempts[0].result))
        rows.append(row)
    return rows


def attempt(one: Implementation, problem: Any, cores: int) -> Attempt:
    """Build an implementation and call it once; whatever ails another's becomes a note, and never ends the run."""
    if not installed(one.library):
        return Attempt(None, None, f"{one.library} is not installed")
    try:
        run = one.build(problem, cores)
        return Attempt(run, run(), binding_note())
    except Exception as error:
        if one.library == OURS:
            raise
        return Attempt(None, None, f"not timed: {shorten(str(error) or type(error).__name__, LONGEST)}")


def installed(library: str) -> bool:
    """Whether a library can be imported."""
    return importlib.util.find_spec(library) is not None


def version_of(library: str) -> str:
    """A library with its version, as ``torch 2.13.0``; without where it has none."""
    try:
        return f"{library} {metadata.version(library)}"
    except metadata.PackageNotFoundError:
        return library


def deviation(measured: Sequence[Any], reference: Sequence[Any]) -> float:
    """Largest difference of a gradient relative to its largest entry."""
    pairs = [(np.asarray(one), np.asarray(other)) for one, other in zip(measured, reference, strict=True)]
    return max(relative(one, other) for one, other in pairs)


def relative(one: Array, other: Array) -> float:
    """Largest difference of two arrays relative to the largest entry of the second."""
    return float(np.abs(one - other).max() / max(np.abs(other).max(), 1e-300))
