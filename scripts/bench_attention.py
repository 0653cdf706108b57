"""What entity-aware attention costs over plain attention: `make bench-attention`.

Queries, keys and values are given; forward and backward are timed, the contenders in alternation. Plain is torch's
scaled_dot_product_attention on as many keys; `reference` materialises the scores, as transformers does. Ratios are of
medians, of CPU seconds (two threads, fp32) or, on a GPU, of elapsed ones (bf16). Memory is the growth of a process of
its own. The last line is JSON; `attention_ratio` is split / plain at 64 entities.
"""

from __future__ import annotations

import argparse
import json
import statistics

import torch

from pipeline.model.attention import attend
from pipeline.model.sequences import Side, Stream
from scripts.measure import HEADER, Step, alternated, growth, printed, row

WORDS, HEADS, HEAD = 512, 12, 64


def stream(batch: int, size: int, *, queries: int, device: str) -> Stream:
    """A full side of `size` positions with `queries` distinct queries a position."""
    generator = torch.Generator(device).manual_seed(size + queries)
    dtype = torch.float32 if device == "cpu" else torch.bfloat16

    def tensor() -> torch.Tensor:
        shape = (batch, size, HEADS, HEAD)
        return torch.randn(shape, generator=generator, device=device, dtype=dtype).requires_grad_()

    first = tensor()
    second = first if queries == 1 else tensor()
    return Stream(Side.of(torch.full((batch,), size, device=device), size), first, second, key=tensor(), value=tensor())


def contender(batch: int, entities: int, backend: str, device: str) -> Step:
    queries = 1 if backend == "sdpa" else 2
    words = stream(batch, WORDS, queries=queries, device=device)
    others = stream(batch, entities, queries=queries, device=device)
    if backend == "sdpa":  # plain attention is one sequence from the start
        words, others = stream(batch, WORDS + entities, queries=1, device=device), None
    given = [words] if others is None else [words, others]
    leaves = [
        getattr(part, name)
        for part in given
        for name in ("word_query", "entity_query", "key", "value")
        if not (queries == 1 and name == "entity_query")
    ]

    def step() -> None:
        output, for_entities = attend(words, others, dropout_p=0.0, backend=backend)
        outputs = [output] if for_entities is None else [output, for_entities]
        torch.autograd.grad(outputs, leaves, [torch.ones_like(part) for part in outputs])

    return step


def contenders(batch: int, entities: int, device: str) -> dict[str, Step]:
    return {name: contender(batch, entities, name, device) for name in ("sdpa", "split", "reference")}


def compared(batch: int, entities: int, rounds: int, device: str) -> dict[str, float]:
    """Print the table for this number of entities and return its part of the report."""
    seconds = alternated(
        contenders(batch, entities, device), rounds=rounds, device=device, title=f"{entities} entities"
    )
    cost = {}
    print(f"{f'{entities} entities':<12} {HEADER}")
    for name, took in seconds.items():
        apart = ("--memory-of", name, "--entities", str(entities), "--device", device, "--batch", str(batch))
        cost[name] = statistics.median(one.cpu if device == "cpu" else one.wall for one in took)
        print(f"{name:<12} {row(took, printed('scripts.bench_attention', *apart))}", flush=True)
    return {
        f"attention_ratio_{entities}": cost["split"] / cost["sdpa"],
        f"reference_ratio_{entities}": cost["reference"] / cost["sdpa"],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="cpu", choices=("cpu", "cuda"))
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--entities", type=int, nargs="+", default=[32, 64, 128])
    parser.add_argument(
        "--memory-of", choices=("sdpa", "split", "reference"), help="print one backend's memory and end"
    )
    options = parser.parse_args()
    torch.set_num_threads(2)
    if options.memory_of:
        step = contender(options.batch, options.entities[0], options.memory_of, options.device)
        print(growth(step, options.device))
        return
    report: dict[str, float] = {}
    for entities in options.entities:
        report |= compared(options.batch, entities, options.rounds, options.device)
    if 64 in options.entities:
        report["attention_ratio"] = report["attention_ratio_64"]
    print(json.dumps({name: round(figure, 3) for name, figure in report.items()}))


if __name__ == "__main__":
    main()
