"""Measured in shards: every part by one of them, and taken together the bytes of a run without shards."""

import pickle
import shutil
from pathlib import Path
from typing import Any

import pytest
from matplotlib.figure import Figure

from rnnlab.experiments import sweep
from rnnlab.experiments._lab import checkpoints
from rnnlab.experiments._lab.checkpoints import Checkpoints
from rnnlab.experiments._lab.shards import Shard, shard_of
from tests.experiments.lab.test_command_line import TINY, call
from tests.experiments.lab.test_store import content

SIX = [*TINY, "--seq-len", "1,2,3,4,5,6"]  # parts


@pytest.fixture(autouse=True)
def quickly_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweep, "draw", lambda table: {"one": Figure(figsize=(1, 1))})


@pytest.mark.parametrize("of", [1, 2, 7, 50])
def test_every_part_is_in_one_share(of: int) -> None:
    shares = [number for k in range(of) for number in Shard(k + 1, of).share(20)]
    assert sorted(shares) == list(range(20))
    assert shares != sorted(shares) or of in (1, 50)  # long and short parts are dealt out, and not in blocks


@pytest.mark.parametrize("typed", ["", "1", "0/2", "3/2", "-1/2", "1/0", "1/2/3", "a/b", "1.0/2", " 1/2", "²/3", "1/²"])
def test_what_is_no_shard_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path, typed: str
) -> None:
    assert call(monkeypatch, *TINY, "--shard", typed, "--out", str(tmp_path)) == 2
    assert capsys.readouterr().err == f"error: --shard is {typed!r}: expected i/n, such as 1/8 to 8/8\n"
    assert shard_of("2/3") == Shard(2, 3)


def test_taken_together_they_are_the_bytes_of_one_run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """The second is interrupted after its first part, and goes on; the fourth has nothing to do but a part."""
    together, measured, keep = ["--out", str(tmp_path / "together")], list[str](), Checkpoints.keep

    def keep_until(count: int) -> Any:
        def keep_or_interrupt(kept: Checkpoints, name: str, *value_and_where: Any) -> None:
            keep(kept, name, *value_and_where)
            if name.isdigit():
                measured.append(name)
            if len(measured) == count:
                raise KeyboardInterrupt

        return keep_or_interrupt

    monkeypatch.setattr(Checkpoints, "keep", keep_until(3))
    assert call(monkeypatch, *SIX, "--shard", "1/4", *together) == 0
    assert call(monkeypatch, *SIX, "--shard", "2/4", *together) == 130
    monkeypatch.setattr(Checkpoints, "keep", keep_until(100))
    for number in (4, 2, 2):
        assert call(monkeypatch, *SIX, "--shard", f"{number}/4", *together) == 0
    capsys.readouterr()
    assert call(monkeypatch, "merge", "sweep", *together) == 2
    assert capsys.readouterr().err == (
        "error: 1 of 6 parts are missing: run --shard 3/4 (never run), and merge again\n"
    )
    assert call(monkeypatch, *SIX, "--shard", "3/4", *together) == 0
    assert sorted(measured) == ["0", "1", "2", "3", "4", "5"]
    looks = ["--style", "dark", "--format", "svg"]
    assert call(monkeypatch, "merge", "sweep", *looks, *together) == 0
    assert [path.name for path in (tmp_path / "together/sweep/figures").iterdir()] == ["one.svg"]
    assert call(monkeypatch, "figures", "sweep", *together) == 0
    assert [path.name for path in (tmp_path / "together").iterdir()] == ["sweep"]
    assert call(monkeypatch, *SIX, "--out", str(tmp_path / "alone")) == 0
    one, other = content(tmp_path / "together"), content(tmp_path / "alone")
    assert b'"shards"' in one.pop("sweep/provenance.json")
    assert b'"shards"' not in other.pop("sweep/provenance.json")
    assert one == other


def test_a_damaged_part_is_named_and_its_shard_to_be_run_again(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    for number in (1, 2):
        assert call(monkeypatch, *SIX, "--shard", f"{number}/2", "--out", str(tmp_path)) == 0
    part = next(tmp_path.glob(".sweep.2-of-2-*.partial/3.part"))
    part.write_bytes(part.read_bytes()[:-1])
    assert call(monkeypatch, "merge", "sweep", "--out", str(tmp_path)) == 2
    told = capsys.readouterr().err
    assert "3.part is damaged" in told
    assert "error: 1 of 6 parts are missing: run --shard 2/2, and merge again\n" in told
    assert not (tmp_path / "sweep").exists()


def test_only_shards_of_one_spec_and_version_are_taken_together(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    def merged() -> str:
        capsys.readouterr()
        assert call(monkeypatch, "merge", "sweep", "--out", str(tmp_path)) == 2
        told = capsys.readouterr().err
        assert told.count("\n") == 1
        return told

    assert "holds no shard of sweep: run --shard i/n first" in merged()
    assert call(monkeypatch, *TINY, "--shard", "1/2", "--out", str(tmp_path)) == 0
    first = next(tmp_path.glob(".sweep.1-of-2-*"))
    trap = tmp_path / ".sweep.2-of-2-0123456789abcdef.partial"
    trap.mkdir()
    assert "is no shard, or damaged" in merged()
    (trap / "shard.part").write_bytes(pickle.dumps({"spec": {}}))
    assert "is no shard, or damaged (its digest is another)" in merged()
    Checkpoints(tmp_path / "other", {}).keep("shard", {"spec": {}, "seconds": 0.0})
    next(tmp_path.glob(".other-*")).joinpath("shard.part").replace(trap / "shard.part")
    assert "was measured by another version of rnnlab or its libraries" in merged()
    shutil.rmtree(trap)
    assert call(monkeypatch, *TINY, "--b1", "0.5", "--shard", "2/2", "--out", str(tmp_path)) == 0
    assert "are shards of two specs: move those of one elsewhere" in merged()
    shutil.rmtree(next(tmp_path.glob(".sweep.2-of-2-*")))
    monkeypatch.setattr(checkpoints, "fingerprint", lambda folder: "edited")
    assert f"{first} was measured by another version" in merged()
