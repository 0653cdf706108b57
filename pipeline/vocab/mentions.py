"""Mention counts on disk: how often each mention string of the training pages links to each entity.

mentions.parquet has one row (mention, id, count) per mention string and entity. The rows are in code-point order of the
mentions; those of one mention have the most frequent entity first, and ties by id. `mention_counts.py` writes the file.

The reader holds the columns in Arrow buffers, without a Python object per row. As the rows are sorted, a mention is
found by binary search, which takes 30 µs among 6 million rows.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.io.arrow import Int32Array, Int64Array, as_numpy

MENTION_SCHEMA = pa.schema([("mention", "string"), ("id", "int32"), ("count", "int64")])


@dataclass(frozen=True, slots=True)
class MentionCounts:
    """Finished mention counts."""

    mentions: pa.Array
    """[rows] string, sorted by code points; a mention is repeated for each of its entities."""
    ids: Int32Array
    """[rows] entity ids; for each mention in order of `counts`, the largest first, and ties by id."""
    counts: Int64Array
    """[rows] number of links on training pages."""

    @classmethod
    def open(cls, path: Path) -> MentionCounts:
        """Read mentions.parquet."""
        table = pq.ParquetFile(path).read()
        mentions, ids, counts = (table[name].combine_chunks() for name in MENTION_SCHEMA.names)
        return cls(mentions, as_numpy(ids), as_numpy(counts))

    @property
    def size(self) -> int:
        """Number of rows."""
        return len(self.counts)

    def mention(self, row: int) -> str:
        """Return the mention of a row."""
        mention: str = self.mentions[row].as_py()
        return mention

    def find_rows(self, mentions: Sequence[str]) -> Int64Array:
        """Return the rows of each mention as [mentions, 2], half-open; an empty range for a mention without rows."""
        rows = np.zeros((len(mentions), 2), dtype=np.int64)
        for place, mention in enumerate(mentions):
            first = bisect_left(range(self.size), mention, key=self.mention)
            rows[place] = first, bisect_right(range(self.size), mention, lo=first, key=self.mention)
        return rows

    def candidates(self, mention: str) -> tuple[Int32Array, Int64Array]:
        """Return the ids of the entities that a mention links to and their counts, the most frequent entity first."""
        [(first, last)] = self.find_rows([mention])
        return self.ids[first:last], self.counts[first:last]
