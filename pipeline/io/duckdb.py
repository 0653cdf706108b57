"""DuckDB on files: within the memory that the executor gives, and with each file's name taken as it stands."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import duckdb

Connect = Callable[[], duckdb.DuckDBPyConnection]
"""`connected` with what the executor gives."""
MEGABYTES = 700
"""Of each gigabyte; the rest is for Python and the arrays."""


def connect(memory_gb: int, spill: Path, *, threads: int | None = None) -> duckdb.DuckDBPyConnection:
    """A database of its own.

    Args:
        spill: where it puts what does not fit in memory.
        threads: None for one a processor.
    """
    settings: dict[str, Any] = {"memory_limit": f"{memory_gb * MEGABYTES}MB", "temp_directory": str(spill)}
    return duckdb.connect(config=settings | ({"threads": threads} if threads else {}))


def parquet(paths: Iterable[Path]) -> list[str]:
    """What `read_parquet` takes for these files and no others: for it "*", "?" and "[" stand for other letters."""
    return [re.sub(r"[*?[]", r"[\g<0>]", str(path)) for path in paths]
