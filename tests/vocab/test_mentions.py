"""Reading mention counts."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.vocab.mentions import MENTION_SCHEMA, MentionCounts

ROWS = [
    ("Dog", 3, 7),
    ("Dogs", 3, 2),
    ("Dogs", 9, 2),
    ("Dogs", 4, 1),
    ("é", 5, 1),
    ("東京", 6, 4),
    ("東京", 3, 1),
    ("\U00020000", 8, 1),
]


def write(path: Path, rows: list[tuple[str, int, int]], *, row_group_size: int = 3) -> None:
    columns = [{"mention": mention, "id": index, "count": count} for mention, index, count in rows]
    pq.write_table(pa.Table.from_pylist(columns, schema=MENTION_SCHEMA), path, row_group_size=row_group_size)


def test_candidates_of_a_mention(tmp_path: Path) -> None:
    """The rows of one mention may lie in two row groups of the file."""
    write(tmp_path / "mentions.parquet", ROWS)
    mentions = MentionCounts.open(tmp_path / "mentions.parquet")
    assert mentions.size == 8

    def candidates(mention: str) -> list[tuple[int, int]]:
        ids, counts = mentions.candidates(mention)
        return list(zip(ids.tolist(), counts.tolist(), strict=True))

    assert candidates("Dogs") == [(3, 2), (9, 2), (4, 1)]
    assert candidates("Dog") == [(3, 7)]
    assert candidates("東京") == [(6, 4), (3, 1)]
    assert candidates("\U00020000") == [(8, 1)]
    assert [candidates(absent) for absent in ("", "Do", "Dog ", "dog", "zebra", "\U00020001")] == [[]] * 6


def test_rows_of_a_set_of_mentions(tmp_path: Path) -> None:
    write(tmp_path / "mentions.parquet", ROWS)
    mentions = MentionCounts.open(tmp_path / "mentions.parquet")
    rows = mentions.find_rows(["東京", "Cat", "Dogs", "Dog", "東京", "\U00020001"])
    assert rows.tolist() == [[5, 7], [0, 0], [1, 4], [0, 1], [5, 7], [8, 8]]
    assert mentions.counts[slice(*rows[2])].tolist() == [2, 2, 1]
    assert mentions.mention(5) == "東京"
    assert mentions.find_rows([]).shape == (0, 2)


def test_a_file_without_rows(tmp_path: Path) -> None:
    write(tmp_path / "mentions.parquet", [])
    mentions = MentionCounts.open(tmp_path / "mentions.parquet")
    assert mentions.size == 0
    assert mentions.find_rows(["Dog"]).tolist() == [[0, 0]]
