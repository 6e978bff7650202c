"""The compiled code of a network's runs, called without a look at types: to tell those of NamedTuples takes Numba 2 to 5 us."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property, partial
from typing import Any

import numpy as np

from rnnlab.kernels.activations import TANH
from rnnlab.kernels.cells import recurrence
from rnnlab.kernels.cells.cell import Shapes, allocate, leaves_of, parts_of, shapes_of
from rnnlab.kernels.finite import all_finite, copy_finite
from rnnlab.kernels.sequences import WHOLE

Entry = Callable[..., Any]


class Entries:
    """Kernels of networks of one make in one floating type, each compiled when it is first asked for."""

    def __init__(self, network: Any, dtype: Any) -> None:
        self.network, self.dtype = network, dtype
        self.parts = [Entries(part, dtype) for part in parts_of(network)]

    @cached_property
    def finite(self) -> Entry:
        """`finite.all_finite` of an array with three axes."""
        return entry(all_finite, np.empty((1, 1, 1), self.dtype))

    @cached_property
    def take(self) -> Entry:
        """`finite.copy_finite` of arrays with three axes."""
        array = np.empty((1, 1, 1), self.dtype)
        return entry(copy_finite, array, array)

    @cached_property
    def begin(self) -> Entry:
        """`recurrence.begin` of every cell."""
        some = self.samples()
        return self.of_cells(recurrence.begin, some.params, some.params, some.tape)

    @cached_property
    def forward(self) -> Entry:
        """The network's `forward`, with a nonlinearity's code."""
        run = type(self.network).cell().forward
        if self.parts:
            return partial(run, runs=[part.forward for part in self.parts])
        some = self.samples()
        return entry(run, TANH, some.params, some.tape, some.work)

    @cached_property
    def begin_back(self) -> Entry:
        """`recurrence.begin_back` of every cell."""
        some = self.samples()
        return self.of_cells(recurrence.begin_back, some.params, some.tape, some.work)

    @cached_property
    def backward(self) -> Entry:
        """The network's `backward`."""
        run = type(self.network).cell().backward
        if self.parts:
            return partial(run, runs=[part.backward for part in self.parts])
        some, dloss = self.samples(), np.empty((1, 1, 1), self.dtype)
        return entry(run, some.params, some.tape, dloss, some.gradients, some.work, WHOLE)

    def samples(self) -> Shapes:
        """Arrays in the place of all shapes, for their types; not kept, as large weights are megabytes."""
        return Shapes(*(allocate(np.empty, part, self.dtype) for part in shapes_of(self.network, 1, 1)))

    def of_cells(self, kernel: Any, *samples: Any) -> Entry:
        """Call a kernel with what belongs to each cell in turn, up to the first of which it is not true."""
        each = [entry(kernel, *some) for some in zip(*map(leaves_of, samples), strict=True)]
        if not self.parts:
            return each[0]
        return lambda *arrays: all(run(*some) for run, *some in zip(each, *map(leaves_of, arrays), strict=True))


def entry(kernel: Any, *samples: Any) -> Entry:
    """The code for arguments of these types alone."""
    return kernel.compile(tuple(map(kernel.typeof_pyval, samples))) if hasattr(kernel, "compile") else kernel
