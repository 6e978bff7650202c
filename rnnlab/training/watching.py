"""What is looked at while a network learns, every hundredth update: radii, held-out loss, gradient flow; and who ends it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from rnnlab._base.checks import at_least, shortened
from rnnlab._base.task import Batch
from rnnlab.api import forward
from rnnlab.kernels.cells.cell import leaves_of
from rnnlab.kernels.training import FINITE, PARAMETERS, Batches, Course, Network
from rnnlab.training.flow import Flow, buffers_for, flow_of_batch, loss_of, no_flow
from rnnlab.training.records import Model
from rnnlab.training.run import EVERY, Outcome, Run

Array = NDArray[Any]
PATIENCE, CALLBACK = PARAMETERS + 1, PARAMETERS + 2  # who ended a run


class Asked(NamedTuple):
    """What a caller of `fit` wants to see."""

    callback: Callable[[Any], Any] | None
    patience: int | None
    progress: bool
    record_flow: int | None


def checked_asked(asked: Asked) -> Asked:
    """Refuse what is not as `fit` says."""
    if asked.callback is not None and not callable(asked.callback):
        raise TypeError(f"callback is {shortened(asked.callback)}: expected a function of a Fit, or None")
    if not isinstance(asked.progress, bool | np.bool_):
        raise TypeError(f"progress is {shortened(asked.progress)}: expected True or False")
    for name in ("patience", "record_flow"):
        if getattr(asked, name) is not None:
            at_least(1, **{name: getattr(asked, name)})
    return asked


class Watching:
    """A run's eyes, called before every block of updates; a context that closes its bar."""

    def __init__(self, asked: Asked, model: Model, course: Course, so_far: Callable[[Outcome], Any]) -> None:
        self.asked, self.model, self.course, self.so_far = asked, model, course, so_far
        self.at: list[int] = []
        self.radii: list[Array] = []
        self.held_out: list[float] = []
        self.flow_at: list[int] = []
        self.flows: list[Flow] = []
        self.buffers: Network | None = None  # of the looks at the flow
        self.best, self.best_at = np.inf, course.done
        self.bar: Any = None

    def __enter__(self) -> Self:
        if self.asked.progress:
            from tqdm import tqdm  # costs a tenth of a second

            self.bar = tqdm(total=len(self.course.rate), unit="update")
        return self

    def __exit__(self, *_: object) -> None:
        if self.bar is not None:
            self.bar.close()

    def __call__(self, run: Run, updates: int) -> int:
        """Look, and say whether to go on."""
        now, model = self.course.done + updates, self.model_of(run)
        if now % EVERY >= len(run.windows):
            return FINITE
        self.at.append(now)
        self.radii.append(spectral_radii(model.params))
        if run.source.task.data is not None and run.source.task.data.held_out is not None:
            self.held_out.append(loss_on(model, run.source.held_out(), run.source.task.loss))
        return self.go_on(updates) if updates else FINITE

    def record_flow(self, run: Run, updates: int, batches: Batches) -> None:
        """Look at the gradient of the batch that the next update learns from, if it is asked for."""
        now = self.course.done + updates
        if not self.asked.record_flow or now % self.asked.record_flow:
            return
        model, source = self.model_of(run), run.source
        if self.buffers is None:
            code, (steps, sequences, _) = run.windows[0].shards[0].network.nonlinearity, source.sizes.x
            self.buffers = buffers_for(model.params, code, steps, sequences)
        self.flow_at.append(now)
        target = batches.label if source.classes else batches.target
        batch = Batch(batches.x[0], target[0], batches.length[0])
        self.flows.append(flow_of_batch(model, self.buffers, batch, source.task.loss))

    def model_of(self, run: Run) -> Model:
        """What a run trains, as it stands."""
        shard = run.windows[0].shards[0]
        return Model(shard.network.params, shard.head.readout, self.model.nonlinearity)

    def go_on(self, updates: int) -> int:
        """FINITE, or who ends the run."""
        self.show(updates)
        now = self.course.done + updates
        loss = (
            self.held_out[-1]
            if self.held_out
            else float(self.course.log.loss[max(0, updates - EVERY) : updates].mean())
        )
        if loss < self.best:
            self.best, self.best_at = loss, now
        if self.asked.patience is not None and now - self.best_at >= self.asked.patience:
            return PATIENCE
        ends = self.asked.callback is not None and self.asked.callback(self.so_far(Outcome(updates, FINITE)))
        return CALLBACK if ends else FINITE

    def show(self, updates: int) -> None:
        """How far it is."""
        if self.bar is not None:
            self.bar.update(updates - self.bar.n)

    def seen(self) -> tuple[Array, ...]:
        """The fields of a History from the radii on."""
        radii = np.array(self.radii).reshape(len(self.at), spectral_radii(self.model.params).size)
        at, flow_at = np.array(self.at, np.int64), np.array(self.flow_at, np.int64)
        flow = Flow(*map(np.array, zip(*self.flows, strict=True))) if self.flows else no_flow(self.model.params)
        return at, radii, np.array(self.held_out), flow_at, *flow


def loss_on(model: Model, batch: Any, loss: str) -> float:
    """The loss of a model on some sequences."""
    tape = forward(model.params, batch.x, nonlinearity=model.nonlinearity, length=batch.length)
    return loss_of(model, tape.record, batch.target, loss)[0]


def spectral_radii(params: Any) -> Array:
    """The largest absolute eigenvalue of every gate's recurrent weights; none of a cell without such weights."""
    radii = [np.empty(0)]
    for leaf in leaves_of(params):
        matrices = type(leaf).cell().recurrent
        if matrices is not None:
            radii.append(np.abs(np.linalg.eigvals(matrices(leaf))).max(axis=1).astype(np.float64))
    return np.concatenate(radii)
