"""Tables in pieces are what they are in one."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from rnnlab.experiments._lab import tables

ROWS = 25
TABLES: dict[str, Callable[[], pd.DataFrame]] = {
    "no row": lambda: pd.DataFrame({"a": [], "b": []}),
    "one piece": lambda: pd.DataFrame({"a": [1, 2], "b": ["x", None]}),
    "numbers and text": lambda: pd.DataFrame(
        {"a": range(26), "b": np.random.default_rng(0).normal(size=26) * 1e-300, "c": ["u", "", "é,"] * 8 + ["w", "x"]}
    ),
    "whole pieces": lambda: pd.DataFrame({"a": np.arange(50) % 2 == 0, "b": np.inf}),
    "categories": lambda: pd.DataFrame({"a": pd.Categorical(["x", "y"] * 30, ["y", "x"])}),
    "a long stretch without text": lambda: pd.DataFrame({"a": [None] * 30 + ["x"] * 30}),
    "whole numbers, then others": lambda: pd.DataFrame({"a": [1] * 30 + [None] * 30}),
    "a line's end in a cell": lambda: pd.DataFrame({"a": ["x\ny"] * 60}),
}


@pytest.mark.parametrize("name", TABLES)
def test_pieces_make_the_whole(name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(tables, "ROWS", ROWS)
    table = TABLES[name]()
    text = b"".join(tables.pieces(table))
    assert text.decode() == table.to_csv(index=False, lineterminator="\n")
    path = tmp_path / "table.csv"
    path.write_bytes(text)
    with pd.option_context("mode.string_storage", "python"):
        expected = pd.read_csv(path)
    pd.testing.assert_frame_equal(tables.read(path), expected)
    pd.testing.assert_frame_equal(tables.normal_form(table), expected)


def test_numbers_are_not_copied() -> None:
    """A table of millions of rows is not there twice."""
    table = TABLES["numbers and text"]()
    shared = {name: np.shares_memory(table[name], tables.normal_form(table)[name]) for name in "ab"}
    assert shared == {"a": True, "b": True}


def test_equal_texts_are_one_object() -> None:
    """Whether PyArrow is installed or not: 8 bytes a row, and not 57 more."""
    found = tables.normal_form(pd.DataFrame({"a": ["x", "y"] * 500}))
    assert len({id(text) for text in found["a"]}) == 2


def test_parts_are_joined_as_pandas_does() -> None:
    whole = TABLES["numbers and text"]()
    parts = [whole.iloc[first : first + 7] for first in range(0, len(whole), 7)]
    pd.testing.assert_frame_equal(tables.joined(parts, len(whole)), whole)
    for wrong in (len(whole) - 1, len(whole) + 1):
        with pytest.raises(tables.UnevenError):
            tables.joined(parts, wrong)


def test_its_size_is_known_before_it_is_written() -> None:
    table = pd.DataFrame({"a": np.random.default_rng(0).normal(size=5000), "b": "text"})
    assert tables.size_of(table) == pytest.approx(sum(map(len, tables.pieces(table))), rel=0.01)
