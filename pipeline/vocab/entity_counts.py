"""Counting the entity vocabulary: link targets of the training pages, after redirects are resolved.

In: the corpus' articles and redirects. Out: entities.parquet, the most linked titles first, ties by title in code-point
order, and aliases.parquet; `entities.py` has their columns. What corpus.more_mentions added to the pages' own links is
not counted: the vocabulary is the same with and without, and a page that repeats its title is not many pages that link
to it.

It is SQL on files: DuckDB works out of core under a memory limit, and every query that reaches disk is ordered by a
unique key, so the number of threads changes nothing. Nearly all redirects lead straight to a page. Only those that
lead to another redirect are followed step by step, by a recursion over distinct pairs, which ends in a loop too: a
loop adds no new pair.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.errors import PipelineError
from pipeline.execution.console import progress_bar
from pipeline.holdout import is_validation_sql
from pipeline.io.duckdb import connect, parquet
from pipeline.records import SPECIAL_ENTITIES
from pipeline.store.files import atomic_write
from pipeline.store.manifest import Counts
from pipeline.vocab.config import EntitiesConfig
from pipeline.vocab.entities import ALIAS_SCHEMA, ALIASES, ENTITIES, ENTITY_SCHEMA

ROW_GROUP = 1 << 17
"""Rows; DuckDB's vectors of 2,048 fill it evenly."""

PAGES = """
CREATE TEMP TABLE page AS
    SELECT title, bool_or(is_disambiguation) AS is_disambiguation FROM read_parquet($articles) GROUP BY title;
"""

NO_REDIRECTS = """
CREATE TEMP TABLE redirect(title VARCHAR, target VARCHAR);

CREATE TEMP TABLE resolved(title VARCHAR, target VARCHAR);
"""

REDIRECTS = """
CREATE TEMP TABLE redirect AS  -- a page of its own is never looked past
    SELECT title, min(target) AS target FROM read_parquet($redirects)
    ANTI JOIN page USING (title) GROUP BY title;

CREATE TEMP TABLE double AS  -- those that lead to another redirect: few
    SELECT redirect.* FROM redirect SEMI JOIN redirect AS next ON next.title = redirect.target;

CREATE TEMP TABLE last AS  -- of those, the last redirect on their way; none for a way into a loop
WITH RECURSIVE chain(title, target) AS (
    SELECT title, target FROM double
    UNION  -- distinct pairs: this is what ends a loop
    SELECT chain.title, double.target FROM chain JOIN double ON double.title = chain.target
)
SELECT * FROM chain ANTI JOIN double ON double.title = chain.target;

CREATE TEMP TABLE through AS  -- target NULL: in a loop, or leading into one
    SELECT double.title, redirect.target
    FROM double LEFT JOIN (last JOIN redirect ON redirect.title = last.target) ON last.title = double.title;

CREATE TEMP VIEW resolved AS
    SELECT title, target FROM redirect ANTI JOIN double USING (title) UNION ALL FROM through;
"""

OWN_LINKS = "[link FOR link IN links IF NOT link.added]"

LINKS = """
CREATE TEMP TABLE linked AS
    SELECT title, count(*) AS links FROM (
        SELECT unnest({links}).title AS title FROM read_parquet($articles) WHERE NOT {validation}
    ) GROUP BY title;

CREATE TEMP TABLE white AS  -- wanted titles, resolved like links
    SELECT DISTINCT coalesce(resolved.target, wanted.title) AS title
    FROM (SELECT unnest($white_list::VARCHAR[]) AS title) AS wanted
    LEFT JOIN resolved USING (title) WHERE resolved.title IS NULL OR resolved.target IS NOT NULL;

CREATE TEMP TABLE counted AS
    SELECT target AS title, sum(links)::BIGINT AS count FROM (
        SELECT coalesce(resolved.target, linked.title) AS target, links FROM linked
        LEFT JOIN resolved USING (title) WHERE resolved.title IS NULL OR resolved.target IS NOT NULL
    ) GROUP BY target;

CREATE TEMP TABLE candidate AS  -- one row a title, with all that decides on it
    SELECT
        title,
        coalesce(count, 0) AS count,
        white.title IS NOT NULL AS white,
        CASE
            WHEN white.title IS NOT NULL THEN NULL
            WHEN $in_dump_only AND page.title IS NULL THEN 'not_in_dump'
            WHEN $drop_disambiguation AND page.is_disambiguation THEN 'disambiguation'
            WHEN count < $min_count THEN 'below_min_count'
        END AS reason
    FROM counted FULL JOIN white USING (title) LEFT JOIN page USING (title);

CREATE TEMP TABLE entity AS
    WITH best AS (
        SELECT title, count FROM candidate WHERE reason IS NULL ORDER BY white DESC, count DESC, title LIMIT $rows
    )
    SELECT (row_number() OVER (ORDER BY count DESC, title) + {specials} - 1)::INTEGER AS id, title, count FROM best;
"""

ACCOUNT = """
SELECT coalesce(reason, if(entity.title IS NULL, 'beyond_size', 'covered')) AS fate, sum(candidate.count)::BIGINT
FROM candidate LEFT JOIN entity USING (title) GROUP BY fate
"""

ENTITY_ROWS = f"""
SELECT id, title, count FROM entity
UNION ALL
SELECT * FROM (VALUES {", ".join(f"({index}, '{title}', 0)" for index, title in enumerate(SPECIAL_ENTITIES))})
ORDER BY id
"""

ALIAS_ROWS = """
SELECT title, id FROM (
    SELECT title, id FROM entity
    UNION ALL
    SELECT resolved.title, id FROM resolved JOIN entity ON entity.title = resolved.target
) ORDER BY title
"""


def build(
    articles: list[Path],
    redirects: list[Path],
    white_list: list[str],
    config: EntitiesConfig,
    *,
    validation_share: float,
    out: Path,
    scratch: Path,
    threads: int,
    memory_gb: int,
) -> Counts:
    """Write entities.parquet and aliases.parquet to `out`; return the account of links.

    Args:
        white_list: titles that are in whatever the config says.
        scratch: where DuckDB puts what does not fit in memory.

    Raises:
        PipelineError: no title passes, or the white list alone passes `size`.
    """
    values = {
        "articles": parquet(articles),
        "redirects": parquet(redirects),
        "white_list": white_list,
        "in_dump_only": config.in_dump_only,
        "drop_disambiguation": config.drop_disambiguation,
        "min_count": config.min_count,
        "rows": config.size - len(SPECIAL_ENTITIES),
    }
    statements = tables(articles[0], validation_share, redirects=bool(redirects))
    results = (ENTITY_ROWS, out / ENTITIES, ENTITY_SCHEMA), (ALIAS_ROWS, out / ALIASES, ALIAS_SCHEMA)
    with connect(memory_gb, scratch, threads=threads) as connection, progress_bar() as bar:
        task = bar.add_task("entities", total=len(statements) + len(results))
        for statement in statements:
            connection.execute(statement, {name: value for name, value in values.items() if f"${name}" in statement})
            bar.advance(task)
        counts = account(connection)
        check(counts, config)
        for result in results:
            write(connection, *result)
            bar.advance(task)
    return counts


def tables(articles: Path, validation_share: float, *, redirects: bool) -> list[str]:
    """The statements that make the tables page, redirect, linked, white, candidate, entity, and the view resolved."""
    links = LINKS.format(
        links=OWN_LINKS if has_added_links(articles) else "links",
        validation=is_validation_sql("id", validation_share),
        specials=len(SPECIAL_ENTITIES),
    )
    scripts = PAGES, REDIRECTS if redirects else NO_REDIRECTS, links
    return [statement for script in scripts for statement in script.strip().split("\n\n")]


def has_added_links(articles: Path) -> bool:
    """Whether the corpus' links say which of them corpus.more_mentions added."""
    link = pq.read_schema(articles).field("links").type.value_type
    return any(column.name == "added" for column in link)


def account(connection: duckdb.DuckDBPyConnection) -> Counts:
    """links.seen = links.covered + all links.dropped.*; the rest tells of redirects and rows."""

    def number(query: str) -> int:
        [(value,)] = connection.execute(query).fetchall()
        return int(value or 0)

    fates = dict(connection.execute(ACCOUNT).fetchall())
    reasons = ("not_in_dump", "disambiguation", "below_min_count", "beyond_size")
    joined = "FROM linked JOIN resolved USING (title) WHERE resolved.target"
    return {
        "entities": number("SELECT count(*) FROM entity") + len(SPECIAL_ENTITIES),
        "entities_white_listed": number("SELECT count(*) FROM white"),
        "links.covered": int(fates.get("covered", 0)),
        **{f"links.dropped.{reason}": int(fates.get(reason, 0)) for reason in reasons},
        "links.dropped.redirect_loop": number(f"SELECT sum(links) {joined} IS NULL"),
        "links.seen": number("SELECT sum(links) FROM linked"),
        "links.through_redirects": number(f"SELECT sum(links) {joined} IS NOT NULL"),
        "redirects": number("SELECT count(*) FROM redirect"),
        "redirects.in_loops": number("SELECT count(*) FROM resolved WHERE target IS NULL"),
        "titles_linked": number("SELECT count(*) FROM linked"),
    }


def check(counts: Counts, config: EntitiesConfig) -> None:
    if counts["entities"] == len(SPECIAL_ENTITIES):
        raise PipelineError(
            f"no title became an entity: of {counts['links.seen']} links of training pages "
            + ", ".join(f"{number} were {key.removeprefix('links.dropped.')}" for key, number in dropped(counts))
            + ".\nLower vocab.entities.min_count, set vocab.entities.in_dump_only=false (for a part of a dump, whose "
            "articles hardly link each other), or take a larger dump."
        )
    if counts["entities_white_listed"] > config.size - len(SPECIAL_ENTITIES):
        raise PipelineError(
            f"the white list has {counts['entities_white_listed']} titles, but vocab.entities.size={config.size} has "
            f"room for {config.size - len(SPECIAL_ENTITIES)}: raise the size or shorten {config.white_list}"
        )


def dropped(counts: Counts) -> Iterable[tuple[str, int]]:
    return ((key, number) for key, number in counts.items() if key.startswith("links.dropped."))


def write(connection: duckdb.DuckDBPyConnection, query: str, path: Path, schema: pa.Schema) -> None:
    """Write a query's ordered rows, a row group in memory at a time; their size is fixed, whatever the threads."""
    rows = connection.sql(query).to_arrow_reader(ROW_GROUP)
    with atomic_write(path, "wb") as file, pq.ParquetWriter(file, schema, compression="zstd") as writer:
        for batch in rows:
            writer.write_batch(batch.cast(schema))
