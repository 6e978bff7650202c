"""A text file of cells as somebody's program wrote it: its encoding, its separator, where its header is.

Rows are numbered as an editor shows them, from 1.
"""

from __future__ import annotations

import codecs
import csv
import re
import unicodedata
import warnings
from collections import Counter
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

SEPARATORS = ";\t|,"  # the comma last: elsewhere it may be a decimal comma
LOOKED_AT = 200  # rows from which separator and header are found
TITLES = 30  # rows above a header, at most
SPARE = 100  # cells that a row may have beyond its header before its file is refused
UNTIDY = re.compile(r'[^\x00-\x7f]|["\t]| [ \n;|,]')  # what a text has where some of its cells are to be tidied
MARKS = {  # of an encoding, the longer ones first
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
FOREIGN = {  # how files begin that only look like CSV files by their names
    b"PK\x03\x04": "an Excel workbook or another zip archive",
    b"\xd0\xcf\x11\xe0": "an Excel workbook",
    b"\x1f\x8b": "compressed (gzip)",
    b"%PDF": "a PDF document",
    b"<!doctype": "a web page",
    b"<html": "a web page",
    b"<?xml": "a document of XML",
}


class Sheet(NamedTuple):
    """The rows below a header, as text without blanks around it."""

    path: str
    separator: str
    names: list[str]  # of the header
    cells: pd.DataFrame  # a column a name, by number, then those that rows have beyond the header
    rows: NDArray[np.int64]  # each row's number in the file

    def texts(self, name: str) -> pd.Series:
        """The cells of one column."""
        return self.cells[self.names.index(name)]

    def beyond(self) -> NDArray[np.bool_]:
        """Which rows have more cells than the header has names."""
        return np.asarray((self.cells.iloc[:, len(self.names) :] != "").any(axis=1), dtype=bool)

    def where(self, kept: NDArray[np.bool_]) -> Sheet:
        """Some of the rows."""
        return self._replace(cells=self.cells[kept].reset_index(drop=True), rows=self.rows[kept])


def read_sheet(path: str, column: str | None) -> Sheet:
    """The cells of a file, whose header is the first row with `column`, or by its looks the first that can be one."""
    lines = text_of(path).split("\n")
    first, separator = 0, None
    if lines[0].lower().startswith("sep=") and len(lines[0].strip()) == 5:  # so Excel is told
        first, separator = 1, lines[0][4]
    shown = preview(lines[first:], separator or separator_of(lines[first:], column))
    header = first + header_of(shown.rows, column)
    if header >= len(lines) or not lines[header].strip():
        raise ValueError(f"the CSV file {path} is empty: expected a header and rows below it")
    cells, rows = cells_of(path, lines[header:], shown.separator)
    names = [tidy(name) for name in cells.iloc[0]]
    while names and not names[-1]:
        names.pop()
    return without_empty_rows(Sheet(path, shown.separator, names, cells[1:].reset_index(drop=True), header + rows[1:]))


def text_of(path: str) -> str:
    """The text of a file, with one kind of line ends."""
    try:
        content = Path(path).read_bytes()
    except (OSError, ValueError) as error:
        raise ValueError(f"can't read the CSV file {path}: {getattr(error, 'strerror', None) or error}") from None
    for start, kind in FOREIGN.items():
        if content[:100].lstrip(b" \r\n\t").lower().startswith(start.lower()):
            raise ValueError(f"{path} is not a CSV file but {kind}: save it as one")
    try:
        text = content.decode(encoding_of(content))
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is not a CSV file ({error.reason} in {error.encoding}): save it in UTF-8") from None
    if "\0" in text:
        raise ValueError(f"{path} is not a CSV file, it has zero bytes: save it as one")
    return text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")


def encoding_of(content: bytes) -> str:
    """The encoding that a file says, UTF-16 and UTF-8 where it is that, or what Windows writes in Western Europe."""
    said = next((kind for mark, kind in MARKS.items() if content.startswith(mark)), None)
    if said:
        return said
    head = content[:1000]
    if head[1::2].count(0) > len(head) / 4:
        return "utf-16-le"
    if head[::2].count(0) > len(head) / 4:
        return "utf-16-be"
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        return "cp1252"
    return "utf-8"


class Preview(NamedTuple):
    """The first rows, cut at a separator."""

    separator: str
    rows: list[list[str]]

    @property
    def width(self) -> int:
        """How many cells most rows have."""
        return Counter(len(cells) for cells in self.rows if any(cells)).most_common(1)[0][0] if any(self.rows) else 1


def preview(lines: list[str], separator: str) -> Preview:
    """The first rows, each at its first line; what is left of a cell with a missing quote is no row."""
    rows: list[list[str]] = []
    reader = csv.reader(lines[:LOOKED_AT], delimiter=separator, skipinitialspace=True)
    with suppress(csv.Error):
        for cells in reader:
            rows += [[tidy(cell) for cell in cells], *[[]] * (reader.line_num - len(rows) - 1)]
    return Preview(separator, rows)


def separator_of(lines: list[str], column: str | None) -> str:
    """The separator at which most rows are cut into the same number of cells, the named column among them."""

    def likely(separator: str) -> tuple[bool, int]:
        shown = preview(lines, separator)
        alike = sum(len(cells) == shown.width for cells in shown.rows)
        return any(column in cells for cells in shown.rows[:TITLES]), alike if shown.width > 1 else 0

    return max(SEPARATORS, key=likely)


def header_of(rows: list[list[str]], column: str | None) -> int:
    """Where the header is: the first row with the column; else the first that has a name for almost every cell."""
    width = Preview("", rows).width
    named = [number for number, cells in enumerate(rows[:TITLES]) if cells and not cells[0].startswith("#")]
    of_column = [number for number in named if column in rows[number]]
    whole = [number for number in named if len(rows[number]) >= width and all(rows[number][1:width])]
    return next(iter([*of_column, *whole, *named]), 0)


def cells_of(path: str, lines: list[str], separator: str) -> tuple[pd.DataFrame, NDArray[np.int64]]:
    """All cells from the header on, and the number of each row's last line, counted from the header's, which is 1."""
    width = min(max(line.count(separator) for line in lines) + 1, lines[0].count(separator) + 1 + SPARE)
    how = {"header": None, "names": range(width), "index_col": False, "dtype": str, "na_filter": False}
    text = "\n".join(lines)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)  # that cells are lost
            content = BytesIO(text.encode("utf-8", "surrogatepass"))
            cells = pd.read_csv(content, sep=separator, skipinitialspace=True, skip_blank_lines=False, **how)
    except (pd.errors.ParserError, pd.errors.ParserWarning) as error:
        raise ValueError(f"{path} is not a CSV file: {str(error).splitlines()[0]}") from None
    rows = 1 + np.arange(len(cells))
    if '"' in text:  # a cell may have lines
        rows += np.cumsum(sum(cells[name].str.count("\n").to_numpy(dtype=np.int64) for name in cells))
    return cells.map(tidy) if UNTIDY.search(text) else cells, rows


def tidy(text: str) -> str:
    """A name or cell without blanks around it and with plain ones in it, its digits and marks those of ASCII."""
    return " ".join((text if text.isascii() else unicodedata.normalize("NFKC", text)).split())


def without_empty_rows(sheet: Sheet) -> Sheet:
    """Without lines that are blank, and rows of empty cells at the end."""
    empty = np.asarray((sheet.cells == "").all(axis=1), dtype=bool)
    last = int(np.flatnonzero(~empty)[-1]) + 1 if not empty.all() else 0
    return sheet.where(~empty & (np.arange(len(empty)) < last))
