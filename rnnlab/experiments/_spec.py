"""What every Spec is made of: a frozen model that forbids unknown keys, and lists of numbers as people type them."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, FiniteFloat


class ExperimentSpec(BaseModel):
    """Base of every experiment's Spec: immutable, no unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def split_list(value: Any) -> Any:
    """A list as typed on the command line: commas between items; anything but text is passed on."""
    if isinstance(value, str):
        return [item.strip() for item in value.split(",") if item.strip()]
    return [value] if isinstance(value, (int, float)) else value


def expand_ranges(value: Any) -> Any:
    """A list whose items may be inclusive ranges ``start:stop:count``.

    >>> expand_ranges("0.5,1:2:3")
    ['0.5', 1.0, 1.5, 2.0]
    """
    items: list[Any] = []
    for item in split_list(value):
        if isinstance(item, str) and ":" in item:
            items.extend(expand_range(item))
        else:
            items.append(item)
    return items


def expand_range(text: str) -> list[float]:
    """The numbers of one inclusive range ``start:stop:count``, rounded to 12 decimals so that 0.1 steps read as typed."""
    try:
        start, stop, count = text.split(":")
        return [float(number) for number in np.round(np.linspace(float(start), float(stop), int(count)), 12) + 0.0]
    except ValueError:
        raise ValueError(f"{text!r} is not a range start:stop:count, such as -2:2:81") from None


Names = BeforeValidator(split_list)
Numbers = Annotated[tuple[FiniteFloat, ...], BeforeValidator(expand_ranges), Field(min_length=1)]
Lengths = Annotated[tuple[Annotated[int, Field(ge=1)], ...], BeforeValidator(expand_ranges), Field(min_length=1)]
