"""The connection to a Dask scheduler, or one sentence on why there is none."""

from __future__ import annotations

import logging
import socket
import struct
import warnings
from collections.abc import Iterator
from concurrent.futures import CancelledError
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from rnnlab.experiments._lab.errors import StoreError

CONNECT = 5.0  # seconds in which a scheduler answers
PORT = 8786  # Dask's
LONGEST_GREETING = 2**20  # bytes of what Dask says first; of another server's first bytes, read as a length, far more
LOST = (OSError, CancelledError, RuntimeError)  # what Dask raises of a connection that is no more
# what it raises of a server that says other things than a scheduler does
STRANGE = (*LOST, ValueError, TypeError, LookupError, AssertionError, EOFError, MemoryError, struct.error)


@contextmanager
def connected(address: str) -> Iterator[Any]:
    """A client of the Dask scheduler at `address`, or one sentence on why there is none."""
    try:
        from distributed import Client
    except ImportError:
        raise StoreError("--cluster needs Dask: pip install 'rnnlab[cluster]'") from None
    greet(address)
    with silent("distributed"):
        client = _client(Client, address)
        try:
            yield client
        finally:
            client.close(timeout=CONNECT)


@contextmanager
def silent(package: str) -> Iterator[None]:
    """Without what a package logs: pages of traceback, where a sentence is said here."""
    known = [logging.getLogger(name) for name in logging.root.manager.loggerDict if name.split(".")[0] == package]
    were = {logger: logger.disabled for logger in known}  # each, since some have a level and a handler of their own
    try:
        for logger in known:
            logger.disabled = True
        yield
    finally:
        for logger, disabled in were.items():
            logger.disabled = disabled


def _client(kind: Any, address: str) -> Any:
    """Connect."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of other versions at the workers: who matters is asked by `identity`
        try:
            return kind(address, timeout=f"{CONNECT}s", set_as_default=False)
        except STRANGE as error:
            raise unreachable(address, f"{type(error).__name__}: {error}") from error


def greet(address: str) -> None:
    """Raise StoreError where no Dask scheduler greets: it speaks first, a length and then its message."""
    url = urlsplit(address if "://" in address else f"tcp://{address}")
    if url.scheme == "tls":
        return refuse_without_certificates(address)
    if url.scheme != "tcp":
        return None
    try:
        host, port = url.hostname, url.port or PORT
        if not host:
            raise ValueError("it names no host")
        with socket.create_connection((host, port), CONNECT) as connection:
            connection.settimeout(CONNECT)
            first = connection.recv(8, socket.MSG_WAITALL)
    except TimeoutError:
        raise unreachable(address, f"nothing is said there in {CONNECT:g} s") from None
    except (OSError, ValueError) as error:
        raise unreachable(address, getattr(error, "strerror", None) or str(error)) from None
    if len(first) < 8 or struct.unpack("<Q", first)[0] > LONGEST_GREETING:
        raise unreachable(address, "what answers there is no Dask scheduler")
    return None


def refuse_without_certificates(address: str) -> None:
    """TLS needs what Dask's own configuration names."""
    from distributed.security import Security

    if Security().get_connection_args("client").get("ssl_context") is None:
        raise unreachable(address, "tls needs certificates, distributed.comm.tls in Dask's configuration")


def unreachable(address: str, reason: str) -> StoreError:
    """What is said where there is no scheduler."""
    return StoreError(f"can't reach a Dask scheduler at {address!r}: {reason}; give --cluster tcp://host:port")
