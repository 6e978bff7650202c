"""Where a result goes if nobody says where: the default spec to results, every other one to a folder named after it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from rnnlab.experiments._lab.options import as_toml_value
from rnnlab.experiments._lab.provenance import spec_hash
from rnnlab.experiments._lab.spec import ExperimentSpec

SHIPPED, OWN = Path("results"), Path("mine")
LONGEST = 80  # letters of a folder's name


def destination(spec: ExperimentSpec) -> Path:
    """The results folder of a spec: another for every other spec, and for timings, which are of one's own machine.

    >>> from rnnlab.experiments import get
    >>> destination(get("sweep").Spec(w2=1.5, seeds=1)).as_posix()
    'mine/w2=1.5,seeds=1'
    """
    changes = spec.model_dump(mode="json", exclude_defaults=True)
    if not changes:
        return SHIPPED if spec.reproducible else OWN
    exact = ",".join(f"{field.replace('_', '-')}={as_name(value)}" for field, value in changes.items())
    readable = re.sub(r"[^\w.,=+-]+", "-", exact)
    if readable == exact and len(exact) <= LONGEST:
        return OWN / exact
    return OWN / f"{readable[:LONGEST].rstrip('-.,')}-{spec_hash(changes)[:6]}"


def as_name(value: Any) -> str:
    """A value as it is typed, of a range start..stop..count, as folders can be called."""
    text = as_toml_value(value).replace('"', "").replace(":", "..")
    return re.sub(r"\.0\b|[\[\] ]", "", text)
