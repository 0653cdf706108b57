"""Examples in memory, as the dataset's reader returns them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from pipeline.dataset.reader import Block, ExampleStore
from pipeline.records import Example


def example_store(*blocks: Sequence[Example]) -> ExampleStore:
    """Return a store with these examples, in one block per argument."""
    return ExampleStore([make_block(block) for block in blocks], np.cumsum([0, *map(len, blocks)]))


def make_block(examples: Sequence[Example]) -> Block:
    """Return the examples as a record batch's views."""
    spans = [span for example in examples for span in example.entity_spans]
    return Block(
        page_ids=pa.array([example.page_id for example in examples], pa.string()),
        word_offsets=np.cumsum([0, *(len(example.word_ids) for example in examples)], dtype=np.int32),
        word_ids=np.array([token for example in examples for token in example.word_ids], dtype=np.int32),
        entity_offsets=np.cumsum([0, *(len(example.entity_ids) for example in examples)], dtype=np.int32),
        entity_ids=np.array([entity for example in examples for entity in example.entity_ids], dtype=np.int32),
        entity_spans=np.array(spans, dtype=np.int32).reshape(-1, 2),
    )
