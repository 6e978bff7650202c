"""Ctrl-C while the command line imports what it needs, which takes seconds: one word, and nothing else is at work."""

from __future__ import annotations

import _signal as signal  # type: ignore[import-not-found] # built in; `signal` itself imports enum, which takes as long as an interrupt needs to come
import os
import sys
from pathlib import Path
from typing import Any

INTERRUPTED = 130


def is_command_line(words: list[str]) -> bool:
    """Whether Python was started as ``python -m rnnlab.experiments`` or by the script ``rnnlab``."""
    module = words[words.index("-m") + 1 :][:1] if "-m" in words else []
    return module == ["rnnlab.experiments"] or any(Path(word).stem == "rnnlab" for word in words[1:2])


def end(*_: Any) -> None:
    """Say so and end, whatever import this is in the middle of."""
    os.write(2, b"interrupted\n")
    os._exit(INTERRUPTED)


if is_command_line(sys.orig_argv) and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
    signal.signal(signal.SIGINT, end)
