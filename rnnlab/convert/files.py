"""Weights in files: .safetensors and .npz. Never a pickle, which runs code."""

from __future__ import annotations

import json
import math
import os
from typing import Any, BinaryIO

import numpy as np

from rnnlab._base.checks import file_path, shortened
from rnnlab.convert.torch import NAME, from_torch

LONGEST_HEADER = 100_000_000  # bytes, the format's own limit
LONGEST_REASON = 160  # characters
FLOATS = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2"}
INSTEAD = {
    **dict.fromkeys(
        (".pt", ".pth", ".bin", ".ckpt", ".pkl", ".pickle"),
        "a pickle, which can run code, is not read; in PyTorch, "
        "safetensors.torch.save_file(torch.load(path, weights_only=True), 'weights.safetensors')",
    ),
    **dict.fromkeys((".h5", ".hdf5", ".keras"), "load the model in Keras and pass its layer to rl.from_keras"),
    **dict.fromkeys((".msgpack", ".orbax"), "load the parameters in Flax and pass them to rl.from_flax"),
}


def load_weights(path: str | os.PathLike[str], prefix: str | None = None, nonlinearity: str | None = None) -> Any:
    """A recurrent network from a file of weights by PyTorch's names.

    Parameters
    ----------
    path : path
        A ``.safetensors`` file, or an ``.npz`` file as ``numpy.savez(path, **rl.to_torch(network))`` writes it. Only the
        weights of recurrent networks are read.
    prefix, nonlinearity
        As of `from_torch`.

    Returns
    -------
    RNNParams, ReLURNNParams, LSTMParams, GRUParams, Bidirectional or Stack
        As `from_torch` returns.

    Raises
    ------
    OSError
        If the file can't be read.
    TypeError, ValueError
        If it is damaged, of another format, or as of `from_torch`.
    """
    place = file_path("path", path)
    kind = place.suffix.lower()
    if kind not in (".safetensors", ".npz"):
        instead = INSTEAD.get(kind, "")
        raise ValueError(f"path is {os.fspath(path)!r}: expected .safetensors or .npz{instead and f'; {instead}'}")
    try:
        with place.open("rb") as file:
            state = (read_safetensors if kind == ".safetensors" else read_npz)(file)
    except OSError:
        raise
    except Exception as error:  # noqa: BLE001 - a damaged archive fails in a dozen ways
        reason = " ".join(str(error).split())[:LONGEST_REASON]
        raise ValueError(f"{os.fspath(path)} is no {kind} file of weights: {reason}") from None
    return from_torch(state, prefix, nonlinearity)


def read_npz(file: BinaryIO) -> dict[str, Any]:
    """The arrays with names of recurrent weights; of others the name alone."""
    with np.load(file, allow_pickle=False) as archive:
        return {name: archive[name] if NAME.fullmatch(name) else None for name in archive.files}


def read_safetensors(file: BinaryIO) -> dict[str, Any]:
    """The same of a safetensors file: 8 bytes with the header's length, the header in JSON, the numbers."""
    size = os.fstat(file.fileno()).st_size
    length = int.from_bytes(file.read(8), "little")
    start = 8 + length
    if size < 8 or length > LONGEST_HEADER or start > size:
        raise ValueError(f"its header would have {length} bytes, and the file has {size}")
    header = json.loads(file.read(length))
    header.pop("__metadata__", None)
    return {name: tensor(file, start, size, entry) if NAME.fullmatch(name) else None for name, entry in header.items()}


def tensor(file: BinaryIO, start: int, size: int, entry: Any) -> Any:
    """One tensor, read where its entry of the header says, if that lies in the file and is as long as its shape says."""
    shape, (begin, end) = entry["shape"], entry["data_offsets"]
    if entry["dtype"] not in FLOATS:
        raise ValueError(f"weights of type {entry['dtype']!r}: expected one of {', '.join(FLOATS)}")
    kind = np.dtype(FLOATS[entry["dtype"]])
    whole = all(type(number) is int and number >= 0 for number in (*shape, begin, end))
    if not whole or end - begin != math.prod(shape) * kind.itemsize or start + end > size:
        raise ValueError(f"an entry {shortened(entry)} that does not fit in the file")
    file.seek(start + begin)
    array = np.frombuffer(file.read(end - begin), kind).reshape(shape)
    return (array.astype("<u4") << 16).view("<f4") if entry["dtype"] == "BF16" else array
