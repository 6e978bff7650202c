"""Gradient flossing: pushing Lyapunov exponents towards a target by the gradient of the QR method that measures them.

    L = sum_i (lambda_i - target)^2,   lambda_i = mean_t log |R_t,ii|,   J_t Q_(t-1) = Q_t R_t,   J_t = diag(f'(a_t)) W_hh

Backwards, with M_t = J_t Q_(t-1), a bar for dL/d, and c_i = dL/d(log |R_t,ii|), the adjoint of QR is

    M_t bar = (Q_t bar + Q_t S_t) R_t^-T,   S_t symmetric with the lower triangle of diag(c) - Q_t bar^T Q_t

(S. F. Walter and L. Lehmann, Algorithmic differentiation of linear algebra functions, Optimization Methods and Software
28, 2013; H.-J. Liao et al., Phys. Rev. X 9, 031041, 2019). From M_t bar go W_hh bar, Q_(t-1) bar and the slopes' bar, s.
A slope moves with a_t as f'' says, which for the units here is a multiple of f': the slopes' part is backpropagation
through time from dh_t = s_t f''(a_t) / f'(a_t).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import scipy
from numpy.typing import ArrayLike, NDArray

from rnnlab._base.blas import one_blas_thread
from rnnlab._base.checks import checked_rng, numbers, one_of, positive, shortened, whole
from rnnlab._base.showing import largest_entry, shows
from rnnlab._base.task import Task
from rnnlab.api import backward, forward
from rnnlab.kernels.cells.rnn import RNNParams
from rnnlab.kernels.optimisers import take_step
from rnnlab.lyapunov import start_of
from rnnlab.nonlinearities import Nonlinearity, Pair
from rnnlab.params import checked_params
from rnnlab.tape import Tape
from rnnlab.training import Model
from rnnlab.training.optimisers import descent_of
from rnnlab.training.vector import flat, views

Array = NDArray[np.float64]
CURVATURES: dict[str, Callable[[Array], Array]] = {  # f'' / f' by the state
    "linear": np.zeros_like,
    "relu": np.zeros_like,
    "tanh": lambda h: -2 * h,
    "sigmoid": lambda h: 1 - 2 * h,
}


@shows(largest_entry)
class FlossingLoss(NamedTuple):
    """Distance of Lyapunov exponents from a target, and its gradient."""

    loss: float  # sum of (exponent - target)^2
    exponents: Array  # (k,) nats a step, in the order of the columns of Q: nearly descending
    gradients: RNNParams  # derivatives of the loss


@shows(largest_entry)
class Flossed(NamedTuple):
    """A model that was flossed."""

    model: Model
    exponents: Array  # (updates, k): before each update


def flossing_loss(
    params: RNNParams,
    x: ArrayLike,
    h0: ArrayLike | None = None,
    k: int | None = None,
    *,
    nonlinearity: Nonlinearity | Pair = "tanh",
    discard: int = 0,
    target: float = 0.0,
) -> FlossingLoss:
    """The sum of (lambda_i - target)^2 over the k largest Lyapunov exponents along an input, and its gradient.

    Parameters
    ----------
    params : RNNParams
    x : array_like, (T, I)
        Inputs.
    h0 : array_like, (H,), optional
        Initial state, default 0; it is held fixed.
    k : int, optional
        How many exponents, at most H; default all.
    nonlinearity : {"tanh", "sigmoid", "relu", "linear"}
        One of your own is refused, as its second derivative is not known.
    discard : int
        First steps that are run and not counted, as of `lyapunov_spectrum`.
    target : float
        What the exponents should be, nats a step.

    Returns
    -------
    FlossingLoss
        `loss`, `exponents` (k,), `gradients` (RNNParams).

    Raises
    ------
    TypeError, ValueError
        If an argument is not as above; or if a direction is lost to rounding, as by a dead unit or a Jacobian of less
        than full rank: its exponent has no gradient.

    References
    ----------
    R. Engelken, Gradient flossing: improving gradient descent through dynamic control of Jacobians, NeurIPS 2023.

    Examples
    --------
    >>> import numpy as np, rnnlab as rl
    >>> params = rl.RNNParams([[0.0]], [[0.5]], [0.0])
    >>> found = rl.flossing_loss(params, np.zeros((9, 1)))  # ln^2 0.5, and 2 ln(w) / w
    >>> round(found.loss, 4), found.gradients.weight_hh.round(4).tolist()
    (0.4805, [[-2.7726]])
    """
    tape, k, discard = checked_run(params, x, h0, k, nonlinearity, discard)
    target = float(numbers("target", target, (0,)))
    with one_blas_thread(), np.errstate(all="ignore"):  # what is not finite is found and named
        qs, rs = decomposed(tape, k)
        exponents = np.log(counted_diagonals(rs)[discard:]).mean(axis=0)
        off = exponents - target
        gradients = backward_through_qr(tape, qs, rs, 2 * off / (len(rs) - discard), discard)
    return FlossingLoss(float(off @ off), exponents, gradients)


def checked_run(
    params: Any, x: ArrayLike, h0: Any, k: int | None, nonlinearity: Any, discard: int
) -> tuple[Tape, int, int]:
    """The network's run along x, how many exponents, and how many steps are not counted."""
    if not isinstance(params, RNNParams):
        raise TypeError(f"params is a {type(params).__name__}: expected RNNParams, whose Jacobian's slope is known")
    one_of("nonlinearity", nonlinearity, CURVATURES)
    size = len(checked_params(params)[1].bias)
    k, discard = size if k is None else whole(1, "k", k), whole(0, "discard", discard)
    if k > size:
        raise ValueError(f"k is {k}: expected at most {size}, the size of the state")
    tape = forward(params, x, h0, nonlinearity)
    if tape.batched:
        raise ValueError(f"x has shape {np.shape(x)}: expected one sequence, (T, I)")
    if discard >= len(tape.h) - 1:
        raise ValueError(f"discard is {discard}: expected at most {len(tape.h) - 2}, fewer than the steps of x")
    return tape, k, discard


def decomposed(tape: Tape, k: int) -> tuple[Array, Array]:
    """Q_0 .. Q_T (T + 1, H, k) and R_1 .. R_T (T, k, k)."""
    steps, size = len(tape.h) - 1, tape.h.shape[1]
    qs, rs = np.empty((steps + 1, size, k)), np.empty((steps, k, k))
    qs[0] = start_of(size, k)
    step = type(tape.params).cell().tangent(tape.params, tape.record)
    for t in range(steps):
        qs[t + 1], rs[t] = np.linalg.qr(step(t, qs[t]))
    return qs, rs


def counted_diagonals(rs: Array) -> Array:
    """|R_t,ii| (T, k); ValueError where one is lost to rounding beside the largest of its step."""
    sizes = np.abs(np.diagonal(rs, axis1=1, axis2=2))
    bound = 8 * rs.shape[1] * np.finfo(np.float64).eps * np.abs(rs).max(axis=(1, 2))
    lost = ~(sizes > bound[:, None])
    if lost.any():
        step, direction = np.argwhere(lost)[0]
        raise ValueError(
            f"the Jacobian of step {step + 1} loses direction {direction + 1} of {rs.shape[1]}: expected full rank; "
            "ask for a smaller k, or for units that are neither dead nor saturated"
        )
    return sizes


def backward_through_qr(tape: Tape, qs: Array, rs: Array, weights: Array, discard: int) -> RNNParams:
    """The gradient of sum_t weights @ log |diag R_t|, over the steps from `discard` on."""
    slope, weight_hh = tape.record.slope[:, 0].astype(np.float64), np.asarray(tape.params.weight_hh, np.float64)
    dq, dslope, dweight = np.zeros_like(qs[0]), np.empty(slope.shape), np.zeros(weight_hh.shape)
    for t in range(len(rs))[::-1]:
        dproduct = qr_adjoint(qs[t + 1], rs[t], dq, weights if t >= discard else 0 * weights)
        dslope[t] = (dproduct * (weight_hh @ qs[t])).sum(axis=1)
        dproduct *= slope[t, :, None]
        dweight += dproduct @ qs[t].T
        dq = weight_hh.T @ dproduct
    curvature = CURVATURES[str(tape.nonlinearity)](tape.h[1:].astype(np.float64))
    through_slopes = backward(tape, dslope * curvature).params
    return through_slopes._replace(weight_hh=through_slopes.weight_hh + dweight.astype(tape.h.dtype))


def qr_adjoint(q: Array, r: Array, dq: Array, dlog: Array) -> Array:
    """dL/dM of M = Q R, from dL/dQ and dL/d(log |R_ii|)."""
    lower = np.tril(np.diag(dlog) - dq.T @ q)
    symmetric = lower + np.tril(lower, -1).T
    return scipy.linalg.blas.dtrsm(1.0, r, dq + q @ symmetric, side=1, trans_a=1)


def floss(
    model: Model,
    task: Task,
    *,
    updates: int,
    rng: np.random.Generator,
    k: int | None = None,
    learning_rate: float = 0.001,
    target: float = 0.0,
) -> Flossed:
    """Push a model's Lyapunov exponents towards a target by Adam, each update along one fresh sequence of a task.

    Parameters
    ----------
    model : Model
        Of RNNParams; its readout stays as it is.
    task : Task
        Whose inputs are looked at, and whose targets are not.
    updates : int
        At least 1.
    rng : numpy.random.Generator
        Of the sequences.
    k, target
        As of `flossing_loss`.
    learning_rate : float
        Step size.

    Returns
    -------
    Flossed
        `model`, and `exponents` (updates, k) before each update.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as above, or a direction is lost on the way.

    References
    ----------
    R. Engelken, Gradient flossing: improving gradient descent through dynamic control of Jacobians, NeurIPS 2023.

    Examples
    --------
    >>> import numpy as np, rnnlab as rl
    >>> rng, task = np.random.default_rng(0), rl.tasks.temporal_order(20)
    >>> model = rl.Model(rl.RNNParams.init(6, 8, rng=rng), rl.Readout.init(8, 4, rng=rng))
    >>> exponents = rl.floss(model, task, updates=300, rng=rng, learning_rate=0.01).exponents
    >>> bool(np.abs(exponents[-1]).max() < 0.2 * np.abs(exponents[0]).max())
    True
    """
    updates, rng = whole(1, "updates", updates), checked_rng(rng)
    positive(learning_rate=learning_rate)
    for name, given, kind in (("model", model, Model), ("task", task, Task)):
        if not isinstance(given, kind):
            raise TypeError(f"{name} is {shortened(given)}: expected a {kind.__name__}")
    params, found = checked_params(model.params)[1], []
    values = np.stack([flat(params), *np.zeros((2, flat(params).size), flat(params).dtype)])
    descent = descent_of("adam", "pytorch")
    for step in range(1, updates + 1):
        (at,), x = views(values[0], params), task.draw(rng, 1).x[:, 0]
        one = flossing_loss(at, x, k=k, nonlinearity=model.nonlinearity, target=target)
        found.append(one.exponents)
        take_step(values, flat(one.gradients), descent, learning_rate, step)
    return Flossed(model._replace(params=views(values[0], params)[0]), np.array(found))
