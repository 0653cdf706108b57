"""Rows of the corpus on disk: their columns, and parquet files that end by the size of what is in them.

A file's end depends on its rows alone, never on who writes it: the same rows give the same files, to the byte.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.io.arrow import to_arrow
from pipeline.records import Article
from pipeline.store.files import atomic_write

REDIRECTS = pa.schema([("title", "string"), ("target", "string")])
QUARANTINE = pa.schema([("id", "string"), ("revision", "string"), ("title", "string"), ("reason", "string")])
ARTICLE = tuple(column.name for column in fields(Article))
LINK = (("start", pa.int32()), ("end", pa.int32()), ("title", pa.string()))
ADDED = ("added", pa.bool_())


def article_schema(*, more_mentions: bool) -> pa.Schema:
    """The columns of an article; where mentions are added, a link says whether it is one of them."""
    links = pa.list_(pa.struct([*LINK, ADDED] if more_mentions else LINK))
    return pa.schema([("id", "string"), ("revision", "string"), ("url", "string"), ("title", "string"),
                      ("text", "string"), ("links", links), ("lead_end", "int32"),
                      ("is_disambiguation", "bool")])  # fmt: skip


def article_row(article: Article) -> dict[str, Any]:
    """An article as `article_schema` takes it."""
    # By hand: dataclasses.asdict would copy every link.
    return {name: getattr(article, name) for name in ARTICLE}


def write_rows(path: Path, rows: Iterable[dict[str, Any]], schema: pa.Schema) -> None:
    """Write a parquet file at once; the same rows give the same bytes."""
    rows = list(rows)
    columns = [to_arrow([row[part.name] for row in rows], part.type) for part in schema]
    with atomic_write(path, "wb") as file:
        pq.write_table(pa.Table.from_arrays(columns, schema=schema), file, compression="zstd")


@dataclass(slots=True, kw_only=True)
class RowFiles:
    """Rows with a text, written to <prefix>NNNNN.parquet one after the other; memory holds those of one file."""

    folder: Path
    prefix: str
    schema: pa.Schema
    characters: int
    """Of text, with which a file ends."""
    rows: list[dict[str, Any]] = field(default_factory=list)
    """Of the file that is not ended yet."""
    held: int = 0
    """Characters of their text."""
    ended: int = 0
    """Files."""

    def add(self, row: dict[str, Any]) -> None:
        self.rows.append(row)
        self.held += len(row["text"])
        if self.held >= self.characters:
            self.end_file()

    def end_file(self) -> None:
        """Write what there is; a file without rows is not made."""
        if self.rows:
            write_rows(self.folder / f"{self.prefix}{self.ended:05d}.parquet", self.rows, self.schema)
            self.ended += 1
            self.rows, self.held = [], 0
