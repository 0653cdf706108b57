"""A stage's work, cut into units and mapped over the workers of an executor.

`units.py` says what a unit is and how it is done, `executors` where; here is what the stages call. Marks make a
killed stage go on where it stopped, give the progress bar its length under every executor, and carry the account.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from pipeline.errors import PipelineError
from pipeline.executors import local, ray, slurm
from pipeline.executors.config import ExecutorConfig
from pipeline.interrupts import politely
from pipeline.store.files import read_json
from pipeline.store.layout import Layout
from pipeline.store.manifest import Counts
from pipeline.units import FAILED, Share, Work, mark

console = Console(stderr=True, soft_wrap=True, highlight=False, markup=False, emoji=False)
"""Prints what it is given: "[b]" and ":x:" in a path or a title are letters."""
POLL_SECONDS = 0.5
LAUNCHERS = {"local": local.launch, "slurm": slurm.launch, "ray": ray.launch}
LINE_SECONDS = 60.0
"""Between two lines of a bar where there is no terminal to draw it on."""
DRAWN = BarColumn, SpinnerColumn


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What every stage gets beside its own config."""

    layout: Layout
    executor: ExecutorConfig
    overwrite: bool


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


# ---------------------------------------------------------------------------------------------- progress


@contextmanager
def progress_bar(*columns: ProgressColumn, shown: bool = True, transient: bool = False) -> Iterator[Progress]:
    """A bar on a terminal while the block feeds it; elsewhere, such as in a batch job's log, what it says as lines.

    Args:
        columns: what it shows, if not how many of how many.
        shown: false in a process that leaves it to another one.
        transient: whether the bar vanishes with its end.
    """
    bar = Progress(
        *(columns or counting()), console=console, transient=transient, disable=not (shown and console.is_terminal)
    )
    over = threading.Event()

    def tell() -> None:
        while not over.wait(LINE_SECONDS):
            for task in bar.tasks:
                parts = [str(column(task)) for column in bar.columns if not isinstance(column, (str, *DRAWN))]
                console.print(Text("  " + " ".join(" ".join(parts).split())))

    thread = threading.Thread(target=tell, daemon=True)
    if shown and not console.is_terminal:
        thread.start()
    try:
        with bar:
            yield bar
    finally:
        over.set()
        if thread.ident:
            thread.join()


def counting() -> Sequence[ProgressColumn]:
    """How many of how many, since when and how much longer."""
    named = TextColumn("{task.description:<22}", markup=False)
    return named, BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("left"), TimeRemainingColumn()


@contextmanager
def working(label: str) -> Iterator[None]:
    """Shows that something goes on whose length nobody knows, and since when."""
    columns = TextColumn("{task.description:<22}", markup=False), SpinnerColumn(), TimeElapsedColumn()
    with progress_bar(*columns, transient=True) as bar:
        bar.add_task(label, total=None)
        yield


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
