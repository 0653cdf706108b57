"""`map_units`: process the units of a stage's step on the workers of an executor.

This is the function that stages call. `units.py` defines a unit and how a task processes it; `executors/` defines where
tasks run. The units' done markers let an interrupted stage resume, feed the progress bar under every executor, and hold
the counts that this function returns.
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
from pipeline.execution.executors.config import ExecutorConfig, LocalExecutorConfig, SlurmExecutorConfig
from pipeline.execution.interrupts import allow_keyboard_interrupt
from pipeline.execution.units import FAILURE_MARKER, UnitQueue, Work, done_marker
from pipeline.store.files import read_json
from pipeline.store.manifest import Counts

POLL_SECONDS = 0.5


def map_units(work: Work, units: Sequence[str], *, scratch: Path, step: str, executor: ExecutorConfig) -> list[Counts]:
    """Do `work` on every unit that has no done marker yet; return all units' counts in the order of `units`.

    Args:
        work: the work on one unit.
        units: names of the units, all different.
        scratch: the stage's scratch folder, on a file system that every worker sees.
        step: name of this step, on the progress bar and of its folder in `scratch`.
        executor: where tasks run, and how many.

    Raises:
        PipelineError: a unit failed; its message is the unit's own. Finished units are kept.
    """
    markers = scratch / step
    markers.mkdir(parents=True, exist_ok=True)
    todo = [unit for unit in units if not done_marker(markers, unit).is_file()]
    for leftover in [
        markers / FAILURE_MARKER,
        *(path for kind in ("error", "share", "task") for path in markers.glob(f"*.{kind}")),
    ]:
        leftover.unlink(missing_ok=True)
    if todo:
        queue = UnitQueue(work=work, units=tuple(todo), markers=markers, working_directory=Path.cwd())
        with allow_keyboard_interrupt(executor.kind != "local"), show_progress(units, markers, step):
            launch(queue, executor)
        missing = [unit for unit in todo if not done_marker(markers, unit).is_file()]
        if missing:
            raise PipelineError(f"{step}: {len(missing)} units were not done: run the stage again to resume")
    return [read_json(done_marker(markers, unit)) for unit in units]


def launch(queue: UnitQueue, executor: ExecutorConfig) -> None:
    """Run the queue's tasks on the executor, and return when all of them have ended."""
    if isinstance(executor, LocalExecutorConfig):
        local.launch(queue, executor)
    elif isinstance(executor, SlurmExecutorConfig):
        slurm.launch(queue, executor)
    else:
        ray.launch(queue, executor)


@contextmanager
def show_progress(units: Sequence[str], markers: Path, step: str) -> Iterator[None]:
    """Show a progress bar over the units while the block runs, updated from their marker files."""
    pause = POLL_SECONDS if console.is_terminal else LINE_SECONDS / 10  # counting thousands of markers takes time
    done = threading.Event()

    def watch() -> None:
        with progress_bar() as bar:
            task = bar.add_task(step, total=len(units))
            while not done.wait(pause):
                bar.update(task, completed=count_completed(markers))
            bar.update(task, completed=count_completed(markers))

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def count_completed(markers: Path) -> float:
    """Return how many units are done; a unit that is being worked on counts with the share that it has reported."""
    names = os.listdir(markers)
    finished = {name[: -len(".json")] for name in names if name.endswith(".json") and not name.startswith(".")}
    unfinished = (name for name in names if name.endswith(".share") and name[: -len(".share")] not in finished)
    return round(len(finished) + sum(float((markers / name).read_text() or 0) for name in unfinished), 2)
