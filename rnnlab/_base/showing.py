"""How records and arrays show themselves: a short line instead of all their numbers, a picture, a table."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from rnnlab._base.checks import plain, shortened

Record = TypeVar("Record", bound=type)
FEW = 10  # lines in a picture; of more their median and the tenths


def largest_entry(record: Any) -> str:
    """The one number of a record of arrays: the largest size of an entry that is finite."""
    arrays = [plain(value) for value in record if is_array(value)]
    finite = [np.abs(array[np.isfinite(array)]).max(initial=0.0) for array in arrays if array.dtype.kind in "fiu"]
    return f"largest {float(max(finite)):.3g}" if finite else ""


def shows(number: Callable[[Any], str]) -> Callable[[Record], Record]:
    """Of a NamedTuple of arrays: `repr` tells its type, shapes and one number."""

    def decorate(kind: Record) -> Record:
        def __repr__(self: Any) -> str:
            told = [field_told(name, value) for name, value in self._asdict().items() if value is not None]
            return f"{type(self).__name__}({', '.join(filter(None, [*told, number(self)]))})"

        kind.__repr__ = __repr__  # type: ignore[assignment]
        return kind

    return decorate


def is_array(value: Any) -> bool:
    """Whether it is one that is long to print."""
    return isinstance(value, np.ndarray) and value.ndim > 0


def field_told(name: str, value: Any) -> str:
    """A field in a few words."""
    if is_array(value):
        return f"{name} {value.shape} {value.dtype}"
    if isinstance(value, tuple) and value and all(map(is_array, value)):
        return f"{name} {', '.join(str(part.shape) for part in value)} {value[0].dtype}"
    if isinstance(value, tuple) and value and all(hasattr(part, "_fields") for part in value):
        return f"{name} of {', '.join(type(part).__name__ for part in value)}"
    if hasattr(value, "_fields"):
        return f"{name} {type(value).__name__}"
    return f"{name} {shortened(value)}"


def axes_of(ax: Any) -> Any:
    """The axes given, or those of a new figure of pyplot's, which a notebook shows."""
    if ax is not None:
        return ax
    from matplotlib import pyplot as plt

    from rnnlab._base.figures import theme

    with theme():
        return plt.subplots(figsize=(7.0, 4.5), layout="constrained")[1]


def lines(ax: Any, at: Any, values: NDArray[Any], label: str = "", **look: Any) -> None:
    """Columns of `values` (N,) or (N, M) over `at`; of many columns their median, and the band of their tenths."""
    table = np.asarray(values, np.float64).reshape(len(values), -1)
    table = np.where(np.isfinite(table), table, np.nan)  # -inf, of a gradient of 0, leaves a gap
    if table.shape[1] <= FEW:
        for k, column in enumerate(table.T):
            ax.plot(at, column, label=label if k == 0 else None, **look)
        return
    there = ~np.isnan(table).all(axis=1)
    low, middle, high = np.nanquantile(table[there], [0.1, 0.5, 0.9], axis=1)
    (line,) = ax.plot(np.asarray(at)[there], middle, label=f"{label} median of {table.shape[1]}".strip(), **look)
    ax.fill_between(np.asarray(at)[there], low, high, color=line.get_color(), alpha=0.25, linewidth=0)


class Meaning(NamedTuple):
    """What an array is of."""

    name: str
    value: str  # what its numbers are, with their unit
    axes: tuple[str, ...]  # what each axis counts
    first: tuple[int, ...]  # what the first row of each axis is counted as


class Measured(np.ndarray[Any, Any]):
    """An array that tells what it is of: a short line, `plot` and `to_frame`; what is computed from it is a plain array."""

    meaning: Meaning

    def __new__(cls, values: Any, meaning: Meaning) -> Self:
        """`values` with their meaning."""
        made = np.asarray(values).view(cls)
        made.meaning = meaning
        return made

    def __array_finalize__(self, other: Any) -> None:
        self.meaning = getattr(other, "meaning", Meaning("array", "value", ("i", "j"), (0, 0)))

    def __array_wrap__(self, array: Any, context: Any = None, return_scalar: bool = False) -> Any:
        return array[()] if return_scalar else np.asarray(array)

    def __getitem__(self, key: Any) -> Any:
        return np.asarray(self)[key]

    def __reduce__(self) -> Any:
        return np.asarray(self).__reduce__()

    def __repr__(self) -> str:
        there = np.asarray(self)[np.isfinite(self)]
        told = f", from {there.min():.4g} to {there.max():.4g}" if there.size else ""
        return f"{self.meaning.name} {self.shape} {self.dtype}{told}"

    def to_frame(self) -> Any:
        """A row for every number.

        Returns
        -------
        DataFrame
            A column for what each axis counts, and one for the numbers.
        """
        import pandas as pd

        places = np.indices(self.shape).reshape(self.ndim, -1)
        counted = zip(self.meaning.axes, places, self.meaning.first, strict=False)
        return pd.DataFrame(
            {**{axis: place + start for axis, place, start in counted}, self.meaning.value: np.ravel(np.asarray(self))}
        )

    def plot(self, ax: Any = None) -> Any:
        """A line, or of two axes a map.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            Default: of a new figure.

        Returns
        -------
        matplotlib.axes.Axes
        """
        ax, values = axes_of(ax), np.where(np.isfinite(self), np.asarray(self), np.nan)
        at = [np.arange(size) + start for size, start in zip(self.shape, self.meaning.first, strict=False)]
        if self.ndim == 2:
            image = ax.pcolormesh(at[1], at[0], values, cmap="viridis", shading="nearest")
            ax.figure.colorbar(image, ax=ax, label=self.meaning.value)
            ax.set(xlabel=self.meaning.axes[1], ylabel=self.meaning.axes[0])
        else:
            ax.plot(at[0], values, marker="o", markersize=4)
            ax.set(xlabel=self.meaning.axes[0], ylabel=self.meaning.value)
        ax.set_title(self.meaning.name)
        return ax
