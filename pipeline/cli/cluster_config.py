"""What `stage=submit` asks a Slurm cluster for: the config group `cluster`."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourcesConfig:
    """What one job asks for."""

    nodes: int
    """Nodes; more than one is for pretrain alone."""
    cpus: int
    """CPUs on each node."""
    memory_gb: int
    """Memory on each node."""
    gpus: int
    """GPUs on each node."""
    time: str
    """Time limit in Slurm's notation, such as 2-00:00:00; a training that reaches it saves and is queued again."""
    sbatch: dict[str, str]
    """Further sbatch options of this stage: constraint, exclusive, ..."""

    def __post_init__(self) -> None:
        for name, least in (("nodes", 1), ("cpus", 1), ("memory_gb", 1), ("gpus", 0)):
            if getattr(self, name) < least:
                raise ValueError(f"cluster.resources.*.{name} is {getattr(self, name)}: at least {least} is needed")


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterConfig:
    """The cluster that `stage=submit` submits to."""

    partition: str
    """Partition of the jobs; `sinfo` lists them."""
    gpu_partition: str
    """Partition of those that ask for GPUs; "" for the same."""
    environment: str
    """A shell command that makes `python` the project's, run first in every job; "" puts this interpreter's folder
    on the PATH."""
    sbatch: dict[str, str]
    """Further sbatch options of every job, arrays included: account, qos, ..."""
    accelerate: str
    """accelerate's config file for pretrain: configs/accelerate/*.yaml or one of your own."""
    resources: dict[str, ResourcesConfig]
    """Stage -> what its job asks for."""

    def __post_init__(self) -> None:
        for stage, resources in self.resources.items():
            if stage != "pretrain" and resources.nodes > 1:
                raise ValueError(f"cluster.resources.{stage}.nodes is {resources.nodes}: only pretrain uses several")
