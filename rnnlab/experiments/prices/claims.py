"""What is claimed of prices and of the series beside them."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from rnnlab.experiments._lab.claims import AT_LEAST, Claim, table_of
from rnnlab.experiments.prices.controls import skill_from_all, skill_from_today, skill_from_yesterday
from rnnlab.experiments.prices.figures import intervals, verdict, winners

GOOGLE = "Google, 2004 to 2008"
UPDATES = 1000  # steps of Adam, and from so many on what can be learnt is
LEARNT = 0.01  # least skill of who has found something


def checks(table: pd.DataFrame) -> pd.DataFrame:
    """That prices and a random walk are not beaten, and that what can be learnt is, where there was time to learn."""
    skill = table[table["part"] == "skill"]
    claims = [*training_claims(skill), *verdict_claims(skill)]
    if skill["updates"].max() >= UPDATES:
        claims += [*trend_claims(skill), *oscillation_claims(skill)]
    return table_of(claims)


def training_claims(skill: pd.DataFrame) -> Iterator[Claim]:
    """No network stopped early."""
    least, most = skill["updates"].min(), skill["updates"].max()
    yield Claim(
        "updates of the network that took the fewest",
        float(most),
        float(least),
        0.0,
        "as many as the others; 0 if one stopped at once",
        rival=0.0,
    )


def verdict_claims(skill: pd.DataFrame) -> Iterator[Claim]:
    """How many cells beat persistence; of prices that are not known here, any number may."""
    sources = {"prices": "efficient markets (Fama 1970)", "random walk": "its increments are independent"}
    for kind, source in sources.items():
        rows = skill[skill["series"] == kind]
        known = kind != "prices" or rows["name"].iloc[0] == GOOGLE
        if known:
            told, cells = f"{source}; or all of them do", float(rows["cell"].nunique())
            yield Claim(verdict(rows), 0.0, float(len(winners(rows))), 0.0, told, rival=cells)


def trend_claims(skill: pd.DataFrame) -> Iterator[Claim]:
    """Recurrent cells find what yesterday's change tells of tomorrow's, though the walk leaves the range learnt from."""
    rows = skill[(skill["series"] == "trend") & (skill["cell"] != "attention")]
    for row in intervals(rows, ["cell"]).itertuples():
        source = (
            f"0 if they found nothing; at most 0.6^2 = {skill_from_yesterday():.2g}, of changes that persist by 0.6"
        )
        yield Claim(f"trend: least skill of {row.cell}, of its interval", LEARNT, row.low, AT_LEAST, source, rival=0.0)


def oscillation_claims(skill: pd.DataFrame) -> Iterator[Claim]:
    """Recurrent cells know more than today tells, none more than the noise allows; attention sees days in no order."""
    today, everything = skill_from_today(), skill_from_all()
    for row in intervals(skill[skill["series"] == "oscillation"], ["cell"]).itertuples():
        if row.cell == "attention":
            text, least = (
                "oscillation: least skill of attention, of its interval",
                "AR(2) in closed form; 0 as persistence",
            )
            yield Claim(text, LEARNT, row.low, AT_LEAST, least, rival=0.0)
        else:
            text = f"oscillation: skill of {row.cell}"
            source = "AR(2) in closed form, a quarter below at most; or what today alone tells"
            yield Claim(text, everything, row.mean, (everything / 4, 0.0), source, rival=today)
