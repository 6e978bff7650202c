"""Runs that go on where they ended, from memory and from checkpoints."""

import re
import tracemalloc
import zipfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import rnnlab as rl
from tests.kernels.test_optimisers import NAMES
from tests.training.test_fitting import READOUT, RNN, SIGN, echo, equal, task_of, trained


@pytest.mark.parametrize("kind", [np.float64, np.float32])
@pytest.mark.parametrize("name", NAMES)
def test_resuming_is_bit_identical(name: str, kind: Any) -> None:
    """Also across a hundredth update, where a compiled call ends and radii are logged."""
    how: dict[str, Any] = {"optimiser": name, "clip_norm": 1.0, "learning_rate": 0.01}
    how |= {"params": rl.RNNParams(*(array.astype(kind) for array in RNN))}
    unbroken = trained(**how, updates=220)
    first = trained(**how, updates=97)
    how |= {"params": first.model.params, "readout": first.model.readout, "state": first.state}
    rest = trained(**how, updates=123, rng=np.random.default_rng())
    assert equal(rest, unbroken)
    assert rest.model.params.bias.dtype == kind
    assert rest.state.rng == unbroken.state.rng
    for one, two, whole in zip(first.history, rest.history, unbroken.history, strict=True):
        np.testing.assert_array_equal(np.concatenate([one, two]), whole)
    np.testing.assert_array_equal(rest.history.update, np.arange(97, 220))
    np.testing.assert_array_equal(unbroken.history.radius_update, [0, 100, 200])


@pytest.mark.parametrize("bits", [np.random.PCG64, np.random.MT19937])
def test_a_checkpoint_goes_on_bit_for_bit(tmp_path: Any, bits: Any) -> None:
    how: dict[str, Any] = {"optimiser": "adam", "learning_rate": 0.01}
    first = trained(**how, updates=7, rng=np.random.Generator(bits(2)))
    rl.save_fit(tmp_path / "run.npz", first)
    kept = rl.load_fit(tmp_path / "run.npz")
    assert [path.name for path in tmp_path.iterdir()] == ["run.npz"]
    assert equal(kept, first)
    assert kept.stopped is None
    how |= {"params": kept.model.params, "readout": kept.model.readout, "state": kept.state, "updates": 13}
    rest = trained(**how, rng=np.random.Generator(bits(5)))
    assert equal(rest, trained(optimiser="adam", learning_rate=0.01, rng=np.random.Generator(bits(2))))


def test_a_checkpoint_of_a_stopped_run(tmp_path: Any) -> None:
    done = trained(nonlinearity="linear", learning_rate=1e3, task=task_of(echo))
    rl.save_fit(tmp_path / "run.npz", done)
    assert rl.load_fit(tmp_path / "run.npz").stopped == done.stopped


def test_broken_checkpoints_are_refused(tmp_path: Any) -> None:
    path = tmp_path / "run.npz"
    for content in (b"", b"text", b"PK\x03\x04"):
        path.write_bytes(content)
        with pytest.raises(ValueError, match=r"run.npz is no file of save_fit"):
            rl.load_fit(path)
    rl.save_fit(path, trained())
    good = path.read_bytes()
    for place in range(0, len(good), 97):  # damaged anywhere, it is refused or read as another number
        path.write_bytes(good[:place] + bytes([good[place] ^ 255]) + good[place + 1 :])
        with suppress(ValueError):
            assert isinstance(rl.load_fit(path), rl.Fit)
    np.savez(path, x=np.ones(3))
    with pytest.raises(ValueError, match=r"run.npz is no file of save_fit"):
        rl.load_fit(path)
    with pytest.raises(TypeError, match="done is 3: expected a Fit"):
        rl.save_fit(path, 3)  # type: ignore[arg-type]
    with pytest.raises(IsADirectoryError, match="is a folder: expected the name of a file"):
        rl.save_fit(tmp_path, trained())
    done = trained()
    for broken, says in (
        (done._replace(state=None), "done is Fit"),
        (done._replace(history=done.history._replace(loss=np.ones(3))), "done.history has arrays of different lengths"),
        (done._replace(state=done.state._replace(optimiser="lion")), "done.state.optimiser is 'lion'"),
        (done._replace(state=done.state._replace(memory=np.ones((1, 2)))), "done.state.memory has shape"),
        (done._replace(stopped=(1, "loss")), "done is Fit"),
        (done._replace(stopped=rl.Stopped("x", "loss")), "done.stopped.update is 'x'"),
        (done._replace(history=done.history._replace(loss=done.history.loss + 0j)), "done.history has arrays of other"),
        (done._replace(state=done.state._replace(update=10**30)), "done.state.update is 1000"),
        (done._replace(state=done.state._replace(rng=None)), "done.state.rng is None"),
        (done._replace(state=done.state._replace(rng={"bit_generator": "PCG64"})), "done.state.rng is no state"),
        (done._replace(stopped=rl.Stopped(1, "moon")), "done.stopped.what is 'moon'"),
    ):
        with pytest.raises((TypeError, ValueError), match=re.escape(says)):
            rl.save_fit(path, broken)
    with pytest.raises(OSError, match=re.escape(str(tmp_path / "no folder/run.npz"))):
        rl.save_fit(tmp_path / "no folder/run.npz", done)
    with pytest.raises(TypeError, match="params is 3"):
        rl.save_fit(path, trained()._replace(model=rl.Model(3, READOUT)))
    with pytest.raises(FileNotFoundError):
        rl.load_fit(tmp_path / "absent.npz")


@pytest.mark.parametrize("path", [3, None, b"x", [], "", "\0"])
def test_what_is_no_path_is_named(path: Any) -> None:
    for attempt in (lambda: rl.load_fit(path), lambda: rl.save_fit(path, trained())):
        with pytest.raises((TypeError, ValueError), match=r"path is .*: expected the name of a file"):
            attempt()


def test_a_file_that_would_fill_the_memory_is_refused(tmp_path: Any) -> None:
    """A gigabyte of zeros in a megabyte, of which nothing is inflated; and what executes when it is unpickled."""
    rl.save_fit(tmp_path / "run.npz", trained())
    with zipfile.ZipFile(tmp_path / "run.npz", "a", zipfile.ZIP_DEFLATED) as file, file.open("bomb.npy", "w") as bomb:
        np.lib.format.write_array_header_1_0(bomb, {"descr": "|u1", "fortran_order": False, "shape": (2**30,)})
        for _ in range(2**6):
            bomb.write(bytes(2**24))
    tracemalloc.start()
    with pytest.raises(ValueError, match="is compressed"):
        rl.load_fit(tmp_path / "run.npz")
    assert tracemalloc.get_traced_memory()[1] < 2**25
    tracemalloc.stop()
    np.savez(tmp_path / "run.npz", rest=np.array([Path.touch], object), allow_pickle=True)
    with pytest.raises(ValueError, match=r"run.npz is no file of save_fit"):
        rl.load_fit(tmp_path / "run.npz")


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"memory": np.ones((1, 1))}, "state.memory has shape"),
        ({"update": 2**70}, "state.update is 1180591620717411303424: expected at most"),
        (
            {"rng": {"bit_generator": "PCG64", "state": {"state": -1, "inc": 1}, "has_uint32": 0, "uinteger": 0}},
            "state.rng",
        ),
    ],
)
def test_a_refused_state_leaves_the_generator(changed: dict[str, Any], says: str) -> None:
    rng, state = np.random.default_rng(7), trained().state
    start = rng.bit_generator.state
    with pytest.raises(ValueError, match=re.escape(says)):
        trained(rng=rng, state=state._replace(**changed))
    assert rng.bit_generator.state == start
    with pytest.raises(ValueError, match="x of the task has 1 inputs"):
        trained(rng=rng, task=SIGN._replace(inputs=2))
    assert rng.bit_generator.state == start
