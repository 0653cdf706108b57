"""Checkpoints: `<folder>/<phase>/step-<N>/`, written under a temporary name, synced to disk and renamed.

A checkpoint is two safetensors files (the weights, and AdamW's moments by parameter name) and `state.json`, which is
written last and holds the progress and the files' digests. Loading it executes no code. Data order, masks, dropout
seeds and the learning rate are functions of the step, so nothing else is needed to resume exactly. Tensors are stored
unsharded: any number of processes, under DDP or FSDP, can resume from the same files. The oldest checkpoints are
deleted only after the new one is complete.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from pipeline.execution.console import console
from pipeline.pretrain.parallel import shard_like
from pipeline.store.files import file_digest, read_json, sync, write_json

WEIGHTS_FILE, MOMENTS_FILE, STATE_FILE = "model.safetensors", "optimizer.safetensors", "state.json"


@dataclass(frozen=True, slots=True)
class TrainProgress:
    """The position of a training run: `step` steps of phase number `phase` are done."""

    phase: int
    step: int


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A complete checkpoint on disk."""

    folder: Path
    progress: TrainProgress

    def restore_model(self, model: nn.Module) -> None:
        """Load the weights into `model`, before `wrap_model` distributes it over processes."""
        restore_model(self.folder, model)

    def restore_optimizer(self, optimizer: torch.optim.Optimizer, model: nn.Module) -> None:
        """Load the moments into `optimizer`, sharded as the parameters of `model` are."""
        moments: dict[str, dict[str, Tensor]] = {}
        for key, value in load_file(self.folder / MOMENTS_FILE).items():
            name, _, entry = key.rpartition("/")
            moments.setdefault(name, {})[entry] = value
        for name, parameter in model.named_parameters():
            if parameter.requires_grad:
                # shard_like also moves the step count to the parameter's device, as fused AdamW requires
                optimizer.state[parameter] = {
                    entry: shard_like(value, parameter) for entry, value in moments[name].items()
                }


def restore_model(folder: Path, model: nn.Module) -> None:
    """Load the weights of the checkpoint in `folder` into `model`."""
    model.load_state_dict(load_file(folder / WEIGHTS_FILE))


def read_step(folder: Path) -> int:
    """Return the number of steps of its phase that a checkpoint has behind it."""
    step: int = read_json(folder / STATE_FILE)["step"]
    return step


def save(
    root: Path,
    *,
    phases: Sequence[str],
    progress: TrainProgress,
    weights: Mapping[str, Tensor],
    moments: Mapping[str, Tensor],
    keep: int,
) -> Path:
    """Write the checkpoint of `progress` below `root`, then delete the oldest so that `keep` are left.

    Args:
        root: the folder of all checkpoints of the run.
        phases: names of all phases, in order.
        progress: the position in the training run that the tensors belong to.
        weights, moments: unsharded tensors on the CPU that share no memory (see `copy_to_cpu`).
        keep: number of checkpoints to keep, the new one included.

    Returns:
        The folder of the checkpoint.
    """
    target = root / phases[progress.phase] / f"step-{progress.step}"
    temporary = target.with_name(f".{target.name}")
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True)
    for name, tensors in ((WEIGHTS_FILE, weights), (MOMENTS_FILE, moments)):
        save_file(dict(tensors), temporary / name)
        sync(temporary / name)
    files = {name: file_digest(temporary / name) for name in (WEIGHTS_FILE, MOMENTS_FILE)}
    write_json(temporary / STATE_FILE, {"phase": progress.phase, "step": progress.step, "files": files})
    shutil.rmtree(target, ignore_errors=True)
    os.rename(temporary, target)
    sync(target.parent)
    for old in list(checkpoint_folders(root))[keep:]:
        shutil.rmtree(old)
    return target


def link_from_finished_run(root: Path, finished: Path) -> None:
    """Hard-link the checkpoints of a finished run into `root`, unless `root` has some already."""
    if next(checkpoint_folders(root), None) is not None:
        return
    temporary = root.with_name(f".{root.name}")
    for folder in (temporary, root):
        shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(finished, temporary, copy_function=os.link)  # checkpoints are never changed
    os.rename(temporary, root)
    sync(root.parent)


def find_newest(root: Path) -> Checkpoint | None:
    """Return the newest intact checkpoint below `root`, or None; report the broken ones that are skipped."""
    for folder in checkpoint_folders(root):
        state = read_json(folder / STATE_FILE)
        broken = [
            name
            for name, expected in state["files"].items()
            if not (folder / name).is_file() or file_digest(folder / name) != expected
        ]
        if not broken:
            return Checkpoint(folder, TrainProgress(state["phase"], state["step"]))
        console.print(f"checkpoint {folder} is broken ({', '.join(broken)}): using the one before it")
    return None


def checkpoint_folders(root: Path) -> Iterator[Path]:
    """Yield the folders of finished checkpoints, newest first; report those whose state.json cannot be read."""
    readable = []
    for path in root.glob(f"*/step-*/{STATE_FILE}"):
        try:
            state = read_json(path)
            readable.append((state["phase"], state["step"], path.parent))
        except (ValueError, KeyError):
            console.print(f"checkpoint {path.parent} is broken ({STATE_FILE}): skipping it")
    yield from (folder for _, _, folder in sorted(readable, reverse=True))


def copy_to_cpu(tensors: Iterable[tuple[str, Tensor]], *, keep: bool) -> dict[str, Tensor]:
    """Return copies on the CPU that share no memory, as safetensors requires; an empty dict without `keep`.

    Call it on every process, because `tensors` may gather each tensor from all of them.
    """
    return {name: tensor.detach().to("cpu", copy=True).contiguous() for name, tensor in tensors if keep}
