"""Batches cut over threads, and runs side by side."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from typing import Any

import numpy as np
import pytest

import rnnlab as rl
from rnnlab._base import blas
from rnnlab._base.blas import one_blas_thread
from rnnlab.training import run
from tests.cells_reference import TRAINED
from tests.training.test_fitting import SIGN, echo, equal, task_of, trained


@pytest.mark.parametrize("task", [SIGN, rl.tasks.latch(12)], ids=["one length", "many lengths"])
@pytest.mark.parametrize("cell", TRAINED)
def test_a_batch_cut_over_threads(cell: str, task: rl.Task) -> None:
    """Five sequences in parts of 2 and 3, which count as such; only the order of sums is another: 20 updates of it."""
    how: dict[str, Any] = {"params": TRAINED[cell].init(task.inputs, 6, rng=np.random.default_rng(1))}
    how |= {"task": task, "batch_size": 5, "clip_norm": 0.1}
    whole, cut, again = trained(**how), trained(**how, threads=2), trained(**how, threads=2)
    assert equal(cut, again)
    for one, other in zip(whole.history[:3], cut.history[:3], strict=True):
        np.testing.assert_allclose(other, one, rtol=1e-12)
    for one, other in zip(whole.model.params, cut.model.params, strict=True):
        np.testing.assert_allclose(other, one, rtol=0, atol=1e-13)


@pytest.mark.parametrize(
    ("task", "kind", "window"),
    [
        (rl.tasks.temporal_order(12, "hochreiter1997"), np.float64, 4),
        (rl.tasks.temporal_order(12, "hochreiter1997"), np.float32, None),
        (rl.tasks.latch(12), np.float32, 3),
        (rl.tasks.copy(3), np.float64, None),
    ],
    ids=["classes, windows", "classes, float32", "values, float32, windows", "classes at many steps"],
)
def test_losses_types_and_windows_on_threads(task: rl.Task, kind: Any, window: int | None) -> None:
    """And resumed on threads, bit for bit."""
    rng = np.random.default_rng(1)
    params = rl.RNNParams(*(array.astype(kind) for array in rl.RNNParams.init(task.inputs, 6, rng=rng)))
    how: dict[str, Any] = {"params": params, "readout": rl.Readout.init(6, task.outputs, rng=rng), "task": task}
    how |= {"batch_size": 7, "window": window, "updates": 110}
    whole, cut, first = trained(**how), trained(**how, threads=3), trained(**{**how, "updates": 60}, threads=3)
    np.testing.assert_allclose(cut.history.loss, whole.history.loss, rtol=1e-10 if kind == np.float64 else 1e-4)
    how |= {"params": first.model.params, "readout": first.model.readout, "state": first.state, "updates": 50}
    assert equal(trained(**how, threads=3), cut)


class Failure(Exception):
    """Of a thread of a team."""


@pytest.mark.parametrize("who", [0, 1, 2])
def test_a_thread_that_fails_leaves_nobody_waiting(who: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """As one that is interrupted, or that finds no memory; the others would spin for ever."""
    block = run.train_block

    def failing(*given: Any) -> Any:
        if given[-1].thread == who:
            raise Failure
        return block(*given)

    monkeypatch.setattr(run, "train_block", failing)
    with ThreadPoolExecutor(1) as one, pytest.raises(Failure):
        one.submit(trained, threads=3).result(timeout=60)


def test_runs_side_by_side_share_one_limit() -> None:
    """The limit of BLAS threads is the process's: lifted by the last to go, not by the first."""

    def limits() -> list[int]:
        return [library["num_threads"] for library in blas._libraries().info()]

    before, one, other = limits(), one_blas_thread(), one_blas_thread()
    one.__enter__()
    other.__enter__()
    one.__exit__(None, None, None)
    assert set(limits()) == {1}
    other.__exit__(None, None, None)
    assert limits() == before


def test_more_threads_than_sequences() -> None:
    assert equal(trained(threads=100), trained(threads=4))


def test_a_diverging_run_on_threads_is_named() -> None:
    how: dict[str, Any] = {"nonlinearity": "linear", "learning_rate": 1e3, "updates": 50, "task": task_of(echo)}
    done = trained(**how, threads=2)
    assert done.stopped == trained(**how).stopped
    assert all(np.isfinite(array).all() for array in (*done.model.params, *done.model.readout))


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("cell", TRAINED)
def test_what_stands_after_a_sequences_end_changes_no_bit(cell: str, threads: int) -> None:
    """Inputs, and targets at several steps; a mean over threads is that over all that is counted."""
    x, length = np.random.default_rng(0).standard_normal((6, 7, 1)), np.array([1, 2, 3, 4, 5, 6, 0])
    params = TRAINED[cell].init(1, 6, rng=np.random.default_rng(1))
    found = []
    for padding in (0.0, 1e160):
        padded = np.where(np.arange(6)[:, None, None] < length[:, None], x, padding)
        task = rl.Task(lambda *_, x=padded: (x, x, length), "squared_error", 1, 1)
        found.append(trained(params=params, task=task, batch_size=7, threads=threads, updates=5))
    assert found[0].stopped is None
    assert equal(*found)
    alone = trained(params=params, task=task, batch_size=7, updates=5)
    np.testing.assert_allclose(found[0].history.loss, alone.history.loss, rtol=1e-13)
    assert alone.history.loss[0] < 10


def test_a_class_after_a_sequences_end_may_be_any() -> None:
    x, label = np.ones((3, 2, 1)), np.array([[0, 1], [1, 0], [1, -100]])
    task = rl.Task(lambda *_: (x, label, np.array([3, 2])), "cross_entropy", 1, 2)
    done = trained(task=task, readout=rl.Readout.init(6, 2, rng=np.random.default_rng(0)), batch_size=2)
    assert np.isfinite(done.history.loss).all()


def test_an_interrupt_lifts_the_limit() -> None:
    with pytest.raises(KeyboardInterrupt), one_blas_thread():
        assert blas._inside == 1
        raise KeyboardInterrupt
    assert blas._inside == 0


@pytest.mark.parametrize(("hidden", "small"), [(2, True), (80, False)])
def test_large_products_are_those_of_one_thread(hidden: int, small: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the plain call and of a work space; entering the limit takes longer than a small product."""
    entered: list[bool] = []
    monkeypatch.setattr(blas, "one_blas_thread", lambda: entered.append(True) or nullcontext())
    params = rl.RNNParams.init(1, hidden, rng=np.random.default_rng(0))
    x, dh = np.ones((50, 3, 1)), np.ones((3, hidden))
    rl.backward(rl.forward(params, x), dh)
    workspace = rl.Workspace(params, 50, 3)
    workspace.forward(params, x)
    workspace.backward(dh)
    assert len(entered) == (0 if small else 4)
