"""Units of a stage's work, the tasks that process them, and the marker files that tasks leave.

A unit is a string (a file, a chunk of pages). Its output depends on that string and the config alone, never on the
worker that took it, so one worker and forty write the same bytes. A stage's step has one folder of marker files,
`<scratch>/<step>/`. Each file is named after its unit, and the suffix says what it holds:

    .json     the counts of a finished unit (its done marker, written last)
    .error    the message of a failed unit
    .share    progress of a unit that a task is working on, between 0 and 1
    .task     a link that names the task which took the unit

Workers and their caller exchange nothing but these files, so a worker may run anywhere that sees the folder.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol
from urllib.parse import quote

from pipeline.errors import PipelineError, disk_error_message
from pipeline.store.files import atomic_write, write_json
from pipeline.store.manifest import Counts

ReportProgress = Callable[[float], None]
"""Callback that receives the completed share of the unit, in [0, 1]."""
POLL_SECONDS = 0.5
PROGRESS_SECONDS = 0.5
"""Minimum time between two writes of a progress file."""
FAILURE_MARKER = "failed"
"""Name of the file that exists once a unit has failed. Tasks look for it before each unit, which is cheaper than a
search for `.error` files."""
MARKER_DELAY_SECONDS = 30
"""Time that a shared file system may take to show the markers of tasks that have ended."""


class Work(Protocol):
    """The work on one unit: an importable, picklable callable."""

    def __call__(self, unit: str, report: ReportProgress) -> Counts:
        """Write the unit's output atomically, and return its counts; `report` may be called at any time."""
        ...


def unit_names(count: int) -> list[str]:
    """Return names for `count` numbered units, in order."""
    return [f"{number:05d}" for number in range(count)]


def marker_file(markers: Path, unit: str, suffix: str) -> Path:
    """Return the path of a unit's marker file; characters of the unit that a file name cannot hold are quoted."""
    return markers / f"{quote(unit, safe='')}.{suffix}"


def done_marker(markers: Path, unit: str) -> Path:
    """Return the path of the file that exists once the unit is finished, and holds its counts."""
    return marker_file(markers, unit, "json")


@dataclass(frozen=True, slots=True)
class UnitQueue:
    """The units that are not done yet; an executor calls `run_task` once for each of its tasks.

    Task r of n first takes units r, r+n, r+2n, ... and then units that no other task has taken. A slow machine, or a
    task that still waits for a machine, therefore delays no unit except the one that it is working on.
    """

    work: Work
    units: tuple[str, ...]
    markers: Path
    """Folder of the marker files."""
    working_directory: Path
    """The caller's working directory. Relative paths start there, and a worker may be started elsewhere."""

    def run_task(self, rank: int, tasks: int) -> None:
        """Process units as task `rank`, counted from 0, of `tasks` until none is left or one has failed."""
        if multiprocessing.parent_process():
            signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches every process; the parent ends its workers
        os.chdir(self.working_directory)
        for unit in self.order(rank, tasks):
            if not self.claim(unit, rank):
                continue
            if (self.markers / FAILURE_MARKER).exists():
                return  # the stage cannot finish any more, so stop soon
            if done_marker(self.markers, unit).is_file():
                continue  # finished before this task was restarted
            try:
                counts = self.work(unit, ProgressFile(marker_file(self.markers, unit, "share")))
            except PipelineError as error:
                self.record_failure(unit, str(error))
            except Exception as error:
                message = disk_error_message(error, self.markers.parent.parent)
                self.record_failure(unit, message or f"unexpected error in unit {unit}\n{traceback.format_exc()}")
            else:
                write_json(done_marker(self.markers, unit), counts)

    def order(self, rank: int, tasks: int) -> Iterator[str]:
        """Yield all units: those of task `rank` first, then those of each task after it."""
        for shift in range(tasks):
            yield from self.units[(rank + shift) % tasks :: tasks]

    def claim(self, unit: str, rank: int) -> bool:
        """Take the unit unless another task has it; return whether it is this task's, now or from before a restart."""
        link = marker_file(self.markers, unit, "task")
        try:
            link.symlink_to(str(rank))  # atomic, also on a file system that several machines share
        except FileExistsError:
            return os.readlink(link) == str(rank)
        return True

    def record_failure(self, unit: str, message: str) -> None:
        """Write the unit's message and the marker that stops the other tasks."""
        with atomic_write(marker_file(self.markers, unit, "error")) as file:
            file.write(message)
        (self.markers / FAILURE_MARKER).touch()


class ProgressFile:
    """Report function that writes a unit's progress to a small file, at most twice a second."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.last_write = time.monotonic()

    def __call__(self, share: float) -> None:
        now = time.monotonic()
        if now - self.last_write >= PROGRESS_SECONDS:
            self.last_write = now
            self.path.write_text(f"{share:.4f}")


def raise_failure(markers: Path) -> None:
    """Raise PipelineError with the message of the first failed unit, if there is one."""
    for path in sorted(markers.glob("*.error")):
        raise PipelineError(path.read_text(encoding="utf-8"))


def await_markers(queue: UnitQueue) -> bool:
    """Whether every unit is done, after a shared file system has had time to show what the ended tasks wrote.

    Raises:
        PipelineError: a unit failed; its message is the unit's own.
    """
    deadline = time.monotonic() + MARKER_DELAY_SECONDS
    while True:
        raise_failure(queue.markers)
        if all_done(queue):
            return True
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_SECONDS)


def all_done(queue: UnitQueue) -> bool:
    """Whether every unit has its done marker."""
    return all(done_marker(queue.markers, unit).is_file() for unit in queue.units)
