"""Start-up time and peak memory of whole commands, each in a fresh interpreter."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import rnnlab
from rnnlab.experiments.bench.timing import NAN, Row, available_cores, judged

IMPORT_LIMIT, COLD_LIMIT, WARM_LIMIT = 0.6, 20.0, 5.0  # seconds
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
    return [
        limited("import rnnlab", fastest_import(repeats), IMPORT_LIMIT, 1),
        limited("sweep, empty kernel cache", cold, COLD_LIMIT, available_cores()),
        limited("sweep, filled kernel cache", warm, WARM_LIMIT, available_cores()),
    ]


def memory(short: int, long: int) -> list[Row]:
    """Peak memory of a sweep over short and over long sequences; the kernels' work space does not grow with T x lanes."""
    rows, peaks = [], []
    for seq_len in (short, long):
        command = run_sweep(["--seq-len", str(seq_len), "--w2", "0.5,1,2", "--seeds", "1"])
        peaks.append(command.peak_mib)
        note = f"peak {command.peak_mib:.0f} MiB, {command.peak_mib - peaks[0]:+.0f} MiB; {command.note}".rstrip("; ")
        ratio = peaks[0] / command.peak_mib if seq_len != short else NAN
        row = Row("memory", f"sweep at T = {seq_len:,}", "", available_cores(), command.seconds)
        rows.append(row._replace(ratio=ratio, note=note))
    return rows


def limited(name: str, command: Command, limit: float, cores: int) -> Row:
    """The row of a command with a limit in seconds."""
    note = f"limit {limit:g} s; {command.note}".rstrip("; ")
    row = Row("start-up", name, "", cores, command.seconds, ratio=limit / command.seconds, target=1.0, note=note)
    return judged(row)


def fastest_import(repeats: int) -> Command:
    """Seconds that ``import rnnlab`` takes in a fresh interpreter; it must not load pandas or matplotlib."""
    results = [called([sys.executable, "-c", IMPORT], environment()) for _ in range(repeats)]
    complaints = [result.stderr.strip() for result in results if result.returncode]
    if complaints:
        return Command(NAN, NAN, complaints[0].splitlines()[-1])
    return Command(min(float(result.stdout) for result in results), NAN, "loads neither pandas nor matplotlib")


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
