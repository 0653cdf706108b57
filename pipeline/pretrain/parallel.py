"""How the model lies on the processes that train it: alone, copied (DDP) or in shards (FSDP2).

accelerate starts the processes, names the device and reduces figures; its file decides (`distributed_type: FSDP` in
configs/accelerate/fsdp.yaml, else DDP). The wrapping itself is torch's and happens here, once a phase, because a phase
changes which parameters are trained and both DDP and FSDP2 fix that when they wrap; accelerate prepares a model once,
and FSDP2 on GPUs alone, so that it could not be tested on a CPU.

All three compute the same: gradients are averaged over the processes in fp32, and parameters are kept and gathered in
fp32. What FSDP2 saves is memory: of weights, gradients and moments each process holds its share, and besides them one
layer at a time. torch's FSDP takes two seconds to import, and is imported where it was asked for.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import torch
from accelerate import Accelerator
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from pipeline.model.luke import Luke
from pipeline.model.weights import undefined


def sharded() -> bool:
    """Whether accelerate's file asked for FSDP; its launcher says so in the environment."""
    return os.environ.get("ACCELERATE_USE_FSDP", "false").lower() == "true"


def in_shards(model: nn.Module) -> bool:
    """Whether FSDP2 has cut the model's parameters."""
    if not sharded():
        return False
    from torch.distributed.fsdp import FSDPModule

    return isinstance(model, FSDPModule)


def is_shard(tensor: Tensor) -> bool:
    if not sharded():
        return False
    from torch.distributed.tensor import DTensor

    return isinstance(tensor, DTensor)


def spread(model: Luke, accelerator: Accelerator, *, compiled: bool) -> nn.Module:
    """The model as this process is to call it, on its device; whole models in, on the CPU or there already.

    Which parameters are trained must be settled before. `compiled` compiles each layer by itself: the layers are
    alike, so it is done once, and batches of all shapes share the result.
    """
    if not sharded():
        model.to(accelerator.device)
    if compiled:
        for layer in model.luke.encoder.layer:
            layer.compile(dynamic=True)
    if sharded():
        from torch.distributed.device_mesh import init_device_mesh
        from torch.distributed.fsdp import fully_shard

        mesh = init_device_mesh(accelerator.device.type, (accelerator.num_processes,))
        for layer in model.luke.encoder.layer:
            fully_shard(layer, mesh=mesh)
        fully_shard(model, mesh=mesh)  # in place
        return model
    if accelerator.num_processes == 1:
        return model
    on_gpu = accelerator.device.type == "cuda"
    return DistributedDataParallel(
        model, device_ids=[accelerator.device.index] if on_gpu else None, gradient_as_bucket_view=True
    )


def gathered(model: Luke) -> Luke:
    """The model with whole parameters: itself, or where it is in shards a copy on the CPU. All processes take part."""
    if not in_shards(model):
        return model
    copy = undefined(model.dimensions)
    with torch.no_grad():
        for (_, theirs), ours in zip(model.named_parameters(), copy.parameters(), strict=True):
            ours.copy_(whole(theirs))
    return copy


def whole(tensor: Tensor) -> Tensor:
    """The values of a tensor of which each process may hold a shard. All processes take part."""
    return tensor if not is_shard(tensor) else tensor.full_tensor()  # type: ignore[attr-defined]


def like(tensor: Tensor, parameter: Tensor) -> Tensor:
    """`tensor`, whole on every process, on the parameter's device and cut as the parameter is cut."""
    tensor = tensor.to(parameter.device)
    if is_shard(parameter) and tensor.shape == parameter.shape:
        from torch.distributed.tensor import distribute_tensor

        mesh, placements = parameter.device_mesh, parameter.placements  # type: ignore[attr-defined]
        return distribute_tensor(tensor, mesh, placements, src_data_rank=None)
    return tensor


def named_moments(model: nn.Module, optimizer: torch.optim.Optimizer) -> Iterator[tuple[str, Tensor]]:
    """AdamW's state as (`<parameter>/<entry>`, whole tensor), one at a time. All processes take part."""
    for name, parameter in model.named_parameters():
        for entry, value in optimizer.state.get(parameter, {}).items():
            yield f"{name}/{entry}", whole(value)


def synchronise(wrapped: nn.Module, last: bool) -> None:
    """Whether the next backward pass exchanges gradients: only the last one of a step needs to."""
    if in_shards(wrapped):
        wrapped.set_requires_gradient_sync(last)  # type: ignore[operator]
    elif isinstance(wrapped, DistributedDataParallel):
        wrapped.require_backward_grad_sync = last


def gradient_norm(parameters: list[nn.Parameter], limit: float | None) -> float:
    """The norm of the whole gradient before it is cut down to `limit`. All processes take part."""
    norm: Any = nn.utils.clip_grad_norm_(parameters, float("inf") if limit is None else limit)
    return float(whole(norm))
