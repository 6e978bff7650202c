"""Whether a cell is right: its arrays as promised, its adjoint, tangent and flow against differences of its own forward.

Everything is run at random points for T = 1, 2, .. steps of two sequences, of which the second is a step shorter. The loss
is u . (all states at all steps) + v . (the last states), with u and v random, so that no term of an adjoint is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rnnlab._base.checks import at_least, checked_rng, shortened
from rnnlab.kernels.cells.cell import Cell, Shapes, allocate, by_steps, cell_of, parts_of, sizes_of
from rnnlab.kernels.cells.dispatch import with_inputs
from rnnlab.kernels.cells.parts import flow_of
from rnnlab.kernels.sequences import WHOLE
from rnnlab.nonlinearities import Nonlinearity, Pair
from rnnlab.params import checked_choice, checked_params

Array = NDArray[Any]
BATCH = 2
MOST_STEPS = 100
STEP = 1e-4  # of central differences; with Richardson's extrapolation their truncation is of order STEP^4
ALLOWED = 1e-6  # relative to the largest entry: differences have about 1e-11, a dropped term 1e-3 or more


def check_cell(
    params: Any,
    nonlinearity: Nonlinearity | Pair = "tanh",
    *,
    rng: np.random.Generator | None = None,
    steps: int = 4,
) -> dict[str, float]:
    """Hold a cell's adjoint, tangent and flow against differences of what it computes forward, in float64.

    Parameters
    ----------
    params : of a single cell, of rnnlab's or your own
        The point at which it is checked, say what its `init` draws; few units are enough. At a kink of a nonlinearity, as
        ReLU has at 0, there is no derivative, and what differences say there is not held against the cell.
    nonlinearity : {"tanh", "relu", "sigmoid", "linear"}, or a pair of functions
        As of `forward`; so the slope of a nonlinearity of your own is checked too.
    rng : numpy.random.Generator, optional
        Draws inputs, initial states and the loss; default seed 0.
    steps : int
        The largest T that is run, at most 100: every entry is moved at every T up to it.

    Returns
    -------
    dict of str to float
        Of each array the largest error relative to its largest entry: of all parameters, of x, of the initial state of every
        state (``h0``, ..), of ``tangent``, ``flow`` and ``share`` where the cell has them. About 1e-11 if right.

    Raises
    ------
    TypeError
        If `params` is not of a single cell, or its `cell()` returns something else than a Cell.
    ValueError
        If the cell's arrays have not the shapes that a Cell promises, or a derivative is wrong: the message names the
        arrays, the number of steps from which on they are wrong, and the worst entry.

    Examples
    --------
    >>> import numpy as np, rnnlab as rl
    >>> errors = rl.check_cell(rl.GRUParams.init(2, 3, rng=np.random.default_rng(0)))
    >>> sorted(errors)
    ['bias', 'bias_hn', 'flow', 'h0', 'share', 'tangent', 'weight_hh', 'weight_ih', 'x']
    >>> max(errors.values()) < 1e-8
    True
    """
    at_least(1, steps=steps)
    if steps > MOST_STEPS:
        raise ValueError(f"steps is {shortened(steps)}: expected at most {MOST_STEPS}")
    cell = checked_cell(params)
    given = checked_params(params)[1]
    point = type(given)(*(np.array(array, np.float64) for array in given))
    choice = checked_choice(given, nonlinearity)
    rng = np.random.default_rng(0) if rng is None else checked_rng(rng)
    errors: dict[str, float] = {}
    for count in range(1, steps + 1):
        trial = Trial(cell, choice, point, *drawn(cell, point, count, rng))
        comparisons = [*trial.adjoint(), *trial.tangent()]
        complain(comparisons, count)
        for one in comparisons:
            errors[one.name] = max(errors.get(one.name, 0.0), one.relative(one.error()))
    return errors


class Comparison(NamedTuple):
    """What a cell says of a derivative, and what differences say."""

    name: str
    got: Array
    expected: Array
    doubt: Any = 0.0  # how far differences of two step sizes are apart, large at a kink

    def relative(self, error: Array) -> float:
        """The largest error over the largest entry; a nan is as wrong as can be."""
        largest = float(np.abs(self.expected).max(initial=0)) or 1.0
        return float(np.nan_to_num(np.max(error, initial=0) / largest, nan=np.inf))

    def error(self) -> Array:
        """The error of each entry."""
        return np.abs(self.got - self.expected)

    def wrong(self) -> bool:
        """Whether the error is more than differences explain."""
        return self.relative(self.error() - self.doubt) > ALLOWED


class Trial(NamedTuple):
    """A cell at a point, with T steps of B sequences and a loss."""

    cell: Cell
    nonlinearity: Any  # as the kernels take it
    params: Any
    x: Array  # (T, B, I)
    initial: Array  # (S, B, H)
    by_state: Array  # (T, B, H): the loss's direct derivative with respect to every h_t
    by_last: Array  # (S, B, H): with respect to the last states

    def shapes(self) -> Shapes:
        """Of all arrays."""
        return self.cell.shapes(*self.x.shape, self.by_state.shape[-1])  # type: ignore[misc, call-arg]

    def run(self, **changed: Any) -> Any:
        """The tape, with some arrays replaced."""
        this = self._replace(**changed)
        steps, batch, _ = this.x.shape
        length = np.maximum(1, steps - np.arange(batch))
        tape = with_inputs(allocate(unwritten, this.shapes().tape, np.float64), this.x, length)
        tape.h[0] = 0
        for name, state in zip(self.cell.states, this.initial, strict=True):
            getattr(tape, name)[0] = state
        self.cell.forward(self.nonlinearity, this.params, tape, this.work())
        return tape

    def loss(self, **changed: Any) -> float:
        """The loss of a run, with some arrays replaced."""
        tape = self.run(**changed)
        last = (getattr(tape, name)[-1] for name in self.cell.states)
        return float(np.sum(self.by_state * tape.h[1:]) + sum(map(np.vdot, self.by_last, last)))

    def work(self) -> Any:
        """Work space, with the gradient of the last states; of what has none zeros, as promised."""
        work = allocate(unwritten if self.cell.states else np.zeros, self.shapes().work, np.float64)
        if self.cell.states:
            work.now[:] = self.by_last
        return work

    def gradients(self, tape: Any, stretch: int | None = None) -> Any:
        """Those of a way back, all at once or in stretches of so many steps."""
        whole = self.shapes().gradients
        if stretch and by_steps(self.cell.shapes):
            few = self.cell.shapes(stretch, *self.x.shape[1:], self.by_state.shape[-1])  # type: ignore[misc, call-arg]
            whole = few.gradients._replace(x=whole.x)
        made = allocate(unwritten, whole, np.float64)
        self.cell.backward(self.params, tape, self.by_state, made, self.work(), WHOLE)
        return made

    def adjoint(self) -> Iterator[Comparison]:
        """Every gradient, their shares and the norms."""
        tape = self.run()
        made = self.gradients(tape, stretch=2)
        for name, array in self.params._asdict().items():

            def moved_loss(moved: Array, name: str = name) -> float:
                return self.loss(params=self.params._replace(**{name: moved}))

            yield Comparison(name, getattr(made.params, name), *differences(moved_loss, array))
        yield Comparison("x", made.x, *differences(lambda moved: self.loss(x=moved), self.x))
        if self.cell.states:
            expected, doubt = differences(lambda moved: self.loss(initial=moved), self.initial)
            for name, *three in zip(self.cell.states, made.h0, expected, doubt, strict=True):
                yield Comparison(f"{name}0", *three)
            yield Comparison(
                "flow", self.norms(tape), np.linalg.norm(expected, axis=-1), np.linalg.norm(doubt, axis=-1)
            )
        if self.cell.share is not None:
            made = self.gradients(tape)
            rows, sent = self.cell.share(tape, made)
            total = np.einsum("tbg,tbh->gh", rows.reshape(*rows.shape[:2], -1), sent)
            yield Comparison("share", total, made.params.weight_hh)

    def norms(self, tape: Any) -> Array:
        """The norms of the initial states' gradients (S, B), by the cell's `flow`."""
        steps, batch, _ = self.x.shape
        flow = flow_of(self.params, steps, np.zeros((steps, batch), np.int64))
        made = allocate(unwritten, self.shapes().gradients, np.float64)
        self.cell.flow(self.params, tape, self.by_state.copy(), flow, made, self.work())
        return np.asarray(10 ** flow.log10_norm[:, 0])

    def tangent(self) -> Iterator[Comparison]:
        """The last step's Jacobian."""
        if self.cell.tangent is None:
            return
        x, *others = (array[:, :1].copy() for array in self[3:])
        alone = Trial(*self[:3], x, *others)
        tape = alone.run()
        before = np.array([getattr(tape, name)[-2] for name in self.cell.states])
        got = self.cell.tangent(self.params, tape)(len(self.x) - 1, np.eye(before.size))

        def after(moved: Array) -> Array:
            end = alone.run(x=alone.x[-1:], initial=moved)
            return np.concatenate([getattr(end, name)[-1, 0] for name in self.cell.states])

        expected, doubt = (array.reshape(before.size, -1).T for array in differences(after, before))
        yield Comparison("tangent", got, expected, doubt)


def unwritten(shape: Any, kind: Any) -> Array:
    """An array of nan, in which it shows what a cell reads without having written it."""
    return np.full(shape, np.nan if kind == np.float64 else 0, kind)


def drawn(cell: Cell, params: Any, steps: int, rng: np.random.Generator) -> tuple[Array, ...]:
    """Inputs, initial states and the two parts of a loss."""
    inputs, hidden = sizes_of(params)
    state = (len(cell.states), BATCH, hidden)
    shapes = ((steps, BATCH, inputs), state, (steps, BATCH, hidden), state)
    return tuple(rng.standard_normal(shape) for shape in shapes)


def differences(function: Callable[[Array], Any], array: Array) -> tuple[Array, Array]:
    """The derivative by every entry, extrapolated from central differences of two sizes; and how far these are apart."""
    pairs = []
    for place in np.ndindex(array.shape):
        direction = np.zeros_like(array)
        direction[place] = STEP
        near, far = (
            (function(np.asarray(array + k * direction)) - function(np.asarray(array - k * direction))) / (2 * k * STEP)
            for k in (1, 2)
        )
        pairs.append(((4 * near - far) / 3, np.abs(near - far)))
    first, second = (np.array(part).reshape((*array.shape, *np.shape(part[0]))) for part in zip(*pairs, strict=True))
    return first, second


def complain(comparisons: list[Comparison], steps: int) -> None:
    """ValueError if any is wrong."""
    wrong = [one for one in comparisons if one.wrong()]
    if not wrong:
        return
    first = wrong[0]
    place = np.unravel_index(np.argmax(np.nan_to_num(first.error(), nan=np.inf)), first.got.shape)
    others = f" (as are {', '.join(one.name for one in wrong[1:])})" if wrong[1:] else ""
    raise ValueError(
        f"{first.name} is wrong from step {steps} on{others}: at {[int(k) for k in place]} the cell has "
        f"{first.got[place]:.6g}, expected {first.expected[place]:.6g} by differences of its forward"
    )


def checked_cell(params: Any) -> Cell:
    """The cell of some parameters, with the arrays that a Cell promises."""
    kind, cell = type(params).__name__, None if parts_of(params) else cell_of(params)
    if cell is None:
        raise TypeError(f"params is {shortened(params)}: expected those of a single cell, a NamedTuple with cell()")
    if not isinstance(cell, Cell):
        raise TypeError(f"{kind}.cell() returns {shortened(cell)}: expected a Cell")
    if "weight_ih" not in params._fields:
        raise TypeError(f"{kind} has the fields {', '.join(params._fields)}: expected weight_ih among them")
    if cell.states and (cell.states[0] != "h" or cell.steps is None):
        raise ValueError(f"{kind}.cell() has states {cell.states}: expected h first, and its four kernels in steps")
    if cell.shapes is None:
        raise TypeError(f"{kind}.cell() has no shapes: expected a function of T, B, I, H")
    sizes = (5, 4, 3, 2)
    shapes = cell.shapes(*sizes)
    for owner, name, wanted in promised(cell, *sizes):
        found = getattr(getattr(shapes, owner, None), name, None)
        if found != wanted:
            raise ValueError(f"{kind}.cell().shapes{sizes} has {owner}.{name} {found}: expected {wanted}")
    return cell


def promised(cell: Cell, t: int, b: int, i: int, h: int) -> Iterator[tuple[str, str, tuple[int, ...]]]:
    """The shapes that every cell's arrays have."""
    yield from (("tape", "x", (t, b, i)), ("tape", "length", (b,)), ("gradients", "x", (t, b, i)))
    yield from (("tape", name, (t + 1, b, h)) for name in cell.states or ("h",))
    places = (("work", "now"), ("work", "aside"), ("gradients", "h0")) if cell.states else ()
    yield from ((owner, name, (len(cell.states), b, h)) for owner, name in places)
