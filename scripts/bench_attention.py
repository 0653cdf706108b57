"""Compare the cost of entity-aware attention with that of plain attention: `make bench-attention`.

Forward and backward pass are timed for given queries, keys and values, the backends in alternation. `sdpa` is plain
attention: torch's scaled_dot_product_attention on the same number of keys. `reference` materialises the scores, as
transformers does. Ratios compare medians, of CPU seconds (two threads, fp32) or, on a GPU, of elapsed seconds (bf16).
Memory is the growth of a separate process. The last line is JSON; `attention_ratio` is split / sdpa at 64 entities.
"""

from __future__ import annotations

import argparse
import json
import statistics

import torch

from pipeline.model.attention import attend
from pipeline.model.sequences import QKV, Positions
from scripts.measure import HEADER, BenchmarkStep, format_row, memory_growth, run_in_subprocess, time_alternately

WORDS, HEADS, HEAD = 512, 12, 64


def make_qkv(batch: int, size: int, *, queries: int, device: str) -> QKV:
    """Return random inputs of attention for `size` positions without padding, with one or two queries for each."""
    generator = torch.Generator(device).manual_seed(size + queries)
    dtype = torch.float32 if device == "cpu" else torch.bfloat16

    def tensor() -> torch.Tensor:
        shape = (batch, size, HEADS, HEAD)
        return torch.randn(shape, generator=generator, device=device, dtype=dtype).requires_grad_()

    positions = Positions.from_lengths(torch.full((batch,), size, device=device), size)
    word_query = tensor()
    entity_query = word_query if queries == 1 else tensor()
    return QKV(positions, word_query, entity_query, key=tensor(), value=tensor())


def make_contender(batch: int, entities: int, backend: str, device: str) -> BenchmarkStep:
    """Return a step of forward and backward pass with `backend`."""
    queries = 1 if backend == "sdpa" else 2
    words = make_qkv(batch, WORDS, queries=queries, device=device)
    others = make_qkv(batch, entities, queries=queries, device=device)
    if backend == "sdpa":  # plain attention has a single sequence
        words, others = make_qkv(batch, WORDS + entities, queries=1, device=device), None
    parts = [words] if others is None else [words, others]
    leaves = [
        getattr(part, name)
        for part in parts
        for name in ("word_query", "entity_query", "key", "value")
        if not (queries == 1 and name == "entity_query")
    ]

    def step() -> None:
        output, for_entities = attend(words, others, dropout_p=0.0, backend=backend)
        outputs = [output] if for_entities is None else [output, for_entities]
        torch.autograd.grad(outputs, leaves, [torch.ones_like(part) for part in outputs])

    return step


def make_contenders(batch: int, entities: int, device: str) -> dict[str, BenchmarkStep]:
    """Return a step for every backend."""
    return {name: make_contender(batch, entities, name, device) for name in ("sdpa", "split", "reference")}


def compare(batch: int, entities: int, rounds: int, device: str) -> dict[str, float]:
    """Print the table for this number of entities and return its part of the report."""
    seconds = time_alternately(
        make_contenders(batch, entities, device), rounds=rounds, device=device, title=f"{entities} entities"
    )
    cost = {}
    print(f"{f'{entities} entities':<12} {HEADER}")
    for name, durations in seconds.items():
        arguments = ("--memory-of", name, "--entities", str(entities), "--device", device, "--batch", str(batch))
        cost[name] = statistics.median(one.cpu if device == "cpu" else one.wall for one in durations)
        print(
            f"{name:<12} {format_row(durations, run_in_subprocess('scripts.bench_attention', *arguments))}", flush=True
        )
    return {
        f"attention_ratio_{entities}": cost["split"] / cost["sdpa"],
        f"reference_ratio_{entities}": cost["reference"] / cost["sdpa"],
    }


def main() -> None:
    """Run the benchmark, or with --memory-of one measurement of memory."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="cpu", choices=("cpu", "cuda"))
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--entities", type=int, nargs="+", default=[32, 64, 128])
    parser.add_argument(
        "--memory-of", choices=("sdpa", "split", "reference"), help="print the memory of one backend and exit"
    )
    options = parser.parse_args()
    torch.set_num_threads(2)
    if options.memory_of:
        step = make_contender(options.batch, options.entities[0], options.memory_of, options.device)
        print(memory_growth(step, options.device))
        return
    report: dict[str, float] = {}
    for entities in options.entities:
        report |= compare(options.batch, entities, options.rounds, options.device)
    if 64 in options.entities:
        report["attention_ratio"] = report["attention_ratio_64"]
    print(json.dumps({name: round(figure, 3) for name, figure in report.items()}))


if __name__ == "__main__":
    main()
