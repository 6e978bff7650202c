"""The results that come with the source: of the default specs, and with the claims that their tables give now."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import tomli_w

from rnnlab.experiments import _store
from rnnlab.experiments.__main__ import module_of, names
from rnnlab.experiments._options import read_toml

RESULTS = Path(__file__).parents[1] / "results"


@pytest.mark.parametrize("name", names())
def test_of_the_default_spec(name: str) -> None:
    default = module_of(name).Spec().model_dump(mode="json", exclude_none=True)
    assert (RESULTS / name / "spec.toml").read_text() == tomli_w.dumps(default)


@pytest.mark.parametrize("folder", [*names(), "vector/sweep"])
def test_its_claims_are_those_of_its_table(folder: str) -> None:
    found = module_of(Path(folder).name).checks(_store.read_table(RESULTS / folder))
    kept = pd.read_csv(RESULTS / folder / "checks.csv")
    how: dict[str, Any] = {"check_dtype": False, "rtol": 1e-9}  # laws are computed anew, by whatever version of SciPy
    pd.testing.assert_frame_equal(found, kept, **how)
    assert folder == "bench" or found["ok"].all()


def test_the_vector_sweep_is_that_of_its_spec() -> None:
    spec = module_of("sweep").Spec(**read_toml(RESULTS.parent / "experiments/sweep_vector.toml"))
    kept = (RESULTS / "vector/sweep/spec.toml").read_text()
    assert kept == tomli_w.dumps(spec.model_dump(mode="json", exclude_none=True))


@pytest.mark.parametrize("name", names())
def test_its_spec_file_spells_out_the_defaults_under_its_claim(name: str) -> None:
    path = RESULTS.parent / f"experiments/{name.replace('-', '_')}.toml"
    module = module_of(name)
    assert module.Spec(**read_toml(path)) == module.Spec()
    assert path.read_text().startswith("# Claim: ")
