"""What all frameworks share: which of several networks is meant, and which vanilla cell."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rnnlab._base.checks import one_of, shortened
from rnnlab.kernels.cells import ReLURNNParams, RNNParams

VANILLA = {"tanh": RNNParams, "relu": ReLURNNParams}
SHOWN = 8  # names in a message


def chosen(paths: Iterable[str], prefix: Any) -> str:
    """The path of the only recurrent network, or of the one that `prefix` names, whole or in part."""
    if prefix is not None and not isinstance(prefix, str):
        raise TypeError(f"prefix is {shortened(prefix)}: expected a string, the path to a recurrent network")
    known = list(dict.fromkeys(paths))
    wanted = known if prefix is None else matching(known, prefix.replace("/", ".").strip("."))
    if len(wanted) == 1:
        return wanted[0]
    if not wanted:
        raise ValueError(f"prefix is {prefix!r}: expected one of {shown(known)}")
    raise ValueError(f"there are {len(wanted)} recurrent networks: pass as prefix one of {shown(wanted)}")


def matching(paths: list[str], prefix: str) -> list[str]:
    """The path that is the prefix, or else those that contain it."""
    return [path for path in paths if path == prefix] or [path for path in paths if f".{prefix}." in f".{path}."]


def shown(paths: list[str]) -> str:
    """Paths as they are to be passed."""
    more = f" and {len(paths) - SHOWN} more" if len(paths) > SHOWN else ""
    return ", ".join(map(repr, paths[:SHOWN])) + more


def vanilla(told: Any, asked: Any, what: str) -> Any:
    """The vanilla cell with the nonlinearity that its source told, or else that was asked for."""
    if told is None and asked is None:
        raise ValueError(f"{what} does not say its nonlinearity: pass nonlinearity='tanh' or nonlinearity='relu'")
    if told is not None and asked is not None and told != asked:
        raise ValueError(f"nonlinearity is {asked!r}: expected none or {told!r}, which {what} has")
    return one_of("nonlinearity", asked if told is None else told, VANILLA)


def no_choice(nonlinearity: Any, kind: str) -> None:
    """Refuse a nonlinearity for a gated cell."""
    if nonlinearity is not None:
        raise ValueError(f"nonlinearity is {shortened(nonlinearity)}: expected none, the {kind} has no choice")
