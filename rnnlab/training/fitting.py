"""Fit and predict; runs that stop and go on.

Everything but the drawing of batches is compiled (`rnnlab.kernels.training`), up to a hundred updates a call.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rnnlab._base.checks import at_least, checked_rng, numbers, shortened, whole, within_memory
from rnnlab._base.task import Task
from rnnlab.api import forward
from rnnlab.kernels.cells import Bidirectional
from rnnlab.kernels.cells.cell import parts_of
from rnnlab.kernels.products import project
from rnnlab.kernels.training import FINITE, PARAMETERS, Course, Log
from rnnlab.training.batches import Source, Stand, checked_task
from rnnlab.training.checked import checked_model, checked_recipe, dtype_of_model, rates_of
from rnnlab.training.optimisers import MEMORY, kind_of
from rnnlab.training.records import REASONS, Fit, History, Model, Recipe, Stopped, TrainingState
from rnnlab.training.run import Outcome, Run, new_run, train
from rnnlab.training.vector import views
from rnnlab.training.watching import Asked, Watching, checked_asked

Array = NDArray[Any]
MOST_UPDATES = 2**53  # counted without rounding in Adam's corrections
STOPPED: tuple[Any, ...] = ("", *REASONS)  # by an outcome's status


# Seven parameters make a run; the four that watch it keep the names that callers rely on: a record would name each twice.
def fit(
    model: Model,
    task: Task,
    recipe: Recipe,
    *,
    updates: int,
    batch_size: int,
    rng: np.random.Generator,
    state: TrainingState | None = None,
    callback: Callable[[Fit], Any] | None = None,
    patience: int | None = None,
    progress: bool = False,
    record_flow: int | None = None,
) -> Fit:
    """Train a model on a task.

    Parameters
    ----------
    model : Model
        Left as it is. Everything is computed in the floating type of its params.
    task : Task
        Of `rnnlab.tasks`, or your own, as `Task` says. What it raises ends the run, and what was learnt in it is lost: of a
        source that may fail, train and keep a piece at a time.
    recipe : Recipe
    updates, batch_size : int
        How many updates to take, and of how many sequences each. Where a `Truncation` makes every window an update, a
        multiple of a batch's windows.
    rng : numpy.random.Generator
        Draws the batches. The same seed makes the same run, with any number of cores.
    state : TrainingState, optional
        Of an earlier run, which goes on from its model bit for bit as if it had not ended; `rng` is set to where it
        stood.
    callback : callable, optional
        ``callback(done)`` gets after every hundredth update what `fit` would return there; the run ends if it returns True.
    patience : int, optional
        The run ends when the loss has not fallen for so many updates, looked at every hundredth: the held-out loss, of a
        task that has one, or else the mean of the last hundred. Counted anew in a run that goes on.
    progress : bool
        Whether to show a bar.
    record_flow : int, optional
        Keep the gradient against lag, and the share of dead and saturated units, at every so-manieth update, on its batch
        and before its step: `history.flow`.

    Returns
    -------
    Fit
        A run ends early, and says so in `stopped`, at the first update whose loss, gradient or step is not finite; its
        model and state are those before that update.

    Raises
    ------
    TypeError, ValueError
        If an argument, or what the task draws, is not as above; the message names it.

    Examples
    --------
    >>> import numpy as np, rnnlab as rl
    >>> rng = np.random.default_rng(0)
    >>> params = rl.RNNParams.init(1, 8, rng=rng, scheme="orthogonal")
    >>> model = rl.Model(params, rl.Readout.init(8, 1, rng=rng))
    >>> recipe = rl.Recipe(learning_rate=0.01, optimiser="adam", clip_norm=1.0)
    >>> done = rl.fit(model, rl.tasks.latch(seq_len=10), recipe, updates=500, batch_size=20, rng=rng)
    >>> bool(done.history.loss[0] > 0.2), bool(done.history.loss[-1] < 0.05)  # chance is 1/4
    (True, True)
    """
    updates, batch_size = whole(1, "updates", updates), whole(1, "batch_size", batch_size)
    within_memory(2 * updates, updates=updates)
    asked = checked_asked(Asked(callback, patience, progress, record_flow))
    source = Source(checked_task(task), batch_size, checked_rng(rng), dtype_of_model(model))
    given, code = checked_model(model, source)
    descent, backprop = checked_recipe(recipe, type(given.params).cell())
    stops = () if asked.record_flow is None else (asked.record_flow,)
    run = new_run(given.params, code, given.readout, source, MEMORY[kind_of(recipe.optimiser)], backprop, *stops)
    done = 0 if state is None else _take_up(state, recipe, run)
    _check_windows(run, given.params, updates, done, asked)
    log = Log(np.empty(updates), np.empty(updates))
    course = Course(descent, rates_of(recipe.learning_rate, done, updates), done, log)
    watching = Watching(asked, given, course, lambda outcome: _outcome(given, recipe, run, course, outcome, watching))
    with watching:
        outcome = train(run, course, watching, watching.record_flow)
        watching.show(outcome.updates)
    return _outcome(given, recipe, run, course, outcome, watching)


def _check_windows(run: Run, params: Any, updates: int, done: int, asked: Asked) -> None:
    """Where every window is an update, refuse what would end within a batch or has no target in some window."""
    each, (steps, *_), (targets, *_) = len(run.windows), *run.source.sizes
    for name, count in (("updates", updates), ("state.update", done)):
        if count % each:
            raise ValueError(
                f"{name} is {count}: expected a multiple of {each}, the windows of a batch, an update each"
            )
    if run.backprop.truncation is None:
        return
    if targets != steps:
        raise ValueError(f"window is an update of its own: expected a target at each of {steps} steps, got {targets}")
    if asked.record_flow is not None:
        raise ValueError(f"record_flow is {asked.record_flow}: expected None where a window is an update")
    if _runs_back(params):
        raise ValueError(
            "window is an update of its own: expected a network that runs forward alone, not Bidirectional"
        )


def _runs_back(params: Any) -> bool:
    """Whether any part of a network runs through a sequence in reverse."""
    return isinstance(params, Bidirectional) or any(map(_runs_back, parts_of(params)))


def predict(model: Model, x: ArrayLike, length: ArrayLike | None = None) -> Array:
    """The readout's outputs at every step, from h_0 = 0.

    Parameters
    ----------
    model : Model
    x : array_like, (T, I) or (T, B, I)
    length : array_like of int, scalar or (B,), optional
        Each sequence's own number of steps, after which its output is held.

    Returns
    -------
    ndarray, (T, O) or (T, B, O)
        Of a network trained with the cross-entropy: the logarithms of the classes' probabilities, up to a constant.

    Warns
    -----
    RuntimeWarning
        If outputs are not a number, after states that left the range of floats.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as above.
    """
    given, _ = checked_model(model, None)
    tape = forward(given.params, x, nonlinearity=given.nonlinearity, length=length)
    steps, batch = tape.record.x.shape[:2]
    outputs = np.empty((steps, batch, given.readout.bias.size), given.readout.bias.dtype)
    project(given.readout.weight, given.readout.bias, tape.record.h[1:], outputs)
    lost = np.flatnonzero(np.isnan(outputs).any(axis=(1, 2)))
    if lost.size:
        told = f"outputs from step {lost[0] + 1} on are not a number: states left the range of {outputs.dtype}"
        warnings.warn(told, RuntimeWarning, stacklevel=2)
    return outputs if tape.batched else outputs[:, 0]


def _take_up(state: Any, recipe: Recipe, run: Run) -> int:
    """Begin where a state's run stood; last of all with the Generator, which a refusal leaves as it was."""
    if not isinstance(state, TrainingState):
        raise TypeError(f"state is {shortened(state)}: expected the state of a Fit")
    at_least(0, **{"state.update": state.update})
    if state.update > MOST_UPDATES:
        raise ValueError(f"state.update is {shortened(state.update)}: expected at most {MOST_UPDATES}")
    _recall(state, recipe, run.vector.values[1:])
    generator = run.source.rng.bit_generator
    kind, kept = type(generator).__name__, state.rng.get("bit_generator") if isinstance(state.rng, dict) else None
    if kept != kind:
        raise ValueError(f"rng draws from a {kind}: expected a {kept}, as state has")
    try:
        run.source.go_back(Stand(state.rng, state.update // len(run.windows)))
    except (LookupError, TypeError, ValueError, OverflowError) as error:
        raise ValueError(f"state.rng is no state of a {kind} ({shortened(error)})") from None
    return state.update


def _recall(state: TrainingState, recipe: Recipe, rows: Array) -> None:
    """Write what the optimiser remembered."""
    kind = kind_of(recipe.optimiser)
    if state.optimiser != kind:
        raise ValueError(f"optimiser is {kind!r}: expected {state.optimiser!r}, as state has")
    if np.shape(state.memory) != rows.shape:
        raise ValueError(f"state.memory has shape {np.shape(state.memory)}: expected {rows.shape}, as the model has")
    rows[:] = numbers("state.memory", state.memory, (2,), rows.dtype)
    squares = 1 if kind == "adam" else 0 if "rmsprop" in kind else None
    if squares is not None and rows[squares].min() < 0:
        raise ValueError("state.memory has means of squares below 0: expected what fit returned")


def _outcome(model: Model, recipe: Recipe, run: Run, course: Course, outcome: Outcome, watching: Watching) -> Fit:
    """What came of a run."""
    params, readout = views(run.vector.values[0].copy(), model.params, model.readout)
    update, what = course.done + outcome.updates, STOPPED[outcome.status]
    logged = outcome.updates + (FINITE < outcome.status <= PARAMETERS)
    log = (course.log.loss[:logged].copy(), course.log.gradient_norm[:logged].copy())
    history = History(course.done + np.arange(logged), *log, *watching.seen())
    memory, rng = run.vector.values[1:].copy(), run.source.stand().rng
    return Fit(
        Model(params, readout, model.nonlinearity),
        history,
        Stopped(update, what) if what else None,
        TrainingState(update, kind_of(recipe.optimiser), memory, rng),
    )
