"""Distribute the model over the training processes: a single process, copies (DDP) or shards (FSDP2).

accelerate starts the processes, chooses the device and reduces metrics; its config file selects FSDP
(`distributed_type: FSDP`) or DDP. The wrapping itself is torch's and happens here, once per phase: a phase changes
which parameters are trained, and both DDP and FSDP2 fix that when they wrap. accelerate prepares a model only once, and
it supports FSDP2 on GPUs only, so it could not be tested on a CPU.

All three compute the same result: gradients are averaged over the processes in fp32, and parameters are kept and
gathered in fp32. FSDP2 saves memory: each process holds its share of weights, gradients and moments, and gathers one
layer at a time. Importing torch's FSDP takes two seconds, so it is imported only if requested.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import TypeVar, cast

import torch
from accelerate import Accelerator
from accelerate.utils import broadcast_object_list
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from pipeline.errors import PipelineError
from pipeline.model.luke import Luke
from pipeline.model.weights import empty_model

Result = TypeVar("Result")


def run_on_main_process(function: Callable[[], Result], accelerator: Accelerator) -> Result:
    """Call `function` on the main process, and return its result on all. All processes must call this.

    Args:
        function: its result must be picklable.
        accelerator: knows the processes.

    Raises:
        PipelineError: on every process, if the main process raises it.
    """
    outcome: list[Result | PipelineError | None] = [None]
    if accelerator.is_main_process:
        try:
            outcome = [function()]
        except PipelineError as error:
            outcome = [error]
    broadcast_object_list(outcome)
    if isinstance(outcome[0], PipelineError):
        raise outcome[0]
    return cast(Result, outcome[0])


def fsdp_requested() -> bool:
    """Whether accelerate's config file selects FSDP; its launcher sets an environment variable then."""
    return os.environ.get("ACCELERATE_USE_FSDP", "false").lower() == "true"


def is_sharded_model(model: nn.Module) -> bool:
    """Whether FSDP2 has sharded the model's parameters."""
    if not fsdp_requested():
        return False
    from torch.distributed.fsdp import FSDPModule

    return isinstance(model, FSDPModule)


def is_sharded_tensor(tensor: Tensor) -> bool:
    """Whether this process may hold only a shard of `tensor`."""
    if not fsdp_requested():
        return False
    from torch.distributed.tensor import DTensor

    return isinstance(tensor, DTensor)


def wrap_model(model: Luke, accelerator: Accelerator, *, compile_layers: bool) -> nn.Module:
    """Move the model to this process's device and wrap it for DDP or FSDP2.

    Set `requires_grad` of all parameters first. The layers are alike, so compiling them one by one compiles once, and
    batches of all shapes share the result.

    Args:
        model: an unsharded model, on the CPU or on the device already.
        accelerator: gives the device and the number of processes.
        compile_layers: whether to compile each layer.

    Returns:
        The module to call. Its parameters are those of `model`, which FSDP2 shards in place.
    """
    if not fsdp_requested():
        model.to(accelerator.device)
    if compile_layers:
        for layer in model.luke.encoder.layer:
            layer.compile(dynamic=True)
    if fsdp_requested():
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


def unsharded_model(model: Luke) -> Luke:
    """Return the model itself, or an unsharded copy on the CPU if it is sharded. All processes must call this."""
    if not is_sharded_model(model):
        return model
    copy = empty_model(model.dimensions)
    with torch.no_grad():
        for source, target in zip(model.parameters(), copy.parameters(), strict=True):
            target.copy_(full_tensor(source))
    return copy


def full_tensor(tensor: Tensor) -> Tensor:
    """Return the unsharded values of a tensor that may be sharded. All processes must call this."""
    return tensor if not is_sharded_tensor(tensor) else tensor.full_tensor()  # type: ignore[attr-defined]


def shard_like(tensor: Tensor, parameter: Tensor) -> Tensor:
    """Return `tensor` on the parameter's device and sharded as the parameter is.

    Args:
        tensor: unsharded, the same on every process. A tensor of another shape than the parameter is not sharded.
        parameter: the example to follow.
    """
    tensor = tensor.to(parameter.device)
    if is_sharded_tensor(parameter) and tensor.shape == parameter.shape:
        from torch.distributed.tensor import distribute_tensor

        mesh, placements = parameter.device_mesh, parameter.placements  # type: ignore[attr-defined]
        return distribute_tensor(tensor, mesh, placements, src_data_rank=None)
    return tensor


def named_moments(model: nn.Module, optimizer: torch.optim.Optimizer) -> Iterator[tuple[str, Tensor]]:
    """Yield AdamW's state as (`<parameter>/<entry>`, unsharded tensor). All processes must iterate."""
    for name, parameter in model.named_parameters():
        for entry, value in optimizer.state.get(parameter, {}).items():
            yield f"{name}/{entry}", full_tensor(value)


def set_gradient_sync(wrapped: nn.Module, enabled: bool) -> None:
    """Set whether the next backward pass exchanges gradients; only the last one of a step needs to."""
    if is_sharded_model(wrapped):
        wrapped.set_requires_gradient_sync(enabled)  # type: ignore[operator]
    elif isinstance(wrapped, DistributedDataParallel):
        wrapped.require_backward_grad_sync = enabled


def clip_gradient_norm(parameters: list[nn.Parameter], limit: float | None) -> float:
    """Clip the gradient to the norm `limit`, if any, and return its norm before clipping.

    All processes must call this.
    """
    norm: Tensor = nn.utils.clip_grad_norm_(parameters, float("inf") if limit is None else limit)
    return float(full_tensor(norm))
