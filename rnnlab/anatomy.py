"""What happens to a gradient inside one run: Jacobians, the triangle of losses and steps, each step's share of a weight.

All functions take the tape of one sequence (`forward` on x (T, I)) of a recurrent cell.
"""

from __future__ import annotations

import warnings
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rnnlab._base.checks import numbers, positive
from rnnlab._base.showing import Meaning, Measured
from rnnlab.api import forward, gradient_flow
from rnnlab.kernels.cells.cell import Cell, Shapes, allocate, whole_shapes
from rnnlab.kernels.sequences import WHOLE
from rnnlab.tape import Tape, checked_tape, prepared

Array = NDArray[Any]
SWEEPS = 300  # values a factor of 1.05 apart need about that many
FAR = 300  # powers of two from which products of two numbers may leave the floats
SINGULAR = Meaning("singular values", "log10 of the singular value", ("rank",), (1,))
TRIANGLE = Meaning("loss triangle", "log10 |dL_s/dh_t|", ("loss at step s", "step t"), (1, 0))
SETTLED = 1e-13  # relative change of the logarithms between two sweeps


class NonFinite(NamedTuple):
    """The first place at which a run left the range of float64."""

    direction: str  # "forward" or "backward"
    step: int  # the t of the first h_t, or on the way back of the first dL/dh_t, that float64 could not show


def one_sequence(tape: Any) -> tuple[Cell, Shapes]:
    """The cell and its shapes; a tape that is not of one sequence of a recurrent cell is refused."""
    cell, shapes = checked_tape(tape)
    if tape.parts:
        raise TypeError(f"tape is of a {type(tape.params).__name__}: expected a single cell's, as those of tape.parts")
    if np.shape(tape.h) != (shapes.tape.h if tape.batched else shapes.tape.h[:1] + shapes.tape.h[2:]):
        raise ValueError("tape.h was changed: expected the array that forward returned")
    if tape.batched or not cell.states:
        kind = "a batch" if tape.batched else "attention"
        raise ValueError(f"tape is of {kind}: expected one sequence, x (T, I), of a recurrent cell")
    return cell, shapes


def jacobians(tape: Tape) -> Array:
    """The Jacobian of every step.

    Parameters
    ----------
    tape : Tape
        Of one sequence.

    Returns
    -------
    ndarray (T, N, N)
        dh_(t+1)/dh_t in row t; N = H, of the LSTM 2 H with h above c. They take T N^2 numbers.

    Raises
    ------
    TypeError, ValueError
        If the tape is not of one sequence of a recurrent cell.
    """
    cell, _ = one_sequence(tape)
    if cell.tangent is None:
        raise TypeError(f"tape is of a {type(tape.params).__name__} cell: expected one with a tangent")
    size, step = tape.h.shape[1] * len(cell.states), cell.tangent(tape.params, tape.record)
    return np.stack([step(t, np.eye(size)) for t in range(len(tape.h) - 1)])


def log10_singular_values(matrices: ArrayLike) -> Array:
    """log10 of the singular values of a product of square matrices, however far beyond the range of floats.

    Parameters
    ----------
    matrices : array_like (T, N, N)
        The factors, the first one applied first, as `jacobians` returns them.

    Returns
    -------
    ndarray (N,)
        Descending; -inf where the product loses a direction. With `plot(ax=None)` and `to_frame()`.

    Warns
    -----
    RuntimeWarning
        If values that lie close together are not settled after 300 sweeps.

    Notes
    -----
    Orthonormal columns are carried through all factors and back through their transposes, with a QR decomposition at
    every step, until the sums of log |R_ii| no longer change (orthogonal iteration on J^T J in factored form, G. H.
    Golub and C. F. Van Loan, Matrix Computations, 4th ed., section 8.2.4).
    """
    factors = numbers("matrices", matrices, (3,), np.float64)
    if factors.shape[1] != factors.shape[2] or 0 in factors.shape:
        raise ValueError(f"matrices has shape {factors.shape}: expected (T, N, N), T and N at least 1")
    powers = np.frexp(np.abs(factors).max(axis=(1, 2)))[1]
    powers[np.abs(powers) < FAR] = 0
    factors = np.ldexp(factors, -powers[:, None, None])
    return Measured((swept(factors) + np.log(2.0) * powers.sum()) / np.log(10.0), SINGULAR)


def swept(factors: Array) -> Array:
    """The logarithms of the singular values, by sweeps to and fro until they are settled; who has to stop before says so."""
    q, before = np.eye(factors.shape[1]), np.zeros(factors.shape[1])
    for _ in range(SWEEPS):
        q, forwards = carry(factors, q)
        q, backwards = carry(factors[::-1].transpose(0, 2, 1), q)
        found = np.sort(0.5 * (forwards + backwards))[::-1]
        if np.allclose(found, before, rtol=SETTLED, atol=SETTLED):
            return found
        both = np.isfinite(found) & np.isfinite(before)
        change, before = np.abs(found[both] - before[both]).max(initial=0.0) / np.log(10.0), found
    told = (
        f"the singular values are not settled after {SWEEPS} sweeps: their log10 still changes by {change:.1g} in one"
    )
    warnings.warn(told, RuntimeWarning, stacklevel=3)
    return found


def carry(factors: Array, q: Array) -> tuple[Array, Array]:
    """Orthonormal columns through all factors; and the sums of log |R_ii|."""
    total = np.zeros(q.shape[1])
    for factor in factors:
        q, r = np.linalg.qr(factor @ q)
        with np.errstate(divide="ignore"):
            total += np.log(np.abs(np.diag(r)))
    return q, total


def loss_triangle(tape: Tape, dh: ArrayLike | None = None) -> Array:
    """The triangle of losses and steps: log10 |dL_s/dh_t|, what the loss of step s sends to step t, for every t <= s.

    Parameters
    ----------
    tape : Tape
        Of one sequence.
    dh : array_like (T, H), optional
        The direct derivative of each step's own loss L_s with respect to h_s; default ones.

    Returns
    -------
    ndarray (T, T + 1)
        Row s - 1 is the loss at step s, column t the state h_t; nan where t > s. With `plot(ax=None)` and `to_frame()`.
    """
    cell, _ = one_sequence(tape)
    steps, hidden = len(tape.h) - 1, tape.h.shape[1]
    given = numbers("dh", np.ones((steps, hidden)) if dh is None else dh, (2,), np.float64)
    if given.shape != (steps, hidden):
        raise ValueError(f"dh has shape {given.shape}: expected {(steps, hidden)}")
    x = np.repeat(tape.record.x, steps, axis=1)
    rows = tuple(getattr(tape.record, name)[0, 0] for name in cell.states)
    start: Any = rows if len(rows) > 1 else rows[0]
    together = forward(tape.params, x, start, tape.nonlinearity, length=np.arange(1, steps + 1))
    norms = gradient_flow(together, given).log10_norm.T
    earlier = np.arange(steps + 1) <= np.arange(1, steps + 1)[:, None]
    return Measured(np.where(earlier, norms, np.nan), TRIANGLE)


def step_gradients(tape: Tape, dh: ArrayLike, dc: ArrayLike | None = None) -> Array:
    """Each step's share of dL/dweight_hh, before they are summed.

    Parameters
    ----------
    tape, dh, dc
        As of `backward`; the tape of one sequence.

    Returns
    -------
    ndarray (T, G, H)
        Row t - 1 is the share of step t; the sum over rows is dL/dweight_hh.
    """
    cell, shapes = one_sequence(tape)
    if cell.share is None:
        raise TypeError(f"tape is of a {type(tape.params).__name__} cell: expected one with recurrent weights")
    work, dloss = prepared(tape, shapes, dh, dc)
    whole = whole_shapes(cell, *tape.record.x.shape, dloss.shape[-1])
    gradients = allocate(np.empty, whole.gradients, dloss.dtype)
    cell.backward(tape.params, tape.record, dloss, gradients, work, WHOLE)
    rows, sent = cell.share(tape.record, gradients)
    return np.asarray(rows.reshape(len(rows), -1, 1) * sent[:, 0, None, :])


def saturation(tape: Tape, limit: float = 0.1) -> Array:
    """Shares of the units of a vanilla cell that hardly pass a gradient on.

    Parameters
    ----------
    tape : Tape
        Of one sequence.
    limit : float
        Of the steepest slope of the nonlinearity.

    Returns
    -------
    ndarray (T,)
        The share of units at each step whose slope f'(a) is below that.

    Raises
    ------
    TypeError, ValueError
        If the tape is not of one sequence of a vanilla cell.
    """
    cell, _ = one_sequence(tape)
    positive(limit=limit)
    if cell.slopes is None:
        raise TypeError(f"tape is of a {type(tape.params).__name__} cell: expected the vanilla cell's")
    if not isinstance(tape.nonlinearity, str):
        raise TypeError("tape.nonlinearity is a pair of functions: expected a name, the steepest slope is not known")
    steepest = 0.25 if tape.nonlinearity == "sigmoid" else 1.0
    return np.asarray((cell.slopes(tape.record)[:, 0] < limit * steepest).mean(axis=1))


def first_nonfinite(tape: Tape, dh: ArrayLike) -> NonFinite | None:
    """The first step of a run that float64 can't show, forward or, if all states are finite, on the way back.

    Parameters
    ----------
    tape, dh
        As of `backward`; the tape of one sequence.

    Returns
    -------
    NonFinite or None
    """
    one_sequence(tape)
    bad = np.flatnonzero(~np.isfinite(tape.h).all(axis=1))
    if bad.size:
        return NonFinite("forward", int(bad[0]))
    norms = gradient_flow(tape, dh).log10_norm
    bad = np.flatnonzero(norms >= np.log10(2.0) * 1024)
    return NonFinite("backward", int(bad[-1])) if bad.size else None
