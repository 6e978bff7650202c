"""Docstrings that are written for an editor's window, as reStructuredText: equations kept, names of the package linked."""

from __future__ import annotations

import re
from typing import Any

from .reference_pages import place_of

SPAN = re.compile(r"(``.+?``|`[^`]+`)")
FIELD = re.compile(r"^    (\w+): [^#\n]*(?:# (.*))?$", flags=re.MULTILINE)


def rewrite(_: Any, kind: str, name: str, found: Any, options: Any, lines: list[str]) -> None:
    """What autodoc calls with the lines of every docstring."""
    del options
    if kind == "class" and hasattr(found, "_fields") and "Parameters" not in lines:
        lines += fields(found)
    lines[:] = as_rst(lines, name)


def fields(record: type) -> list[str]:
    """The fields of a NamedTuple, told by the comments beside them, as a section of its docstring."""
    import inspect

    told = [(field, comment) for field, comment in FIELD.findall(inspect.getsource(record)) if field in record._fields]  # type: ignore[attr-defined]
    parts = [[field, f"    {comment}"] if comment else [field] for field, comment in told]
    return ["", "Parameters", "----------", *(line for part in parts for line in part)]


def as_rst(lines: list[str], name: str) -> list[str]:
    """Lines in which nothing but the spans in backticks means anything, examples and equations as they are."""
    made: list[str] = []
    literal, depth = False, 0
    for at, line in enumerate(lines):
        indent = len(line) - len(line.lstrip())
        if literal and line.strip():
            literal = indent >= depth
        if not literal and begins_equation(lines, at):
            literal, depth = True, indent
            made += [" " * (indent - 4) + "::", ""]
        example = line.lstrip().startswith((">>>", "...")) or (at and is_output(lines, at))
        made.append(line if literal or example else escaped(line, name))
    return made


def begins_equation(lines: list[str], at: int) -> bool:
    """Whether a block indented by four begins here, after an empty line and a paragraph."""
    if at < 2 or lines[at - 1].strip() or not lines[at].strip():
        return False
    before = next((line for line in reversed(lines[: at - 1]) if line.strip()), "")
    indents = [len(line) - len(line.lstrip()) for line in (before, lines[at])]
    return indents[1] == indents[0] + 4


def is_output(lines: list[str], at: int) -> bool:
    """Whether a line is what an example prints."""
    back = at - 1
    while back >= 0 and lines[back].strip():
        if lines[back].lstrip().startswith(">>>"):
            return bool(lines[at].strip())
        back -= 1
    return False


def escaped(line: str, name: str) -> str:
    """A line of prose, its marks kept as they are but for spans in backticks."""
    parts = SPAN.split(line)
    return "".join(span(part, name) if at % 2 else plain(part) for at, part in enumerate(parts))


def plain(text: str) -> str:
    """Text whose stars, bars and trailing underscores are no markup."""
    return re.sub(r"([*|]|(?<=\w)_(?!\w))", r"\\\1", text)


def span(text: str, name: str) -> str:
    """A name of the package as a link, anything else as code."""
    word = text.strip("`")
    place = place_of(word, name)
    return f":py:obj:`{word} <{place}>`" if place and not text.startswith("``") else f"``{word}``"
