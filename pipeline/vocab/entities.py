"""The entity vocabulary as it lies on disk, for every stage that reads it.

entities.parquet has a row (id, title, count) for each entity, whose ids run without holes from [PAD] [UNK] [MASK] over
the most linked titles; aliases.parquet a row (title, id) for each title that leads to one, in which the dataset looks
its links up. `counting.py` makes them.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from pipeline.io.arrow import numbers
from pipeline.records import SPECIAL_ENTITIES

PAD, UNK, MASK = range(len(SPECIAL_ENTITIES))

ENTITIES = "entities.parquet"
ALIASES = "aliases.parquet"
ENTITY_SCHEMA = pa.schema([("id", "int32"), ("title", "string"), ("count", "int64")])
ALIAS_SCHEMA = pa.schema([("title", "string"), ("id", "int32")])


@dataclass(frozen=True, slots=True)
class EntityVocab:
    """A finished entity vocabulary, for reading: two Arrow buffers, no Python object a title."""

    titles: pa.Array
    """[size] string, by id."""
    counts: NDArray[np.int64]
    """[size] links of training pages to each; 0 for the specials."""

    @classmethod
    def open(cls, path: Path) -> EntityVocab:
        """Read entities.parquet."""
        table = pq.ParquetFile(path).read().combine_chunks()
        return cls(table["title"].chunk(0), numbers(table["count"].chunk(0)))

    @property
    def size(self) -> int:
        """Ids run from 0 to size - 1, specials included."""
        return len(self.counts)

    def title(self, index: int) -> str:
        title: str = self.titles[index].as_py()
        return title
