"""Every claim measured afresh, of which nothing is kept."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import click
from tqdm import tqdm

from rnnlab.experiments._lab.experiment import Experiment
from rnnlab.experiments._lab.parts import mapped
from rnnlab.experiments._lab.report import failing, say_claims, saying_nothing
from rnnlab.experiments._lab.runner import bar_of, compile_clock, table_of


def verified(chosen: dict[str, Experiment], workers: int) -> int:
    """Print every claim of these experiments at their default specs; the exit code, 1 if one fails or says nothing."""
    failed, nothing, undecided = 0, 0, 0
    with compile_clock():
        for name, experiment in chosen.items():
            before = time.process_time()
            checks = experiment.checks(table_of(experiment, experiment.Spec(), shown(name, workers)))
            say_claims(name, checks)
            click.echo(f"{name}: {len(checks)} claims in {time.process_time() - before:.1f} s of processor time")
            failed, nothing = failed + len(failing(checks)), nothing + len(saying_nothing(checks))
            undecided += int((checks["verdict"] == "open").sum())
    told = [f"{count} claims {what}" for count, what in ((failed, "fail"), (nothing, "say nothing")) if count]
    click.echo(f"{', '.join(told) or 'no claim fails'}; {undecided} open")
    return int(failed + nothing > 0)


def shown(name: str, workers: int) -> Callable[..., Iterator[Any]]:
    """An ordered ``map`` over threads that shows how far it is."""

    def each(function: Callable[[Any], Any], items: Iterable[Any]) -> Iterator[Any]:
        work = list(items)
        with tqdm(total=len(work), **bar_of(name)) as bar:
            return mapped(function, work, workers, bar.update)

    return each
