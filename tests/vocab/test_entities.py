"""Reading the entity vocabulary."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.vocab.entities import ENTITY_SCHEMA, MASK, PAD, UNK, EntityVocab


def test_titles_and_counts_by_id(tmp_path: Path) -> None:
    rows = [("[PAD]", 0), ("[UNK]", 0), ("[MASK]", 0), ("Dog", 3), ("東京", 2)]
    columns = [{"id": index, "title": title, "count": count} for index, (title, count) in enumerate(rows)]
    pq.write_table(pa.Table.from_pylist(columns, schema=ENTITY_SCHEMA), tmp_path / "entities.parquet")
    vocab = EntityVocab.open(tmp_path / "entities.parquet")
    assert vocab.size == 5
    assert [vocab.title(index) for index in (PAD, UNK, MASK, 4)] == ["[PAD]", "[UNK]", "[MASK]", "東京"]
    assert vocab.counts.tolist() == [0, 0, 0, 3, 2]
