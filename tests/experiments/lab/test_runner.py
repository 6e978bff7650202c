"""Running an experiment: parts are kept as they finish, and long ones in their middle."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from rnnlab.experiments import sweep
from rnnlab.experiments._lab import runner, store
from rnnlab.experiments._lab.resumable import Resumable


@pytest.fixture
def checkpoints(tmp_path: Path) -> store.Checkpoints:
    return store.Checkpoints(tmp_path / "result", {"a": 1})


def mapped(checkpoints: store.Checkpoints, function: Any, items: list[Any]) -> Iterator[pd.DataFrame]:
    job = runner.Job(sweep, None, checkpoints.folder.parent / "result", workers=2)
    return runner.mapper(job, checkpoints)(function, items)


def test_results_are_in_order_and_each_part_is_kept_when_it_ends(checkpoints: store.Checkpoints) -> None:
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


def test_a_long_part_ends_with_the_run_and_goes_on_from_what_it_kept(checkpoints: store.Checkpoints) -> None:
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


def test_another_source_does_not_go_on_from_what_was_kept(
    checkpoints: store.Checkpoints, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkpoints.keep("0", pd.DataFrame({"number": [1]}))
    folder = checkpoints.folder.parent / "result"
    assert store.Checkpoints(folder, {"a": 1}).load("0") is not None
    assert store.Checkpoints(folder, {"a": 2}).load("0") is None
    monkeypatch.setattr(store, "fingerprint", lambda folder: "edited")
    assert store.Checkpoints(folder, {"a": 1}).load("0") is None


def test_a_damaged_part_is_measured_again(checkpoints: store.Checkpoints) -> None:
    checkpoints.keep("0", pd.DataFrame({"number": [1]}))
    path = checkpoints.folder / "0.pickle"
    path.write_bytes(path.read_bytes()[:-20])
    assert checkpoints.load("0") is None
