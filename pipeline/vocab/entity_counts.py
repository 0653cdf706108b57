"""Count the entity vocabulary: the link targets of the training pages, with redirects resolved.

The input is the corpus' articles and redirects. The output is entities.parquet, the most linked titles first and ties
in code-point order of the titles, and aliases.parquet; `entities.py` has their columns. Links that corpus.more_mentions
added are not counted, so the vocabulary does not depend on that option, and a page that repeats its own title does not
count as many pages that link to it.

The work is done by SQL on files. DuckDB works out of core under a memory limit, and every query whose rows are written
is ordered by a unique key, so the number of threads does not change the result.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.errors import PipelineError
from pipeline.execution.console import progress_bar
from pipeline.holdout import is_held_out_sql
from pipeline.io.duckdb import connect, literal_paths
from pipeline.io.redirects import resolve_redirects
from pipeline.records import SPECIAL_ENTITIES
from pipeline.store.files import atomic_write
from pipeline.store.manifest import Counts
from pipeline.vocab.artefact import ALIASES, ENTITIES
from pipeline.vocab.config import EntitiesConfig
from pipeline.vocab.entities import ALIAS_SCHEMA, ENTITY_SCHEMA, FIRST_TITLE

ROW_GROUP_SIZE = 1 << 17
"""Rows per row group of the parquet files; a multiple of DuckDB's vectors of 2,048."""

CREATE_PAGE_TABLE = """
CREATE TEMP TABLE page AS
    SELECT title, bool_or(is_disambiguation) AS is_disambiguation FROM read_parquet($articles) GROUP BY title;
"""

OWN_LINKS = "[link FOR link IN links IF NOT link.added]"

LINKS = """
CREATE TEMP TABLE linked AS
    SELECT title, count(*) AS links FROM (
        SELECT unnest({links}).title AS title FROM read_parquet($articles) WHERE NOT {validation}
    ) GROUP BY title;

CREATE TEMP TABLE included AS  -- titles that are always included, resolved like links
    SELECT DISTINCT coalesce(resolved.target, listed.title) AS title
    FROM (SELECT unnest($always_include::VARCHAR[]) AS title) AS listed
    LEFT JOIN resolved USING (title) WHERE resolved.title IS NULL OR resolved.target IS NOT NULL;

CREATE TEMP TABLE counted AS
    SELECT target AS title, sum(links)::BIGINT AS count FROM (
        SELECT coalesce(resolved.target, linked.title) AS target, links FROM linked
        LEFT JOIN resolved USING (title) WHERE resolved.title IS NULL OR resolved.target IS NOT NULL
    ) GROUP BY target;

CREATE TEMP TABLE candidate AS  -- one row per title, with the reason to drop it or NULL
    SELECT
        title,
        coalesce(count, 0) AS count,
        included.title IS NOT NULL AS is_included,
        CASE
            WHEN included.title IS NOT NULL THEN NULL
            WHEN $in_dump_only AND page.title IS NULL THEN 'not_in_dump'
            WHEN $drop_disambiguation AND page.is_disambiguation THEN 'disambiguation'
            WHEN count < $min_count THEN 'below_min_count'
        END AS reason
    FROM counted FULL JOIN included USING (title) LEFT JOIN page USING (title);

CREATE TEMP TABLE entity AS
    WITH best AS (
        SELECT title, count FROM candidate WHERE reason IS NULL ORDER BY is_included DESC, count DESC, title LIMIT $rows
    )
    SELECT (row_number() OVER (ORDER BY count DESC, title) + {first_id} - 1)::INTEGER AS id, title, count FROM best;
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


def write_entity_vocab(
    articles: list[Path],
    redirects: list[Path],
    always_include: list[str],
    config: EntitiesConfig,
    *,
    validation_share: float,
    out: Path,
    scratch: Path,
    threads: int,
    memory_gb: int,
) -> Counts:
    """Write entities.parquet and aliases.parquet to `out` and return the account of links.

    Args:
        always_include: titles that become entities regardless of the config's rules.
        scratch: folder for the data that does not fit in DuckDB's memory.

    Raises:
        PipelineError: no title becomes an entity, or `always_include` has more titles than `config.size` allows.
    """
    values = {
        "articles": literal_paths(articles),
        "always_include": always_include,
        "in_dump_only": config.in_dump_only,
        "drop_disambiguation": config.drop_disambiguation,
        "min_count": config.min_count,
        "rows": config.size - len(SPECIAL_ENTITIES),
    }
    statements = link_statements(articles[0], validation_share)
    results = (ENTITY_ROWS, out / ENTITIES, ENTITY_SCHEMA), (ALIAS_ROWS, out / ALIASES, ALIAS_SCHEMA)
    with connect(memory_gb, scratch, threads=threads) as connection, progress_bar() as bar:
        task = bar.add_task("entities", total=2 + len(statements) + len(results))
        connection.execute(CREATE_PAGE_TABLE, {"articles": values["articles"]})
        bar.advance(task)
        resolve_redirects(connection, redirects)
        bar.advance(task)
        for statement in statements:
            connection.execute(statement, {name: value for name, value in values.items() if f"${name}" in statement})
            bar.advance(task)
        counts = read_account(connection)
        check_entities(counts, config)
        for result in results:
            write_query_rows(connection, *result)
            bar.advance(task)
    return counts


def link_statements(articles: Path, validation_share: float) -> list[str]:
    """Return the statements that create the tables linked, included, counted, candidate and entity."""
    script = LINKS.format(
        links=OWN_LINKS if has_added_links(articles) else "links",
        validation=is_held_out_sql("id", validation_share),
        first_id=FIRST_TITLE,
    )
    return script.strip().split("\n\n")


def has_added_links(articles: Path) -> bool:
    """Whether the links have the column that marks those added by corpus.more_mentions."""
    link = pq.read_schema(articles).field("links").type.value_type
    return any(column.name == "added" for column in link)


def read_account(connection: duckdb.DuckDBPyConnection) -> Counts:
    """Return the account: links.seen = links.covered + all links.dropped.*, and numbers of redirects and titles."""

    def number(query: str) -> int:
        [(value,)] = connection.execute(query).fetchall()
        return int(value or 0)

    fates = dict(connection.execute(ACCOUNT).fetchall())
    reasons = ("not_in_dump", "disambiguation", "below_min_count", "beyond_size")
    joined = "FROM linked JOIN resolved USING (title) WHERE resolved.target"
    return {
        "entities": number("SELECT count(*) FROM entity") + len(SPECIAL_ENTITIES),
        "entities_always_included": number("SELECT count(*) FROM included"),
        "links.covered": int(fates.get("covered", 0)),
        **{f"links.dropped.{reason}": int(fates.get(reason, 0)) for reason in reasons},
        "links.dropped.redirect_loop": number(f"SELECT sum(links) {joined} IS NULL"),
        "links.seen": number("SELECT sum(links) FROM linked"),
        "links.through_redirects": number(f"SELECT sum(links) {joined} IS NOT NULL"),
        "redirects": number("SELECT count(*) FROM redirect"),
        "redirects.in_loops": number("SELECT count(*) FROM resolved WHERE target IS NULL"),
        "titles_linked": number("SELECT count(*) FROM linked"),
    }


def check_entities(counts: Counts, config: EntitiesConfig) -> None:
    """Raise PipelineError if no title became an entity, or if the titles to include exceed the vocabulary's size."""
    if counts["entities"] == len(SPECIAL_ENTITIES):
        reasons = ", ".join(
            f"{number} by {key.removeprefix('links.dropped.')}" for key, number in dropped_links(counts) if number
        )
        raise PipelineError(
            f"no title became an entity: all {counts['links.seen']} links on training pages were dropped "
            f"({reasons or 'there are none'}).\n"
            "Lower vocab.entities.min_count, set vocab.entities.in_dump_only=false (for a part of a dump, whose "
            "articles hardly link to each other), or use a larger dump."
        )
    room = config.size - len(SPECIAL_ENTITIES)
    if counts["entities_always_included"] > room:
        raise PipelineError(
            f"vocab.entities.always_include lists {counts['entities_always_included']} titles, but "
            f"vocab.entities.size={config.size} leaves room for {room}: raise the size or shorten "
            f"{config.always_include}"
        )


def dropped_links(counts: Counts) -> Iterable[tuple[str, int]]:
    """Return the keys and numbers of the account's dropped links."""
    return ((key, number) for key, number in counts.items() if key.startswith("links.dropped."))


def write_query_rows(connection: duckdb.DuckDBPyConnection, query: str, path: Path, schema: pa.Schema) -> None:
    """Write the rows of an ordered query; one row group, whose size does not depend on the threads, is in memory."""
    rows = connection.sql(query).to_arrow_reader(ROW_GROUP_SIZE)
    with atomic_write(path, "wb") as file, pq.ParquetWriter(file, schema, compression="zstd") as writer:
        for batch in rows:
            writer.write_batch(batch.cast(schema))
