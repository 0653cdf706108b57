"""How units are spread."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

MAX_ARRAY = 1000
"""Of Slurm's MaxArraySize, by default 1001; of more datatrove would make several arrays, and only the last is known."""


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
        if self.kind == "slurm" and self.workers > MAX_ARRAY:
            raise ValueError(f"executor.workers is {self.workers}: a job array of Slurm has at most {MAX_ARRAY} jobs")
