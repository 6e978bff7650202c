"""A Spec on the command line: its fields as options, a file and options as a Spec, one sentence on what is wrong."""

from __future__ import annotations

import json
import tomllib
from importlib.util import find_spec
from pathlib import Path
from typing import Any, get_args

import click
from pydantic import ValidationError

from rnnlab._base.checks import nearest
from rnnlab.experiments._lab.experiment import Experiment, get
from rnnlab.experiments._lab.looks import FORMATS, STYLES, Look
from rnnlab.experiments._lab.spec import expand_range, split_list

SMALLEST, LARGEST = 1, 100  # inches of a figure
OUT: dict[str, Any] = {
    "type": click.Path(path_type=Path),
    "default": Path("results"),
    "show_default": True,
    "help": "results folder",
}
RANGE = 10  # numbers from which an evenly spaced list is written as a range
OWN_OUT = {
    **OUT,
    "default": None,
    "show_default": False,
    "help": "folder  [default: results; of another spec one in mine]",
}
TABLE: dict[str, Any] = {"default": "csv", "help": "its form: csv, or parquet as well  [default: csv]"}
TIMEOUT: dict[str, Any] = {
    "type": click.FloatRange(min=0),
    "default": 300.0,
    "show_default": True,
    "help": "seconds without a worker after which the run ends",
}


def known(name: str) -> Experiment:
    """Import one experiment, or say that there is none."""
    try:
        return get(name)
    except LookupError as error:
        raise click.UsageError(str(error.args[0])) from None


def option_of(field: str, about: Any) -> click.Option:
    """The option of a Spec's field, its default in the help; of a switch without a value."""
    switch = bool in (about.annotation, *get_args(about.annotation))
    how: dict[str, Any] = {"is_flag": True, "default": None} if switch else {"metavar": "VALUE"}
    default = "" if switch or about.default is None else f"  [default: {as_typed(about.default)}]"
    return click.Option([f"--{field.replace('_', '-')}", field], help=f"{about.description}{default}", **how)


def as_typed(value: Any) -> str:
    """A value as it is given on the command line; of a long list its ends."""
    if not isinstance(value, tuple):
        return f"{value:g}" if isinstance(value, float) else str(value)
    if len(value) > 8:
        return f"{len(value)} from {as_typed(value[0])} to {as_typed(value[-1])}"
    return ",".join(map(as_typed, value))


def resolve(experiment: Experiment, spec_file: Path | None, fields: dict[str, Any]) -> Any:
    """The spec: defaults, over them the TOML file, over both the options."""
    given = read_toml(spec_file) if spec_file else {}
    unknown = [key for key in given if key not in experiment.Spec.model_fields]
    if unknown:
        hint = nearest(unknown[0], experiment.Spec.model_fields)
        raise click.UsageError(f"the spec file {spec_file} has an unknown key {unknown[0]!r}{hint}")
    given |= {field: value for field, value in fields.items() if value is not None}
    try:
        return experiment.Spec(**given)
    except ValidationError as error:
        raise click.UsageError(sentence(error)) from None


def look_options() -> list[click.Option]:
    """How figures are saved."""
    return [
        click.Option(["--style"], default="paper", help=f"of figures: {', '.join(STYLES)}  [default: paper]"),
        click.Option(
            ["--format", "formats"], default="png,svg", help=f"of figures: {', '.join(FORMATS)}  [default: png,svg]"
        ),
        click.Option(["--size"], metavar="WIDTHxHEIGHT", help="of figures, in inches  [default: as drawn]"),
    ]


def look_of(style: str, formats: str, size: str | None) -> Look:
    """The look that the options ask for, or one sentence on why there is none."""
    wanted = tuple(split_list(formats))
    unknown = [
        (name, known) for names, known in (((style,), STYLES), (wanted, FORMATS)) for name in names if name not in known
    ]
    for name, known in unknown:
        what = "style" if known is STYLES else "format"
        raise click.UsageError(f"no {what} is called {name!r}{nearest(name, known)}")
    if not wanted:
        raise click.UsageError("--format is empty: expected at least one of png, svg, pdf")
    return Look(style, wanted, None if size is None else inches_of(size))


def wants_parquet(form: str) -> bool:
    """Whether a table is to be kept as Parquet too, or one sentence on why it can't be."""
    if form not in ("csv", "parquet"):
        raise click.UsageError(f"--table is {form!r}: expected csv or parquet")
    if form == "parquet" and find_spec("pyarrow") is None:
        raise click.UsageError("--table parquet needs PyArrow: pip install 'rnnlab[parquet]'")
    return form == "parquet"


def inches_of(size: str) -> tuple[float, float]:
    """Width and height."""
    try:
        width, height = (float(part) for part in size.split("x"))
    except ValueError:
        width = height = 0.0
    if not (SMALLEST <= width <= LARGEST and SMALLEST <= height <= LARGEST):
        raise click.UsageError(
            f"--size is {size!r}: expected WIDTHxHEIGHT of {SMALLEST} to {LARGEST} inches, such as 12x7"
        )
    return width, height


def as_toml(spec: Any) -> str:
    """A spec as a file that `read_toml` reads, a line a field; evenly spaced numbers as the range that people type."""
    fields = spec.model_dump(mode="json", exclude_none=True)
    return "".join(f"{name} = {as_toml_value(value)}\n" for name, value in fields.items())


def as_toml_value(value: Any) -> str:
    """A value of TOML, which writes text, numbers and lists as JSON does."""
    if isinstance(value, list) and len(value) >= RANGE and all(isinstance(item, float) for item in value):
        text = f"{value[0]:g}:{value[-1]:g}:{len(value)}"
        value = text if expand_range(text) == value else value
    return json.dumps(value)


def read_toml(path: Path) -> dict[str, Any]:
    """A spec file, or one sentence on why it can't be read."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise click.UsageError(f"can't read the spec file {path}: {error.strerror}") from None
    except RecursionError:
        raise click.UsageError(
            f"the spec file {path} is nested too deeply: expected keys with values or lists"
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise click.UsageError(f"the spec file {path} is not valid TOML: {error}") from None


def sentence(error: ValidationError) -> str:
    """The first thing wrong with a spec, in one sentence."""
    first = error.errors()[0]
    reason = first["msg"].removeprefix("Value error, ")
    if not first["loc"]:
        return reason
    if first["type"] == "too_short":
        reason = f"expected at least {first['ctx']['min_length']}"
    return f"{first['loc'][0]} is {shorten(first['input'])}: {reason[0].lower()}{reason[1:]}"


def shorten(value: Any) -> str:
    """A value as it was typed, cut where it is long."""
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
