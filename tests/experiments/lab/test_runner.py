"""Running an experiment: parts are kept as they finish, and long ones in their middle."""

import errno
import hashlib
import os
import pickle
import threading
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from rnnlab.experiments import sweep
from rnnlab.experiments._lab import archive, checkpoints as module, provenance, runner
from rnnlab.experiments._lab.checkpoints import Checkpoints
from rnnlab.experiments._lab.errors import StoreError
from rnnlab.experiments._lab.looks import Look
from rnnlab.experiments._lab.resumable import Resumable


@pytest.fixture
def checkpoints(tmp_path: Path) -> Checkpoints:
    return Checkpoints(tmp_path / "result", {"a": 1})


def mapped(checkpoints: Checkpoints, function: Any, items: list[Any]) -> Iterator[pd.DataFrame]:
    job = runner.Job(sweep, None, checkpoints.folder.parent / "result", workers=2)
    return runner.mapper(job, checkpoints)(function, items)


def test_results_are_in_order_and_each_part_is_kept_when_it_ends(checkpoints: Checkpoints) -> None:
    second_kept = threading.Event()

    def measure(number: int) -> pd.DataFrame:
        if number == 1:
            return pd.DataFrame({"number": [1]})
        while not second_kept.wait(0.01):
            second_kept.set() if checkpoints.load("1") is not None else None
        raise RuntimeError("the first part fails after the second was kept")

    with pytest.raises(RuntimeError):
        list(mapped(checkpoints, measure, [0, 1]))
    assert second_kept.is_set()
    tables = list(mapped(checkpoints, lambda number: pd.DataFrame({"number": [number]}), [0, 1]))
    assert [table["number"].item() for table in tables] == [0, 1]


def test_a_long_part_ends_with_the_run_and_goes_on_from_what_it_kept(checkpoints: Checkpoints) -> None:
    seen: list[int] = []

    def count_to_ten(_: str, so_far: int | None, keep: Callable[[int], None]) -> pd.DataFrame:
        for number in range(so_far or 0, 10):
            seen.append(number)
            keep(number + 1)
        return pd.DataFrame({"count": [number + 1]})

    def endless(item: str, _: int | None, keep: Callable[[int], None]) -> pd.DataFrame:
        if item == "fails":
            raise KeyboardInterrupt
        while True:
            keep(7)

    with pytest.raises(KeyboardInterrupt):
        list(mapped(checkpoints, Resumable(endless), ["counts", "fails"]))
    assert [table["count"].item() for table in mapped(checkpoints, Resumable(count_to_ten), ["counts"])] == [10]
    assert seen == [7, 8, 9]
    assert Resumable(count_to_ten)("alone")["count"].item() == 10


def test_on_which_processors_parts_were_measured_is_known_and_said(
    checkpoints: Checkpoints, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of parts that an earlier run has kept as well."""
    assert runner.processors_of([checkpoints]) == {}
    checkpoints.keep("0", 1)
    assert runner.processors_of([checkpoints]) == {}
    checkpoints.keep("1", 1, "Z80")
    assert capsys.readouterr().err == ""
    later = Checkpoints(tmp_path / "result", {"a": 1})
    assert later.load("1") == 1
    assert runner.processors_of([later]) == {"processors": ["Z80"]}
    both = sorted(["Z80", provenance.processor()])
    assert runner.processors_of([later, checkpoints]) == {"processors": both}
    assert f"measured on {', '.join(both)}: last digits differ between processors" in capsys.readouterr().err


def test_another_source_does_not_go_on_from_what_was_kept(
    checkpoints: Checkpoints, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkpoints.keep("0", pd.DataFrame({"number": [1]}))
    folder = checkpoints.folder.parent / "result"
    assert Checkpoints(folder, {"a": 1}).load("0") is not None
    assert Checkpoints(folder, {"a": 2}).load("0") is None
    monkeypatch.setattr(module, "fingerprint", lambda folder: "edited")
    assert Checkpoints(folder, {"a": 1}).load("0") is None


def test_a_damaged_part_is_named_and_measured_again(
    checkpoints: Checkpoints, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nobody finds out by a wrong table: 100 bits flipped at random, and cut ends, are all found."""
    table = pd.DataFrame({"number": np.arange(100.0), "name": ["text"] * 100})
    checkpoints.keep("0", table)
    path = checkpoints.folder / "0.part"
    good, rng = path.read_bytes(), np.random.default_rng(0)
    for bit in rng.integers(0, 8 * len(good), 100):
        bad = bytearray(good)
        bad[bit // 8] ^= 1 << bit % 8
        path.write_bytes(bad)
        assert checkpoints.load("0") is None
        assert not path.exists()
        assert path.with_suffix(".damaged").read_bytes() == bad
    for size in (0, 1, 20, 50, len(good) // 2, len(good) - 1):
        path.write_bytes(good[:size])
        assert checkpoints.load("0") is None
    told = capsys.readouterr().err
    assert told.count("0.part is damaged (its digest is another): set aside as 0.damaged") == 106
    path.write_bytes(good)
    pd.testing.assert_frame_equal(checkpoints.load("0"), table, check_exact=True)  # the control
    checkpoints.discard()
    assert not checkpoints.folder.exists()


def test_a_file_of_somebody_else_is_not_executed_and_not_removed(
    checkpoints: Checkpoints, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A pickle that would write a file, by the name of a part and by that of an older version."""
    trap = pickle.dumps(Trap(tmp_path / "executed"))
    pickle.loads(trap)
    assert (tmp_path / "executed").exists()  # the control
    (tmp_path / "executed").unlink()
    object_array = BytesIO()
    np.save(object_array, np.array([Trap(tmp_path / "executed")]), allow_pickle=True)
    body = object_array.getvalue()
    checkpoints.keep("1", 1)
    for content in (trap, body, archive.FORMAT + hashlib.sha256(body).digest() + body):
        (checkpoints.folder / "0.part").write_bytes(content)
        assert checkpoints.load("0") is None
    (checkpoints.folder / "0.pickle").write_bytes(trap)
    checkpoints.discard()
    assert not (tmp_path / "executed").exists()
    assert [path.name for path in checkpoints.folder.iterdir()] == ["0.pickle"]
    assert "did not write, left as they are" in capsys.readouterr().err


class Trap:
    """What writes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return Path.touch, (self.path,)


def test_a_link_in_the_place_of_the_checkpoints_is_refused(checkpoints: Checkpoints, tmp_path: Path) -> None:
    checkpoints.folder.symlink_to(tmp_path)
    with pytest.raises(StoreError, match="is a link"):
        Checkpoints(tmp_path / "result", {"a": 1})


def test_a_full_disk_is_one_sentence(checkpoints: Checkpoints, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    checkpoints.keep("0", 1)
    monkeypatch.setattr(os, "fsync", full)
    monkeypatch.setattr(module, "SYNC_EVERY", 0.0)
    with pytest.raises(StoreError, match=r"no space in .*: .* MiB are needed and .* free; what is measured is kept"):
        checkpoints.keep("1", 2)
    assert [path.name for path in checkpoints.folder.iterdir()] == ["0.part"]


def test_parts_that_come_fast_wait_for_no_disk(checkpoints: Checkpoints, monkeypatch: pytest.MonkeyPatch) -> None:
    synced, fsync = list[int](), os.fsync
    monkeypatch.setattr(os, "fsync", lambda handle: (synced.append(handle), fsync(handle)))
    monkeypatch.setattr(module, "SYNC_EVERY", 3600.0)
    for number in range(5):
        checkpoints.keep(str(number), number)
    assert len(synced) == 2  # the first part, and the folder that names it
    assert [checkpoints.load(str(number)) for number in range(5)] == list(range(5))
    monkeypatch.setattr(module, "SYNC_EVERY", -1.0)
    checkpoints.keep("5", 5)
    assert len(synced) == 4


@pytest.mark.parametrize("title", ["$x^{$", r"$\unknown$"])
@pytest.mark.parametrize("early", [True, False])
def test_a_figure_that_fails_loses_no_result(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], title: str, early: bool
) -> None:
    def draw(_: pd.DataFrame) -> dict[str, Figure]:
        if early:
            raise KeyError(title)
        good, bad = Figure(), Figure()
        bad.suptitle(title)
        return {"good": good, "bad": bad}

    monkeypatch.setattr(sweep, "draw", draw)
    spec = sweep.Spec(w2="0.5", seq_len="3", seeds=1)
    runner.run(runner.Job(sweep, spec, tmp_path / "sweep", 1, look=Look(formats=("png",))))
    assert len(pd.read_csv(tmp_path / "sweep" / "table.csv")) > 0
    drawn = {path.name for path in (tmp_path / "sweep").glob("figures/*")}
    assert drawn == (set() if early else {"good.png"})
    told = capfd.readouterr().err
    assert f"{'the figures' if early else 'figure bad'} could not be drawn (" in told
