"""Count the mentions: how often each mention string of the training pages links to each entity.

The input is the corpus' articles and aliases.parquet, which leads from a link's title to its entity. The output is
mentions.parquet; `mentions.py` has its columns and their order. As for the entities, links of held-out pages and links
that corpus.more_mentions added are not counted.

A mention is the text of a link without white space at its ends. As in the dataset (`pipeline/dataset/tokens.py`), blank
mentions and those across a line break are dropped. So are those whose title leads to no entity.

Python cuts the mentions out of the texts, half a microsecond per link, and DuckDB counts them out of core under a
memory limit, in up to 3 µs per link. SQL's `substr` finds the same code points, but reads the text from its start for
every link: on articles of 30,000 characters it takes eighteen times as long as both together, and on one long text the
time grows with the square of its length. The rows that are written are ordered by a unique key, so the number of
threads does not change the result.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
from rich.progress import Progress

from pipeline.execution.console import progress_bar
from pipeline.holdout import is_held_out
from pipeline.io.arrow import as_numpy, read_batches, to_arrow
from pipeline.io.duckdb import connect, literal_paths
from pipeline.store.manifest import Counts
from pipeline.vocab.artefact import ALIASES, MENTIONS
from pipeline.vocab.entity_counts import has_added_links, write_query_rows
from pipeline.vocab.mentions import MENTION_SCHEMA

ARTICLES_PER_READ = 64
"""Articles in memory at a time."""

LINKED = """
CREATE TEMP TABLE linked AS SELECT mention, title, count(*) AS links FROM link WHERE {own} GROUP BY mention, title
"""

MENTIONED = """
CREATE TEMP TABLE mentioned AS  -- with the reason to drop it or NULL; id NULL: the title leads to no entity
    SELECT mention, id, sum(links)::BIGINT AS count,
        CASE
            WHEN mention = '' THEN 'blank_mention'
            WHEN contains(mention, chr(10)) THEN 'across_paragraphs'
            WHEN id IS NULL THEN 'no_entity'
        END AS reason
    FROM linked LEFT JOIN read_parquet($aliases) USING (title) GROUP BY mention, id
"""

ACCOUNT = "SELECT coalesce(reason, 'kept'), count(*), sum(count)::BIGINT FROM mentioned GROUP BY ALL"
REASONS = ("across_paragraphs", "blank_mention", "no_entity")

MENTION_ROWS = "SELECT mention, id, count FROM mentioned WHERE reason IS NULL ORDER BY mention, count DESC, id"


def write_mention_counts(
    articles: list[Path], *, validation_share: float, vocab: Path, scratch: Path, threads: int, memory_gb: int
) -> Counts:
    """Write mentions.parquet and return the account: mentions.seen = mentions.kept + all mentions.dropped.*.

    Args:
        articles: parquet files of the corpus.
        validation_share: share of the pages that are held out.
        vocab: folder with aliases.parquet, to which the file is added.
        scratch: folder for the data that does not fit in DuckDB's memory.
        threads: number of DuckDB's threads.
        memory_gb: the executor's memory.
    """
    own = "NOT added" if has_added_links(articles[0]) else "true"
    with connect(memory_gb, scratch, threads=threads) as connection, progress_bar() as bar:
        connection.register("link", read_links(articles, validation_share, bar))
        connection.execute(LINKED.format(own=own))
        connection.execute(MENTIONED, {"aliases": literal_paths([vocab / ALIASES])})
        counts = read_account(connection)
        connection.execute("DROP TABLE linked")
        write_query_rows(connection, MENTION_ROWS, vocab / MENTIONS, MENTION_SCHEMA)
    return counts


def read_links(articles: list[Path], validation_share: float, bar: Progress) -> pa.RecordBatchReader:
    """Return a stream of the links of training pages: each one's mention, and its columns except the offsets."""
    columns = pq.read_schema(articles[0]).field("links").type.value_type
    schema = pa.schema([("mention", "string"), *(column for column in columns if column.name not in ("start", "end"))])
    task = bar.add_task("mentions", total=sum(pq.read_metadata(path).num_rows for path in articles))

    def batches() -> Iterator[pa.RecordBatch]:
        for batch in read_batches(articles, ARTICLES_PER_READ, ["id", "text", "links"]):
            training = [not is_held_out(page_id, validation_share) for page_id in batch["id"].to_pylist()]
            pages = batch.filter(to_arrow(training, pa.bool_()))
            links = pages["links"].flatten()
            mentions = to_arrow(list(cut_mentions(pages)), pa.string())
            yield pa.RecordBatch.from_arrays([mentions, *map(links.field, schema.names[1:])], schema=schema)
            bar.advance(task, batch.num_rows)

    return pa.RecordBatchReader.from_batches(schema, batches())


def cut_mentions(pages: pa.RecordBatch) -> Iterator[str]:
    """Yield the text of every link of the pages, without white space at its ends."""
    links, edges = pages["links"].flatten(), as_numpy(pages["links"].offsets)
    spans = list(zip(*(as_numpy(links.field(name)).tolist() for name in ("start", "end")), strict=True))
    for text, (first, last) in zip(pages["text"].to_pylist(), pairwise((edges - edges[0]).tolist()), strict=True):
        yield from (text[start:end].strip() for start, end in spans[first:last])


def read_account(connection: duckdb.DuckDBPyConnection) -> Counts:
    """Return the account of the tables `linked` and `mentioned`."""
    [(seen,)] = connection.execute("SELECT coalesce(sum(links), 0)::BIGINT FROM linked").fetchall()
    fates = {fate: (rows, count) for fate, rows, count in connection.execute(ACCOUNT).fetchall()}
    rows, kept = fates.get("kept", (0, 0))
    dropped = {f"mentions.dropped.{reason}": fates.get(reason, (0, 0))[1] for reason in REASONS}
    return {"mentions.rows": rows, "mentions.kept": kept, **dropped, "mentions.seen": seen}
