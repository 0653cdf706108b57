"""Checkpoints: whole or not there, the newest whole one found, the oldest pruned."""

import pytest
import torch

from pipeline.pretrain import checkpoint
from pipeline.pretrain.checkpoint import Place
from pipeline.pretrain.parallel import named_moments


@pytest.fixture
def trained():
    model = torch.nn.Linear(3, 2)
    optimizer = torch.optim.AdamW(model.parameters(), fused=True)
    model(torch.ones(1, 3)).sum().backward()
    optimizer.step()
    return model, optimizer


def save(root, trained, *places, keep=10):
    model, optimizer = trained
    for place in places:
        checkpoint.save(
            root, phases=["a", "b"], place=place, keep=keep,
            weights=checkpoint.on_cpu(model.state_dict().items(), kept=True),
            moments=checkpoint.on_cpu(named_moments(model, optimizer), kept=True),
        )  # fmt: skip


def test_restores_weights_and_moments(tmp_path, trained):
    save(tmp_path, trained, Place(0, 3))
    model, optimizer = torch.nn.Linear(3, 2), None
    optimizer = torch.optim.AdamW(model.parameters(), fused=True)
    found = checkpoint.newest(tmp_path)
    assert found.place == Place(0, 3)
    found.restore_model(model)
    found.restore_optimizer(optimizer, model)
    for mine, theirs in zip(model.parameters(), trained[0].parameters(), strict=True):
        assert torch.equal(mine, theirs)
        for key, value in trained[1].state[theirs].items():
            assert torch.equal(optimizer.state[mine][key], value)


def test_phases_come_before_steps_and_the_oldest_go(tmp_path, trained):
    save(tmp_path, trained, Place(0, 9), Place(0, 10), Place(1, 2), keep=2)
    assert [path.relative_to(tmp_path).as_posix() for path in checkpoint.found(tmp_path)] == ["b/step-2", "a/step-10"]


@pytest.mark.parametrize("name", [checkpoint.WEIGHTS, checkpoint.MOMENTS, checkpoint.STATE])
def test_a_broken_newest_is_passed_over(tmp_path, trained, name, capsys):
    save(tmp_path, trained, Place(0, 1), Place(0, 2))
    path = tmp_path / "a" / "step-2" / name
    path.write_bytes(path.read_bytes()[:-5])
    assert checkpoint.newest(tmp_path).place == Place(0, 1)
    assert "step-2 is broken" in capsys.readouterr().err.replace("\n", "")


def test_a_save_that_was_cut_off_leaves_the_former(tmp_path, trained):
    save(tmp_path, trained, Place(0, 1))
    cut = tmp_path / "a" / ".step-2"
    cut.mkdir()
    (cut / checkpoint.WEIGHTS).write_bytes(b"half")
    assert checkpoint.newest(tmp_path).place == Place(0, 1)
    save(tmp_path, trained, Place(0, 2))
    assert checkpoint.newest(tmp_path).place == Place(0, 2)


def test_nothing_there(tmp_path):
    assert checkpoint.newest(tmp_path) is None
