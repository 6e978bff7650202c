"""A real Dask scheduler and workers on loopback: the same bytes as threads, and a sentence for each trouble."""

import logging
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import rnnlab
from rnnlab.experiments._lab.checkpoints import Checkpoints
from tests.experiments.lab.test_command_line import TINY, call

pytest.importorskip("distributed", reason="Dask is an extra: pip install 'rnnlab[cluster]'")

from rnnlab.experiments._lab.cluster import crew
from rnnlab.experiments._lab.cluster.connection import connected
from rnnlab.experiments._lab.cluster.crew import Crew
from rnnlab.experiments._lab.cluster.worker import identity

PACKAGE = Path(rnnlab.__file__).parent


class Cluster:
    """A scheduler, and workers that are started when asked for."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.processes = folder, list[Any]()
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.address = f"tcp://127.0.0.1:{port}"
        self.scheduler = self._start("dask_scheduler", "--host", "127.0.0.1", "--port", str(port))

    def _start(self, module: str, *words: str, path: Path = PACKAGE.parent) -> Any:
        command = [sys.executable, "-m", f"distributed.cli.{module}", *words, "--no-dashboard"]
        process = subprocess.Popen(command, cwd=path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.processes.append(process)
        return process

    def worker(self, path: Path = PACKAGE.parent) -> Any:
        """One of two; the package that it imports is that of the folder."""
        return self._start("dask_worker", self.address, "--no-nanny", "--nthreads", "1", path=path)

    def answers(self) -> None:
        """Wait for the scheduler."""
        host, port = self.address.removeprefix("tcp://").split(":")
        for _ in range(300):
            try:
                return socket.create_connection((host, int(port)), 1).close()
            except OSError:
                time.sleep(0.1)
        return None

    def workers_answer(self, count: int) -> None:
        """Wait until as many workers have imported what they have."""
        with connected(self.address) as client:
            client.wait_for_workers(count, timeout=120)
            client.run(identity(), on_error="return")


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    made = Cluster(tmp_path)
    made.answers()
    yield made
    for process in made.processes:
        process.kill()
        process.wait()


def other_rnnlab(folder: Path, content: str) -> Path:
    """A folder with a package called rnnlab."""
    (folder / "rnnlab").mkdir(parents=True)
    (folder / "rnnlab/__init__.py").write_text(content)
    return folder


def test_only_workers_of_this_rnnlab_get_parts_and_the_bytes_are_those_of_threads(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path, cluster: Cluster
) -> None:
    shutil.copytree(PACKAGE, tmp_path / "edited/rnnlab", ignore=shutil.ignore_patterns("__pycache__"))
    with (tmp_path / "edited/rnnlab/experiments/sweep/one_unit.py").open("a") as file:
        file.write("\n# edited\n")
    cluster.worker(tmp_path / "edited")
    cluster.worker(other_rnnlab(tmp_path / "older", "__version__ = '0.0.1'"))
    cluster.worker(other_rnnlab(tmp_path / "none", "raise ModuleNotFoundError(\"No module named 'rnnlab'\")"))
    many = [*TINY, "--seq-len", "1:100:100"]
    words = [*many, "--cluster", cluster.address, "--out", str(tmp_path / "a")]
    cluster.workers_answer(3)
    assert call(monkeypatch, *words, "--cluster-timeout", "2") == 2
    told = capsys.readouterr().err
    here = f"until it has this rnnlab {rnnlab.__version__}"
    assert f"has rnnlab {rnnlab.__version__} of other sources: it gets no part {here}" in told
    assert f"has rnnlab 0.0.1, here it is {rnnlab.__version__}: it gets no part {here}" in told
    assert f"can't import rnnlab (ModuleNotFoundError: No module named 'rnnlab'): it gets no part {here}" in told
    assert told.count("it gets no part") == 3
    assert f"error: no worker at {cluster.address} can import this rnnlab" in told
    submitted = []
    submit = Crew.submit
    monkeypatch.setattr(Crew, "submit", lambda crew, bundle: submitted.append(len(bundle)) or submit(crew, bundle))
    for _ in range(2):
        cluster.worker()
    assert call(monkeypatch, *words, "--cluster-timeout", "120") == 0
    assert sum(submitted) >= 100  # some are given again, where a worker has compiled for seconds
    assert len(submitted) < 50  # small parts go together
    assert call(monkeypatch, *many, "--out", str(tmp_path / "b")) == 0
    assert (tmp_path / "a/sweep/table.csv").read_bytes() == (tmp_path / "b/sweep/table.csv").read_bytes()


def test_a_training_goes_on_in_its_middle_when_all_workers_are_gone(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path, cluster: Cluster
) -> None:
    """Of four blocks of updates the first is measured by one worker, the others by another."""
    small = ["adding", "--method", "RNN", "--seq-len", "10", "--hidden-size", "4", "--updates", "800", "--seeds", "1"]
    words = [*small, "--cluster", cluster.address, "--out", str(tmp_path / "a")]
    workers, kept, keep = [cluster.worker()], list[str](), Checkpoints.keep

    def keep_and_kill_the_first(checkpoints: Checkpoints, name: str, *kept_and_where: Any) -> None:
        keep(checkpoints, name, *kept_and_where)
        kept.append(name)
        workers[0].kill()

    monkeypatch.setattr(crew, "HAND_IN", 0.0)
    monkeypatch.setattr(Checkpoints, "keep", keep_and_kill_the_first)
    cluster.workers_answer(1)
    assert call(monkeypatch, *words, "--cluster-timeout", "2") == 2
    assert f"no worker at {cluster.address} can import this rnnlab" in capsys.readouterr().err
    assert kept == ["0-so-far"]
    workers.append(cluster.worker())
    assert call(monkeypatch, *words, "--cluster-timeout", "120") == 0
    assert kept == ["0-so-far"] * 4 + ["0"]
    monkeypatch.undo()
    assert call(monkeypatch, *small, "--out", str(tmp_path / "b")) == 0
    assert (tmp_path / "a/adding/table.csv").read_bytes() == (tmp_path / "b/adding/table.csv").read_bytes()


def test_a_scheduler_that_goes_away_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path, cluster: Cluster
) -> None:
    logged = list[Any]()
    monkeypatch.setattr(logging.getLogger("distributed.client"), "handle", logged.append)
    threading.Timer(3, lambda: cluster.scheduler.send_signal(signal.SIGKILL)).start()
    start = time.monotonic()
    assert call(monkeypatch, *TINY, "--cluster", cluster.address, "--out", str(tmp_path)) == 2
    assert time.monotonic() - start < 13
    told = capsys.readouterr().err
    assert f"error: the Dask scheduler at {cluster.address} is gone: what is measured is kept" in told
    assert "Traceback" not in told
    assert not logged  # pages of it


def test_a_worker_that_does_not_answer_is_named_and_asked_again(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], cluster: Cluster
) -> None:
    worker = cluster.worker()
    with connected(cluster.address) as client:
        client.wait_for_workers(1, timeout=60)
        monkeypatch.setattr(crew, "CONNECT", 1.0)
        monkeypatch.setattr(crew, "LOOK_EVERY", 0.0)
        asked = Crew(client, cluster.address, timeout=60)
        worker.send_signal(signal.SIGSTOP)
        for _ in range(2):
            asked.look()
        assert not asked.good
        told = capsys.readouterr().err
        assert told.count("does not tell its rnnlab in 1 s: it is asked again") == 1
        worker.send_signal(signal.SIGCONT)
        deadline = time.monotonic() + 60
        while not asked.good and time.monotonic() < deadline:
            asked.look()
        assert list(asked.good.values()) == [1]


def mute() -> socket.socket:
    """A server that accepts and says nothing."""
    server = socket.create_server(("127.0.0.1", 0))
    server.listen()
    return server


@pytest.mark.parametrize("address", ["", "tls://127.0.0.1:1", "tcp://127.0.0.1:1", "127.0.0.1:1"])
def test_no_scheduler_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path, address: str
) -> None:
    assert call(monkeypatch, *TINY, "--cluster", address, "--out", str(tmp_path)) == 2
    told = capsys.readouterr().err
    assert f"can't reach a Dask scheduler at {address!r}" in told
    assert told.count("\n") == 1


@pytest.mark.parametrize("first", [b"", b"SSH-2.0-OpenSSH_9.6\r\n"])
def test_what_is_no_scheduler_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path, first: bytes
) -> None:
    with mute() as server:
        host, port = server.getsockname()

        def greet() -> None:
            peer = server.accept()[0]
            peer.sendall(first)
            time.sleep(6)
            peer.close()

        speaks = threading.Thread(target=greet)
        speaks.start()
        assert call(monkeypatch, *TINY, "--cluster", f"tcp://{host}:{port}", "--out", str(tmp_path)) == 2
        speaks.join()
    assert ("nothing is said there", "is no Dask scheduler")[bool(first)] in capsys.readouterr().err
