"""What gradients cost, by counting: numbers kept from step to step, and products a step of entries that are not zero."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

import rnnlab as rl
from rnnlab.experiments.sparse_rtrl.networks import network_of, trained
from rnnlab.forward_mode import Local, influence_pattern, local_derivatives

SIZES = (8, 16, 32, 64)  # units H
COUNTED = {"tanh": (1, 2), "ring": (1, 2, 3), "LRU": (2,), "minGRU": (1,)}  # network: n of SnAp-n
Row = dict[str, Any]


def cost_rows(_: Any, seed: int) -> Iterator[Row]:
    """Of every network and size: SnAp-n, real-time recurrent learning that keeps everything, BPTT."""
    for name, reaches in COUNTED.items():
        for size in SIZES:
            local = local_of(name, size, seed)
            where = {"network": name, "hidden_size": size}
            for reach in reaches:
                yield {
                    **where,
                    "method": "SnAp",
                    "reach": reach,
                    **carried_cost(local, influence_pattern(local, reach)),
                }
            yield {**where, "method": "RTRL", **carried_cost(local, np.ones(local[0].params.shape, bool))}
            products = sum(int(np.count_nonzero(part)) for part in local[-1])
            yield {**where, "method": "BPTT", "steps": 1, "kept": kept_by_bptt(local, 1), "products": products}


def local_of(name: str, size: int, seed: int) -> list[Local]:
    """The derivatives of two steps, in the second of which all that ever acts does."""
    rng = np.random.default_rng(seed)
    params = network_of(name, size, rng)
    columns = trained(params)
    tape = rl.forward(params, rng.standard_normal((2, 1)))
    return [Local(step.state, step.params[:, columns]) for step in local_derivatives(tape)]


def carried_cost(local: list[Local], kept: Any) -> Row:
    """Of an influence matrix with so many entries: J_t P of those kept, and the loss's product with them."""
    heard = (local[-1].state != 0).astype(float)
    terms = float(((heard @ kept) * kept).sum())
    return {"kept": int(kept.sum()), "products": int(terms + kept.sum())}


def kept_by_bptt(local: list[Local], inputs: int) -> int:
    """Numbers of a step from which its way back can be computed anew: states and inputs."""
    return len(local[0].state) + inputs
