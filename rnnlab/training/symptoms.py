"""Why a training fails, from what was recorded of it: units that pass nothing on, gradients that fade, explode, are clipped."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rnnlab._base.checks import positive, shortened
from rnnlab.training.records import Fit

Array = NDArray[Any]
FLOAT32 = -149 * math.log10(2)  # log10 of the smallest number above 0
MOST = 0.5  # of units, slopes or updates: a symptom
LEFT = -2.0  # log10 of 1 %, of the gradient at lag 0: the horizon
GROWN = 1.0  # log10: the gradient of a lag that is ten times that of lag 0
LAST = 100  # updates of which so many are clipped
WORDS = {
    "dead": "{value:.0%} of {cell}'s units are dead: their slope is 0 at every step of every sequence, since update {since}",
    "saturated": "{value:.0%} of {cell}'s slopes are below a tenth of the steepest, since update {since}: saturated",
    "exploded": "the gradient of {cell} explodes: 10^{value:.1f} times that of lag 0 on its way back, since update {since}",
    "clipped": "{value:.0%} of the last updates were clipped, since update {since}: a direction and no size is followed",
    "vanished": "the gradient of {cell} vanishes: less than 1 % is left {value:.0f} steps back, since update {since}",
    "below float32": "float32 has no gradient of {cell} from {value:.0f} steps back on, since update {since}",
}


class Symptom(NamedTuple):
    """A reason that may keep a network from learning; ``str`` of it is a sentence."""

    what: str  # a key of WORDS
    cell: int  # of the network's cells, from 0; -1 for all
    since: int  # the first recorded update from which it was so to the last
    value: float  # its number at the last

    def __str__(self) -> str:
        return WORDS[self.what].format(value=self.value, cell=f"cell {self.cell}", since=self.since)


def symptoms(done: Fit, clip_norm: float | None = None) -> tuple[Symptom, ...]:
    """Reasons why a training fails, from its record; of one that learns it may name some too.

    Parameters
    ----------
    done : Fit
        Of a run with `record_flow`; without, only clipping is known.
    clip_norm : float, optional
        The recipe's.

    Returns
    -------
    tuple of Symptom
        Those that hold at the last recorded update, each with the update since when. dead, saturated: of half of the units
        or slopes or more, of the cells with one slope a unit. exploded: ten times the gradient of lag 0 at some lag.
        vanished: less than 1 % at half of the lags. below float32: less than its smallest number at some lag. clipped: half
        of the last hundred updates or more.

    Examples
    --------
    >>> import numpy as np, rnnlab as rl
    >>> rng = np.random.default_rng(0)
    >>> model = rl.Model(rl.RNNParams.init(1, 8, rng=rng, scheme="orthogonal", gain=0.5), rl.Readout.init(8, 1, rng=rng))
    >>> task = rl.tasks.latch(seq_len=50)
    >>> done = rl.fit(model, task, rl.Recipe(1e-3), updates=20, batch_size=5, rng=rng, record_flow=10)
    >>> print(*rl.symptoms(done))
    the gradient of cell 0 vanishes: less than 1 % is left 6 steps back, since update 0
    """
    if not isinstance(done, Fit):
        raise TypeError(f"done is {shortened(done)}: expected a Fit, as fit returns it")
    if clip_norm is not None:
        positive(clip_norm=clip_norm)
    return (*of_units(done.history), *of_flow(done.history), *of_clipping(done.history, clip_norm))


def of_units(history: Any) -> Iterator[Symptom]:
    """Units that pass nothing on."""
    for what in ("dead", "saturated"):
        for cell, shares in enumerate(getattr(history, what).T):
            yield from held(what, cell, history.flow_update, shares, shares >= MOST)


def of_flow(history: Any) -> Iterator[Symptom]:
    """Gradients that fade or grow over the lags."""
    for cell in range(history.flow.shape[1] if history.flow.size else 0):
        flow = history.flow[:, cell]
        finite = ~np.isnan(flow).all(axis=1)
        flow = flow[finite]
        flow = flow[:, ~np.isnan(flow).any(axis=0)][:, :-1]  # lags of every batch, without that of h_0: it isn't learnt
        with np.errstate(invalid="ignore"):
            relative = flow - flow[:, :1]
        update, lags = history.flow_update[finite], flow.shape[1]
        grown = relative.max(axis=1)
        yield from held("exploded", cell, update, grown, grown > GROWN)
        horizon = first_lag(relative < LEFT)
        yield from held("vanished", cell, update, horizon, horizon <= lags // 2)
        lost = first_lag(flow < FLOAT32)
        yield from held("below float32", cell, update, lost, lost < lags)


def of_clipping(history: Any, clip_norm: float | None) -> Iterator[Symptom]:
    """Updates that were shortened."""
    if clip_norm is not None and history.update.size:
        clipped = history.gradient_norm > clip_norm
        often = np.convolve(clipped, np.ones(LAST))[: clipped.size] / np.minimum(np.arange(clipped.size) + 1, LAST)
        yield from held("clipped", -1, history.update, often, often >= MOST)


def held(what: str, cell: int, update: Array, values: Array, there: Array) -> Iterator[Symptom]:
    """A symptom that is there at the last update, with the first from which it stayed; none otherwise."""
    if there.size and there[-1]:
        absent = np.flatnonzero(~there)
        since = absent[-1] + 1 if absent.size else 0
        yield Symptom(what, cell, int(update[since]), float(values[-1]))


def first_lag(below: Array) -> Array:
    """The first lag of each row from which it stays below, (n,); the number of lags where it does not."""
    stays = np.logical_and.accumulate(below[:, ::-1], axis=1)[:, ::-1]
    return below.shape[1] - stays.sum(axis=1)
