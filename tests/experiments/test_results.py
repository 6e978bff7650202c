"""The results that come with the source: of the default specs, and with the claims that their tables give now."""

import re
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import tomli_w

from rnnlab.experiments import get, names
from rnnlab.experiments._lab import command_line, provenance, store
from rnnlab.experiments._lab.options import read_toml

RESULTS = Path(__file__).parents[2] / "results"
KEPT = sorted(path.parent.relative_to(RESULTS).as_posix() for path in RESULTS.glob("**/checks.csv"))
OF_SPECS = [folder for folder in KEPT if "/" in folder]  # vector/sweep is of experiments/sweep_vector.toml
OTHERS: dict[str, Any] = {  # numbers that no result has, in the columns that findings are made of
    **dict.fromkeys(["solved", "ratio", "mean", "exponent", "cosine", "diverged", "measured", "value", "skill"], 0.125),
    **dict.fromkeys(["log10_gradient", "log10_retention", "log10_dh0", "gradient", "w"], 0.125),
    "met": "maybe",
    "growth": 0.125,
    "update": 7,
    "outcome": "another",
}


@pytest.mark.parametrize("name", names())
def test_of_the_default_spec(name: str) -> None:
    default = get(name).Spec().model_dump(mode="json", exclude_none=True)
    assert (RESULTS / name / "spec.toml").read_text() == tomli_w.dumps(default)


@pytest.mark.parametrize("folder", KEPT)
def test_its_claims_are_those_of_its_table(folder: str) -> None:
    found = get(Path(folder).name).checks(store.read_table(RESULTS / folder))
    kept = pd.read_csv(RESULTS / folder / "checks.csv")
    how: dict[str, Any] = {"check_dtype": False, "rtol": 1e-9}  # laws are computed anew, by whatever version of SciPy
    pd.testing.assert_frame_equal(found, kept, **how)
    assert not found["verdict"].eq("fails").any()


@pytest.mark.parametrize("folder", KEPT)
def test_its_files_are_as_they_were_written(folder: str) -> None:
    assert "table.csv" in provenance.digests(RESULTS / folder)
    assert not store.foreign(RESULTS / folder)
    store.verify(RESULTS / folder)


def test_every_experiment_has_a_result() -> None:
    assert set(names()) == set(KEPT) - set(OF_SPECS)


@pytest.mark.parametrize("folder", OF_SPECS)
def test_another_result_is_that_of_its_spec(folder: str) -> None:
    where, name = folder.split("/")
    spec = get(name).Spec(**read_toml(RESULTS.parent / f"experiments/{name.replace('-', '_')}_{where}.toml"))
    kept = (RESULTS / folder / "spec.toml").read_text()
    assert kept == tomli_w.dumps(spec.model_dump(mode="json", exclude_none=True))


@pytest.mark.parametrize("name", names())
def test_its_spec_file_is_what_the_command_prints(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Stale after a change of defaults or claim: python -m rnnlab.experiments spec NAME > experiments/NAME.toml."""
    path = RESULTS.parent / f"experiments/{name.replace('-', '_')}.toml"
    monkeypatch.setattr(sys, "argv", ["rnnlab", "spec", name])
    assert command_line.main() == 0
    assert path.read_text() == capsys.readouterr().out
    assert get(name).Spec(**read_toml(path)) == get(name).Spec()


def test_every_spec_file_is_of_an_experiment() -> None:
    """Those of papers' sizes, say copy_arjovsky2016.toml, too."""
    for path in (RESULTS.parent / "experiments").glob("*.toml"):
        stem = path.stem.replace("_", "-")
        name = max((name for name in names() if f"{stem}-".startswith(f"{name}-")), key=len)
        get(name).Spec(**read_toml(path))


@pytest.mark.parametrize("folder", KEPT)
def test_what_came_out_is_one_line_of_its_numbers(folder: str) -> None:
    experiment, table = get(Path(folder).name), store.read_table(RESULTS / folder)
    told = experiment.finding(table)
    assert len(told) <= 180
    assert re.search(r"\d", told)
    assert "\n" not in told
    assert "nan" not in told
    others = experiment.finding(table.assign(**{name: OTHERS[name] for name in OTHERS if name in table}))
    assert others != told
