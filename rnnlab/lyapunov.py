"""Lyapunov exponents of a cell along an input: how perturbations of its state grow per step, in every direction."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import scipy
from numpy.typing import ArrayLike, NDArray

from rnnlab._base.blas import one_blas_thread
from rnnlab._base.checks import real_numbers, shortened, whole
from rnnlab._base.showing import Meaning, Measured
from rnnlab.api import forward
from rnnlab.kernels.cells.cell import leaves_of
from rnnlab.nonlinearities import Nonlinearity, Pair
from rnnlab.params import checked_params
from rnnlab.tape import Tape

Array = NDArray[np.float64]
LEAST = 1e-6  # of |R_ii| beside the largest where two Cholesky decompositions are as exact as reflections
ENOUGH = 1e-2  # where one is: 12 of 16 digits are left
HUGE = 1e290  # exponents whose sums may overflow
EXPONENTS = Meaning("Lyapunov exponents", "nats a step", ("rank",), (1,))
SMALLEST = 1e-100  # |R_ii| whose squares are far within floats


def lyapunov_spectrum(
    params: Any,
    x: ArrayLike,
    h0: Any = None,
    k: int | None = None,
    *,
    nonlinearity: Nonlinearity | Pair = "tanh",
    discard: int = 0,
) -> Array:
    """Lyapunov exponents along one input sequence, by QR decomposition of products of Jacobians.

    Exponent i is the mean over steps of log |R_ii|, with J_t Q_(t-1) = Q_t R_t and J_t the Jacobian of the state (of the
    LSTM h and c together), decomposed at every step. The Jacobian of a Stack is block-triangular, since nothing goes down:
    its exponents are those of its layers, each along the states below it. Those of a Bidirectional are both directions',
    each in its own time.

    Parameters
    ----------
    params : of a recurrent cell, say RNNParams or LSTMParams
    x : array_like, (T, I)
        Inputs.
    h0 : array_like, (H,), optional
        Initial state; of the LSTM a pair (h0, c0), of a Stack or a Bidirectional as of `forward`.
    k : int, optional
        How many exponents, at most H (LSTM: 2 H); default all.
    nonlinearity
        As of `forward`.
    discard : int
        First steps that are run and not counted, so that the state reaches its attractor and Q the leading directions.

    Returns
    -------
    ndarray (k,)
        Natural logarithm per step, descending; with `plot(ax=None)` and `to_frame()`; -inf where a direction is lost, to within the rounding of the Jacobian:
        where its rows, were they of equal size, are not independent.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as above, or a Jacobian not finite.

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
    shape = real_numbers("x", x).shape
    if len(shape) != 2:
        raise ValueError(f"x has shape {shape}: expected one sequence, (T, I)")
    tapes = single_cells(forward(params, x, h0, nonlinearity))
    steps, sizes = len(tapes[0].h) - 1, [size_of_state(tape) for tape in tapes]
    k = sum(sizes) if k is None else whole(1, "k", k)
    discard = whole(0, "discard", discard)
    if k > sum(sizes):
        raise ValueError(f"k is {k}: expected at most {sum(sizes)}, the size of the state")
    if discard >= steps:
        raise ValueError(f"discard is {discard}: expected at most {steps - 1}, fewer than the steps of x")
    with one_blas_thread(), np.errstate(all="ignore"):  # on a busy machine BLAS threads wait for one another
        logs = np.concatenate([sums_of(tape, min(k, size), discard) for tape, size in zip(tapes, sizes, strict=True)])
    return Measured(np.sort(logs / (steps - discard))[::-1][:k], EXPONENTS)


def single_cells(tape: Tape) -> list[Tape]:
    """The tapes of all cells of a network."""
    return [cell for part in tape.parts for cell in single_cells(part)] or [tape]


def size_of_state(tape: Tape) -> int:
    """How many numbers a cell hands from step to step."""
    return tape.h.shape[1] * len(type(tape.params).cell().states)


def sums_of(tape: Tape, k: int, discard: int) -> Array:
    """The sums of log |R_ii| of one cell."""
    step = type(tape.params).cell().tangent(tape.params, tape.record)
    return decompose(step, start_of(size_of_state(tape), k), range(len(tape.h) - 1), discard)


def start_of(size: int, k: int) -> Array:
    """Q_0: k random orthonormal directions, always the same."""
    directions: Array = np.linalg.qr(np.random.default_rng(0).standard_normal((size, k)))[0]
    return directions


def decompose(step: Callable[[int, Array], Array], q: Array, steps: range, discard: int) -> Array:
    """The sums of log |R_ii| over the steps from `discard` on; -inf for columns that a step loses, which are let go."""
    count = q.shape[1]
    total = np.zeros(count)
    for t in steps:
        if t == discard:  # what was lost before is not lost of what is counted
            q, total = completed(q, count), np.zeros(count)
        live = np.flatnonzero(total > -np.inf)
        if live.size:
            q, logs = orthonormal(step(t, q), t)
            total[live] += logs
    return total


def completed(q: Array, count: int) -> Array:
    """Orthonormal columns, with others up to so many."""
    if q.shape[1] == count:
        return q
    others = np.random.default_rng(1).standard_normal((len(q), count - q.shape[1]))
    return np.linalg.qr(np.hstack([q, others]))[0]


def orthonormal(matrix: Array, t: int) -> tuple[Array, Array]:
    """QR of J_t Q: the new Q and log |R_ii|; of columns that others determine -inf, and Q goes without them.

    By a Cholesky decomposition, and a second one of its Q where columns were far from orthogonal (Yamamoto et al., Roundoff
    error analysis of the CholeskyQR2 algorithm, Electronic Transactions on Numerical Analysis 44, 2015): as exact as
    reflections up to a condition number of 10^8, and several times faster.
    """
    q, sizes, exact = np.ascontiguousarray(matrix), 1.0, False
    while not exact:
        squares = scipy.linalg.blas.dsyrk(1.0, q.T)
        upper, failed = scipy.linalg.lapack.dpotrf(squares, overwrite_a=True)
        diagonal = upper.diagonal()
        least, largest = diagonal.min(), diagonal.max()
        if failed or not LEAST * largest < least or not SMALLEST < least <= largest < 1 / SMALLEST:
            return by_reflections(*scaled(matrix, t))
        q, sizes, exact = (
            scipy.linalg.blas.dtrsm(1.0, upper, q.T, trans_a=1).T,
            sizes * diagonal,
            least > ENOUGH * largest,
        )
    return q, np.log(sizes)


def scaled(product: Array, t: int) -> tuple[Array, float]:
    """J_t Q and the logarithm of what it was divided by, a power of two."""
    largest = float(np.abs(product).max())
    if not np.isfinite(largest):
        raise ValueError(
            f"the Jacobian of step {t + 1} is beyond the range of floats: expected params and x of a finite run"
        )
    power = int(np.frexp(largest)[1])
    return np.ldexp(product, -power), power * np.log(2.0)


def by_reflections(matrix: Array, shift: float) -> tuple[Array, Array]:
    """The same of a matrix with rows or columns of very different size.

    Large rows first, so that small ones keep their digits (A. J. Cox and N. J. Higham, Stability of Householder QR
    factorization for weighted least squares problems, 1998). Which columns are lost is decided among rows of equal
    size: a unit that hardly passes anything on loses nothing, a matrix of less than full rank does.
    """
    rows = np.abs(matrix).max(axis=1, keepdims=True)
    order, there = np.argsort(-rows[:, 0], kind="stable"), rows[:, 0] > 0
    live = independent(matrix[there] / rows[there])
    logs = np.full(matrix.shape[1], -np.inf)
    q, upper = np.linalg.qr(matrix[order][:, live])
    back = np.empty_like(q)
    back[order] = q
    logs[live] = np.log(np.abs(np.diag(upper))) + shift
    return back, logs


def independent(matrix: Array) -> NDArray[np.int64]:
    """The columns that are no combination of those before them, to within rounding."""
    if not len(matrix):
        return np.empty(0, np.int64)
    sizes = np.linalg.svd(matrix, compute_uv=False)
    rank = int((sizes > 8 * max(matrix.shape) * np.finfo(np.float64).eps * sizes[0]).sum())
    left = np.zeros(matrix.shape[1])
    diagonal = np.abs(np.diag(np.linalg.qr(matrix, mode="r")))
    left[: diagonal.size] = diagonal
    return np.sort(np.argsort(-left, kind="stable")[:rank])


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
    if HUGE < abs(values[0]) < np.inf:  # the dimension is that of their ratios
        values = values / abs(values[0])
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
    with np.errstate(over="ignore"):  # inf
        return float(values[values > 0].sum())


def checked_exponents(exponents: ArrayLike) -> Array:
    """Exponents (k,), k >= 1, as an array; of a direction that is lost it is -inf."""
    values = real_numbers("exponents", exponents).astype(np.float64)
    if values.ndim != 1 or not values.size or not (values < np.inf).all():
        raise ValueError(
            f"exponents is {shortened(exponents)}: expected one or more numbers, as lyapunov_spectrum returns them"
        )
    return values
