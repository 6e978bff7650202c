"""Ctrl-C while the command line imports what it needs, which takes seconds: one word, and nothing else is at work."""

# `signal` itself imports enum, which takes as long as an interrupt needs to come; this is what it is made of
import _signal as signal  # type: ignore[import-not-found]
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


if is_command_line(sys.orig_argv) and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
    signal.signal(signal.SIGINT, end)
