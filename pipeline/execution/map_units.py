"""A stage's work, cut into units and mapped over the workers of an executor.

`units.py` defines a unit and how it is processed, `executors/` where; here is what the stages call. Marks make a
killed stage go on where it stopped, give the progress bar its length under every executor, and carry the account.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from pipeline.errors import PipelineError
from pipeline.execution.console import LINE_SECONDS, console, progress_bar
from pipeline.execution.executors import local, ray, slurm
from pipeline.execution.executors.config import ExecutorConfig
from pipeline.execution.interrupts import politely
from pipeline.execution.units import FAILED, Share, Work, mark
from pipeline.store.files import read_json
from pipeline.store.manifest import Counts

POLL_SECONDS = 0.5
LAUNCHERS = {"local": local.launch, "slurm": slurm.launch, "ray": ray.launch}


def map_units(work: Work, units: Sequence[str], *, scratch: Path, label: str, executor: ExecutorConfig) -> list[Counts]:
    """Do `work` on every unit that has no mark yet; return all units' counts in the order of `units`.

    Args:
        scratch: the stage's scratch folder, on a file system that every worker sees.
        label: names this step, on the bar and in `scratch`.

    Raises:
        PipelineError: a unit failed; its message is the unit's own. Finished units stay finished.
    """
    marks = scratch / label
    marks.mkdir(parents=True, exist_ok=True)
    todo = [unit for unit in units if not mark(marks, unit).is_file()]
    for leftover in [
        marks / FAILED,
        *(path for kind in ("error", "share", "task") for path in marks.glob(f"*.{kind}")),
    ]:
        leftover.unlink(missing_ok=True)
    if todo:
        share = Share(work=work, units=tuple(todo), marks=marks, folder=Path.cwd())
        with politely(executor.kind != "local"), watched(units, marks, label):
            LAUNCHERS[executor.kind](share, executor)
        missing = [unit for unit in todo if not mark(marks, unit).is_file()]
        if missing:
            raise PipelineError(f"{label}: {len(missing)} units were not done: run the stage again to go on")
    return [read_json(mark(marks, unit)) for unit in units]


@contextmanager
def watched(units: Sequence[str], marks: Path, label: str) -> Iterator[None]:
    """A bar over the units, fed from their marks, while the block runs."""
    pause = POLL_SECONDS if console.is_terminal else LINE_SECONDS / 10  # of thousands of marks that are gone through
    done = threading.Event()

    def watch() -> None:
        with progress_bar() as bar:
            task = bar.add_task(label, total=len(units))
            while not done.wait(pause):
                bar.update(task, completed=completed(marks))
            bar.update(task, completed=completed(marks))

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def completed(marks: Path) -> float:
    """Units done, those at work by their reported share."""
    names = os.listdir(marks)
    ready = {name[: -len(".json")] for name in names if name.endswith(".json") and not name.startswith(".")}
    at_work = (name for name in names if name.endswith(".share") and name[: -len(".share")] not in ready)
    return round(len(ready) + sum(float((marks / name).read_text() or 0) for name in at_work), 2)
