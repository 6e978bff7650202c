"""Sweep the recurrent weight W2 and the sequence length T: where gradients vanish, explode, stay or die.

Claim: dh_T/dh_0 = W2^T for linear and active ReLU units; with tanh and sigmoid W2 = 2 vanishes too; ReLU can die.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

import pandas as pd

from rnnlab.experiments._lab.claims import table_of
from rnnlab.experiments.sweep import many_units, one_unit
from rnnlab.experiments.sweep.curves import finding
from rnnlab.experiments.sweep.figures import draw
from rnnlab.experiments.sweep.spec import Spec
from rnnlab.nonlinearities import CODES, Nonlinearity, Pair, checked_nonlinearity

__all__ = ["Spec", "checks", "draw", "finding", "measure"]


def measure(
    spec: Spec, each: Callable[..., Iterable[pd.DataFrame]] = map, own: Mapping[str, Pair] | None = None
) -> pd.DataFrame:
    """Measure every gradient of h_T by backpropagation through time on data, over the whole grid.

    Parameters
    ----------
    spec : Spec
    each : callable
        ``each(function, items)`` yields function(item) in order, as ``map`` does.
    own : dict of str to pair of functions, optional
        Nonlinearities of your own, by the names that the table gives them, as `rnnlab.forward` takes them; measured after
        those of the spec.

    Returns
    -------
    DataFrame
        One row per nonlinearity, w2, seq_len and seed. ``log10_*``: log10 of the absolute derivative of h_T;
        ``log10_dh0_law``: theory, nan where there is no closed form; ``float64_state``, ``float32_state``: what a
        product of W2 f'(a_t) in that type shows (normal, subnormal, zero, inf); ``regime``: vanishing, steady,
        exploding, dead (exactly zero), overflow (of many units: states beyond float64, where gradients are not known and
        their logarithms nan). ``inputs``, ``w1``, ``b1``, ``h0``: each only where it is not the default.
    """
    units = one_unit if spec.hidden_size == 1 else many_units
    return units.measure(spec, each, with_own(spec, own or {}))


def with_own(spec: Spec, own: Mapping[str, Pair]) -> dict[str, Nonlinearity | Pair]:
    """All nonlinearities by name, one's own last; ValueError where one takes the name of another."""
    for name, pair in own.items():
        checked_nonlinearity(pair)
        if name in CODES:
            raise ValueError(f"own has the name {name!r}: expected another than {', '.join(CODES)}")
    return {**{name: name for name in spec.nonlinearity}, **own}


def checks(table: pd.DataFrame) -> pd.DataFrame:
    """The claims that this grid reaches; a claim about points that the grid lacks is left out."""
    units = many_units if "hidden_size" in table else one_unit
    return table_of(units.claims(table))
