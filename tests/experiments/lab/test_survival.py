"""Killed again and again, and with bits flipped: `x.

Runs are forked from this process, in which everything is imported and compiled.
"""

import os
import shutil
import signal
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure

from rnnlab.experiments import sweep
from rnnlab.experiments._lab import command_line
from rnnlab.experiments._lab.checkpoints import Checkpoints
from tests.experiments.lab.test_command_line import call
from tests.experiments.lab.test_store import content

pytestmark = [pytest.mark.survival, pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")]
WORDS = ["sweep", "--w2=-2:2:201", "--seq-len", "1,3,10,30,100,300,1000,2000", "--seeds", "8", "--workers", "2"]


@pytest.fixture(autouse=True)
def quickly_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweep, "draw", lambda table: {"one": Figure(figsize=(1, 1))})


@pytest.fixture
def table(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> bytes:
    """Of a run that nobody kills."""
    assert call(monkeypatch, *WORDS, "--out", str(tmp_path / "whole")) == 0
    return (tmp_path / "whole/sweep/table.csv").read_bytes()


def forked(out: Path) -> int:
    """Start a run; what it says goes to a file."""
    pid = os.fork()
    if pid == 0:
        with (out.parent / "told").open("w") as told:
            os.dup2(told.fileno(), 1)
            os.dup2(told.fileno(), 2)
            sys.stdout, sys.stderr = sys.__stdout__, sys.__stderr__
            sys.argv = ["rnnlab", *WORDS, "--out", str(out)]
            code = command_line.main()
            sys.stderr.flush()
            os._exit(code)
    return pid


def ended(pid: int) -> int:
    """The exit code of a process, below 0 the signal that ended it."""
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def test_fifty_kills_lose_nothing_and_leave_nothing(table: bytes, tmp_path: Path) -> None:
    """One to three at random moments of a run, then the same command to its end."""
    rng, out, kills, resumed = np.random.default_rng(0), tmp_path / "out", 0, 0
    out.mkdir()
    start = time.monotonic()
    assert ended(forked(out)) == 0
    lasts = time.monotonic() - start
    for _ in range(200):
        shutil.rmtree(out / "sweep")
        for _ in range(rng.integers(1, 4)):
            pid = forked(out)
            time.sleep(rng.uniform(0, lasts))
            os.kill(pid, signal.SIGKILL)
            kills += ended(pid) == -signal.SIGKILL
        resumed += bool(list(out.glob(".sweep-*.partial/*.part")))
        assert ended(forked(out)) == 0
        assert (out / "sweep/table.csv").read_bytes() == table
        assert [path.name for path in out.iterdir()] == ["sweep"]
        if kills >= 50:
            break
    assert kills >= 50
    assert resumed > 5  # or all were killed before they had measured


def test_a_hundred_damaged_parts_are_found(table: bytes, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A bit flipped anywhere, in one of the parts that an interrupted run has kept."""
    with monkeypatch.context() as kept:
        kept.setattr(Checkpoints, "discard", lambda checkpoints: None)
        assert call(monkeypatch, *WORDS, "--out", str(tmp_path / "kept")) == 0
    parts = next((tmp_path / "kept").glob(".sweep-*.partial"))
    names, rng = sorted(content(parts)), np.random.default_rng(1)
    for _ in range(100):
        out = tmp_path / "out"
        shutil.copytree(parts, out / parts.name)
        path = out / parts.name / rng.choice(names)
        damaged = bytearray(path.read_bytes())
        damaged[rng.integers(len(damaged))] ^= 1 << rng.integers(8)
        path.write_bytes(damaged)
        assert ended(forked(out)) == 0
        assert f"{path} is damaged" in (tmp_path / "told").read_text()
        assert (out / "sweep/table.csv").read_bytes() == table
        shutil.rmtree(out)
