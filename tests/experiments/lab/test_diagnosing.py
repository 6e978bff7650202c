"""The command ``diagnose``: a folder with table, figure and checks; one sentence on what is wrong."""

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import rnnlab as rl
from rnnlab.experiments._lab import command_line, diagnosing


def run(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    monkeypatch.setattr(sys, "argv", ["rnnlab", "diagnose", *words])
    return command_line.main()


@pytest.fixture
def files(tmp_path: Path) -> dict[str, str]:
    """A network of one input and one of two, and a column of numbers."""
    for inputs in (1, 2):
        params = rl.RNNParams.init(inputs, 4, rng=np.random.default_rng(0), scheme="orthogonal", gain=0.5)
        np.savez(tmp_path / f"{inputs}.npz", **rl.to_torch(params))
    pd.DataFrame({"Close": 500 + np.arange(90.0)}).to_csv(tmp_path / "prices.csv", index=False)
    return {
        "one": f"{tmp_path}/1.npz",
        "two": f"{tmp_path}/2.npz",
        "csv": f"{tmp_path}/prices.csv",
        "out": str(tmp_path),
    }


def test_a_folder_with_table_figure_and_checks(
    files: dict[str, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = (files["one"], "--csv", files["csv"], "--nonlinearity", "tanh", "--steps", "40", "--out", files["out"])
    assert run(monkeypatch, *words, "--scaled") == 0
    assert "layer 1 vanishes" in capsys.readouterr().out
    place = Path(files["out"], "diagnose")
    assert {path.name for path in place.iterdir()} >= {"table.csv", "checks.csv", "spec.toml", "figures"}
    checks = pd.read_csv(place / "checks.csv")
    assert len(checks) == 1
    assert (checks["verdict"] == "holds").all()
    table = pd.read_csv(place / "table.csv")
    assert list(diagnosing.draw(table)) == ["diagnosis"]
    first = table["quantity"] == diagnosing.FIRST
    table.loc[first, "value"] = table.loc[first, "high"]  # a step less
    assert (diagnosing.checks(table)["verdict"] == "fails").all()
    assert run(monkeypatch, *words) == 2  # another spec
    assert "another spec" in capsys.readouterr().err


def test_the_file_is_read_as_by_other_commands(files: dict[str, str], tmp_path: Path) -> None:
    """Rows of one series, the newest first, with a decimal comma and a gap, are the same numbers as a plain column."""
    odd = tmp_path / "odd.csv"
    rows = [f"{ticker};{500 + k},25" for k in range(9) for ticker in "AB"]
    odd.write_text("\n".join(["Ticker;Close", *rows[::-1], "A;"]), "utf-8")
    how = {"weights": files["one"], "csv": str(odd), "steps": 9, "nonlinearity": "tanh", "column": "Close"}
    read = {"order": "newest-first", "drop_missing": True, "where": "Ticker=A", "decimal": ","}
    x = diagnosing.loaded(diagnosing.readable(how | read))[1]
    np.testing.assert_array_equal(x[:, 0, 0], 500.25 + np.arange(9))


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"weights": "nowhere.npz"}, "can't read nowhere.npz"),
        ({"weights": "model.pt"}, "a pickle, which can run code"),
        ({"weights": "two"}, "x has shape"),
        ({"csv": "nowhere.csv"}, "nowhere.csv"),
        ({"column": "Open"}, "Open"),
        ({"steps": "1"}, "steps is"),
        ({"nonlinearity": "sine"}, "nonlinearity is"),
        ({"order": "sideways"}, "order is 'sideways'"),
        ({"where": "Ticker=ABC"}, "Ticker"),
        ({"decimal": ";"}, "decimal is ';'"),
    ],
)
def test_wrong_input_is_one_sentence(
    changes: dict[str, str],
    says: str,
    files: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    given = {"weights": "one", "csv": files["csv"], "column": "Close", "steps": "40", "nonlinearity": "tanh", **changes}
    weights = files.get(given.pop("weights"), changes.get("weights", ""))
    options = [word for name, value in given.items() for word in (f"--{name}", value)]
    assert run(monkeypatch, weights, *options, "--out", files["out"]) == 2
    told = [line for line in capsys.readouterr().err.splitlines() if not line.startswith(files["csv"])]
    assert len(told) == 1
    assert says in told[0]
    assert told[0].startswith("error: ")
