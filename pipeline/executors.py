"""Where units are worked on: processes of this machine, a Slurm job array by datatrove's executor, or a Ray.

A launcher takes a `Share`, has its tasks done, and returns when no task is left; it raises a failed unit's own
message. All exchange is by the units' marks, so an executor cannot change a byte of what is built, and a new one needs
a launcher and nothing else.
"""

from __future__ import annotations

import logging
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from multiprocessing import forkserver, resource_tracker
from pathlib import Path
from typing import Any, Literal

from pipeline import processes
from pipeline.errors import PipelineError
from pipeline.units import Share, mark, raise_failure

SLURM_POLL_SECONDS = 2.0
"""Slurm's controller serves the whole cluster: it is not asked more often."""
MARKS_POLL_SECONDS = 0.5
RAY_RETRIES = 3
"""Of a task that was killed."""
GRACE_SECONDS = 30
"""How long a shared file system may take to show the marks of tasks that are known to have ended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutorConfig:
    """How units are spread; no part of any manifest, since it cannot change a byte of the result."""

    kind: Literal["local", "slurm", "ray"]
    workers: int
    """Processes, jobs of the array, or Ray's tasks, that run at the same time."""
    memory_gb: int
    """Memory of one worker."""
    partition: str
    """Slurm's partition; only Slurm uses it and what follows."""
    time: str
    """Time limit of one array job."""
    environment: str
    """A shell command that makes `python` the project's, run first in every job; "" puts this interpreter's folder
    on the PATH."""
    sbatch: dict[str, str]
    """Further sbatch options: account, qos, constraint, ..."""

    def __post_init__(self) -> None:
        if self.workers < 1:
            raise ValueError(f"executor.workers is {self.workers}: at least one process is needed")
        if self.memory_gb < 1:
            raise ValueError(f"executor.memory_gb is {self.memory_gb}: a worker needs at least 1")
        if self.kind == "slurm" and not self.partition:
            raise ValueError("executor.partition is empty: name one of the cluster's (sinfo lists them)")


def launch_local(share: Share, executor: ExecutorConfig, _logs: Path) -> None:
    start_forks(type(share.work).__module__.rpartition(".")[0], executor)
    try:
        processes.run(share, min(executor.workers, len(share.units)))
    except BrokenProcessPool as error:
        raise_failure(share.marks)
        raise PipelineError(
            f"{share.marks.name}: a worker was killed from outside, most often because memory ran out, or has crashed: "
            "use fewer workers (executor.workers), and run this again; what is done stays done"
        ) from error
    raise_failure(share.marks)


def start_forks(package: str, executor: ExecutorConfig) -> None:
    """Start the process that workers are forked from, with a stage's modules in it: a second once, not in each of them.

    All of the stage's steps share it, so it takes `build`, which imports them all. Ctrl-C does not reach it from its
    first moment on, as it does not its workers; here it waits until the process is started. A stage that starts it
    before its own imports has both done at the same time.
    """
    if executor.kind != "local" or executor.workers == 1:
        return
    resource_tracker.ensure_running()  # now, since its start unblocks what is blocked
    former = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # which the fork server inherits
    try:
        forkserver.set_forkserver_preload(["pipeline.processes", f"{package}.build"])
        forkserver.ensure_running()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, former)


def launch_slurm(share: Share, executor: ExecutorConfig, logs: Path) -> None:
    """Submit a job array and wait until it has left the queue; the caller may itself be a job (`make submit`).

    The array is cancelled when a unit fails or the caller is told to stop.

    Raises:
        PipelineError: there is no Slurm here, or it refuses the array.
    """
    if shutil.which("sbatch") is None:
        raise PipelineError(
            "executor=slurm needs Slurm, and sbatch is not on the PATH: run this on a node of the cluster, or choose "
            "executor=local or executor=ray"
        )
    from datatrove.executor import SlurmPipelineExecutor
    from loguru import logger

    logger.disable("datatrove")  # it tells of its steps on stderr; the bar and the marks say the same in one line
    forget_allocation()
    workers = min(executor.workers, len(share.units))
    array = SlurmPipelineExecutor(
        pipeline=[partial(array_task, share)],
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
    except subprocess.CalledProcessError as error:
        raise PipelineError(
            "Slurm refused the job array, as it says above: see to executor.partition, executor.time, "
            "executor.memory_gb and cluster.sbatch, and run this again"
        ) from error
    finally:
        signal.signal(signal.SIGTERM, previous)
        if array.job_id:
            subprocess.run(["scancel", "--quiet", str(array.job_id)], check=False)


def array_task(share: Share, _data: object, rank: int, world_size: int) -> None:
    """A task, as datatrove calls a step of its pipelines."""
    share.task(rank, world_size)


def nothing() -> None:
    pass


def forget_allocation() -> None:
    """A job that submits jobs must not hand its own allocation on to them; which cluster it is on, it must."""
    for name in [name for name in os.environ if name.startswith(("SLURM_", "SBATCH_"))]:
        if name != "SLURM_CONF":
            del os.environ[name]


def await_array(share: Share, job: str, logs: Path) -> None:
    """Return when every unit has its mark and every job of the array is gone (its last lines are in the logs).

    Jobs that still wait in the queue when the others have done all units are cancelled.
    """
    while slurm_knows(job):
        raise_failure(share.marks)
        if done(share):
            subprocess.run(["scancel", "--quiet", "--state=PENDING", job], check=False)
        time.sleep(SLURM_POLL_SECONDS)
    if not await_marks(share):
        raise PipelineError(
            f"Slurm's array {job} has ended and left units undone (out of time or memory, or cancelled); "
            f"its logs: {logs}/slurm_logs. Run the stage again to go on, with more executor.time or "
            f"executor.memory_gb if that is what they say"
        )


def slurm_knows(job: str) -> bool:
    """Whether any task of the array is pending or running, or the controller is out of reach and may know."""
    answer = subprocess.run(["squeue", "--noheader", "--jobs", job], capture_output=True, text=True, check=False)
    if answer.returncode:
        return "Invalid job id" not in answer.stderr
    return bool(answer.stdout.strip())


def launch_ray(share: Share, executor: ExecutorConfig, _logs: Path) -> None:
    """Run the tasks on a Ray: the one that RAY_ADDRESS or this machine knows, else one for the occasion.

    They are tasks of Ray's own, which it starts again, `RAY_RETRIES` times, when they are killed or their node is lost;
    units that have their marks are passed over. datatrove's executor for Ray works in a pool inside an actor, and
    waits without end for either when it is killed.
    """
    workers = min(executor.workers, len(share.units))
    with ray_running() as ray:
        refuse_small_nodes(ray.nodes(), executor)
        do = ray.remote(num_cpus=1, memory=executor.memory_gb * 2**30, max_retries=RAY_RETRIES)(Share.task)
        try:
            ray.get([do.remote(share, rank, workers) for rank in range(workers)])
        except ray.exceptions.RayError as error:
            raise_failure(share.marks)
            raise PipelineError(
                f"Ray gave a task up after {RAY_RETRIES} more tries ({type(error).__name__}: out of memory, or its "
                "nodes were lost). Run the stage again to go on, with more executor.memory_gb if memory it was"
            ) from error
    if not await_marks(share):
        raise PipelineError("Ray's tasks have ended and left units undone. Run the stage again to go on")


@contextmanager
def ray_running() -> Iterator[Any]:
    """The module `ray`, connected; its processes end with the block if it started them.

    Raises:
        PipelineError: Ray is not installed, or the one that was named does not answer.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # Ray would tell its makers of every start
    os.environ.setdefault("RAY_task_oom_retries", str(RAY_RETRIES))  # which are without end otherwise
    try:
        import ray
    except ImportError:
        raise PipelineError(
            "executor=ray needs Ray, which is not installed: python -m pip install --constraint constraints.txt "
            '--editable ".[ray]", or choose executor=local or executor=slurm'
        ) from None
    try:
        ray.init(include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR)
    except (ConnectionError, ValueError) as error:  # ValueError: of an address that is none
        raise PipelineError(
            f"no Ray answers ({error}); RAY_ADDRESS is {os.environ.get('RAY_ADDRESS') or 'not set'}: start that "
            "cluster (ray start), name another, or unset it to have a Ray started for the occasion"
        ) from error
    try:
        yield ray
    finally:
        ray.shutdown()


def refuse_small_nodes(nodes: Sequence[Mapping[str, Any]], executor: ExecutorConfig) -> None:
    """Raise PipelineError where no node can ever take a worker: Ray would wait for one, and say nothing."""
    wanted = executor.memory_gb * 2**30
    sizes = [node["Resources"] for node in nodes if node["Alive"]]
    if not any(size.get("CPU", 0) >= 1 and size.get("memory", 0) >= wanted for size in sizes):
        largest = max((size.get("memory", 0) for size in sizes if size.get("CPU", 0) >= 1), default=0) / 2**30
        raise PipelineError(
            f"no node of this Ray has a CPU and executor.memory_gb={executor.memory_gb} GB for a worker (the largest "
            f"has {largest:.1f} GB): lower executor.memory_gb, or start larger nodes"
        )


def await_marks(share: Share) -> bool:
    """Whether every unit has its mark, by when a shared file system shows what ended tasks have written."""
    deadline = time.monotonic() + GRACE_SECONDS
    while True:
        raise_failure(share.marks)
        if done(share):
            return True
        if time.monotonic() > deadline:
            return False
        time.sleep(MARKS_POLL_SECONDS)


def done(share: Share) -> bool:
    return all(mark(share.marks, unit).is_file() for unit in share.units)


Launcher = Callable[[Share, ExecutorConfig, Path], None]
LAUNCHERS: dict[str, Launcher] = {"local": launch_local, "slurm": launch_slurm, "ray": launch_ray}
