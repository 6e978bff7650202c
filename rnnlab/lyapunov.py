"""Lyapunov exponents of a cell along an input: how perturbations of its state grow per step, in every direction."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rnnlab._base.blas import one_blas_thread
from rnnlab._base.checks import at_least, shortened
from rnnlab.api import forward
from rnnlab.kernels.cells.cell import leaves_of
from rnnlab.nonlinearities import Nonlinearity
from rnnlab.params import checked_params
from rnnlab.tape import Tape

Array = NDArray[np.float64]
SPREAD = 12.0  # columns may differ by e^12 before they are made orthogonal again: 11 of 16 digits are left


def lyapunov_spectrum(
    params: Any,
    x: ArrayLike,
    h0: Any = None,
    k: int | None = None,
    *,
    nonlinearity: Nonlinearity = "tanh",
    discard: int = 0,
) -> Array:
    """Lyapunov exponents along one input sequence, by QR decomposition of products of Jacobians.

    Exponent i is the mean over steps of log |R_ii|, with J_t Q_(t-1) = Q_t R_t and J_t the Jacobian of the state (of the
    LSTM h and c together). Products are decomposed before their columns differ by e^12. The Jacobian of a Stack is
    block-triangular, since nothing goes down: its exponents are those of its layers, each along the states below it. Those
    of a Bidirectional are both directions', each in its own time.

    Parameters
    ----------
    params : of a recurrent cell, say RNNParams or LSTMParams
    x : array_like, (T, I)
        Inputs.
    h0 : array_like, (H,), optional
        Initial state; of the LSTM a pair (h0, c0), of a Stack or a Bidirectional as of `forward`.
    k : int, optional
        How many exponents, at most H (LSTM: 2 H); default all.
    nonlinearity : {"tanh", "relu", "sigmoid", "linear"}
        Of the vanilla cell.
    discard : int
        First steps that are run and not counted, so that the state reaches its attractor and Q the leading directions.

    Returns
    -------
    ndarray (k,)
        Natural logarithm per step, descending; -inf where a direction is lost.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as above.

    References
    ----------
    G. Benettin et al., Meccanica 15, 1980; for networks R. Engelken, F. Wolf, L. F. Abbott, Lyapunov spectra of chaotic
    recurrent neural networks, Phys. Rev. Research 5, 2023, section II.

    Examples
    --------
    >>> import numpy as np, rnnlab as rl
    >>> params = rl.RNNParams([[0.0], [0.0]], [[0.5, 1.0], [0.0, 2.0]], [0.0, 0.0])
    >>> rl.lyapunov_spectrum(params, np.zeros((200, 1)), nonlinearity="linear").round(2).tolist()  # ln 2, ln 0.5
    [0.69, -0.69]
    """
    for leaf in leaves_of(checked_params(params)[1]):
        if type(leaf).cell().tangent is None:
            raise TypeError(f"params is an {type(leaf).__name__}: expected a cell with a state")
    if np.ndim(x) != 2:
        raise ValueError(f"x has shape {np.shape(x)}: expected one sequence, (T, I)")
    tapes = single_cells(forward(params, x, h0, nonlinearity))
    steps, sizes = len(tapes[0].h) - 1, [size_of_state(tape) for tape in tapes]
    k = sum(sizes) if k is None else k
    at_least(1, k=k)
    at_least(0, discard=discard)
    if k > sum(sizes):
        raise ValueError(f"k is {k}: expected at most {sum(sizes)}, the size of the state")
    if discard >= steps:
        raise ValueError(f"discard is {discard}: expected at most {steps - 1}, fewer than the steps of x")
    with one_blas_thread():  # on a busy machine BLAS threads wait for one another: 30 times slower
        logs = np.concatenate([sums_of(tape, min(k, size), discard) for tape, size in zip(tapes, sizes, strict=True)])
    return np.sort(logs / (steps - discard))[::-1][:k]


def single_cells(tape: Tape) -> list[Tape]:
    """The tapes of all cells of a network."""
    return [cell for part in tape.parts for cell in single_cells(part)] or [tape]


def size_of_state(tape: Tape) -> int:
    """How many numbers a cell hands from step to step."""
    return tape.h.shape[1] * len(type(tape.params).cell().states)


def sums_of(tape: Tape, k: int, discard: int) -> Array:
    """The sums of log |R_ii| of one cell."""
    start = np.linalg.qr(np.random.default_rng(0).standard_normal((size_of_state(tape), k)))[0]
    step = type(tape.params).cell().tangent(tape.params, tape.record)
    return decompose(step, start, range(len(tape.h) - 1), discard)


def decompose(step: Callable[[int, Array], Array], q: Array, steps: range, discard: int) -> Array:
    """The sums of log |R_ii| over the steps from `discard` on."""
    total, since, interval = np.zeros(q.shape[1]), 0, 1
    for t in steps:
        q = step(t, q)
        since += 1
        if since >= interval or t + 1 in (discard, steps.stop):
            q, r = orthonormal(q)
            with np.errstate(divide="ignore"):
                logs = np.log(np.abs(np.diag(r)))
            total = total + logs if t >= discard else total
            interval, since = until_spread(logs, since), 0
    return total


def orthonormal(q: Array) -> tuple[Array, Array]:
    """QR decomposition; of a single column its length."""
    if q.shape[1] == 1:
        size = np.linalg.norm(q)
        return q / (size or 1.0), np.array([[size]])
    q, r = np.linalg.qr(q)
    return q, r


def until_spread(logs: Array, steps: int) -> int:
    """How many steps until columns differ by e^12, at the rate of the last ones."""
    spread = float(np.ptp(logs)) / steps
    return max(1, int(min(50.0, SPREAD / spread))) if 0 < spread < np.inf else 1


def kaplan_yorke_dimension(exponents: ArrayLike) -> float:
    """Kaplan-Yorke dimension of an attractor: j + (l_1 + ... + l_j) / |l_(j+1)|, j the last with a sum not negative.

    Parameters
    ----------
    exponents : array_like (k,)
        The k largest, in any order.

    Returns
    -------
    float
        nan if all k exponents together still have a positive sum: more are needed.

    Raises
    ------
    TypeError, ValueError
        If exponents are not as above.
    """
    values = np.sort(checked_exponents(exponents))[::-1]
    sums = np.cumsum(values)
    if values[0] < 0:
        return 0.0
    if sums[-1] > 0:
        return float("nan")
    j = int(np.flatnonzero(sums >= 0)[-1])
    return float(j + 1 + sums[j] / abs(values[j + 1])) if j + 1 < values.size else float(j + 1)


def entropy_rate(exponents: ArrayLike) -> float:
    """Pesin's bound of the entropy rate: the sum of the positive exponents, in nats per step."""
    values = checked_exponents(exponents)
    return float(values[values > 0].sum())


def checked_exponents(exponents: ArrayLike) -> Array:
    """Exponents (k,), k >= 1, as an array; of a direction that is lost it is -inf."""
    try:
        values = np.asarray(exponents, dtype=np.float64)
    except (TypeError, ValueError):
        raise TypeError(f"exponents is {shortened(exponents)}: expected real numbers") from None
    if values.ndim != 1 or not values.size or not (values < np.inf).all():
        raise ValueError(
            f"exponents is {shortened(exponents)}: expected one or more numbers, as lyapunov_spectrum returns them"
        )
    return values
