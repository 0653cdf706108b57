"""Units mapped over real processes: marks, going on, failing, one worker against two."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from pipeline.errors import PipelineError
from pipeline.execution.console import console, progress_bar
from pipeline.execution.map_units import completed, map_units
from pipeline.execution.units import Report, mark
from pipeline.store.manifest import Counts, merged
from tests.helpers.executors import Shout, Together, executor

ROOT = Path(__file__).parents[2]


def run(work: Shout, units: list[str], workers: int = 1) -> list[Counts]:
    return map_units(work, units, scratch=work.folder / "work", label="shout", executor=executor(workers))


def test_counts_come_in_the_order_of_the_units(tmp_path: Path) -> None:
    counts = run(Shout(tmp_path), ["pear", "fig", "plum"])
    assert counts == [
        {"letters": 4, "starts_with_p": 1},
        {"letters": 3, "starts_with_f": 1},
        {"letters": 4, "starts_with_p": 1},
    ]
    assert merged(counts) == {"letters": 11, "starts_with_f": 1, "starts_with_p": 2}
    assert (tmp_path / "pear.txt").read_text() == "PEAR"


def test_one_worker_and_two_give_the_same(tmp_path: Path) -> None:
    units = [f"unit{number}" for number in range(5)]
    results = []
    for workers in (1, 2):
        folder = tmp_path / str(workers)
        folder.mkdir()
        counts = run(Shout(folder), units, workers)
        results.append((counts, {path.name: path.read_bytes() for path in folder.glob("*.txt")}))
    assert results[0] == results[1]


def test_two_workers_work_at_the_same_time(tmp_path: Path) -> None:
    counts = map_units(Together(tmp_path), ["a", "b"], scratch=tmp_path / "work", label="x", executor=executor(2))
    assert counts == [{"processes": 2}] * 2


@dataclass(frozen=True)
class Victim:
    """Is killed at the unit fig, as the kernel kills what is out of memory."""

    folder: Path

    def __call__(self, unit: str, report: Report) -> Counts:
        if unit == "fig":
            os.kill(os.getpid(), signal.SIGKILL)
        return {"units": 1}


def test_a_worker_that_is_killed_stops_the_stage(tmp_path: Path) -> None:
    """multiprocessing's own pool would wait for its unit without end."""
    with pytest.raises(PipelineError, match=r"^x: a worker was killed from outside, .* use fewer workers"):
        map_units(Victim(tmp_path), ["pear", "fig"], scratch=tmp_path / "work", label="x", executor=executor(2))
    units = ["pear", "fig", "plum"]
    counts = map_units(Shout(tmp_path), units, scratch=tmp_path / "work", label="x", executor=executor(2))
    assert counts[1:] == [{"letters": 3, "starts_with_f": 1}, {"letters": 4, "starts_with_p": 1}]


CALLER = """
import sys, time
from pathlib import Path
from pipeline.execution.map_units import map_units
from tests.helpers.executors import Together, executor
folder = Path(sys.argv[1])
map_units(Together(folder, endless="pear"), ["pear", "fig"], scratch=folder, label="x", executor=executor(2))
"""


def test_workers_end_with_a_caller_that_is_killed(tmp_path: Path) -> None:
    """One in the middle of a unit, the other out of work."""
    caller = subprocess.Popen([sys.executable, "-c", CALLER, tmp_path], cwd=ROOT)
    until = time.monotonic() + 60
    while len(pids := [int(path.stem) for path in tmp_path.glob("*.pid")]) < 2:
        assert time.monotonic() < until
        time.sleep(0.02)
    caller.kill()
    caller.wait()
    until = time.monotonic() + 60
    while any(Path(f"/proc/{pid}").exists() for pid in pids):
        assert time.monotonic() < until
        time.sleep(0.02)


def test_what_a_killed_stage_had_begun_is_begun_again(tmp_path: Path) -> None:
    work = Shout(tmp_path)
    lost = mark(tmp_path / "work/shout", "fig", "task")
    lost.parent.mkdir(parents=True)
    lost.symlink_to("1")
    assert [counts["letters"] for counts in run(work, ["pear", "fig"])] == [4, 3]


def test_finished_units_are_not_done_again(tmp_path: Path) -> None:
    work = Shout(tmp_path)
    first = run(work, ["pear", "fig"])
    assert run(work, ["pear", "fig", "plum"])[:2] == first
    assert [unit for unit, _ in work.calls()] == ["pear", "fig", "plum"]


def test_a_unit_may_have_any_name(tmp_path: Path) -> None:
    unit = "/dumps/a b%2F.xml:0-100"
    assert run(Shout(tmp_path), [unit]) == [{"letters": 23, "starts_with_/": 1}]
    assert mark(tmp_path / "work/shout", unit).name == "%2Fdumps%2Fa%20b%252F.xml%3A0-100.json"


def test_where_no_terminal_is_a_bar_is_lines(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("pipeline.execution.map_units.LINE_SECONDS", 0.01)
    until = time.monotonic() + 60
    told = ""
    with progress_bar() as bar:
        bar.add_task("read [a]", total=8_000, completed=20)
        while "\n" not in told:
            assert time.monotonic() < until
            told += capsys.readouterr().err
    assert told.splitlines()[0] == "  read [a] 20/8000 0:00:00 left -:--:--"


@pytest.mark.parametrize("shown", [True, False])
def test_a_bar_that_is_soon_done_or_another_process_shows_says_nothing(
    shown: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("pipeline.execution.map_units.LINE_SECONDS", 60.0 if shown else 0.01)
    with progress_bar(shown=shown) as bar:
        bar.add_task("read", total=8)
        time.sleep(0.0 if shown else 0.1)
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("workers", [1, 2])
def test_a_unit_that_is_refused_says_why_and_loses_nothing(tmp_path: Path, workers: int) -> None:
    with pytest.raises(PipelineError, match=r"^fig is not a word: give another one$"):
        run(Shout(tmp_path, refused="fig"), ["pear", "plum", "fig", "quince"], workers)
    assert (tmp_path / "work/shout/pear.json").is_file()
    counts = run(Shout(tmp_path), ["pear", "plum", "fig", "quince"], workers)
    assert [unit["letters"] for unit in counts] == [4, 4, 3, 6]
    assert [unit for unit, _ in Shout(tmp_path).calls()].count("pear") == 1


def test_a_failure_stops_the_units_after_it(tmp_path: Path) -> None:
    with pytest.raises(PipelineError):
        run(Shout(tmp_path, refused="fig"), ["pear", "fig", "plum"])
    assert [unit for unit, _ in Shout(tmp_path).calls()] == ["pear", "fig"]


def test_a_bug_of_ours_keeps_its_traceback(tmp_path: Path) -> None:
    with pytest.raises(PipelineError) as caught:
        run(Shout(tmp_path, broken="fig"), ["fig"])
    message = str(caught.value)
    assert message.startswith("unexpected error in unit fig\nTraceback")
    assert "ZeroDivisionError: ours" in message


def test_no_units_need_no_workers(tmp_path: Path) -> None:
    assert run(Shout(tmp_path), []) == []


def test_the_bar_counts_finished_units_and_shares_of_the_others(tmp_path: Path) -> None:
    for name, content in (
        ("a.json", "{}"),
        ("a.share", "0.9"),
        ("b.share", "0.25"),
        ("c.share", ""),
        (".d.json.1", "{"),
    ):
        (tmp_path / name).write_text(content)
    assert completed(tmp_path) == 1.25


@dataclass(frozen=True)
class Failing:
    """Meets this error."""

    error: Exception

    def __call__(self, unit: str, report: Report) -> Counts:
        raise self.error


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (OSError(errno.ENOSPC, "No space left on device", "x.parquet"), r"^x\.parquet: No space left on device; make "),
        (OSError(errno.ENOENT, "No such file or directory", "x"), r"^unexpected error in unit a\nTraceback"),
        (Exception("No space left on device (os error 28)"), r"^/.*: No space left on device; make room"),  # Rust's
        (RuntimeError("This limit was set by the 'max_temp_directory_size' setting."), "No space left on device; "),
        (RuntimeError("failed to allocate"), r"^unexpected error in unit a\nTraceback"),
    ],
)
def test_a_full_disk_is_told_and_another_error_keeps_its_traceback(tmp_path: Path, error: Exception, told: str) -> None:
    with pytest.raises(PipelineError, match=told):
        map_units(Failing(error), ["a"], scratch=tmp_path, label="read", executor=executor(1))


def test_what_is_told_is_told_to_the_letter(capsys: pytest.CaptureFixture[str]) -> None:
    console.print("corpus: [b] [/y] :smile: -> /data/[new]")
    assert capsys.readouterr().err == "corpus: [b] [/y] :smile: -> /data/[new]\n"
