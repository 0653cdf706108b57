"""A Slurm job array: datatrove's executor submits it, and this module waits for it."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

from pipeline.errors import PipelineError
from pipeline.execution.executors.config import SlurmExecutorConfig
from pipeline.execution.units import UnitQueue, all_done, await_markers, raise_failure

POLL_SECONDS = 2.0
"""Time between two queries to Slurm's controller, which serves the whole cluster."""


def launch(queue: UnitQueue, executor: SlurmExecutorConfig) -> None:
    """Submit a job array and wait until it has left the queue; the caller may itself be a job (`make submit`).

    The array is cancelled if a unit fails, or if the caller is interrupted or receives SIGTERM.

    Raises:
        PipelineError: there is no Slurm here, it refuses the array, a unit failed, or the array ended too early.
    """
    if shutil.which("sbatch") is None:
        raise PipelineError(
            "executor=slurm needs Slurm, and sbatch is not on the PATH: run this on a node of the cluster, or choose "
            "executor=local or executor=ray"
        )
    from datatrove.executor import SlurmPipelineExecutor
    from loguru import logger

    logger.disable("datatrove")  # the progress bar says the same in one line
    clear_slurm_environment()
    workers = min(executor.workers, len(queue.units))
    logs = queue.markers.parent / "logs" / queue.markers.name
    array = SlurmPipelineExecutor(
        pipeline=[partial(array_task, queue)],
        tasks=workers,
        workers=workers,
        time=executor.time,
        partition=executor.partition,
        mem_per_cpu_gb=executor.memory_gb,
        job_name=f"{queue.markers.parent.parent.name.removesuffix('.partial')}-{queue.markers.name}",
        qos="",
        env_command=executor.env_command or f'export PATH={Path(sys.executable).parent}:"$PATH"',
        sbatch_args=dict(executor.sbatch),
        logging_dir=str(logs.absolute()),
        skip_completed=False,
    )
    # datatrove would submit a second job to sum its statistics, from a folder that is deleted before that job starts.
    array.launch_merge_stats = do_nothing
    previous = signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))
    try:
        array.run()
        await_array(queue, str(array.job_id), logs)
    except subprocess.CalledProcessError as error:
        raise PipelineError(
            "Slurm refused the job array, for the reason above: correct executor.partition, executor.time, "
            "executor.memory_gb or cluster.sbatch, and run this again"
        ) from error
    finally:
        signal.signal(signal.SIGTERM, previous)
        if array.job_id:
            subprocess.run(["scancel", "--quiet", str(array.job_id)], check=False)


def array_task(queue: UnitQueue, _data: None, rank: int, world_size: int) -> None:
    """Run one task of the queue, with the arguments that datatrove gives to a step of its pipelines."""
    queue.run_task(rank, world_size)


def do_nothing() -> None:
    """Do nothing, in place of a step of datatrove that must not run."""


def clear_slurm_environment() -> None:
    """Delete the variables of this job's own allocation, which jobs that it submits would inherit; keep SLURM_CONF."""
    for name in [name for name in os.environ if name.startswith(("SLURM_", "SBATCH_"))]:
        if name != "SLURM_CONF":
            del os.environ[name]


def await_array(queue: UnitQueue, job: str, logs: Path) -> None:
    """Return when every unit is done and no job of the array is left, so that the logs are complete.

    Jobs that are still pending when the others have done all units are cancelled.

    Raises:
        PipelineError: a unit failed, or the array ended although some units are not done.
    """
    while is_queued(job):
        raise_failure(queue.markers)
        if all_done(queue):
            subprocess.run(["scancel", "--quiet", "--state=PENDING", job], check=False)
        time.sleep(POLL_SECONDS)
    if not await_markers(queue):
        raise PipelineError(
            f"Slurm's array {job} has ended, but some units are not done (out of time or memory, or cancelled). "
            f"Its logs are in {logs}/slurm_logs. Run the stage again to resume, with more executor.time or "
            "executor.memory_gb if the logs say that they ran out"
        )


def is_queued(job: str) -> bool:
    """Whether any job of the array is pending or running; also true if Slurm's controller does not answer."""
    answer = subprocess.run(["squeue", "--noheader", "--jobs", job], capture_output=True, text=True, check=False)
    if answer.returncode:
        return "Invalid job id" not in answer.stderr
    return bool(answer.stdout.strip())
