"""What every Spec is made of: a frozen model that forbids unknown keys, and lists of numbers as people type them."""

from __future__ import annotations

from collections import Counter
from typing import Annotated, Any, ClassVar, Self, TypeVar, get_args

import numpy as np
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    FiniteFloat,
    ValidationInfo as Info,
    field_validator,
    model_validator,
)

MOST = 1_000_000  # numbers of one range
MATRICES = 24  # of H x H numbers that drawing and training a network of four gates fills
LARGEST = 2.0**28  # the kernels rescale every few steps and guarantee no more growth than this between


class ExperimentSpec(BaseModel):
    """Base of every experiment's Spec: immutable, no unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    reproducible: ClassVar[bool] = True  # whether the same spec gives the same table: timings do not
    papers: ClassVar[dict[str, Any]] = {}  # what the field `full` means, of those that have one

    def bytes_needed(self, workers: int) -> int:
        """An estimate of the memory that so many workers fill; 0 where it is little."""
        del workers
        return 0

    def changed(self, names: set[str]) -> dict[str, Any]:
        """Those of some settings that are not the defaults: columns of a table of which less is claimed."""
        return self.model_dump(include=names, exclude_defaults=True)

    @model_validator(mode="before")
    @classmethod
    def _fill(cls, given: Any) -> Any:
        return {**cls.papers, **given} if isinstance(given, dict) and given.get("full") is True else given

    @model_validator(mode="after")
    def _all_of_it(self) -> Self:
        usual = {name: field.default for name, field in type(self).model_fields.items()}
        for name, value in {**usual, **self.papers, "full": True}.items() if getattr(self, "full", False) else ():
            if getattr(self, name) != value:
                raise ValueError(f"{name} is {getattr(self, name)}: full means {value}; leave one of the two out")
        return self

    @field_validator("*", mode="before")
    @classmethod
    def _no_switch(cls, value: Any, info: Info) -> Any:
        """Pydantic would read true as 1."""
        if isinstance(value, bool) and bool not in kinds(cls, info):
            raise ValueError("expected a value, not true or false")
        return value


def bytes_of_weights(hidden_size: int) -> int:
    """Memory of the recurrent weights, gradients and the optimiser's memory of a network in hand."""
    return 8 * MATRICES * hidden_size**2


def kinds(model: type[BaseModel], info: Info) -> tuple[Any, ...]:
    """The types of a field."""
    annotation = model.model_fields[str(info.field_name)].annotation
    return (annotation, *get_args(annotation))


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
    given, items = split_list(value), []
    if not isinstance(given, (list, tuple)):
        return given
    for item in given:
        if isinstance(item, str) and ":" in item:
            items.extend(expand_range(item))
        else:
            items.append(item)
    return items


def expand_range(text: str) -> list[float]:
    """The numbers of one inclusive range ``start:stop:count``, rounded to 12 decimals so that 0.1 steps read as typed."""
    try:
        start, stop, count = text.split(":")
        first, last, size = float(start), float(stop), int(count)
    except ValueError:
        raise ValueError(f"{text!r} is not a range start:stop:count, such as -2:2:81") from None
    if not np.isfinite([first, last]).all() or not 1 <= size <= MOST:
        raise ValueError(f"{text!r} is not a range of 1 to {MOST:,} finite numbers")
    with np.errstate(over="ignore", invalid="ignore"):
        numbers = np.round(np.linspace(first, last, size), 12) + 0.0
    if not np.isfinite(numbers).all():
        raise ValueError(f"{text!r} is a range that leaves the floats: its ends are too far apart or too large")
    return numbers.tolist()


def rescalable(w2: float) -> float:
    """A recurrent weight between whose steps the kernels can rescale, or 0."""
    if w2 and not 1 / LARGEST <= abs(w2) <= LARGEST:
        raise ValueError("its size is outside 2^-28 .. 2^28, in which gradients are exact; take a size within, or 0")
    return w2


def distinct(values: tuple[Any, ...]) -> tuple[Any, ...]:
    """Each but once: what is measured twice would count as two."""
    for value, count in Counter(values).items():
        if count > 1:
            raise ValueError(f"it has {value} {count} times")
    return values


Item = TypeVar("Item")
Once = AfterValidator(distinct)
Choices = Annotated[tuple[Item, ...], BeforeValidator(split_list), Field(min_length=1), Once]
Listed = Annotated[tuple[Item, ...], BeforeValidator(expand_ranges), Field(min_length=1), Once]
RecurrentWeight = Annotated[FiniteFloat, AfterValidator(rescalable)]
RecurrentWeights = Listed[RecurrentWeight]
Numbers = Listed[FiniteFloat]
Rates = Listed[Annotated[FiniteFloat, Field(gt=0)]]
Lengths = Listed[Annotated[int, Field(ge=1)]]
