"""Tasks of a Ray cluster, either one that is running already or one that is started for the step.

The tasks are Ray's own. When a task is killed or its node is lost, Ray starts it again, at most `RETRIES` times, and
the restarted task skips units that are done. datatrove's executor for Ray is not used: it works in a pool inside an
actor, and waits forever when either of the two is killed.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypedDict

from pipeline.errors import PipelineError
from pipeline.execution.executors.config import RayExecutorConfig
from pipeline.execution.units import UnitQueue, await_markers, raise_failure

RETRIES = 3
"""Number of times that a killed task is restarted."""


class RayNode(TypedDict):
    """The part of `ray.nodes()`'s answer that is used here."""

    Alive: bool
    Resources: dict[str, float]
    """CPU as a number of cores, memory in bytes."""


def launch(queue: UnitQueue, executor: RayExecutorConfig) -> None:
    """Run the tasks on the Ray of RAY_ADDRESS or of this machine, or on one that is started for them.

    Raises:
        PipelineError: there is no Ray to use, its nodes are too small, it gave a task up, or a unit failed.
    """
    workers = min(executor.workers, len(queue.units))
    with ray_connection() as ray:
        refuse_small_nodes(ray.nodes(), executor)
        run_task = ray.remote(num_cpus=1, memory=executor.memory_gb * 2**30, max_retries=RETRIES)(UnitQueue.run_task)
        try:
            ray.get([run_task.remote(queue, rank, workers) for rank in range(workers)])
        except ray.exceptions.RayError as error:
            raise_failure(queue.markers)
            raise PipelineError(
                f"Ray gave up on a task after {RETRIES} retries ({type(error).__name__}: out of memory, or its nodes "
                "were lost). Run the stage again to resume, with more executor.memory_gb if memory ran out"
            ) from error
    if not await_markers(queue):
        raise PipelineError("Ray's tasks have ended, but some units are not done. Run the stage again to resume")


@contextmanager
def ray_connection() -> Iterator[Any]:
    """Connect to a Ray and yield the module `ray`; a Ray that was started here ends with the block.

    Raises:
        PipelineError: Ray is not installed, or the cluster of RAY_ADDRESS does not answer.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # otherwise Ray sends usage statistics to its developers
    os.environ.setdefault("RAY_task_oom_retries", str(RETRIES))  # infinite by default
    try:
        import ray
    except ImportError:
        raise PipelineError(
            "executor=ray needs Ray, which is not installed: python -m pip install --constraint constraints.txt "
            '--editable ".[ray]", or choose executor=local or executor=slurm'
        ) from None
    try:
        ray.init(include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR)
    except (ConnectionError, ValueError) as error:  # ValueError: RAY_ADDRESS is not an address
        raise PipelineError(
            f"no Ray answers ({error}); RAY_ADDRESS is {os.environ.get('RAY_ADDRESS') or 'not set'}: start that "
            "cluster (ray start), name another one, or unset RAY_ADDRESS to have a Ray started on this machine"
        ) from error
    try:
        yield ray
    finally:
        ray.shutdown()


def refuse_small_nodes(nodes: Sequence[RayNode], executor: RayExecutorConfig) -> None:
    """Raise PipelineError if no node is large enough for a worker; Ray would wait for such a node without a message."""
    worker_bytes = executor.memory_gb * 2**30
    sizes = [node["Resources"] for node in nodes if node["Alive"]]
    if not any(size.get("CPU", 0) >= 1 and size.get("memory", 0) >= worker_bytes for size in sizes):
        largest = max((size.get("memory", 0) for size in sizes if size.get("CPU", 0) >= 1), default=0) / 2**30
        raise PipelineError(
            f"no node of this Ray has a CPU and executor.memory_gb={executor.memory_gb} GB for a worker (the largest "
            f"node with a CPU has {largest:.1f} GB): lower executor.memory_gb, or start larger nodes"
        )
