"""What the command line tells who asks what there is."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from rnnlab.experiments import names
from rnnlab.experiments._lab import command_line


def test_list_names_every_experiment(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["rnnlab", "list"])
    assert command_line.main() == 0
    told = capsys.readouterr().out
    assert all(name in told for name in names())


@pytest.mark.parametrize("module", ["rnnlab", "rnnlab.experiments"])
def test_who_asks_nothing_is_told_what_there_is(module: str) -> None:
    told = subprocess.run([sys.executable, "-m", module], capture_output=True, text=True, check=True)
    assert told.stderr == ""
    assert all(f"\n  {name} " in told.stdout for name in ("list", "verify", *names()))


@pytest.mark.parametrize("words", [[], ["spec"]])
def test_help_cuts_no_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], words: list[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["rnnlab", *words, "--help"])
    assert command_line.main() == 0
    told = [line for line in capsys.readouterr().out.splitlines() if line.endswith("...") and "Usage" not in line]
    assert not told


@pytest.mark.skipif(os.name == "nt", reason="a shell's pipe")
def test_nobody_who_stops_reading_is_told(tmp_path: Path) -> None:
    for words in ("list", "sweep --help"):
        command = f"{sys.executable} -m rnnlab.experiments {words} | head -n 1"
        found = subprocess.run(command, shell=True, capture_output=True, text=True, check=True, cwd=tmp_path)
        assert found.stdout.count("\n") == 1
        assert "Error" not in found.stderr
