"""Results folders: whole or not at all, resumable, with provenance. Knows files, and no experiment."""

from __future__ import annotations

import ctypes
import hashlib
import json
import os
import pickle
import platform
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from importlib import metadata
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
import tomli_w
from matplotlib.figure import Figure

import rnnlab
from rnnlab._base.sources import fingerprint
from rnnlab.experiments._lab.errors import StoreError
from rnnlab.experiments._lab.looks import PAPER, Look
from rnnlab.experiments._lab.saving import write

PAGE = "index.html"
ENTRIES = {"table.csv", "checks.csv", "spec.toml", "provenance.json", "figures", PAGE}
LIBRARIES = ("rnnlab", "numba", "llvmlite", "numpy", "pandas", "scipy", "matplotlib", "seaborn")


class Result(NamedTuple):
    """All that a run leaves behind."""

    spec: dict[str, Any]
    table: pd.DataFrame
    checks: pd.DataFrame
    figures: dict[str, Figure]
    provenance: dict[str, Any]
    page: str | None = None  # HTML, of an experiment that has one


def spec_hash(spec: dict[str, Any]) -> str:
    """Digest of a resolved spec, the name of its measurement."""
    return hashlib.sha256(json.dumps(spec, sort_keys=True).encode()).hexdigest()[:16]


def refuse(folder: Path, spec: dict[str, Any], force: bool) -> None:
    """Raise StoreError if `folder` has what a result of this spec may not replace: other files, or another spec's."""
    if not folder.exists():
        return
    found = {path.name for path in folder.iterdir()} if folder.is_dir() else {folder.name}
    others = sorted(name for name in found - ENTRIES if not name.startswith("."))
    if others:
        raise StoreError(f"{folder} is no result of rnnlab ({', '.join(others[:3])} in it): choose another --out DIR")
    old = {} if force else kept_spec(folder / "spec.toml")
    changed = sorted(key for key in {*old, *spec} if old.get(key) != json.loads(json.dumps(spec)).get(key))
    if old and changed:
        raise StoreError(
            f"{folder} holds the result of another spec ({', '.join(changed)} differ): "
            f"write elsewhere with --out DIR, or replace it with --force"
        )


def kept_spec(path: Path) -> dict[str, Any]:
    """The spec of a kept result, empty if there is none."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise StoreError(
            f"{path} is damaged ({error}): write elsewhere with --out DIR, or replace it with --force"
        ) from None


def prepare(out: Path) -> None:
    """Make the output folder, or raise StoreError if nothing can be written in it."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        probe = out / f".probe-{os.getpid()}"
        probe.write_text("")
        probe.unlink()
    except OSError as error:
        raise StoreError(
            f"can't write in the output folder {out}: {error.strerror}; choose another with --out"
        ) from None


def save(folder: Path, result: Result, look: Look = PAPER) -> None:
    """Write a whole result and put it in the place of the old one in a single step."""
    with replacing(folder) as fresh:
        (fresh / "figures").mkdir()
        result.table.to_csv(fresh / "table.csv", index=False, lineterminator="\n")
        result.checks.to_csv(fresh / "checks.csv", index=False, lineterminator="\n")
        (fresh / "spec.toml").write_text(tomli_w.dumps(result.spec), encoding="utf-8")
        (fresh / "provenance.json").write_text(json.dumps(result.provenance, indent=2) + "\n", encoding="utf-8")
        write(fresh / "figures", result.figures, look)
        write_page(fresh, result.page)


def write_page(folder: Path, page: str | None) -> None:
    """Write the page of a result, whole or not at all, if it has one."""
    if page is not None:
        fresh = folder / f".{PAGE}-{os.getpid()}"
        fresh.write_text(page, encoding="utf-8")
        fresh.replace(folder / PAGE)


def redraw(folder: Path, draw: Callable[[pd.DataFrame], tuple[dict[str, Figure], str | None]], look: Look) -> list[str]:
    """Make the figures and the page of a kept result again from its table; returns the figures' names."""
    table = read_table(folder)
    try:
        figures, page = draw(table)
    except Exception as error:
        raise damaged(folder, error) from error
    with replacing(folder / "figures") as fresh:
        write(fresh, figures, look)
    write_page(folder, page)
    return sorted(figures)


def read_table(folder: Path) -> pd.DataFrame:
    """The table of a kept result; StoreError if there is none."""
    path = folder / "table.csv"
    if not path.is_file():
        raise StoreError(f"{folder} holds no result (no table.csv): run the experiment first, or choose --out DIR")
    try:
        return pd.read_csv(path)
    except (OSError, ValueError) as error:
        raise damaged(folder, error) from error


def damaged(folder: Path, error: Exception) -> StoreError:
    """What is said of a table that is not as it was written."""
    reason = f"{type(error).__name__}: {' '.join(str(error).split())}"
    return StoreError(f"{folder / 'table.csv'} is damaged, or another version's ({reason}): run the experiment again")


@contextmanager
def replacing(folder: Path) -> Iterator[Path]:
    """A fresh folder to fill, which takes the place of `folder` if all goes well and vanishes if not."""
    fresh = folder.parent / f".{folder.name}-{os.getpid()}.partial"
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    try:
        yield fresh
        exchange(fresh, folder)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def exchange(fresh: Path, folder: Path) -> None:
    """Swap two folders atomically; where the system can't, rename one away and the other in."""
    if not folder.exists():
        fresh.rename(folder)
    elif not swap_atomically(fresh, folder):
        old = folder.parent / f".{folder.name}-{os.getpid()}.old.partial"
        folder.rename(old)
        fresh.rename(folder)
        shutil.rmtree(old)


def swap_atomically(one: Path, other: Path) -> bool:
    """renameat2(2) with RENAME_EXCHANGE, which Python does not offer; false where the system lacks it."""
    with suppress(AttributeError, OSError):
        here, swap = -100, 2
        return bool(ctypes.CDLL(None).renameat2(here, os.fsencode(one), here, os.fsencode(other), swap) == 0)
    return False


class Checkpoints:
    """What an unfinished measurement has, one file each, kept until the result is saved; of the same spec and source."""

    def __init__(self, folder: Path, spec: dict[str, Any]) -> None:
        source = fingerprint(Path(rnnlab.__file__).parent)
        self.folder = folder.parent / f".{folder.name}-{spec_hash({**spec, 'source': source})}.partial"

    def others(self, folder: Path) -> list[Path]:
        """What was kept for the same folder by another spec or source."""
        return [path for path in folder.parent.glob(f".{folder.name}-*.partial") if path != self.folder]

    def load(self, name: str) -> Any:
        """What was kept by this name; None if nothing was."""
        with suppress(OSError, EOFError, ValueError, pickle.UnpicklingError):
            return pd.read_pickle(self.folder / f"{name}.pickle")
        return None

    def keep(self, name: str, kept: Any) -> None:
        """Keep a table, or what else can be pickled; a kill leaves it whole or absent."""
        self.folder.mkdir(exist_ok=True)
        fresh = self.folder / f"{name}.{os.getpid()}"
        pd.to_pickle(kept, fresh)
        fresh.replace(self.folder / f"{name}.pickle")

    def discard(self) -> None:
        """Forget all of it."""
        shutil.rmtree(self.folder, ignore_errors=True)


def provenance(spec: dict[str, Any], command: list[str], seconds: dict[str, float]) -> dict[str, Any]:
    """Where a result comes from: versions, processor, command, spec hash, commit, times."""
    versions = {}
    for name in LIBRARIES:
        with suppress(metadata.PackageNotFoundError):
            versions[name] = metadata.version(name)
    return {
        "command": command,
        "spec_hash": spec_hash(spec),
        "seeds": spec.get("seeds"),
        "commit": commit(),
        "python": platform.python_version(),
        "versions": versions,
        "system": f"{platform.system()} {platform.machine()}",
        "processor": processor(),
        "cores": os.cpu_count(),
        "seconds": {name: round(value, 3) for name, value in seconds.items()},
    }


def processor() -> str:
    """The processor's model name, as the system tells it."""
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor()


def commit() -> str | None:
    """The commit of the checkout that this package runs from, if it does; "+" for edits of the package."""
    with suppress(OSError):
        here = git("rev-parse", "--short=12", "HEAD")
        return here + "+" * bool(git("status", "--porcelain", "--", ".")) if here else None
    return None


def git(*words: str) -> str:
    """What git tells in the package's folder; nothing outside a checkout."""
    folder = str(Path(rnnlab.__file__).parent)
    return subprocess.run(["git", "-C", folder, *words], capture_output=True, text=True, check=False).stdout.strip()


def command_line() -> list[str]:
    """The command as it was typed, after the interpreter."""
    return ["python", "-m", "rnnlab.experiments", *sys.argv[1:]]
