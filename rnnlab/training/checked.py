"""What training asks of a model and of a recipe, and the kernels' description of both."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnlab._base.checks import at_least, numbers, positive, shortened
from rnnlab.kernels.cells.cell import Cell, sizes_of
from rnnlab.kernels.optimisers import Descent
from rnnlab.kernels.sequences import WHOLE
from rnnlab.params import Readout, checked_choice, checked_params, dtype_of, same_shapes
from rnnlab.training.batches import Source
from rnnlab.training.optimisers import Truncation, checked_truncation, descent_of
from rnnlab.training.records import Model, Recipe
from rnnlab.training.run import Backprop

Array = NDArray[Any]


def dtype_of_model(model: Any) -> Any:
    """The floating type of a model."""
    if not isinstance(model, Model):
        raise TypeError(f"model is {shortened(model)}: expected a Model")
    return dtype_of(checked_params(model.params)[1])


def checked_model(model: Any, source: Source | None) -> tuple[Model, Any]:
    """A model in one floating type that fits its task, and the nonlinearity as the kernels take it."""
    kind = dtype_of_model(model)
    (_, params), readout = checked_params(model.params), model.readout
    code = checked_choice(params, model.nonlinearity)
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
    inputs, task = sizes_of(params)[0], source.task
    if task.inputs != inputs:
        raise ValueError(f"task.inputs is {shortened(task.inputs)}: expected {inputs}, as the network has")
    if task.outputs != outputs:
        raise ValueError(f"task.outputs is {shortened(task.outputs)}: expected {outputs}, as the readout has")


def checked_recipe(recipe: Any, cell: Cell) -> tuple[Descent, Backprop]:
    """The kernels' description of a recipe."""
    if not isinstance(recipe, Recipe):
        raise TypeError(f"recipe is {shortened(recipe)}: expected a Recipe")
    given = {name: getattr(recipe, name) for name in ("clip_norm", "clip_value", "clip_weight")}
    positive(**{name: clip for name, clip in given.items() if clip is not None})
    if recipe.clip_weight is not None and recipe.clip_norm is not None:
        raise ValueError(f"clip_weight is {recipe.clip_weight}: expected None beside clip_norm, one of the two")
    norm, value, weight = (math.inf if clip is None else float(clip) for clip in given.values())
    descent = descent_of(recipe.optimiser, recipe.framework)
    return descent._replace(clip_norm=norm, clip_value=value, clip_weight=weight), backprop_of(recipe, cell)


def rates_of(learning_rate: Any, first: int, count: int) -> Array:
    """The learning rates (count,) of updates from number `first` on."""
    if callable(learning_rate):
        found = numbers("learning_rate", [learning_rate(update) for update in range(first, first + count)], (1,))
    elif np.ndim(learning_rate) == 0:
        positive(learning_rate=learning_rate)
        return np.full(count, float(learning_rate))
    else:
        found = numbers("learning_rate", learning_rate, (1,))[first : first + count]
    if found.size < count:
        raise ValueError(f"learning_rate has {first + found.size} entries: expected {first + count}, one an update")
    if found.min() < 0:
        raise ValueError(f"learning_rate is {found.min()} at update {first + found.argmin()}: expected at least 0")
    return found.astype(np.float64)


def backprop_of(recipe: Recipe, cell: Cell) -> Backprop:
    """How the gradient is taken back, where the cell has such a way."""
    at_least(1, threads=recipe.threads)
    window, truncation = window_of(recipe.window, cell)
    if not np.array_equal(recipe.regulariser, 0):
        positive(regulariser=recipe.regulariser)
        if cell.regularise is None or recipe.window:
            raise ValueError(
                f"regulariser is {recipe.regulariser}: expected 0, it is defined for RNNParams and whole BPTT"
            )
        if recipe.threads > 1:
            raise ValueError(f"threads is {recipe.threads}: expected 1, the regulariser is a mean over the whole batch")
    return Backprop(window, float(recipe.regulariser), int(recipe.threads), truncation)


def window_of(window: Any, cell: Cell) -> tuple[int | None, tuple[int, int] | None]:
    """The window as the kernels take it, or k1 and k2 where each window is an update of its own."""
    if window is None:
        return None, None
    if not cell.states:
        raise ValueError(f"window is {shortened(window)}: expected None, attention goes back in a single step")
    if isinstance(window, Truncation):
        k1, k2 = checked_truncation(window)
        return (None, (k1, k2)) if window.update == "window" else (-k2, None)
    at_least(1, window=window)
    if window > WHOLE:
        raise ValueError(f"window is {shortened(window)}: expected at most {WHOLE}")
    return int(window), None
