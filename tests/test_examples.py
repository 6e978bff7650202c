"""Every example of the docstrings, the README and the pages prints what it says; links; the list of experiments."""

import doctest
import importlib
import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import click
import numpy as np
import pytest

import rnnlab as rl
from rnnlab.experiments._lab import command_line

ROOT = Path(__file__).parents[1]
MODULES = [path for path in sorted((ROOT / "rnnlab").rglob("*.py")) if ">>> " in path.read_text(encoding="utf-8")]


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_docstrings(path: Path) -> None:
    name = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
    result = doctest.testmod(importlib.import_module(name))
    assert result.attempted > 0
    assert result.failed == 0


PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_python_in_pages_prints_what_it_says(path: Path) -> None:
    for block in re.findall(r"```python\n(.*?)```", path.read_text(encoding="utf-8"), flags=re.DOTALL):
        printed: list[str] = []
        exec(block, {"print": lambda *values, printed=printed: printed.append(" ".join(map(str, values)))})  # noqa: S102
        promised = [line.split("# ", 1)[1].split(",")[0].strip() for line in block.splitlines() if "print(" in line]
        assert printed == promised
        assert printed


def test_what_a_diagnosis_prints_is_on_its_page() -> None:
    page = (ROOT / "docs/diagnose.md").read_text(encoding="utf-8")
    block, shown = re.findall(r"```python\n(.*?)```.*?```text\n(.*?)```", page, flags=re.DOTALL)[0]
    found: dict[str, Any] = {"print": lambda *_: None}
    exec(block, found)  # noqa: S102
    assert str(found["found"]) == shown.rstrip("\n")


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_commands_in_pages_exist_with_their_options(path: Path) -> None:
    cli = command_line.cli
    context = click.Context(cli)
    for line in re.findall(r"python -m rnnlab\.experiments (\w[^\n`]*)", path.read_text(encoding="utf-8")):
        name, *words = shlex.split(re.split(r"\s{2,}|\\$|;", line)[0])
        command = cli.get_command(context, name)
        assert name == "NAME" or command, line
        if command:
            command.make_parser(click.Context(command)).parse_args(words)


# an array of two small jobs, and no window
SMALLER = {"-2:2:2001": "-2:2:3", "--seeds 100": "--seeds 2 --seq-len 1,10", "_ID/8": "_ID/2", " --open": ""}
SHELL = [
    path for path in PAGES[1:] if "```sh" in path.read_text(encoding="utf-8")
]  # README's commands are .ci/run's own


@pytest.mark.parametrize("path", SHELL, ids=lambda path: path.stem)
def test_shell_blocks_run(path: Path, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    np.savez(tmp_path / "weights.npz", **rl.to_torch(rl.LSTMParams.init(1, 4, rng=rng)))
    (tmp_path / "prices.csv").write_text("Close\n" + "\n".join(map(str, rng.uniform(1, 2, 300))), encoding="utf-8")
    found = os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}
    for block in re.findall(r"```sh\n(.*?)```", path.read_text(encoding="utf-8"), flags=re.DOTALL):
        for word, smaller in (SMALLER | {"weights.safetensors": "weights.npz"}).items():
            block = block.replace(word, smaller)
        for task in ("1", "2") if "_TASK_ID" in block else ("",):
            environment = found | {"SLURM_ARRAY_TASK_ID": task}
            subprocess.run(["sh", "-euc", block], cwd=tmp_path, env=environment, check=True, timeout=300)


NOTEBOOKS = sorted((ROOT / "docs").glob("*.ipynb"))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebooks_print_what_they_hold(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Stale after a change: jupyter execute --inplace docs/NAME.ipynb."""
    cells = [cell for cell in json.loads(path.read_text(encoding="utf-8"))["cells"] if cell["cell_type"] == "code"]
    names: dict[str, Any] = {}
    for cell in cells:
        exec("".join(cell["source"]), names)  # noqa: S102
        kept = ["".join(output["text"]) for output in cell["outputs"] if output["output_type"] == "stream"]
        assert capsys.readouterr().out == "".join(kept)
    assert len(cells) > 1
    assert not re.search(r"/(home|root|tmp|Users)/", path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("path", [*PAGES, *NOTEBOOKS], ids=lambda path: path.stem)
def test_links_lead_somewhere(path: Path) -> None:
    for link in re.findall(r"\]\(([^)]+)\)", path.read_text(encoding="utf-8")):
        name, _, anchor = link.partition("#")
        target = (path.parent / name).resolve() if name else path
        assert link.startswith("http") or target.exists(), link
        if anchor and target.suffix == ".html":
            told = (ROOT / "docs/explorer.md").read_text(encoding="utf-8").split("\n## Address\n")[1].split("\n## ")[0]
            keys = re.findall(r"`(\w+)", " ".join(re.findall(r"^\| (`.*?) \|", told, flags=re.MULTILINE)))
            assert {word.split("=")[0] for word in anchor.split("&")} <= set(keys), link
        elif anchor:
            headings = re.findall(r"^## (.*)$", target.read_text(encoding="utf-8"), flags=re.MULTILINE)
            assert anchor in {heading.lower().replace(" ", "-") for heading in headings}, link


def test_the_readme_is_one_screen_and_names_every_experiment(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Stale after a new experiment: python -m rnnlab.experiments list --markdown."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert len(text.split()) <= 450
    monkeypatch.setattr(sys, "argv", ["rnnlab", "list", "--markdown"])
    assert command_line.main() == 0
    assert capsys.readouterr().out in text
