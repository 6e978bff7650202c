"""Ctrl-C at every point of a function where CPython can raise it: a program of its own, since a hang would be its end.

``python -m tests.interrupts fit 1`` tries every point, ``... fit 10`` every tenth, ``... fit 1 control`` as if interrupts were not noted. After each opcode at which CPython looks
for signals the handler of SIGINT is called, as a signal would, while workers are late by 20 ms: what a scheduler may do.
"""

import concurrent.futures
import contextlib
import dis
import json
import os
import queue
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

import rnnlab as rl
from rnnlab import workspace
from rnnlab._base import blas, interrupts
from rnnlab.experiments._lab import parts
from rnnlab.training import run

LATE, PATIENCE = 0.02, 2.0  # seconds
LOOKS = {
    "CALL",
    "CALL_KW",
    "CALL_FUNCTION_EX",
    "RESUME",
    "JUMP_BACKWARD",
}  # opcodes after which CPython looks for signals
MODULES = (run, workspace, parts, blas, interrupts, threading, contextlib, queue, concurrent.futures._base)
FILES = {module.__file__ for module in (*MODULES, concurrent.futures.thread)}
opcodes: dict[Any, dict[int, str]] = {}


class Hang(BaseException):
    """Nothing comes any more."""


class Tracer:
    """Counts the points met, and calls the handler of SIGINT at one of them."""

    def __init__(self, point: int) -> None:
        self.point, self.met, self.last = point, 0, dict[Any, str]()

    def __call__(self, frame: Any, event: str, _: Any) -> Any:
        if frame.f_code.co_filename not in FILES:
            return None
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        if event == "opcode":
            code = frame.f_code
            if code not in opcodes:
                opcodes[code] = {step.offset: step.opname for step in dis.get_instructions(code)}
            before, self.last[frame] = self.last.get(frame), opcodes[code].get(frame.f_lasti, "")
            if before in LOOKS:
                self.met += 1
                if self.met == self.point:
                    signal.getsignal(signal.SIGINT)(signal.SIGINT, frame)  # type: ignore[operator, misc]
        return self


def outcome(call: Callable[[], Any], point: int) -> str:
    """What a call comes to that is interrupted at its n-th point."""
    tracer = Tracer(point)
    signal.setitimer(signal.ITIMER_REAL, PATIENCE)
    try:
        sys.settrace(tracer)
        call()
        found = "not met" if tracer.met < point else "went on"
    except BaseException as error:  # noqa: BLE001 - it is the question which
        found = type(error).__name__
    finally:
        sys.settrace(None)
        signal.setitimer(signal.ITIMER_REAL, 0)
    return found


def late(function: Callable[..., Any], who: Callable[..., bool]) -> Callable[..., Any]:
    """A function whose end comes late."""

    def waits(*given: Any) -> Any:
        found = function(*given)
        if who(*given):
            time.sleep(LATE)
        return found

    return waits


def of_fit() -> Callable[[], Any]:
    """A training on two threads."""
    run.train_block = late(run.train_block, lambda *given: given[-1].thread > 0)
    rng = np.random.default_rng(0)
    model = rl.Model(rl.RNNParams.init(1, 4, rng=rng), rl.Readout.init(4, 1, rng=rng))
    recipe, task = rl.Recipe(0.01, threads=2), rl.tasks.latch(seq_len=10)
    return lambda: rl.fit(model, task, recipe, updates=2, batch_size=4, rng=np.random.default_rng(0))


def of_workspace() -> Callable[[], Any]:
    """A forward pass on two threads."""
    workspace.WORTH_A_THREAD = 1
    params = rl.RNNParams.init(1, 4, rng=np.random.default_rng(0))
    x, kept = np.ones((5, 4, 1)), rl.Workspace(params, 5, 4, threads=2)
    kept._cell = type("Late", (), {"forward": staticmethod(late(kept._cell.forward, lambda *_: True))})

    pools = []  # kept, as their removal is no part of the call

    def forward() -> None:
        pools.append(kept._threads)
        kept._threads = concurrent.futures.ThreadPoolExecutor(2)
        kept.forward(params, x)

    return forward


def of_parts() -> Callable[[], Any]:
    """Four parts of a measurement on two threads."""
    return lambda: list(parts.mapped(late(abs, lambda *_: True), range(4), 2))


def interrupted(name: str, every: int) -> Counter[str]:
    """How often what came of it, over every so-many-th point."""

    def hang(*_: Any) -> None:
        raise Hang

    signal.signal(signal.SIGALRM, hang)
    call, found, point = {"fit": of_fit, "workspace": of_workspace, "parts": of_parts}[name](), Counter[str](), 1
    call()  # compiled
    misses = 0
    while misses < 12 // every + 1:  # how many points are met differs a little with the threads
        signal.signal(signal.SIGINT, signal.default_int_handler)
        came = outcome(call, point)
        misses = misses + 1 if came == "not met" else 0
        found[came] += 1
        point += every
    return found


@contextlib.contextmanager
def raised_at_once() -> Iterator[Callable[[], bool]]:
    """The control: as if interrupts were not noted."""
    yield lambda: False


if __name__ == "__main__":
    what, step, *control = sys.argv[1:]
    if control:
        run.interrupts_noted = workspace.interrupts_noted = parts.interrupts_noted = raised_at_once
    print(json.dumps(interrupted(what, int(step))), flush=True)
    os._exit(0)  # threads that hang would be waited for
