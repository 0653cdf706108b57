"""Estimate a training run before its first step: parameters, steps, tokens, FLOPs, memory and time.

FLOPs are counted as in papers that report a model FLOPs utilisation (Chowdhery et al. 2022, appendix B): two operations
per multiply-add of a matrix product; the backward pass costs twice the forward pass; recomputation, padding, LayerNorm
and softmax cost nothing. LUKE adds to RoBERTa the projections of the entities and, with entity-aware attention, a
second query per token; its two attentions together have as many scores as a plain one. The heads, and the part of the
last layer that follows its attention, work on masked positions only.

Memory is an estimate from which to choose the micro-batch size. It does not include the allocator's fragmentation and
the kernels' workspace. Time is FLOPs divided by an assumed rate; the first line of metrics.jsonl gives a better one.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from rich.console import Group, RenderableType
from rich.table import Table

from pipeline.dataset.reader import ExampleStore
from pipeline.model.dimensions import Dimensions
from pipeline.model.luke import Luke
from pipeline.pretrain.config import PretrainConfig, Trains
from pipeline.pretrain.optim import is_trained

PEAK_FLOPS = {
    "B200": 2250e12, "H200": 989e12, "GH200": 989e12, "H100 PCIe": 756e12, "H100 NVL": 835e12, "H100": 989e12,
    "A100": 312e12, "L40S": 362e12, "L40": 181e12, "L4": 121e12, "A10": 125e12, "4090": 165e12, "3090": 71e12,
}  # fmt: skip
"""Part of a device's name -> dense bf16 operations per second, from NVIDIA's data sheets. The first match counts."""
GPU_UTILISATION, CPU_UTILISATION = 0.35, 0.5
"""Utilisation that the time estimate assumes: of a GPU's peak, or of a measured matrix product's speed on a CPU."""


@dataclass(frozen=True, slots=True)
class StepLoad:
    """The quantities of one or several steps on which FLOPs depend."""

    words: float
    """Tokens, special ones included."""
    entities: float
    pairs: float
    """Attention scores per head: the sum over examples of (tokens + entities) squared."""
    word_targets: float
    entity_targets: float

    @staticmethod
    def from_counts(
        words: NDArray[np.integer], entities: NDArray[np.integer], *, word_targets: float, entity_targets: float
    ) -> StepLoad:
        """Return the load of a batch.

        Args:
            words, entities: [B] numbers of tokens and of entities of each example.
            word_targets, entity_targets: masked tokens and entities of the whole batch.
        """
        pairs = float(np.sum((words.astype(np.float64) + entities) ** 2))
        return StepLoad(float(words.sum()), float(entities.sum()), pairs, word_targets, entity_targets)

    def __add__(self, other: StepLoad) -> StepLoad:
        return StepLoad(
            self.words + other.words,
            self.entities + other.entities,
            self.pairs + other.pairs,
            self.word_targets + other.word_targets,
            self.entity_targets + other.entity_targets,
        )

    def scale(self, factor: float) -> StepLoad:
        """Return the load multiplied by `factor`."""
        return StepLoad(*(factor * value for value in (
            self.words, self.entities, self.pairs, self.word_targets, self.entity_targets
        )))  # fmt: skip


ZERO_LOAD = StepLoad(0.0, 0.0, 0.0, 0.0, 0.0)


def training_flops(dims: Dimensions, load: StepLoad, trains: Trains) -> float:
    """Return the floating-point operations of the forward and backward pass on `load`.

    If only the entity parts are trained, the body's backward pass hands gradients down to the entity embeddings but
    computes none for its weights, so it costs as much as the forward pass, not twice as much.
    """
    tokens = load.words + (load.entities if dims.entity_vocab_size else 0.0)
    projections = 5 if dims.entity_aware else 4
    targets = load.word_targets + (load.entity_targets if dims.entity_vocab_size else 0.0)
    after_attention = dims.hidden**2 + 2 * dims.hidden * dims.intermediate  # at all tokens except in the last layer
    attention = tokens * 2 * (projections - 1) * dims.hidden**2 + 4 * dims.hidden * load.pairs
    body = dims.layers * attention + 2 * after_attention * ((dims.layers - 1) * tokens + targets)
    words = load.word_targets * 2 * dims.hidden * (dims.hidden + dims.vocab_size)
    entities = 0.0
    if dims.entity_vocab_size:
        entities = 2 * dims.entity_embedding * (
            load.entities * dims.hidden + load.entity_targets * (dims.hidden + dims.entity_vocab_size)
        )  # fmt: skip
    passes = 3 if trains == "everything" else 2
    return passes * (body + words) + 3 * entities


def mean_step_load(store: ExampleStore, config: PretrainConfig, dims: Dimensions) -> StepLoad:
    """Return the mean load of a step on the examples of `store`."""
    share = config.batch_size / len(store)
    entities = store.entity_lengths if dims.entity_vocab_size else np.zeros_like(store.word_lengths)
    whole = StepLoad.from_counts(
        store.word_lengths,
        entities,
        word_targets=config.masking.words * float(store.word_lengths.sum()),
        entity_targets=config.masking.entities * float(entities.sum()),
    )
    return whole.scale(share)


def estimate_memory(
    model: Luke, config: PretrainConfig, *, positions: int, shards: int, trains: Trains
) -> dict[str, float]:
    """Return the largest number of bytes that one process holds, by purpose.

    Args:
        model: on any device, meta included.
        config: gives precision and masking shares.
        positions: padded positions of the largest micro-batch, tokens and entities together.
        shards: number of processes over which weights, gradients and moments are sharded; 1 without FSDP.
        trains: the parameters that are trained.
    """
    dims = model.dimensions
    weights = sum(parameter.numel() for parameter in model.parameters())
    trained = sum(parameter.numel() for name, parameter in model.named_parameters() if is_trained(name, trains))
    item = 2 if config.precision == "bf16" else 4
    # Saved for backward, per token and layer: queries (two with entity-aware attention), keys, values and the output of
    # attention; the input of each sublayer's dense layer (the feed-forward's twice, before and after GELU); and the
    # input (in fp32) and output of each LayerNorm. Dropout saves a byte per value.
    dropped = 2 if dims.dropout else 0
    per_token = (
        item * ((5 if dims.entity_aware else 4) * dims.hidden + 2 * dims.intermediate + 2 * dims.hidden)
        + (2 * 4 + dropped) * dims.hidden
    )  # fmt: skip
    layers = per_token * dims.layers
    if dims.gradient_checkpointing:
        layers = 4 * dims.hidden * dims.layers + per_token
    targets = max(config.masking.words * dims.vocab_size, config.masking.entities * dims.entity_vocab_size)
    logits = min(dims.logits_bytes, 4 * positions * targets)
    return {
        "weights": (4 * weights + (item * weights if item == 2 else 0)) / shards,
        "gradients": 4 * trained / shards,
        "moments": 8 * trained / shards,
        "activations": float(positions * layers) + 3 * logits,
    }


def peak_flops(device: torch.device) -> float | None:
    """Return the dense bf16 operations per second that the device reaches at most; None for a CPU or an unknown GPU."""
    if device.type != "cuda":
        return None
    name = torch.cuda.get_device_name(device)
    return next((rate for part, rate in PEAK_FLOPS.items() if part in name), None)


def measure_matmul_flops(size: int = 1024, seconds: float = 0.3) -> float:
    """Measure for `seconds` how many operations per second fp32 matrix products of `size` reach on this CPU."""
    first, second = torch.ones(size, size), torch.ones(size, size)
    first @ second  # warm-up
    start, products = time.perf_counter(), 0
    while time.perf_counter() - start < seconds:
        first @ second
        products += 1
    return 2 * size**3 * products / (time.perf_counter() - start)


@dataclass(frozen=True, slots=True)
class PhasePlan:
    """The estimate of one phase."""

    steps: int
    tokens: float
    """Tokens over all steps, without entities."""
    flops: float
    """Operations over all steps and processes."""
    memory: dict[str, float]
    """Bytes of one process, by purpose."""
    trained_parameters: int
    """Number of parameters that the phase trains."""


@dataclass(frozen=True, slots=True)
class TrainingPlan:
    """The estimate of a training run."""

    parameters: int
    examples: int
    device: str
    processes: int
    phases: dict[str, PhasePlan]
    flops_per_second: float | None
    """Operations per second of all processes that the time estimate assumes; None if unknown."""
    assumption: str
    """An explanation of `flops_per_second`."""


def make_plan(
    config: PretrainConfig, model: Luke, store: ExampleStore, steps: Sequence[int], *, device: torch.device,
    processes: int, sharded: bool,
) -> TrainingPlan:  # fmt: skip
    """Return the plan of a training run on the examples of `store`.

    Args:
        config: the stage's config.
        model: on any device, meta included; its weights are not read.
        store: the training examples.
        steps: number of steps of each phase.
        device: the device of this process.
        processes: number of processes.
        sharded: whether FSDP shards the model over them.
    """
    dims = model.dimensions
    load = mean_step_load(store, config, dims)
    phases = {
        name: PhasePlan(
            steps=count,
            tokens=count * load.words,
            flops=count * training_flops(dims, load, phase.trains),
            memory=estimate_memory(
                model,
                config,
                positions=config.micro_batch_tokens,
                shards=processes if sharded else 1,
                trains=phase.trains,
            ),
            trained_parameters=sum(p.numel() for name, p in model.named_parameters() if is_trained(name, phase.trains)),
        )
        for (name, phase), count in zip(config.phases.items(), steps, strict=True)
    }
    flops_per_second, assumption = assumed_flops_per_second(device, processes)
    return TrainingPlan(
        parameters=sum(parameter.numel() for parameter in model.parameters()),
        examples=len(store),
        device=device.type if device.type == "cpu" else torch.cuda.get_device_name(device),
        processes=processes,
        phases=phases,
        flops_per_second=flops_per_second,
        assumption=assumption,
    )


def assumed_flops_per_second(device: torch.device, processes: int) -> tuple[float | None, str]:
    """Return the operations per second of all processes to assume, or None, and an explanation."""
    if device.type == "cpu":
        measured = measure_matmul_flops()
        return measured * CPU_UTILISATION * processes, (
            f"at {CPU_UTILISATION:.0%} of the {measured / 1e9:.0f} GFLOP/s that a matrix product reaches here"
        )
    peak = peak_flops(device)
    if peak is None:
        return None, "unknown, because the peak FLOPs of this device are; see the first lines of metrics.jsonl"
    return peak * GPU_UTILISATION * processes, f"at {GPU_UTILISATION:.0%} of the peak of {peak / 1e12:.0f} TFLOP/s"


def render_plan(plan: TrainingPlan, config: PretrainConfig) -> RenderableType:
    """Return the plan as a table for a terminal, one phase per row."""
    head = (
        f"{plan.parameters / 1e6:,.1f}M parameters, {plan.examples:,} examples, steps of {config.batch_size:,}, "
        f"{plan.processes} process{'es' if plan.processes > 1 else ''} on {plan.device}"
    )
    caption = f"memory: of one process, estimated; time: {plan.assumption}"
    table = Table(box=None, padding=(0, 1, 0, 0), caption=caption, caption_justify="left")
    for name in ("phase", "trained", "steps", "epochs", "tokens", "warm-up", "peak lr", "FLOPs", "memory", "time"):
        table.add_column(name, justify="left" if name == "phase" else "right", no_wrap=True)
    for (name, phase_plan), phase in zip(plan.phases.items(), config.phases.values(), strict=True):
        table.add_row(
            name,
            f"{phase_plan.trained_parameters / 1e6:,.1f}M",
            f"{phase_plan.steps:,}",
            f"{phase.epochs:g}",
            format_count(phase_plan.tokens),
            f"{round(phase.warmup_ratio * phase_plan.steps):,}",
            f"{phase.learning_rate:g}",
            f"{phase_plan.flops:.1e}".replace("e+", "e"),
            f"{sum(phase_plan.memory.values()) / 2**30:,.1f} GB",
            format_duration(phase_plan.flops / plan.flops_per_second) if plan.flops_per_second else "?",
        )
    return Group(f"pretrain: {head}", table)


def format_count(number: float) -> str:
    """Return a number as in 1.2B, 3.4M, 56.0k or 7."""
    for unit, size in (("B", 1e9), ("M", 1e6), ("k", 1e3)):
        if number >= size:
            return f"{number / size:,.1f}{unit}"
    return f"{number:.0f}"


def format_duration(seconds: float) -> str:
    """Return a duration as in 9 days 4 h, 3 h 20 min, 12 min or 40 s."""
    for unit, size, smaller_unit, smaller_size in (("days", 86400, "h", 3600), ("h", 3600, "min", 60)):
        if seconds >= size:
            return f"{int(seconds // size):,} {unit} {int(seconds % size // smaller_size)} {smaller_unit}"
    return f"{seconds / 60:.0f} min" if seconds >= 90 else f"{seconds:.0f} s"
