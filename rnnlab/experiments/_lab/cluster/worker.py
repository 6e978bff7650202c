"""What runs on a worker of a cluster."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import cache, partial
from typing import Any, NamedTuple

from rnnlab import __version__
from rnnlab._base.blas import one_blas_thread
from rnnlab.experiments._lab.checkpoints import measuring
from rnnlab.experiments._lab.provenance import processor
from rnnlab.experiments._lab.resumable import Resumable


class SoFar(NamedTuple):
    """What a training has kept, handed in before it has ended."""

    kept: Any


class Bundle(NamedTuple):
    """What a worker makes of some parts."""

    worker: str  # its address
    processor: str
    ended: dict[int, Any]  # by their numbers; of a training it may be SoFar
    same: bool  # whether it has the rnnlab of the run; nothing is measured if not


def measured(bundle: dict[int, tuple[partial[Any], Any]], same: Any, seconds: float) -> Bundle:
    """As many parts of a bundle as seconds allow, one at least, on a worker of the same rnnlab; none on another."""
    from distributed import get_worker

    made = Bundle(get_worker().address, processor(), {}, known() == same)
    if not made.same:
        return made
    until = time.monotonic() + seconds
    with one_blas_thread():
        for number, (call, so_far) in bundle.items():
            made.ended[number] = measured_until(until, call, so_far)
            if time.monotonic() > until:
                break
    return made


class TimeIsUpError(Exception):
    """A training has kept something after its time."""


def measured_until(until: float, call: partial[Any], so_far: Any) -> Any:
    """A part; of a training what it has so far, where it takes longer."""
    if not isinstance(call.func, Resumable):
        return call()
    last = []

    def keep(kept: Any) -> None:
        if time.monotonic() > until:
            last.append(kept)
            raise TimeIsUpError

    try:
        return call.func.measure(call.args[0], so_far, keep)
    except TimeIsUpError:
        return SoFar(last[0])


def here() -> dict[str, str]:
    """What the bits of a part depend on in this process."""
    return {"rnnlab": __version__, **measuring()}


known = cache(here)  # as it was when first asked: a worker does not read its sources for every bundle


def differing(told: dict[str, str], same: dict[str, str]) -> str:
    """In what a worker differs."""
    name = next(name for name in same if told.get(name) != same[name])
    if name == "source":
        return f"has rnnlab {same['rnnlab']} of other sources"
    return f"has {name} {told.get(name)}, here it is {same[name]}"


def unpacked() -> Callable[[bytes], Any]:
    """`measured` with its arguments as bytes; of a local name, so that a scheduler without rnnlab can pass it on."""

    def measured_parts(content: bytes) -> Any:
        from distributed.protocol import pickle

        from rnnlab.experiments._lab.cluster.worker import measured

        return measured(*pickle.loads(content))

    return measured_parts


def identity() -> Callable[[], Any]:
    """A function that tells of a worker's rnnlab; of a local name, so that it is sent as a whole."""

    def told() -> Any:
        try:
            from rnnlab import __version__
        except ImportError as error:
            return f"{type(error).__name__}: {error}"
        try:
            from rnnlab.experiments._lab.cluster.worker import known

            return known()
        except ImportError:
            return {"rnnlab": __version__}

    return told
