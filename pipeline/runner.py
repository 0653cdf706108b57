"""A stage's work, cut into units and mapped over processes by a datatrove executor.

A unit is a string (a file, a chunk of pages) whose output depends on that string and the config alone, never on the
worker that took it, so one worker and forty write the same bytes. Each finished unit leaves a mark with its counts
(`<work>/<label>/<unit>.json`, written last); marks make a killed stage go on where it stopped, give the progress bar
its length under every executor, and carry the account.

The same call serves this machine (a pool of processes) and a Slurm cluster (a job array that the caller waits for).
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol
from urllib.parse import quote

import multiprocess
from loguru import logger
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from pipeline.errors import PipelineError, is_disks
from pipeline.store import Counts, Layout, read_json, write_json, written

# datatrove tells of every task's start and end on stderr; the bar and the marks say the same in one line.
logger.disable("datatrove")

console = Console(stderr=True, soft_wrap=True, highlight=False)
POLL_SECONDS = 0.2
SLURM_POLL_SECONDS = 2.0
"""Slurm's controller serves the whole cluster: it is not asked more often."""
SLURM_GRACE_SECONDS = 30
"""How long a shared file system may take to show the marks of an array that Slurm says has ended."""

Report = Callable[[float], None]


class Work(Protocol):
    """What is done to one unit: an importable, picklable callable."""

    def __call__(self, unit: str, report: Report) -> Counts:
        """Write the unit's output, atomically; call `report` with the share done, in [0, 1], as often as it likes."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutorConfig:
    """How units are spread; no part of any manifest, since it cannot change a byte of the result."""

    kind: Literal["local", "slurm"]
    workers: int
    """Processes, or jobs of the array, that run at the same time."""
    partition: str
    """Slurm's partition; unused by the local executor, as are the four below."""
    time: str
    """Slurm's time limit of one array job."""
    memory_gb: int
    """Memory of one worker."""
    environment: str
    """A shell command that makes `python` the project's, run first in every job; "" puts this interpreter's folder
    on the PATH."""
    sbatch: dict[str, str]
    """Further sbatch options: account, qos, constraint, ..."""

    def __post_init__(self) -> None:
        if self.workers < 1:
            raise ValueError(f"executor.workers is {self.workers}: at least one process is needed")
        if self.kind == "slurm" and not self.partition:
            raise ValueError("executor.partition is empty: name one of the cluster's (sinfo lists them)")


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
    for leftover in (*marks.glob("*.error"), *marks.glob("*.share")):
        leftover.unlink()
    if todo:
        share = Share(work=work, units=tuple(todo), marks=marks)
        with watched(units, marks, label):
            LAUNCHERS[executor.kind](share, executor, scratch / "logs" / label)
        missing = [unit for unit in todo if not mark(marks, unit).is_file()]
        if missing:
            raise PipelineError(f"{label}: {len(missing)} units were not done; logs: {scratch / 'logs' / label}")
    return [read_json(mark(marks, unit)) for unit in units]


def mark(marks: Path, unit: str, kind: str = "json") -> Path:
    return marks / f"{quote(unit, safe='')}.{kind}"


@dataclass(frozen=True, slots=True)
class Share:
    """The callable that datatrove runs once per task: task `rank` takes every `world_size`-th unit."""

    work: Work
    units: tuple[str, ...]
    marks: Path

    def __call__(self, _data: object, rank: int, world_size: int) -> None:
        if multiprocess.parent_process():
            signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all; the parent ends its workers, quietly
        for unit in self.units[rank::world_size]:
            if any(self.marks.glob("*.error")):
                return  # another unit failed: the stage cannot finish, so stop soon
            try:
                counts = self.work(unit, Reporter(mark(self.marks, unit, "share")))
            except PipelineError as error:
                self.fail(unit, str(error))
            except Exception as error:
                if isinstance(error, OSError) and is_disks(error):
                    place = error.filename or self.marks.parent.parent
                    self.fail(unit, f"{place}: {error.strerror}; make room or choose another place, and run this again")
                else:
                    self.fail(unit, f"unexpected error in unit {unit}\n{traceback.format_exc()}")
            else:
                write_json(mark(self.marks, unit), counts)

    def fail(self, unit: str, message: str) -> None:
        with written(mark(self.marks, unit, "error")) as file:
            file.write(message)


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


# ---------------------------------------------------------------------------------------------- progress


def progress_bar() -> Progress:
    """The one look of progress bars; a dumb terminal or a log file gets none of the redrawing."""
    return Progress(
        TextColumn("{task.description:<22}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        console=console,
        disable=not console.is_terminal,
    )


@contextmanager
def watched(units: Sequence[str], marks: Path, label: str) -> Iterator[None]:
    """A bar over the units, fed from their marks, while the block runs."""
    done = threading.Event()

    def watch() -> None:
        with progress_bar() as bar:
            task = bar.add_task(label, total=len(units))
            while not done.wait(POLL_SECONDS):
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
    ready, at_work = set(), {}
    for path in marks.iterdir():
        if path.suffix == ".json" and not path.name.startswith("."):
            ready.add(path.stem)
        elif path.suffix == ".share":
            at_work[path.stem] = float(path.read_text() or 0)
    return round(len(ready) + sum(share for unit, share in at_work.items() if unit not in ready), 2)


# ---------------------------------------------------------------------------------------------- executors


def launch_local(share: Share, executor: ExecutorConfig, logs: Path) -> None:
    workers = min(executor.workers, len(share.units))
    if workers > 1:
        start_forks(type(share.work).__module__)
    from datatrove.executor import LocalPipelineExecutor

    LocalPipelineExecutor(
        pipeline=[share], tasks=workers, workers=workers, logging_dir=str(logs), skip_completed=False
    ).run()
    raise_failure(share.marks)


def start_forks(module: str) -> None:
    """Start the process that workers are forked from, with what they import in it: once, not a second in each of them.

    It ignores Ctrl-C from its first moment on, as its workers do.
    """
    former = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        multiprocess.set_forkserver_preload(["datatrove.executor.local", module])
        multiprocess.forkserver.ensure_running()
    finally:
        signal.signal(signal.SIGINT, former)


def launch_slurm(share: Share, executor: ExecutorConfig, logs: Path) -> None:
    """Submit a job array and wait until it has left the queue; the caller may itself be a job (`make submit`).

    The array is cancelled when a unit fails or the caller is told to stop.
    """
    from datatrove.executor import SlurmPipelineExecutor

    forget_allocation()
    workers = min(executor.workers, len(share.units))
    array = SlurmPipelineExecutor(
        pipeline=[share],
        tasks=workers,
        workers=workers,
        time=executor.time,
        partition=executor.partition,
        mem_per_cpu_gb=executor.memory_gb,
        job_name=f"{share.marks.parent.parent.name.removesuffix('.partial')}-{share.marks.name}",
        qos="",
        env_command=executor.environment or f'export PATH={Path(sys.executable).parent}:"$PATH"',
        sbatch_args=dict(executor.sbatch),
        logging_dir=str(logs.absolute()),
        skip_completed=False,
    )
    # datatrove would add a job that sums its statistics, in a folder that is gone when that job's turn comes.
    array.launch_merge_stats = nothing
    previous = signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))
    try:
        array.run()
        await_array(share, str(array.job_id), logs)
    finally:
        signal.signal(signal.SIGTERM, previous)
        if array.job_id:
            subprocess.run(["scancel", "--quiet", str(array.job_id)], check=False)


def nothing() -> None:
    pass


def forget_allocation() -> None:
    """A job that submits jobs must not hand its own allocation on to them; which cluster it is on, it must."""
    for name in [name for name in os.environ if name.startswith(("SLURM_", "SBATCH_"))]:
        if name != "SLURM_CONF":
            del os.environ[name]


def await_array(share: Share, job: str, logs: Path) -> None:
    """Return when every unit has its mark and every job of the array is gone (its last lines are in the logs)."""
    while slurm_knows(job):
        raise_failure(share.marks)
        time.sleep(SLURM_POLL_SECONDS)
    deadline = time.monotonic() + SLURM_GRACE_SECONDS
    while not all(mark(share.marks, unit).is_file() for unit in share.units):
        raise_failure(share.marks)
        if time.monotonic() > deadline:
            raise PipelineError(
                f"Slurm's array {job} has ended and left units undone (out of time or memory, or cancelled); "
                f"its logs: {logs}/slurm_logs. Run the stage again to go on, with more executor.time or "
                f"executor.memory_gb if that is what they say"
            )
        time.sleep(SLURM_POLL_SECONDS)


def slurm_knows(job: str) -> bool:
    """Whether any task of the array is pending or running, or the controller is out of reach and may know."""
    answer = subprocess.run(["squeue", "--noheader", "--jobs", job], capture_output=True, text=True, check=False)
    if answer.returncode:
        return "Invalid job id" not in answer.stderr
    return bool(answer.stdout.strip())


LAUNCHERS: dict[str, Callable[[Share, ExecutorConfig, Path], None]] = {"local": launch_local, "slurm": launch_slurm}
