"""What a training will take, before its first step: parameters, steps, tokens, arithmetic, memory, time. Pure numbers.

Arithmetic is counted as in the papers that quote a model FLOPs utilisation (Chowdhery et al. 2022, appendix B): two
operations for each multiply-add of a matrix product, the backward pass twice the forward one, nothing for recomputing,
padding, LayerNorm or softmax. LUKE adds to a RoBERTa's the entity's projections and, with entity-aware attention, a
second query for every token; its two attentions together have as many scores as a plain one. The heads, and the
last layer behind its attention, work on masked positions only.

Memory is what has to be there at once, an estimate to choose the micro-batch by: it leaves out the allocator's
fragments and the kernels' work space. Time is arithmetic over an assumed rate; the first line of metrics tells better.
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

PEAKS = {
    "B200": 2250e12, "H200": 989e12, "GH200": 989e12, "H100 PCIe": 756e12, "H100 NVL": 835e12, "H100": 989e12,
    "A100": 312e12, "L40S": 362e12, "L40": 181e12, "L4": 121e12, "A10": 125e12, "4090": 165e12, "3090": 71e12,
}  # fmt: skip
"""Dense bf16 operations per second by a part of the device's name, from NVIDIA's data sheets; the first match holds."""
GPU_SHARE, CPU_SHARE = 0.35, 0.5
"""Of the peak, or on a CPU of what a matrix product reaches, that the time estimate assumes."""


@dataclass(frozen=True, slots=True)
class Load:
    """The Examples of one step, or of several, as the arithmetic sees them."""

    words: float
    """Tokens, special ones included."""
    entities: float
    pairs: float
    """Scores of one attention head: the sum over Examples of (words + entities) squared."""
    word_targets: float
    entity_targets: float

    @staticmethod
    def of(
        words: NDArray[np.integer], entities: NDArray[np.integer], *, word_targets: float, entity_targets: float
    ) -> Load:
        """Args: words, entities: [B] each Example's."""
        pairs = float(np.sum((words.astype(np.float64) + entities) ** 2))
        return Load(float(words.sum()), float(entities.sum()), pairs, word_targets, entity_targets)

    def __add__(self, other: Load) -> Load:
        return Load(
            self.words + other.words,
            self.entities + other.entities,
            self.pairs + other.pairs,
            self.word_targets + other.word_targets,
            self.entity_targets + other.entity_targets,
        )

    def times(self, factor: float) -> Load:
        return Load(*(factor * value for value in (
            self.words, self.entities, self.pairs, self.word_targets, self.entity_targets
        )))  # fmt: skip


NO_LOAD = Load(0.0, 0.0, 0.0, 0.0, 0.0)


def flops(dims: Dimensions, load: Load, trains: Trains) -> float:
    """Operations of forward and backward on `load`.

    Where only the entity parts are trained the body's backward pass hands gradients down, but makes none of weights:
    once the forward's work, not twice. It reaches down to the entity embeddings.
    """
    tokens = load.words + (load.entities if dims.entity_vocab_size else 0.0)
    projections = 5 if dims.entity_aware else 4
    targets = load.word_targets + (load.entity_targets if dims.entity_vocab_size else 0.0)
    behind_attention = dims.hidden**2 + 2 * dims.hidden * dims.intermediate  # at all tokens, but in the last layer
    attention = tokens * 2 * (projections - 1) * dims.hidden**2 + 4 * dims.hidden * load.pairs
    body = dims.layers * attention + 2 * behind_attention * ((dims.layers - 1) * tokens + targets)
    words = load.word_targets * 2 * dims.hidden * (dims.hidden + dims.vocab_size)
    entities = 0.0
    if dims.entity_vocab_size:
        entities = 2 * dims.entity_embedding * (
            load.entities * dims.hidden + load.entity_targets * (dims.hidden + dims.entity_vocab_size)
        )  # fmt: skip
    frozen = 3 if trains == "everything" else 2
    return frozen * (body + words) + 3 * entities


def expected(store: ExampleStore, config: PretrainConfig, dims: Dimensions) -> Load:
    """The mean load of a step."""
    share = config.batch / len(store)
    entities = store.entity_counts if dims.entity_vocab_size else np.zeros_like(store.lengths)
    whole = Load.of(
        store.lengths,
        entities,
        word_targets=config.masking.words * float(store.lengths.sum()),
        entity_targets=config.masking.entities * float(entities.sum()),
    )
    return whole.times(share)


def memory(model: Luke, config: PretrainConfig, *, places: int, shards: int, trains: Trains) -> dict[str, float]:
    """Bytes of one process at its fullest, by what they are for.

    Args:
        places: words and entities of its largest micro-batch, padding included.
        shards: processes that weights, gradients and moments are shared out to; 1 for none or for copies.
    """
    dims = model.dimensions
    weights = sum(parameter.numel() for parameter in model.parameters())
    trained = sum(parameter.numel() for name, parameter in model.named_parameters() if is_trained(name, trains))
    item = 2 if config.precision == "bf16" else 4
    # Saved for backward, per token and layer: queries (two of them, where there are), keys, values and attention's
    # output; what each sublayer's dense layer reads (the feed-forward's twice, before and after GELU); and around each
    # LayerNorm its input in fp32 and its output. Dropout keeps a byte a value.
    dropped = 2 if dims.dropout else 0
    per_token = (
        item * ((5 if dims.entity_aware else 4) * dims.hidden + 2 * dims.intermediate + 2 * dims.hidden)
        + (2 * 4 + dropped) * dims.hidden
    )  # fmt: skip
    layers = per_token * dims.layers
    if dims.gradient_checkpointing:
        layers = 4 * dims.hidden * dims.layers + per_token
    targets = max(config.masking.words * dims.vocab_size, config.masking.entities * dims.entity_vocab_size)
    logits = min(dims.logits_bytes, 4 * places * targets)
    return {
        "weights": (4 * weights + (item * weights if item == 2 else 0)) / shards,
        "gradients": 4 * trained / shards,
        "moments": 8 * trained / shards,
        "activations": float(places * layers) + 3 * logits,
    }


def peak(device: torch.device) -> float | None:
    """Dense bf16 operations per second of the device's kind; None where it is not known."""
    if device.type != "cuda":
        return None
    name = torch.cuda.get_device_name(device)
    return next((rate for part, rate in PEAKS.items() if part in name), None)


def reached(size: int = 1024, seconds: float = 0.3) -> float:
    """Operations per second of fp32 matrix products on this CPU, measured for so many seconds."""
    first, second = torch.ones(size, size), torch.ones(size, size)
    first @ second
    began, rounds = time.perf_counter(), 0
    while time.perf_counter() - began < seconds:
        first @ second
        rounds += 1
    return 2 * size**3 * rounds / (time.perf_counter() - began)


@dataclass(frozen=True, slots=True)
class Stretch:
    """A phase, as it is planned."""

    steps: int
    tokens: float
    """Words, over all steps."""
    flops: float
    """Over all steps and processes."""
    memory: dict[str, float]
    """Bytes of one process, by what they are for."""
    trained: int
    """Parameters."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is ahead."""

    parameters: int
    examples: int
    device: str
    processes: int
    stretches: dict[str, Stretch]
    rate: float | None
    """Operations per second of all processes that the time is reckoned with; None where nothing is known."""
    assumption: str
    """How `rate` came about."""


def planned(
    config: PretrainConfig, model: Luke, store: ExampleStore, steps: Sequence[int], *, device: torch.device,
    processes: int, in_shards: bool,
) -> Plan:  # fmt: skip
    """The plan of a training on the Examples of `store`.

    Args:
        model: on any device, meta included: its weights are not looked at.
        steps: of each phase.
    """
    dims = model.dimensions
    load = expected(store, config, dims)
    places = config.micro_batch_tokens
    stretches = {
        name: Stretch(
            steps=count,
            tokens=count * load.words,
            flops=count * flops(dims, load, phase.trains),
            memory=memory(model, config, places=places, shards=processes if in_shards else 1, trains=phase.trains),
            trained=sum(p.numel() for name, p in model.named_parameters() if is_trained(name, phase.trains)),
        )
        for (name, phase), count in zip(config.phases.items(), steps, strict=True)
    }
    rate, assumption = assumed_rate(device, processes)
    return Plan(
        parameters=sum(parameter.numel() for parameter in model.parameters()),
        examples=len(store),
        device=device.type if device.type == "cpu" else torch.cuda.get_device_name(device),
        processes=processes,
        stretches=stretches,
        rate=rate,
        assumption=assumption,
    )


def assumed_rate(device: torch.device, processes: int) -> tuple[float | None, str]:
    """Operations per second of all processes, and how they are reckoned."""
    if device.type == "cpu":
        found = reached()
        return found * CPU_SHARE * processes, (
            f"at {CPU_SHARE:.0%} of the {found / 1e9:.0f} GFLOP/s that a matrix product reaches here"
        )
    found_peak = peak(device)
    if found_peak is None:
        return None, "the device's peak is not known here; the first lines of metrics.jsonl tell"
    return found_peak * GPU_SHARE * processes, f"at {GPU_SHARE:.0%} of the peak of {found_peak / 1e12:.0f} TFLOP/s"


def show(plan: Plan, config: PretrainConfig) -> RenderableType:
    """The plan for a terminal, a phase a row."""
    head = (
        f"{plan.parameters / 1e6:,.1f}M parameters, {plan.examples:,} Examples, steps of {config.batch:,}, "
        f"{plan.processes} process{'es' if plan.processes > 1 else ''} on {plan.device}"
    )
    caption = f"memory: of one process, estimated; time: {plan.assumption}"
    table = Table(box=None, padding=(0, 1, 0, 0), caption=caption, caption_justify="left")
    for name in ("phase", "trained", "steps", "epochs", "tokens", "warm-up", "peak lr", "FLOPs", "memory", "time"):
        table.add_column(name, justify="left" if name == "phase" else "right", no_wrap=True)
    for (name, stretch), phase in zip(plan.stretches.items(), config.phases.values(), strict=True):
        table.add_row(
            name,
            f"{stretch.trained / 1e6:,.1f}M",
            f"{stretch.steps:,}",
            f"{phase.epochs:g}",
            counted(stretch.tokens),
            f"{round(phase.warmup * stretch.steps):,}",
            f"{phase.learning_rate:g}",
            f"{stretch.flops:.1e}".replace("e+", "e"),
            f"{sum(stretch.memory.values()) / 2**30:,.1f} GB",
            duration(stretch.flops / plan.rate) if plan.rate else "?",
        )
    return Group(f"pretrain: {head}", table)


def counted(number: float) -> str:
    """1.2B, 3.4M, 56k."""
    for unit, size in (("B", 1e9), ("M", 1e6), ("k", 1e3)):
        if number >= size:
            return f"{number / size:,.1f}{unit}"
    return f"{number:.0f}"


def duration(seconds: float) -> str:
    """9 days 4 h, 3 h 20 min, 12 min, 40 s."""
    for unit, size, smaller, less in (("days", 86400, "h", 3600), ("h", 3600, "min", 60)):
        if seconds >= size:
            return f"{int(seconds // size):,} {unit} {int(seconds % size // less)} {smaller}"
    return f"{seconds / 60:.0f} min" if seconds >= 90 else f"{seconds:.0f} s"
