"""Folders of pages that are made."""

from __future__ import annotations

from pathlib import Path


def write(folder: Path, pages: dict[str, str]) -> None:
    """Write pages by their names, only those that have changed, and remove others.

    Parameters
    ----------
    folder : Path
        Holds nothing but pages that are made, and git ignores it.
    pages : dict of str to str
        Their sources.
    """
    folder.mkdir(exist_ok=True)
    for old in folder.iterdir():
        if old.name not in pages:
            old.unlink()
    for name, text in pages.items():
        path = folder / name
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
