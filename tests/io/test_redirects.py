"""Chains of redirects: any length, loops, titles with a page of their own."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.io.redirects import resolve_redirects


def resolve_titles(folder: Path, pages: list[str], redirects: dict[str, str]) -> dict[str, str | None]:
    """Return title -> target as the view `resolved` has them."""
    path = folder / "redirects-00000.parquet"
    pq.write_table(pa.table({"title": list(redirects), "target": list(redirects.values())}), path)
    with duckdb.connect() as connection:
        connection.execute("CREATE TEMP TABLE page AS SELECT unnest($pages) AS title", {"pages": pages})
        resolve_redirects(connection, [path])
        return dict(connection.execute("SELECT title, target FROM resolved ORDER BY title").fetchall())


def test_a_chain_of_any_length_leads_to_its_end(tmp_path: Path) -> None:
    chain = {f"{number}": f"{number + 1}" for number in range(6)}
    assert resolve_titles(tmp_path, ["6"], chain) == dict.fromkeys(chain, "6")


def test_a_loop_leads_nowhere_and_neither_does_a_redirect_into_it(tmp_path: Path) -> None:
    assert resolve_titles(tmp_path, ["X"], {"A": "B", "B": "A", "C": "A", "D": "X"}) == {
        "A": None, "B": None, "C": None, "D": "X",
    }  # fmt: skip


def test_a_title_with_a_page_is_not_a_redirect(tmp_path: Path) -> None:
    assert resolve_titles(tmp_path, ["A", "B"], {"A": "B"}) == {}


def test_a_target_without_a_page_is_kept(tmp_path: Path) -> None:
    assert resolve_titles(tmp_path, ["A"], {"B": "Missing"}) == {"B": "Missing"}


def test_no_redirects(tmp_path: Path) -> None:
    with duckdb.connect() as connection:
        resolve_redirects(connection, [])
        assert connection.execute("SELECT count(*) FROM resolved").fetchone() == (0,)
