"""The dump's templates, in a file that all workers map into memory.

The input is the Parquet tables of templates that the read pass writes. The output is an Arrow file sorted by title, and
`Definitions` that read from it.

English Wikipedia has about 600,000 templates with 2 GB of text. A dict of them in each worker would take most of its
memory, because forked processes soon copy it. The workers of one machine share the mapped file instead. A look-up is a
binary search of 20 us, and recent ones are cached. DuckDB sorts out of core.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path

import pyarrow as pa

from pipeline.corpus.render.templates.definitions import Definitions
from pipeline.io.duckdb import Connect, literal_paths
from pipeline.store.files import atomic_write

SCHEMA = pa.schema([("title", "string"), ("text", "string"), ("redirect", "string")])
BATCH_ROWS = 4096
"""Templates in a record batch. Its text must stay below 2 GB; the longest page MediaWiki allows is 2 MB."""
CACHED_LOOKUPS = 1 << 16
"""Titles whose position is cached."""
SORT_QUERY = """
SELECT title, text, redirect FROM read_parquet($files, filename = true, file_row_number = true)
ORDER BY title, filename, file_row_number
"""


def write_definitions(files: list[Path], path: Path, connect: Connect) -> None:
    """Sort the Parquet tables `files` by title into one Arrow file.

    Look-ups find the first of several templates with the same title.
    """
    with connect() as connection, atomic_write(path, "wb") as file:
        found = connection.sql(SORT_QUERY, params={"files": literal_paths(files)}).to_arrow_reader(BATCH_ROWS)
        with pa.ipc.new_file(file, SCHEMA) as writer:
            for batch in found:
                writer.write_batch(batch.cast(SCHEMA))


def open_definitions(path: Path) -> Definitions:
    """Map a file of `write_definitions` into memory."""
    table = DefinitionTable(path)
    return Definitions(TitleMapping(table, "text"), TitleMapping(table, "redirect"))


class DefinitionTable:
    """The file's record batches, searchable by title."""

    def __init__(self, path: Path) -> None:
        reader = pa.ipc.open_file(pa.memory_map(str(path)))
        batches = [reader.get_batch(number) for number in range(reader.num_record_batches)]
        self.batches = [batch for batch in batches if batch.num_rows]
        self.first_titles = [batch["title"][0].as_py() for batch in self.batches]
        self.find = lru_cache(maxsize=CACHED_LOOKUPS)(self.search)

    def search(self, title: str) -> tuple[pa.RecordBatch, int] | None:
        """Return the batch and the row of the first template with this title."""
        # The title may be the last of one batch as well as the first of the next.
        for number in range(max(0, bisect_left(self.first_titles, title) - 1), bisect_right(self.first_titles, title)):
            titles = TitleColumn(self.batches[number]["title"])
            row = bisect_left(titles, title)
            if row < len(titles) and titles[row] == title:
                return self.batches[number], row
        return None


class TitleColumn:
    """An Arrow array of strings as a sequence for `bisect`."""

    def __init__(self, array: pa.StringArray) -> None:
        self.array = array

    def __len__(self) -> int:
        return len(self.array)

    def __getitem__(self, row: int) -> str:
        title: str = self.array[row].as_py()
        return title


class TitleMapping(Mapping[str, str]):
    """A mapping from titles to their value in one column, for titles whose value is not null."""

    def __init__(self, table: DefinitionTable, name: str) -> None:
        self.table = table
        self.name = name

    def __getitem__(self, title: str) -> str:
        found = self.table.find(title)
        value: str | None = found[0][self.name][found[1]].as_py() if found else None
        if value is None:
            raise KeyError(title)
        return value

    def __iter__(self) -> Iterator[str]:
        for batch in self.table.batches:
            for title, value in zip(batch["title"], batch[self.name], strict=True):
                if value.is_valid:
                    yield title.as_py()

    def __len__(self) -> int:
        return sum(1 for _ in self)
