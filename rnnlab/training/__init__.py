"""Training a cell with a linear readout on a task: fit, predict; runs that stop and go on.

Everything but the drawing of batches is compiled (`rnnlab.kernels.training`), up to a hundred updates a call.
"""

from __future__ import annotations

import math
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rnnlab._base.checks import at_least, checked_rng, numbers, one_of, positive, shortened
from rnnlab.api import forward
from rnnlab.kernels import optimisers
from rnnlab.kernels.cells.cell import Cell, sizes_of
from rnnlab.kernels.optimisers import Descent
from rnnlab.kernels.products import project
from rnnlab.kernels.sequences import WHOLE
from rnnlab.kernels.training import FINITE, Course, Log
from rnnlab.nonlinearities import Nonlinearity
from rnnlab.params import Readout, checked_choice, checked_params, dtype_of, same_shapes
from rnnlab.tasks import Task
from rnnlab.training.batches import Source, checked_task
from rnnlab.training.run import Back, Run, Taken, new_run, train
from rnnlab.training.vector import views

__all__ = ["Fit", "History", "Model", "Recipe", "Stopped", "TrainingState", "fit", "predict"]

Array = NDArray[Any]
OptimiserName = Literal["sgd", "momentum", "rmsprop", "adam"]

OPTIMISERS = {  # code, momentum, decay of squares, arrays remembered: PyTorch's defaults
    "sgd": (optimisers.SGD, 0.0, 0.0, 0),
    "momentum": (optimisers.MOMENTUM, 0.9, 0.0, 1),
    "rmsprop": (optimisers.RMSPROP, 0.0, 0.99, 1),
    "adam": (optimisers.ADAM, 0.9, 0.999, 2),
}
EPSILON = 1e-8
MOST_UPDATES = 2**53  # counted without rounding in Adam's corrections
NOT_FINITE: tuple[Any, ...] = ("", "loss", "gradient", "parameters")


class Model(NamedTuple):
    """A cell, started from h_0 = 0, with a linear readout of its states."""

    params: Any  # of a cell, say RNNParams or LSTMParams
    readout: Readout
    nonlinearity: Nonlinearity = "tanh"  # of the vanilla cell alone


class Recipe(NamedTuple):
    """How parameters follow their gradient, and how it is taken."""

    learning_rate: float
    optimiser: OptimiserName = "sgd"  # as PyTorch defines them, with its defaults; momentum is 0.9
    clip_norm: float | None = None  # the gradient of all parameters is shortened to this norm, as PyTorch does
    clip_value: float | None = None  # then its entries are brought within this bound, as PyTorch does
    regulariser: float = 0.0  # weight of Pascanu's regulariser, for the vanilla cell (`kernels.regulariser`)
    window: int | None = None  # of truncated BPTT: no gradient goes from one window of so many steps to the one before
    threads: int = 1  # every batch is cut in so many parts, computed at once; they set the order of sums


class History(NamedTuple):
    """What each update was like before its step: arrays of one length, but for the radii."""

    update: NDArray[np.int64]  # from 0, counted on when a run is resumed
    loss: NDArray[np.float64]  # without the regulariser
    gradient_norm: NDArray[np.float64]  # Euclidean, over all parameters, before clipping
    radius_update: NDArray[np.int64]  # every hundredth
    spectral_radius: NDArray[np.float64]  # (n, gates): of each gate's recurrent weights; attention has none


class Stopped(NamedTuple):
    """Why a run ended early."""

    update: int  # the one whose step was not taken
    what: Literal["loss", "gradient", "parameters"]  # was not finite; parameters, or what the optimiser remembers


class TrainingState(NamedTuple):
    """What a run needs to be resumed, besides its model."""

    update: int  # how many were taken
    optimiser: OptimiserName
    memory: Array  # (0, 1 or 2, P): what the optimiser remembers
    rng: Any  # the state of the Generator's bit_generator


class Fit(NamedTuple):
    """What came of a training."""

    model: Model  # the last parameters, all finite
    history: History  # with the update at which the run stopped, if it did
    stopped: Stopped | None  # None if all updates were taken
    state: TrainingState


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
    at_least(1, updates=updates, batch_size=batch_size)
    source = Source(checked_task(task), int(batch_size), checked_rng(rng), _kind_of(model))
    given, code = checked_model(model, source)
    descent, back = _descent(recipe, type(given.params).cell())
    run = new_run(given.params, code, given.readout, source, OPTIMISERS[recipe.optimiser][3], back)
    if state is not None:
        _take_up(state, recipe, run)
    course = Course(descent, state.update if state else 0, Log(np.empty(int(updates)), np.empty(int(updates))))
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
    return outputs if tape.batched else outputs[:, 0]


def _kind_of(model: Any) -> Any:
    """The floating type of a model."""
    if not isinstance(model, Model):
        raise TypeError(f"model is {shortened(model)}: expected a Model")
    return dtype_of(checked_params(model.params)[1])


def checked_model(model: Any, source: Source | None) -> tuple[Model, int]:
    """A model in one floating type that fits its task, and the nonlinearity's code."""
    kind = _kind_of(model)
    (cell, params), readout = checked_params(model.params), model.readout
    code = checked_choice(cell, params, model.nonlinearity)
    if not isinstance(readout, Readout):
        raise TypeError(f"readout is {shortened(readout)}: expected a Readout")
    names = ("readout.weight", "readout.bias")
    made = Readout(*(numbers(name, array, (1, 2), kind) for name, array in zip(names, readout, strict=True)))
    (_, hidden), outputs = sizes_of(params), max(1, len(made.weight))
    same_shapes("readout", made, Readout((outputs, hidden), (outputs,)))  # type: ignore[arg-type]
    if source is not None:
        _fits(params, outputs, source)
    return Model(params, made, model.nonlinearity), code


def _fits(params: Any, outputs: int, source: Source) -> None:
    """Refuse a model of other inputs or outputs than the task's."""
    inputs, task = params.weight_ih.shape[1], source.task
    if task.inputs != inputs:
        raise ValueError(f"task.inputs is {shortened(task.inputs)}: expected {inputs}, as weight_ih has")
    if task.outputs != outputs:
        raise ValueError(f"task.outputs is {shortened(task.outputs)}: expected {outputs}, as the readout has")


def _descent(recipe: Any, cell: Cell) -> tuple[Descent, Back]:
    """The kernels' description of a recipe."""
    if not isinstance(recipe, Recipe):
        raise TypeError(f"recipe is {shortened(recipe)}: expected a Recipe")
    optimiser, momentum, square_decay, _ = one_of("optimiser", recipe.optimiser, OPTIMISERS)
    given = {name: getattr(recipe, name) for name in ("clip_norm", "clip_value")}
    positive(learning_rate=recipe.learning_rate, **{name: clip for name, clip in given.items() if clip is not None})
    norm, value = (math.inf if clip is None else float(clip) for clip in given.values())
    descent = Descent(optimiser, float(recipe.learning_rate), momentum, square_decay, EPSILON, norm, value)
    return descent, _back(recipe, cell)


def _back(recipe: Recipe, cell: Cell) -> Back:
    """How the gradient is taken back, where the cell has such a way."""
    at_least(1, threads=recipe.threads)
    if recipe.window is not None:
        at_least(1, window=recipe.window)
        if recipe.window > WHOLE:
            raise ValueError(f"window is {shortened(recipe.window)}: expected at most {WHOLE}")
        if not cell.states:
            raise ValueError(f"window is {recipe.window}: expected None, attention goes back in a single step")
    if not np.array_equal(recipe.regulariser, 0):
        positive(regulariser=recipe.regulariser)
        if cell.regularise is None or recipe.window:
            raise ValueError(
                f"regulariser is {recipe.regulariser}: expected 0, it is defined for RNNParams and whole BPTT"
            )
        if recipe.threads > 1:
            raise ValueError(f"threads is {recipe.threads}: expected 1, the regulariser is a mean over the whole batch")
    window = None if recipe.window is None else int(recipe.window)
    return Back(window, float(recipe.regulariser), int(recipe.threads))


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


def _outcome(model: Model, recipe: Recipe, run: Run, course: Course, taken: Taken) -> Fit:
    """What came of a run."""
    params, readout = views(run.vector.values[0].copy(), model.params, model.readout)
    update, finite = course.done + taken.updates, taken.what == FINITE
    logged = taken.updates + (not finite)
    log = (course.log.loss[:logged], course.log.gradient_norm[:logged])
    history = History(course.done + np.arange(logged), *log, taken.radius_update, taken.spectral_radius)
    stopped = None if finite else Stopped(update, NOT_FINITE[taken.what])
    memory, rng = run.vector.values[1:].copy(), run.source.rng.bit_generator.state
    return Fit(
        Model(params, readout, model.nonlinearity),
        history,
        stopped,
        TrainingState(update, recipe.optimiser, memory, rng),
    )
