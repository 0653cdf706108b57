"""Config of the executors: one class per kind, chosen by `executor.kind`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

MAX_ARRAY_SIZE = 1000
"""Slurm's MaxArraySize is 1001 by default. datatrove splits a larger array, and only the last part's id is known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalExecutorConfig:
    """Processes on this machine."""

    kind: Literal["local"]
    workers: int
    """Processes that run at the same time."""
    memory_gb: int
    """Memory of one process."""

    def __post_init__(self) -> None:
        check_workers(self.workers, self.memory_gb)


@dataclass(frozen=True, slots=True, kw_only=True)
class RayExecutorConfig:
    """Tasks of a Ray cluster."""

    kind: Literal["ray"]
    workers: int
    """Tasks that run at the same time."""
    memory_gb: int
    """Memory of one task."""

    def __post_init__(self) -> None:
        check_workers(self.workers, self.memory_gb)


@dataclass(frozen=True, slots=True, kw_only=True)
class SlurmExecutorConfig:
    """A Slurm job array for each step of a stage."""

    kind: Literal["slurm"]
    workers: int
    """Jobs of the array that run at the same time."""
    memory_gb: int
    """Memory of one job."""
    partition: str
    """Partition of the jobs."""
    time: str
    """Time limit of one job."""
    env_command: str
    """Shell command that makes `python` the project's, run first in every job; "" puts this interpreter's folder on
    the PATH."""
    sbatch: dict[str, str]
    """Further sbatch options: account, qos, constraint, ..."""

    def __post_init__(self) -> None:
        check_workers(self.workers, self.memory_gb)
        if not self.partition:
            raise ValueError("partition is empty: name one of the cluster's partitions (sinfo lists them)")
        if self.workers > MAX_ARRAY_SIZE:
            raise ValueError(f"workers is {self.workers}: a Slurm job array has at most {MAX_ARRAY_SIZE} jobs")


ExecutorConfig = Annotated[
    LocalExecutorConfig | SlurmExecutorConfig | RayExecutorConfig,
    Field(discriminator="kind"),
]
"""The executor of the units. It is not part of any manifest, because it cannot change a byte of the result."""


def check_workers(workers: int, memory_gb: int) -> None:
    """Raise ValueError unless there is at least one worker, with at least 1 GB of memory."""
    if workers < 1:
        raise ValueError(f"workers is {workers}: at least 1 is needed")
    if memory_gb < 1:
        raise ValueError(f"memory_gb is {memory_gb}: a worker needs at least 1")
