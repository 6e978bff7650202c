"""The command line as a user meets it: exit codes, one sentence for bad input, nothing half-written."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from rnnlab.experiments._lab import checkpoints, command_line, folders, runner

TINY = ["sweep", "--w2", "0.5,1,2", "--seq-len", "1,10", "--seeds", "1", "--nonlinearity", "linear"]


def call(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    """Run the command line in this process."""
    monkeypatch.setattr(sys, "argv", ["rnnlab", *words])
    return command_line.main()


def test_sweep_writes_a_whole_result(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert call(monkeypatch, *TINY, "--out", str(tmp_path)) == 0
    files = {str(path.relative_to(tmp_path / "sweep")) for path in (tmp_path / "sweep").rglob("*.*")}
    figures = {
        f"figures/{name}.{kind}" for name in ("heatmap", "decay", "weights", "float32") for kind in ("png", "svg")
    }
    assert files == {"table.csv", "checks.csv", "spec.toml", "provenance.json", *figures}
    assert [path.name for path in tmp_path.iterdir()] == ["sweep"]
    origin = json.loads((tmp_path / "sweep/provenance.json").read_text())
    told = {"versions", "processor", "blas", "command", "seeds", "spec_hash", "commit", "seconds"}
    assert told <= set(origin)
    assert all(re.match(r"\w+ \d", blas) for blas in origin["blas"])
    assert origin["blas"]
    assert set(origin["seconds"]) == {"measure", "processor", "compile", "draw"}
    assert origin["seconds"]["processor"] > 0


def test_figures_redraws_the_same_bytes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    call(monkeypatch, *TINY, "--out", str(tmp_path))
    before = {path.name: path.read_bytes() for path in (tmp_path / "sweep/figures").iterdir()}
    assert call(monkeypatch, "figures", "sweep", "--out", str(tmp_path)) == 0
    assert before == {path.name: path.read_bytes() for path in (tmp_path / "sweep/figures").iterdir()}


def test_options_override_the_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    spec = tmp_path / "spec.toml"
    spec.write_text('w2 = [0.5]\nseq_len = "1:3:3"\nseeds = 1\n')
    call(monkeypatch, "sweep", str(spec), "--w2=-1:1:3", "--out", str(tmp_path))
    kept = (tmp_path / "sweep/spec.toml").read_text()
    assert "-1.0,\n    0.0,\n    1.0," in kept
    assert "1,\n    2,\n    3," in kept


BAD = [
    (["sweep", "missing.toml"], "can't read the spec file missing.toml"),
    (["sweep", "--w3", "1"], "--w3"),
    (["sweep", "--w2", "nan"], "w2 is 'nan'"),
    (["sweep", "--w2", "inf"], "w2 is 'inf'"),
    (["sweep", "--w2", ""], "w2 is ''"),
    (["sweep", "--w2", "1:2"], "is not a range start:stop:count"),
    (["sweep", "--w2", "1e30"], "outside 2^-28 .. 2^28"),
    (["sweep", "--seq-len", "0"], "seq_len is '0'"),
    (["sweep", "--seeds", "0"], "seeds is '0'"),
    (["sweep", "--seeds", "x"], "seeds is 'x'"),
    (["sweep", "--workers", "0"], "--workers is 0"),
    (["sweep", "--nonlinearity", "than"], "nonlinearity is 'than'"),
    (["sweep", "--inputs", "prices", "--seq-len", "2000"], "1047 days"),
    (["sweep", "--seeds", "1000000000"], "GiB of memory"),
    (["sweep", "--out", "/dev/null/x"], "can't write in the output folder"),
    (["swep"], "did you mean 'sweep'?"),
    (["figures", "nothing"], "no experiment is called 'nothing'"),
    (["figures", "sweep", "--out", "nowhere"], "holds no result"),
    (["figures", "--out", "nowhere"], "holds no result"),
    (["verify", "sweep", "nothing"], "no experiment is called 'nothing'"),
    (["sweep", "--w2=-2:2:2000000000"], "is not a range of 1 to 1,000,000 finite numbers"),
    (["cliff", "--start-w", "1e300"], "outside 2^-28 .. 2^28"),
    (["adding", "--method", ""], "method is '': expected at least 1"),
    (["adding", "--method", "RNN,RNN"], "method is 'RNN,RNN': it has RNN 2 times"),
    (["adding", "--seq-len", "10000000"], "GiB of memory"),
    (["latch", "--seq-len", "10000000"], "GiB of memory"),
    (["copy", "--delay", "10000000"], "GiB of memory"),
]


@pytest.mark.parametrize(("words", "told"), BAD, ids=[" ".join(words) for words, _ in BAD])
def test_bad_input_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path, words: list[str], told: str
) -> None:
    monkeypatch.chdir(tmp_path)
    assert call(monkeypatch, *words) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("error: ")
    assert captured.err.count("\n") == 1
    assert told in captured.err


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("w2 = [1, 2", "is not valid TOML"),
        ("w22 = [1.0]", "spec.toml has an unknown key 'w22'; did you mean 'w2'?"),
        ("w2 = []", "w2 is []"),
        ('seeds = "many"', "seeds is 'many'"),
        ("seeds = true", "seeds is True: expected a value, not true or false"),
        ("w2 = 1979-05-27", "w2 is datetime.date(1979, 5, 27)"),
        ("seq_len = [1.5]", "seq_len is 1.5"),
    ],
)
def test_bad_files_are_one_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path, text: str, told: str
) -> None:
    spec = tmp_path / "spec.toml"
    spec.write_text(text)
    assert call(monkeypatch, "sweep", str(spec), "--out", str(tmp_path)) == 2
    assert told in capsys.readouterr().err


def test_another_spec_is_refused_without_force(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    call(monkeypatch, *TINY, "--out", str(tmp_path))
    before = (tmp_path / "sweep/table.csv").read_bytes()
    other = [*TINY, "--b1", "0.1", "--out", str(tmp_path)]
    assert call(monkeypatch, *other) == 2
    assert "b1 differ" in capsys.readouterr().err
    assert (tmp_path / "sweep/table.csv").read_bytes() == before
    assert call(monkeypatch, *other, "--force") == 0
    assert (tmp_path / "sweep/table.csv").read_bytes() != before


def test_what_is_not_ours_is_not_replaced(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    mine = tmp_path / "sweep/raw/data.csv"
    mine.parent.mkdir(parents=True)
    mine.write_text("precious")
    assert call(monkeypatch, *TINY, "--force", "--out", str(tmp_path)) == 2
    assert (
        "sweep has what rnnlab did not write (raw), and would lose it: move it elsewhere, or choose another --out DIR"
        in capsys.readouterr().err
    )
    assert mine.read_text() == "precious"


def test_what_came_in_the_meantime_is_kept(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Of somebody who knows nothing of the lock; what was measured is kept."""

    def overtaken(folder: Path, spec: dict[str, object]) -> checkpoints.Checkpoints:
        (folder / ".git").mkdir(parents=True)
        return checkpoints.Checkpoints(folder, spec)

    monkeypatch.setattr(runner, "Checkpoints", overtaken)
    assert call(monkeypatch, *TINY, "--out", str(tmp_path)) == 2
    assert "has what rnnlab did not write (.git)" in capsys.readouterr().err
    assert list(tmp_path.glob(".sweep-*.partial/*.part"))


def test_verify_fails_when_a_claim_fails(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    from rnnlab.experiments import laws

    assert call(monkeypatch, "verify", "laws") == 0
    told = capsys.readouterr().out
    assert "no claim fails; 0 open" in told
    assert re.search(r"laws: \d+ claims in \d+\.\d s of processor time", told)
    monkeypatch.setitem(laws.PUBLISHED, ("float64 floor", 0.6, 2000), (1.0, 0.0, "a wrong book"))
    assert call(monkeypatch, "verify", "laws") == 1
    assert "FAILS  laws: float64 floor" in capsys.readouterr().out


def test_a_failed_write_leaves_the_old_result(tmp_path: Path) -> None:
    folder = tmp_path / "result"
    with folders.replacing(folder) as fresh:
        (fresh / "a").write_text("old")
    with pytest.raises(KeyboardInterrupt), folders.replacing(folder) as fresh:
        (fresh / "a").write_text("half")
        raise KeyboardInterrupt
    assert (folder / "a").read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["result"]


def test_without_an_atomic_swap_the_result_is_replaced_too(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(folders, "swap_atomically", lambda one, other: False)
    for text in ("old", "new"):
        with folders.replacing(tmp_path / "result") as fresh:
            (fresh / "a").write_text(text)
    assert (tmp_path / "result/a").read_text() == "new"
    assert [path.name for path in tmp_path.iterdir()] == ["result"]


def test_interrupt_exits_130_and_the_next_run_goes_on(tmp_path: Path) -> None:
    words = ["sweep", "--w2=-2:2:201", "--seq-len", "1000,2000,4000,8000", "--seeds", "40", "--out", str(tmp_path)]
    command = [sys.executable, "-m", "rnnlab.experiments", *words, "--workers", "1"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 120
    while not list(tmp_path.glob(".sweep-*.partial/*.part")) and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    try:
        _, told = process.communicate(timeout=120)
    finally:
        process.kill()
    assert process.returncode == 130
    assert "goes on from there" in told
    assert "Traceback" not in told
    assert list(tmp_path.glob(".sweep-*.partial/*.part"))
    assert not (tmp_path / "sweep").exists()


def test_kill_while_writing_leaves_a_whole_result(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "rnnlab.experiments", *TINY, "--out", str(tmp_path), "--force"]
    subprocess.run(command, check=True, capture_output=True)
    whole = sorted(path.name for path in (tmp_path / "sweep").iterdir())
    process = subprocess.Popen([*command, "--b1", "0.25"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while not list(tmp_path.glob(f".sweep.new-*-{process.pid}-*/*")) and time.monotonic() < deadline:
        time.sleep(0.005)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert sorted(path.name for path in (tmp_path / "sweep").iterdir()) == whole
    assert len(list(tmp_path.iterdir())) > 1  # what was half-written
    subprocess.run([*command, "--b1", "0.25"], check=True, capture_output=True)
    assert [path.name for path in tmp_path.iterdir()] == ["sweep"]


def test_a_bug_is_one_sentence_too(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    from rnnlab.experiments import sweep

    def fails(_: object) -> None:
        raise IndexError("row 7")

    monkeypatch.delenv("RNNLAB_TRACEBACK", raising=False)
    monkeypatch.setattr(sweep, "checks", fails)
    assert call(monkeypatch, *TINY, "--out", str(tmp_path)) == 2
    message = capsys.readouterr().err
    assert "a bug of rnnlab, nothing was saved (IndexError: row 7)" in message
    assert not (tmp_path / "sweep").exists()
    monkeypatch.setenv("RNNLAB_TRACEBACK", "1")
    with pytest.raises(IndexError):
        call(monkeypatch, *TINY, "--out", str(tmp_path))


def test_the_number_of_workers_changes_no_byte(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    few = [
        "spectrum",
        "--g",
        "1.5,2",
        "--sigma",
        "0.5",
        "--hidden-size",
        "120",
        "--steps",
        "300",
        "--full-hidden-size",
        "40",
    ]
    tables = []
    for workers in ("1", "2"):
        call(monkeypatch, *few, "--full-steps", "200", "--workers", workers, "--out", str(tmp_path / workers))
        tables.append((tmp_path / workers / "spectrum/table.csv").read_bytes())
    assert tables[0] == tables[1]
