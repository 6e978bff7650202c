"""Speed beside NumPy, PyTorch, JAX and equinox in one run, as ratios; start-up time and memory.

Claim: same gradients as NumPy, PyTorch, JAX and equinox, several times faster; the targets, met and missed, are in checks.csv.

A row of the table is what one implementation took for one problem: the median and the quartiles of some rounds, in each
of which all take their turn, and of its ratio to ours in the same round. What a call computes stands beside it in words.
Timings depend on the machine and on what else it does: ``verify`` leaves this experiment out.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Annotated, Any, ClassVar, Literal, NamedTuple, get_args

import pandas as pd
from pydantic import AfterValidator, BeforeValidator, Field, FiniteFloat, PositiveInt, field_validator

from rnnlab._base.checks import one_of
from rnnlab._base.cores import available_cores
from rnnlab.experiments._lab.claims import Claim, table_of
from rnnlab.experiments._lab.spec import Choices, ExperimentSpec, Lengths, split_list
from rnnlab.experiments.bench import cases, cells, commands, training
from rnnlab.experiments.bench.cell_problem import RECURRENT
from rnnlab.experiments.bench.comparing import OURS
from rnnlab.experiments.bench.figures import draw, finding
from rnnlab.experiments.bench.targets import aims, cell_aims
from rnnlab.experiments.bench.timing import Effort, Row, in_fresh_process

__all__ = ["Spec", "checks", "draw", "finding", "measure"]

Case = Literal["one-unit", "tanh", "flatness", "cells", "training", "forward-mode", "start-up", "memory"]
Shape = tuple[PositiveInt, PositiveInt, PositiveInt, PositiveInt]
AGREEMENT = 1e-9  # float64 rounding over 500 steps, where the others take the slope from 1 - h^2
_ONE_AT_A_TIME = threading.Lock()  # what is timed has the machine to itself, however many workers there are


def known_cell(name: str) -> str:
    """The name of a recurrent cell."""
    one_of("it", name, RECURRENT)
    return name


Cell = Annotated[str, AfterValidator(known_cell)]


def parse_shapes(value: Any) -> Any:
    """Shapes as typed, ``100x32x8x64``, as tuples."""
    given = split_list(value)
    if not isinstance(given, (list, tuple)):
        return given
    shapes = [tuple(item.split("x")) if isinstance(item, str) else item for item in given]
    for shape in shapes:
        if not isinstance(shape, (list, tuple)) or len(shape) != 4:
            raise ValueError(f"{shape} is not a shape T x B x I x H, such as 100x32x8x64")
    return shapes


Shapes = Annotated[tuple[Shape, ...], BeforeValidator(parse_shapes)]


class Spec(ExperimentSpec):
    """What is timed, and how often."""

    reproducible: ClassVar[bool] = False
    cases: Choices[Case] = Field(
        default=tuple(case for case in get_args(Case) if case != "forward-mode"),
        description=f"what is timed: {', '.join(get_args(Case))}",
    )
    repeats: int = Field(default=11, ge=3, description="rounds, of which the median counts")
    budget: FiniteFloat = Field(default=1.5, ge=0, description="seconds of one comparison after which no round begins")
    cores: Lengths = Field(default=(1, 2), description="numbers of cores, each in a process of its own")
    w2_points: int = Field(default=201, ge=1, description="values of W2 in -2 .. 2 of the one-unit case")
    seeds: int = Field(default=32, ge=1, description="input sequences per W2")
    seq_len: int = Field(default=500, ge=1, description="steps of the one-unit case")
    elements: int = Field(default=100_000, ge=1, description="numbers of the tanh case, few enough to stay in cache")
    flat_lanes: Lengths = Field(default=(1000, 10_000, 100_000, 1_000_000), description="lanes of the flatness case")
    flat_seq_len: int = Field(default=50, ge=1, description="steps of the flatness case")
    cell_shapes: Annotated[Shapes, Field(min_length=1)] = Field(
        default=(
            (100, 1, 1, 1),
            (100, 32, 1, 1),
            (100, 1, 8, 16),
            (100, 32, 8, 16),
            (100, 20, 6, 50),
            (100, 32, 8, 64),
            (100, 32, 64, 256),
            (50, 64, 64, 512),
            (1000, 1, 1, 1),
            (1000, 32, 8, 64),
        ),
        description="T x B x I x H of the cells case, as 100x32x8x64",
    )
    further_shapes: Shapes = Field(
        default=((100, 20, 6, 50), (100, 32, 64, 256)),
        description="those of them at which slow peers are timed too, on the last of the numbers of cores",
    )
    cell: Choices[Cell] = Field(default=("rnn", "lstm", "gru"), description=f"cells: {', '.join(RECURRENT)}")
    training_shape: Lengths = Field(default=(100, 20, 50), description="T, B, H of the training case")
    memory_seq_len: Lengths = Field(default=(200, 20_000), description="a short and a long T of the memory case")

    @field_validator("training_shape")
    @classmethod
    def _three(cls, values: tuple[int, ...]) -> tuple[int, ...]:
        if len(values) != 3 or values[0] < 10:
            raise ValueError("three numbers are needed, T of at least 10, B and H")
        return values

    @field_validator("memory_seq_len")
    @classmethod
    def _two(cls, values: tuple[int, ...]) -> tuple[int, ...]:
        if len(values) != 2:
            raise ValueError("two lengths are needed, a short and a long one")
        return values

    def bytes_needed(self, _workers: int) -> int:
        """Memory of the largest case: inputs in two precisions, the histories of ours and all peers."""
        one_unit = self.w2_points * self.seeds * self.seq_len * 8 * 20
        return max(one_unit, max(self.flat_lanes) * self.flat_seq_len * 8 * 2)


class Part(NamedTuple):
    """One piece of the work, timed in processes of its own."""

    spec: Spec
    case: Case
    cores: int
    cell: str = ""


def parts_of(spec: Spec) -> Iterator[Part]:
    """The pieces, in the order of the table: each is kept when it is done."""
    for case in spec.cases:
        several = spec.cores if case in ("one-unit", "cells", "training") else (1,)
        names = spec.cell if case == "cells" else ("",)
        yield from (Part(spec, case, cores, name) for cores in several for name in names)


def measure(spec: Spec, each: Callable[..., Iterable[pd.DataFrame]] = map) -> pd.DataFrame:
    """Time everything.

    Parameters
    ----------
    spec : Spec
    each : callable, optional
        An ordered ``map``; parts wait for one another, so that they never share the machine.

    Returns
    -------
    DataFrame
        One row per problem and implementation: the fields of `Row`.
    """
    return pd.concat(each(measure_part, parts_of(spec)), ignore_index=True)


def measure_part(part: Part) -> pd.DataFrame:
    """Time one piece."""
    with _ONE_AT_A_TIME:
        return pd.DataFrame(list(rows_of(part)), columns=list(Row._fields))


def rows_of(part: Part) -> list[Row]:
    """The rows of one piece."""
    spec, cores = part.spec, part.cores
    if available_cores() < cores:
        note = f"this machine has {available_cores()} cores"
        return [Row(part.case, part.cell, OURS, cores=cores, note=note)]
    effort = Effort(spec.repeats, spec.budget)
    further = spec.further_shapes if cores == spec.cores[-1] else ()
    lanes = spec.w2_points, spec.seeds, spec.seq_len
    work: dict[str, Callable[[], list[Row]]] = {
        "one-unit": lambda: in_fresh_process(cores, cases.one_unit, *lanes, effort, cores),
        "tanh": lambda: in_fresh_process(1, cases.simd_tanh, spec.elements, effort),
        "flatness": lambda: in_fresh_process(1, cases.flatness, spec.flat_lanes, spec.flat_seq_len, effort),
        "cells": lambda: in_fresh_process(cores, cells.cells, part.cell, spec.cell_shapes, further, effort, cores),
        "training": lambda: in_fresh_process(cores, training.training, spec.training_shape, effort, cores),
        "forward-mode": lambda: in_fresh_process(1, cases.forward_mode, (8, 16, 32, 64), 128, effort),
        "start-up": lambda: commands.start_up(spec.repeats),
        "memory": lambda: commands.memory(*spec.memory_seq_len),
    }
    return work[part.case]()


def checks(table: pd.DataFrame) -> pd.DataFrame:
    """That all implementations compute the same gradients, and every speed target."""
    targets = (aim.claim() for aim in (*aims(table), *cell_aims(table)))
    return table_of([*agreement_claims(table), *targets])


def agreement_claims(table: pd.DataFrame) -> Iterator[Claim]:
    """One claim per implementation in float64: a comparison of speeds means something only between equal results."""
    rows = table[table["deviation"].notna() & (table["dtype"] == "float64")]
    for (case, name), deviations in rows.groupby(["case", "implementation"], sort=False)["deviation"]:
        told = f"{case}, float64: gradients of {name} equal ours"
        source = f"relative, largest of {len(deviations)}; 1 if a gradient were left out"
        yield Claim(told, 0.0, float(deviations.max()), AGREEMENT, source, rival=1.0)
