"""Parts of the training loop on a small model, without artefacts."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from pipeline.pretrain.train import Trainer, dropout_seed, evenly_spaced_steps
from tests.helpers.small_luke import dimensions, ragged_batch, random_luke
from tests.helpers.stages import compose_config


def make_trainer(folder: Path, rank: int) -> Trainer:
    """Return a trainer that acts as process `rank` without communicating with other processes."""
    accelerator: Any = SimpleNamespace(
        device=torch.device("cpu"),
        process_index=rank,
        num_processes=1,
        is_main_process=rank == 0,
        reduce=lambda tensor, reduction: tensor,
        autocast=nullcontext,
    )
    data: Any = SimpleNamespace(train=range(12))
    metrics: Any = SimpleNamespace(reset=lambda: None)
    stop: Any = SimpleNamespace(is_set=False)
    config = compose_config("stage=pretrain", "pretrain.batch_size=4").pretrain
    return Trainer(config, accelerator, random_luke(dimensions()), data, metrics, stop, folder)


def seeds_of_step(trainer: Trainer, step: int, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Run one step of two micro-batches and return the seeds of torch's generator."""
    seeds: list[int] = []
    with monkeypatch.context() as patch:
        patch.setattr(torch, "manual_seed", seeds.append)
        trainer.train_step(trainer.begin_phase(trainer.phases[1]), step, [ragged_batch(), ragged_batch()])
    return seeds


def test_dropout_differs_between_micro_batches_ranks_and_steps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trainers = [make_trainer(tmp_path, rank) for rank in (0, 1)]
    seeds = [seeds_of_step(trainer, step, monkeypatch) for step in (0, 1) for trainer in trainers]
    assert [len(part) for part in seeds] == [2, 2, 2, 2]
    assert len({seed for part in seeds for seed in part}) == 8
    assert seeds_of_step(trainers[1], 1, monkeypatch) == seeds[3]


def test_the_seed_of_dropout_depends_on_each_of_its_arguments() -> None:
    start = {"seed": 0, "phase": 1, "step": 2, "micro_batch": 3, "rank": 0}
    changed = [start | {name: value + 1} for name, value in start.items()]
    seeds = [dropout_seed(arguments.pop("seed"), **arguments) for arguments in [start, *changed]]
    assert len(set(seeds)) == 6
    assert all(0 <= seed < 2**63 for seed in seeds)
    assert seeds[0] == 4_990_960_021_561_894_971  # another seed would change results that people have


@pytest.mark.parametrize(
    ("steps", "times", "expected"),
    [(10, 2, {5, 10}), (10, 3, {3, 7, 10}), (2, 5, {1, 2}), (10, 0, set()), (1, 1, {1})],
)
def test_steps_are_evenly_spaced_and_the_last_is_one_of_them(steps: int, times: int, expected: set[int]) -> None:
    assert evenly_spaced_steps(steps, times) == expected
