"""DuckDB connections within the executor's memory, and escaping of glob characters in file names."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from pathlib import Path

import duckdb

Connect = Callable[[], duckdb.DuckDBPyConnection]
"""`connect` with its arguments bound."""
MEGABYTES_PER_GB = 700
"""Megabytes for DuckDB per gigabyte of the executor's memory; the rest is for Python and the arrays."""


def connect(memory_gb: int, spill: Path, *, threads: int | None = None) -> duckdb.DuckDBPyConnection:
    """Return a connection to a new in-memory database.

    Args:
        memory_gb: the executor's memory; DuckDB gets `MEGABYTES_PER_GB` of each gigabyte.
        spill: the folder for data that does not fit in memory.
        threads: None for one thread per processor.
    """
    settings: dict[str, str | bool | int | float | list[str]] = {
        "memory_limit": f"{memory_gb * MEGABYTES_PER_GB}MB",
        "temp_directory": str(spill),
    }
    if threads:
        settings["threads"] = threads
    return duckdb.connect(config=settings)


def literal_paths(paths: Iterable[Path]) -> list[str]:
    """Return the paths with the glob characters "*", "?" and "[" escaped, for `read_parquet` and the like."""
    return [re.sub(r"[*?[]", r"[\g<0>]", str(path)) for path in paths]
