"""A unit of a stage's work: what is done to it on whichever worker takes it, and the marks it leaves.

A unit is a string (a file, a chunk of pages) whose output depends on that string and the config alone, never on the
worker that took it, so one worker and forty write the same bytes. Each finished unit leaves a mark with its counts
(`<work>/<label>/<unit>.json`, written last); a failed one leaves its message (`.error`), one at work its share
(`.share`) and whose it is (`.task`). Files are all that workers and their caller exchange, so that it does not matter
where they run.
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

from pipeline.errors import PipelineError, disks
from pipeline.store.files import write_json, atomic_write
from pipeline.store.manifest import Counts

Report = Callable[[float], None]
POLL_SECONDS = 0.5
FAILED = "failed"
"""Beside the marks when a unit has failed: tasks look at it before each unit, and not through all marks."""
GRACE_SECONDS = 30
"""How long a shared file system may take to show the marks of tasks that are known to have ended."""


class Work(Protocol):
    """What is done to one unit: an importable, picklable callable."""

    def __call__(self, unit: str, report: Report) -> Counts:
        """Write the unit's output, atomically; call `report` with the share done, in [0, 1], as often as it likes."""
        ...


def mark(marks: Path, unit: str, kind: str = "json") -> Path:
    return marks / f"{quote(unit, safe='')}.{kind}"


@dataclass(frozen=True, slots=True)
class Share:
    """The units that are left, for tasks that share them; an executor has `task` called once for each.

    A task begins with every n-th unit of n tasks and goes on with what the others have not begun, so that a slow
    machine, or a task that waits in the queue, holds up no more than the unit it is at.
    """

    work: Work
    units: tuple[str, ...]
    marks: Path
    folder: Path
    """The caller's working directory, from which relative paths count; a worker may be started elsewhere."""

    def task(self, rank: int, tasks: int) -> None:
        """Do the turns of task `rank`, counted from 0, of so many."""
        if multiprocessing.parent_process():
            signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all; the parent ends its workers, quietly
        os.chdir(self.folder)
        for unit in self.turns(rank, tasks):
            if not self.begins(unit, rank):
                continue
            if (self.marks / FAILED).exists():
                return  # another unit failed: the stage cannot finish, so stop soon
            if mark(self.marks, unit).is_file():
                continue  # done before this task was started again
            try:
                counts = self.work(unit, Reporter(mark(self.marks, unit, "share")))
            except PipelineError as error:
                self.fail(unit, str(error))
            except Exception as error:
                told = disks(error, self.marks.parent.parent)
                self.fail(unit, told or f"unexpected error in unit {unit}\n{traceback.format_exc()}")
            else:
                write_json(mark(self.marks, unit), counts)

    def turns(self, rank: int, tasks: int) -> Iterator[str]:
        """All units, the task's own ones first."""
        for shift in range(tasks):
            yield from self.units[(rank + shift) % tasks :: tasks]

    def begins(self, unit: str, rank: int) -> bool:
        """Whether the unit is this task's to do: nobody's until now, or its own from before it was started again."""
        task = mark(self.marks, unit, "task")
        try:
            task.symlink_to(str(rank))  # made and filled in one step, also where several machines share the folder
        except FileExistsError:
            return os.readlink(task) == str(rank)
        return True

    def fail(self, unit: str, message: str) -> None:
        with atomic_write(mark(self.marks, unit, "error")) as file:
            file.write(message)
        (self.marks / FAILED).touch()


class Reporter:
    """Writes a unit's progress to a small file, at most twice a second."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.last = time.monotonic()

    def __call__(self, share: float) -> None:
        now = time.monotonic()
        if now - self.last >= 0.5:
            self.last = now
            self.path.write_text(f"{share:.4f}")


def raise_failure(marks: Path) -> None:
    for path in sorted(marks.glob("*.error")):
        raise PipelineError(path.read_text(encoding="utf-8"))


def await_marks(share: Share) -> bool:
    """Whether every unit has its mark, by when a shared file system shows what ended tasks have written."""
    deadline = time.monotonic() + GRACE_SECONDS
    while True:
        raise_failure(share.marks)
        if done(share):
            return True
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_SECONDS)


def done(share: Share) -> bool:
    return all(mark(share.marks, unit).is_file() for unit in share.units)
