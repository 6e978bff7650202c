"""Ctrl-C while the command line imports what it needs, which takes seconds: one word, and nothing else is at work."""

# `signal` itself imports enum, which takes as long as an interrupt needs to come; this is what it is made of
import _signal as signal  # type: ignore[import-not-found]
import atexit
import gc
import os
import sys

INTERRUPTED = 130


def is_command_line(words: list[str]) -> bool:
    """Whether Python was started as ``python -m rnnlab``, ``python -m rnnlab.experiments`` or by the script ``rnnlab``."""
    module = words[words.index("-m") + 1 :][:1] if "-m" in words else []
    return module in (["rnnlab"], ["rnnlab.experiments"]) or any(script(word) == "rnnlab" for word in words[1:2])


def script(path: str) -> str:
    """A file's name without folders and ending."""
    return os.path.splitext(os.path.basename(path))[0]  # noqa: PTH119, PTH122 - pathlib is slow to import


def end(*_: object) -> None:
    """Say so and end, whatever import this is in the middle of."""
    os.write(2, b"interrupted\n")
    os._exit(INTERRUPTED)


if is_command_line(sys.orig_argv):
    gc.set_threshold(50_000)  # for 700: a default sweep takes 3.3 s for 3.7, and 12 MiB more
    atexit.register(gc.freeze)  # or Python looks through half a million objects as it ends, 0.3 s
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, end)
