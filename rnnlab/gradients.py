"""What the way back finds: derivatives, and how large they are at every step."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rnnlab._base.showing import axes_of, largest_entry, lines, shows
from rnnlab.kernels.cells.cell import parts_of

Array = NDArray[Any]
FLOAT_RANGE = {  # log10 of the smallest subnormal and the largest finite number
    np.float32: (np.log10(2.0) * -149, np.log10(2.0) * 128),
    np.float64: (np.log10(2.0) * -1074, np.log10(2.0) * 1024),
}


@shows(largest_entry)
class Gradients(NamedTuple):
    """Derivatives of a loss: arrays, or each a `kernels.Scaled` where `backward` was asked for exponents."""

    params: Any  # of the type of the parameters
    x: Any  # (T, I) or (T, B, I)
    h0: Any  # (H,) or (B, H); of the LSTM a pair (dL/dh_0, dL/dc_0); of attention None; of a network of parts a tuple


@shows(lambda flow: f"{np.median(flow.growth_rate):.4g} a step")
class GradientFlow(NamedTuple):
    """The size of a gradient at every step of its way back through time."""

    log10_norm: Array  # (T + 1,) or (T + 1, B): log10 |dL/dh_t|, -inf for 0; of attention |dL/de_t|, row 0 -inf
    log10_norm_c: Array | None  # of the LSTM: log10 |dL/dc_t|
    growth_rate: Any  # factor per step on the way back, (|dL/dh_0| / |dL/dh_T|)^(1/T), T each sequence's length
    float32_lost: Any  # the largest t <= T at which float32 would have shown 0 or inf, -1 if none, per sequence
    float64_lost: Any  # the same for float64

    def to_frame(self) -> Any:
        """A row for every step of every sequence.

        Returns
        -------
        DataFrame
            step (t, 0 .. T), sequence, log10_norm, and of the LSTM log10_norm_c.
        """
        import pandas as pd

        step, sequence = np.indices(self.log10_norm.reshape(len(self.log10_norm), -1).shape).reshape(2, -1)
        of_c = {} if self.log10_norm_c is None else {"log10_norm_c": self.log10_norm_c.ravel()}
        return pd.DataFrame({"step": step, "sequence": sequence, "log10_norm": self.log10_norm.ravel(), **of_c})

    def plot(self, ax: Any = None) -> Any:
        """log10 of the gradient's size over steps; of more than ten sequences the median and the tenths.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            Default: of a new figure.

        Returns
        -------
        matplotlib.axes.Axes
        """
        ax, step = axes_of(ax), np.arange(len(self.log10_norm))
        lines(ax, step, self.log10_norm, "dL/dh_t", color="#0072b2")
        if self.log10_norm_c is not None:
            lines(ax, step, self.log10_norm_c, "dL/dc_t", color="#b8960c", linestyle="--")
        ax.set(xlabel="step t", ylabel="log10 of the norm of the gradient")
        ax.legend(frameon=False)
        return ax


def measured(flow: Any, length: Array, batched: bool) -> Any:
    """What was measured, of sequences of these lengths; of a network nested as its parts are."""
    parts = parts_of(flow)
    if parts:
        return tuple(measured(part, length, batched) for part in parts)
    norms, last = (flow.log10_norm, length) if batched else (flow.log10_norm[:, :, 0], length[0])
    return GradientFlow(
        norms[0],
        norms[1] if len(norms) == 2 else None,
        growth_rate(norms[0], last),
        first_lost(norms[0], last, *FLOAT_RANGE[np.float32]),
        first_lost(norms[0], last, *FLOAT_RANGE[np.float64]),
    )


def growth_rate(norms: Array, last: Any) -> Any:
    """Mean factor per step on the way back; nan of no steps and where the gradient is 0 at the end."""
    end = np.take_along_axis(norms, np.expand_dims(last, 0), axis=0)[0]
    with np.errstate(invalid="ignore", divide="ignore"):
        return 10 ** ((norms[0] - end) / last)


def first_lost(norms: Array, last: Any, smallest: float, largest: float) -> Any:
    """The largest t up to the end at which a size is out of a type's range, or -1; a gradient of exactly 0 never is."""
    steps = np.arange(len(norms)).reshape(-1, *[1] * (norms.ndim - 1))
    lost = ((norms < smallest) & np.isfinite(norms)) | (norms >= largest)
    return np.where(lost & (steps <= last), steps, -1).max(axis=0)
