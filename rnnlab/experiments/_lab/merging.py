"""The command ``merge``: the result of an experiment that was measured in shards."""

from __future__ import annotations

from pathlib import Path

import click

from rnnlab.experiments._lab.options import OUT, TABLE, known, look_of, look_options, wants_parquet
from rnnlab.experiments._lab.report import report, say_result


@click.command()
@click.argument("name")
@click.option("--table", "form", **TABLE)
@click.option("--out", **OUT)
def merge(name: str, form: str, out: Path, style: str, formats: str, size: str | None) -> int:
    """Make the result of an experiment that was measured in shards, --shard; exit 2 if one is missing."""
    from rnnlab.experiments._lab import shards

    experiment = known(name)
    result = shards.merged(experiment, out / name, look_of(style, formats, size), wants_parquet(form))
    say_result(out / name, experiment, result)
    return report(result.checks)


merge.params += look_options()
