"""Config of the Slurm cluster that `stage=submit` submits to: the config group `cluster`."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourcesConfig:
    """The resources of one job."""

    nodes: int
    """Nodes; only pretrain uses more than one."""
    cpus: int
    """CPUs on each node."""
    memory_gb: int
    """Memory on each node."""
    gpus: int
    """GPUs on each node."""
    time: str
    """Time limit in Slurm's notation, for example 2-00:00:00. A training that reaches it saves and is requeued."""
    sbatch: dict[str, str]
    """Further sbatch options of this stage: constraint, exclusive, ..."""

    def __post_init__(self) -> None:
        for name, minimum in (("nodes", 1), ("cpus", 1), ("memory_gb", 1), ("gpus", 0)):
            if getattr(self, name) < minimum:
                raise ValueError(f"{name} is {getattr(self, name)}: at least {minimum} is needed")


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterConfig:
    """The cluster that `stage=submit` submits to."""

    partition: str
    """Partition of the jobs; `sinfo` lists the names."""
    gpu_partition: str
    """Partition of the jobs that request GPUs; "" for the same."""
    env_command: str
    """Shell command that makes `python` the project's, run first in every job; "" puts this interpreter's folder on
    the PATH."""
    sbatch: dict[str, str]
    """Further sbatch options of every job, arrays included: account, qos, ..."""
    resources: dict[str, ResourcesConfig]
    """Stage -> what its job requests."""

    def __post_init__(self) -> None:
        for stage, resources in self.resources.items():
            if stage != "pretrain" and resources.nodes > 1:
                raise ValueError(f"resources.{stage}.nodes is {resources.nodes}: only pretrain can use several nodes")
