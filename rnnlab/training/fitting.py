"""Fit and predict; runs that stop and go on.

Everything but the drawing of batches is compiled (`rnnlab.kernels.training`), up to a hundred updates a call.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rnnlab._base.checks import at_least, checked_rng, numbers, shortened, whole, within_memory
from rnnlab._base.task import Task
from rnnlab.api import forward
from rnnlab.kernels.products import project
from rnnlab.kernels.training import FINITE, Course, Log
from rnnlab.training.batches import Source, checked_task
from rnnlab.training.checked import OPTIMISERS, checked_model, descent_of, dtype_of_model
from rnnlab.training.records import Fit, History, Model, Recipe, Stopped, TrainingState
from rnnlab.training.run import Outcome, Run, new_run, train
from rnnlab.training.vector import views

Array = NDArray[Any]
MOST_UPDATES = 2**53  # counted without rounding in Adam's corrections
NOT_FINITE: tuple[Any, ...] = ("", "loss", "gradient", "parameters")


def fit(
    model: Model,
    task: Task,
    recipe: Recipe,
    *,
    updates: int,
    batch_size: int,
    rng: np.random.Generator,
    state: TrainingState | None = None,
) -> Fit:
    """Train a model on a task.

    Parameters
    ----------
    model : Model
        Left as it is. Everything is computed in the floating type of its params.
    task : Task
        Of `rnnlab.tasks`, or your own: its `draw(rng, batch_size)` returns a Batch, every one of the same shapes, that
        depends on `rng` alone (without `spawn`, which no state keeps): the same batch may be drawn twice. The loss is
        the mean over steps, sequences and outputs; the cross-entropy, in nats, over steps and sequences. Of targets at
        several steps, those after a sequence's end don't count; a single one is that of its last state. What the task
        raises ends the run, and what was learnt in it is lost: of a source that may fail, train and keep a piece at a
        time.
    recipe : Recipe
    updates, batch_size : int
        How many updates to take, and of how many sequences each.
    rng : numpy.random.Generator
        Draws the batches. The same seed makes the same run, with any number of cores.
    state : TrainingState, optional
        Of an earlier run, which goes on from its model bit for bit as if it had not ended; `rng` is set to where it
        stood.

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
    source = Source(checked_task(task), batch_size, checked_rng(rng), dtype_of_model(model))
    given, code = checked_model(model, source)
    descent, backprop = descent_of(recipe, type(given.params).cell())
    run = new_run(given.params, code, given.readout, source, OPTIMISERS[recipe.optimiser][3], backprop)
    if state is not None:
        _take_up(state, recipe, run)
    course = Course(descent, state.update if state else 0, Log(np.empty(updates), np.empty(updates)))
    return _outcome(given, recipe, run, course, train(run, course))


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


def _take_up(state: Any, recipe: Recipe, run: Run) -> None:
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
        generator.state = state.rng
    except (LookupError, TypeError, ValueError, OverflowError) as error:
        raise ValueError(f"state.rng is no state of a {kind} ({shortened(error)})") from None


def _recall(state: TrainingState, recipe: Recipe, rows: Array) -> None:
    """Write what the optimiser remembered."""
    if state.optimiser != recipe.optimiser:
        raise ValueError(f"optimiser is {recipe.optimiser!r}: expected {state.optimiser!r}, as state has")
    if np.shape(state.memory) != rows.shape:
        raise ValueError(f"state.memory has shape {np.shape(state.memory)}: expected {rows.shape}, as the model has")
    rows[:] = numbers("state.memory", state.memory, (2,), rows.dtype)
    if recipe.optimiser in ("rmsprop", "adam") and rows[-1].min() < 0:
        raise ValueError("state.memory has means of squares below 0: expected what fit returned")


def _outcome(model: Model, recipe: Recipe, run: Run, course: Course, outcome: Outcome) -> Fit:
    """What came of a run."""
    params, readout = views(run.vector.values[0].copy(), model.params, model.readout)
    update, finite = course.done + outcome.updates, outcome.status == FINITE
    logged = outcome.updates + (not finite)
    log = (course.log.loss[:logged], course.log.gradient_norm[:logged])
    history = History(course.done + np.arange(logged), *log, outcome.radius_update, outcome.spectral_radius)
    stopped = None if finite else Stopped(update, NOT_FINITE[outcome.status])
    memory, rng = run.vector.values[1:].copy(), run.source.rng.bit_generator.state
    return Fit(
        Model(params, readout, model.nonlinearity),
        history,
        stopped,
        TrainingState(update, recipe.optimiser, memory, rng),
    )
