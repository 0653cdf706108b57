"""A model in shards: its gradients, its moments and its whole again. Two processes are test_train.py's."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from accelerate import Accelerator
from torch import distributed
from torch.distributed.tensor import DTensor

from pipeline.pretrain.parallel import gathered, gradient_norm, like, named_moments, sharded, spread, whole
from tests.model.samples import dimensions, made, ragged, without_entities


@pytest.fixture
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Accelerator]:
    """A process group of this process, asked for shards."""
    accelerator = Accelerator(cpu=True)
    monkeypatch.setenv("ACCELERATE_USE_FSDP", "true")
    distributed.init_process_group("gloo", init_method=f"file://{tmp_path}/store", rank=0, world_size=1)
    yield accelerator
    distributed.destroy_process_group()


def test_copies_unless_asked_for_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ACCELERATE_USE_FSDP", raising=False)
    assert not sharded()
    model = made(dimensions())
    assert spread(model, Accelerator(cpu=True), compiled=False) is model
    assert gathered(model) is model


def test_shards_have_the_same_gradients_with_and_without_entities(alone: Accelerator) -> None:
    model, plain = made(dimensions()), made(dimensions())
    wrapped = spread(model, alone, compiled=False)
    for batch in (ragged(), without_entities(ragged())):
        for one in (wrapped, plain):
            one.zero_grad()
            output = one(batch)
            (output.word_loss_sum + output.entity_loss_sum).backward()
        for (name, ours), theirs in zip(model.named_parameters(), plain.parameters(), strict=True):
            assert isinstance(ours, DTensor)
            assert ours.grad is not None, name
            torch.testing.assert_close(whole(ours.grad), theirs.grad, atol=1e-5, rtol=1e-5)
    norms = [gradient_norm(list(one.parameters()), None) for one in (model, plain)]
    assert norms[0] == pytest.approx(norms[1], rel=1e-5)


def test_moments_are_whole_and_cut_again(alone: Accelerator) -> None:
    model = made(dimensions())
    wrapped = spread(model, alone, compiled=False)
    optimizer = torch.optim.AdamW(model.parameters(), fused=True)
    output = wrapped(ragged())
    (output.word_loss_sum + output.entity_loss_sum).backward()
    optimizer.step()
    moments = dict(named_moments(model, optimizer))
    for name, parameter in model.named_parameters():
        average = moments[f"{name}/exp_avg"]
        assert not isinstance(average, DTensor)
        assert average.shape == parameter.shape
        again = like(average, parameter)
        assert isinstance(again, DTensor)
        assert torch.equal(whole(again), average)
        assert like(moments[f"{name}/step"], parameter).item() == 1


def test_a_gathered_model_is_the_model(alone: Accelerator) -> None:
    model, plain = made(dimensions()), made(dimensions())
    spread(model, alone, compiled=False)
    copy = gathered(model)
    assert not any(isinstance(parameter, DTensor) for parameter in copy.parameters())
    for ours, theirs in zip(copy.parameters(), plain.parameters(), strict=True):
        assert torch.equal(ours, theirs)
