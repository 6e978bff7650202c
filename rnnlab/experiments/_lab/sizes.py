"""What a run takes of memory: estimated, said before it starts, refused where there is not so much."""

from __future__ import annotations

import sys
from typing import Any

import click
import psutil

SAID_FROM = 2**30  # bytes from which a run's size is said, and asked about
LIBRARIES = 235 * 2**20  # bytes of the interpreter with all of them, before anything is measured


def agree(spec: Any, workers: int, yes: bool) -> None:
    """Say how much memory a large run takes and ask whether it should start; never where nobody can answer.

    UsageError where so much is not free, Abort where the answer is no.
    """
    needed, available = spec.bytes_needed(workers), psutil.virtual_memory().available
    if needed > available:
        raise click.UsageError(
            f"this spec needs about {gibibytes(needed)} of memory and {gibibytes(available)} are free: "
            f"take fewer points, shorter sequences or fewer workers"
        )
    if needed + LIBRARIES < SAID_FROM:
        return
    click.echo(f"about {gibibytes(needed + LIBRARIES)} of memory are needed, {gibibytes(available)} are free", err=True)
    if not yes and sys.stdin.isatty():
        click.confirm("start?", abort=True, err=True)


def gibibytes(number: int) -> str:
    """Bytes as people read them."""
    return f"{number / 2**30:,.1f} GiB"
