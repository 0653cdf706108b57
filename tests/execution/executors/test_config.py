"""Executor settings that are refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.helpers.executors import executor_config, ray_config, slurm_config


@pytest.mark.parametrize("config", [executor_config, ray_config, slurm_config])
@pytest.mark.parametrize(
    ("changes", "message"),
    [({"workers": 0}, "workers is 0: at least 1 is needed"), ({"memory_gb": 0}, "memory_gb is 0: a worker needs")],
)
def test_every_kind_needs_a_worker_and_memory(
    config: Callable[..., Any], changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        config(**({"workers": 1} | changes))


def test_slurm_needs_a_partition_and_an_array_of_at_most_1000_jobs() -> None:
    with pytest.raises(ValueError, match="partition is empty"):
        slurm_config(1, partition="")
    with pytest.raises(ValueError, match=r"workers is 1001: .* at most 1000 jobs"):
        slurm_config(1001)
