"""Weights in files: written here byte by byte, and where safetensors is installed by it; damaged ones."""

import json
import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import rnnlab as rl
from rnnlab.kernels.cells.cell import leaves_of

LSTM = rl.to_torch(rl.LSTMParams.init(3, 4, rng=np.random.default_rng(0), dtype=np.float32))
NAMES = {"float64": "F64", "float32": "F32", "float16": "F16", "int64": "I64"}


def packed(arrays: dict[str, Any], **changed: Any) -> bytes:
    """A safetensors file, some entries of whose header are changed."""
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    body = b""
    for name, array in arrays.items():
        offsets = [len(body), len(body) + array.nbytes]
        header[name] = {"dtype": NAMES[str(array.dtype)], "shape": list(array.shape), "data_offsets": offsets}
        body += array.tobytes()
    for name, entry in changed.items():
        header[name] = {**header[name], **entry} if isinstance(entry, dict) else entry
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + body


def same(network: Any, state: dict[str, Any]) -> None:
    """The network is that of the state dict."""
    for params, expected in zip(leaves_of(network), leaves_of(rl.from_torch(state)), strict=True):
        assert type(params) is type(expected)
        for array, equal in zip(params, expected, strict=True):
            np.testing.assert_array_equal(array, equal)
            assert array.dtype == equal.dtype


def test_safetensors_and_npz_with_the_same_search(tmp_path: Path) -> None:
    whole = {"model.rnn." + name: array for name, array in LSTM.items()} | {"tokens": np.arange(5)}
    (tmp_path / "a.safetensors").write_bytes(packed(whole))
    np.savez(tmp_path / "a.npz", **whole)
    for name in ("a.safetensors", "a.npz"):
        same(rl.load_weights(tmp_path / name), LSTM)
        same(rl.load_weights(str(tmp_path / name), "rnn"), LSTM)
        with pytest.raises(ValueError, match=r"prefix is 'cnn': expected one of 'model.rnn'"):
            rl.load_weights(tmp_path / name, "cnn")


def test_half_precision_becomes_float32(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    halves = {name: array.astype(np.float16) for name, array in LSTM.items()}
    path.write_bytes(packed(halves))
    same(rl.load_weights(path), halves)
    cut = {name: (array.view(np.uint32) >> 16 << 16).view(np.float32) for name, array in LSTM.items()}
    upper = {name: (array.view(np.uint32) >> 16).astype(np.uint16).view(np.float16) for name, array in LSTM.items()}
    path.write_bytes(packed(upper, **{name: {"dtype": "BF16"} for name in LSTM}))  # the upper half of a float32
    same(rl.load_weights(path), cut)


def test_the_nonlinearity_is_asked_for(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", **rl.to_torch(rl.RNNParams.init(2, 3, rng=np.random.default_rng(0))))
    with pytest.raises(ValueError, match="does not say its nonlinearity"):
        rl.load_weights(tmp_path / "a.npz")
    assert type(rl.load_weights(tmp_path / "a.npz", nonlinearity="relu")) is rl.ReLURNNParams


class Trap:
    """What runs when it is unpickled."""

    def __reduce__(self) -> Any:
        return os.mkdir, ("trapped",)


@pytest.mark.parametrize("name", ["a.pt", "a.pth", "a.bin", "a.ckpt", "a.pkl", "a.PT"])
def test_pickles_are_not_read(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path(name).write_bytes(pickle.dumps(Trap()))
    with pytest.raises(ValueError, match=r"expected .safetensors or .npz; a pickle, .* safetensors.torch.save_file"):
        rl.load_weights(name)
    np.savez("b.npz", weight_ih_l0=np.array([Trap()], dtype=object), weight_hh_l0=np.ones((4, 1)))
    with pytest.raises(ValueError, match=r"b.npz is no .npz file of weights"):
        rl.load_weights("b.npz")
    assert not Path("trapped").exists()


W = "weight_ih_l0"
DAMAGED: list[tuple[bytes, str]] = [
    (b"", "its header would have 0 bytes, and the file has 0"),
    (b"\xff" * 8, "its header would have 18446744073709551615 bytes, and the file has 8"),
    ((2**63).to_bytes(8, "little") + b"{}", "its header would have"),
    (b"\x02" + bytes(7) + b"[]", "is no .safetensors file"),
    (b"\x03" + bytes(7) + b"{]}", "is no .safetensors file"),
    ((100_000).to_bytes(8, "little") + b"[" * 100_000, "is no .safetensors file"),
    (packed(LSTM)[:-1], "does not fit in the file"),
    (packed(LSTM, **{W: {"data_offsets": [0, 10**18]}}), "does not fit in the file"),
    (packed(LSTM, **{W: {"data_offsets": [-192, 0]}}), "does not fit in the file"),
    (packed(LSTM, **{W: {"data_offsets": [0.0, 192.0]}}), "does not fit in the file"),
    (packed(LSTM, **{W: {"shape": [2**40, 2**40]}}), "does not fit in the file"),
    (packed(LSTM, **{W: {"shape": [-16, -3]}}), "does not fit in the file"),
    (packed(LSTM, **{W: {"dtype": "I8"}}), "weights of type 'I8': expected one of F64, F32, F16, BF16"),
    (packed(LSTM, **{W: {"dtype": ["F32"]}}), "is no .safetensors file"),
    (packed(LSTM, **{W: 3}), "is no .safetensors file"),
    (packed(LSTM, **{W: {"shape": [48]}}), "weight_ih has shape"),
]


@pytest.mark.parametrize(("raw", "says"), DAMAGED, ids=range(len(DAMAGED)))
def test_damaged_safetensors(tmp_path: Path, raw: bytes, says: str) -> None:
    path = tmp_path / "a.safetensors"
    path.write_bytes(raw)
    with pytest.raises(ValueError, match=says) as raised:
        rl.load_weights(path)
    assert len(str(raised.value)) < 400


WHOLE = packed(LSTM)


@settings(deadline=None, max_examples=300, derandomize=True)
@given(place=st.integers(0, 700), value=st.integers(0, 255), end=st.integers(1, len(WHOLE)))
def test_any_byte_may_be_wrong(tmp_path_factory: Any, place: int, value: int, end: int) -> None:
    """Cut anywhere, one byte of the header changed: it is the network, or one sentence."""
    raw = bytearray(WHOLE)
    raw[place] = value
    path = tmp_path_factory.getbasetemp() / "any.safetensors"
    for damaged in (raw, raw[:end]):
        path.write_bytes(damaged)
        try:
            found = rl.load_weights(path)
        except (TypeError, ValueError) as error:
            assert len(str(error)) < 600  # noqa: PT017
        else:
            assert isinstance(found, rl.LSTMParams)


def test_damaged_npz_and_other_files(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    np.savez(path, **LSTM)
    raw = path.read_bytes()
    for damaged in (b"", b"PK", raw[:200], raw[: len(raw) // 2]):
        path.write_bytes(damaged)
        with pytest.raises(ValueError, match=r"is no .npz file of weights"):
            rl.load_weights(path)
    with pytest.raises(FileNotFoundError):
        rl.load_weights(tmp_path / "missing.npz")
    with pytest.raises(ValueError, match=r"expected .safetensors or .npz; load the model in Keras"):
        rl.load_weights("a.h5")
    with pytest.raises(ValueError, match=r"path is 'a.txt': expected .safetensors or .npz$"):
        rl.load_weights("a.txt")
    with pytest.raises(TypeError, match="path is 3: expected the name of a file"):
        rl.load_weights(3)  # type: ignore[arg-type]


def test_files_of_safetensors_itself(tmp_path: Path) -> None:
    library = pytest.importorskip("safetensors.numpy", reason="optional: pip install 'rnnlab[frameworks]'")
    library.save_file(LSTM, tmp_path / "a.safetensors")
    same(rl.load_weights(tmp_path / "a.safetensors"), LSTM)
    torch = pytest.importorskip("torch", reason="torch is an optional peer: pip install 'rnnlab[frameworks]'")
    module = torch.nn.GRU(3, 4, 2, bidirectional=True, dtype=torch.bfloat16)
    pytest.importorskip("safetensors.torch").save_file(module.state_dict(), tmp_path / "b.safetensors")
    same(rl.load_weights(tmp_path / "b.safetensors"), module.state_dict())
