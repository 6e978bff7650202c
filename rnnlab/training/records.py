"""What a training is given and what comes of it."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rnnlab._base.showing import axes_of, shows
from rnnlab.nonlinearities import Nonlinearity, Pair
from rnnlab.params import Readout

Array = NDArray[Any]
OptimiserName = Literal["sgd", "momentum", "rmsprop", "adam"]


@shows(lambda _: "")
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


@shows(lambda history: f"last loss {history.loss[-1]:.4g}" if len(history.loss) else "")
class History(NamedTuple):
    """A record of every update as it was before its step: arrays of one length, but for the radii."""

    update: NDArray[np.int64]  # from 0, counted on when a run is resumed
    loss: NDArray[np.float64]  # without the regulariser
    gradient_norm: NDArray[np.float64]  # Euclidean, over all parameters, before clipping
    radius_update: NDArray[np.int64]  # every hundredth
    spectral_radius: NDArray[np.float64]  # (n, gates): of each gate's recurrent weights; attention has none

    def to_frame(self) -> Any:
        """A row for every update.

        Returns
        -------
        DataFrame
            update, loss, gradient_norm, and spectral_radius_0, ... of every gate, nan where it was not taken.
        """
        import pandas as pd

        table = pd.DataFrame({"update": self.update, "loss": self.loss, "gradient_norm": self.gradient_norm})
        for gate, radii in enumerate(np.asarray(self.spectral_radius).T):
            table[f"spectral_radius_{gate}"] = table["update"].map(dict(zip(self.radius_update, radii, strict=True)))
        return table

    def plot(self, ax: Any = None) -> Any:
        """Loss and gradient norm over updates, on a logarithmic axis.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            Default: of a new figure.

        Returns
        -------
        matplotlib.axes.Axes
        """
        ax = axes_of(ax)
        ax.plot(self.update, self.loss, color="#0072b2", label="loss")
        ax.plot(
            self.update, self.gradient_norm, color="#b8960c", linestyle="--", label="gradient norm, before clipping"
        )
        ax.set(xlabel="update", ylabel="size (log10 scale)", yscale="log")
        ax.legend(frameon=False)
        return ax


class Stopped(NamedTuple):
    """Why a run ended early."""

    update: int  # the one whose step was not taken
    what: Literal["loss", "gradient", "parameters"]  # was not finite; parameters, or what the optimiser remembers


@shows(lambda _: "")
class TrainingState(NamedTuple):
    """The state of a training that a resumed one needs besides the model."""

    update: int  # how many were taken
    optimiser: OptimiserName
    memory: Array  # (0, 1 or 2, P): what the optimiser remembers
    rng: Any  # the state of the Generator's bit_generator


@shows(lambda done: f"last loss {done.history.loss[-1]:.4g}" if len(done.history.loss) else "")
class Fit(NamedTuple):
    """The outcome of a training: the model, its history, why it stopped, and what a resumed one needs."""

    model: Model  # the last parameters, all finite
    history: History  # with the update at which the run stopped, if it did
    stopped: Stopped | None  # None if all updates were taken
    state: TrainingState
