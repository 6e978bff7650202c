"""Every example of the docstrings and the README prints what it says."""

import doctest
import importlib
import re
from pathlib import Path

import pytest

MODULES = ["rnnlab.api", "rnnlab.one_unit", "rnnlab.training", "rnnlab.workspace", "rnnlab.kernels"]


@pytest.mark.parametrize("name", MODULES)
def test_docstrings(name: str) -> None:
    result = doctest.testmod(importlib.import_module(name))
    assert result.attempted > 0
    assert result.failed == 0


def test_readme() -> None:
    text = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL)
    assert blocks
    for block in blocks:
        printed: list[str] = []
        exec(block, {"print": lambda *values, printed=printed: printed.append(" ".join(map(str, values)))})  # noqa: S102
        promised = [line.split("# ", 1)[1].split(",")[0].strip() for line in block.splitlines() if "print(" in line]
        assert printed == promised
