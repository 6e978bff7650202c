"""What a training is given and what comes of it."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rnnlab._base.showing import axes_of, shows
from rnnlab.nonlinearities import Nonlinearity, Pair
from rnnlab.params import Readout
from rnnlab.schedules import Schedule
from rnnlab.training.optimisers import SGD, Adam, FrameworkName, OptimiserName, RMSprop, Truncation

Array = NDArray[Any]
StopName = Literal["loss", "gradient", "parameters", "patience", "callback"]
REASONS: dict[str, str] = {
    "loss": "the loss is not finite, as outputs left the floats' range or are not a number",
    "gradient": "the loss is finite, its gradient is not: it exploded on the way back through time",
    "parameters": "a finite gradient made a step out of the floats' range: the learning rate is too large",
    "patience": "the loss had not fallen for as many updates as patience allows",
    "callback": "callback returned True",
}


@shows(lambda _: "")
class Model(NamedTuple):
    """A cell, started from h_0 = 0, with a linear readout of its states."""

    params: Any  # of a cell, say RNNParams or LSTMParams
    readout: Readout
    nonlinearity: Nonlinearity | Pair = "tanh"  # of the cells that have a choice


class Recipe(NamedTuple):
    """A recipe of training: the optimiser, its step size and clipping, and how the gradient is taken."""

    learning_rate: (
        float | Schedule | ArrayLike
    )  # also a function of the update's number, from 0, or an array of one each
    optimiser: OptimiserName | SGD | RMSprop | Adam = "sgd"  # of a name: the framework's defaults; momentum is 0.9
    clip_norm: float | None = None  # the gradient of all parameters is shortened to this norm
    clip_value: float | None = None  # then its entries are brought within this bound
    regulariser: float = 0.0  # weight of Pascanu's regulariser, for the vanilla cell (`kernels.regulariser`)
    window: int | Truncation | None = (
        None  # of truncated BPTT: steps, counted from each sequence's last; or a Truncation
    )
    threads: int = 1  # every batch is cut in so many parts, computed at once; they set the order of sums
    clip_weight: float | None = None  # in the place of clip_norm: each array's gradient by itself
    framework: FrameworkName = "pytorch"  # whose definitions and defaults: steps, weight decay and clipping


@shows(lambda history: f"last loss {history.loss[-1]:.4g}" if len(history.loss) else "")
class History(NamedTuple):
    """A record of every update as it was before its step: arrays of one length, but for the radii."""

    update: NDArray[np.int64]  # from 0, counted on when a run is resumed
    loss: NDArray[np.float64]  # without the regulariser
    gradient_norm: NDArray[np.float64]  # Euclidean, over all parameters, before clipping
    radius_update: NDArray[np.int64]  # every hundredth
    spectral_radius: NDArray[np.float64]  # (n, gates): of each gate's recurrent weights; attention has none
    held_out_loss: NDArray[np.float64]  # (n,): before the same updates, of a task with held-out sequences; else (0,)
    flow_update: NDArray[np.int64]  # (m,): those of `fit(.., record_flow=every)`
    flow: NDArray[np.float64]  # (m, cells, T + 1): log10 |dL/d state| of the last loss, by lag: see `flow_by_lag`
    saturated: NDArray[
        np.float64
    ]  # (m, cells): share of slopes below a tenth of the steepest; nan of gated cells, whose gates keep by saturating
    dead: NDArray[np.float64]  # (m, cells): share of units whose slope is 0 at all steps of all sequences; nan as above

    def to_frame(self) -> Any:
        """A row for every update.

        Returns
        -------
        DataFrame
            update, loss, gradient_norm, and spectral_radius_0, ... of every gate, and held_out_loss, of a task that
            has one; nan where they were not taken.
        """
        import pandas as pd

        table = pd.DataFrame({"update": self.update, "loss": self.loss, "gradient_norm": self.gradient_norm})
        for gate, radii in enumerate(np.asarray(self.spectral_radius).T):
            table[f"spectral_radius_{gate}"] = table["update"].map(dict(zip(self.radius_update, radii, strict=True)))
        if self.held_out_loss.size:
            held_out = dict(zip(self.radius_update, self.held_out_loss, strict=True))
            table["held_out_loss"] = table["update"].map(held_out)
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
    """Why a run ended early; ``str`` of it is a sentence."""

    update: int  # the one whose step was not taken
    what: StopName  # was not finite; parameters, or what the optimiser remembers. Or who ended it

    def __str__(self) -> str:
        return f"stopped before update {self.update}: {REASONS[self.what]}"


@shows(lambda _: "")
class TrainingState(NamedTuple):
    """The state of a training that a resumed one needs besides the model."""

    update: int  # how many were taken
    optimiser: str  # a name, or "rmsprop with momentum"
    memory: Array  # (0, 1 or 2, P): what the optimiser remembers
    rng: Any  # the state of the Generator's bit_generator


@shows(lambda done: f"last loss {done.history.loss[-1]:.4g}" if len(done.history.loss) else "")
class Fit(NamedTuple):
    """The outcome of a training: the model, its history, why it stopped, and what a resumed one needs."""

    model: Model  # the last parameters, all finite
    history: History  # with the update at which the run stopped, if it did
    stopped: Stopped | None  # None if all updates were taken
    state: TrainingState

    @property
    def why(self) -> str:
        """Why it ended, in words."""
        return f"all updates were taken: {self.state.update} so far" if self.stopped is None else str(self.stopped)
