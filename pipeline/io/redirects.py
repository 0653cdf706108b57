"""Redirects resolved to the page at the end of their chain: one rule, in SQL, for every stage that follows redirects.

A chain may have any length (MediaWiki itself follows one redirect, but dumps hold chains). Nearly all redirects lead
directly to a page; those that lead to another redirect are followed by a recursion over distinct pairs, which also ends
for a loop, because a loop adds no new pair. A title that has a page of its own is not a redirect.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import duckdb

from pipeline.io.duckdb import literal_paths

EMPTY = (
    "CREATE TEMP TABLE redirect(title VARCHAR, target VARCHAR)",
    "CREATE TEMP TABLE resolved(title VARCHAR, target VARCHAR)",
)
REDIRECT = """
CREATE TEMP TABLE redirect AS
    SELECT title, min(target) AS target FROM read_parquet($redirects)
    ANTI JOIN page USING (title) GROUP BY title
"""
CHAINS = (
    """
CREATE TEMP TABLE chained AS  -- the few redirects that lead to another redirect
    SELECT redirect.* FROM redirect SEMI JOIN redirect AS next ON next.title = redirect.target
""",
    """
CREATE TEMP TABLE chain_end AS  -- the last redirect that each of them leads to; no row if it leads into a loop
WITH RECURSIVE chain(title, target) AS (
    SELECT title, target FROM chained
    UNION  -- of distinct pairs, so that a loop ends
    SELECT chain.title, chained.target FROM chain JOIN chained ON chained.title = chain.target
)
SELECT * FROM chain ANTI JOIN chained ON chained.title = chain.target
""",
    """
CREATE TEMP TABLE chain_target AS  -- target NULL: in a loop, or leading into one
    SELECT chained.title, redirect.target
    FROM chained LEFT JOIN (chain_end JOIN redirect ON redirect.title = chain_end.target)
    ON chain_end.title = chained.title
""",
    """
CREATE TEMP VIEW resolved AS
    SELECT title, target FROM redirect ANTI JOIN chained USING (title) UNION ALL FROM chain_target
""",
)


def resolve_redirects(connection: duckdb.DuckDBPyConnection, redirects: Sequence[Path]) -> None:
    """Create the table `redirect` and the view `resolved`, each with the columns title and target.

    `resolved.target` is the title at the end of the chain, or NULL for a redirect in a loop or leading into one.

    Args:
        connection: a database with a table `page` that has the title of every page.
        redirects: parquet files with the columns title and target; may be empty.
    """
    if not redirects:
        for statement in EMPTY:
            connection.execute(statement)
        return
    connection.execute(REDIRECT, {"redirects": literal_paths(redirects)})
    for statement in CHAINS:
        connection.execute(statement)
