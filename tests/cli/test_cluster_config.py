"""The resources of jobs on a cluster."""

from __future__ import annotations

import pytest

from pipeline.cli.cluster_config import ClusterConfig, ResourcesConfig


def test_only_pretraining_takes_several_nodes() -> None:
    two = ResourcesConfig(nodes=2, cpus=1, memory_gb=1, gpus=0, time="1:00", sbatch={})
    ClusterConfig(partition="", gpu_partition="", env_command="", sbatch={}, resources={"pretrain": two})
    with pytest.raises(ValueError, match=r"resources\.vocab\.nodes is 2: only pretrain can use several nodes"):
        ClusterConfig(partition="", gpu_partition="", env_command="", sbatch={}, resources={"vocab": two})
