"""What the command line says of claims."""

from __future__ import annotations

from typing import Any

import click


def report(checks: Any) -> int:
    """Say how many claims hold and name those that fail; the exit code."""
    failed = checks[~checks["ok"].astype(bool)]
    held = f"{len(checks) - len(failed)} of {len(checks)} hold" if len(checks) else "none is made at these settings"
    click.echo(f"checks: {held}")
    for row in failed.itertuples():
        click.echo(f"  FAILED {row.claim}: expected {row.expected:g}, measured {row.measured:g}")
    return 1 if len(failed) else 0


def say_claims(name: str, checks: Any) -> None:
    """Print every claim of an experiment: expected, measured, tolerance, source, verdict."""
    for row in checks.itertuples():
        click.echo(
            f"{'ok    ' if row.ok else 'FAILED'} {name}: {row.claim}: expected {row.expected:.7g}, "
            f"measured {row.measured:.7g}, tolerance {row.tolerance:.2g} [{row.source}]"
        )
