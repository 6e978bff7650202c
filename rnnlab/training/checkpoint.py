"""Checkpoints of long trainings: a Fit as one file, written whole or not at all."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from io import BytesIO
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np

from rnnlab._base import durable
from rnnlab._base.checks import at_least, numbers, one_of, shortened
from rnnlab.kernels.cells import CELLS
from rnnlab.kernels.cells.cell import leaves_of, parts_of
from rnnlab.params import CONTAINERS, Readout
from rnnlab.training.checked import OPTIMISERS, checked_model
from rnnlab.training.fitting import MOST_UPDATES, NOT_FINITE
from rnnlab.training.records import Fit, History, Model, Stopped, TrainingState
from rnnlab.training.vector import flat

FORMAT = "rnnlab fit 1"
LARGEST_RATIO = 2  # of arrays to their file: save_fit does not compress, so that a small file can't fill the memory


def save_fit(path: str | os.PathLike[str], done: Fit) -> None:
    """Write what `fit` returned to an .npz file of plain arrays, in the place of an older one in a single step.

    Raises
    ------
    TypeError, ValueError
        If `done` is not a Fit as `fit` returns it, or its nonlinearity is not one that has a name.
    OSError
        If the file can't be written; an older one is as it was.
    """
    _check(done)
    if not isinstance(done.model.nonlinearity, str):
        raise TypeError("done.model.nonlinearity is a pair of functions: expected a name, a file holds no functions")
    rest = {
        "format": FORMAT,
        "cell": _kind_of(done.model.params),
        "nonlinearity": done.model.nonlinearity,
        "stopped": done.stopped,
        "state": [done.state.update, done.state.optimiser, done.state.rng],
    }
    places = zip(_places(rest["cell"]), leaves_of(done.model.params), strict=False)
    arrays = {f"{place}.{name}": array for place, leaf in places for name, array in leaf._asdict().items()}
    arrays |= {f"readout.{name}": array for name, array in done.model.readout._asdict().items()}
    arrays |= {f"history.{name}": array for name, array in done.history._asdict().items()}
    target = Path(path).absolute()
    if not target.name or target.is_dir():
        raise IsADirectoryError(f"{os.fspath(path)!r} is a folder: expected the name of a file")
    content = BytesIO()
    np.savez(content, rest=np.array(json.dumps(rest, default=_plain)), memory=done.state.memory, **arrays)
    try:
        durable.write(target, content.getvalue())
    except OSError as error:
        raise OSError(error.errno, error.strerror, os.fspath(path)) from None  # not of the partial file


def load_fit(path: str | os.PathLike[str]) -> Fit:
    """Read what `save_fit` wrote: ``fit(loaded.model, .., state=loaded.state)`` goes on bit for bit.

    Raises
    ------
    ValueError
        If the file is not one of a Fit.
    OSError
        If it can't be read.
    """
    raw = BytesIO(Path(path).read_bytes())
    try:
        with np.load(raw, allow_pickle=False) as file:
            inflated = sum(entry.file_size for entry in file.zip.infolist())
            if inflated > LARGEST_RATIO * raw.getbuffer().nbytes:
                raise ValueError("it is compressed, which save_fit does not do")
            arrays = {name: file[name] for name in file.files}
        rest = json.loads(str(arrays["rest"]))
        if rest["format"] != FORMAT:
            raise ValueError(rest["format"])
        done = _fit_of(arrays, rest)
        _check(done)
        return done
    except Exception as error:  # noqa: BLE001 - a damaged archive fails in a dozen ways
        raise ValueError(f"{os.fspath(path)} is no file of save_fit ({shortened(error)})") from None


def _fit_of(arrays: dict[str, Any], rest: dict[str, Any]) -> Fit:
    """The same Fit."""

    def part(kind: Any, name: str) -> Any:
        return kind(*(arrays[f"{name}.{field}"] for field in kind._fields))

    update, optimiser, rng = rest["state"]
    places = _places(rest["cell"])

    def network(kind: Any) -> Any:
        if isinstance(kind, str):
            return part(one_of("cell", kind, {known.__name__: known for known in CELLS}), next(places))
        ((name, parts),) = kind.items()
        return one_of("network", name, {known.__name__: known for known in CONTAINERS}).of(map(network, parts))

    model = Model(network(rest["cell"]), part(Readout, "readout"), rest["nonlinearity"])
    stopped = None if rest["stopped"] is None else Stopped(*rest["stopped"])
    return Fit(model, part(History, "history"), stopped, TrainingState(update, optimiser, arrays["memory"], rng))


def _kind_of(network: Any) -> Any:
    """The name of a cell; of a network of several its name with those of its parts."""
    parts = parts_of(network)
    return {type(network).__name__: [_kind_of(part) for part in parts]} if parts else type(network).__name__


def _places(kind: Any) -> Iterator[str]:
    """What the arrays of each cell are called in the file, for a network of that `_kind_of`."""
    return iter(["params"]) if isinstance(kind, str) else (f"params.{k}" for k in count())


def _check(done: Any) -> None:
    """Refuse what `fit` did not return."""
    kinds = (Model, History, Stopped | None, TrainingState)
    if not isinstance(done, Fit) or not all(map(isinstance, done, kinds)):
        raise TypeError(f"done is {shortened(done)}: expected a Fit, as fit returns it")
    checked_model(done.model, None)
    update, loss, norm, radius_update, radii = map(np.asarray, done.history)
    shapes = {array.shape for array in (update, loss, norm)}
    if shapes != {(update.size,)} or radii.shape[:1] != radius_update.shape:
        raise ValueError("done.history has arrays of different lengths: expected those of a Fit")
    kinds_of = "".join(np.asarray(array).dtype.kind for array in done.history)
    if not re.fullmatch("[iu]ff[iu]f", kinds_of):
        raise ValueError("done.history has arrays of other types: expected those of a Fit")
    _check_state(done.state)
    rows = one_of("done.state.optimiser", done.state.optimiser, OPTIMISERS)[3]
    size = flat(done.model.params, done.model.readout).size
    if numbers("done.state.memory", done.state.memory, (2,)).shape != (rows, size):
        raise ValueError(f"done.state.memory has shape {done.state.memory.shape}: expected {(rows, size)}")
    if done.stopped is not None:
        at_least(0, **{"done.stopped.update": done.stopped.update})
        one_of("done.stopped.what", done.stopped.what, dict.fromkeys(NOT_FINITE[1:]))


def _check_state(state: TrainingState) -> None:
    """Refuse a count or a Generator's state that `fit` would not go on from."""
    at_least(0, **{"done.state.update": state.update})
    if state.update > MOST_UPDATES:
        raise ValueError(f"done.state.update is {shortened(state.update)}: expected at most {MOST_UPDATES}")
    if not isinstance(state.rng, dict) or not isinstance(state.rng.get("bit_generator"), str):
        raise TypeError(f"done.state.rng is {shortened(state.rng)}: expected the state of a bit generator")
    kind = getattr(np.random, state.rng["bit_generator"], None)
    if isinstance(kind, type) and issubclass(kind, np.random.BitGenerator):  # another is its user's own
        try:
            kind().state = state.rng
        except (LookupError, TypeError, ValueError, OverflowError) as error:
            name = kind.__name__
            raise ValueError(f"done.state.rng is no state of a {name} ({shortened(error)})") from None


def _plain(value: Any) -> Any:
    """What JSON does not know: integers and arrays of NumPy, in a Generator's state."""
    return value.tolist()
