"""What every experiment is, held by the type checker."""

import subprocess
import sys
from pathlib import Path

import pytest

from rnnlab.experiments import get, names


def told_by_mypy(program: list[str], folder: Path) -> str:
    """What mypy says of a program, nothing if it is right."""
    path = folder / "program.py"
    path.write_text("\n".join(program))
    command = [sys.executable, "-m", "mypy", str(path)]
    found = subprocess.run(command, capture_output=True, text=True, check=False, cwd=Path(__file__).parents[2])
    return found.stdout if found.returncode else ""


def test_every_experiment_is_one_to_the_type_checker(tmp_path: Path) -> None:
    """A missing or misspelt name, or one of another signature, is an error of mypy."""
    pytest.importorskip("mypy", reason="the type checker is a tool of developers: pip install mypy")
    modules = [name.replace("-", "_") for name in names()]
    program = [f"from rnnlab.experiments import {name}" for name in ("Experiment", *modules)]
    assert not told_by_mypy([*program, *(f"_{name}: Experiment = {name}" for name in modules)], tmp_path)
    wrong = [*program, "import rnnlab.laws", "x: Experiment = rnnlab.laws"]  # the control
    assert "Incompatible types in assignment" in told_by_mypy(wrong, tmp_path)


@pytest.mark.parametrize("name", names())
def test_it_says_what_it_shows_and_what_it_claims(name: str) -> None:
    from rnnlab.experiments._lab.experiment import claim_of, first_line

    assert first_line(get(name)).endswith((".", "?"))
    assert claim_of(get(name)).endswith(".")


def test_a_name_that_is_none() -> None:
    with pytest.raises(LookupError, match="no experiment is called 'swep'; did you mean 'sweep'"):
        get("swep")
