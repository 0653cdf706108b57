"""A sharded model: gradients, moments and unsharding, in one process. test_train.py has tests with two processes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from accelerate import Accelerator
from torch import distributed
from torch.distributed.tensor import DTensor

from pipeline.errors import PipelineError
from pipeline.pretrain import parallel
from pipeline.pretrain.parallel import (
    clip_gradient_norm,
    fsdp_requested,
    full_tensor,
    named_moments,
    run_on_main_process,
    shard_like,
    unsharded_model,
    wrap_model,
)
from tests.helpers.small_luke import dimensions, ragged_batch, random_luke, without_entities


@pytest.fixture
def single_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Accelerator]:
    """Yield the accelerator of a process group of one process, with FSDP requested."""
    accelerator = Accelerator(cpu=True)
    monkeypatch.setenv("ACCELERATE_USE_FSDP", "true")
    distributed.init_process_group("gloo", init_method=f"file://{tmp_path}/store", rank=0, world_size=1)
    yield accelerator
    distributed.destroy_process_group()


def test_no_shards_unless_requested(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ACCELERATE_USE_FSDP", raising=False)
    assert not fsdp_requested()
    model = random_luke(dimensions())
    assert wrap_model(model, Accelerator(cpu=True), compile_layers=False) is model
    assert unsharded_model(model) is model


def test_the_main_process_works_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that is not the main one does not call the function, and gets what the main one sends."""
    assert run_on_main_process(lambda: "begun", Accelerator(cpu=True)) == "begun"

    def fail() -> str:
        raise PipelineError("no such run")

    with pytest.raises(PipelineError, match="no such run"):
        run_on_main_process(fail, Accelerator(cpu=True))
    monkeypatch.setattr(Accelerator, "is_main_process", False)
    for sent in ("begun", PipelineError("no such run")):
        monkeypatch.setattr(parallel, "broadcast_object_list", lambda outcome, sent=sent: outcome.__setitem__(0, sent))
        if isinstance(sent, str):
            assert run_on_main_process(fail, Accelerator(cpu=True)) == "begun"
        else:
            with pytest.raises(PipelineError, match="no such run"):
                run_on_main_process(lambda: "not called", Accelerator(cpu=True))


def test_shards_have_the_same_gradients_with_and_without_entities(single_process: Accelerator) -> None:
    model, plain = random_luke(dimensions()), random_luke(dimensions())
    wrapped = wrap_model(model, single_process, compile_layers=False)
    for batch in (ragged_batch(), without_entities(ragged_batch())):
        for one in (wrapped, plain):
            one.zero_grad()
            output = one(batch)
            (output.word_loss_sum + output.entity_loss_sum).backward()
        for (name, ours), theirs in zip(model.named_parameters(), plain.parameters(), strict=True):
            assert isinstance(ours, DTensor)
            assert ours.grad is not None, name
            torch.testing.assert_close(full_tensor(ours.grad), theirs.grad, atol=1e-5, rtol=1e-5)
    norms = [clip_gradient_norm(list(one.parameters()), None) for one in (model, plain)]
    assert norms[0] == pytest.approx(norms[1], rel=1e-5)


def test_moments_are_unsharded_and_sharded_again(single_process: Accelerator) -> None:
    model = random_luke(dimensions())
    wrapped = wrap_model(model, single_process, compile_layers=False)
    optimizer = torch.optim.AdamW(model.parameters(), fused=True)
    output = wrapped(ragged_batch())
    (output.word_loss_sum + output.entity_loss_sum).backward()
    optimizer.step()
    moments = dict(named_moments(model, optimizer))
    for name, parameter in model.named_parameters():
        average = moments[f"{name}/exp_avg"]
        assert not isinstance(average, DTensor)
        assert average.shape == parameter.shape
        again = shard_like(average, parameter)
        assert isinstance(again, DTensor)
        assert torch.equal(full_tensor(again), average)
        assert shard_like(moments[f"{name}/step"], parameter).item() == 1


def test_the_unsharded_model_is_the_model(single_process: Accelerator) -> None:
    model, plain = random_luke(dimensions()), random_luke(dimensions())
    wrap_model(model, single_process, compile_layers=False)
    copy = unsharded_model(model)
    assert not any(isinstance(parameter, DTensor) for parameter in copy.parameters())
    for ours, theirs in zip(copy.parameters(), plain.parameters(), strict=True):
        assert torch.equal(ours, theirs)
