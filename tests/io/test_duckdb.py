"""DuckDB connections: paths with glob characters, limits of memory and threads."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.io.duckdb import connect, literal_paths


def test_glob_characters_in_a_path_match_only_themselves(tmp_path: Path) -> None:
    for name in ("a[1]*?", "a1bc"):
        (tmp_path / name).mkdir()
        pq.write_table(pa.table({"place": [name]}), tmp_path / name / "x.parquet")
    with connect(1, tmp_path / "spill") as connection:
        rows = connection.execute(
            "SELECT place, filename FROM read_parquet($files, filename = true)",
            {"files": literal_paths([tmp_path / "a[1]*?/x.parquet"])},
        ).fetchall()
    assert rows == [("a[1]*?", str(tmp_path / "a[1]*?/x.parquet"))]


def test_memory_and_threads_are_limited(tmp_path: Path) -> None:
    with connect(2, tmp_path / "spill", threads=1) as connection:
        [limits] = connection.execute(
            "SELECT current_setting('memory_limit'), current_setting('threads'), current_setting('temp_directory')"
        ).fetchall()
    assert limits == ("1.3 GiB", 1, str(tmp_path / "spill"))
