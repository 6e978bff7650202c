#!/usr/bin/env -S uv run --script
# /// script
# dependencies = ["nox>=2025.2.9"]
# ///
"""Tasks for those who use nox: ``nox -s tests``, ``nox -s lowest``, ``nox -s lint``, ``nox -s docs``."""

import nox

nox.needs_version = ">=2025.2.9"
nox.options.default_venv_backend = "uv|virtualenv"


@nox.session
def tests(session: nox.Session) -> None:
    """Run the tests."""
    session.install("-e.[test]")
    session.run("pytest", *session.posargs)


@nox.session(venv_backend="uv")
def lowest(session: nox.Session) -> None:
    """Run the tests with the lowest versions that pyproject.toml allows."""
    session.install("--resolution=lowest-direct", "-e.[test]")
    session.run("pytest", *session.posargs)


@nox.session
def lint(session: nox.Session) -> None:
    """Check style and types."""
    session.install("-e.[test]", "import-linter", "mypy", "ruff")
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run("mypy")
    session.run("lint-imports")


@nox.session
def docs(session: nox.Session) -> None:
    """Build the documentation; ``nox -s docs -- -b linkcheck`` looks at links to the outside."""
    session.install("-e.[docs]")
    session.run("python", "-m", "sphinx", "-W", "-n", *session.posargs, "docs", "build/docs")


if __name__ == "__main__":
    nox.main()
