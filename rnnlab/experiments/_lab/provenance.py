"""Where a result comes from: versions, processor, command, commit, times; and the digests of its files."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import subprocess
import sys
from contextlib import suppress
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

import rnnlab
from rnnlab._base.blas import blas_kernels
from rnnlab.experiments._lab.looks import PAPER, Look

MEASURING = ("numba", "llvmlite", "numpy", "pandas", "scipy")  # the libraries on which a table's last bits depend
LIBRARIES = ("rnnlab", *MEASURING, "matplotlib", "seaborn")
NAME = "provenance.json"
AT_A_TIME = 2**20  # bytes


def spec_hash(spec: dict[str, Any]) -> str:
    """Digest of a resolved spec, the name of its measurement."""
    return hashlib.sha256(json.dumps(spec, sort_keys=True).encode()).hexdigest()[:16]


def digest(content: bytes) -> str:
    """SHA-256 of a file's content."""
    return hashlib.sha256(content).hexdigest()


def digest_of(path: Path) -> str:
    """SHA-256 of a file, read piece by piece; empty if it can't be read."""
    found = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while piece := file.read(AT_A_TIME):
                found.update(piece)
    except OSError:
        return ""
    return found.hexdigest()


def written(origin: dict[str, Any], folder: Path) -> bytes:
    """The file of a provenance, with the digests of all files in the folder."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    files = {path.relative_to(folder).as_posix(): digest_of(path) for path in paths}
    return (json.dumps({**origin, "files": files}, indent=2) + "\n").encode()


def redrawn(folder: Path, files: dict[str, bytes], look: Look) -> bytes:
    """The file of a kept result's provenance, where it has digests with those of what was drawn again."""
    origin, old = in_look(read(folder), look), digests(folder)
    if old:
        kept = {name: value for name, value in old.items() if not name.startswith("figures/")}
        origin["files"] = dict(sorted({**kept, **{name: digest(content) for name, content in files.items()}}.items()))
    return (json.dumps(origin, indent=2) + "\n").encode()


def read(folder: Path) -> dict[str, Any]:
    """The provenance of a kept result, empty if it has none that can be read."""
    with suppress(OSError, ValueError, RecursionError):
        return dict(json.loads((folder / NAME).read_text(encoding="utf-8")))
    return {}


def in_look(origin: dict[str, Any], look: Look) -> dict[str, Any]:
    """A provenance that says in what look figures are drawn, if it is not the usual one."""
    others = {name: value for name, value in origin.items() if name != "look"}
    return others if look == PAPER else {**others, "look": look._asdict()}


def look_of(folder: Path) -> Look:
    """In what look the figures of a kept result are drawn."""
    told = read(folder).get("look", PAPER._asdict())
    return Look(told["style"], tuple(told["formats"]), told["size"] and tuple(told["size"]))


def digests(folder: Path) -> dict[str, str]:
    """The files that rnnlab wrote into a result, with their digests; empty for a result from before these were kept."""
    found = read(folder).get("files")
    return {str(name): str(value) for name, value in found.items()} if isinstance(found, dict) else {}


def provenance(spec: dict[str, Any], command: list[str], seconds: dict[str, float]) -> dict[str, Any]:
    """Where a result comes from: versions, processor, BLAS kernels, command, spec hash, commit, times."""
    return {
        "command": command,
        "spec_hash": spec_hash(spec),
        "seeds": spec.get("seeds"),
        "commit": commit(),
        "python": platform.python_version(),
        "versions": versions(LIBRARIES),
        "system": f"{platform.system()} {platform.machine()}",
        "processor": processor(),
        "blas": blas_kernels(),
        "cores": os.cpu_count(),
        "seconds": {name: round(value, 3) for name, value in seconds.items()},
    }


def versions(names: tuple[str, ...]) -> dict[str, str]:
    """The versions of those libraries that are installed."""
    found = {}
    for name in names:
        with suppress(metadata.PackageNotFoundError):
            found[name] = metadata.version(name)
    return found


@cache
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
