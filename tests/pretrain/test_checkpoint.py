"""Checkpoints: complete or absent, the newest intact one is found, the oldest are deleted."""

import os
from pathlib import Path

import pytest
import torch

from pipeline.pretrain import checkpoint
from pipeline.pretrain.checkpoint import TrainProgress
from pipeline.pretrain.parallel import named_moments


@pytest.fixture
def trained_model():
    model = torch.nn.Linear(3, 2)
    optimizer = torch.optim.AdamW(model.parameters(), fused=True)
    model(torch.ones(1, 3)).sum().backward()
    optimizer.step()
    return model, optimizer


def save(root, trained_model, *places, keep=10):
    model, optimizer = trained_model
    for place in places:
        checkpoint.save(
            root, phases=["a", "b"], progress=place, keep=keep,
            weights=checkpoint.copy_to_cpu(model.state_dict().items(), keep=True),
            moments=checkpoint.copy_to_cpu(named_moments(model, optimizer), keep=True),
        )  # fmt: skip


def test_restores_weights_and_moments(tmp_path, trained_model):
    save(tmp_path, trained_model, TrainProgress(0, 3))
    model, optimizer = torch.nn.Linear(3, 2), None
    optimizer = torch.optim.AdamW(model.parameters(), fused=True)
    found = checkpoint.find_newest(tmp_path)
    assert found.progress == TrainProgress(0, 3)
    found.restore_model(model)
    found.restore_optimizer(optimizer, model)
    for mine, theirs in zip(model.parameters(), trained_model[0].parameters(), strict=True):
        assert torch.equal(mine, theirs)
        for key, value in trained_model[1].state[theirs].items():
            assert torch.equal(optimizer.state[mine][key], value)


def test_progress_is_ordered_by_phase_then_step_and_the_oldest_are_deleted(tmp_path, trained_model):
    save(tmp_path, trained_model, TrainProgress(0, 9), TrainProgress(0, 10), TrainProgress(1, 2), keep=2)
    assert [path.relative_to(tmp_path).as_posix() for path in checkpoint.checkpoint_folders(tmp_path)] == [
        "b/step-2",
        "a/step-10",
    ]


@pytest.mark.parametrize("name", [checkpoint.WEIGHTS_FILE, checkpoint.MOMENTS_FILE, checkpoint.STATE_FILE])
def test_a_broken_checkpoint_is_skipped(tmp_path, trained_model, name, capsys):
    save(tmp_path, trained_model, TrainProgress(0, 1), TrainProgress(0, 2))
    path = tmp_path / "a" / "step-2" / name
    path.write_bytes(path.read_bytes()[:-5])
    assert checkpoint.find_newest(tmp_path).progress == TrainProgress(0, 1)
    assert "step-2 is broken" in capsys.readouterr().err.replace("\n", "")


def test_an_interrupted_save_leaves_the_previous_checkpoint(tmp_path, trained_model):
    save(tmp_path, trained_model, TrainProgress(0, 1))
    cut = tmp_path / "a" / ".step-2"
    cut.mkdir()
    (cut / checkpoint.WEIGHTS_FILE).write_bytes(b"half")
    assert checkpoint.find_newest(tmp_path).progress == TrainProgress(0, 1)
    save(tmp_path, trained_model, TrainProgress(0, 2))
    assert checkpoint.find_newest(tmp_path).progress == TrainProgress(0, 2)


def test_files_are_synced_before_the_rename_and_the_folder_after_it(tmp_path, trained_model, monkeypatch):
    """Record the calls to the operating system; a file written and not synced may be empty after a power cut."""
    fsync, rename, calls = os.fsync, os.rename, []

    def record_fsync(descriptor: int) -> None:
        calls.append(("fsync", Path(os.readlink(f"/proc/self/fd/{descriptor}")).relative_to(tmp_path).as_posix()))
        fsync(descriptor)

    def record_rename(source: Path, target: Path) -> None:
        calls.append(("rename", target.relative_to(tmp_path).as_posix()))
        rename(source, target)

    monkeypatch.setattr(os, "fsync", record_fsync)
    monkeypatch.setattr(os, "rename", record_rename)
    save(tmp_path, trained_model, TrainProgress(0, 2))
    renamed = calls.index(("rename", "a/step-2"))
    synced = [path for call, path in calls[:renamed] if call == "fsync"]
    weights, moments, state, folder = synced
    assert (weights, moments) == ("a/.step-2/model.safetensors", "a/.step-2/optimizer.safetensors")
    assert state.startswith("a/.step-2/.state.json.")  # written under a temporary name, too
    assert folder == "a/.step-2"
    assert calls[renamed + 1 :] == [("fsync", "a")]


def test_no_checkpoint(tmp_path):
    assert checkpoint.find_newest(tmp_path) is None
