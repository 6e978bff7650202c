"""Work shared out over processes: the same results wherever it is done, and no process left."""

import os
import signal
import time

import pytest

from rnnlab.experiments._lab import processes
from rnnlab.experiments._lab.processes import shared_out


@pytest.fixture(autouse=True)
def four_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "available_cores", lambda: 4)


def none_is_left() -> bool:
    try:
        os.waitpid(-1, os.WNOHANG)
    except ChildProcessError:
        return True
    return False


forks = pytest.mark.skipif(not processes.FORKS, reason="this system does not fork")


@pytest.mark.parametrize("count", [0, 1, 3, 4, 9])
def test_results_are_in_order(count: int) -> None:
    assert shared_out(lambda number: number**2, range(count)) == [number**2 for number in range(count)]


@forks
def test_every_core_has_its_share() -> None:
    assert len(set(shared_out(lambda _: os.getpid(), range(7)))) == 4
    assert none_is_left()


@forks
def test_an_interrupt_is_for_this_process_alone() -> None:
    """One in a callback of a weak reference would be told on standard error and lost."""
    here = os.getpid()

    def interrupts_itself(_: int) -> int:
        if os.getpid() != here:
            os.kill(os.getpid(), signal.SIGINT)
        return os.getpid()

    assert len(set(shared_out(interrupts_itself, range(4)))) == 4


def test_without_forks_all_is_done_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "FORKS", False)
    assert set(shared_out(lambda _: os.getpid(), range(7))) == {os.getpid()}


@forks
def test_what_another_process_does_not_bring_back_is_done_here() -> None:
    """One that is killed, one whose work fails, one whose results can't be sent."""
    here = os.getpid()

    def fails_elsewhere(number: int) -> object:
        if os.getpid() == here:
            return number
        if number == 1:
            os._exit(0)
        return 1 / 0 if number == 2 else lambda: number

    assert shared_out(fails_elsewhere, range(9)) == list(range(9))
    assert none_is_left()


@pytest.mark.parametrize("wrong", range(4))
def test_errors_are_raised_here(wrong: int) -> None:
    with pytest.raises(ZeroDivisionError) as raised:
        shared_out(lambda number: 1 / (number - wrong), range(4))
    assert raised.traceback[-1].name == "<lambda>"
    if processes.FORKS:
        assert none_is_left()


@forks
def test_an_interrupt_ends_the_others() -> None:
    def waits_or_is_interrupted(number: int) -> None:
        if number == 0:
            raise KeyboardInterrupt
        time.sleep(60)

    start = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        shared_out(waits_or_is_interrupted, range(4))
    assert none_is_left()
    assert time.monotonic() - start < 30


@forks
def test_a_process_that_hangs_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "PATIENCE", 0.1)
    here = os.getpid()

    def hangs_elsewhere(_: int) -> int:
        if os.getpid() != here:
            time.sleep(1000)
        return os.getpid()

    assert set(shared_out(hangs_elsewhere, range(7))) == {here}
    assert none_is_left()
