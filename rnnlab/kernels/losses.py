"""Losses of a readout's outputs, each with its derivative, as in torch.nn.MSELoss and torch.nn.CrossEntropyLoss.

Outputs are an array (S, B, O): O numbers for each of B sequences at the last S steps. Of sequence b the first counted[b]
of them have a target, the others neither a loss nor a derivative. A loss is named by one of the codes
:data:`SQUARED_ERROR`, :data:`CROSS_ENTROPY`:

    squared error: the mean over s, b, o of (y - target)^2
    cross-entropy: the mean over s, b of log sum_o exp(y_o) - y_label, in nats

Where nothing is counted they are 0.

Values are float64 whatever the type of the outputs, so that a logged loss has the digits to be compared.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from rnnlab.kernels._floats import constants_of
from rnnlab.kernels._jit import kernel

SQUARED_ERROR, CROSS_ENTROPY = range(2)


@kernel
def squared_error(output: Any, target: Any, counted: Any, doutput: Any) -> float:
    """The mean squared error; its derivative with respect to the outputs goes to `doutput`.

    Parameters
    ----------
    output, target : ndarray (S, B, O)
    counted : ndarray (B,), int64
    doutput : ndarray (S, B, O)
        Written here.

    Returns
    -------
    float64
    """
    one, zero = constants_of(output[0, 0, 0]).one, constants_of(output[0, 0, 0]).zero
    numbers = max(1, counted.sum() * output.shape[2])
    twice = (one + one) / type(one)(numbers)
    total = 0.0
    for s in range(output.shape[0]):
        for b in range(output.shape[1]):
            for o in range(output.shape[2]):
                error = output[s, b, o] - target[s, b, o] if s < counted[b] else zero
                doutput[s, b, o] = twice * error
                total += np.float64(error) * np.float64(error)
    return total / numbers


@kernel
def cross_entropy(output: Any, label: Any, counted: Any, doutput: Any) -> float:
    """The mean cross-entropy of the outputs' softmax; its derivative with respect to the outputs goes to `doutput`.

    Parameters
    ----------
    output : ndarray (S, B, O)
    label : ndarray (S, B), int64
        Each output's class, 0 to O - 1 where it is counted.
    counted : ndarray (B,), int64
    doutput : ndarray (S, B, O)
        Written here.

    Returns
    -------
    float64
    """
    total, rows = 0.0, max(1, counted.sum())
    for s in range(label.shape[0]):
        for b in range(label.shape[1]):
            if s < counted[b]:
                total += row_cross_entropy(output[s, b], label[s, b], rows, doutput[s, b])
            else:
                doutput[s, b] = 0
    return total / rows


@kernel
def row_cross_entropy(y: Any, label: int, rows: int, dy: Any) -> float:
    """One row's cross-entropy, and to `dy` the derivative of its share in a mean over so many rows.

    The terms that are not the label's are summed on their own: 1 - softmax and the logarithm of a sum near 1 would
    lose every digit of a small loss, and those of its gradient.
    """
    one, others = constants_of(y[0]).one, constants_of(y[0]).zero
    top = y[0]
    for o in range(1, y.size):
        top = y[o] if y[o] > top else top
    for o in range(y.size):
        dy[o] = np.exp(y[o] - top)
        others += dy[o] if o != label else constants_of(y[0]).zero
    share = one / (type(one)(rows) * (others + dy[label]))
    loss = np.log1p(others) if y[label] == top else np.log(others + dy[label]) + (top - y[label])
    for o in range(y.size):
        dy[o] *= share
    dy[label] = -others * share
    return np.float64(loss)
