"""Numbered files of rows, which end by the size of the text."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.corpus.rows import RowFileWriter

SCHEMA = pa.schema([("text", "string")])


@dataclass(frozen=True)
class Text:
    """A row with one column."""

    text: str


def files(folder: Path) -> dict[str, list[str]]:
    return {path.name: pq.read_table(path)["text"].to_pylist() for path in sorted(folder.iterdir())}


def test_a_file_ends_with_the_row_that_fills_it(tmp_path: Path) -> None:
    writer = RowFileWriter[Text](folder=tmp_path, pattern="a-*.parquet", schema=SCHEMA, file_characters=4)
    for text in ("xy", "z", "vw", "a much longer one", "", "last"):
        writer.add(Text(text))
    full = {"a-00000.parquet": ["xy", "z", "vw"], "a-00001.parquet": ["a much longer one"]}
    assert files(tmp_path) == full | {"a-00002.parquet": ["", "last"]}
    writer.end_file()
    assert len(files(tmp_path)) == 3  # no row was pending
    writer.add(Text("b"))
    assert len(files(tmp_path)) == 3
    writer.end_file()
    assert files(tmp_path)["a-00003.parquet"] == ["b"]
