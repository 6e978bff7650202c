"""Results folders: only what rnnlab wrote is replaced, what was changed is found, and one run writes at a time."""

import errno
import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from rnnlab._base import durable
from rnnlab.experiments import sweep
from rnnlab.experiments._lab import folders, lock, runner, store
from rnnlab.experiments._lab.errors import StoreError
from tests.experiments.lab.test_command_line import TINY, call


@pytest.fixture(autouse=True)
def quickly_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """One small figure instead of four."""

    def draw(table: pd.DataFrame) -> dict[str, Figure]:
        figure = Figure(figsize=(1, 1))
        figure.text(0, 0, str(table["log10_dh0"].sum()))
        return {"heatmap": figure}

    monkeypatch.setattr(sweep, "draw", draw)


@pytest.fixture
def out(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A folder with a result."""
    assert call(monkeypatch, *TINY, "--out", str(tmp_path)) == 0
    return tmp_path


def forbid_measuring(monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that comes to its measurement fails."""
    monkeypatch.setattr(runner, "measured_table", None)


def content(folder: Path) -> dict[str, bytes]:
    """Every file below a folder."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("force", [[], ["--force"]])
@pytest.mark.parametrize("name", [".hidden", ".git/config", "figures/mine.svg", "figures/heatmap.txt", "raw/a/b"])
def test_a_file_of_somebody_else_stays(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    out: Path,
    name: str,
    force: list[str],
) -> None:
    """Refused before anything is measured."""
    forbid_measuring(monkeypatch)
    path = out / "sweep" / name
    path.parent.mkdir(exist_ok=True, parents=True)
    path.write_text("precious")
    before = content(out)
    for words in ([*TINY, *force], ["figures", "sweep"]):
        capsys.readouterr()
        assert call(monkeypatch, *words, "--out", str(out)) == 2
        told = capsys.readouterr().err
        assert "has what rnnlab did not write" in told
        assert told.count("\n") == 1
        assert content(out) == before


def test_a_link_is_written_through(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "elsewhere/kept").mkdir(parents=True)
    (tmp_path / "out").mkdir()
    (tmp_path / "out/sweep").symlink_to(tmp_path / "elsewhere/kept")
    for words in (TINY, ["figures", "sweep"]):
        assert call(monkeypatch, *words, "--out", str(tmp_path / "out")) == 0
    assert (tmp_path / "out/sweep").is_symlink()
    assert (tmp_path / "elsewhere/kept/table.csv").is_file()
    assert [path.name for path in (tmp_path / "elsewhere").iterdir()] == ["kept"]


@pytest.mark.parametrize("where", ["dangling", "circle", "file", "out dangling"])
def test_no_place_is_one_sentence_before_measuring(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path, where: str
) -> None:
    forbid_measuring(monkeypatch)
    out, told = tmp_path / "out", {"file": "sweep is a file"}.get(where, "is a link to nothing")
    if where == "out dangling":
        out.symlink_to(tmp_path / "nowhere")
    else:
        out.mkdir()
        to = {"dangling": "nowhere", "circle": "sweep"}.get(where)
        (out / "sweep").symlink_to(out / to) if to else (out / "sweep").write_text("precious")
    assert call(monkeypatch, *TINY, "--out", str(out)) == 2
    message = capsys.readouterr().err
    assert told in message
    assert message.count("\n") == 1
    assert not (tmp_path / "nowhere").exists()


def test_a_read_only_place_is_one_sentence_before_measuring(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Said by the system, since nothing is read-only to who runs as root."""

    def read_only(*_: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    forbid_measuring(monkeypatch)
    monkeypatch.setattr(Path, "touch", read_only)
    assert call(monkeypatch, *TINY, "--out", str(tmp_path)) == 2
    assert "can't write in the output folder" in (told := capsys.readouterr().err)
    assert "Read-only file system" in told


@pytest.mark.parametrize("words", [[*TINY, "--force"], ["figures", "sweep"]], ids=["run", "figures"])
def test_a_full_disk_is_one_sentence_and_loses_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], out: Path, words: list[str]
) -> None:
    before, create = content(out), durable.create

    def full(path: Path, *pieces_and_how: Any) -> None:
        if path.suffix == ".svg":
            raise OSError(errno.ENOSPC, "No space left on device")
        create(path, *pieces_and_how)

    with monkeypatch.context() as patch:
        patch.setattr(durable, "create", full)
        assert call(patch, *words, "--out", str(out)) == 2
    told = capsys.readouterr().err
    assert "error: no space in" in told
    assert "MiB are needed" in told
    assert content(out / "sweep") == {name[6:]: kept for name, kept in before.items()}
    assert call(monkeypatch, *words, "--out", str(out)) == 0
    assert [path.name for path in out.iterdir()] == ["sweep"]


@pytest.mark.parametrize("change", ["digit", "half", "line"])
def test_a_changed_table_is_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], out: Path, change: str
) -> None:
    path = out / "sweep/table.csv"
    good = path.read_bytes()
    cut = good[: len(good) // 2]
    path.write_bytes({"digit": good.replace(b"1", b"7", 1), "half": cut, "line": cut[: cut.rindex(b"\n") + 1]}[change])
    before = content(out)
    for words in (["figures", "sweep"], ["verify", "sweep"]):
        capsys.readouterr()
        assert call(monkeypatch, *words, "--out", str(out)) == 2
        told = capsys.readouterr().err
        assert "table.csv is damaged: it has the digest" in told
        assert told.count("\n") == 1
        assert content(out) == before
    assert call(monkeypatch, *TINY, "--out", str(out)) == 0  # measured anew
    assert path.read_bytes() == good


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("table.csv", b"", ["figures", "sweep"]),
        ("table.csv", b"\xff\xfe\x00", ["figures", "sweep"]),
        ("table.csv", b"a,b\n1,2\n", ["figures", "sweep"]),
        ("table.csv", b"nonlinearity,w2,seq_len,seed\n", ["figures", "sweep"]),
        ("provenance.json", b"{", ["figures", "sweep"]),
        ("provenance.json", b"[" * 10_000, ["figures", "sweep"]),
        ("provenance.json", b"", ["verify", "sweep"]),
        ("spec.toml", b"= broken", TINY),
        ("spec.toml", b"\xff", TINY),
    ],
)
def test_a_damaged_result_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], out: Path, name: str, content: bytes,
    words: list[str],
) -> None:  # fmt: skip
    (out / "sweep" / name).write_bytes(content)
    capsys.readouterr()
    assert call(monkeypatch, *words, "--out", str(out)) == 2
    told = capsys.readouterr().err
    assert f"{name} is damaged" in told
    assert told.count("\n") == 1


def test_a_result_that_lost_its_spec_is_not_replaced_by_another(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], out: Path
) -> None:
    for empty in (True, False):
        (out / "sweep/spec.toml").write_text("") if empty else (out / "sweep/spec.toml").unlink()
        capsys.readouterr()
        assert call(monkeypatch, *TINY, "--b1", "0.5", "--out", str(out)) == 2
        assert "another spec (fields that spec.toml does not tell any more differ)" in capsys.readouterr().err
    assert call(monkeypatch, *TINY, "--out", str(out)) == 0
    assert (out / "sweep/spec.toml").read_text()


def test_a_result_from_before_is_drawn_and_said_to_have_no_digests(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], out: Path
) -> None:
    path = out / "sweep/provenance.json"
    origin = json.loads(path.read_text())
    del origin["files"]
    path.write_text(json.dumps(origin))
    capsys.readouterr()
    assert call(monkeypatch, "figures", "sweep", "--out", str(out)) == 0
    told = capsys.readouterr().err
    assert "sweep has no digests" in told
    assert told.count("\n") == 1
    assert call(monkeypatch, *TINY, "--out", str(out)) == 0
    assert store.origins.digests(out / "sweep")


def test_another_run_of_the_same_spec_waits_and_of_another_is_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], out: Path
) -> None:
    spec_hash = json.loads((out / "sweep/provenance.json").read_text())["spec_hash"]
    before = content(out)
    with monkeypatch.context() as patch, lock.writing(out / "sweep", spec_hash):
        forbid_measuring(patch)
        assert call(patch, *TINY, "--b1", "0.1", "--force", "--out", str(out)) == 2
        assert f"another run (pid {os.getpid()} on " in (told := capsys.readouterr().err)
        assert "wait until it has ended" in told
    holds, ends = threading.Event(), threading.Event()

    def hold() -> None:
        with lock.writing(out / "sweep", spec_hash):
            holds.set()
            ends.wait(60)

    other = threading.Thread(target=hold)
    other.start()
    holds.wait(60)
    threading.Timer(0.5, ends.set).start()
    with monkeypatch.context() as patch:
        forbid_measuring(patch)  # the other's result is taken
        assert call(patch, *TINY, "--out", str(out)) == 0
    other.join()
    assert "is writing" in (told := capsys.readouterr().err)
    assert "waiting for it" in told
    assert {name: kept for name, kept in content(out).items() if "provenance" not in name} == {
        name: kept for name, kept in before.items() if "provenance" not in name
    }


def test_the_lock_of_a_killed_run_is_free(tmp_path: Path) -> None:
    holds = "from rnnlab.experiments._lab.lock import writing; import sys, pathlib, time\n"
    holds += "with writing(pathlib.Path(sys.argv[1]), 'a'): print('holds', flush=True); time.sleep(600)"
    process: Any = subprocess.Popen([sys.executable, "-c", holds, tmp_path / "sweep"], stdout=subprocess.PIPE)
    process.stdout.readline()
    with pytest.raises(StoreError, match=f"pid {process.pid} on"), lock.writing(tmp_path / "sweep", "b"):
        pass
    process.kill()
    process.communicate()
    assert (tmp_path / ".sweep.lock").exists()
    start = time.monotonic()
    with lock.writing(tmp_path / "sweep", "b") as waited:
        assert not waited
    assert time.monotonic() - start < 1
    assert not list(tmp_path.iterdir())


def test_what_dead_runs_left_is_removed_and_a_result_between_two_names_comes_back(tmp_path: Path) -> None:
    folder = tmp_path / "sweep"
    for name in (".sweep.new-host-1-ab", ".sweep.old-host-1-ab"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a").write_text(name)
    (tmp_path / ".sweeping.new-host-1-ab").mkdir()
    folders.tidy(folder)
    assert (folder / "a").read_text() == ".sweep.old-host-1-ab"
    assert {path.name for path in tmp_path.iterdir()} == {"sweep", ".sweeping.new-host-1-ab"}


def test_temporary_names_are_those_of_one_process(tmp_path: Path) -> None:
    names = {durable.temporary(tmp_path / "a").name for _ in range(100)}
    assert len(names) == 100
    assert all(str(os.getpid()) in name and store.origins.platform.node()[:3] in name for name in names)


def test_every_bit_of_a_table_counts(out: Path) -> None:
    path, rng = out / "sweep/table.csv", np.random.default_rng(0)
    good = path.read_bytes()
    for bit in rng.integers(0, 8 * len(good), 100):
        bad = bytearray(good)
        bad[bit // 8] ^= 1 << bit % 8
        path.write_bytes(bad)
        with pytest.raises(StoreError, match=r"table.csv is damaged"):
            store.read_table(out / "sweep")
