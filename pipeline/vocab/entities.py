"""The entity vocabulary on disk, and the ids of its special entities.

entities.parquet has one row (id, title, count) per entity. Ids are dense: first [PAD] [UNK] [MASK], then the titles by
number of links. aliases.parquet has one row (title, id) per title that leads to an entity; the dataset looks up its
links there. `entity_counts.py` writes both files.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.io.arrow import Int64Array, as_numpy
from pipeline.records import SPECIAL_ENTITIES

PAD, UNK, MASK = range(len(SPECIAL_ENTITIES))
"""Ids of the special entities."""
FIRST_TITLE = len(SPECIAL_ENTITIES)
"""Id of the most linked title, the first entity that is not special."""

ENTITY_SCHEMA = pa.schema([("id", "int32"), ("title", "string"), ("count", "int64")])
ALIAS_SCHEMA = pa.schema([("title", "string"), ("id", "int32")])


@dataclass(frozen=True, slots=True)
class EntityVocab:
    """A finished entity vocabulary in two Arrow buffers, without a Python object per title."""

    titles: pa.Array
    """[size] string, by id."""
    counts: Int64Array
    """[size] number of links on training pages to each entity; 0 for the special entities."""

    @classmethod
    def open(cls, path: Path) -> EntityVocab:
        """Read entities.parquet."""
        table = pq.ParquetFile(path).read().combine_chunks()
        return cls(table["title"].chunk(0), as_numpy(table["count"].chunk(0)))

    @property
    def size(self) -> int:
        """Number of entities, special ones included; ids are 0 to size - 1."""
        return len(self.counts)

    def title(self, index: int) -> str:
        """Return the title of the entity with the id `index`."""
        title: str = self.titles[index].as_py()
        return title
