"""What is said of a run's memory before it starts."""

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import click
import pandas as pd
import pytest

from rnnlab.experiments import get, sweep
from rnnlab.experiments._lab import command_line, sizes

LARGE = sweep.Spec(w2="-2:2:10001", seq_len="1,2,3,4,5,6", seeds=25)  # 6 million rows

# Told by the process itself: what the parent reads of its children is the largest of all, and counts pages shared with it.
PEAK = """
import atexit, pathlib, sys
from rnnlab.experiments._lab.command_line import main
status = pathlib.Path("/proc/self/status")
atexit.register(lambda: print(status.read_text().split("VmHWM:")[1].split()[0]))
sys.exit(main())
"""


def terminal(monkeypatch: pytest.MonkeyPatch, answer: str) -> None:
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    monkeypatch.setattr(
        click, "confirm", lambda *_, **__: (_ for _ in ()).throw(click.Abort()) if answer == "n" else True
    )


def test_a_small_run_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    sizes.agree(sweep.Spec(), 2, yes=False)
    assert capsys.readouterr().err == ""


def test_a_large_one_is_said_and_asked_about_where_somebody_can_answer(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    sizes.agree(LARGE, 2, yes=False)  # nobody there
    terminal(monkeypatch, "n")
    sizes.agree(LARGE, 2, yes=True)
    with pytest.raises(click.Abort):
        sizes.agree(LARGE, 2, yes=False)
    terminal(monkeypatch, "y")
    sizes.agree(LARGE, 2, yes=False)
    assert capsys.readouterr().err.count("GiB of memory are needed") == 4


@pytest.mark.parametrize(
    "name", ["depth", "prices", "forget-bias", "truncation", "adding", "mitigations", "temporal-order"]
)
def test_units_beyond_memory_are_refused_before_they_are_drawn(name: str) -> None:
    with pytest.raises(click.UsageError, match=r"GiB of memory and .* are free: take fewer"):
        sizes.agree(get(name).Spec(hidden_size=10**8), 1, yes=True)


def test_the_estimate_of_five_million_points_is_what_was_measured() -> None:
    """1,310 MiB with 2 workers, of which 235 are there before it starts."""
    spec = sweep.Spec(w2="-2.5:2.5:1000", seq_len="1,3,10,30,100", seeds=250)
    assert (spec.bytes_needed(2) + sizes.LIBRARIES) / 2**20 == pytest.approx(1310, rel=0.2)


@pytest.mark.survival
def test_five_million_points_within_a_gigabyte_and_a_half(tmp_path: Path) -> None:
    words = "sweep --w2=-2.5:2.5:1000 --seq-len 1,3,10,30,100 --seeds 250 --workers 2 --yes --out"
    run = ["-c", PEAK, *words.split(), str(tmp_path)]
    peak = subprocess.run([sys.executable, *run], check=True, capture_output=True, text=True).stdout.split()[-1]
    with (tmp_path / "sweep/table.csv").open("rb") as table:
        assert sum(1 for _ in table) == 5_000_001
    assert int(peak) * 1024 < 1.5e9


def test_a_table_as_parquet_too(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["sweep", "--w2", "1", "--seq-len", "1", "--seeds", "1", "--out", str(tmp_path), "--table", "parquet"]
    monkeypatch.setattr(sys, "argv", ["rnnlab", *words])
    if find_spec("pyarrow") is None:
        assert command_line.main() == 2
        assert capsys.readouterr().err == "error: --table parquet needs PyArrow: pip install 'rnnlab[parquet]'\n"
    else:
        assert command_line.main() == 0
        found, text = (pd.read_parquet(tmp_path / "sweep/table.parquet"), pd.read_csv(tmp_path / "sweep/table.csv"))
        pd.testing.assert_frame_equal(found, text)
