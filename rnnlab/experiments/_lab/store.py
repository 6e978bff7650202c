"""Results folders: whole or not at all, and only in the place of what rnnlab wrote. Knows files, and no experiment."""

from __future__ import annotations

import json
import sys
import tomllib
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
import tomli_w
from matplotlib.figure import Figure
from tqdm import tqdm

from rnnlab._base import durable
from rnnlab.experiments._lab import provenance as origins, tables
from rnnlab.experiments._lab.errors import StoreError
from rnnlab.experiments._lab.folders import filling, link_or_copy
from rnnlab.experiments._lab.looks import FORMATS, PAPER, Look
from rnnlab.experiments._lab.saving import rendered, told_if_undrawn

CHECKS, PAGE, PARQUET = "checks.csv", "index.html", "table.parquet"
ENTRIES = {"table.csv", PARQUET, CHECKS, "spec.toml", PAGE, origins.NAME}


class Result(NamedTuple):
    """All that a run leaves behind."""

    spec: dict[str, Any]
    table: pd.DataFrame
    checks: pd.DataFrame
    figures: dict[str, Figure]
    provenance: dict[str, Any]
    page: str | None = None  # HTML, of an experiment that has one
    agrees: bool = False  # with what was there, which is left as it is


def refuse(folder: Path, spec: dict[str, Any], force: bool) -> None:
    """Raise StoreError if `folder` has what a result of this spec may not replace: other files, or another spec's."""
    if not folder.exists():
        return
    refuse_foreign(folder)
    changed = [] if force else changed_fields(folder, spec)
    if changed:
        raise StoreError(
            f"{folder} holds the result of another spec ({', '.join(changed)} differ): "
            f"choose another --out DIR, or none, and each spec gets a folder of its own"
        )


def changed_fields(folder: Path, spec: dict[str, Any]) -> list[str]:
    """In what the spec of a kept result differs; nothing if there is no result."""
    old = kept_spec(folder / "spec.toml")
    if old:
        return sorted(key for key in {*old, *spec} if old.get(key) != json.loads(json.dumps(spec)).get(key))
    same = origins.spec_hash(spec)
    return (
        [] if origins.read(folder).get("spec_hash", same) == same else ["fields that spec.toml does not tell any more"]
    )


def refuse_foreign(folder: Path) -> None:
    """Raise StoreError if a folder has what rnnlab did not write, a hidden file too."""
    others = foreign(folder)
    if others:
        raise StoreError(
            f"{folder} has what rnnlab did not write ({', '.join(others[:3])}), and would lose it: "
            f"move it elsewhere, or choose another --out DIR"
        )


def foreign(folder: Path) -> list[str]:
    """What rnnlab did not write in a folder: the first name of what is neither in its list of files nor above one."""
    if not folder.is_dir():
        return [folder.name]
    kept = origins.digests(folder)
    ours = {*ENTRIES, *kept} if kept else {*ENTRIES, *unlisted_figures(folder)}
    folders = {parent.as_posix() for name in ours for parent in Path(name).parents}
    found = [(path, path.relative_to(folder).as_posix()) for path in walk(folder, folders | {"figures"})]
    return sorted(name for path, name in found if name not in ours or path.is_symlink())


def walk(folder: Path, folders: set[str], below: str = "") -> Iterator[Path]:
    """All that is in a folder, but of other folders than these only the name."""
    for path in (folder / below).iterdir():
        name = path.relative_to(folder).as_posix()
        if name in folders and path.is_dir() and not path.is_symlink():
            yield from walk(folder, folders, name)
        else:
            yield path


def unlisted_figures(folder: Path) -> set[str]:
    """The figures of a result from before lists were kept: each was written as PNG and as SVG."""
    names = {path.name for path in folder.glob("figures/*")}
    stems = {Path(name).stem for name in names}
    return {f"figures/{s}.{kind}" for s in stems if {f"{s}.png", f"{s}.svg"} <= names for kind in FORMATS}


def kept_spec(path: Path) -> dict[str, Any]:
    """The spec of a kept result, empty if there is none."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, RecursionError) as error:
        raise StoreError(
            f"{path} is damaged ({error}): move {path.parent} elsewhere, or choose another --out DIR"
        ) from None


def save(folder: Path, result: Result, look: Look = PAPER, parquet: bool = False) -> None:
    """Write a whole result and put it in the place of the old one in a single step; a figure that fails is left out.

    Parquet is another form of the table, beside the text.
    """
    shown = files_drawn(result.figures, result.page, look, told_if_undrawn)
    with filling(folder, tables.size_of(result.table) + size_of(shown)) as fresh:
        durable.create(fresh / "table.csv", tables.pieces(result.table))
        durable.create(fresh / CHECKS, tables.pieces(result.checks))
        durable.create(fresh / "spec.toml", [tomli_w.dumps(result.spec).encode()])
        write(fresh, shown)
        if parquet:
            result.table.to_parquet(fresh / PARQUET, index=False)
        durable.create(fresh / origins.NAME, [origins.written(origins.in_look(result.provenance, look), fresh)])


def files_drawn(
    figures: dict[str, Figure], page: str | None, look: Look, guard: Callable[[str], Any] = nullcontext
) -> dict[str, bytes]:
    """The files of a result's figures and of its page, if it has one."""
    files = {f"figures/{name}": content for name, content in rendered(figures, look, guard).items()}
    return files if page is None else {**files, PAGE: page.encode()}


def size_of(files: dict[str, bytes]) -> int:
    """Bytes of all contents."""
    return sum(map(len, files.values()))


def write(folder: Path, files: dict[str, bytes]) -> None:
    """Write files into a folder that is being filled."""
    for name, content in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        durable.create(folder / name, [content])


def redraw(
    folder: Path,
    draw: Callable[[pd.DataFrame], tuple[dict[str, Figure], str | None]],
    check: Callable[[pd.DataFrame], pd.DataFrame],
    look: Look,
) -> tuple[dict[str, Figure], str | None]:
    """Make the figures, the page and the claims of a kept result again from its table; returns figures and page."""
    table = read_table(folder)
    refuse_foreign(folder)
    if "table.csv" not in origins.digests(folder):
        tqdm.write(f"{folder} has no digests, by which a changed table would be found: run it again", file=sys.stderr)
    try:
        figures, page = draw(table)
        checks = check(table)
    except Exception as error:
        raise damaged(folder, error) from error
    fresh = {**files_drawn(figures, page, look), CHECKS: b"".join(tables.pieces(checks))}
    kept = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    others = {name: path for name, path in kept.items() if name not in fresh and not name.startswith("figures/")}
    origin = others.pop(origins.NAME, None)
    if origin is not None:
        fresh[origins.NAME] = origins.redrawn(folder, fresh, look)
    with filling(folder, size_of(fresh)) as place:
        for name, path in others.items():
            link_or_copy(path, place / name)
        write(place, fresh)
    return figures, page


def table_path(folder: Path) -> Path:
    """The file of a kept result's table; StoreError if there is none."""
    path = folder / "table.csv"
    if not path.is_file():
        raise StoreError(f"{folder} holds no result (no table.csv): run the experiment first, or choose --out DIR")
    return path


def read_table(folder: Path) -> pd.DataFrame:
    """The table of a kept result; StoreError if there is none, or if it is not as it was written."""
    path = table_path(folder)
    verify(folder, ["table.csv"])
    try:
        return tables.read(path)
    except (OSError, ValueError) as error:
        raise damaged(folder, error) from error


def verify(folder: Path, names: list[str] | None = None) -> None:
    """StoreError if files of a result, by default all, are not as they were written, as far as it has digests."""
    if (folder / origins.NAME).exists() and not origins.read(folder):
        raise StoreError(f"{folder / origins.NAME} is damaged: run the experiment again, or bring back the file")
    for name, expected in origins.digests(folder).items():
        if names is not None and name not in names:
            continue
        path = folder / name
        found = origins.digest_of(path)
        if found != expected:
            told = f"has the digest {found[:12]}" if found else "is not there or can't be read"
            raise StoreError(
                f"{path} is damaged: it {told}, expected {expected[:12]} as it was written; "
                f"run the experiment again, or bring back the file"
            )


def damaged(folder: Path, error: Exception) -> StoreError:
    """What is said of a table that is not as it was written."""
    reason = f"{type(error).__name__}: {' '.join(str(error).split())}"
    return StoreError(f"{folder / 'table.csv'} is damaged, or another version's ({reason}): run the experiment again")
