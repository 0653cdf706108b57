"""The corpus' parquet files: their columns, their records, and a writer that starts a new file by the size of the text.

The files depend only on the rows, never on the worker that writes them: the same rows give the same bytes.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import Field, dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Generic, Protocol, TypeVar

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.io.arrow import to_arrow
from pipeline.store.files import atomic_write

REDIRECT_SCHEMA = pa.schema([("title", "string"), ("target", "string")])
QUARANTINE_SCHEMA = pa.schema([("id", "string"), ("revision", "string"), ("title", "string"), ("reason", "string")])
LINK_FIELDS = (("start", pa.int32()), ("end", pa.int32()), ("title", pa.string()))
ADDED_FIELD = ("added", pa.bool_())


class Row(Protocol):
    """A dataclass whose fields are the columns of a file; it may have more fields than the file has columns."""

    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]


class TextRow(Row, Protocol):
    """A row with a text, by whose length files end."""

    @property
    def text(self) -> str: ...


TextRowType = TypeVar("TextRowType", bound=TextRow)


@dataclass(frozen=True, slots=True)
class Redirect:
    """A redirect: its title, and the title that it leads to."""

    title: str
    target: str


@dataclass(frozen=True, slots=True)
class QuarantinedPage:
    """A page that could not be rendered."""

    id: str
    revision: str
    title: str
    reason: str
    """A key, such as "too_slow", and details after a colon."""


def article_schema(*, more_mentions: bool) -> pa.Schema:
    """Return the columns of `Article`; a link has the column `added` only with `corpus.more_mentions`."""
    links = pa.list_(pa.struct([*LINK_FIELDS, ADDED_FIELD] if more_mentions else LINK_FIELDS))
    return pa.schema([("id", "string"), ("revision", "string"), ("url", "string"), ("title", "string"),
                      ("text", "string"), ("links", links), ("lead_end", "int32"),
                      ("is_disambiguation", "bool")])  # fmt: skip


def write_rows(path: Path, rows: Iterable[Row], schema: pa.Schema) -> None:
    """Write one parquet file with a column for each field of the schema; the same rows give the same bytes."""
    rows = list(rows)
    columns = [to_arrow([getattr(row, column.name) for row in rows], column.type) for column in schema]
    with atomic_write(path, "wb") as file:
        pq.write_table(pa.Table.from_arrays(columns, schema=schema), file, compression="zstd")


@dataclass(slots=True, kw_only=True)
class RowFileWriter(Generic[TextRowType]):
    """A writer of numbered parquet files, one after the other; memory holds the rows of one file."""

    folder: Path
    pattern: str
    """File name with "*" in place of the number, such as "articles-*.parquet"."""
    schema: pa.Schema
    file_characters: int
    """Number of characters of text at which a file ends."""
    pending: list[TextRowType] = field(default_factory=list)
    """Rows of the file that is not written yet."""
    pending_characters: int = 0
    """Number of characters of their text."""
    files_written: int = 0

    def add(self, row: TextRowType) -> None:
        """Add a row; write the file if it is now full."""
        self.pending.append(row)
        self.pending_characters += len(row.text)
        if self.pending_characters >= self.file_characters:
            self.end_file()

    def end_file(self) -> None:
        """Write the pending rows, if there are any."""
        if self.pending:
            name = self.pattern.replace("*", f"{self.files_written:05d}")
            write_rows(self.folder / name, self.pending, self.schema)
            self.files_written += 1
            self.pending, self.pending_characters = [], 0
