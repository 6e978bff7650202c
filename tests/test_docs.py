"""The pages that are made: docstrings that stand alone, a page for every public name, every page behind a door."""

import re
import sys
from pathlib import Path

import pytest

from rnnlab.experiments import names

DOCS = Path(__file__).parents[1] / "docs"
sys.path.insert(0, str(DOCS))
from _sphinx import dead_links, docstrings, doors, links, reference_pages

FRAGMENT = re.compile(r"(As|How|Its|Of|That|The same|These|They|Those|What|Where|Whether|Which|Who)\b")


@pytest.mark.parametrize("place", sorted(reference_pages.places()))
def test_docstrings_stand_alone_in_a_hover_window(place: str) -> None:
    text = (getattr(reference_pages.places()[place], "__doc__", None) or "").strip()
    first = text.split("\n\n")[0]
    assert re.search(r"[.:)]$", first), f"{place}: a first paragraph that is a sentence, not {first!r}"
    assert not FRAGMENT.match(first), f"{place}: {first!r} needs its neighbours to be understood"


def test_links_of_pages_lead_to_what_is_made_of_them() -> None:
    assert links.target("experiments.md#sweep", "docs") == "experiments/sweep.md"
    assert (
        links.target("../results/sweep/figures/decay.png", "docs/experiments")
        == "../../results/sweep/figures/decay.png"
    )
    assert links.target("../results/explore/index.html", "docs") == "page:experiments/explore-page.html"
    assert links.target("https://example.org/a.md", "docs") == "https://example.org/a.md"


def test_a_link_to_no_page_and_to_no_place_is_dead(tmp_path: Path) -> None:
    good = ["#here", "b.html#there", "b.html#w2=1.5&t=7", "https://example.org/#x", "mailto:a@example.org"]
    bad = ["#there", "b.html#here", "c.html", "c.html#w2=1.5"]
    anchors = "".join(f'<a href="{link}">x</a>' for link in good + bad)
    (tmp_path / "a.html").write_text(f'<p id="here">{anchors}</p>', encoding="utf-8")
    (tmp_path / "b.html").write_text('<a name="there"></a>', encoding="utf-8")
    assert dead_links.found(tmp_path) == [f"a.html: {link}" for link in bad]


def test_every_page_is_behind_one_door_and_every_experiment_is_told() -> None:
    behind = [page for pages in doors.behind().values() for page in pages]
    written = {path.stem for suffix in ("md", "ipynb") for path in DOCS.glob(f"*.{suffix}")}
    assert sorted(behind) == sorted(written - set(doors.DOORS) - doors.ELSEWHERE)
    headings = re.findall(r"^## (.*)$", (DOCS / "experiments.md").read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert set(names()) <= set(headings)


def test_what_looks_like_markup_in_a_docstring_is_kept() -> None:
    made = docstrings.as_rst(["|dh_T/dh_0| of h_(t-1) * f, see `fit`:", "", "    h_t = f(a_t)"], "rnnlab.predict")
    assert made[0] == r"\|dh_T/dh_0\| of h\_(t-1) \* f, see :py:obj:`fit <rnnlab.fit>`:"
    assert made[2:] == ["::", "", "    h_t = f(a_t)"]
