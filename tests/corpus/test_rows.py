"""Rows cut into files by the size of their text."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.corpus.rows import RowFiles

SCHEMA = pa.schema([("text", "string")])


def files(folder: Path) -> dict[str, list[str]]:
    return {path.name: pq.read_table(path)["text"].to_pylist() for path in sorted(folder.iterdir())}


def test_a_file_ends_with_the_row_that_fills_it(tmp_path: Path) -> None:
    rows = RowFiles(folder=tmp_path, prefix="a-", schema=SCHEMA, characters=4)
    for text in ("xy", "z", "vw", "a much longer one", "", "last"):
        rows.add({"text": text})
    whole = {"a-00000.parquet": ["xy", "z", "vw"], "a-00001.parquet": ["a much longer one"]}
    assert files(tmp_path) == whole | {"a-00002.parquet": ["", "last"]}
    rows.end_file()
    assert len(files(tmp_path)) == 3  # nothing was left
    rows.add({"text": "b"})
    assert len(files(tmp_path)) == 3
    rows.end_file()
    assert files(tmp_path)["a-00003.parquet"] == ["b"]
