"""The command ``diagnose``: weights from a file on a column of a file, as an experiment is: Spec, measure, draw, checks."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import numpy as np
from numpy.typing import NDArray
from pydantic import Field

import rnnlab as rl
from rnnlab.experiments._lab.options import OUT, look_of, look_options
from rnnlab.experiments._lab.spec import ExperimentSpec

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

MOST = 32  # sequences, the last ones of the file
FIRST = "log10 |dL/dh_0|"
NORMAL = -37.0  # log10 from which on all plain floats are normal numbers, of float32 too
ROUNDING = 1e-4  # in log10: of some hundred steps in float32


class Spec(ExperimentSpec):
    """Which network, on which numbers."""

    weights: str
    csv: str
    column: str | None = None
    steps: int = Field(default=200, ge=2)
    scaled: bool = False
    order: str | None = None
    drop_missing: bool = False
    where: str | None = None
    decimal: str | None = None
    prefix: str | None = None
    nonlinearity: str | None = None
    digests: tuple[str, ...] = ()  # of both files, so that a changed one is another spec


@cache
def loaded(spec: Spec) -> tuple[Any, NDArray[np.float64]]:
    """The network; and the column cut in sequences (T, B, 1), the last ones of the file."""
    from rnnlab.series.csv import read_csv

    network = rl.load_weights(spec.weights, spec.prefix, spec.nonlinearity)
    how: dict[str, Any] = {
        name: getattr(spec, name) for name in ("column", "order", "drop_missing", "where", "decimal")
    }
    series = read_csv(spec.csv, **how).to_numpy()
    if spec.scaled:
        series = (series - series.mean()) / (series.std() or 1.0)
    steps = min(spec.steps, series.size)
    count = min(series.size // steps, MOST)
    return network, series[series.size - count * steps :].reshape(count, steps).T[:, :, None]


def diagnosis_of(spec: Spec) -> rl.Diagnosis:
    """What is wrong, and what would help."""
    return rl.diagnose(*loaded(spec))


def measure(spec: Spec, each: Callable[..., Iterable[Any]] = map) -> pd.DataFrame:
    """The diagnosis as a table, and of every layer the gradient at its first step in two ways.

    Returns
    -------
    DataFrame
        As `Diagnosis.to_frame`, with "log10 |dL/dh_0|" of the first sequence: value as `gradient_flow` has it, low by plain
        backpropagation, high one step later.
    """
    import pandas as pd

    del each
    found = diagnosis_of(spec)
    rows = [
        (FIRST, layer.name, np.nan, *values)
        for layer, values in zip(found.layers, first_steps(*loaded(spec)), strict=False)
    ]
    table = found.to_frame()
    return pd.concat([table, pd.DataFrame(rows, columns=table.columns)], ignore_index=True) if rows else table


def first_steps(network: Any, x: NDArray[np.float64]) -> list[tuple[float, float, float]]:
    """Of every cell log10 |dL/dh_0| by `gradient_flow` and by `backward`, and log10 |dL/dh_1|; of none if not finite."""
    from rnnlab.diagnosis.measures import flat

    try:
        tape = rl.forward(network, x[:, 0])
        dh = np.random.default_rng(1).standard_normal(tape.h.shape[1])
        flows, states = flat(rl.gradient_flow(tape, dh)), states_of(network, rl.backward(tape, dh).h0)
    except ValueError:  # not finite
        return []
    with np.errstate(divide="ignore"):
        plain = [float(np.log10(np.linalg.norm(state.astype(np.float64)))) for state in states]
    return [(float(flow.log10_norm[0]), own, float(flow.log10_norm[1])) for flow, own in zip(flows, plain, strict=True)]


def states_of(network: Any, h0: Any) -> list[Any]:
    """The gradients of h_0 of all cells, without those of c_0."""
    parts = getattr(network, "parts", ())
    if parts:
        return [state for part, own in zip(parts, h0, strict=True) for state in states_of(part, own)]
    return [h0[0] if isinstance(h0, tuple) else h0]


def draw(table: pd.DataFrame) -> dict[str, Figure]:
    """The four panels."""
    from rnnlab.diagnosis.figure import draw as panels

    return {"diagnosis": panels(table)}


def checks(table: pd.DataFrame) -> pd.DataFrame:
    """Two ways back agree, of layers whose gradient plain floats can show, to less than a step changes it."""
    from rnnlab.experiments._lab.claims import Claim, table_of

    rows = table[(table["quantity"] == FIRST) & (table["low"] > NORMAL)]
    return table_of(
        Claim(f"{row.layer}: {FIRST}", row.low, row.value, ROUNDING, "plain backpropagation; or a step less", row.high)
        for row in rows.itertuples()
    )


def readable(given: dict[str, Any]) -> Spec:
    """A spec whose files can be read and fit, or one sentence on what is wrong."""
    from pydantic import ValidationError

    from rnnlab.experiments._lab.options import sentence
    from rnnlab.series.csv import digest_of

    try:
        digests = tuple(str(digest_of(given[name])) for name in ("weights", "csv"))
        spec = Spec(**given, digests=digests)
        loaded(spec)
    except ValidationError as error:
        raise click.UsageError(sentence(error)) from None
    except OSError as error:
        raise click.UsageError(f"can't read {error.filename}: {error.strerror}") from None
    except (TypeError, ValueError) as error:
        raise click.UsageError(str(error)) from None
    return spec


@click.command("diagnose", params=look_options())
@click.argument("weights", metavar="WEIGHTS")
@click.option(
    "--csv", required=True, metavar="FILE", help="a CSV file with the network's inputs, oldest or newest first"
)
@click.option("--column", metavar="NAME", help="the column of numbers  [default: the only one]")
@click.option("--order", metavar="NAME", help="oldest-first or newest-first  [default: by its dates]")
@click.option("--drop-missing", is_flag=True, help="leave out its rows without a number")
@click.option("--where", metavar="COLUMN=VALUE", help="its rows to read, Ticker=ABC, where it has several series")
@click.option("--decimal", metavar="MARK", help="its decimal mark, . or ,  [default: by its numbers]")
@click.option("--steps", type=int, default=200, show_default=True, help="length T of the sequences it is cut in")
@click.option("--scaled", is_flag=True, help="bring the column to mean 0 and standard deviation 1 first")
@click.option("--prefix", metavar="PATH", help="which of several networks in the file of weights")
@click.option("--nonlinearity", metavar="NAME", help="tanh or relu, of a vanilla network, which its file does not say")
@click.option("--force", is_flag=True, help="replace a result of other files or settings")
@click.option("--out", **OUT)
def diagnose(out: Path, force: bool, style: str, formats: str, size: str | None, **given: Any) -> int:
    """What is wrong with a network on your data, and what would help: a verdict, a table, a figure.

    WEIGHTS is a .safetensors or .npz file by PyTorch's names, of a network of one input.
    """
    from rnnlab.experiments._lab import folders, runner
    from rnnlab.experiments._lab.report import report

    look, spec = look_of(style, formats, size), readable(given)
    try:
        click.echo(str(diagnosis_of(spec)))
    except (TypeError, ValueError) as error:
        raise click.UsageError(str(error)) from None
    place = out / "diagnose"
    here: Any = sys.modules[__name__]
    result = runner.run(runner.Job(here, spec, folders.prepare(place), 1, force=force, look=look))
    click.echo(f"{place}: table of {len(result.table)}, figures {', '.join(result.figures)}")
    return report(result.checks)
