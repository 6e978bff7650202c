"""Run an experiment: progress, checkpoints, compile times. Knows no experiment and no command line."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import CancelledError
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
from matplotlib.figure import Figure
from numba.core import event
from tqdm import tqdm

from rnnlab._base.blas import one_blas_thread
from rnnlab.experiments._lab import agreement, folders, lock, provenance, store
from rnnlab.experiments._lab.checkpoints import Checkpoints, source
from rnnlab.experiments._lab.experiment import Experiment, drawn
from rnnlab.experiments._lab.looks import PAPER, Look
from rnnlab.experiments._lab.parts import on_threads
from rnnlab.experiments._lab.resumable import Resumable
from rnnlab.experiments._lab.saving import told_if_undrawn
from rnnlab.experiments._lab.tables import normal_form


class Job(NamedTuple):
    """What to run and where its result goes."""

    experiment: Experiment
    spec: Any
    folder: Path
    workers: int
    cluster: str | None = None
    force: bool = False  # replace a result of another spec, or that agrees
    look: Look = PAPER  # of its figures
    cluster_timeout: float = 300.0  # seconds without a worker after which it ends
    parquet: bool = False  # keep the table in that form as well


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
    """Measure, check, draw and save one experiment, alone in its folder."""
    spec = job.spec.model_dump(mode="json", exclude_none=True)
    with lock.writing(job.folder, provenance.spec_hash(spec)) as waited:
        folders.tidy(job.folder)
        store.refuse(job.folder, spec, job.force)
        return (another_result(job, spec) if waited else None) or measured_result(job, spec)


def another_result(job: Job, spec: dict[str, Any]) -> store.Result | None:
    """The result of the run that was waited for, if it was of this spec and version and has ended."""
    origin = provenance.read(job.folder)
    if (origin.get("spec_hash"), origin.get("source")) != (provenance.spec_hash(spec), source()):
        return None
    table = store.read_table(job.folder)
    figures, page = store.redraw(job.folder, partial(drawn, job.experiment), job.experiment.checks, job.look)
    return store.Result(spec, table, job.experiment.checks(table), figures, origin, page)


def measured_result(job: Job, spec: dict[str, Any]) -> store.Result:
    """A result, from what an interrupted run has kept on, saved."""
    checkpoints = Checkpoints(job.folder, spec)
    for path in checkpoints.others(job.folder):
        tqdm.write(f"{path} is unfinished work of another spec or version, left as it is", file=sys.stderr)
    result = saved_result(job, spec, lambda: measured_table(job, checkpoints), [checkpoints])
    checkpoints.discard()
    return result


def saved_result(
    job: Job, spec: dict[str, Any], table_made: Callable[[], pd.DataFrame], kept: list[Checkpoints], **more: Any
) -> store.Result:
    """The result that a table of kept parts makes, with claims and figures, saved; `more` of where it comes from."""
    start, before = time.perf_counter(), time.process_time()
    with compile_clock() as clock:
        table = table_made()
    measured, busy = time.perf_counter(), time.process_time() - before
    checks = job.experiment.checks(table)
    shown: tuple[dict[str, Figure], str | None] = {}, None
    with told_if_undrawn("the figures"):
        shown = drawn(job.experiment, table)
    figures, page = shown
    drawing = time.perf_counter() - measured
    seconds = {"measure": measured - start, "processor": busy, "compile": clock.seconds, "draw": drawing}
    origin = provenance.provenance(spec, provenance.command_line(), seconds) | {
        "source": source(),
        **processors_of(kept),
        **more,
    }
    result = store.Result(spec, table, checks, figures, origin, page)
    store.refuse(job.folder, spec, job.force)  # files may have come there in the meantime
    agrees = not job.force and agreement.kept(job.folder, result, job.experiment.checks, job.parquet)
    if not agrees:
        store.save(job.folder, result, job.look, job.parquet)
    elif provenance.look_of(job.folder) != job.look:
        store.redraw(job.folder, partial(drawn, job.experiment), job.experiment.checks, job.look)
    return result._replace(agrees=agrees)


def processors_of(kept: list[Checkpoints]) -> dict[str, list[str]]:
    """On what processors parts were measured, if not all on this one; said if on several."""
    kinds = sorted(set[str]().union(*(checkpoints.processors for checkpoints in kept)))
    if len(kinds) > 1:
        tqdm.write(f"measured on {', '.join(kinds)}: last digits differ between processors", file=sys.stderr)
    return {"processors": kinds} if kinds and kinds != [provenance.processor()] else {}


def measured_table(job: Job, checkpoints: Checkpoints) -> pd.DataFrame:
    """The table of a job."""
    with told_if_interrupted(checkpoints):
        return table_of(job.experiment, job.spec, mapper(job, checkpoints))


@contextmanager
def told_if_interrupted(checkpoints: Checkpoints) -> Iterator[None]:
    """Who interrupts a measurement is told what is kept."""
    try:
        yield
    except KeyboardInterrupt:
        if checkpoints.folder.exists():
            tqdm.write("what is measured so far is kept: the same command goes on from there", file=sys.stderr)
        raise


def table_of(experiment: Experiment, spec: Any, each: Callable[..., Any] = map) -> pd.DataFrame:
    """The table of an experiment, matrix products on one thread: so that the number of workers changes no bit."""
    with one_blas_thread():
        return normal_form(experiment.measure(spec, each))


def bar_of(name: str) -> dict[str, Any]:
    """How a bar of progress looks: on a terminal alone, of what takes more than a second."""
    return {"desc": name, "unit": "part", "disable": None, "delay": 1.0, "file": sys.stderr}


def mapper(job: Job, checkpoints: Checkpoints) -> Callable[..., Iterator[pd.DataFrame]]:
    """An ordered ``map`` over workers that shows progress and keeps parts as they are finished."""

    def each(function: Callable[[Any], pd.DataFrame], items: Iterable[Any]) -> Iterator[pd.DataFrame]:
        work = {number: partial(function, item) for number, item in enumerate(items)}
        tables = measured_parts(job, checkpoints, work)
        yield from (tables.pop(number) for number in work)

    return each


def measured_parts(job: Job, checkpoints: Checkpoints, work: dict[int, partial[Any]]) -> dict[int, pd.DataFrame]:
    """The tables of parts, by their numbers: those that are kept, and the others measured now and kept."""
    loaded = {number: checkpoints.load(str(number)) for number in work}
    tables = {number: table for number, table in loaded.items() if table is not None}
    todo = {number: call for number, call in work.items() if number not in tables}
    with tqdm(total=len(todo), **bar_of(job.folder.name)) as bar:

        def keep(number: int, table: pd.DataFrame, measured_on: str | None = None) -> None:
            checkpoints.keep(str(number), table, measured_on)
            tables[number] = table
            bar.update()

        measure(job, checkpoints, todo, keep)
    return tables


def measure(job: Job, checkpoints: Checkpoints, calls: dict[int, partial[Any]], keep: Callable[..., None]) -> None:
    """Measure parts where the job says, on threads here or on a cluster."""
    if job.cluster is not None and calls:
        from rnnlab.experiments._lab.cluster import Work, on_cluster

        on_cluster(Work(calls, checkpoints, keep), job.cluster, job.cluster_timeout)
        return
    ended = threading.Event()
    here = {number: resumed(call, checkpoints, str(number), ended) for number, call in calls.items()}
    on_threads(here, job.workers, keep, ended)


def resumed(call: partial[Any], checkpoints: Checkpoints, name: str, ended: threading.Event) -> Callable[[], Any]:
    """The call of one part; one that is resumable goes on from what it kept, and ends with the run."""
    function, item = call.func, call.args[0]
    if not isinstance(function, Resumable):
        return call

    def keep(so_far: Any) -> None:
        checkpoints.keep(f"{name}-so-far", so_far)
        if ended.is_set():
            raise CancelledError

    return lambda: function.measure(item, checkpoints.load(f"{name}-so-far"), keep)
