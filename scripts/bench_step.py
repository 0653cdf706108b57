"""Compare the cost of a training step with that of transformers' LUKE: `make bench-step`.

One step is forward pass, backward pass and AdamW on sequences of 512 tokens and 32 entities, 15 % of both masked, with
10,000 entity embeddings of width 256. The contenders run in alternation in this process, with two threads, in fp32 and
without dropout:

    ours                  entity-aware; heads on masked positions only
    transformers          LukeForMaskedLM, entity-aware; all scores and all logits
    transformers_vanilla  LukeForMaskedLM, vanilla attention
    floor                 body of RobertaForMaskedLM with SDPA on 512 + 32 tokens, head on masked positions only

Peak memory is measured in a separate process for each contender, as the growth from before the first step. Ratios
compare medians of CPU seconds; on a GPU, in bf16, medians of elapsed seconds. On two cores the small body takes about
two minutes and the base body ten. The last line is JSON. On a machine with other work set OMP_WAIT_POLICY=passive, as
make does; otherwise threads wait by spinning, which counts as CPU seconds.
"""

from __future__ import annotations

import argparse
import json
import statistics
from collections.abc import Callable
from functools import partial

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F
from transformers import LukeConfig, LukeForMaskedLM, RobertaConfig, RobertaForMaskedLM

from pipeline.io.arrow import Int64Array
from pipeline.model.dimensions import Dimensions
from pipeline.model.luke import Luke
from pipeline.pretrain.batches import flatten_mentions
from pipeline.pretrain.objective import micro_batch_loss
from pipeline.records import Batch
from scripts.measure import HEADER, BenchmarkStep, format_row, memory_growth, run_in_subprocess, time_alternately

WORDS, ENTITIES, VOCAB, ENTITY_VOCAB, EMBEDDING, MENTION = 512, 32, 50_265, 10_000, 256, 3
BODIES = {"small": (6, 384, 6), "base": (12, 768, 12)}
"""Layers, hidden size and attention heads."""


def make_batch(size: int) -> Batch[Int64Array]:
    """Return `size` sequences without padding in which every mention has three tokens."""
    rng = np.random.default_rng(0)
    starts = np.sort(rng.integers(1, WORDS - MENTION, (size * ENTITIES, 1)), axis=0)
    positions, offsets = flatten_mentions(np.hstack([starts, starts + MENTION]), np.ones((size, ENTITIES), dtype=bool))
    words, entities = round(0.15 * WORDS) * size, round(0.15 * ENTITIES) * size
    return Batch(
        example_ids=np.arange(size),
        word_ids=rng.integers(4, VOCAB - 1, (size, WORDS)),
        word_lengths=np.full(size, WORDS),
        entity_ids=rng.integers(3, ENTITY_VOCAB, (size, ENTITIES)),
        entity_lengths=np.full(size, ENTITIES),
        mention_positions=positions,
        mention_offsets=offsets,
        word_targets=np.sort(rng.permutation(size * WORDS)[:words]),
        word_labels=rng.integers(4, VOCAB - 1, words),
        entity_targets=np.sort(rng.permutation(size * ENTITIES)[:entities]),
        entity_labels=rng.integers(3, ENTITY_VOCAB, entities),
    )


def make_training_step(model: torch.nn.Module, forward: Callable[[], Tensor], device: str) -> BenchmarkStep:
    """Return a step of forward pass, backward pass and AdamW; `forward` computes the loss."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-5, fused=True)

    def step() -> None:
        with torch.autocast(device, dtype=torch.bfloat16, enabled=device == "cuda"):
            loss = forward()
        loss.backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)

    return step


def shared_config_values(body: str) -> dict[str, int | float]:
    """Return the config values that the models of transformers share."""
    layers, hidden, heads = BODIES[body]
    return {
        "vocab_size": VOCAB, "hidden_size": hidden, "num_hidden_layers": layers, "num_attention_heads": heads,
        "intermediate_size": 4 * hidden, "max_position_embeddings": 600, "type_vocab_size": 1, "layer_norm_eps": 1e-5,
        "hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0,
    }  # fmt: skip


def luke_step(body: str, batch: Batch[Int64Array], device: str) -> BenchmarkStep:
    """Return a training step of our LUKE."""
    layers, hidden, heads = BODIES[body]
    model = Luke(
        Dimensions(
            vocab_size=VOCAB, entity_vocab_size=ENTITY_VOCAB, layers=layers, hidden=hidden, heads=heads,
            intermediate=4 * hidden, max_positions=600, type_vocab_size=1, layer_norm_eps=1e-5,
            entity_embedding=EMBEDDING, attention="entity_aware", dropout=0.0, attention_dropout=0.0, backend="auto",
            gradient_checkpointing=False, logits_bytes=2_000_000_000,
        )
    )  # fmt: skip
    model.reset_parameters(torch.Generator().manual_seed(0))
    model.to(device)
    tensors = batch.map(lambda array: torch.as_tensor(array, device=device))
    words, entities = len(batch.word_targets), len(batch.entity_targets)
    return make_training_step(model, lambda: micro_batch_loss(model(tensors), words=words, entities=entities), device)


def transformers_step(body: str, batch: Batch[Int64Array], device: str, *, entity_aware: bool) -> BenchmarkStep:
    """Return a training step of transformers' LUKE."""
    config = LukeConfig(
        **shared_config_values(body),
        entity_vocab_size=ENTITY_VOCAB,
        entity_emb_size=EMBEDDING,
        use_entity_aware_attention=entity_aware,
    )
    model = LukeForMaskedLM(config).train().to(device)
    size = len(batch.word_ids)
    mention_positions = np.full((size * ENTITIES, 30), -1)
    mention_positions[:, :MENTION] = batch.mention_positions.reshape(-1, MENTION)

    def labels(targets: np.ndarray, values: np.ndarray, width: int) -> np.ndarray:
        flat = np.full(size * width, -100)
        flat[targets] = values
        return flat.reshape(size, width)

    arrays = {
        "input_ids": batch.word_ids,
        "attention_mask": np.ones_like(batch.word_ids),
        "entity_ids": batch.entity_ids,
        "entity_attention_mask": np.ones_like(batch.entity_ids),
        "entity_position_ids": mention_positions.reshape(size, ENTITIES, 30),
        "labels": labels(batch.word_targets, batch.word_labels, WORDS),
        "entity_labels": labels(batch.entity_targets, batch.entity_labels, ENTITIES),
    }
    inputs = {name: torch.as_tensor(array, device=device) for name, array in arrays.items()}
    return make_training_step(model, lambda: model(**inputs).loss, device)


def floor_step(body: str, batch: Batch[Int64Array], device: str) -> BenchmarkStep:
    """Return a training step of a RoBERTa that reads the entity positions as tokens, without an entity head."""
    config = RobertaConfig(**shared_config_values(body), attn_implementation="sdpa")
    model = RobertaForMaskedLM(config).train().to(device)
    ids = torch.as_tensor(np.concatenate([batch.word_ids, batch.entity_ids], axis=1), device=device)
    targets = torch.as_tensor(batch.word_targets, device=device)
    labels = torch.as_tensor(batch.word_labels, device=device)
    rows = targets // WORDS * (WORDS + ENTITIES) + targets % WORDS

    def forward() -> Tensor:
        hidden = model.roberta(ids).last_hidden_state.flatten(0, 1)
        return F.cross_entropy(model.lm_head(hidden[rows]).float(), labels)

    return make_training_step(model, forward, device)


CONTENDERS: dict[str, Callable[[str, Batch[Int64Array], str], BenchmarkStep]] = {
    "ours": luke_step,
    "transformers": partial(transformers_step, entity_aware=True),
    "transformers_vanilla": partial(transformers_step, entity_aware=False),
    "floor": floor_step,
}


def compare(body: str, size: int, rounds: int, device: str) -> dict[str, float]:
    """Print the table of a body and return its part of the report."""
    batch = make_batch(size)
    steps = {name: make_step(body, batch, device) for name, make_step in CONTENDERS.items()}
    seconds = time_alternately(steps, rounds=rounds, device=device, title=body)
    del steps
    cost, memory = {}, {}
    print(f"{body:<21} {HEADER}")
    for name, durations in seconds.items():
        arguments = ("--memory-of", name, "--bodies", body, "--device", device, "--batch", str(size))
        memory[name] = run_in_subprocess("scripts.bench_step", *arguments)
        cost[name] = statistics.median(one.cpu if device == "cpu" else one.wall for one in durations)
        print(f"{name:<21} {format_row(durations, memory[name])}", flush=True)
    return {
        f"step_speedup_{body}": cost["transformers"] / cost["ours"],
        f"step_speedup_vanilla_{body}": cost["transformers_vanilla"] / cost["ours"],
        f"step_over_floor_{body}": cost["ours"] / cost["floor"],
        f"memory_ratio_{body}": memory["ours"] / memory["transformers"],
    }


def main() -> None:
    """Run the benchmark, or with --memory-of one measurement of memory."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="cpu", choices=("cpu", "cuda"))
    parser.add_argument("--bodies", nargs="+", default=list(BODIES), choices=list(BODIES))
    parser.add_argument("--batch", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--memory-of", choices=list(CONTENDERS), help="print the memory of one contender and exit")
    options = parser.parse_args()
    torch.set_num_threads(2)
    if options.memory_of:
        step = CONTENDERS[options.memory_of](options.bodies[0], make_batch(options.batch), options.device)
        print(memory_growth(step, options.device))
        return
    report: dict[str, float] = {}
    for body in options.bodies:
        report |= compare(body, options.batch, options.rounds, options.device)
    if "small" in options.bodies:
        report |= {name: report[f"{name}_small"] for name in ("step_over_floor", "memory_ratio")}
    print(json.dumps({name: round(figure, 3) for name, figure in report.items()}))


if __name__ == "__main__":
    main()
