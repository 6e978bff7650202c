"""The command line: ``python -m rnnlab.experiments``. Knows no one experiment."""

from __future__ import annotations

import difflib
import importlib
import os
import pkgutil
import sys
import tomllib
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType
from typing import Any

import click
from pydantic import ValidationError

from rnnlab import experiments

OUT: dict[str, Any] = {
    "type": click.Path(path_type=Path),
    "default": Path("results"),
    "show_default": True,
    "help": "results folder",
}


def names() -> list[str]:
    """The experiments: modules of rnnlab.experiments without a leading underscore."""
    return sorted(
        m.name.replace("_", "-") for m in pkgutil.iter_modules(experiments.__path__) if not m.name.startswith("_")
    )


def module_of(name: str) -> ModuleType:
    """Import one experiment."""
    if name not in names():
        raise click.UsageError(f"no experiment is called {name!r}{nearest(name, names())}")
    return importlib.import_module(f"rnnlab.experiments.{name.replace('-', '_')}")


def nearest(word: str, known: Iterable[str]) -> str:
    """A hint at the nearest known word, with those that there are if none is near."""
    known = list(known)
    close = difflib.get_close_matches(word, known, n=1, cutoff=0.4)
    return f"; did you mean {close[0]!r}?" if close else f"; known are {', '.join(known)}"


class Experiments(click.Group):
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
        known = self.list_commands(ctx)
        if args and not args[0].startswith("-") and args[0] not in known:
            raise click.UsageError(f"no command is called {args[0]!r}{nearest(args[0], known)}")
        return super().resolve_command(ctx, args)


def first_line(module: ModuleType) -> str:
    """The first line of a module's docstring."""
    return (module.__doc__ or "").strip().split("\n")[0]


def command_of(name: str) -> click.Command:
    """The command of one experiment: its Spec's fields as options."""
    module = module_of(name)
    options: list[click.Parameter] = [
        click.Argument(["spec_file"], metavar="[SPEC.toml]", required=False, type=click.Path(path_type=Path)),
        *[option_of(field, about) for field, about in module.Spec.model_fields.items()],
        click.Option(["--workers"], type=int, help="threads that measure  [default: all cores]"),
        click.Option(["--cluster"], metavar="ADDRESS", help="measure on the Dask cluster of this scheduler"),
        click.Option(["--force"], is_flag=True, help="replace a result of another spec"),
        click.Option(["--out"], **OUT),
    ]
    return click.Command(name, params=options, help=module.__doc__, callback=lambda **given: run_one(name, **given))


def option_of(field: str, about: Any) -> click.Option:
    """The option of a Spec's field; of a switch without a value."""
    switch: dict[str, Any] = {"is_flag": True, "default": None} if about.annotation is bool else {"metavar": "VALUE"}
    return click.Option([f"--{field.replace('_', '-')}", field], help=about.description, **switch)


def run_one(
    name: str, spec_file: Path | None, out: Path, workers: int | None, cluster: str | None, force: bool, **fields: Any
) -> int:
    """Run one experiment and save its result."""
    from rnnlab.experiments import _run, _store

    module = module_of(name)
    spec = resolve(module, spec_file, fields)
    count = (os.cpu_count() or 1) if workers is None else workers
    if count < 1:
        raise click.UsageError(f"--workers is {count}: at least one is needed")
    refuse_too_large(spec, count)
    _store.prepare(out)
    if not force:
        _store.refuse_another(out / name, spec.model_dump(mode="json", exclude_none=True))
    result = _run.run(_run.Job(module, spec, out / name, count, cluster))
    seconds = sum(result.provenance["seconds"][key] for key in ("measure", "draw"))
    click.echo(f"{out / name}: {len(result.table)} rows, {len(result.figures)} figures, {seconds:.1f} s")
    return report(result.checks)


def resolve(module: ModuleType, spec_file: Path | None, fields: dict[str, Any]) -> Any:
    """The spec: defaults, over them the TOML file, over both the options."""
    given = read_toml(spec_file) if spec_file else {}
    given |= {field: value for field, value in fields.items() if value is not None}
    try:
        return module.Spec(**given)
    except ValidationError as error:
        raise click.UsageError(sentence(error, module.Spec.model_fields)) from None


def read_toml(path: Path) -> dict[str, Any]:
    """A spec file, or one sentence on why it can't be read."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise click.UsageError(f"can't read the spec file {path}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise click.UsageError(f"the spec file {path} is not valid TOML: {error}") from None


def sentence(error: ValidationError, known: Iterable[str]) -> str:
    """The first thing wrong with a spec, in one sentence."""
    first = error.errors()[0]
    reason = first["msg"].removeprefix("Value error, ")
    if not first["loc"]:
        return reason
    field = str(first["loc"][0])
    if first["type"] == "extra_forbidden":
        return f"unknown key {field!r}{nearest(field, known)}"
    return f"{field} is {shorten(first['input'])}: {reason[0].lower()}{reason[1:]}"


def shorten(value: Any) -> str:
    """A value as it was typed, cut where it is long."""
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def refuse_too_large(spec: Any, workers: int) -> None:
    """Stop before a run that can't fit in memory, saying the estimate."""
    if not hasattr(spec, "bytes_needed"):
        return
    import psutil

    needed, available = spec.bytes_needed(workers), psutil.virtual_memory().available
    if needed > available:
        raise click.UsageError(
            f"this spec needs about {needed / 2**30:,.1f} GiB of memory and {available / 2**30:,.1f} GiB are free: "
            f"take fewer points, shorter sequences or fewer workers"
        )


def report(checks: Any) -> int:
    """Say how many claims hold and name those that fail; the exit code."""
    failed = checks[~checks["ok"].astype(bool)]
    click.echo(f"checks: {len(checks) - len(failed)} of {len(checks)} hold")
    for row in failed.itertuples():
        click.echo(f"  FAILED {row.claim}: expected {row.expected:g}, measured {row.measured:g}")
    return 1 if len(failed) else 0


@click.group(
    cls=Experiments, help=__doc__, invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]}
)
@click.pass_context
def cli(context: click.Context) -> None:
    """Show the help where no command is given."""
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


@cli.command("list")
def list_() -> int:
    """Name every experiment and what it shows."""
    for name in names():
        click.echo(f"{name:15} {first_line(module_of(name))}")
    return 0


@cli.command()
@click.argument("wanted", metavar="[NAME ...]", nargs=-1)
@click.option("--out", **OUT)
def figures(wanted: tuple[str, ...], out: Path) -> int:
    """Redraw figures from the kept tables alone."""
    from rnnlab.experiments import _store

    for name in wanted or [name for name in names() if (out / name / "table.csv").is_file()]:
        drawn = _store.redraw(out / name, module_of(name).draw)
        click.echo(f"{out / name / 'figures'}: {', '.join(drawn)}")
    return 0


@cli.command()
@click.argument("wanted", metavar="[NAME ...]", nargs=-1)
def verify(wanted: tuple[str, ...]) -> int:
    """Measure afresh and print every claim: expected, measured, tolerance, source, verdict; exit 1 if one fails."""
    from rnnlab.experiments import _run

    failures = 0
    for name in wanted or [name for name in names() if getattr(module_of(name), "REPRODUCIBLE", True)]:
        module = module_of(name)
        with _run.compile_clock(), ThreadPoolExecutor(os.cpu_count()) as pool:
            checks = module.checks(_run.table_of(module, module.Spec(), pool.map))
        for row in checks.itertuples():
            verdict = "ok    " if row.ok else "FAILED"
            click.echo(
                f"{verdict} {name}: {row.claim}: expected {row.expected:.7g}, measured {row.measured:.7g}, "
                f"tolerance {row.tolerance:.2g} [{row.source}]"
            )
        failures += int((~checks["ok"].astype(bool)).sum())
    click.echo(f"{failures} claims fail" if failures else "every claim holds")
    return 1 if failures else 0


@cli.command("all")
@click.option("--out", **OUT)
@click.option("--force", is_flag=True, help="replace results of other specs")
def all_(out: Path, force: bool) -> int:
    """Run every experiment at its default spec."""
    codes = [run_one(name, None, out, None, None, force) for name in names()]
    return max(codes)


def main() -> int:
    """Run the command line; every refusal is one sentence on standard error.

    Returns
    -------
    int
        0 done, 1 a check failed, 2 bad input, 130 interrupted.
    """
    from rnnlab.experiments._errors import StoreError

    try:
        return int(cli(prog_name="python -m rnnlab.experiments", standalone_mode=False) or 0)
    except click.ClickException as error:
        message = error.format_message()
    except StoreError as error:
        message = str(error)
    except (KeyboardInterrupt, click.Abort):
        click.echo("interrupted: finished parts are kept; the same command goes on from there", err=True)
        return 130
    except MemoryError as error:
        message = f"out of memory ({error}): take fewer points, shorter sequences, fewer units or workers"
    except Exception as error:
        if "RNNLAB_TRACEBACK" in os.environ:
            raise
        message = (
            f"a bug of rnnlab, nothing was saved ({type(error).__name__}: {error}): "
            f"please report the command; RNNLAB_TRACEBACK=1 shows where"
        )
    click.echo(f"error: {message}", err=True)
    return 2


if __name__ == "__main__":
    sys.exit(main())
