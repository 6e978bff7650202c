"""A page an experiment, made from its docstring, Spec and kept result; and the gallery of all figures."""

from __future__ import annotations

import csv
import json
import re
import shutil
from pathlib import Path
from typing import Any

from rnnlab.experiments import Experiment, get, names
from rnnlab.experiments._lab.experiment import claim_of, first_line, title_of
from rnnlab.experiments._lab.options import as_toml, as_typed

from . import links, made

ROOT = Path(__file__).parents[2]
PIECES = ("measure", "draw", "checks")


def write(docs: Path) -> None:
    """Write the pages of all experiments, their index, the gallery and the help of every command."""
    pages = {f"{name}.md": page(name) for name in names()}
    made.write(
        Path(docs) / "experiments", {**pages, "index.md": index(), "gallery.md": gallery(), "help.md": help_page()}
    )


def copy_html(out: Path) -> None:
    """Copy what experiments wrote as pages beside those that tell of them."""
    for path in ROOT.glob("results/**/index.html"):
        shutil.copy(path, Path(out) / "experiments" / f"{name_of(path.parent).replace('/', '-')}-page.html")


def results(name: str) -> list[Path]:
    """The folders that hold kept results of an experiment, that of its default spec first."""
    found = [path.parent for path in (ROOT / "results").rglob("provenance.json") if path.parent.name == name]
    return sorted(found, key=lambda folder: len(folder.parts))


def name_of(result: Path) -> str:
    """A result as its folder is called in results/."""
    return result.relative_to(ROOT / "results").as_posix()


def page(name: str) -> str:
    """All that there is to say of one experiment."""
    experiment, told = get(name), section(name)
    kept = results(name)
    parts = [
        f"# {name}\n\n{plain(first_line(experiment))}\n\n:::{{admonition}} Claim\n{plain(claim_of(experiment))}\n:::",
        told,
        *(figure(path) for folder in kept for path in pictures(folder) if link_of(path) not in told),
        f"## How to run it\n\n```sh\npython -m rnnlab.experiments {name} --out mine\n```\n\n{opened(kept)}",
        f"## What to change\n\n{settings(experiment)}\n\nThe same as a file, with the defaults:\n\n```toml\n{as_toml(experiment.Spec())}```",
        "## What it claims, and what was measured",
        *map(checks, kept),
        f"## Columns and source\n\n{pieces(name, experiment)}",
        "## Where the kept result comes from",
        *map(origin, kept),
    ]
    return "\n\n".join(parts) + "\n"


def section(name: str) -> str:
    """What docs/experiments.md says of an experiment."""
    text = (ROOT / "docs/experiments.md").read_text(encoding="utf-8")
    found = re.search(rf"^## {re.escape(name)}\n(.*?)(?=^## |\Z)", text, flags=re.MULTILINE | re.DOTALL)
    return links.moved(found[1].strip() if found else "", f"experiments/{name}")


def pictures(result: Path) -> list[Path]:
    """The figures of a result."""
    return sorted(result.glob("figures/*.png"))


def link_of(path: Path) -> str:
    """A figure as the pages of experiments link to it."""
    return f"../../{path.relative_to(ROOT).as_posix()}"


def figure(path: Path) -> str:
    """A figure that docs/experiments.md does not show."""
    return f"![{caption(path)}]({link_of(path)})"


def caption(path: Path) -> str:
    """What a figure is called, after the result that it belongs to."""
    return f"{name_of(path.parents[1])}: {path.stem}"


def opened(kept: list[Path]) -> str:
    """A link to the page of an experiment that has one."""
    found = [folder for folder in kept if (folder / "index.html").exists()]
    return "\n".join(f"[Open the page that it writes](page:{name_of(folder)}-page.html)." for folder in found)


def settings(experiment: Experiment) -> str:
    """The fields of a Spec as options."""
    rows = [
        [f"`--{field.replace('_', '-')}`", plain(shown(about.default)), plain(about.description or "")]
        for field, about in experiment.Spec.model_fields.items()
    ]
    return table(["option", "default", "what"], rows)


def shown(default: Any) -> str:
    """A default as it is typed; nothing where there is none."""
    return "" if default is None else as_typed(default)


def checks(result: Path) -> str:
    """The claims of a result, a row each, whatever their columns are."""
    with (result / "checks.csv").open(encoding="utf-8", newline="") as file:
        header, *rows = csv.reader(file)
    title = f"`results/{name_of(result)}/checks.csv`"
    return f"{title}\n\n{table(header, [[plain(short(cell)) for cell in row] for row in rows])}"


def short(cell: str) -> str:
    """A number in as many digits as one compares, text as it is."""
    try:
        return f"{float(cell):.6g}"
    except ValueError:
        return cell


def pieces(name: str, experiment: Experiment) -> str:
    """The functions of an experiment, with the columns of its table and links to their source."""
    module = f"rnnlab.experiments.{name.replace('-', '_')}"
    found = [f".. autofunction:: {module}.{piece}\n" for piece in PIECES if hasattr(experiment, piece)]
    return "```{eval-rst}\n" + "\n".join(found) + "```"


def origin(result: Path) -> str:
    """Versions, processor, command, commit and times."""
    told = json.loads((result / "provenance.json").read_text(encoding="utf-8"))
    libraries = ", ".join(f"{library} {version}" for library, version in told["versions"].items())
    rows = [
        ["command", f"`{' '.join(told['command'])}`"],
        ["seconds", ", ".join(f"{step} {seconds:.2f}" for step, seconds in told["seconds"].items())],
        ["commit", f"`{told['commit']}`"],
        ["on", f"{told['processor']}, {told['cores']} cores, {told['system']}, Python {told['python']}"],
        ["versions", libraries],
    ]
    return table([f"results/{name_of(result)}", ""], rows)


def table(header: list[str], rows: list[list[str]]) -> str:
    """A table of Markdown."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def plain(text: str) -> str:
    """Text in which no character means anything to Markdown."""
    return re.sub(r"([\\|*_<>\[\]$`])", r"\\\1", text)


def index() -> str:
    """All experiments, in the order of docs/experiments.md."""
    text = (ROOT / "docs/experiments.md").read_text(encoding="utf-8")
    told = re.findall(r"^## (.*)$", text, flags=re.MULTILINE)
    order = [*(name for name in told if name in names()), *(name for name in names() if name not in told)]
    intro = links.moved(text.split("\n## ", 1)[0].split("\n", 1)[1].strip(), "experiments/index")
    rows = [[f"[{name}]({name}.md)", plain(title_of(get(name)))] for name in order]
    tree = "\n".join(["gallery", *order, "help"])
    return f"# Experiments\n\n{intro}\n\n{table(['experiment', 'what'], rows)}\n\n```{{toctree}}\n:hidden:\n\n{tree}\n```\n"


def gallery() -> str:
    """Every figure of every kept result, each with a link to its experiment."""
    shown = [card(path, name) for name in names() for folder in results(name) for path in pictures(folder)]
    cards = "\n".join(shown)
    text = "Every figure of the kept results, each drawn from its table alone; a click leads to its experiment."
    return f"# Gallery\n\n{text}\n\n::::{{grid}} 1 2 2 3\n:gutter: 3\n\n{cards}\n::::\n"


def card(path: Path, name: str) -> str:
    """A figure with a link to its experiment."""
    options = f":img-top: {link_of(path)}\n:img-alt: {caption(path)}\n:link: {name}\n:link-type: doc"
    return f":::{{grid-item-card}} {caption(path)}\n{options}\n:::\n"


def help_page() -> str:
    """What every command says of itself."""
    import click

    from rnnlab.experiments._lab.command_line import cli

    group = click.Context(cli, info_name="python -m rnnlab.experiments", max_content_width=100)
    parts = [f"# The help of every command\n\n```text\n{cli.get_help(group)}\n```"]
    for name in cli.list_commands(group):
        command = cli.get_command(group, name)
        told = command.get_help(click.Context(command, group, name, max_content_width=100)) if command else ""
        parts.append(f"## {name}\n\n```text\n{told}\n```")
    return "\n\n".join(parts) + "\n"
