"""What an experiment is, and which there are: the modules and folders of rnnlab.experiments without a leading underscore."""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast

from rnnlab._base.checks import nearest
from rnnlab.experiments._lab.spec import ExperimentSpec

if TYPE_CHECKING:  # the command line lists experiments without either
    import pandas as pd
    from matplotlib.figure import Figure

Each = Callable[..., Iterable[Any]]  # ``each(function, items)`` yields function(item) in order, as ``map`` does


class Experiment(Protocol):
    """A claim from the literature, turned into a table, figures and checks: the names that its module has."""

    __doc__: str | None  # the first line says what is shown; a line "Claim: ..." what is claimed

    @property
    def Spec(self) -> type[ExperimentSpec]:
        """The settings of an experiment: a frozen, validated model with a default for every field."""

    def measure(self, spec: Any, each: Each = ...) -> pd.DataFrame:
        """The measurement: a tidy table, made of parts that `each` may share out."""

    def draw(self, table: pd.DataFrame) -> dict[str, Figure]:
        """The figures, by name, from the table alone."""

    def finding(self, table: pd.DataFrame) -> str:
        """The finding: what came out, in one line with its numbers, from the table alone."""

    def checks(self, table: pd.DataFrame) -> pd.DataFrame:
        """The claims: the columns of `claims.COLUMNS`."""


def drawn(experiment: Experiment, table: pd.DataFrame) -> tuple[dict[str, Figure], str | None]:
    """The figures of a table; and the page that an experiment with a function `page` makes of both, or None."""
    figures = experiment.draw(table)
    return figures, experiment.page(table, figures) if hasattr(experiment, "page") else None


def first_line(experiment: Experiment) -> str:
    """What an experiment shows, in a sentence."""
    return (experiment.__doc__ or "").strip().split("\n")[0]


def title_of(experiment: Experiment) -> str:
    """The same in about ten words: up to the first stop or comma after the fourth."""
    return re.match(r"(\S+ ){4}[^:;,.?]*", first_line(experiment))[0]  # type: ignore[index]


def claim_of(experiment: Experiment) -> str:
    """What an experiment claims: the paragraph of its docstring that begins with "Claim:"."""
    paragraphs = (experiment.__doc__ or "").split("\n\n")
    found = [paragraph.removeprefix("Claim:") for paragraph in paragraphs if paragraph.startswith("Claim:")]
    return " ".join(found[0].split()) if found else ""


def names() -> list[str]:
    """The experiments, as the command line calls them."""
    here = Path(__file__).parents[1]
    found = [module.name for module in pkgutil.iter_modules([str(here)]) if not module.name.startswith("_")]
    return sorted(name.replace("_", "-") for name in found)


def get(name: str) -> Experiment:
    """Import one experiment; LookupError, with the nearest name, if there is none."""
    if name not in names():
        raise LookupError(f"no experiment is called {name!r}{nearest(name, names())}")
    return cast(Experiment, importlib.import_module(f"rnnlab.experiments.{name.replace('-', '_')}"))
