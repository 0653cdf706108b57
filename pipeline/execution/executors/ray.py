"""Tasks of a Ray: of one that is there, or of one that is started for the occasion."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from pipeline.errors import PipelineError
from pipeline.execution.executors.config import ExecutorConfig
from pipeline.execution.units import Share, await_marks, raise_failure

RETRIES = 3
"""Of a task that was killed."""


def launch(share: Share, executor: ExecutorConfig) -> None:
    """Run the tasks on a Ray: the one that RAY_ADDRESS or this machine knows, else one for the occasion.

    They are tasks of Ray's own, which it starts again, `RETRIES` times, when they are killed or their node is lost;
    units that have their marks are passed over. datatrove's executor for Ray works in a pool inside an actor, and
    waits without end for either when it is killed.
    """
    workers = min(executor.workers, len(share.units))
    with ray_running() as ray:
        refuse_small_nodes(ray.nodes(), executor)
        do = ray.remote(num_cpus=1, memory=executor.memory_gb * 2**30, max_retries=RETRIES)(Share.task)
        try:
            ray.get([do.remote(share, rank, workers) for rank in range(workers)])
        except ray.exceptions.RayError as error:
            raise_failure(share.marks)
            raise PipelineError(
                f"Ray gave a task up after {RETRIES} more tries ({type(error).__name__}: out of memory, or its "
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
    os.environ.setdefault("RAY_task_oom_retries", str(RETRIES))  # which are without end otherwise
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
