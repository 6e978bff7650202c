"""Checkpoints of long trainings: a Fit as one file, written whole or not at all."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from io import BytesIO
from itertools import count
from typing import Any

import numpy as np

from rnnlab._base import durable
from rnnlab._base.checks import at_least, file_path, numbers, one_of, shortened
from rnnlab.kernels.cells import CELLS
from rnnlab.kernels.cells.cell import leaves_of, parts_of
from rnnlab.nonlinearities import CODES, Nonlinearity, Pair, checked_nonlinearity
from rnnlab.params import Readout
from rnnlab.plan import CONTAINERS
from rnnlab.training.checked import checked_model
from rnnlab.training.fitting import MOST_UPDATES
from rnnlab.training.flow import no_flow
from rnnlab.training.optimisers import MEMORY
from rnnlab.training.records import REASONS, Fit, History, Model, Stopped, TrainingState
from rnnlab.training.vector import flat

FORMAT = "rnnlab fit 1"
POINTS = (-2.5, -0.7, 0.3, 1.9)  # at which a nonlinearity of one's own is known again
LARGEST_RATIO = 2  # of arrays to their file: save_fit does not compress, so that a small file can't fill the memory


def save_fit(path: str | os.PathLike[str], done: Fit) -> None:
    """Write what `fit` returned to an .npz file of plain arrays, in the place of an older one in a single step.

    A cell or a nonlinearity of your own is kept by its name or its values at some points alone: `load_fit` asks for it.

    Raises
    ------
    TypeError, ValueError
        If `path` is no name of a file, or `done` not a Fit as `fit` returns it.
    OSError
        If the file can't be written; an older one is as it was.
    """
    _check(done)
    target = file_path("path", path).absolute()
    rest = {
        "format": FORMAT,
        "cell": _kind_of(done.model.params),
        "nonlinearity": _known_by(done.model.nonlinearity),
        "stopped": done.stopped,
        "state": [done.state.update, done.state.optimiser, done.state.rng],
    }
    places = zip(_places(rest["cell"]), leaves_of(done.model.params), strict=False)
    arrays = {f"{place}.{name}": array for place, leaf in places for name, array in leaf._asdict().items()}
    arrays |= {f"readout.{name}": array for name, array in done.model.readout._asdict().items()}
    arrays |= {f"history.{name}": array for name, array in done.history._asdict().items()}
    if not target.name or target.is_dir():
        raise IsADirectoryError(f"{os.fspath(path)!r} is a folder: expected the name of a file")
    content = BytesIO()
    np.savez(content, rest=np.array(json.dumps(rest, default=_plain)), memory=done.state.memory, **arrays)
    try:
        durable.write(target, content.getvalue())
    except OSError as error:
        raise OSError(error.errno, error.strerror, os.fspath(path)) from None  # not of the partial file


def load_fit(path: str | os.PathLike[str], *, cells: tuple[Any, ...] = (), nonlinearity: Pair | None = None) -> Fit:
    """Read what `save_fit` wrote: ``fit(loaded.model, .., state=loaded.state)`` goes on bit for bit.

    Nothing in a file is executed.

    Parameters
    ----------
    path : path-like
    cells : tuple of classes of parameters, optional
        Those of your own that the network is made of, say ``(MyCell,)``.
    nonlinearity : pair of functions, optional
        That of your own with which the network was trained, as `forward` takes it.

    Raises
    ------
    TypeError
        If `path`, `cells` or `nonlinearity` is not as above.
    ValueError
        If the file is not one of a Fit, or one of a cell or a nonlinearity that is not given.
    OSError
        If it can't be read.
    """
    known = _known_cells(cells)
    if nonlinearity is not None:
        if not isinstance(nonlinearity, tuple):
            raise TypeError(f"nonlinearity is {shortened(nonlinearity)}: expected a pair of functions, names are kept")
        checked_nonlinearity(nonlinearity)
    raw = BytesIO(file_path("path", path).read_bytes())
    try:
        with np.load(raw, allow_pickle=False) as file:
            inflated = sum(entry.file_size for entry in file.zip.infolist())
            if inflated > LARGEST_RATIO * raw.getbuffer().nbytes:
                raise ValueError("it is compressed, which save_fit does not do")
            arrays = {name: file[name] for name in file.files}
        rest = json.loads(str(arrays["rest"]))
        if rest["format"] != FORMAT:
            raise ValueError(rest["format"])
        rest["nonlinearity"] = _given_again(rest["nonlinearity"], nonlinearity)
        done = _fit_of(arrays, rest, known)
        _check(done)
        return done
    except NotGiven as error:
        raise ValueError(f"{os.fspath(path)} has {error}") from None
    except Exception as error:  # noqa: BLE001 - a damaged archive fails in a dozen ways
        raise ValueError(f"{os.fspath(path)} is no file of save_fit ({shortened(error)})") from None


class NotGiven(Exception):
    """What a file can't hold, and whoever reads it must give."""


def _known_cells(own: Any) -> dict[str, Any]:
    """Classes of parameters by what files call them: those of rnnlab and some more."""
    if not isinstance(own, tuple) or not all(isinstance(kind, type) and hasattr(kind, "cell") for kind in own):
        raise TypeError(f"cells is {shortened(own)}: expected a tuple of classes of parameters, say (MyCell,)")
    return {_name_of(kind): kind for kind in (*CELLS, *own)}


def _name_of(kind: Any) -> str:
    """What files call a class of parameters; one of somebody's own is not taken for rnnlab's of the same name."""
    return kind.__name__ if kind in CELLS else f"own {kind.__name__}"


def _known_by(nonlinearity: Nonlinearity | Pair) -> Any:
    """The name; of a pair of functions their values at some points, since a file holds no functions."""
    if isinstance(nonlinearity, str):
        return nonlinearity
    return [[function(a) for a in POINTS] for function in nonlinearity]


def _given_again(kept: Any, given: Pair | None) -> Nonlinearity | Pair:
    """The nonlinearity of a file: that of its name, or the given pair if it has the values that are kept."""
    if isinstance(kept, str) and given is None:
        return one_of("nonlinearity", kept, {name: name for name in CODES})
    if isinstance(kept, str) or given is None:
        there, wanted = (
            (repr(kept), "none") if given else ("of its own", "nonlinearity=(value, slope), which no file holds")
        )
        raise NotGiven(f"the nonlinearity {there}: expected {wanted}")
    if not np.allclose(_known_by(given), kept, rtol=1e-9, atol=0, equal_nan=True):
        raise NotGiven(f"another nonlinearity than the given pair: expected one with the same values at {POINTS}")
    return given


def _fit_of(arrays: dict[str, Any], rest: dict[str, Any], known: dict[str, Any]) -> Fit:
    """The same Fit."""

    def part(kind: Any, name: str) -> Any:
        return kind(*(arrays[f"{name}.{field}"] for field in kind._fields))

    update, optimiser, rng = rest["state"]
    places = _places(rest["cell"])

    def network(kind: Any) -> Any:
        if isinstance(kind, str):
            if kind.startswith("own ") and kind not in known:
                name = kind.removeprefix("own ")
                raise NotGiven(f"a cell {shortened(name)}: expected its class, pass cells=({name},)")
            return part(one_of("cell", kind, known), next(places))
        ((name, parts),) = kind.items()
        return one_of("network", name, {own.__name__: own for own in CONTAINERS}).of(map(network, parts))

    model = Model(network(rest["cell"]), part(Readout, "readout"), rest["nonlinearity"])
    arrays = _with_later_fields(arrays, model)
    stopped = None if rest["stopped"] is None else Stopped(*rest["stopped"])
    return Fit(model, part(History, "history"), stopped, TrainingState(update, optimiser, arrays["memory"], rng))


def _with_later_fields(arrays: dict[str, Any], model: Model) -> dict[str, Any]:
    """The arrays of a file, with what older ones don't have."""
    unseen = zip(History._fields[5:], (np.empty(0), np.empty(0, np.int64), *no_flow(model.params)), strict=True)
    return {f"history.{name}": array for name, array in unseen} | arrays


def _kind_of(network: Any) -> Any:
    """The name of a cell; of a network of several its name with those of its parts."""
    parts = parts_of(network)
    return {type(network).__name__: [_kind_of(part) for part in parts]} if parts else _name_of(type(network))


def _places(kind: Any) -> Iterator[str]:
    """What the arrays of each cell are called in the file, for a network of that `_kind_of`."""
    return iter(["params"]) if isinstance(kind, str) else (f"params.{k}" for k in count())


def _check(done: Any) -> None:
    """Refuse what `fit` did not return."""
    kinds = (Model, History, Stopped | None, TrainingState)
    if not isinstance(done, Fit) or not all(map(isinstance, done, kinds)):
        raise TypeError(f"done is {shortened(done)}: expected a Fit, as fit returns it")
    checked_model(done.model, None)
    update, loss, norm, radius_update, radii, _, *flows = map(np.asarray, done.history)
    shapes = {array.shape for array in (update, loss, norm)}
    together = {array.shape[:1] for array in flows} == {flows[0].shape} and radii.shape[:1] == radius_update.shape
    if shapes != {(update.size,)} or not together:
        raise ValueError("done.history has arrays of different lengths: expected those of a Fit")
    kinds_of = "".join(np.asarray(array).dtype.kind for array in done.history)
    if not re.fullmatch("[iu]ff[iu]ff[iu]fff", kinds_of):
        raise ValueError("done.history has arrays of other types: expected those of a Fit")
    _check_state(done.state)
    rows = one_of("done.state.optimiser", done.state.optimiser, MEMORY)
    size = flat(done.model.params, done.model.readout).size
    if numbers("done.state.memory", done.state.memory, (2,)).shape != (rows, size):
        raise ValueError(f"done.state.memory has shape {done.state.memory.shape}: expected {(rows, size)}")
    if done.stopped is not None:
        at_least(0, **{"done.stopped.update": done.stopped.update})
        one_of("done.stopped.what", done.stopped.what, REASONS)


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
