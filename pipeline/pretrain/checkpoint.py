"""Checkpoints: `<folder>/<phase>/step-<N>/`, written aside, synced, renamed, and only then the oldest pruned.

A checkpoint is two safetensors files (weights; AdamW's moments by parameter name) and `state.json`, written last, with
the place in the training and the files' digests. Nothing in it can execute. The data's order and masks, dropout's
seeds and the learning rate are functions of the step, so nothing else is needed to go on exactly.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import nn

from pipeline.runner import console
from pipeline.store import digest, read_json, sync_folder, write_json

WEIGHTS, MOMENTS, STATE = "model.safetensors", "optimizer.safetensors", "state.json"


@dataclass(frozen=True, slots=True)
class Place:
    """How far a training is: `step` steps of phase number `phase` are done."""

    phase: int
    step: int


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A checkpoint found whole on disk."""

    folder: Path
    place: Place

    def restore_model(self, model: nn.Module) -> None:
        model.load_state_dict(load_file(self.folder / WEIGHTS))

    def restore_optimizer(self, optimizer: torch.optim.Optimizer, model: nn.Module) -> None:
        """Put the moments back, each to its parameter by name."""
        moments = load_file(self.folder / MOMENTS)
        for name, parameter in model.named_parameters():
            if parameter.requires_grad:
                keys = [key for key in moments if key.startswith(f"{name}/")]
                # fused AdamW wants its count of steps beside the parameter, too
                optimizer.state[parameter] = {
                    key.removeprefix(f"{name}/"): moments[key].to(parameter.device) for key in keys
                }


def save(
    root: Path,
    *,
    phases: Sequence[str],
    place: Place,
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    keep: int,
) -> Path:
    """Write the checkpoint of `place` below `root`, then prune all but the newest `keep`."""
    target = root / phases[place.phase] / f"step-{place.step}"
    aside = target.with_name(f".{target.name}")
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir(parents=True)
    save_file(contiguous(model.state_dict()), aside / WEIGHTS)
    save_file(contiguous(named_moments(model, optimizer)), aside / MOMENTS)
    for name in (WEIGHTS, MOMENTS):
        sync(aside / name)
    files = {name: digest(aside / name) for name in (WEIGHTS, MOMENTS)}
    write_json(aside / STATE, {"phase": place.phase, "step": place.step, "files": files})
    shutil.rmtree(target, ignore_errors=True)
    os.rename(aside, target)
    sync_folder(target.parent)
    for old in list(found(root))[keep:]:
        shutil.rmtree(old)
    return target


def newest(root: Path) -> Checkpoint | None:
    """The newest checkpoint below `root` that is whole; one that is not is named and passed over."""
    for folder in found(root):
        state = read_json(folder / STATE)
        broken = [
            name
            for name, expected in state["files"].items()
            if not (folder / name).is_file() or digest(folder / name) != expected
        ]
        if not broken:
            return Checkpoint(folder, Place(state["phase"], state["step"]))
        console.print(f"checkpoint {folder} is broken ({', '.join(broken)}): going on from the one before it")
    return None


def found(root: Path) -> Iterator[Path]:
    """Folders of finished checkpoints, newest first."""
    places = []
    for path in root.glob(f"*/step-*/{STATE}"):
        try:
            state = read_json(path)
            places.append((state["phase"], state["step"], path.parent))
        except (ValueError, KeyError):
            console.print(f"checkpoint {path.parent} is broken ({STATE}): passing it over")
    yield from (folder for _, _, folder in sorted(places, reverse=True))


def named_moments(model: nn.Module, optimizer: torch.optim.Optimizer) -> dict[str, torch.Tensor]:
    """AdamW's state as `<parameter>/<entry>` -> tensor."""
    return {
        f"{name}/{entry}": value
        for name, parameter in model.named_parameters()
        for entry, value in optimizer.state.get(parameter, {}).items()
    }


def contiguous(tensors: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Copies that share no memory, as safetensors wants them: tied weights are written under each of their names."""
    return {name: tensor.detach().to("cpu", copy=True).contiguous() for name, tensor in tensors.items()}


def sync(path: Path) -> None:
    with open(path, "rb+") as file:
        os.fsync(file.fileno())
