"""Checkpoints of long trainings: a Fit as one file, written whole or not at all."""

from __future__ import annotations

import json
import os
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np

from rnnlab import params as cells
from rnnlab._checks import shortened
from rnnlab.training import Fit, History, Model, Stopped, TrainingState, checked_model

FORMAT = "rnnlab fit 1"


def save_fit(path: str | os.PathLike[str], done: Fit) -> None:
    """Write what `fit` returned to an .npz file of plain arrays, in the place of an older one in a single step.

    Raises
    ------
    TypeError
        If `done` is not a Fit.
    OSError
        If the file can't be written; an older one is as it was.
    """
    if not isinstance(done, Fit):
        raise TypeError(f"done is {shortened(done)}: expected a Fit")
    checked_model(done.model, None)
    rest = {
        "format": FORMAT,
        "cell": type(done.model.params).__name__,
        "nonlinearity": done.model.nonlinearity,
        "stopped": done.stopped,
        "state": [done.state.update, done.state.optimiser, done.state.rng],
    }
    arrays = {f"params.{name}": array for name, array in done.model.params._asdict().items()}
    arrays |= {f"readout.{name}": array for name, array in done.model.readout._asdict().items()}
    arrays |= {f"history.{name}": array for name, array in done.history._asdict().items()}
    target = Path(path).absolute()
    if not target.name or target.is_dir():
        raise IsADirectoryError(f"{os.fspath(path)!r} is a folder: expected the name of a file")
    fresh = target.with_name(f".{target.name}-{os.getpid()}.partial")
    try:
        with fresh.open("wb") as file:
            np.savez(file, rest=np.array(json.dumps(rest, default=_plain)), memory=done.state.memory, **arrays)
        fresh.replace(target)
    finally:
        fresh.unlink(missing_ok=True)


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
            arrays = {name: file[name] for name in file.files}
        rest = json.loads(str(arrays["rest"]))
        if rest["format"] != FORMAT:
            raise ValueError(rest["format"])
        done = _fit_of(arrays, rest)
        checked_model(done.model, None)
        return done
    except Exception as error:  # noqa: BLE001 - a damaged archive fails in a dozen ways
        raise ValueError(f"{os.fspath(path)} is no file of save_fit ({shortened(error)})") from None


def _fit_of(arrays: dict[str, Any], rest: dict[str, Any]) -> Fit:
    """The same Fit."""

    def part(kind: Any, name: str) -> Any:
        return kind(*(arrays[f"{name}.{field}"] for field in kind._fields))

    update, optimiser, rng = rest["state"]
    model = Model(part(getattr(cells, rest["cell"]), "params"), part(cells.Readout, "readout"), rest["nonlinearity"])
    stopped = None if rest["stopped"] is None else Stopped(*rest["stopped"])
    return Fit(model, part(History, "history"), stopped, TrainingState(update, optimiser, arrays["memory"], rng))


def _plain(value: Any) -> Any:
    """What JSON does not know: integers and arrays of NumPy, in a Generator's state."""
    return value.tolist()
