"""Gradient descent on W2 alone: a linear unit that is to end at a target, plain and clipped, from three starts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

import rnnlab as rl
from rnnlab.experiments._lab.spec import LARGEST

STARTS = ("explode", "stall", "learn")
H0 = 1.0  # without inputs, h_T = W2^T
Row = tuple[int, float, float, float]


def measure_descents(spec: Any) -> pd.DataFrame:
    """A row per start, variant and update."""
    rows = [
        (start, variant, *row)
        for start in STARTS
        for variant, clip in (("plain", np.inf), ("clipped", spec.clip))
        for row in descent(spec, getattr(spec, f"{start}_w2"), clip)
    ]
    table = pd.DataFrame(rows, columns=["start", "variant", "update", "w2", "loss", "h_T"])
    settings = {"learning_rate": spec.learning_rate, "clip": spec.clip, "target": spec.target}
    return table.assign(part="descent", seq_len=spec.train_seq_len, nonlinearity="linear", h0=H0, **settings)


def descent(spec: Any, w2: float, clip: float) -> Iterator[Row]:
    """Update, W2, loss and h_T until the updates are done or W2 has left what the kernels take: the training is lost."""
    for update in range(spec.updates + 1):
        last, slope = last_state(spec, w2)
        with np.errstate(over="ignore"):
            gradient, loss = 2 * (last - spec.target) * slope, (last - spec.target) ** 2
        yield update, w2, float(loss), float(last)
        w2 -= spec.learning_rate * float(np.clip(gradient, -clip, clip))
        if not 1 / LARGEST <= abs(w2) <= LARGEST:
            return


def last_state(spec: Any, w2: float) -> tuple[np.float64, np.float64]:
    """h_T and dh_T/dW2 by BPTT."""
    flow = rl.one_unit_gradients(1.0, w2, 0.0, np.zeros(spec.train_seq_len), h0=H0, nonlinearity="linear")
    return rl.to_float(flow.state)[-1, 0], rl.to_float(flow.w2)[0]
