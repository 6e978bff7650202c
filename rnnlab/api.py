"""The cells behind checks: forward, backward, gradient_flow. They check, cast, allocate and call a kernel.

The cell is chosen by the type of `params`; everything is computed in its floating type: float32 if every weight is, else
float64. Axes: T steps, B sequences, I inputs, H units.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rnnlab import two_cores
from rnnlab._base.blas import one_blas_thread
from rnnlab._base.checks import at_least, integers, lengths, numbers, real_numbers, shortened
from rnnlab._base.memory import empty
from rnnlab.gradients import GradientFlow, Gradients, measured
from rnnlab.kernels.cells.cell import Cell, allocate, leaves_of, shapes_of, sizes_of
from rnnlab.kernels.cells.parts import flow_of
from rnnlab.kernels.cells.scaled import backward as scaled_backward
from rnnlab.kernels.scaling import Scaled
from rnnlab.kernels.sequences import WHOLE
from rnnlab.nonlinearities import Nonlinearity, Pair
from rnnlab.params import checked_choice, checked_params, copied, dtype_of, is_ready
from rnnlab.ready import backward_ready, forward_ready
from rnnlab.tape import (
    Tape,
    checked_tape,
    initial_gradients,
    own_steps,
    prepared,
    set_initial_states,
    tape_of,
    unbatched,
    work_space,
)

Array = NDArray[Any]


def forward(
    params: Any,
    x: ArrayLike,
    h0: Any = None,
    nonlinearity: Nonlinearity | Pair = "tanh",
    length: ArrayLike | None = None,
    *,
    batch_first: bool = False,
) -> Tape:
    """Run a cell through a sequence or a batch of sequences.

    Parameters
    ----------
    params : of a cell, say RNNParams or LSTMParams; a Stack or a Bidirectional of them
        Their type is the cell, whose equations stand at the head of its file in `rnnlab.kernels.cells`.
    x : array_like, (T, I) or (T, B, I)
        Inputs, oldest first.
    h0 : array_like, (H,) or (B, H), optional
        Initial state, default 0; of the LSTM a pair (h0, c0). Attention has none. Of a Stack or a Bidirectional a tuple of
        those of its parts, of which any may be None.
    nonlinearity : {"tanh", "relu", "sigmoid", "linear"}, or a pair of functions
        Of the cells that have a choice: vanilla and leaky. One of your own is (value, slope), f(a) and f'(a) as functions
        of a that ``numba.njit`` compiled; `check_cell` says whether the slope is right.
    length : array_like of int, scalar or (B,), optional
        Each sequence's own number of steps, 0 to T; afterwards its state is held, and x is not looked at. Default T.
        The second direction of a Bidirectional runs through each sequence's own steps in reverse, as of packed sequences.
    batch_first : bool
        Whether x is (B, T, I), as PyTorch's option says and Keras always has it. Time is first in all that comes back.

    Returns
    -------
    Tape
        `tape.h` (T + 1, H) or (T + 1, B, H), with h[0] the initial state; of a Stack the last layer's, of a Bidirectional
        both directions' side by side. `tape.parts` are the tapes of its layers or directions. It holds copies of the
        parameters and of x: what is done to yours afterwards doesn't change the way back. A state beyond the range of
        floats is inf, and nan where such ones cancel: `anatomy.first_nonfinite` says where this begins.

    Raises
    ------
    TypeError
        If `params` is not of a cell, or an argument is not numeric.
    ValueError
        If a shape, a value or a name is not as above; the message names the argument, what it is and what was expected.

    Examples
    --------
    >>> import rnnlab as rl
    >>> params = rl.RNNParams(weight_ih=[[1.0]], weight_hh=[[2.0]], bias=[0.0])
    >>> tape = rl.forward(params, x=[[1.0], [1.0], [1.0]], nonlinearity="linear")
    >>> tape.h[:, 0].tolist()  # 0, then 2 h + 1
    [0.0, 1.0, 3.0, 7.0]
    """
    usual = h0 is None and length is None and not batch_first
    tape = forward_ready(params, x, nonlinearity) if usual else None
    return forward_checked(params, x, h0, nonlinearity, length, batch_first) if tape is None else tape


def forward_checked(params: Any, x: Any, h0: Any, nonlinearity: Any, length: Any, batch_first: bool) -> Tape:
    """A run of whatever was given, or what is wrong with it."""
    cell, given = checked_params(params)
    given = copied(given)  # weights and x may be overwritten before the way back: 0.3 % of it at H = 512
    kind = dtype_of(given)
    inputs, own_length = checked_inputs(given, x, length, batch_first)
    shapes = shapes_of(given, len(inputs), own_length.size)
    tape = allocate(empty, shapes.tape, kind)
    tape.x[:], tape.length[:] = inputs.reshape(shapes.tape.x), own_length
    choice = checked_choice(given, nonlinearity)
    set_initial_states(given, tape, h0)
    two_cores.forward(choice, given, tape, lambda: work_space(cell, shapes, kind))
    return tape_of(given, nonlinearity, tape, inputs.ndim == 3)


def checked_inputs(
    params: Any, x: ArrayLike, length: ArrayLike | None, batch_first: bool = False
) -> tuple[Array, Array]:
    """The inputs (T, I) or (T, B, I), 0 after each sequence's end, whatever was there; and its number of steps (B,)."""
    if length is None and batch_first is False and is_ready(x, (2, 3), dtype_of(params), sizes_of(params)[0]):
        return x, lengths(None, len(x), x.shape[1] if x.ndim == 3 else 1)
    given = time_first(x, batch_first)
    if length is not None and given.ndim in (2, 3):
        given = own_steps(given, checked_lengths(given, length))
    inputs, wanted = numbers("x", given, (2, 3), dtype_of(params)), sizes_of(params)[0]
    if 0 in inputs.shape or inputs.shape[-1] != wanted:
        expected = f"(T, {wanted}) or (T, B, {wanted}) with T, B >= 1"
        raise ValueError(f"x has shape {np.shape(x)}: expected {expected}, as the network has {wanted} inputs")
    return inputs, lengths(length, len(inputs), inputs.shape[1] if inputs.ndim == 3 else 1)


def time_first(x: ArrayLike, batch_first: bool) -> Array:
    """The inputs (T, I) or (T, B, I), of (B, T, I) if the batch is first."""
    given = real_numbers("x", x)
    if not isinstance(batch_first, bool | np.bool_):
        raise TypeError(f"batch_first is {shortened(batch_first)}: expected True or False")
    if not batch_first:
        return given
    if given.ndim != 3:
        raise ValueError(f"x has shape {given.shape}: expected (B, T, I), as batch_first is True")
    return given.swapaxes(0, 1)


def checked_lengths(x: Array, length: ArrayLike) -> Array:
    """The number of steps (B,) of each sequence of x (T, I) or (T, B, I)."""
    given, steps, batch = integers("length", length), len(x), x.shape[1] if x.ndim == 3 else 1
    if batch != steps == given.size > 1:
        raise ValueError(
            f"length has shape {given.shape}: expected a scalar or ({batch},), one for each sequence of x "
            f"{x.shape}, (T, B, I); (B, T, I)? pass batch_first=True"
        )
    return lengths(given, steps, batch)


def backward(
    tape: Tape,
    dh: ArrayLike | None,
    dc: ArrayLike | None = None,
    window: int | None = None,
    *,
    dh_n: Any = None,
    scaled: bool = False,
) -> Gradients:
    """Backpropagation through time, whole or truncated.

    Parameters
    ----------
    tape : Tape
        From `forward`.
    dh : array_like
        The loss's direct derivative with respect to the last state, (H,) or (B, H), or to every state h_1 .. h_T,
        (T, H) or (T, B, H). The last state is that of each sequence's own last step. Of every state, those after a
        sequence's end have no part in the loss, as in `fit` and in PyTorch's packed sequences: what dh has there is
        not looked at. None where dc or dh_n is all there is.
    dc : array_like, (H,) or (B, H), optional
        Of the LSTM: the loss's direct derivative with respect to the last cell state.
    window : int, optional
        Of truncated BPTT: every sequence is cut in windows of so many steps, counted from its last, and no gradient goes
        from one window to the one before. Attention has none.
    dh_n : array_like, or tuples of them, nested as `h0` of `forward`, optional
        The loss's direct derivatives with respect to the last states of all parts, PyTorch's h_n and c_n, which
        `tape.parts` have: of the LSTM a pair (dh_n, dc_n), of a Stack or a Bidirectional a tuple of those of its parts,
        of which any may be None. They come on top of dh and dc. Of a Bidirectional's second direction the last state is
        that at each sequence's first step.
    scaled : bool
        Whether every gradient is a `kernels.Scaled` of mantissas and exponents, as of `one_unit_gradients`, in the place of
        an array: exact far beyond the range of floats (`log10_abs`, `to_float`), as long as the states of the tape are
        finite. Of recurrent cells, not truncated.

    Returns
    -------
    Gradients
        Of the parameters, of every input and of the initial state.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as above.

    Examples
    --------
    >>> import rnnlab as rl
    >>> params = rl.RNNParams(weight_ih=[[1.0]], weight_hh=[[2.0]], bias=[0.0])
    >>> tape = rl.forward(params, x=[[1.0]] * 10, nonlinearity="linear")
    >>> rl.backward(tape, dh=[1.0]).h0.tolist()  # 2^10
    [1024.0]
    >>> far = rl.backward(rl.forward(params, x=[[1.0]] * 2000, nonlinearity="relu"), dh=[1.0], scaled=True)
    >>> round(float(rl.log10_abs(far.h0)[0]), 6)  # 2^2000; its states are beyond floats, but not their slopes
    602.059991
    """
    usual = dc is None and window is None and dh_n is None and not scaled
    found = backward_ready(tape, dh) if usual else None
    return backward_checked(tape, dh, dc, window, dh_n, scaled) if found is None else found


def backward_checked(tape: Any, dh: Any, dc: Any, window: Any, dh_n: Any, scaled: bool) -> Gradients:
    """The way back of whatever was given, or what is wrong with it."""
    cell, shapes = checked_tape(tape)
    kind = tape.record.x.dtype
    work, dloss = prepared(tape, shapes, dh, dc, dh_n)
    gradients = allocate(empty, shapes.gradients, kind)
    if scaled:
        refuse_scaled(tape.params, window)
        with one_blas_thread():
            return with_exponents(tape, scaled_backward(tape.params, tape.record, dloss, gradients, work))
    steps = truncation(cell, window)
    two_cores.backward(tape.params, tape.record, dloss, gradients, work, steps)
    dh0 = initial_gradients(gradients, tape.batched)
    return Gradients(gradients.params, unbatched(gradients.x, tape.batched), dh0)


def refuse_scaled(params: Any, window: int | None) -> None:
    """ValueError where a way back has no exponents."""
    if window is not None:
        raise ValueError(f"window is {window}: expected None, as scaled is True")
    for leaf in leaves_of(params):
        if not type(leaf).cell().states:
            raise ValueError(f"scaled is True, and params has {type(leaf).__name__}: expected recurrent cells")


def with_exponents(tape: Tape, found: tuple[Any, Scaled, Any]) -> Gradients:
    """The gradients as they are returned, without an axis of sequences if the input had none."""
    params, x, h0 = found
    return Gradients(params, Scaled(*(unbatched(part, tape.batched) for part in x)), initial_scaled(h0, tape.batched))


def initial_scaled(h0: Any, batched: bool) -> Any:
    """Those of the initial states, nested as `h0` of forward is."""
    if not isinstance(h0, Scaled):
        return tuple(initial_scaled(part, batched) for part in h0)
    rows = tuple(Scaled(*(part if batched else part[0] for part in row)) for row in zip(*h0, strict=True))
    return rows if len(rows) > 1 else rows[0]


def truncation(cell: Cell, window: Any) -> int:
    """The window as the kernels take it."""
    if window is None:
        return WHOLE
    at_least(1, window=window)
    if not cell.states:
        raise ValueError(f"window is {window}: expected None, attention goes back in a single step")
    return min(int(window), WHOLE)


def gradient_flow(tape: Tape, dh: ArrayLike | None, dc: ArrayLike | None = None, *, dh_n: Any = None) -> GradientFlow:
    """The size of the gradient at every step of the way back, exact far beyond the range of floats.

    Parameters
    ----------
    tape, dh, dc, dh_n
        As of `backward`.

    Returns
    -------
    GradientFlow
        `flow.log10_norm[t]` is log10 of the Euclidean norm of dL/dh_t, t = 0 .. T; exact as long as no single step
        multiplies by more than 1e288 (float32: 1e34). Wherever plain backpropagation has normal numbers it has the same bits. Of a Stack a tuple, one for each layer, and of a Bidirectional one for each
        direction, in its own time; nested as they are.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as above.

    Examples
    --------
    >>> import rnnlab as rl
    >>> params = rl.RNNParams(weight_ih=[[1.0]], weight_hh=[[0.5]], bias=[0.0])
    >>> tape = rl.forward(params, x=[[0.0]] * 5000, nonlinearity="linear")
    >>> flow = rl.gradient_flow(tape, dh=[1.0])
    >>> round(float(flow.log10_norm[0]), 6), float(flow.growth_rate), int(flow.float64_lost)  # 0.5^5000
    (-1505.149978, 0.5, 3925)
    """
    cell, shapes = checked_tape(tape)
    steps, batch, _ = tape.record.x.shape
    work, dloss = prepared(tape, shapes, dh, dc, dh_n)
    whole = np.int64 if dloss.dtype == np.float64 else np.int32
    flow = flow_of(tape.params, steps, np.zeros((len(dloss), batch), whole))
    gradients = allocate(empty, shapes.gradients, dloss.dtype)
    with one_blas_thread():
        cell.flow(tape.params, tape.record, dloss, flow, gradients, work)
    return measured(flow, tape.record.length, tape.batched)
