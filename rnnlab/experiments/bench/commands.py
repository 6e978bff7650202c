"""Start-up time and peak memory of whole commands, each in a fresh interpreter."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

import rnnlab
from rnnlab._base.cores import available_cores
from rnnlab.experiments.bench.comparing import OURS, version_of
from rnnlab.experiments.bench.timing import NAN, Row, timed

PATIENCE = 120.0  # seconds after which a command is given up
IMPORT = """
import sys, time
start = time.perf_counter()
import rnnlab
seconds = time.perf_counter() - start
heavy = {"pandas", "matplotlib", "seaborn"} & set(sys.modules)
sys.exit(f"import rnnlab loads {sorted(heavy)}") if heavy else print(seconds)
"""
# A small process in between: a child's peak starts from that of the process that forks it.
LAUNCH = """
import subprocess, sys, time
start = time.perf_counter()
code = subprocess.call(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
seconds = time.perf_counter() - start
try:
    import resource
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
except ImportError:
    peak = "nan"
print(seconds, peak, code)
"""


class Command(NamedTuple):
    """What a command took."""

    seconds: float
    peak_mib: float
    note: str


def start_up(repeats: int) -> list[Row]:
    """Import, and the default sweep with an empty and with a filled kernel cache."""
    with tempfile.TemporaryDirectory() as cache:
        cold, warm = (run_sweep([], cache) for _ in range(2))
    title = Row("start-up", "import rnnlab", OURS, version_of(OURS), "import in a fresh interpreter")
    return [
        row_of(title, [time_of_import() for _ in range(repeats)]),
        row_of(sweep_title("start-up", "sweep, empty kernel cache"), [cold]),
        row_of(sweep_title("start-up", "sweep, filled kernel cache"), [warm]),
    ]


def memory(short: int, long: int) -> list[Row]:
    """Peak memory of a sweep over short and over long sequences; the kernels' work space does not grow with T x lanes."""
    lengths = {seq_len: ["--seq-len", str(seq_len), "--w2", "0.5,1,2", "--seeds", "1"] for seq_len in (short, long)}
    commands = {seq_len: run_sweep(options) for seq_len, options in lengths.items()}
    rows = []
    for seq_len, command in commands.items():
        more = command.peak_mib - commands[short].peak_mib
        note = f"peak {command.peak_mib:.0f} MiB, {more:+.0f} MiB; {command.note}".rstrip("; ")
        rows.append(row_of(sweep_title("memory", f"sweep at T = {seq_len:,}"), [command._replace(note=note)]))
    return rows


def sweep_title(case: str, problem: str) -> Row:
    """What the rows of a sweep say before it is run."""
    return Row(
        case, problem, OURS, version_of(OURS), "the whole command in a fresh interpreter", cores=available_cores()
    )


def row_of(title: Row, commands: list[Command]) -> Row:
    """The row of some runs of a command; one that failed has no time and says why."""
    note = next((command.note for command in commands if command.note), "")
    return timed(title._replace(note=note), np.array([command.seconds for command in commands]), 1)


def time_of_import() -> Command:
    """Seconds that ``import rnnlab`` takes in a fresh interpreter; it must not load pandas or matplotlib."""
    result = called([sys.executable, "-c", IMPORT], environment())
    if result.returncode:
        return Command(NAN, NAN, result.stderr.strip().splitlines()[-1])
    return Command(float(result.stdout), NAN, "")


def run_sweep(options: list[str], cache: str | None = None) -> Command:
    """Run the sweep in a temporary folder; a command that fails has a note and no time."""
    with tempfile.TemporaryDirectory() as out:
        command = [sys.executable, "-m", "rnnlab.experiments", "sweep", *options, "--out", out]
        result = called([sys.executable, "-c", LAUNCH, *command], environment(cache))
    if result.returncode:
        return Command(NAN, NAN, f"failed: {result.stderr.strip()[-200:]}")
    seconds, peak, code = (float(word) for word in result.stdout.split())
    if code > 1:
        return Command(NAN, NAN, f"failed with exit code {code:.0f}")
    unit = 2**20 if sys.platform == "darwin" else 2**10
    return Command(seconds, peak / unit, "exit code 1: a check failed" if code else "")


def called(command: list[str], env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run a command, for a limited time."""
    try:
        return subprocess.run(command, env=env, capture_output=True, text=True, timeout=PATIENCE, check=False)
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(command, 1, "", f"no end after {PATIENCE:g} s")


def environment(cache: str | None = None) -> dict[str, str]:
    """The environment of a child that is to find this rnnlab, and a kernel cache of its own."""
    return {**os.environ, **dict(child_variables(cache))}


def child_variables(cache: str | None) -> Iterator[tuple[str, str]]:
    """What is set for a child."""
    folders = [str(Path(rnnlab.__file__).parents[1]), os.environ.get("PYTHONPATH", "")]
    yield "PYTHONPATH", os.pathsep.join(folder for folder in folders if folder)
    if cache:
        yield "NUMBA_CACHE_DIR", cache
