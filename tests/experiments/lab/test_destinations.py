"""Where a result goes if nobody says where."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from matplotlib.figure import Figure

from rnnlab.experiments import get, statland
from rnnlab.experiments._lab import agreement, provenance
from rnnlab.experiments._lab.destinations import destination
from tests.experiments.lab.test_command_line import call
from tests.experiments.lab.test_store import content

WORDS = ["statland", "--updates", "3", "--seeds", "2"]


@pytest.mark.parametrize(
    ("name", "given", "folder"),
    [
        ("sweep", {}, "results"),
        ("sweep", {"seeds": 4}, "results"),  # as it is by default
        ("sweep", {"w2": "1.5", "seq_len": (7,)}, "mine/w2=1.5,seq-len=7"),
        ("sweep", {"w2": "-2:2:81"}, "mine/w2=-2..2..81"),
        ("statland", {"days": "0,0.5,1", "w2": -2}, "mine/days=0,0.5,1,w2=-2"),
        ("bench", {}, "mine"),
    ],
)
def test_a_folder_says_what_was_changed(name: str, given: dict[str, Any], folder: str) -> None:
    assert destination(get(name).Spec(**given)).as_posix() == folder


def test_long_and_strange_specs_have_short_names_of_their_own() -> None:
    spec = get("prices").Spec
    given = [
        spec.model_construct(csv=name)
        for name in ("/data/a b.csv", "/data/a:b.csv", f"/{'x' * 200}.csv", f"/{'x' * 201}.csv")
    ]
    folders = [destination(one).name for one in given]
    assert len(set(folders)) == len(folders)
    assert max(map(len, folders)) <= 90
    assert not any(set(name) & set('/\\:*?"<>| ') for name in folders)


@pytest.fixture(autouse=True)
def quickly_drawn(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """One small figure instead of two, in a folder of one's own."""

    def draw(table: pd.DataFrame) -> dict[str, Figure]:
        figure = Figure(figsize=(1, 1))
        figure.text(0, 0, str(len(table)))
        return {"unrolled": figure}

    monkeypatch.setattr(statland, "draw", draw)
    monkeypatch.chdir(tmp_path)


def nudge(folder: Path, by: float) -> None:
    """A table as another processor would have measured it, with its digest."""
    path = folder / "table.csv"
    table = pd.read_csv(path)
    table.assign(loss=table["loss"] * (1 + by)).to_csv(path, index=False, lineterminator="\n")
    told = folder / provenance.NAME
    old, new = (dict(provenance.digests(folder)) for _ in range(2))
    new["table.csv"] = provenance.digest_of(path)
    told.write_text(told.read_text().replace(old["table.csv"], new["table.csv"]))


def test_ones_own_runs_collide_neither_with_what_is_there_nor_with_each_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for w2 in ("2", "1.5"):
        assert call(monkeypatch, *WORDS, "--w2", w2) == 0
    assert {path.name for path in (tmp_path / "mine").iterdir()} == {
        f"w2={w2},seeds=2,updates=3" for w2 in ("2", "1.5")
    }
    assert not (tmp_path / "results").exists()


def test_a_result_that_agrees_is_left_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [*WORDS, "--out", str(tmp_path)]
    folder = tmp_path / "statland"
    for by, left in ((0.0, True), (1e-12, True), (1e-6, False)):
        assert call(monkeypatch, *words, "--force") == 0
        nudge(folder, by)
        before = content(folder)
        capsys.readouterr()
        assert call(monkeypatch, *words) == 0
        assert ("left as it is" in capsys.readouterr().out) == left
        assert (content(folder) == before) == left


def test_it_is_drawn_anew_in_another_look_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    words, folder = [*WORDS, "--out", str(tmp_path)], tmp_path / "statland"
    states = []
    for look in ([], ["--style", "dark"], [], []):
        assert call(monkeypatch, *words, *look) == 0
        states.append(content(folder))
    assert states[0] == states[2] == states[3]
    assert states[0]["table.csv"] == states[1]["table.csv"]
    assert states[0]["figures/unrolled.png"] != states[1]["figures/unrolled.png"]


def test_a_damaged_result_is_no_agreement(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    words, figure = [*WORDS, "--out", str(tmp_path)], tmp_path / "statland/figures/unrolled.png"
    assert call(monkeypatch, *words) == 0
    whole = figure.read_bytes()
    figure.write_bytes(whole[:-1])
    assert call(monkeypatch, *words) == 0
    assert figure.read_bytes() == whole


@pytest.mark.parametrize(
    ("other", "same"),
    [
        ([1.0, 0.0, None, "a"], True),
        ([1.0 + 1e-10, 0.0, None, "a"], True),
        ([1.0 + 1e-8, 0.0, None, "a"], False),
        ([1.0, 1e-16, None, "a"], True),
        ([1.0, 1e-10, None, "a"], False),
        ([1.0, 0.0, 0.0, "a"], False),
        ([1.0, 0.0, None, "b"], False),
    ],
)
def test_agreement(other: list[Any], same: bool) -> None:
    one, two = (
        pd.DataFrame({"x": pd.Series(row[:3], dtype=float), "word": row[3]}) for row in ([1.0, 0.0, None, "a"], other)
    )
    assert agreement.agree(one, two) == same
    assert not agreement.agree(one, two.iloc[:2])
    assert not agreement.agree(one, two.rename(columns={"x": "y"}))


def test_no_refusal_speaks_of_force(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(monkeypatch, *WORDS, "--out", "here") == 0
    assert call(monkeypatch, *WORDS, "--w2", "7", "--out", "here") == 2
    told = capsys.readouterr().err
    assert "another spec (w2 differ)" in told
    assert "--force" not in told
