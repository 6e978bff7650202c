"""Each cell's shapes and kernels, so that checking and allocating are written once for all of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from rnnlab._checks import numbers, shortened
from rnnlab.kernels.attention import (
    AttentionGradients,
    AttentionTape,
    AttentionWork,
    attention_backward,
    attention_flow,
    attention_forward,
)
from rnnlab.kernels.gru import GRUGradients, GRUTape, GRUWork, gru_backward, gru_flow, gru_forward
from rnnlab.kernels.lstm import LSTMGradients, LSTMTape, LSTMWork, lstm_backward, lstm_flow, lstm_forward
from rnnlab.kernels.rnn import RNNGradients, RNNTape, RNNWork, rnn_backward, rnn_flow, rnn_forward
from rnnlab.params import AttentionParams, GRUParams, LSTMParams, RNNParams


class Shapes(NamedTuple):
    """The shapes of a cell's arrays, each in a NamedTuple of the kernels' own type."""

    params: Any
    tape: Any
    work: Any
    gradients: Any


class Cell(NamedTuple):
    """What sets one cell apart from another."""

    shapes: Callable[[int, int, int, int], Shapes]  # of T, B, I, H
    states: int  # arrays that go from step to step: 1, or 2 with the LSTM's c, or none
    forward: Callable[..., None]  # (params, tape, work), the RNN's with the code of the nonlinearity before
    backward: Callable[..., None]  # (params, tape, dloss, gradients, work), of recurrent cells also the window
    flow: Callable[..., None]  # (params, tape, dloss, flow, gradients, work)


def rnn_shapes(t: int, b: int, i: int, h: int) -> Shapes:
    """Of the vanilla cell."""
    params = RNNParams((h, i), (h, h), (h,))  # type: ignore[arg-type]
    return Shapes(
        params,
        RNNTape((t, b, i), (t + 1, b, h), (t, b, h), (b,)),
        RNNWork((h, h), (b, h), (1, b, h), (1, b, h)),
        RNNGradients(params, (t, b, i), (1, b, h), (t, b, h)),
    )


def lstm_shapes(t: int, b: int, i: int, h: int) -> Shapes:
    """Of the LSTM."""
    params = LSTMParams((4 * h, i), (4 * h, h), (4 * h,))  # type: ignore[arg-type]
    return Shapes(
        params,
        LSTMTape((t, b, i), (t + 1, b, h), (t + 1, b, h), (t, b, 4, h), (t, b, h), (b,)),
        LSTMWork((h, 4 * h), (b, 4 * h), (2, b, h), (2, b, h)),
        LSTMGradients(params, (t, b, i), (2, b, h), (t, b, 4, h)),
    )


def gru_shapes(t: int, b: int, i: int, h: int) -> Shapes:
    """Of the GRU."""
    params = GRUParams((3 * h, i), (3 * h, h), (3 * h,), (h,))  # type: ignore[arg-type]
    return Shapes(
        params,
        GRUTape((t, b, i), (t + 1, b, h), (t, b, 3, h), (t, b, h), (b,)),
        GRUWork((h, 3 * h), (b, 3 * h), (1, b, h), (b, h), (1, b, h)),
        GRUGradients(params, (t, b, i), (1, b, h), (t, b, 3, h), (t, b, 3, h)),
    )


def attention_shapes(t: int, b: int, i: int, h: int) -> Shapes:
    """Of attention."""
    params = AttentionParams((h, i), (h,), (h, h), (h, h), (h, h), (h, h))  # type: ignore[arg-type]
    return Shapes(
        params,
        AttentionTape((t, b, i), (t + 1, b, h), (t, b, h), (3, t, b, h), (b, t, t), (t, b, h), (b,)),
        AttentionWork((7, t, h), (t, t), (t, b, h), (3, t, b, h), (t, b, h), (h,)),
        AttentionGradients(params, (t, b, i), (t, b, h), (t, b, h)),
    )


CELLS: dict[type, Cell] = {
    RNNParams: Cell(rnn_shapes, 1, rnn_forward, rnn_backward, rnn_flow),
    LSTMParams: Cell(lstm_shapes, 2, lstm_forward, lstm_backward, lstm_flow),
    GRUParams: Cell(gru_shapes, 1, gru_forward, gru_backward, gru_flow),
    AttentionParams: Cell(attention_shapes, 0, attention_forward, attention_backward, attention_flow),
}


def allocate(make: Callable[..., Any], shapes: Any, kind: Any) -> Any:
    """The same NamedTuple with an array in the place of every shape; `length` holds integers."""
    made = (
        allocate(make, shape, kind)
        if hasattr(shape, "_fields")
        else make(shape, np.int64 if name == "length" else kind)
        for name, shape in zip(shapes._fields, shapes, strict=True)
    )
    return type(shapes)(*made)


def checked_params(params: Any) -> tuple[Cell, Any]:
    """The cell, and parameters of one floating type and consistent shapes."""
    cell = CELLS.get(type(params))
    if cell is None:
        known = ", ".join(kind.__name__ for kind in CELLS)
        raise TypeError(f"params is {shortened(params)}: expected one of {known}")
    single = all(getattr(array, "dtype", None) == np.float32 for array in params)
    kind = np.float32 if single else np.float64
    names = [f"params.{name}" for name in params._fields]
    given = type(params)(*(numbers(name, value, (1, 2), kind) for name, value in zip(names, params, strict=True)))
    if given.weight_ih.ndim != 2 or 0 in given.weight_ih.shape:
        raise ValueError(f"params.weight_ih has shape {given.weight_ih.shape}: expected a matrix, gates x inputs")
    gates = cell.shapes(1, 1, 1, 1).params.weight_ih[0]
    hidden, rest = divmod(given.weight_ih.shape[0], gates)
    if rest:
        raise ValueError(
            f"params.weight_ih has shape {given.weight_ih.shape}: expected a multiple of {gates} rows, one block a gate"
        )
    same_shapes("params", given, cell.shapes(1, 1, given.weight_ih.shape[1], hidden).params)
    return cell, given


def same_shapes(owner: str, arrays: Any, shapes: Any) -> None:
    """Refuse arrays that are not of the expected shapes."""
    for name, array, shape in zip(arrays._fields, arrays, shapes, strict=True):
        if np.shape(array) != shape:
            raise ValueError(f"{owner}.{name} has shape {np.shape(array)}: expected {shape}")
