"""Measure the speed of masking and padding Examples, and the share of padding: `make bench-batches`.

Speed: Examples of 480 tokens and 30 entities, from arrays in memory and from a dataset folder on disk, in micro-batches
of 32; Examples per CPU second of one thread, median of the rounds. Padding: a real dataset, by default the sample's, in
global batches of 512 and micro-batches with room for 32 of its longest Examples. Without entities it is the share of
the token positions; with entities also the share of all positions. The last line is JSON.
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
from pipeline.dataset.shards import ShardWriter, write_split_metadata
from pipeline.pretrain.batches import EpochOrder, Masker, StepBatches
from pipeline.pretrain.config import MaskingConfig
from pipeline.pretrain.masking import WordTables
from pipeline.records import Example

EXAMPLES, WORDS, ENTITIES, VOCAB, ENTITY_VOCAB = 20_000, 480, 30, 50_265, 500_000
BATCH, ROWS = 512, 32
MASKING = MaskingConfig(
    words=0.15, entities=0.15, mask_replace_prob=0.8, random_replace_prob=0.1, unknown_entities=False,
    hide_mentions=0.0,
)  # fmt: skip


def make_word_tables() -> WordTables:
    """Return the tables of a vocabulary like roberta-base's: about 70 % of the tokens of English text start a word."""
    starts = np.random.default_rng(0).random(VOCAB) < 0.7
    special = np.isin(np.arange(VOCAB), [0, 1, 2, 3, VOCAB - 1])
    return WordTables.from_flags(starts_word=starts, special=special, mask=VOCAB - 1)


def make_block() -> Block:
    """Return random Examples in memory."""
    rng = np.random.default_rng(1)
    words = rng.integers(4, VOCAB - 1, (EXAMPLES, WORDS), dtype=np.int32)
    words[:, 0], words[:, -1] = 0, 2
    starts = np.sort(rng.integers(1, WORDS - 4, (EXAMPLES, ENTITIES), dtype=np.int32), axis=1)
    spans = np.stack([starts, starts + rng.integers(1, 4, starts.shape, dtype=np.int32)], axis=-1)
    return Block(
        page_ids=pa.nulls(EXAMPLES, pa.string()),
        word_offsets=np.arange(EXAMPLES + 1, dtype=np.int32) * WORDS,
        word_ids=words.reshape(-1),
        entity_offsets=np.arange(EXAMPLES + 1, dtype=np.int32) * ENTITIES,
        entity_ids=rng.integers(3, ENTITY_VOCAB, EXAMPLES * ENTITIES, dtype=np.int32),
        entity_spans=spans.reshape(-1, 2),
    )


def write_and_open(memory: ExampleStore, folder: Path) -> ExampleStore:
    """Write the Examples like the dataset stage, and open the folder."""
    path = folder / "data-00000-of-00001.arrow"
    with open(path, "wb") as file:
        writer = ShardWriter(file)
        for index in range(len(memory)):
            part = memory.gather(np.array([index]))
            spans = tuple((start, end) for start, end in part.entity_spans.tolist())
            writer.add(Example("", tuple(part.word_ids.tolist()), tuple(part.entity_ids.tolist()), spans))
        writer.close()
    write_split_metadata(folder, "bench")
    return ExampleStore.open(folder)


def measure_rates(store: ExampleStore, rounds: int) -> list[float]:
    """Return the Examples per CPU second of each round; a round takes an eighth of the Examples, in random order."""
    masker = Masker(
        store=store, word_tables=make_word_tables(), pad_id=1, config=MASKING, with_entities=True, seed=0, phase=0
    )
    order = EpochOrder(examples=len(store), batch_size=BATCH, seed=0, phase=0)
    steps = StepBatches(order, masker, micro_batch_tokens=ROWS * (WORDS + ENTITIES), rank=0, ranks=1)
    per_round = len(store) // BATCH // 8
    rates = []
    for number in range(rounds + 1):
        start = time.process_time()
        for step in range(number * per_round, (number + 1) * per_round):
            steps[step]
        rates.append(per_round * BATCH / (time.process_time() - start))
    return rates[1:]  # the first round is a warm-up


def measure_padding(store: ExampleStore, *, entities: bool) -> tuple[float, float, float]:
    """Return the share of padding in token positions and in all positions over four epochs.

    The third number is the mean number of Examples in a micro-batch.
    """
    masker = Masker(
        store=store, word_tables=make_word_tables(), pad_id=1, config=MASKING, with_entities=entities, seed=0, phase=0
    )
    order = EpochOrder(examples=len(store), batch_size=BATCH, seed=0, phase=0)
    longest = store.word_lengths.max() + (store.entity_lengths.max() if entities else 0)
    steps = StepBatches(order, masker, micro_batch_tokens=ROWS * int(longest), rank=0, ranks=1)
    batches = [batch for step in range(order.step_count(4)) for batch in steps[step]]
    words, word_positions = sum(int(b.word_lengths.sum()) for b in batches), sum(b.word_ids.size for b in batches)
    both = words + sum(int(b.entity_lengths.sum()) for b in batches)
    positions = word_positions + sum(b.entity_ids.size for b in batches)
    return 1 - words / word_positions, 1 - both / positions, order.step_count(4) * BATCH / len(batches)


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dataset", type=Path, default=Path("data/sample/dataset/train"))
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    memory = ExampleStore([make_block()], np.array([0, EXAMPLES]))
    report: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, store in (("", memory), ("_from_disk", write_and_open(memory, Path(folder)))):
            rates = measure_rates(store, options.rounds)
            key, median = f"examples_per_cpu_s{name}", statistics.median(rates)
            print(f"{key}: {median:,.0f} ({min(rates):,.0f} to {max(rates):,.0f})")
            report[key] = round(median)
    if options.dataset.is_dir():
        store = ExampleStore.open(options.dataset)
        for name, entities in (("", False), ("_luke", True)):
            words, both, rows = measure_padding(store, entities=entities)
            print(
                f"padding{name}: {words:.2%} of token positions, {both:.2%} of all positions, "
                f"{rows:.1f} Examples per micro-batch"
            )
            report[f"padding_share{name}"] = round(words, 4)
        report["padding_share_luke_positions"] = round(both, 4)
    print(json.dumps(report))


if __name__ == "__main__":
    main()
