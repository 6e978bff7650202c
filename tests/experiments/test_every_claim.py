"""No claim of the kept results could be made of its rival; the pages of all claims are those of the results."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from rnnlab.experiments import names
from rnnlab.experiments._lab import claims_page
from rnnlab.experiments._lab.claims import Claim
from rnnlab.experiments._lab.report import saying_nothing

ROOT = Path(__file__).parents[2]
FOLDERS = sorted(path.parent.relative_to(ROOT / "results").as_posix() for path in ROOT.glob("results/**/checks.csv"))


def kept(folder: str) -> pd.DataFrame:
    return pd.read_csv(ROOT / "results" / folder / "checks.csv")


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_claim_moved_to_its_rival_fails(folder: str) -> None:
    """The interval goes along, open to the other side where it is open to one; what is undecided is p and says so."""
    checks = kept(folder)
    decided = checks[checks["verdict"].isin(["holds", "fails"])]
    with np.errstate(invalid="ignore"):
        low = decided["rival"] - (decided["high"] - decided["expected"])
        high = decided["rival"] + (decided["expected"] - decided["low"])
    moved = decided[(low <= decided["measured"]) & (decided["measured"] <= high)]
    assert moved.empty, moved["claim"].tolist()
    assert saying_nothing(checks).empty
    assert checks["rival"].notna().all()
    assert checks.loc[checks["verdict"] == "open", "claim"].str.endswith(": p").all()


def test_a_claim_without_a_rival_is_refused() -> None:
    with pytest.raises(ValueError, match="'taller' has a rival that is not a number"):
        Claim("taller", 1.0, 1.0, 0.1, "nobody", float("nan"))


def test_pages_are_those_of_the_results() -> None:
    """Stale: python -m rnnlab.experiments claims; and with --markdown > docs/claims.md."""
    table = claims_page.kept(ROOT / "results", names())
    assert (ROOT / "results" / claims_page.NAME).read_text("utf-8") == claims_page.html(table)
    assert (ROOT / "docs/claims.md").read_text("utf-8") == claims_page.markdown(table)


def test_the_page_has_every_claim_those_in_doubt_first() -> None:
    table = pd.concat([kept(name).assign(experiment=name) for name in ("laws", "cliff")], ignore_index=True)
    table.loc[[3, 5], "verdict"] = ["fails", "open"]
    table.loc[4, "claim"] = "a < b | c"
    table = table.sort_values("verdict", key=lambda column: column.map(list(claims_page.ORDER).index), kind="stable")
    page, text = claims_page.html(table), claims_page.markdown(table)
    assert re.findall(r"<h2>(\w+) \((\d+)\)</h2>", page) == [
        ("fails", "1"),
        ("open", "1"),
        ("holds", str(len(table) - 2)),
    ]
    assert page.count("<tr>") == len(table) + 3
    assert "a &lt; b | c" in page
    assert r"a < b \| c" in text
    assert not re.search(r"https?://|<script|<link", page)
    assert page.count('scope="col"') == 3 * len(claims_page.COLUMNS)
