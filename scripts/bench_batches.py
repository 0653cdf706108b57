"""How fast Examples are masked and padded, and how much of a batch is padding: `make bench-batches`.

Examples of 480 words and 30 entities, from arrays in memory and from a dataset folder on disk, in micro-batches of 32;
one thread, CPU seconds, the median of the rounds. The padding is that of a real dataset, the sample's by default, in
global batches of 512 and micro-batches with room for 32 of its longest Examples: without entities the share of the
words, and with them that of the words and that of all positions. The last line is JSON.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa

from pipeline.dataset.reader import Block, ExampleStore
from pipeline.dataset.shards import ShardWriter, complete
from pipeline.pretrain.batches import Masker, Order, StepBatches
from pipeline.pretrain.config import MaskingConfig
from pipeline.pretrain.masking import WordTables
from pipeline.records import Example

EXAMPLES, WORDS, ENTITIES, VOCAB, ENTITY_VOCAB = 20_000, 480, 30, 50_265, 500_000
BATCH, ROWS = 512, 32
MASKING = MaskingConfig(words=0.15, entities=0.15, as_mask=0.8, as_random=0.1, unknown_entities=False)


def tables() -> WordTables:
    """A vocabulary like roberta-base's: about 70 % of the tokens of English text begin a word."""
    starts = np.random.default_rng(0).random(VOCAB) < 0.7
    special = np.isin(np.arange(VOCAB), [0, 1, 2, 3, VOCAB - 1])
    return WordTables.of(starts_word=starts, special=special, mask=VOCAB - 1)


def block() -> Block:
    rng = np.random.default_rng(1)
    words = rng.integers(4, VOCAB - 1, (EXAMPLES, WORDS), dtype=np.int32)
    words[:, 0], words[:, -1] = 0, 2
    starts = np.sort(rng.integers(1, WORDS - 4, (EXAMPLES, ENTITIES), dtype=np.int32), axis=1)
    spans = np.stack([starts, starts + rng.integers(1, 4, starts.shape, dtype=np.int32)], axis=-1)
    return Block(
        page_ids=pa.nulls(EXAMPLES, pa.string()),
        word_offsets=np.arange(EXAMPLES + 1, dtype=np.int32) * WORDS,
        words=words.reshape(-1),
        entity_offsets=np.arange(EXAMPLES + 1, dtype=np.int32) * ENTITIES,
        entities=rng.integers(3, ENTITY_VOCAB, EXAMPLES * ENTITIES, dtype=np.int32),
        spans=spans.reshape(-1, 2),
    )


def on_disk(memory: ExampleStore, folder: Path) -> ExampleStore:
    """The same Examples, written and opened as the dataset stage does."""
    path = folder / "data-00000-of-00001.arrow"
    with open(path, "wb") as file:
        writer = ShardWriter(file)
        for index in range(len(memory)):
            part = memory.gather(np.array([index]))
            spans = tuple((start, end) for start, end in part.spans.tolist())
            writer.add(Example("", tuple(part.words.tolist()), tuple(part.entities.tolist()), spans))
        writer.close()
    complete(folder, "bench")
    return ExampleStore.open(folder)


def rate(store: ExampleStore, rounds: int) -> list[float]:
    """Examples per CPU second of each round; a round is an eighth of the Examples, in random order."""
    masker = Masker(store=store, words=tables(), pad=1, config=MASKING, entities=True, seed=0, phase=0)
    order = Order(examples=len(store), batch=BATCH, seed=0, phase=0)
    steps = StepBatches(order, masker, micro_batch_tokens=ROWS * (WORDS + ENTITIES), rank=0, ranks=1)
    per_round = len(store) // BATCH // 8
    rates = []
    for turn in range(rounds + 1):
        began = time.process_time()
        for step in range(turn * per_round, (turn + 1) * per_round):
            steps[step]
        rates.append(per_round * BATCH / (time.process_time() - began))
    return rates[1:]  # the first one warms up


def padding(store: ExampleStore, *, entities: bool) -> tuple[float, float, float]:
    """Padding's share of the words and of all positions, in four epochs, and the Examples of a micro-batch."""
    masker = Masker(store=store, words=tables(), pad=1, config=MASKING, entities=entities, seed=0, phase=0)
    order = Order(examples=len(store), batch=BATCH, seed=0, phase=0)
    most = store.lengths.max() + (store.entity_counts.max() if entities else 0)
    steps = StepBatches(order, masker, micro_batch_tokens=ROWS * int(most), rank=0, ranks=1)
    batches = [batch for step in range(order.steps(4)) for batch in steps[step]]
    words, word_places = sum(int(b.word_lengths.sum()) for b in batches), sum(b.word_ids.size for b in batches)
    both = words + sum(int(b.entity_lengths.sum()) for b in batches)
    places = word_places + sum(b.entity_ids.size for b in batches)
    return 1 - words / word_places, 1 - both / places, order.steps(4) * BATCH / len(batches)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dataset", type=Path, default=Path("data/sample/dataset/train"))
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    memory = ExampleStore([block()], np.array([0, EXAMPLES]))
    report: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, store in (("", memory), ("_from_disk", on_disk(memory, Path(folder)))):
            rates = rate(store, options.rounds)
            key, median = f"examples_per_cpu_s{name}", statistics.median(rates)
            print(f"{key}: {median:,.0f} ({min(rates):,.0f} to {max(rates):,.0f})")
            report[key] = round(median)
    if options.dataset.is_dir():
        store = ExampleStore.open(options.dataset)
        for name, entities in (("", False), ("_luke", True)):
            words, both, rows = padding(store, entities=entities)
            print(f"padding{name}: {words:.2%} of the words, {both:.2%} of all positions, {rows:.1f} Examples each")
            report[f"padding_share{name}"] = round(words, 4)
        report["padding_share_luke_positions"] = round(both, 4)
    print(json.dumps(report))


if __name__ == "__main__":
    main()
