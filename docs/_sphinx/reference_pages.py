"""The reference: a page for every public name of rnnlab, and for every module that has names of its own."""

from __future__ import annotations

import ast
import importlib
import inspect
import re
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import rnnlab

from . import made

DEEP = (
    rnnlab.anatomy,
    rnnlab.forward_mode,
    rnnlab.tasks,
    rnnlab.laws,
)  # modules that are public themselves; kernels are told by their files
SECTIONS = re.compile(r"^\s*(Parameters|Returns|Raises|Fields)$", flags=re.MULTILINE)


@cache
def top() -> dict[str, list[str]]:
    """The public names of rnnlab by the module that they come from, as its ``__init__`` imports them."""
    tree = ast.parse(Path(rnnlab.__file__).read_text(encoding="utf-8"))
    imported = [node for node in tree.body if isinstance(node, ast.ImportFrom) and node.module != "rnnlab"]
    names = {node.module: [alias.asname for alias in node.names if alias.asname] for node in imported}
    return {module: found for module, found in names.items() if found and "_" not in found[0][:1]}  # type: ignore[misc]


@cache
def modules() -> dict[str, dict[str, Any]]:
    """The modules that have public names of their own, and these."""
    import rnnlab.experiments
    import rnnlab.series

    inner = [value for module in DEEP for value in (module, *vars(module).values()) if isinstance(value, ModuleType)]
    inner = [module for module in inner if module.__name__.startswith("rnnlab.")]
    found = {module.__name__: own_names(module) for module in [*inner, rnnlab.series]}
    found["rnnlab.series"]["read_csv"] = rnnlab.series.read_csv
    found["rnnlab.experiments"] = {name: getattr(rnnlab.experiments, name) for name in rnnlab.experiments.__all__}
    return {name: names for name, names in {**found, **kernels()}.items() if names}


def own_names(module: ModuleType) -> dict[str, Any]:
    """What a module defines for others: its records, and the functions whose docstrings have sections."""
    own = {word: value for word, value in vars(module).items() if getattr(value, "__module__", "") == module.__name__}
    return {
        word: value
        for word, value in own.items()
        if not word.startswith("_")
        and (inspect.isclass(value) or (inspect.isfunction(value) and SECTIONS.search(value.__doc__ or "")))
    }


def kernels() -> dict[str, dict[str, Any]]:
    """The names of `rnnlab.kernels` by the file that defines them."""
    found: dict[str, dict[str, Any]] = {}
    for word in rnnlab.kernels.__all__:
        value = getattr(rnnlab.kernels, word)
        home = getattr(getattr(value, "py_func", value), "__module__", None)
        if home and not isinstance(value, ModuleType) and "._" not in home:
            found.setdefault(home, {})[word] = value
    return dict(sorted(found.items()))


@cache
def places() -> dict[str, Any]:
    """Every public name in full, and what it is."""
    names = {f"rnnlab.{word}": getattr(rnnlab, word) for found in top().values() for word in found}
    for module, found in modules().items():
        prefix = "rnnlab.kernels" if module.startswith("rnnlab.kernels") else module
        names |= {f"{prefix}.{word}": value for word, value in found.items()}
    methods = {
        f"{place}.{word}": getattr(value, word)
        for place, value in names.items()
        if inspect.isclass(value)
        for word, part in vars(value).items()
        if not word.startswith("_") and (callable(getattr(part, "__func__", part)) or isinstance(part, property))
    }
    return names | methods


def place_of(word: str, name: str) -> str | None:
    """The full name of what a docstring of `name` calls `word`, if the reference has it."""
    word = word.removesuffix("()").removeprefix("rl.")
    parents = [name.rsplit(".", count)[0] for count in range(name.count(".") + 1)]
    tried = [word, *(f"{parent}.{word}" for parent in [name, *parents, "rnnlab.kernels"])]
    return next((place for place in tried if place in places()), None)


def write(docs: Path) -> None:
    """Write all pages of the reference."""
    pages = {f"{place}.rst": name_page(place) for found in top().values() for place in map("rnnlab.{}".format, found)}
    pages |= {f"{module}.rst": module_page(module, found) for module, found in modules().items()}
    made.write(Path(docs) / "reference", {**pages, "index.rst": index()})


def directive(place: str, value: Any) -> str:
    """What autodoc is to write of a name."""
    if inspect.isclass(value):
        hidden = ", ".join(getattr(value, "_fields", ()))
        return f".. autoclass:: {place}\n   :members:\n" + f"   :exclude-members: {hidden}\n" * bool(hidden)
    return f".. autofunction:: {place}\n"


def heading(text: str, line: str = "=") -> str:
    """A heading, with as long a line under it."""
    return f"{text}\n{line * len(text)}\n"


def name_page(place: str) -> str:
    """The page of one name; of a cell with its equations, which stand at the head of its file."""
    value = places()[place]
    home = getattr(value, "__module__", "")
    cell = home.startswith("rnnlab.kernels.cells.") and f"{heading('Its equations', '-')}\n.. automodule:: {home}\n"
    return f"{heading(place)}\n{directive(place, value)}\n{cell or ''}"


def module_page(module: str, names: dict[str, Any]) -> str:
    """The page of a module: its docstring, then what it defines."""
    prefix = "rnnlab.kernels" if module.startswith("rnnlab.kernels") else module
    parts = [directive(f"{prefix}.{word}", value) for word, value in names.items()]
    return "\n".join([heading(module), f".. automodule:: {module}\n   :no-index:\n", *parts])


def index() -> str:
    """The page that lists the names: by what they do for the whole package, and the modules."""
    parts = [heading("Reference"), "``import rnnlab as rl``. Every page is made of the docstrings of the package.\n"]
    for module, found in top().items():
        parts += [heading(summary(importlib.import_module(module)), "-"), table([f"rnnlab.{word}" for word in found])]
    parts += [heading("Modules", "-"), table(list(modules()))]
    return "\n".join(parts) + toctree()


def summary(value: Any) -> str:
    """The first sentence of a docstring, without its stop."""
    text = " ".join((value.__doc__ or "").split("\n\n")[0].split())
    return re.split(r"(?<=[^.])\.(?:\s|$)|: ", text)[0].replace("`", "")


def table(names: list[str]) -> str:
    """Names with the first sentence of each."""
    rows = [f"   * - :doc:`{name}`\n     - {summary(find(name))}" for name in names]
    from .docstrings import plain

    rows = [f"   * - :doc:`{name}`\n     - {plain(summary(find(name)))}" for name in names]
    return ".. list-table::\n   :widths: 35 65\n\n" + "\n".join(rows) + "\n"


def find(name: str) -> Any:
    """A public name or a module."""
    return places().get(name) or importlib.import_module(name)


def toctree() -> str:
    """The table of contents of the reference."""
    names = [f"rnnlab.{word}" for found in top().values() for word in found]
    return "\n.. toctree::\n   :hidden:\n\n" + "".join(f"   {name}\n" for name in [*names, *modules()])
