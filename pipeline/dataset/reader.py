"""Read a finished split of the dataset, without copying it.

The files are mapped into memory, and their flat values and offsets are numpy views of the mapping. Opening a split
therefore copies nothing, processes share the page cache, and there is no Python object per example: a record batch
costs six small views.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pipeline.io.arrow import Int32Array, Int64Array, as_numpy
from pipeline.records import Example
from pipeline.store.files import read_json


@dataclass(frozen=True, slots=True)
class RaggedExamples:
    """B examples without padding: each column of all examples concatenated."""

    word_ids: Int32Array
    """[L] token ids, <s> and </s> included."""
    word_lengths: Int64Array
    """[B] number of token ids of each example."""
    entity_ids: Int32Array
    """[E]."""
    entity_lengths: Int64Array
    """[B] number of entities of each example."""
    entity_spans: Int32Array
    """[E, 2] half-open, in positions of the entity's own example; position 0 is <s>."""

    def without_entities(self) -> RaggedExamples:
        """Return the same examples with no entity in any of them."""
        zeros = np.zeros_like(self.entity_lengths)
        return replace(self, entity_ids=self.entity_ids[:0], entity_lengths=zeros, entity_spans=self.entity_spans[:0])


@dataclass(frozen=True, slots=True)
class Block:
    """Views of one record batch; the offsets have one value more than there are examples."""

    page_ids: pa.Array
    word_offsets: Int32Array
    word_ids: Int32Array
    entity_offsets: Int32Array
    entity_ids: Int32Array
    entity_spans: Int32Array


@dataclass(frozen=True)
class ExampleStore:
    """The examples of train/ or validation/, by index, in the order of the files."""

    blocks: list[Block]
    block_starts: Int64Array
    """[blocks + 1] index of each block's first example; the last value is the number of examples."""

    @classmethod
    def open(cls, folder: Path) -> ExampleStore:
        """Map the files of a split into memory."""
        names = [entry["filename"] for entry in read_json(folder / "state.json")["_data_files"]]
        # One file at a time: a mapping outlives its file, and a process may have only 1,024 files open.
        streams = (pa.ipc.open_stream(pa.memory_map(str(folder / name))) for name in names)
        blocks = [block_views(batch) for stream in streams for batch in stream]
        return cls(blocks, np.cumsum([0, *(len(block.page_ids) for block in blocks)], dtype=np.int64))

    def __len__(self) -> int:
        return int(self.block_starts[-1])

    @cached_property
    def word_lengths(self) -> Int32Array:
        """Number of token ids of each example, <s> and </s> included: [len]. The first use reads every offset."""
        return np.concatenate([np.diff(block.word_offsets) for block in self.blocks] or [np.empty(0, dtype=np.int32)])

    @cached_property
    def entity_lengths(self) -> Int32Array:
        """Number of entities of each example: [len]. The first use reads every offset."""
        return np.concatenate([np.diff(block.entity_offsets) for block in self.blocks] or [np.empty(0, dtype=np.int32)])

    @property
    def page_ids(self) -> pa.Array:
        """Page of each example: [len]."""
        return pa.concat_arrays([block.page_ids for block in self.blocks]) if self.blocks else pa.array([], pa.string())

    def example(self, index: int) -> Example:
        """Return one example as a record.

        Raises:
            IndexError: `index` is not in [0, len).
        """
        [number], [row] = self.locate(np.array([index]))
        gathered = self.gather(np.array([index]))
        return Example(
            page_id=self.blocks[number].page_ids[row].as_py(),
            word_ids=tuple(gathered.word_ids.tolist()),
            entity_ids=tuple(gathered.entity_ids.tolist()),
            entity_spans=tuple((start, end) for start, end in gathered.entity_spans.tolist()),
        )

    def gather(self, indices: NDArray[np.integer]) -> RaggedExamples:
        """Copy the examples at `indices`, in that order.

        Raises:
            IndexError: an index is not in [0, len).
        """
        words, entities, spans = [], [], []
        numbers, rows = self.locate(indices)
        for number, row in zip(numbers.tolist(), rows.tolist(), strict=True):
            block = self.blocks[number]
            words.append(block.word_ids[block.word_offsets.item(row) : block.word_offsets.item(row + 1)])
            first, last = block.entity_offsets.item(row), block.entity_offsets.item(row + 1)
            entities.append(block.entity_ids[first:last])
            spans.append(block.entity_spans[first:last])
        empty = np.empty(0, dtype=np.int32)
        return RaggedExamples(
            word_ids=np.concatenate([empty, *words]),
            word_lengths=np.array([len(ids) for ids in words], dtype=np.int64),
            entity_ids=np.concatenate([empty, *entities]),
            entity_lengths=np.array([len(ids) for ids in entities], dtype=np.int64),
            entity_spans=np.concatenate([empty.reshape(0, 2), *spans]),
        )

    def locate(self, indices: NDArray[np.integer]) -> tuple[Int64Array, Int64Array]:
        """Return the block of each index and the row in that block."""
        if len(indices) and not 0 <= indices.min() <= indices.max() < len(self):
            raise IndexError(f"indices {indices.min()} to {indices.max()} of {len(self)} examples")
        numbers = np.searchsorted(self.block_starts, indices, side="right") - 1
        return numbers, indices - self.block_starts[numbers]


def block_views(batch: pa.RecordBatch) -> Block:
    """Return views of the buffers of a record batch."""
    words, entities, spans = batch["word_ids"], batch["entity_ids"], batch["entity_spans"]
    return Block(
        page_ids=batch["page_id"],
        word_offsets=as_numpy(words.offsets),
        word_ids=as_numpy(words.values),
        entity_offsets=as_numpy(entities.offsets),
        entity_ids=as_numpy(entities.values),
        entity_spans=as_numpy(spans.values.values).reshape(-1, 2),
    )
