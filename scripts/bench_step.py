"""What a training step costs, ours beside transformers': `make bench-step`.

One step is forward, backward and AdamW on a batch of 512 words and 32 entities a sequence, 15 % of both masked, 10,000
entities of 256. The contenders run in alternation in this process, two threads, fp32, no dropout for anyone:

    ours              entity-aware, heads on masked positions only
    transformers      LukeForMaskedLM, entity-aware: all scores and all logits
    transformers_vanilla
    floor             RobertaForMaskedLM's body with SDPA on 512 + 32 tokens, its head on the masked positions

Peak memory is measured apart, each contender in a process of its own: its growth over what the process held before the
first step. Ratios are of medians, of CPU seconds; on a GPU, where everything is in bf16, of elapsed ones. On two cores
the small body takes about two minutes and base ten; the last line is JSON. On a machine with other work set
OMP_WAIT_POLICY=passive, as make does: else threads wait by spinning, and their waiting counts as CPU seconds.
"""

from __future__ import annotations

import argparse
import json
import statistics
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F
from transformers import LukeConfig, LukeForMaskedLM, RobertaConfig, RobertaForMaskedLM

from pipeline.model.dimensions import Dimensions
from pipeline.model.luke import Luke
from pipeline.pretrain.batches import mentions
from pipeline.pretrain.objective import loss
from pipeline.records import Batch
from scripts.measure import HEADER, Step, alternated, growth, printed, row

WORDS, ENTITIES, VOCAB, ENTITY_VOCAB, EMBEDDING, MENTION = 512, 32, 50_265, 10_000, 256, 3
BODIES = {"small": (6, 384, 6), "base": (12, 768, 12)}


def batch(size: int) -> Batch:
    """Full sequences, every mention of three words."""
    rng = np.random.default_rng(0)
    starts = np.sort(rng.integers(1, WORDS - MENTION, (size * ENTITIES, 1)), axis=0)
    positions, offsets = mentions(np.hstack([starts, starts + MENTION]), np.ones((size, ENTITIES), dtype=bool))
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


def trained(model: torch.nn.Module, forward: Callable[[], Tensor], device: str) -> Step:
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-5, fused=True)

    def step() -> None:
        with torch.autocast(device, dtype=torch.bfloat16, enabled=device == "cuda"):
            value = forward()
        value.backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)

    return step


def shared(body: str) -> dict[str, object]:
    layers, hidden, heads = BODIES[body]
    return {
        "vocab_size": VOCAB, "hidden_size": hidden, "num_hidden_layers": layers, "num_attention_heads": heads,
        "intermediate_size": 4 * hidden, "max_position_embeddings": 600, "type_vocab_size": 1, "layer_norm_eps": 1e-5,
        "hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0,
    }  # fmt: skip


def ours(body: str, given: Batch, device: str) -> Step:
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
    tensors = given.map(lambda array: torch.as_tensor(array, device=device))
    words, entities = len(given.word_targets), len(given.entity_targets)
    return trained(model, lambda: loss(model(tensors), words=words, entities=entities), device)


def transformers(body: str, given: Batch, device: str, *, entity_aware: bool) -> Step:
    config = LukeConfig(
        **shared(body),
        entity_vocab_size=ENTITY_VOCAB,
        entity_emb_size=EMBEDDING,
        use_entity_aware_attention=entity_aware,
    )
    model = LukeForMaskedLM(config).train().to(device)
    size = len(given.word_ids)
    places = np.full((size * ENTITIES, 30), -1)
    places[:, :MENTION] = given.mention_positions.reshape(-1, MENTION)

    def labels(targets: np.ndarray, values: np.ndarray, width: int) -> np.ndarray:
        flat = np.full(size * width, -100)
        flat[targets] = values
        return flat.reshape(size, width)

    arrays = {
        "input_ids": given.word_ids,
        "attention_mask": np.ones_like(given.word_ids),
        "entity_ids": given.entity_ids,
        "entity_attention_mask": np.ones_like(given.entity_ids),
        "entity_position_ids": places.reshape(size, ENTITIES, 30),
        "labels": labels(given.word_targets, given.word_labels, WORDS),
        "entity_labels": labels(given.entity_targets, given.entity_labels, ENTITIES),
    }
    inputs = {name: torch.as_tensor(array, device=device) for name, array in arrays.items()}
    return trained(model, lambda: model(**inputs).loss, device)


def floor(body: str, given: Batch, device: str) -> Step:
    """A RoBERTa that reads the entities' places as words, without the entity head."""
    config = RobertaConfig(**shared(body), attn_implementation="sdpa")
    model = RobertaForMaskedLM(config).train().to(device)
    ids = torch.as_tensor(np.concatenate([given.word_ids, given.entity_ids], axis=1), device=device)
    targets, words = (
        torch.as_tensor(given.word_targets, device=device),
        torch.as_tensor(given.word_labels, device=device),
    )
    rows = targets // WORDS * (WORDS + ENTITIES) + targets % WORDS

    def forward() -> Tensor:
        hidden = model.roberta(ids).last_hidden_state.flatten(0, 1)
        return F.cross_entropy(model.lm_head(hidden[rows]).float(), words)

    return trained(model, forward, device)


CONTENDERS: dict[str, Callable[[str, Batch, str], Step]] = {
    "ours": ours,
    "transformers": lambda *given: transformers(*given, entity_aware=True),
    "transformers_vanilla": lambda *given: transformers(*given, entity_aware=False),
    "floor": floor,
}


def compared(body: str, size: int, rounds: int, device: str) -> dict[str, float]:
    """Print the body's table and return its part of the report."""
    given = batch(size)
    steps = {name: make(body, given, device) for name, make in CONTENDERS.items()}
    seconds = alternated(steps, rounds=rounds, device=device, title=body)
    del steps
    cost, grown = {}, {}
    print(f"{body:<21} {HEADER}")
    for name, took in seconds.items():
        apart = ("--memory-of", name, "--bodies", body, "--device", device, "--batch", str(size))
        grown[name] = printed("scripts.bench_step", *apart)
        cost[name] = statistics.median(one.cpu if device == "cpu" else one.wall for one in took)
        print(f"{name:<21} {row(took, grown[name])}", flush=True)
    return {
        f"step_speedup_{body}": cost["transformers"] / cost["ours"],
        f"step_speedup_vanilla_{body}": cost["transformers_vanilla"] / cost["ours"],
        f"step_over_floor_{body}": cost["ours"] / cost["floor"],
        f"memory_ratio_{body}": grown["ours"] / grown["transformers"],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="cpu", choices=("cpu", "cuda"))
    parser.add_argument("--bodies", nargs="+", default=list(BODIES), choices=list(BODIES))
    parser.add_argument("--batch", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--memory-of", choices=list(CONTENDERS), help="print one contender's memory and end")
    options = parser.parse_args()
    torch.set_num_threads(2)
    if options.memory_of:
        step = CONTENDERS[options.memory_of](options.bodies[0], batch(options.batch), options.device)
        print(growth(step, options.device))
        return
    report: dict[str, float] = {}
    for body in options.bodies:
        report |= compared(body, options.batch, options.rounds, options.device)
    if "small" in options.bodies:
        report |= {name: report[f"{name}_small"] for name in ("step_over_floor", "memory_ratio")}
    print(json.dumps({name: round(figure, 3) for name, figure in report.items()}))


if __name__ == "__main__":
    main()
