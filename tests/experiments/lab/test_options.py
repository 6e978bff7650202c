"""Files and ranges that are typed wrong: one sentence, whatever they are."""

import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from rnnlab.experiments._lab import command_line, spec

NUMBER = st.sampled_from(
    [
        "0",
        "1",
        "2",
        "-1",
        "1.5",
        "1e308",
        "-1e308",
        "1e999",
        "nan",
        "inf",
        "1e-320",
        "0x10",
        "1_0",
        "٣",
        "a",
        "",
        " ",
        "--",
        "9" * 400,
    ]
)
RANGE = st.lists(NUMBER, min_size=2, max_size=4).map(":".join)
LIST = st.lists(st.one_of(NUMBER, RANGE), max_size=4).map(",".join)
OPTION = st.sampled_from(
    [
        "--w2",
        "--seq-len",
        "--seeds",
        "--nonlinearity",
        "--inputs",
        "--h0",
        "--hidden-size",
        "--w3",
        "--force",
        "--out=",
        "-x",
    ]
)
LINE = st.lists(st.tuples(OPTION, LIST).map("=".join), min_size=1, max_size=3)
VALUE = st.one_of(
    LIST,
    st.sampled_from(["true", "'a'", "[1, [2]]", "{a = 1}", "1979-05-27", "[" * 3000, "'\\u0000'", '"""', "[1, 'a']"]),
)
KEY = st.sampled_from(["w2", "seq_len", "seeds", "a", "w2.b", "[w2]", "'w2'", "a" + ".a" * 3000, "=", "\ud800"])
TOML = st.lists(st.tuples(KEY, VALUE).map(" = ".join), max_size=3).map("\n".join)
HOW = {"deadline": None, "suppress_health_check": list(HealthCheck), "database": None}


def hold(words: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """`spec sweep`, which does all but run: it prints a spec, or one sentence and 2."""
    monkeypatch.setattr(sys, "argv", ["rnnlab", "spec", "sweep", *words])
    code, told = command_line.main(), capsys.readouterr()
    assert code in (0, 2)
    assert "a bug of rnnlab" not in told.err
    assert (told.err == "") == (code == 0)
    assert "Traceback" not in told.err


@pytest.mark.parametrize("count", [20, pytest.param(500, marks=pytest.mark.fuzz)])
def test_lines(count: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    @settings(max_examples=count, derandomize=True, **HOW)
    @given(words=LINE)
    def every(words: list[str]) -> None:
        hold(words, capsys, monkeypatch)

    every()


@pytest.mark.parametrize("count", [20, pytest.param(500, marks=pytest.mark.fuzz)])
def test_files(count: int, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    @settings(max_examples=count, derandomize=True, **HOW)
    @given(text=TOML)
    def every(text: str) -> None:
        (tmp_path / "spec.toml").write_text(text, "utf-8", "surrogatepass")
        hold([str(tmp_path / "spec.toml")], capsys, monkeypatch)

    every()


@pytest.mark.parametrize("text", ["w2 = " + "[" * 2000, "w2 = " + "[" * 100_000, "a" + ".a" * 5000 + " = 1"])
def test_files_that_are_deep(
    text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "spec.toml").write_text(text)
    hold([str(tmp_path / "spec.toml")], capsys, monkeypatch)


@pytest.mark.parametrize("text", ["1e308:-1e308:5", "1e300:1.7e308:3"])
def test_ranges_that_leave_the_floats(text: str) -> None:
    with pytest.raises(ValueError, match="is a range that leaves the floats"):
        spec.expand_range(text)
