"""A Slurm job array, submitted by datatrove's executor and waited for."""

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
from pipeline.execution.executors.config import ExecutorConfig
from pipeline.execution.units import Share, await_marks, done, raise_failure

POLL_SECONDS = 2.0
"""Slurm's controller serves the whole cluster: it is not asked more often."""


def launch(share: Share, executor: ExecutorConfig) -> None:
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
    logs = share.marks.parent / "logs" / share.marks.name
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
        time.sleep(POLL_SECONDS)
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
