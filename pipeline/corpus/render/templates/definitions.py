"""The dump's templates, in a file that all workers map into memory.

English Wikipedia has some 600,000 templates with about 2 GB of text: as a dict in each worker they would be most of its
memory, and copied as soon as it is forked. Here they are an Arrow file sorted by title, which the workers of a machine
share; a look-up is a binary search, 20 us, and the last ones are remembered. DuckDB sorts, out of core.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import pyarrow as pa

from pipeline.corpus.render.templates.defined import Definitions
from pipeline.io.duckdb import Connect, parquet
from pipeline.store.files import atomic_write

SCHEMA = pa.schema([("title", "string"), ("text", "string"), ("redirect", "string")])
ROWS = 4096
"""Templates of a record batch; its text must stay below 2 GB, and none is longer than a page may be, 2 MB."""
REMEMBERED = 1 << 16
SORTED = """
SELECT title, text, redirect FROM read_parquet($files, filename = true, file_row_number = true)
ORDER BY title, filename, file_row_number
"""


def write_definitions(files: list[Path], path: Path, connect: Connect) -> None:
    """Sort the tables that the pass `read` left; of two templates of one title the first one counts."""
    with connect() as connection, atomic_write(path, "wb") as file:
        found = connection.sql(SORTED, params={"files": parquet(files)}).to_arrow_reader(ROWS)
        with pa.ipc.new_file(file, SCHEMA) as writer:
            for batch in found:
                writer.write_batch(batch.cast(SCHEMA))


def open_definitions(path: Path) -> Definitions:
    """Map what `write_definitions` wrote."""
    table = Sorted(path)
    return Definitions(Column(table, "text"), Column(table, "redirect"))


class Sorted:
    """The file's record batches, and where in them a title is."""

    def __init__(self, path: Path) -> None:
        reader = pa.ipc.open_file(pa.memory_map(str(path)))
        batches = [reader.get_batch(number) for number in range(reader.num_record_batches)]
        self.batches = [batch for batch in batches if batch.num_rows]
        self.firsts = [batch["title"][0].as_py() for batch in self.batches]
        self.place = lru_cache(maxsize=REMEMBERED)(self.find)

    def find(self, title: str) -> tuple[pa.RecordBatch, int] | None:
        """The batch and the row of the first template of this title."""
        # The title may be the last of one batch and the first of the next.
        for number in range(max(0, bisect_left(self.firsts, title) - 1), bisect_right(self.firsts, title)):
            titles = Titles(self.batches[number]["title"])
            row = bisect_left(titles, title)
            if row < len(titles) and titles[row] == title:
                return self.batches[number], row
        return None


class Titles:
    """An Arrow array as bisect wants it."""

    def __init__(self, array: pa.StringArray) -> None:
        self.array = array

    def __len__(self) -> int:
        return len(self.array)

    def __getitem__(self, row: int) -> str:
        title: str = self.array[row].as_py()
        return title


class Column(Mapping[str, str]):
    """Title -> value, for the titles that have one."""

    def __init__(self, table: Sorted, name: str) -> None:
        self.table = table
        self.name = name

    def get(self, title: str, default: Any = None) -> Any:
        found = self.table.place(title)
        value = found[0][self.name][found[1]].as_py() if found else None
        return default if value is None else value

    def __contains__(self, title: object) -> bool:
        return isinstance(title, str) and self.get(title) is not None

    def __getitem__(self, title: str) -> str:
        value: str | None = self.get(title)
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
