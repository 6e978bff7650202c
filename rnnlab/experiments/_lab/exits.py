"""How the command line ends: an exit code, and one sentence where it could not do what was asked."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import click

from rnnlab._base import starting
from rnnlab.experiments._lab.errors import StoreError

UNREAD = 1  # as click ends where nobody reads what it writes


def exit_code(command: Callable[[], Any]) -> int:
    """Run a command; every refusal is one sentence on standard error.

    Returns
    -------
    int
        0 done, 1 a check failed or nobody reads what is written, 2 bad input, 130 interrupted.
    """
    try:
        with interrupts_raised():
            code = int(command() or 0)
            sys.stdout.flush()
            return code
    except click.ClickException as error:
        message = error.format_message()
    except StoreError as error:
        message = str(error)
    except (KeyboardInterrupt, click.Abort):
        click.echo("interrupted", err=True)
        return starting.INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for what Python writes at its end
        return UNREAD
    except MemoryError as error:
        message = f"out of memory ({error}): take fewer points, shorter sequences, fewer units or workers"
    except Exception as error:
        if "RNNLAB_TRACEBACK" in os.environ:
            raise
        message = (
            f"a bug of rnnlab, nothing was saved ({type(error).__name__}: {error}): "
            f"please report the command; RNNLAB_TRACEBACK=1 shows where"
        )
    click.echo(f"error: {message}", err=True)
    return 2


@contextmanager
def interrupts_raised() -> Iterator[None]:
    """Ctrl-C as KeyboardInterrupt; before and after, while Python imports and ends, it is one word at once."""
    ours = signal.getsignal(signal.SIGINT) is starting.end
    if ours:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        if ours:
            signal.signal(signal.SIGINT, starting.end)
