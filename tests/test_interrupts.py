"""Ctrl-C while threads are at work, at every seventh point where it can come: never a hang, nor another error.

All points: ``RNNLAB_INTERRUPT_EVERY=1 python -m pytest tests/test_interrupts.py`` (a minute).
"""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from rnnlab._base.interrupts import interrupts_noted
from rnnlab._base.starting import is_command_line

EVERY = int(os.environ.get("RNNLAB_INTERRUPT_EVERY", "7"))


def outcomes(*words: str) -> dict[str, int]:
    """How often what came of an interrupt."""
    command = [sys.executable, "-m", "tests.interrupts", *words]
    told = subprocess.run(
        command, capture_output=True, text=True, check=True, timeout=600, cwd=Path(__file__).parents[1]
    )
    found: dict[str, int] = json.loads(told.stdout)
    assert found.pop("not met") > 0
    return found


@pytest.mark.parametrize("what", ["fit", "workspace", "parts"])
def test_an_interrupt_at_any_point_is_one(what: str) -> None:
    found = outcomes(what, str(EVERY))
    assert set(found) == {"KeyboardInterrupt"}
    assert found["KeyboardInterrupt"] > 150 / EVERY


def test_an_interrupt_that_is_not_noted_is_another_error_at_times() -> None:
    """The control, without which the test above would say nothing."""
    assert {"RuntimeError", "Hang"} & set(outcomes("fit", "2", "control"))


def test_noted_means_raised_on_leaving() -> None:
    with pytest.raises(KeyboardInterrupt), interrupts_noted() as interrupted:
        assert not interrupted()
        signal.raise_signal(signal.SIGINT)
        assert interrupted()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_the_second_is_raised_at_once() -> None:
    with pytest.raises(KeyboardInterrupt), interrupts_noted():
        signal.raise_signal(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)


def test_elsewhere_nothing_changes() -> None:
    """In another thread, and where somebody ignores interrupts."""
    handlers = []

    def look() -> None:
        with interrupts_noted():
            handlers.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    look()
    signal.signal(signal.SIGINT, before)
    assert handlers == [before, signal.SIG_IGN]


@pytest.mark.parametrize(
    "words", [["-m", "rnnlab.experiments", "list"], ["-m", "rnnlab"], ["-c", "import rnnlab; rnnlab.experiments"]]
)
def test_who_is_the_command_line(words: list[str]) -> None:
    assert is_command_line([sys.executable, *words]) == (words[0] == "-m")


@pytest.mark.parametrize("after", [0.15, 0.4, 0.8])
def test_an_interrupt_of_the_imports_is_one_word(after: float) -> None:
    """From the first line of rnnlab on; Python's own start is before it."""
    command = [sys.executable, "-X", "importtime", "-m", "rnnlab.experiments", "verify", "laws"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    for line in process.stderr:
        if line.endswith(" rnnlab._base.starting\n"):
            break
    time.sleep(after)
    process.send_signal(signal.SIGINT)
    told = process.communicate(timeout=60)[1]
    assert process.returncode == 130
    assert "interrupted\n" in told
    assert "Traceback" not in told
