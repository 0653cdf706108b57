"""Checkpoints: `<folder>/<phase>/step-<N>/`, written aside, synced, renamed, and only then the oldest pruned.

A checkpoint is two safetensors files (weights; AdamW's moments by parameter name) and `state.json`, written last, with
the place in the training and the files' digests. Nothing in it can execute. The data's order and masks, dropout's
seeds and the learning rate are functions of the step, so nothing else is needed to go on exactly. Tensors are whole,
however many processes held them: another number of processes, in copies or in shards, goes on from the same files.
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
from pipeline.pretrain.parallel import like
from pipeline.store.files import digest, read_json, sync, write_json

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
        """Put the weights back, before the model is spread over processes."""
        model.load_state_dict(load_file(self.folder / WEIGHTS))

    def restore_optimizer(self, optimizer: torch.optim.Optimizer, model: nn.Module) -> None:
        """Put the moments back, each to its parameter by name, as this process holds it."""
        moments: dict[str, dict[str, Tensor]] = {}
        for key, value in load_file(self.folder / MOMENTS).items():
            name, _, entry = key.rpartition("/")
            moments.setdefault(name, {})[entry] = value
        for name, parameter in model.named_parameters():
            if parameter.requires_grad:
                # fused AdamW wants its count of steps beside the parameter, too
                optimizer.state[parameter] = {entry: like(value, parameter) for entry, value in moments[name].items()}


def save(
    root: Path,
    *,
    phases: Sequence[str],
    place: Place,
    weights: Mapping[str, Tensor],
    moments: Mapping[str, Tensor],
    keep: int,
) -> Path:
    """Write the checkpoint of `place` below `root`, then prune all but the newest `keep`.

    Args:
        weights, moments: whole tensors on the CPU that share no memory (see `on_cpu`).
    """
    target = root / phases[place.phase] / f"step-{place.step}"
    aside = target.with_name(f".{target.name}")
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir(parents=True)
    for name, tensors in ((WEIGHTS, weights), (MOMENTS, moments)):
        save_file(dict(tensors), aside / name)
        sync(aside / name)
    files = {name: digest(aside / name) for name in (WEIGHTS, MOMENTS)}
    write_json(aside / STATE, {"phase": place.phase, "step": place.step, "files": files})
    shutil.rmtree(target, ignore_errors=True)
    os.rename(aside, target)
    sync(target.parent)
    for old in list(found(root))[keep:]:
        shutil.rmtree(old)
    return target


def bring(root: Path, former: Path) -> None:
    """Give `root` the checkpoints of a finished training, where it has none of its own."""
    if next(found(root), None) is not None:
        return
    aside = root.with_name(f".{root.name}")
    for folder in (aside, root):
        shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(former, aside, copy_function=os.link)  # never written to: a second name is as good as a copy
    os.rename(aside, root)
    sync(root.parent)


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


def on_cpu(tensors: Iterable[tuple[str, Tensor]], *, kept: bool) -> dict[str, Tensor]:
    """Copies that share no memory, as safetensors wants them; none where they are not `kept`, yet all are looked at,
    since gathering a tensor's shards takes every process."""
    return {name: tensor.detach().to("cpu", copy=True).contiguous() for name, tensor in tensors if kept}
