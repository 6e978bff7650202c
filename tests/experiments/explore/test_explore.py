"""What the explorer measures and ships."""

import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from rnnlab.experiments import explore, get
from rnnlab.experiments._lab import command_line, runner, store
from tests.experiments.explore import RESULT

LARGEST = 1_000_000  # bytes of the page
SETTINGS: dict[str, Any] = {"hidden_size": 4, "lags": 20, "seeds": 2, "updates": 3}


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    return runner.table_of(explore, explore.Spec(**SETTINGS))


def test_its_claims_hold_and_a_wrong_chain_or_gradient_fails(table: pd.DataFrame) -> None:
    assert explore.checks(table)["verdict"].eq("holds").all()
    for column in ("log10_links", "log10_gradient"):
        wrong = table.assign(**{column: table[column] + 1e-6 * (table["part"] == "state")})
        assert not explore.checks(wrong)["verdict"].eq("holds").all()


def test_the_default_trainings_explode_stall_and_learn_or_a_claim_fails() -> None:
    kept = store.read_table(RESULT)
    assert len(explore.checks(kept)) > len(explore.checks(kept.assign(usual=0.0)))
    stalled = kept.assign(loss=kept["loss"].where(kept["start"] != "learn", 1.0))
    failed = explore.checks(stalled).query("verdict == 'fails'")["claim"]
    assert set(failed) == {f"from W2 = 0.97, {variant}: last loss, of the first" for variant in ("plain", "clipped")}


def test_descent_is_that_of_the_closed_form() -> None:
    """Of a linear unit h_T = W2^T: the gradient is 2 (W2^T - target) T W2^(T-1)."""
    spec = explore.Spec()
    rows = store.read_table(RESULT).query("part == 'descent' and start == 'learn' and variant == 'plain'")
    w2, steps = rows["w2"].to_numpy()[:20], spec.train_seq_len
    gradient = 2 * (w2**steps - spec.target) * steps * w2 ** (steps - 1)
    np.testing.assert_allclose(w2[1:], (w2 - spec.learning_rate * gradient)[:-1], rtol=1e-12)


def test_the_page_is_one_file_that_needs_no_other(table: pd.DataFrame) -> None:
    html = explore.page(table, explore.draw(table))
    assert len(html.encode()) <= LARGEST
    links = re.findall(
        r"""(?:src|href)=["']([^"']+)["']|url\(["']?([^)"']+)""", re.sub(r"<svg.*?</svg>", "", html, flags=re.DOTALL)
    )
    assert {one or other for one, other in links} <= {"data:,", "#head", "#inside", "#wall"}
    assert "<!-- measured" not in html
    assert "<!-- picture" not in html
    assert html.rindex("<noscript>") < html.index("<figure><svg") < html.rindex("</noscript>")


def test_the_kept_page_is_that_of_the_kept_table() -> None:
    """Stale after a change of the page: python -m rnnlab.experiments explore --force."""
    table = store.read_table(RESULT)
    fresh = explore.page(table, explore.draw(table))
    assert scripted((RESULT / store.PAGE).read_text()) == scripted(fresh)


def scripted(html: str) -> str:
    """A page without its static picture, whose bytes are Matplotlib's."""
    return re.sub(r"<noscript>.*?</noscript>", "", html, flags=re.DOTALL)


def test_the_command_writes_the_page_prints_its_path_and_opens_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    opened: list[str] = []
    monkeypatch.setattr("webbrowser.open", lambda address: bool(opened.append(address)) or True)
    options = ["--format=svg", *(f"--{name.replace('_', '-')}={value}" for name, value in SETTINGS.items())]
    monkeypatch.setattr(sys, "argv", ["rnnlab", "explore", *options, "--open", "--out", str(tmp_path)])
    assert command_line.main() == 0
    path = tmp_path / "explore" / store.PAGE
    assert f"page: {path}\n" in capsys.readouterr().out
    assert opened == [path.as_uri()]
    path.write_text("stale")
    monkeypatch.setattr(sys, "argv", ["rnnlab", "figures", "explore", "--format=svg", "--out", str(tmp_path)])
    assert command_line.main() == 0
    assert path.read_text().startswith("<!doctype html>")
    assert not hasattr(get("laws"), "page")
