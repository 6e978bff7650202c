"""What is claimed of flossing, the other stories, and which differences between trainings are established."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from rnnlab.experiments._lab.claims import AT_MOST, Claim, table_of
from rnnlab.experiments._lab.decay import root_mean_square
from rnnlab.experiments._lab.differences import Chances, family, more_in_pairs
from rnnlab.experiments.flossing.training import FLOSSED, SOLVED

ENGELKEN = "Engelken 2023, abstract"
TASKS = {"copy": "delayed copy", "order": "temporal order"}
TRIAL = "its direction is that of a trial"
LARGER = f"larger weights, N(0, 1/H), in the place of flossing; {TRIAL}"
PAIRS = (  # the better, the worse, and who says so
    ("orthogonal", "plain", "Saxe, McClelland and Ganguli 2014, of linear networks"),
    ("plain-flossed", "plain", ENGELKEN),
    ("plain-flossed-throughout", "plain-flossed", ENGELKEN),
    ("orthogonal-flossed", "orthogonal", ENGELKEN),
    ("orthogonal", "plain-flossed", f"the cheaper remedy; {TRIAL}"),
)
OWN = {"copy": (("gaussian", "plain-flossed", LARGER),), "order": (("plain-flossed", "gaussian", LARGER),)}


def checks(table: pd.DataFrame) -> pd.DataFrame:
    """What flossing does to exponents and gradients; who leaves fewer answers wrong, in pairs of one task and one seed."""
    return table_of([*conditioning_claims(table), *family(comparisons(table))])


def conditioning_claims(table: pd.DataFrame) -> Iterator[Claim]:
    """Exponents go to 0, and gradients keep their size over a sequence: over networks of one kind, at both times."""
    for method, rows in table[table["method"].isin(FLOSSED)].groupby("method"):
        drawn, start = (root_mean_square(rows[name]) for name in ("drawn", "start"))
        text = f"{method}: root mean square of the exponents when training begins, nats a step"
        yield Claim(text, 0.0, start, (0.0, drawn / 2), f"{ENGELKEN}; or as the network was drawn", rival=drawn)
    rows = table[table["method"] == "plain-flossed"]
    if len(rows):
        drawn, start = (root_mean_square(rows[name]) for name in ("drawn_growth", "start_growth"))
        text = "plain-flossed: ln of a gradient's factor a step when training begins, root mean square"
        yield Claim(text, drawn / 2, start, AT_MOST, f"{ENGELKEN}; or as the network was drawn", rival=drawn)


def comparisons(table: pd.DataFrame) -> Iterator[tuple[str, Chances, str]]:
    """The sign test of wrong answers over the delays and seeds of each task; below `SOLVED`, where trainings end, all one."""
    for task, rows in table.assign(error=table["error"].clip(lower=SOLVED)).groupby("task"):
        errors = rows.pivot_table(index=["delay", "seed"], columns="method", values="error")
        solved = rows.groupby("method")["solved"].sum()
        for better, worse, source in (*PAIRS, *OWN[str(task)]):
            if {better, worse} <= set(errors.columns):
                pairs = errors[[better, worse]].dropna()
                told = f"solved {solved[better]} and {solved[worse]} of {len(pairs)}"
                text = f"{TASKS[str(task)]}: {better} leaves fewer answers wrong than {worse} ({told})"
                yield text, more_in_pairs(pairs[worse], pairs[better]), source
