"""Run an experiment: workers, progress, checkpoints, compile times. Knows no experiment and no command line."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import CancelledError, Executor, ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from io import StringIO
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
from numba.core import event
from tqdm import tqdm

from rnnlab._base.blas import one_blas_thread
from rnnlab.experiments._lab import store
from rnnlab.experiments._lab.errors import StoreError
from rnnlab.experiments._lab.experiment import Experiment, drawn
from rnnlab.experiments._lab.looks import PAPER, Look
from rnnlab.experiments._lab.resumable import Resumable


class Job(NamedTuple):
    """What to run and where its result goes."""

    experiment: Experiment
    spec: Any
    folder: Path
    workers: int
    cluster: str | None = None
    force: bool = False  # replace the result of another spec
    look: Look = PAPER  # of its figures


class CompileClock(event.Listener):
    """Adds up the time Numba compiles and says once on standard error that it does."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._depth = 0
        self._since = 0.0
        self._said = False

    def on_start(self, _: Any) -> None:
        """Start the clock at the outermost compilation."""
        if self._depth == 0:
            self._since = time.perf_counter()
        self._depth += 1
        if not self._said:
            tqdm.write("compiling kernels (first run only, about 10 s) ...", file=sys.stderr)
            self._said = True

    def on_end(self, _: Any) -> None:
        """Stop the clock when the outermost compilation ends."""
        self._depth -= 1
        if self._depth == 0:
            self.seconds += time.perf_counter() - self._since


@contextmanager
def compile_clock() -> Iterator[CompileClock]:
    """Listen to Numba's compilations for a while."""
    clock = CompileClock()
    event.register("numba:compile", clock)
    try:
        yield clock
    finally:
        event.unregister("numba:compile", clock)


def run(job: Job) -> store.Result:
    """Measure, check, draw and save one experiment."""
    spec = job.spec.model_dump(mode="json", exclude_none=True)
    store.refuse(job.folder, spec, job.force)
    checkpoints = store.Checkpoints(job.folder, spec)
    for path in checkpoints.others(job.folder):
        tqdm.write(f"{path} is unfinished work of another spec or version, left as it is", file=sys.stderr)
    start = time.perf_counter()
    with compile_clock() as clock:
        table = measured_table(job, checkpoints)
    measured = time.perf_counter()
    checks, (figures, page) = job.experiment.checks(table), drawn(job.experiment, table)
    seconds = {"measure": measured - start, "compile": clock.seconds, "draw": time.perf_counter() - measured}
    origin = store.provenance(spec, store.command_line(), seconds)
    result = store.Result(spec, table, checks, figures, origin, page)
    store.refuse(job.folder, spec, job.force)  # another run may have ended there in the meantime
    store.save(job.folder, result, job.look)
    checkpoints.discard()
    return result


def measured_table(job: Job, checkpoints: store.Checkpoints) -> pd.DataFrame:
    """The table of a job; who interrupts it is told what is kept."""
    try:
        return table_of(job.experiment, job.spec, mapper(job, checkpoints))
    except KeyboardInterrupt:
        if checkpoints.folder.exists():
            tqdm.write("what is measured so far is kept: the same command goes on from there", file=sys.stderr)
        raise


def table_of(experiment: Experiment, spec: Any, each: Callable[..., Any] = map) -> pd.DataFrame:
    """The table of an experiment, matrix products on one thread: so that the number of workers changes no bit."""
    with one_blas_thread():
        return normal_form(experiment.measure(spec, each))


def normal_form(table: pd.DataFrame) -> pd.DataFrame:
    """The table as it will be read back, so that a figure drawn now equals one redrawn later."""
    return pd.read_csv(StringIO(table.to_csv(index=False)))


def mapper(job: Job, checkpoints: store.Checkpoints) -> Callable[..., Iterator[pd.DataFrame]]:
    """An ordered ``map`` over workers that shows progress and keeps parts as they are finished."""

    def each(function: Callable[[Any], pd.DataFrame], items: Iterable[Any]) -> Iterator[pd.DataFrame]:
        work, ended = list(items), threading.Event()
        kept = [checkpoints.load(str(number)) for number in range(len(work))]
        todo = [number for number, table in enumerate(kept) if table is None]
        with workers(job, ended) as executor:
            calls = (call_of(function, checkpoints, str(number), ended, job) for number in todo)
            futures = {executor.submit(call, work[n]): n for n, call in zip(todo, calls, strict=True)}
            progress = {"desc": job.folder.name, "unit": "part", "disable": None, "delay": 1.0, "file": sys.stderr}
            for future in tqdm(as_completed(futures), total=len(todo), **progress):
                number = futures[future]
                kept[number] = future.result()
                checkpoints.keep(str(number), kept[number])
        yield from kept

    return each


def call_of(function: Any, checkpoints: store.Checkpoints, name: str, ended: threading.Event, job: Job) -> Any:
    """The function of one part; one that is resumable goes on from what it kept, and ends with the run."""
    if job.cluster or not isinstance(function, Resumable):
        return function

    def keep(so_far: Any) -> None:
        checkpoints.keep(f"{name}-so-far", so_far)
        if ended.is_set():
            raise CancelledError

    return lambda item: function.measure(item, checkpoints.load(f"{name}-so-far"), keep)


@contextmanager
def workers(job: Job, ended: threading.Event) -> Iterator[Executor]:
    """The executor of a job: threads here (kernels release the interpreter's lock), or a Dask cluster.

    `ended` is set before threads are waited for.
    """
    if job.cluster:
        with cluster(job.cluster) as client, client.get_executor() as executor:
            yield executor
    else:
        executor = ThreadPoolExecutor(job.workers)
        try:
            yield executor
        finally:
            ended.set()
            executor.shutdown(wait=True, cancel_futures=True)


def cluster(address: str) -> Any:
    """A client of the Dask scheduler at `address`, or one sentence on why there is none."""
    try:
        from distributed import Client
    except ImportError:
        raise StoreError("--cluster needs Dask: pip install 'rnnlab[cluster]'") from None
    try:
        return Client(address, timeout="10s")
    except (OSError, ValueError) as error:
        raise StoreError(
            f"can't reach a Dask scheduler at {address}: {error}; give --cluster tcp://host:port"
        ) from None
