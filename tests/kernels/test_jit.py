"""Edits of a kernel take effect, and broken or unwritable caches stop nothing."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numba
import numpy as np
import pytest
from numba.core.caching import IndexDataCacheFile

import rnnlab
from rnnlab.kernels._jit import POLICY, UNALIASED, DigestedFiles
from rnnlab.kernels._lowering import WIDTH

pytestmark = pytest.mark.skipif(bool(numba.config.DISABLE_JIT), reason="interpreted kernels have no cache")
PROGRAM = """
import numpy as np
from rnnlab.kernels import one_unit
h, slope = np.zeros((2, 1)), np.empty((1, 1))
one = np.ones(1)
one_unit.forward(2, one_unit.Weights(one, one, 0 * one), np.ones((1, 1)), h, slope)
print(repr(float(h[1, 0])))
"""
TANH_1 = "0.7615941559557649"


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the kernels and of what they stand on, with a cache that holds the program's."""
    folder = tmp_path_factory.mktemp("compiled")
    for floor in ("_base", "kernels"):
        shutil.copytree(
            Path(rnnlab.__file__).parent / floor,
            folder / "rnnlab" / floor,
            ignore=shutil.ignore_patterns("__pycache__"),
        )
    (folder / "rnnlab/__init__.py").touch()
    assert result(folder) == TANH_1
    return folder


@pytest.fixture
def copy(compiled: Path, tmp_path: Path) -> Path:
    """A copy of that, to be edited and broken."""
    shutil.copytree(compiled, tmp_path, dirs_exist_ok=True)
    return tmp_path


def result(folder: Path, program: str = PROGRAM, **environment: str) -> str:
    """What the program prints, run on that copy."""
    kept = {key: value for key, value in os.environ.items() if key != "NUMBA_CACHE_DIR"}
    settings = {**kept, "PYTHONPATH": str(folder), **environment}
    told = subprocess.run(
        [sys.executable, "-c", program], env=settings, cwd=folder, capture_output=True, text=True, check=False
    )
    assert told.returncode == 0, told.stderr
    return told.stdout.strip()


def test_an_edit_of_a_called_kernel_takes_effect(copy: Path) -> None:
    source = copy / "rnnlab/kernels/activations.py"
    text = source.read_text()
    edited = text.replace("scale = power_of_two(k)", "scale = power_of_two(k) * c.zero")
    assert edited != text
    source.write_text(edited)
    assert float(result(copy)) == 1.0  # e^(-2|a|) is 0 there


def test_bounds_checks_reach_kernels_that_are_cached(copy: Path) -> None:
    """Whose code is kept beside the unchecked one."""
    wrong = PROGRAM.replace("np.ones((1, 1))", "np.ones((1, 0))")
    assert wrong != PROGRAM
    caught = "try:\n    " + wrong.strip().replace("\n", "\n    ") + "\nexcept IndexError as error:\n    print(error)"
    assert result(copy, caught, NUMBA_BOUNDSCHECK="1").endswith("out of bounds")
    assert result(copy) == TANH_1


def truncated(kept: float) -> Callable[[bytes], bytes]:
    return lambda data: data[: int(kept * len(data))]


def flipped(where: float) -> Callable[[bytes], bytes]:
    def one_bit(data: bytes) -> bytes:
        at = int(where * len(data))
        return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]

    return one_bit


@pytest.mark.parametrize("damage", [truncated(0), truncated(0.9), flipped(0), flipped(0.7)])
def test_a_damaged_cache_is_thrown_away(copy: Path, damage: Callable[[bytes], bytes]) -> None:
    files = [path for path in copy.rglob("*.nb?") if path.suffix in {".nbi", ".nbc"}]
    assert files
    for path in files:
        path.write_bytes(damage(path.read_bytes()))
    assert result(copy) == TANH_1
    assert result(copy) == TANH_1


CONTENT = ("code", bytes(range(200)))


def write_kernel(files: type[IndexDataCacheFile], folder: Path) -> IndexDataCacheFile:
    written = files(str(folder), "kernel", "stamp")
    written.save("key", CONTENT)
    return written


def test_any_flipped_bit_of_a_cache_is_found(tmp_path: Path) -> None:
    files = write_kernel(DigestedFiles, tmp_path)
    assert files.load("key") == CONTENT
    for path in sorted(tmp_path.iterdir()):
        whole = path.read_bytes()
        for where in np.linspace(0, 1, 100, endpoint=False):
            path.write_bytes(flipped(where)(whole))
            with pytest.raises(ValueError, match="is damaged"):
                files.load("key")
        path.write_bytes(whole)
    assert files.load("key") == CONTENT


def test_numbas_own_cache_would_load_it(tmp_path: Path) -> None:
    """The control: without a digest other code is run."""
    files = write_kernel(IndexDataCacheFile, tmp_path)
    (path,) = tmp_path.glob("*.nbc")
    path.write_bytes(flipped(0.5)(path.read_bytes()))
    assert files.load("key") not in (CONTENT, None)


def test_without_any_writable_folder(copy: Path) -> None:
    shutil.rmtree(copy / "rnnlab/kernels/__pycache__")
    (copy / "rnnlab/kernels/__pycache__").write_text("a file where the folder should be")
    nowhere = str(copy / "rnnlab/__init__.py")
    assert result(copy, HOME=nowhere, XDG_CACHE_HOME=nowhere, PYTHONDONTWRITEBYTECODE="1") == TANH_1


def test_kernels_ask_for_wide_vectors() -> None:
    def double(a):  # type: ignore[no-untyped-def]
        return a + a

    asked, control = (numba.njit(**settings)(double) for settings in (POLICY, {}))
    for function in (asked, control):
        function(1.0)
    assert [WIDTH in str(f.inspect_llvm(f.signatures[0])) for f in (asked, control)] == [True, False]


def test_only_unaliased_kernels_trust_that_arrays_are_apart() -> None:
    def double(a, out):  # type: ignore[no-untyped-def]
        for i in range(a.size):
            out[i] = a[i] + a[i]

    trusting, control = (numba.njit(**settings)(double) for settings in (UNALIASED["jit_options"], POLICY))
    told = []
    for function in (trusting, control):
        out = np.empty(3)
        function(np.arange(3.0), out)
        assert out.tolist() == [0.0, 2.0, 4.0]
        head = next(
            line for line in function.inspect_llvm(function.signatures[0]).splitlines() if line.startswith("define")
        )
        told.append(
            re.findall(r"ptr (noalias)?[a-z() ]*%arg\.\w+\.4", head)
        )  # field 4 of an array: where its numbers are
    assert told == [["noalias", "noalias"], ["", ""]]
