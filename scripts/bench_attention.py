"""What entity-aware attention costs over plain attention: `make bench-attention`.

Queries, keys and values are given; forward and backward are timed, the contenders in alternation. Plain is torch's
scaled_dot_product_attention on as many keys. On a CPU the figure is CPU seconds (two threads, fp32), on a GPU it is
elapsed seconds (bf16). The last line is JSON; `attention_ratio` is split / plain at 64 entities.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable

import torch

from pipeline.model.attention import Side, Stream, attend

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


def contender(batch: int, entities: int, backend: str, device: str) -> Callable[[], None]:
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


def timed(step: Callable[[], None], device: str, steps: int) -> float:
    """Seconds a step."""
    if device == "cpu":
        start = time.process_time()
        for _ in range(steps):
            step()
        return (time.process_time() - start) / steps
    torch.cuda.synchronize()
    start = time.perf_counter()
    for _ in range(steps):
        step()
    torch.cuda.synchronize()
    return (time.perf_counter() - start) / steps


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="cpu", choices=("cpu", "cuda"))
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=9)
    options = parser.parse_args()
    torch.set_num_threads(2)
    steps = 1 if options.device == "cpu" else 20
    report: dict[str, float] = {}
    print(f"{'entities':>8}  {'backend':<10} {'ms':>8} {'spread':>8}  of plain")
    for entities in (32, 64, 128):
        contenders = {
            name: contender(options.batch, entities, name, options.device) for name in ("sdpa", "split", "reference")
        }
        seconds: dict[str, list[float]] = {name: [] for name in contenders}
        for turn in range(options.rounds + 2):
            for name, step in contenders.items():
                took = timed(step, options.device, steps)
                if turn >= 2:  # the first two warm up
                    seconds[name].append(took)
        median = {name: statistics.median(values) for name, values in seconds.items()}
        for name, values in seconds.items():
            ratio = median[name] / median["sdpa"]
            spread = max(values) - min(values)
            print(f"{entities:>8}  {name:<10} {median[name] * 1e3:>8.2f} {spread * 1e3:>8.2f}  {ratio:.3f}")
        report[f"attention_ratio_{entities}"] = round(median["split"] / median["sdpa"], 3)
        report[f"reference_ratio_{entities}"] = round(median["reference"] / median["sdpa"], 3)
    report["attention_ratio"] = report["attention_ratio_64"]
    print(json.dumps(report))


if __name__ == "__main__":
    main()
