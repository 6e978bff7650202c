"""The command line: ``python -m rnnlab.experiments``. Knows no one experiment."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import click

from rnnlab import __version__
from rnnlab._base.checks import nearest
from rnnlab.experiments._lab.destinations import destination
from rnnlab.experiments._lab.diagnosing import diagnose
from rnnlab.experiments._lab.errors import StoreError
from rnnlab.experiments._lab.exits import exit_code
from rnnlab.experiments._lab.experiment import Experiment, claim_of, drawn, first_line, names, title_of
from rnnlab.experiments._lab.looks import PAPER, Look
from rnnlab.experiments._lab.merging import merge
from rnnlab.experiments._lab.options import (
    OUT,
    OWN_OUT,
    TABLE,
    TIMEOUT,
    as_toml,
    known,
    look_of,
    look_options,
    option_of,
    resolve,
    wants_parquet,
)
from rnnlab.experiments._lab.report import claims, report, say_finding, say_result, show_page


class Whole(click.Group):
    """A group whose help says the first sentence of every command, however long it is."""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """As click does, which cuts sentences."""
        found = [(name, self.get_command(ctx, name)) for name in self.list_commands(ctx)]
        with formatter.section("Commands"):
            formatter.write_dl([(name, command.get_short_help_str(1000)) for name, command in found if command])


class Experiments(Whole):
    """A group that has one command per experiment, made from its Spec when asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The fixed commands, then the experiments."""
        return [*super().list_commands(ctx), *names()]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """A fixed command or one made from an experiment's Spec."""
        fixed = super().get_command(ctx, cmd_name)
        if fixed or cmd_name not in names():
            return fixed
        return command_of(cmd_name)

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        """As click does, with the nearest known name in the message."""
        commands = self.list_commands(ctx)
        if args and not args[0].startswith("-") and args[0] not in commands:
            raise click.UsageError(f"no command is called {args[0]!r}{nearest(args[0], commands)}")
        return super().resolve_command(ctx, args)


class Specs(Whole):
    """A group that has one command per experiment, which prints its spec as TOML."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """The experiments."""
        return names()

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """The command of one experiment."""
        experiment = known(cmd_name)
        told = f"Print the spec of {cmd_name} as a TOML file."
        return click.Command(
            cmd_name,
            params=settings_of(experiment),
            help=told,
            callback=lambda **given: print_spec(experiment, **given),
        )


def settings_of(experiment: Experiment) -> list[click.Parameter]:
    """What says how an experiment goes: a spec file, and its Spec's fields as options."""
    file = click.Argument(["spec_file"], metavar="[SPEC.toml]", required=False, type=click.Path(path_type=Path))
    return [file, *(option_of(field, about) for field, about in experiment.Spec.model_fields.items())]


def print_spec(experiment: Experiment, spec_file: Path | None, **fields: Any) -> int:
    """Print a resolved spec under the experiment's claim."""
    click.echo(f"# Claim: {claim_of(experiment)}\n{as_toml(resolve(experiment, spec_file, fields))}", nl=False)
    return 0


def command_of(name: str) -> click.Command:
    """The command of one experiment: its Spec's fields as options."""
    experiment = known(name)
    options: list[click.Parameter] = [
        *settings_of(experiment),
        click.Option(["--workers"], type=int, help="threads that measure  [default: all cores]"),
        click.Option(["--cluster"], metavar="ADDRESS", help="measure on the Dask cluster of this scheduler"),
        click.Option(["--cluster-timeout"], **TIMEOUT),
        click.Option(["--shard"], metavar="I/N", help="measure the Ith of N shares alone, for the command merge"),
        click.Option(["--force"], is_flag=True, help="replace a result of another spec, or one that agrees"),
        click.Option(["--yes"], is_flag=True, help="start a run of a GiB or more of memory without a question"),
        click.Option(["--table", "form"], **TABLE),
        *look_options(),
        click.Option(["--out"], **OWN_OUT),
    ]
    if hasattr(experiment, "page"):
        options.append(click.Option(["--open", "open_page"], is_flag=True, help="open the page in a browser"))
    return click.Command(
        name,
        params=options,
        help=experiment.__doc__,
        short_help=title_of(experiment),
        callback=lambda **given: run_as_told(name, **given),
    )


class Running(NamedTuple):
    """How a run goes, beside its Spec."""

    out: Path
    workers: int | None = None  # all cores
    cluster: str | None = None
    cluster_timeout: float = 300.0
    shard: str | None = None
    force: bool = False
    yes: bool = False
    form: str = "csv"
    look: Look = PAPER
    open_page: bool = False


def run_as_told(
    name: str, style: str, formats: str, size: str | None, spec_file: Path | None = None, **given: Any
) -> int:
    """Run one experiment with what was typed: how it goes, and its Spec's fields."""
    look = look_of(style, formats, size)
    how = {field: given.pop(field) for field in Running._fields if field in given}
    spec = resolve(known(name), spec_file, given)
    return run_one(name, spec, Running(**{**how, "out": how["out"] or destination(spec)}, look=look))


def run_one(name: str, spec: Any, how: Running) -> int:
    """Run one experiment and save its result."""
    from rnnlab.experiments._lab import folders, runner, shards, sizes, store

    count = (os.cpu_count() or 1) if how.workers is None else how.workers
    if count < 1:
        raise click.UsageError(f"--workers is {count}: at least one is needed")
    shard = shards.shard_of(how.shard)
    parquet = wants_parquet(how.form)
    sizes.agree(spec, count, how.yes)
    place = how.out / name
    job = runner.Job(
        known(name), spec, folders.prepare(place), count, how.cluster, how.force, how.look, how.cluster_timeout, parquet
    )
    if shard is not None:
        return shards.run(job, shard)
    result = runner.run(job)
    say_result(place, job.experiment, result)
    if result.page is not None:
        show_page(place / store.PAGE, how.open_page)
    return report(result.checks)


ABOUT = """Experiments on how gradients travel through recurrent networks, and what that does to learning.

Lists are commas (--w2 0.5,1,2), ranges start:stop:count with both ends (--w2=-2:2:81).
"""


@click.group(
    cls=Experiments, help=ABOUT, invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]}
)
@click.version_option(__version__)
@click.pass_context
def cli(context: click.Context) -> None:
    """Show the help where no command is given."""
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


@cli.group(cls=Specs, subcommand_metavar="NAME [OPTIONS] [SPEC.toml]", invoke_without_command=True)
@click.pass_context
def spec(context: click.Context) -> None:
    """Print the spec of an experiment as a TOML file: the defaults, or what a file and options make of them."""
    if context.invoked_subcommand is None:
        raise click.UsageError(f"spec needs the name of an experiment: {', '.join(names())}")


@cli.command("list")
@click.option("--markdown", is_flag=True, help="as the README names them, each with a link")
def list_(markdown: bool) -> int:
    """Name every experiment and what it shows."""
    if markdown:
        click.echo(", ".join(f"[{name}](docs/experiments.md#{name})" for name in names()) + ".")
        return 0
    for name in names():
        click.echo(f"{name:15} {first_line(known(name))}")
    return 0


@cli.command()
@click.argument("wanted", metavar="[NAME ...]", nargs=-1)
@click.option("--out", **OUT)
def figures(wanted: tuple[str, ...], out: Path, style: str, formats: str, size: str | None) -> int:
    """Redraw figures, and check claims again, from the kept tables alone; in the style, formats and size asked for."""
    from rnnlab.experiments._lab import folders, lock, store

    look = look_of(style, formats, size)
    chosen = {name: known(name) for name in wanted or [name for name in names() if (out / name).is_dir()]}
    if not chosen:
        raise StoreError(f"{out} holds no result: run an experiment first, or choose --out DIR")
    for name, experiment in chosen.items():
        store.table_path(out / name)
        folder = folders.prepare(out / name)
        with lock.writing(folder, "figures"):
            found, _ = store.redraw(folder, partial(drawn, experiment), experiment.checks, look)
        click.echo(f"{out / name / 'figures'}: {', '.join(sorted(found))}")
        say_finding(experiment, store.read_table(folder))
    return 0


cli.add_command(diagnose)
cli.add_command(merge)
figures.params += look_options()


@cli.command()
@click.argument("wanted", metavar="[NAME ...]", nargs=-1)
@click.option("--experiment", "more", metavar="NAME", multiple=True, help="the same as a NAME")
@click.option("--workers", type=click.IntRange(min=1), help="threads  [default: all cores]")
@click.option("--out", **OUT)
def verify(wanted: tuple[str, ...], more: tuple[str, ...], workers: int | None, out: Path) -> int:
    """Measure afresh and print every claim: expected, rival, measured, interval, source, verdict; exit 1 if one fails.

    Kept results in the results folder must be as they were written.
    """
    from rnnlab.experiments._lab import store
    from rnnlab.experiments._lab.verification import verified

    asked = (*wanted, *more)
    chosen = {name: known(name) for name in asked or names()}
    for name in chosen:
        store.verify(out / name)
    return verified({n: e for n, e in chosen.items() if asked or e.Spec.reproducible}, workers or os.cpu_count() or 1)


cli.add_command(claims)


@cli.command("all")
@click.option("--out", **OUT)
@click.option("--force", is_flag=True, help="replace results of other specs")
def all_(out: Path, force: bool) -> int:
    """Run every experiment at its default spec."""
    from rnnlab.experiments._lab import store

    specs = {name: resolve(known(name), None, {}) for name in names()}
    for name, spec in specs.items():
        store.refuse(out / name, spec.model_dump(mode="json", exclude_none=True), force)
    return max([run_one(name, spec, Running(out, force=force, yes=True)) for name, spec in specs.items()])


def main() -> int:
    """Run the command line; every refusal is one sentence on standard error.

    Returns
    -------
    int
        0 done, 1 a check failed, 2 bad input, 130 interrupted.
    """
    return exit_code(partial(cli, prog_name="python -m rnnlab.experiments", standalone_mode=False))
