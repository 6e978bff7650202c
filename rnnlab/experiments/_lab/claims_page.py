"""All claims on one page: what was expected, what the other story says, what was measured; the doubtful ones first."""

from __future__ import annotations

import math
from collections.abc import Iterable
from html import escape
from pathlib import Path
from typing import Any

import pandas as pd

from rnnlab.experiments._lab import store
from rnnlab.experiments._lab.errors import StoreError

NAME = "claims.html"
ORDER = {  # of verdicts, and what they mean
    "fails": "The number disagrees with the claim.",
    "open": "The number agrees with the claim and its rival, or there are too few trainings to tell.",
    "missed": "A speed that is aimed at, missed on the machine that measured.",
    "holds": "The number agrees with the claim, and not with its rival.",
}
COLUMNS = ("experiment", "claim", "expected", "rival", "measured", "accepted", "source", "verdict")
STYLE = """:root{color-scheme:light dark}body{font:16px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:110rem;padding:0 1rem}
.wide{overflow-x:auto}table{border-collapse:collapse;width:100%}caption{text-align:left;font-weight:600;padding:.5rem 0}
th,td{border-bottom:1px solid #8888;padding:.3rem .6rem;text-align:left;vertical-align:top}td.n{white-space:nowrap}"""


def kept(folder: Path, names: Iterable[str]) -> pd.DataFrame:
    """The checks of all kept results in a folder and those within, by verdict, those that need a look first."""
    paths = [path for name in names for path in sorted(folder.glob(f"**/{name}/{store.CHECKS}"))]
    tables = {path.parent.relative_to(folder).as_posix(): pd.read_csv(path) for path in paths}
    if not tables:
        raise StoreError(f"{folder} holds no result: run an experiment first, or choose --out DIR")
    table = pd.concat([checks.assign(experiment=name) for name, checks in tables.items()], ignore_index=True)
    return table.sort_values("verdict", key=lambda column: column.map(list(ORDER).index), kind="stable")


def cells(row: Any) -> list[str]:
    """The texts of one line."""
    numbers = [f"{value:.6g}" for value in (row.expected, row.rival, row.measured)]
    return [row.experiment, row.claim, *numbers, accepted(row.low, row.high), row.source, row.verdict]


def accepted(low: float, high: float) -> str:
    """An interval in words."""
    if math.isinf(high) and high != low:
        return f"at least {low:.6g}"
    return f"at most {high:.6g}" if math.isinf(low) and high != low else f"{low:.6g} to {high:.6g}"


def count(table: pd.DataFrame) -> str:
    """How many there are of each verdict."""
    found = table["verdict"].value_counts()
    return ", ".join(f"{found.get(verdict, 0)} {verdict}" for verdict in ORDER)


def markdown(table: pd.DataFrame) -> str:
    """A page of the documentation: a table of all claims."""
    lines = ["# Claims", "", f"{len(table)} claims of the kept results: {count(table)}.", ""]
    lines += [f"- {verdict}: {what}" for verdict, what in ORDER.items()]
    lines += [
        "",
        "The rival is what another story says of the same number. `python -m rnnlab.experiments claims --markdown`",
        "",
    ]
    lines += [f"| {' | '.join(COLUMNS)} |", "|---" * len(COLUMNS) + "|"]
    lines += [
        f"| {' | '.join(text.replace('|', chr(92) + '|') for text in cells(row))} |" for row in table.itertuples()
    ]
    return "\n".join(lines) + "\n"


def html(table: pd.DataFrame) -> str:
    """The page: a table for each verdict; nothing is loaded from elsewhere."""
    parts = [section(verdict, rows) for verdict in ORDER if len(rows := table[table["verdict"] == verdict])]
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>rnnlab: every claim</title>\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><style>{STYLE}</style></head><body><main>\n'
        f"<h1>Every claim and its rival</h1>\n<p>{len(table)} claims of the kept results: {count(table)}. "
        "The rival is what another story says of the same number: a claim is one only if the number can tell them apart.</p>\n"
        + "\n".join(parts)
        + "\n</main></body></html>\n"
    )


def section(verdict: str, rows: pd.DataFrame) -> str:
    """The claims of one verdict."""
    head = "".join(f'<th scope="col">{name}</th>' for name in COLUMNS)
    body = "\n".join(f"<tr>{''.join(line(cells(row)))}</tr>" for row in rows.itertuples())
    return (
        f'<h2>{verdict} ({len(rows)})</h2>\n<div class="wide" tabindex="0" role="region" aria-label="claims: {verdict}">'
        f"<table><caption>{ORDER[verdict]}</caption><thead><tr>{head}</tr></thead><tbody>\n{body}\n</tbody></table></div>"
    )


def line(texts: list[str]) -> Iterable[str]:
    """The cells of a row, numbers kept in one piece."""
    for name, text in zip(COLUMNS, texts, strict=True):
        yield f"<td{' class=n' * (name in ('expected', 'rival', 'measured'))}>{escape(text)}</td>"
