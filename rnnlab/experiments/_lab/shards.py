"""A measurement in shards, the tasks of a job array: each measures its share of the parts, on whatever machine.

A shard keeps parts beside the result, as an interrupted run does, in a folder and under a lock of its own. So shards can
run at the same time, be interrupted and run again. What takes them together measures nothing.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

from tqdm import tqdm

from rnnlab.experiments._lab import folders, lock, store
from rnnlab.experiments._lab.archive import DamagedError
from rnnlab.experiments._lab.checkpoints import Checkpoints, read_part
from rnnlab.experiments._lab.errors import StoreError
from rnnlab.experiments._lab.experiment import Experiment
from rnnlab.experiments._lab.looks import PAPER, Look
from rnnlab.experiments._lab.provenance import spec_hash
from rnnlab.experiments._lab.runner import (
    Job,
    compile_clock,
    measured_parts,
    saved_result,
    table_of,
    told_if_interrupted,
)

ABOUT = "shard"  # the name by which a shard keeps what it is
NAMED = 8  # shards or folders that a sentence names


class Shard(NamedTuple):
    """Number `number` of as many as `of`, from 1."""

    number: int
    of: int

    def __str__(self) -> str:
        """As it is typed."""
        return f"{self.number}/{self.of}"

    def place(self, folder: Path) -> Path:
        """Beside what it keeps its parts, of a result's folder."""
        return folder.with_name(f"{folder.name}.{self.number}-of-{self.of}")

    def share(self, parts: int) -> range:
        """The numbers of its parts: every part is in the share of one shard."""
        return range(self.number - 1, parts, self.of)


class Kept(NamedTuple):
    """What a shard has measured so far."""

    shard: Shard
    checkpoints: Checkpoints
    about: dict[str, Any]  # spec, seconds


def shard_of(text: str | None) -> Shard | None:
    """A shard as it is typed, i/n; StoreError if it is none."""
    if text is None:
        return None
    typed = re.fullmatch(r"(\d{1,9})/(\d{1,9})", text, re.ASCII)
    shard = Shard(*map(int, typed.groups())) if typed else Shard(0, 0)
    if not 1 <= shard.number <= shard.of:
        raise StoreError(f"--shard is {text!r}: expected i/n, such as 1/8 to 8/8")
    return shard


def told(spec: dict[str, Any], seconds: float) -> dict[str, Any]:
    """What a shard keeps of itself."""
    return {"spec": spec, "seconds": seconds}


def kept_beside(folder: Path) -> list[Kept]:
    """All shards of a result, of one spec and of this version; StoreError if there are none, or others."""
    paths = sorted(folder.parent.glob(f".{folder.name}.*-of-*.partial"))
    if not paths:
        raise StoreError(f"{folder.parent} holds no shard of {folder.name}: run --shard i/n first, or choose --out DIR")
    shards = [kept_in(path, folder) for path in paths]
    for kept in shards:
        if kept.about["spec"] != shards[0].about["spec"]:
            raise StoreError(
                f"{shards[0].checkpoints.folder} and {kept.checkpoints.folder.name} are shards of two specs: "
                f"move those of one elsewhere"
            )
    return shards


def kept_in(path: Path, folder: Path) -> Kept:
    """What a folder has of a shard, when nobody measures it any more; StoreError if it is none."""
    named = re.fullmatch(r"(\d{1,9})-of-(\d{1,9})-\w+\.partial", path.name.removeprefix(f".{folder.name}."))
    if not named or path.is_symlink():
        raise StoreError(f"{path} is no shard: move it elsewhere")
    shard = Shard(*map(int, named.groups()))
    about = read_about(path)
    kept = Kept(shard, Checkpoints(shard.place(folder), about["spec"]), about)
    if kept.checkpoints.folder != path:
        raise StoreError(f"{path} was measured by another version of rnnlab or its libraries: run that shard again")
    with lock.writing(shard.place(folder), spec_hash(kept.about["spec"])):
        return kept._replace(about=read_about(path))


def read_about(path: Path) -> dict[str, Any]:
    """What a shard kept of itself, or StoreError."""
    try:
        _, found = read_part(path / f"{ABOUT}.part")
    except (OSError, DamagedError) as error:
        raise StoreError(f"{path} is no shard, or damaged ({error}): move it elsewhere, run the shard again") from None
    if not isinstance(found, dict) or set(found) != set(told({}, 0.0)) or not isinstance(found["spec"], dict):
        raise StoreError(f"{path} is no shard: move it elsewhere")
    return found


def taken_together(shards: list[Kept]) -> Callable[..., Iterator[Any]]:
    """An ordered ``map`` that yields what shards have measured; StoreError names what is missing."""

    def each(_: Callable[[Any], Any], items: Iterable[Any]) -> Iterator[Any]:
        total, missing = len(list(items)), set[int]()
        whose = {number: kept for kept in shards for number in kept.checkpoints.numbers()}
        for number in range(total):
            table = whose[number].checkpoints.load(str(number)) if number in whose else None
            if table is None:
                missing.add(number)
            elif not missing:
                yield table
        if missing:
            raise StoreError(those_missing(missing, total, shards))

    return each


def those_missing(missing: set[int], total: int, shards: list[Kept]) -> str:
    """The sentence on parts that no shard has measured, and on the shards that would."""
    count = shards[0].shard.of
    started = {kept.shard for kept in shards}
    wanted = [
        shard for shard in (Shard(k + 1, count) for k in range(count)) if missing.intersection(shard.share(total))
    ]
    words = [f"{shard}{'' if shard in started else ' (never run)'}" for shard in wanted[:NAMED]]
    more = f" and {len(wanted) - NAMED} more" if len(wanted) > NAMED else ""
    return f"{len(missing)} of {total} parts are missing: run --shard {', '.join(words)}{more}, and merge again"


class ShareMeasuredError(Exception):
    """The parts of a shard are measured; a table is made of those of all."""


def run(job: Job, shard: Shard) -> int:
    """Measure the share of a shard, on from what it has kept, and say so; returns the exit code."""
    spec = job.spec.model_dump(mode="json", exclude_none=True)
    place = shard.place(job.folder)
    with lock.writing(place, spec_hash(spec)):
        folders.tidy(place)
        store.refuse(job.folder, spec, job.force)
        checkpoints, start = Checkpoints(place, spec), time.perf_counter()
        checkpoints.keep(ABOUT, told(spec, 0.0))
        measured = measured_share(job, checkpoints, shard)
        checkpoints.keep(ABOUT, told(spec, round(time.perf_counter() - start, 3)))
    then = f"merge {job.folder.name} --out {job.folder.parent}"
    tqdm.write(f"{job.folder}: shard {shard}, {measured} parts are measured; when all shards are: {then}")
    return 0


def measured_share(job: Job, checkpoints: Checkpoints, shard: Shard) -> int:
    """Measure and keep the parts of a shard."""
    shares = []

    def each(function: Callable[[Any], Any], items: Iterable[Any]) -> NoReturn:
        work = list(items)
        shares.append(shard.share(len(work)))
        measured_parts(job, checkpoints, {number: partial(function, work[number]) for number in shares[0]})
        raise ShareMeasuredError

    with told_if_interrupted(checkpoints), compile_clock(), suppress(ShareMeasuredError):
        table_of(job.experiment, job.spec, each)
    return len(shares[0])


def merged(experiment: Experiment, place: Path, look: Look = PAPER, parquet: bool = False) -> store.Result:
    """The result of what all shards of `place` have measured, saved; then what they kept is forgotten."""
    folder = folders.prepare(place)
    shards = kept_beside(folder)
    spec = shards[0].about["spec"]
    job = Job(experiment, experiment.Spec(**spec), folder, workers=1, look=look, parquet=parquet)
    with lock.writing(folder, spec_hash(spec)):
        folders.tidy(folder)
        store.refuse(folder, spec, force=False)
        table = partial(table_of, experiment, job.spec, taken_together(shards))
        seconds = {str(kept.shard): kept.about["seconds"] for kept in shards}
        result = saved_result(job, spec, table, [kept.checkpoints for kept in shards], shards=seconds)
        for kept in shards:
            kept.checkpoints.discard()
    return result
