"""What the command line says of a result and its claims."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from rnnlab.experiments._lab.experiment import Experiment, names
from rnnlab.experiments._lab.options import OUT


def say_result(place: Path, experiment: Experiment, result: Any) -> None:
    """Say where a result is, whether it is the one that was there before, and what came out."""
    seconds = sum(result.provenance["seconds"][key] for key in ("measure", "draw"))
    found = f"table of {len(result.table)}, figures {', '.join(result.figures)}, {seconds:.1f} s"
    click.echo(f"{place}: {found}")
    if result.agrees:
        from rnnlab.experiments._lab.agreement import PROMISED

        click.echo(f"  agrees to {PROMISED:g} with what was there, which is left as it is")
    say_finding(experiment, result.table)


def say_finding(experiment: Experiment, table: Any) -> None:
    """Say in one line what came out."""
    from rnnlab.experiments._lab.saving import told_if_undrawn

    with told_if_undrawn("what came out"):
        click.echo(f"  {experiment.finding(table)}")


def report(checks: Any) -> int:
    """Say how many claims hold and name the others; the exit code, 1 if one fails."""
    held = checks["verdict"] == "holds"
    click.echo(f"checks: {f'{held.sum()} of {len(checks)} hold' if len(checks) else 'none is made at these settings'}")
    for row in checks[~held].itertuples():
        click.echo(f"  {row.verdict.upper()} {row.claim}: expected {row.expected:g}, measured {row.measured:g}")
    return int(len(failing(checks)) > 0)


def failing(checks: Any) -> Any:
    """The claims of a checks table that fail."""
    return checks[checks["verdict"] == "fails"]


def saying_nothing(checks: Any) -> Any:
    """The claims of a checks table that can't fail for their rival: it lies in the interval that they accept."""
    return checks[(checks["low"] <= checks["rival"]) & (checks["rival"] <= checks["high"])]


def say_claims(name: str, checks: Any) -> None:
    """Print every claim of an experiment: verdict, expected, rival, measured, the interval accepted, source."""
    for row in checks.itertuples():
        click.echo(
            f"{row.verdict if row.verdict == 'holds' else row.verdict.upper():6} {name}: {row.claim}: "
            f"expected {row.expected:.7g}, rival {row.rival:.7g}, measured {row.measured:.7g}, "
            f"accepted {row.low:.7g} to {row.high:.7g} [{row.source}]"
        )


def show_page(path: Path, in_browser: bool) -> None:
    """Say where a page is, and open it if that is wanted."""
    import webbrowser

    click.echo(f"page: {path.resolve()}")
    if in_browser and not webbrowser.open(path.resolve().as_uri()):
        click.echo("no browser was found: open the page by hand", err=True)


@click.command()
@click.option("--markdown", is_flag=True, help="print them as a table instead")
@click.option("--out", **OUT)
def claims(markdown: bool, out: Path) -> int:
    """Make claims.html of the claims of all kept results, those that fail and that are open first."""
    from rnnlab._base import durable
    from rnnlab.experiments._lab import claims_page

    kept = claims_page.kept(out, names())
    if markdown:
        click.echo(claims_page.markdown(kept), nl=False)
    else:
        durable.write(out / claims_page.NAME, claims_page.html(kept).encode())
        click.echo(f"page: {(out / claims_page.NAME).resolve()}")
    return 0
