"""What training asks of a model and of a recipe, and the kernels' description of both."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from rnnlab._base.checks import at_least, numbers, one_of, positive, shortened
from rnnlab.kernels import optimisers
from rnnlab.kernels.cells.cell import Cell, sizes_of
from rnnlab.kernels.optimisers import Descent
from rnnlab.kernels.sequences import WHOLE
from rnnlab.params import Readout, checked_choice, checked_params, dtype_of, same_shapes
from rnnlab.training.batches import Source
from rnnlab.training.records import Model, Recipe
from rnnlab.training.run import Backprop

OPTIMISERS = {  # code, momentum, decay of squares, arrays remembered: PyTorch's defaults
    "sgd": (optimisers.SGD, 0.0, 0.0, 0),
    "momentum": (optimisers.MOMENTUM, 0.9, 0.0, 1),
    "rmsprop": (optimisers.RMSPROP, 0.0, 0.99, 1),
    "adam": (optimisers.ADAM, 0.9, 0.999, 2),
}
EPSILON = 1e-8


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


def descent_of(recipe: Any, cell: Cell) -> tuple[Descent, Backprop]:
    """The kernels' description of a recipe."""
    if not isinstance(recipe, Recipe):
        raise TypeError(f"recipe is {shortened(recipe)}: expected a Recipe")
    optimiser, momentum, square_decay, _ = one_of("optimiser", recipe.optimiser, OPTIMISERS)
    given = {name: getattr(recipe, name) for name in ("clip_norm", "clip_value")}
    positive(learning_rate=recipe.learning_rate, **{name: clip for name, clip in given.items() if clip is not None})
    norm, value = (math.inf if clip is None else float(clip) for clip in given.values())
    descent = Descent(optimiser, float(recipe.learning_rate), momentum, square_decay, EPSILON, norm, value)
    return descent, backprop_of(recipe, cell)


def backprop_of(recipe: Recipe, cell: Cell) -> Backprop:
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
    return Backprop(window, float(recipe.regulariser), int(recipe.threads))
