"""What the way back starts from: a tape that fits together, the initial state in it, the loss's derivatives."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rnnlab._base.checks import numbers, plain, real_numbers, shortened
from rnnlab._base.memory import empty
from rnnlab._base.showing import largest_entry, shows
from rnnlab.kernels.cells.cell import Cell, Shapes, allocate, checker, is_shape, leaves_of, parts_of, shapes_of
from rnnlab.kernels.cells.dispatch import clear
from rnnlab.kernels.finite import all_finite
from rnnlab.kernels.sequences import all_whole, within
from rnnlab.nonlinearities import Nonlinearity, Pair
from rnnlab.params import checked_params, dtype_of

Array = NDArray[Any]


@shows(largest_entry)
class Tape(NamedTuple):
    """A run through a sequence, oldest input first, with all that the way back needs."""

    h: Array  # (T + 1, H) or (T + 1, B, H): h[0] is h_0; of attention the outputs, h[0] without meaning
    c: Array | None  # the LSTM's cell state, of the same shape
    params: Any
    nonlinearity: Nonlinearity | Pair  # of the cells that have a choice
    record: Any  # the kernels' tape, batched
    batched: bool

    @property
    def parts(self) -> tuple[Tape, ...]:
        """The tapes of a Stack's layers, or of a Bidirectional's directions, each in its own time; () of a single cell."""
        pairs = zip(parts_of(self.params), parts_of(self.record), strict=True)
        return tuple(tape_of(params, self.nonlinearity, record, self.batched) for params, record in pairs)


def tape_of(params: Any, nonlinearity: Nonlinearity | Pair, record: Any, batched: bool) -> Tape:
    """The tape around the kernels' own."""
    c = unbatched(getattr(record, "c", None), batched)
    return Tape(unbatched(record.h, batched), c, params, nonlinearity, record, batched)


def unbatched(array: Any, batched: bool) -> Any:
    """The array without its axis of sequences if the input had none."""
    return array if batched or array is None else array[:, 0]


def initial_gradients(gradients: Any, batched: bool) -> Any:
    """Those of the initial states, nested as `h0` of forward is; None of what has no state."""
    h0 = getattr(gradients, "h0", None)
    if h0 is None:
        return tuple(initial_gradients(part, batched) for part in parts_of(gradients)) or None
    rows = h0 if batched else h0[:, 0]
    return tuple(rows) if len(rows) > 1 else rows[0]


def set_initial_states(params: Any, tape: Any, h0: Any, called: str = "h0") -> None:
    """Write the initial states of all parts of a network, 0 by default, into the first rows of their tapes."""
    parts = parts_of(params)
    if not parts:
        set_initial_state(tape, h0, type(params).cell().states, called)
        return
    given = (None,) * len(parts) if h0 is None else h0
    if not isinstance(given, tuple | list | np.ndarray) or len(given) != len(parts):
        raise TypeError(f"{called} is {shortened(h0)}: expected a tuple of {len(parts)}, one for each part, or None")
    for place, part, record, state in zip(params.places(), parts, parts_of(tape), given, strict=True):
        set_initial_states(part, record, state, f"{place}.{called}")


def rows_of(params: Any, arrays: Any, rows: Callable[[Any, Any], list[Any]]) -> list[Any]:
    """The rows of all cells of a network, in order, from its arrays, nested as it is."""
    parts = parts_of(params)
    pairs = zip(parts, parts_of(arrays), strict=True) if parts else ()
    return [row for pair in pairs for row in rows_of(*pair, rows)] if parts else rows(params, arrays)


def state_rows(params: Any, tape: Any, step: int = 0) -> list[Any]:
    """Where the states of all parts of a network after a step stand in its tape; the initial ones, by default."""
    return rows_of(params, tape, lambda leaf, own: [getattr(own, name)[step] for name in type(leaf).cell().states])


def last_rows(params: Any, work: Any) -> list[Any]:
    """Where the way back takes the derivatives by the last states of all parts from, in the same order."""
    return rows_of(params, work, lambda _, own: list(own.now))


def initial_states(params: Any, h0: Any, batch: int, called: str = "h0") -> list[Any]:
    """The initial states of all parts of a network, (B, H) each, as they stand in `state_rows`."""
    empty = allocate(np.empty, shapes_of(params, 0, batch).tape, dtype_of(params))
    set_initial_states(params, empty, h0, called)
    return state_rows(params, empty)


def set_initial_state(tape: Any, h0: Any, states: tuple[str, ...], called: str) -> None:
    """Write the initial states, 0 by default, into the first rows of the tape; what has none gets zeros in h."""
    for name in states or ("h",):
        getattr(tape, name)[0] = 0
    if h0 is None:
        return
    if not states:
        raise ValueError(f"{called} is {shortened(h0)}: expected none, attention has no state that goes on")
    place, _, own = called.rpartition("h")  # h0, dh_n
    names = [f"{place}{name}{own}" for name in states]
    if len(states) > 1 and not (isinstance(h0, tuple | list) and len(h0) == len(states)):
        raise TypeError(f"{called} is {shortened(h0)}: expected a pair ({', '.join(names)})")
    rows = [getattr(tape, name)[0] for name in states]
    for name, value, row in zip(names, h0 if len(states) > 1 else [h0], rows, strict=True):
        if value is None:
            continue
        state = numbers(name, value, (1, 2), row.dtype)
        if state.shape not in (row.shape, row.shape[1:]):
            swapped = state.shape == (tape.x.shape[0], row.shape[1])
            hint = "; is x (B, T, I)? pass batch_first=True" if swapped else ""
            raise ValueError(f"{name} has shape {state.shape}: expected {row.shape[1:]} or {row.shape}{hint}")
        row[:] = state


def checked_tape(tape: Any) -> tuple[Cell, Shapes]:
    """The cell and its shapes; a tape whose arrays do not fit together would be read out of bounds."""
    if not isinstance(tape, Tape):
        raise TypeError(f"tape is {shortened(tape)}: expected what forward returned")
    cell, given = checked_params(tape.params)
    if given is not tape.params and not same_arrays(tape.params, given):
        raise ValueError("tape.params was changed: expected the weights that forward returned")
    inputs = plain(getattr(tape.record, "x", None))
    if inputs.ndim != 3:
        raise TypeError(f"tape.record is {shortened(tape.record)}: expected the arrays that forward returned")
    shapes = shapes_of(given, *inputs.shape[:2])
    if not (checker(shapes.tape, dtype_of(given))(tape.record) and lengths_within(tape.record)):
        check_record("tape.record", tape.record, shapes.tape, dtype_of(given))
    return cell, shapes


def lengths_within(record: Any) -> bool:
    """Whether all numbers of steps are 0 to T, in the parts of a tape too."""
    return within(record.length, len(record.x)) and all(map(lengths_within, parts_of(record)))


def same_arrays(network: Any, other: Any) -> bool:
    """Whether two networks have the same arrays in memory."""
    pairs = zip(leaves_of(network), leaves_of(other), strict=True)
    return all(mine is theirs for pair in pairs for mine, theirs in zip(*pair, strict=True))


def check_record(owner: str, record: Any, expected: Any, kind: Any) -> None:
    """Refuse a kernels' tape that is not of these shapes and this floating type."""
    if not isinstance(record, type(expected)) or len(parts_of(record)) != len(parts_of(expected)):
        raise TypeError(
            f"{owner} is a {type(record).__name__}: expected a {type(expected).__name__}, as forward returned"
        )
    arrays = {name: getattr(record, name) for name, shape in expected._asdict().items() if is_shape(shape)}
    for name, array in arrays.items():
        if plain(array).shape != getattr(expected, name):
            raise ValueError(f"{owner}.{name} has shape {plain(array).shape}: expected {getattr(expected, name)}")
    kinds = {name: np.int64 if name == "length" else kind for name in arrays}
    whole = all(isinstance(array, np.ndarray) and array.flags.c_contiguous for array in arrays.values())
    if not whole or any(array.dtype != kinds[name] for name, array in arrays.items()):
        raise ValueError(f"{owner} was changed: expected the arrays that forward returned")
    if record.length.max() > len(record.x) or record.length.min() < 0:
        raise ValueError(f"{owner}.length was changed: expected 0 to {len(record.x)}, the steps of x")
    for k, (part, of_part) in enumerate(zip(parts_of(record), parts_of(expected), strict=True)):
        check_record(f"{owner}.parts[{k}]", part, of_part, kind)


def work_space(cell: Cell, shapes: Shapes, kind: Any) -> Any:
    """Work space; recurrent cells read nothing that they have not written, but the gradient of the last states."""
    return allocate(empty if cell.states else np.zeros, shapes.work, kind)


def prepared(tape: Tape, shapes: Shapes, dh: Any, dc: Any = None, dh_n: Any = None) -> tuple[Any, Array]:
    """Work space, with the derivatives by the last states in it, and dL/dh for the last or every step as (R, B, H)."""
    batch, kind = tape.record.length.size, tape.record.x.dtype
    work = work_space(type(tape.params).cell(), shapes, kind)
    clear(work)
    if dh_n is not None:
        for row, own in zip(
            last_rows(tape.params, work), initial_states(tape.params, dh_n, batch, "dh_n"), strict=True
        ):
            row[:] = own
    if dc is not None:
        add_cell_loss(tape, work, dc)
    if dh is None and not (dc is None and dh_n is None):
        return work, np.zeros((1, *tape.record.h.shape[1:]), kind)
    return work, losses(dh, tape.record.length, tape.record.h[1:].shape, kind, tape.batched)


def add_cell_loss(tape: Tape, work: Any, dc: Any) -> None:
    """Add dL/dc_T of a single LSTM."""
    states = type(tape.params).cell().states
    if "c" not in states:
        raise ValueError(
            f"dc is {shortened(dc)}: expected none, only an LSTM has it; of its parts a network takes dh_n"
        )
    row = work.now[states.index("c")]
    last = row.shape if tape.batched else row.shape[1:]
    cell_loss = numbers("dc", dc, (len(last),), row.dtype)
    if cell_loss.shape != last:
        raise ValueError(f"dc has shape {cell_loss.shape}: expected {last}")
    row += cell_loss


def losses(dh: Any, length: Array, states: tuple[int, ...], kind: Any, batched: bool = True) -> Array:
    """The loss's derivatives by the last or by all states (T, B, H), as (R, B, H); of all 0 after a sequence's end."""
    met = losses_met(dh, length, states, kind, batched)
    if met is not None and all_finite(met):
        return met
    steps, batch, hidden = states
    last = (batch, hidden) if batched else (hidden,)
    every, given = (steps, *last), real_numbers("dh", dh)
    if given.shape == every and length.min() < steps:
        given = own_steps(given, length)
    dloss = numbers("dh", given, (len(last), len(every)), kind)
    if dloss.shape not in (last, every):
        raise ValueError(f"dh has shape {dloss.shape}: expected {last} for the last step or {every} for every step")
    return dloss.reshape(-1, batch, hidden)


def losses_met(dh: Any, length: Array, states: tuple[int, ...], kind: Any, batched: bool) -> Array | None:
    """The same of what is as kernels take it, of sequences that all have T steps if it is by all states, whatever its numbers; else None."""
    if type(dh) is not np.ndarray or dh.dtype is not kind or not dh.flags.carray:
        return None
    steps, batch, hidden = states
    last, given = (batch, hidden) if batched else (hidden,), dh.shape
    if given == last:
        return dh.reshape(1, batch, hidden)
    return dh.reshape(states) if given == (steps, *last) and all_whole(length, steps) else None


def own_steps(array: Array, length: Array) -> Array:
    """A copy of an array (T, N) or (T, B, N) with 0 after each sequence's end, whatever was there."""
    inside = np.arange(len(array))[:, None] < length
    return np.where(inside.reshape(*array.shape[:-1], 1), array, array.dtype.type(0))
