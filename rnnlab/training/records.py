"""What a training is given and what comes of it."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rnnlab.nonlinearities import Nonlinearity, Pair
from rnnlab.params import Readout

Array = NDArray[Any]
OptimiserName = Literal["sgd", "momentum", "rmsprop", "adam"]


class Model(NamedTuple):
    """A cell, started from h_0 = 0, with a linear readout of its states."""

    params: Any  # of a cell, say RNNParams or LSTMParams
    readout: Readout
    nonlinearity: Nonlinearity | Pair = "tanh"  # of the cells that have a choice


class Recipe(NamedTuple):
    """A recipe of training: the optimiser, its step size and clipping, and how the gradient is taken."""

    learning_rate: float
    optimiser: OptimiserName = "sgd"  # as PyTorch defines them, with its defaults; momentum is 0.9
    clip_norm: float | None = None  # the gradient of all parameters is shortened to this norm, as PyTorch does
    clip_value: float | None = None  # then its entries are brought within this bound, as PyTorch does
    regulariser: float = 0.0  # weight of Pascanu's regulariser, for the vanilla cell (`kernels.regulariser`)
    window: int | None = None  # of truncated BPTT: no gradient goes from one window of so many steps to the one before
    threads: int = 1  # every batch is cut in so many parts, computed at once; they set the order of sums


class History(NamedTuple):
    """A record of every update as it was before its step: arrays of one length, but for the radii."""

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
    """The state of a training that a resumed one needs besides the model."""

    update: int  # how many were taken
    optimiser: OptimiserName
    memory: Array  # (0, 1 or 2, P): what the optimiser remembers
    rng: Any  # the state of the Generator's bit_generator


class Fit(NamedTuple):
    """The outcome of a training: the model, its history, why it stopped, and what a resumed one needs."""

    model: Model  # the last parameters, all finite
    history: History  # with the update at which the run stopped, if it did
    stopped: Stopped | None  # None if all updates were taken
    state: TrainingState
