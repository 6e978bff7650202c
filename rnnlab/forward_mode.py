"""Gradients that are carried forwards, beside the states: exactly, in part, and by unbiased guesses of rank one.

With s_t the state (of the LSTM h above c), theta the parameters, J_t = ds_t/ds_(t-1) and I_t = ds_t/dtheta with s_(t-1) held:

    P_t = J_t P_(t-1) + I_t                                                    (real-time recurrent learning, exact)
    P_t = M_n * (J_t P_(t-1) + I_t),   M_n: where a parameter reaches a state within n steps                (SnAp-n)
    u_t = rho J_t u_(t-1) + sigma v_t,   w_t = w_(t-1) / rho + v_t^T I_t / sigma,   E[u_t w_t^T] = P_t          (UORO)

with v_t of random signs. Neither looks back: what they keep does not grow with T. All functions take the tape of one
sequence (`forward` on x (T, I)) of a recurrent cell.

(R. J. Williams and D. Zipser, Neural Computation 1, 1989; C. Tallec and Y. Ollivier, arXiv:1702.05043, 2017; J. Menick
et al., ICLR 2021.)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rnnlab._base.checks import checked_rng, whole
from rnnlab.anatomy import one_sequence
from rnnlab.api import backward, forward
from rnnlab.kernels.cells.cell import Cell
from rnnlab.tape import Tape, prepared

Array = NDArray[Any]


class Local(NamedTuple):
    """The two derivatives of one step, N numbers of state and P parameters."""

    state: Array  # (N, N): ds_t/ds_(t-1)
    params: Array  # (N, P): ds_t/dtheta with s_(t-1) held, the parameters one after the other


def local_derivatives(tape: Tape) -> Iterator[Local]:
    """The derivatives of every single step by its state and by the parameters, the first step first.

    Parameters
    ----------
    tape : Tape
        Of one sequence.

    Yields
    ------
    Local
        ds_t/ds_(t-1) (N, N) and ds_t/dtheta (N, P), t = 1 .. T or the sequence's own length; N = H, of the LSTM 2 H.

    Raises
    ------
    TypeError, ValueError
        If the tape is not of one sequence of a recurrent cell with a tangent.
    """
    return map(whole_derivatives, steps_of(tape, recurrent_cell(tape)))


def recurrent_cell(tape: Any) -> Cell:
    """The cell of one sequence's tape, which has a tangent."""
    cell, _ = one_sequence(tape)
    if cell.tangent is None:
        raise TypeError(f"tape is of a {type(tape.params).__name__} cell: expected one with a tangent")
    return cell


class Step(NamedTuple):
    """One step as products with its two derivatives, neither of which is formed."""

    size: int  # N
    forwards: Callable[[Array], Array]  # columns (N, K) to ds_t/ds_(t-1) of each
    backwards: Callable[[Array], Array]  # rows (K, N) to each times ds_t/dtheta (K, P)


def whole_derivatives(step: Step) -> Local:
    """Both derivatives of a step, column by column and row by row."""
    directions = np.eye(step.size)
    return Local(step.forwards(directions), step.backwards(directions))


def steps_of(tape: Tape, cell: Cell) -> Iterator[Step]:
    """Tangents of the cell, and adjoints of runs of a single step."""
    record, tangent = tape.record, cell.tangent(tape.params, tape.record)  # type: ignore[misc]
    for t in range(int(record.length[0])):
        start = [getattr(record, name)[t, 0] for name in cell.states]
        one = forward(tape.params, record.x[t], nested(start), tape.nonlinearity)
        yield Step(len(start) * tape.h.shape[1], partial(tangent, t), partial(adjoint, one, len(start)))


def adjoint(one: Tape, states: int, rows: Array) -> Array:
    """The parameters' gradients (K, P) of a step whose state has the derivatives (K, N): one way back a row."""
    ends = (nested(np.split(row, states)) for row in rows)
    return np.stack([flat(backward(one, None, dh_n=end).params) for end in ends])


def nested(states: list[Array]) -> Any:
    """States (H,) as the API takes them: the only one, or a tuple."""
    return states[0] if len(states) == 1 else tuple(states)


def flat(params: Any) -> Array:
    """All parameters one after the other."""
    return np.concatenate([np.ravel(array) for array in params])


def shaped(rows: Array, params: Any) -> Any:
    """Parameters (...,) + their shapes, from rows (..., P) of them one after the other."""
    ends = np.cumsum([np.size(array) for array in params])[:-1]
    parts = zip(np.split(rows, ends, axis=-1), params, strict=True)
    return type(params)(*(part.reshape((*rows.shape[:-1], *np.shape(array))) for part, array in parts))


def real_time_gradients(tape: Tape, dh: ArrayLike | None, *, dh_n: Any = None) -> Any:
    """Gradients of all parameters by real-time recurrent learning: those of `backward`, without a way back.

    Parameters
    ----------
    tape, dh, dh_n
        As of `backward`, of one sequence: dh (H,) for the last step or (T, H) for every one.

    Returns
    -------
    of the type of the parameters
        `backward(tape, dh, dh_n=dh_n).params` to rounding. Memory N P, time N^2 P a step: of a plain RNN H^3 and H^4.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as above.

    References
    ----------
    R. J. Williams and D. Zipser, A learning algorithm for continually running fully recurrent neural networks, Neural
    Computation 1, 1989, equation 5.

    Examples
    --------
    >>> import rnnlab as rl
    >>> params = rl.RNNParams(weight_ih=[[1.0]], weight_hh=[[2.0]], bias=[0.0])
    >>> tape = rl.forward(params, x=[[1.0], [1.0], [1.0]], nonlinearity="linear")
    >>> rl.forward_mode.real_time_gradients(tape, dh=[1.0]).weight_hh.tolist()  # h_2 + 2 h_1
    [[5.0]]
    """
    cell, losses = recurrent_cell(tape), losses_of(tape, dh, dh_n)
    influence: Any = 0.0
    total: Any = np.zeros(sum(map(np.size, tape.params)))
    for loss, step in zip(losses, steps_of(tape, cell), strict=False):
        influence = step.backwards(np.eye(step.size)) + (step.forwards(influence) if np.ndim(influence) else 0.0)
        total = total + loss @ influence
    return shaped(total, tape.params)


def losses_of(tape: Tape, dh: ArrayLike | None, dh_n: Any) -> Array:
    """The loss's direct derivative (L, N) with respect to the state after every one of the sequence's L steps."""
    cell, shapes = one_sequence(tape)
    work, dloss = prepared(tape, shapes, dh, dh_n=dh_n)
    own, hidden = int(tape.record.length[0]), tape.h.shape[1]
    losses = np.zeros((own, len(cell.states) * hidden), dloss.dtype)
    if own:
        rows = losses[:, :hidden] if len(dloss) > 1 else losses[-1:, :hidden]
        rows[:] = dloss[: len(rows), 0]
        losses[-1] += work.now[:, 0].ravel()
    return losses


def sparse_gradients(tape: Tape, dh: ArrayLike | None, *, dh_n: Any = None, reach: int = 1) -> Any:
    """Gradients by the sparse n-step approximation (SnAp-n): a parameter's influence on what it reaches within n steps.

    Parameters
    ----------
    tape, dh, dh_n
        As of `real_time_gradients`.
    reach : int
        n, at least 1: a step after a parameter acts it has reached the units that it acts on, a step later those that
        hear them.

    Returns
    -------
    of the type of the parameters
        `backward`'s to rounding from that n on at which nothing more is reached: 1 where every unit hears only itself, 2
        where every unit hears every other. An online run keeps the entries reached; here the derivatives of all T steps
        are formed, T N P numbers, to see which these are.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as above.

    References
    ----------
    J. Menick, E. Elsen, U. Evci, S. Osindero, K. Simonyan, A. Graves, Practical real time recurrent learning with a sparse
    approximation, ICLR 2021.

    Examples
    --------
    >>> import rnnlab as rl
    >>> params = rl.RNNParams(weight_ih=[[1.0], [0.0]], weight_hh=[[0.5, 0.0], [2.0, 0.5]], bias=[0.0, 0.0])
    >>> tape = rl.forward(params, x=[[1.0], [0.0]], nonlinearity="linear")
    >>> [rl.forward_mode.sparse_gradients(tape, [0.0, 1.0], reach=n).weight_ih[0, 0].item() for n in (1, 2)]
    [0.0, 2.0]
    """
    cell, losses, reach = recurrent_cell(tape), losses_of(tape, dh, dh_n), whole(1, "reach", reach)
    local = list(map(whole_derivatives, steps_of(tape, cell)))
    total = carried(local, losses, influence_pattern(local, reach)) if local else np.zeros(flat(tape.params).size)
    return shaped(total, tape.params)


def influence_pattern(local: list[Local], reach: int) -> NDArray[np.bool_]:
    """The entries (N, P) of the influence matrix that are ever reached within so many steps."""
    heard, reached = (np.any(np.stack(parts) != 0, axis=0) for parts in zip(*local, strict=True))
    for _ in range(reach - 1):
        reached = reached | heard @ reached
    return reached


def carried(local: Iterable[Local], losses: Array, kept: Array) -> Array:
    """The gradient (P,) by an influence matrix of which some entries are kept."""
    influence, total = np.zeros(kept.shape), np.zeros(kept.shape[1])
    for loss, step in zip(losses, local, strict=True):
        influence = kept * (step.state @ influence + step.params)
        total += loss @ influence
    return total


def unbiased_gradients(
    tape: Tape,
    dh: ArrayLike | None,
    *,
    dh_n: Any = None,
    rng: np.random.Generator,
    samples: int = 1,
    rescale: bool = True,
) -> Any:
    """Guesses of the gradient by unbiased online recurrent optimisation (UORO), whose mean is `backward`'s.

    Parameters
    ----------
    tape, dh, dh_n
        As of `real_time_gradients`.
    rng : numpy.random.Generator
        Draws the signs.
    samples : int
        Independent guesses.
    rescale : bool
        Whether rho = sqrt(|w| / |J u|) and sigma = sqrt(|v^T I| / |v|) balance the two factors at every step, as the paper
        does, or both are 1; unbiased in either way.

    Returns
    -------
    of the type of the parameters
        Each array with an axis of samples in front. Memory N + P a sample, time of a forward and a backward step a
        sample, N + P of a plain RNN; of more samples than N a step's derivatives are formed, N P numbers, and shared.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as above.

    References
    ----------
    C. Tallec and Y. Ollivier, Unbiased online recurrent optimization, arXiv:1702.05043, 2017.

    Examples
    --------
    >>> import numpy as np, rnnlab as rl
    >>> params = rl.RNNParams(weight_ih=[[1.0]], weight_hh=[[2.0]], bias=[0.0])
    >>> tape = rl.forward(params, x=[[1.0], [1.0]], nonlinearity="linear")
    >>> guess = rl.forward_mode.unbiased_gradients(tape, [1.0], rng=np.random.default_rng(0), samples=4, rescale=False)
    >>> set(guess.bias[:, 0].tolist()) <= {6.0, 0.0}  # (2 a + b) (a + b) of two signs; 3 in the mean
    True
    """
    cell, losses = recurrent_cell(tape), losses_of(tape, dh, dh_n)
    rng, samples = checked_rng(rng), whole(1, "samples", samples)
    u, w, total = np.zeros((samples, losses.shape[1])), np.zeros((samples, 1)), np.zeros((samples, 1))
    for loss, step in zip(losses, steps_of(tape, cell), strict=False):
        signs = rng.choice([-1.0, 1.0], u.shape)
        few = samples <= step.size
        u, new = step.forwards(u.T).T, step.backwards(signs) if few else signs @ step.backwards(np.eye(step.size))
        rho, sigma = (ratio(w, u), ratio(new, signs)) if rescale else (1.0, 1.0)
        u, w = rho * u + sigma * signs, w / rho + new / sigma
        if loss.any():
            total = total + (u @ loss)[:, None] * w
    return shaped(np.broadcast_to(total, (samples, sum(map(np.size, tape.params)))), tape.params)


def ratio(above: Array, below: Array) -> Array:
    """The root of the ratio of norms (samples, 1) that makes the two equal; 1 where either is 0."""
    over, under = (np.linalg.norm(rows, axis=1, keepdims=True) for rows in (above, below))
    return np.sqrt(np.divide(over, under, out=np.ones_like(over), where=(over > 0) & (under > 0)))
