"""Units mapped over real processes: counts, resuming, failures, one worker against two."""

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
from pipeline.execution.map_units import count_completed, map_units
from pipeline.execution.units import ReportProgress, done_marker, marker_file
from pipeline.store.manifest import Counts, sum_counts
from tests.helpers.executors import WaitForTwoProcesses, WriteUppercase, executor_config

ROOT = Path(__file__).parents[2]


def run_units(work: WriteUppercase, units: list[str], workers: int = 1) -> list[Counts]:
    return map_units(work, units, scratch=work.folder / "work", step="uppercase", executor=executor_config(workers))


def test_counts_come_in_the_order_of_the_units(tmp_path: Path) -> None:
    counts = run_units(WriteUppercase(tmp_path), ["pear", "fig", "plum"])
    assert counts == [
        {"letters": 4, "starts_with_p": 1},
        {"letters": 3, "starts_with_f": 1},
        {"letters": 4, "starts_with_p": 1},
    ]
    assert sum_counts(counts) == {"letters": 11, "starts_with_f": 1, "starts_with_p": 2}
    assert (tmp_path / "pear.txt").read_text() == "PEAR"


def test_one_worker_and_two_give_the_same(tmp_path: Path) -> None:
    units = [f"unit{number}" for number in range(5)]
    results = []
    for workers in (1, 2):
        folder = tmp_path / str(workers)
        folder.mkdir()
        counts = run_units(WriteUppercase(folder), units, workers)
        results.append((counts, {path.name: path.read_bytes() for path in folder.glob("*.txt")}))
    assert results[0] == results[1]


def test_two_workers_work_at_the_same_time(tmp_path: Path) -> None:
    counts = map_units(
        WaitForTwoProcesses(tmp_path), ["a", "b"], scratch=tmp_path / "work", step="x", executor=executor_config(2)
    )
    assert counts == [{"processes": 2}] * 2


@dataclass(frozen=True)
class KilledAtFig:
    """Work that is killed at the unit fig, as the kernel does when memory is short."""

    folder: Path

    def __call__(self, unit: str, report: ReportProgress) -> Counts:
        if unit == "fig":
            os.kill(os.getpid(), signal.SIGKILL)
        return {"units": 1}


def test_a_worker_that_is_killed_stops_the_stage(tmp_path: Path) -> None:
    """multiprocessing's own pool would wait for the unit forever."""
    with pytest.raises(PipelineError, match=r"^x: a worker was killed, .* use fewer workers"):
        map_units(
            KilledAtFig(tmp_path), ["pear", "fig"], scratch=tmp_path / "work", step="x", executor=executor_config(2)
        )
    units = ["pear", "fig", "plum"]
    counts = map_units(
        WriteUppercase(tmp_path), units, scratch=tmp_path / "work", step="x", executor=executor_config(2)
    )
    assert counts[1:] == [{"letters": 3, "starts_with_f": 1}, {"letters": 4, "starts_with_p": 1}]


CALLER = """
import sys, time
from pathlib import Path
from pipeline.execution.map_units import map_units
from tests.helpers.executors import WaitForTwoProcesses, executor_config
folder = Path(sys.argv[1])
work = WaitForTwoProcesses(folder, endless="pear")
map_units(work, ["pear", "fig"], scratch=folder, step="x", executor=executor_config(2))
"""


def test_workers_end_when_their_caller_is_killed(tmp_path: Path) -> None:
    """One worker is in the middle of a unit, the other has finished its units."""
    caller = subprocess.Popen([sys.executable, "-c", CALLER, tmp_path], cwd=ROOT)
    deadline = time.monotonic() + 60
    while len(pids := [int(path.stem) for path in tmp_path.glob("*.pid")]) < 2:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    caller.kill()
    caller.wait()
    deadline = time.monotonic() + 60
    while any(Path(f"/proc/{pid}").exists() for pid in pids):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_unit_that_a_killed_stage_had_started_is_done_again(tmp_path: Path) -> None:
    work = WriteUppercase(tmp_path)
    link = marker_file(tmp_path / "work/uppercase", "fig", "task")
    link.parent.mkdir(parents=True)
    link.symlink_to("1")
    assert [counts["letters"] for counts in run_units(work, ["pear", "fig"])] == [4, 3]


def test_finished_units_are_not_done_again(tmp_path: Path) -> None:
    work = WriteUppercase(tmp_path)
    first = run_units(work, ["pear", "fig"])
    assert run_units(work, ["pear", "fig", "plum"])[:2] == first
    assert [unit for unit, _ in work.calls()] == ["pear", "fig", "plum"]


def test_a_unit_may_have_any_name(tmp_path: Path) -> None:
    unit = "/dumps/a b%2F.xml:0-100"
    assert run_units(WriteUppercase(tmp_path), [unit]) == [{"letters": 23, "starts_with_/": 1}]
    assert done_marker(tmp_path / "work/uppercase", unit).name == "%2Fdumps%2Fa%20b%252F.xml%3A0-100.json"


@pytest.mark.parametrize("workers", [1, 2])
def test_a_unit_that_fails_says_why_and_finished_units_are_kept(tmp_path: Path, workers: int) -> None:
    with pytest.raises(PipelineError, match=r"^fig is not a word: give another one$"):
        run_units(WriteUppercase(tmp_path, refused="fig"), ["pear", "plum", "fig", "quince"], workers)
    assert (tmp_path / "work/uppercase/pear.json").is_file()
    counts = run_units(WriteUppercase(tmp_path), ["pear", "plum", "fig", "quince"], workers)
    assert [unit["letters"] for unit in counts] == [4, 4, 3, 6]
    assert [unit for unit, _ in WriteUppercase(tmp_path).calls()].count("pear") == 1


def test_units_after_a_failure_are_not_started(tmp_path: Path) -> None:
    with pytest.raises(PipelineError):
        run_units(WriteUppercase(tmp_path, refused="fig"), ["pear", "fig", "plum"])
    assert [unit for unit, _ in WriteUppercase(tmp_path).calls()] == ["pear", "fig"]


def test_the_message_of_a_bug_holds_the_traceback(tmp_path: Path) -> None:
    with pytest.raises(PipelineError) as caught:
        run_units(WriteUppercase(tmp_path, broken="fig"), ["fig"])
    message = str(caught.value)
    assert message.startswith("unexpected error in unit fig\nTraceback")
    assert "ZeroDivisionError: ours" in message


def test_no_units_need_no_workers(tmp_path: Path) -> None:
    assert run_units(WriteUppercase(tmp_path), []) == []


def test_the_bar_counts_finished_units_and_the_progress_of_others(tmp_path: Path) -> None:
    for name, content in (
        ("a.json", "{}"),
        ("a.share", "0.9"),
        ("b.share", "0.25"),
        ("c.share", ""),
        (".d.json.1", "{"),
    ):
        (tmp_path / name).write_text(content)
    assert count_completed(tmp_path) == 1.25


@dataclass(frozen=True)
class RaiseError:
    """Work that raises the error."""

    error: Exception

    def __call__(self, unit: str, report: ReportProgress) -> Counts:
        raise self.error


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (OSError(errno.ENOSPC, "No space left on device", "x.parquet"), r"^x\.parquet: No space left on device; make "),
        (OSError(errno.ENOENT, "No such file or directory", "x"), r"^unexpected error in unit a\nTraceback"),
        (Exception("No space left on device (os error 28)"), r"^/.*: No space left on device; make room"),  # Rust's
        (RuntimeError("This limit was set by the 'max_temp_directory_size' setting."), "No space left on device; "),
        (RuntimeError("failed to allocate"), r"^unexpected error in unit a\nTraceback"),
    ],
)
def test_a_full_disk_has_a_message_and_another_error_its_traceback(
    tmp_path: Path, error: Exception, message: str
) -> None:
    with pytest.raises(PipelineError, match=message):
        map_units(RaiseError(error), ["a"], scratch=tmp_path, step="read", executor=executor_config(1))
