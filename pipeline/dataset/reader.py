"""A finished split, read as it lies on disk.

The files are mapped into memory; their flat values and offsets are numpy views on the mapping, so opening costs no
copy, processes share the page cache, and no Python object stands for an Example. A record batch costs six small views.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pipeline.io.arrow import numbers
from pipeline.records import Example
from pipeline.store.files import read_json

Int32s = NDArray[np.int32]
Int64s = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Ragged:
    """Examples side by side: the words of all of them in a row, and so their entities and spans."""

    words: Int32s
    word_counts: Int64s
    """[B] how many of `words` are each Example's."""
    entities: Int32s
    entity_counts: Int64s
    """[B]."""
    spans: Int32s
    """[E, 2] half-open, in positions of their Example; position 0 is <s>."""

    def without_entities(self) -> Ragged:
        nothing = np.zeros_like(self.entity_counts)
        return replace(self, entities=self.entities[:0], entity_counts=nothing, spans=self.spans[:0])


@dataclass(frozen=True, slots=True)
class Block:
    """One record batch, as views: offsets have a row more than there are Examples."""

    page_ids: pa.Array
    word_offsets: Int32s
    words: Int32s
    entity_offsets: Int32s
    entities: Int32s
    spans: Int32s


@dataclass(frozen=True)
class ExampleStore:
    """The Examples of train/ or validation/, in a fixed order, by index."""

    blocks: list[Block]
    starts: Int64s
    """[blocks + 1] the index of each block's first Example, and the number of all."""

    @classmethod
    def open(cls, folder: Path) -> ExampleStore:
        """Map the files of a split into memory."""
        names = [entry["filename"] for entry in read_json(folder / "state.json")["_data_files"]]
        # One after the other: a mapping outlives its file, and a process may have no more than 1,024 open.
        blocks = [block(batch) for name in names for batch in pa.ipc.open_stream(pa.memory_map(str(folder / name)))]
        return cls(blocks, np.cumsum([0, *(len(part.page_ids) for part in blocks)], dtype=np.int64))

    def __len__(self) -> int:
        return int(self.starts[-1])

    @cached_property
    def lengths(self) -> Int32s:
        """[len] words of each Example, <s> and </s> included; reads every offset, at the first use."""
        return np.concatenate([np.diff(part.word_offsets) for part in self.blocks] or [np.empty(0, dtype=np.int32)])

    @cached_property
    def entity_counts(self) -> Int32s:
        """[len] entities of each Example; reads every offset, at the first use."""
        return np.concatenate([np.diff(part.entity_offsets) for part in self.blocks] or [np.empty(0, dtype=np.int32)])

    def example(self, index: int) -> Example:
        """One Example, as a record.

        Raises:
            IndexError: `index` is not in [0, len).
        """
        number, row = self.places(np.array([index]))
        part, one = self.blocks[number[0]], self.gather(np.array([index]))
        return Example(
            page_id=part.page_ids[row[0]].as_py(),
            word_ids=tuple(one.words.tolist()),
            entity_ids=tuple(one.entities.tolist()),
            entity_spans=tuple((start, end) for start, end in one.spans.tolist()),
        )

    def gather(self, indices: NDArray[np.integer]) -> Ragged:
        """The Examples `indices`, in that order, copied side by side.

        Raises:
            IndexError: an index is not in [0, len).
        """
        words, entities, spans = [], [], []
        for number, row in zip(*(places.tolist() for places in self.places(indices)), strict=True):
            part = self.blocks[number]
            words.append(part.words[part.word_offsets.item(row) : part.word_offsets.item(row + 1)])
            first, last = part.entity_offsets.item(row), part.entity_offsets.item(row + 1)
            entities.append(part.entities[first:last])
            spans.append(part.spans[first:last])
        none = np.empty(0, dtype=np.int32)
        return Ragged(
            words=np.concatenate([none, *words]),
            word_counts=np.array([len(part) for part in words], dtype=np.int64),
            entities=np.concatenate([none, *entities]),
            entity_counts=np.array([len(part) for part in entities], dtype=np.int64),
            spans=np.concatenate([none.reshape(0, 2), *spans]),
        )

    def places(self, indices: NDArray[np.integer]) -> tuple[Int64s, Int64s]:
        """Block and row of each index."""
        if len(indices) and not 0 <= indices.min() <= indices.max() < len(self):
            raise IndexError(f"indices {indices.min()} to {indices.max()} of {len(self)} Examples")
        numbers = np.searchsorted(self.starts, indices, side="right") - 1
        return numbers, indices - self.starts[numbers]


def block(batch: pa.RecordBatch) -> Block:
    """Views on the buffers of a record batch."""
    words, entities, spans = batch["word_ids"], batch["entity_ids"], batch["entity_spans"]
    return Block(
        page_ids=batch["page_id"],
        word_offsets=numbers(words.offsets),
        words=numbers(words.values),
        entity_offsets=numbers(entities.offsets),
        entities=numbers(entities.values),
        spans=numbers(spans.values.values).reshape(-1, 2),
    )
