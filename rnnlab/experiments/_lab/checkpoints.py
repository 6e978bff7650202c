"""What an unfinished measurement has, one file for each part, kept until the result is saved."""

from __future__ import annotations

import math
import re
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from tqdm import tqdm

import rnnlab
from rnnlab._base import durable
from rnnlab._base.sources import fingerprint
from rnnlab.experiments._lab import archive
from rnnlab.experiments._lab.errors import StoreError, told_when_full
from rnnlab.experiments._lab.provenance import MEASURING, processor, spec_hash, versions

OURS = re.compile(r"\.?(\d+(-so-far)?|shard)\.(part|damaged)(\.new-.*)?")  # the names of files that a run writes here
SYNC_EVERY = 1.0  # seconds


def source() -> str:
    """The digest of rnnlab's own sources."""
    return fingerprint(Path(rnnlab.__file__).parent)


def measuring() -> dict[str, str]:
    """What the bits of a table depend on beside its spec and the processor: rnnlab's sources, and versions of libraries."""
    return {"source": source(), **versions(MEASURING)}


def read_part(path: Path) -> tuple[str, Any]:
    """The processor that measured a part, and what it kept; OSError or DamagedError."""
    found = archive.unpack(path.read_bytes())
    if not (isinstance(found, tuple) and len(found) == 2 and isinstance(found[0], str)):
        raise archive.DamagedError("it is no part")
    return found


class Checkpoints:
    """Parts of one spec, measured by one version of everything; a kill leaves each whole or absent.

    A loss of power may leave one damaged that was kept within a second after another: to put each of the sweep's 72 on the
    disk itself took longer than to measure them.
    """

    def __init__(self, folder: Path, spec: dict[str, Any]) -> None:
        self.folder = folder.parent / f".{folder.name}-{spec_hash({**spec, **measuring()})}.partial"
        if self.folder.is_symlink():
            raise StoreError(f"{self.folder} is a link, which rnnlab does not make: remove it, or choose another --out")
        self.processors = set[str]()  # that measured what is kept or loaded here
        self._synced = -math.inf

    def others(self, folder: Path) -> list[Path]:
        """What was kept for the same folder by another spec or source."""
        return [path for path in folder.parent.glob(f".{folder.name}-*.partial") if path != self.folder]

    def numbers(self) -> set[int]:
        """The numbers of the parts that are kept."""
        return {int(path.stem) for path in self.folder.glob("*.part") if path.stem.isdigit()}

    def load(self, name: str) -> Any:
        """What was kept by this name; None if nothing was, or if it is damaged, which is set aside and said."""
        path = self.folder / f"{name}.part"
        try:
            measured_on, kept = read_part(path)
        except FileNotFoundError:
            return None
        except (OSError, archive.DamagedError) as error:
            aside = path.with_suffix(".damaged")
            path.replace(aside)
            tqdm.write(f"{path} is damaged ({error}): set aside as {aside.name} and measured again", file=sys.stderr)
            return None
        self.processors.add(measured_on)
        return kept

    def keep(self, name: str, kept: Any, measured_on: str | None = None) -> None:
        """Keep a table or what else can be packed, with the processor that measured it, by default this one."""
        measured_on = measured_on or processor()
        self.processors.add(measured_on)
        content = archive.pack((measured_on, kept))
        synced = time.monotonic() > self._synced + SYNC_EVERY
        with told_when_full(self.folder.parent, len(content)):
            self.folder.mkdir(exist_ok=True)
            durable.write(self.folder / f"{name}.part", content, synced)
        self._synced = time.monotonic() if synced else self._synced

    def discard(self) -> None:
        """Forget all of it, but for what rnnlab did not write there."""
        with suppress(FileNotFoundError):
            for path in self.folder.iterdir():
                if OURS.fullmatch(path.name):
                    path.unlink()
            try:
                self.folder.rmdir()
            except OSError:
                tqdm.write(f"{self.folder} has files that rnnlab did not write, left as they are", file=sys.stderr)
