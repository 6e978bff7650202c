"""A cell run over and over on batches of one shape: buffers allocated once, the batch cut into one part per thread."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rnnlab._base.blas import few_threads, largest_product, one_blas_thread
from rnnlab._base.checks import whole, within_memory
from rnnlab._base.interrupts import interrupts_noted
from rnnlab.api import checked_inputs
from rnnlab.gradients import Gradients
from rnnlab.kernels.cells.cell import allocate, leaves_of, shapes_of, sizes_of, with_leaves
from rnnlab.kernels.cells.dispatch import clear
from rnnlab.kernels.sequences import WHOLE
from rnnlab.nonlinearities import Nonlinearity, Pair
from rnnlab.params import arrays_of, checked_choice, checked_params, copied, dtype_of
from rnnlab.plan import make_of, plan_along
from rnnlab.ready import plan_met, taken
from rnnlab.tape import initial_gradients, initial_states, last_rows, losses, losses_met, state_rows

Array = NDArray[Any]
WORTH_A_THREAD = 100_000  # states (T x B x H) in a part, below which handing it to a thread costs more than it saves


class Workspace:
    """Forward and BPTT without allocation, on several threads.

    Every part of the batch is computed on one thread, its products on one BLAS thread; the gradients of the parameters
    are the sum over parts. Small problems have one part.

    Parameters
    ----------
    params : of a recurrent cell, say RNNParams or LSTMParams
        Say which cell, its sizes and its floating type; the values come with every `forward`.
    steps, batch_size : int
        T and B, at least 1.
    threads : int
        At most as many parts.
    nonlinearity
        As of `rnnlab.forward`.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as above.

    Examples
    --------
    >>> import numpy as np, rnnlab as rl
    >>> params = rl.RNNParams(weight_ih=[[1.0]], weight_hh=[[2.0]], bias=[0.0])
    >>> workspace = rl.Workspace(params, steps=10, batch_size=2, nonlinearity="linear")
    >>> workspace.forward(params, np.ones((10, 2, 1)))[:, 0].tolist()  # 2^10 - 1
    [1023.0, 1023.0]
    >>> workspace.backward(np.ones((2, 1))).h0[:, 0].tolist()
    [1024.0, 1024.0]
    """

    def __init__(
        self, params: Any, steps: int, batch_size: int, threads: int = 1, nonlinearity: Nonlinearity | Pair = "tanh"
    ) -> None:
        steps, batch_size, threads = (
            whole(1, name, size)
            for name, size in {"steps": steps, "batch_size": batch_size, "threads": threads}.items()
        )
        self._cell, given = checked_params(params)
        if not self._cell.states:
            raise TypeError(f"params is an {type(params).__name__}: expected a recurrent cell's")
        self._choice = checked_choice(given, nonlinearity)
        inputs, hidden = sizes_of(given)
        within_memory(steps * batch_size * (inputs + hidden), steps=steps, batch_size=batch_size)
        self._sizes = (steps, batch_size, inputs, hidden)
        self._given = copied(given)
        parts = max(1, min(threads, batch_size, steps * batch_size * hidden // WORTH_A_THREAD))
        self._edges = list(pairwise(np.linspace(0, batch_size, parts + 1).astype(int)))
        self._parts = [self._buffers(last - first, dtype_of(given)) for first, last in self._edges]
        self._threads = ThreadPoolExecutor(parts)
        shape, kind = (steps, batch_size, inputs), np.dtype(dtype_of(given))
        self._plan = plan_along(make_of(self._given), shape, kind) if parts == 1 else None
        self._length: Array | None = None  # (B,), of the last forward that was whole

    def __repr__(self) -> str:
        (steps, batch, inputs, hidden), kind = self._sizes, type(self._given).__name__
        parts = f"{len(self._parts)} part{'s' * (len(self._parts) > 1)}"
        return f"Workspace({kind}, T {steps}, B {batch}, I {inputs}, H {hidden}, {dtype_of(self._given)}, {parts})"

    def _buffers(self, batch: int, kind: Any) -> Any:
        """Tape, work space and gradients of one part."""
        shapes = shapes_of(self._given, self._sizes[0], batch)
        tape, work, gradients = (allocate(np.zeros, part, kind) for part in shapes[1:])
        return tape, work, gradients

    def _take(self, params: Any) -> None:
        """Take over the values of parameters of the same cell, shapes and type."""
        _, given = checked_params(params)
        kinds = [list(map(type, leaves_of(network))) for network in (given, self._given)]
        if kinds[0] != kinds[1] or dtype_of(given) != dtype_of(self._given):
            raise TypeError(
                f"params is a {type(given).__name__} of {dtype_of(given)}: expected what was given at first"
            )
        pairs = list(zip(arrays_of(self._given), arrays_of(given), strict=True))
        if any(own.shape != theirs.shape for own, theirs in pairs):
            raise ValueError("params has other shapes than those given at first: make another Workspace")
        for own, theirs in pairs:
            own[...] = theirs

    def _each(self, function: Callable[..., Any]) -> None:
        """Call `function` for every part, each on its own thread if there are several."""
        if len(self._parts) == 1:
            steps, batch, *_ = self._sizes
            with few_threads(largest_product(steps * batch, (array.shape for array in arrays_of(self._given)))):
                function(slice(None), *self._parts[0])
            return
        with one_blas_thread(), interrupts_noted():
            work = [
                self._threads.submit(function, slice(*edge), *part)
                for edge, part in zip(self._edges, self._parts, strict=True)
            ]
            for part in work:
                part.result()

    def forward(self, params: Any, x: ArrayLike, h0: Any = None, length: ArrayLike | None = None) -> Array:
        """Run the network.

        Parameters
        ----------
        params : as given at first, of the same shapes
            Copied, as x is: what is done to them afterwards doesn't change the way back.
        x : array_like, (T, B, I)
        h0, length
            As of `rnnlab.forward`: the initial state, default 0, and each sequence's own number of steps, default T.

        Returns
        -------
        ndarray (B, H)
            The last state.

        Raises
        ------
        TypeError, ValueError
            If an argument is not as above.
        """
        self._length = None  # what a run that breaks off leaves is nothing to go back through
        ready = self._run_ready(params, x) if h0 is None and length is None else None
        self._length = self._run(params, x, h0, length) if ready is None else ready
        return np.concatenate([tape.h[-1] for tape, _, _ in self._parts])

    def _run_ready(self, params: Any, x: Any) -> Array | None:
        """The lengths of a run of what is as kernels take it, in one part; None if it is not."""
        if self._plan is None or not isinstance(self._choice, int) or plan_met(params, x) is not self._plan:
            return None
        tape, work, _ = self._parts[0]
        if not taken(self._plan, params, x, self._given, tape):
            return None
        with few_threads(self._plan.multiplications):
            self._plan.entries.forward(self._choice, self._given, tape, work)
        return tape.length

    def _run(self, params: Any, x: Any, h0: Any, length: Any) -> Array:
        """The lengths of a run of whatever was given."""
        self._take(params)
        inputs, own_length = checked_inputs(self._given, x, length)
        if inputs.shape != self._sizes[:3]:
            raise ValueError(f"x has shape {np.shape(x)}: expected {self._sizes[:3]}")
        starts = None if h0 is None else initial_states(self._given, h0, self._sizes[1])

        def run(part: slice, tape: Any, work: Any, _: Any) -> None:
            tape.x[:], tape.length[:] = inputs[:, part], own_length[part]
            for k, row in enumerate(state_rows(self._given, tape)):
                row[:] = 0 if starts is None else starts[k][part]
            self._cell.forward(self._choice, self._given, tape, work)

        self._each(run)
        return own_length

    def backward(self, dh: ArrayLike | None, *, dh_n: Any = None) -> Gradients:
        """Backpropagation through time after `forward`.

        Parameters
        ----------
        dh : array_like, (B, H) or (T, B, H)
            The loss's direct derivative with respect to the last state, or to every one.
        dh_n : optional
            With respect to the last states of all parts. Both as of `rnnlab.backward`.

        Returns
        -------
        Gradients
            Of a batch in one part views of the buffers: copy what is to outlive the next call.

        Raises
        ------
        TypeError, ValueError
            If an argument is not as above.
        """
        if self._length is None:
            raise ValueError("backward has nothing to go back through: expected a forward before it")
        if dh_n is not None or not self._back_ready(dh, self._length):
            self._back(dh, dh_n, self._length)
        return self._gathered()

    def _back_ready(self, dh: Any, length: Array) -> bool:
        """The way back of a loss that is as kernels take it, in one part; False if it is not."""
        if self._plan is None:
            return False
        (tape, work, gradients), entries = self._parts[0], self._plan.entries
        dloss = losses_met(dh, length, self._plan.states, tape.x.dtype, True)
        if dloss is None or not (entries.finite(dloss) and entries.begin_back(self._given, tape, work)):
            return False
        with few_threads(self._plan.multiplications):
            entries.backward(self._given, tape, dloss, gradients, work, WHOLE)
        return True

    def _back(self, dh: Any, dh_n: Any, length: Array) -> None:
        """The way back of whatever was given."""
        steps, batch, _, hidden = self._sizes
        kind, ends = dtype_of(self._given), [] if dh_n is None else initial_states(self._given, dh_n, batch, "dh_n")
        if dh is None and dh_n is not None:
            dloss = np.zeros((1, batch, hidden), kind)
        else:
            dloss = losses(dh, length, (steps, batch, hidden), kind)

        def run(part: slice, tape: Any, work: Any, gradients: Any) -> None:
            clear(work)
            for row, end in zip(last_rows(self._given, work), ends, strict=False):
                row[:] = end[part]
            self._cell.backward(self._given, tape, np.ascontiguousarray(dloss[:, part]), gradients, work, WHOLE)

        self._each(run)

    def _gathered(self) -> Gradients:
        """The gradients of all parts: parameters summed, sequences side by side."""
        parts = [gradients for _, _, gradients in self._parts]
        first = Gradients(parts[0].params, parts[0].x, initial_gradients(parts[0], True))
        if len(parts) == 1:
            return first
        leaves = zip(*(leaves_of(part.params) for part in parts), strict=True)
        sums = (type(same[0])(*(np.sum(arrays, axis=0) for arrays in zip(*same, strict=True))) for same in leaves)
        x = np.concatenate([part.x for part in parts], axis=1)
        return Gradients(with_leaves(first.params, sums), x, beside([initial_gradients(part, True) for part in parts]))


def beside(states: list[Any]) -> Any:
    """Initial states of all parts side by side, nested as they are."""
    if isinstance(states[0], tuple):
        return tuple(beside(list(same)) for same in zip(*states, strict=True))
    return np.concatenate(states)
