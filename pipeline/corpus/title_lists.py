"""Lists of titles that choose pages: text files, a title a line -> hashes for the workers, and what led to no page.

A line is read as the corpus reads a link. For a wiki's: underscores are spaces, the first letter is a capital where the
wiki says so, %XX and entities are decoded, and a redirect stands for the page it leads to (a page of its own is never
looked past). Titles of one's own text are only trimmed, as there.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from pipeline.corpus.config import CorpusConfig
from pipeline.corpus.page_filter import Choice, hashes
from pipeline.corpus.titles import MAIN, SiteInfo, normalise_title
from pipeline.execution.console import console
from pipeline.io.duckdb import Connect, parquet
from pipeline.io.title_list import file_of, titles_of
from pipeline.store.files import digest, atomic_write
from pipeline.store.manifest import Counts

KEYS = ("keep_titles", "leave_out_titles")
MAX_REDIRECTS = 4
"""Redirects in a row that are followed; MediaWiki itself follows one."""
TOLD = 5
"""Titles without a page that are told by name."""
FOLLOW = """
CREATE OR REPLACE TEMP TABLE wanted AS
    SELECT line, coalesce(target, wanted.title) AS title FROM wanted LEFT JOIN (
        SELECT title, min(target) AS target FROM read_parquet($redirects)
        SEMI JOIN wanted USING (title) ANTI JOIN read_parquet($pages) AS page USING (title) GROUP BY title
    ) AS redirect USING (title)
"""
PRESENT = """
SELECT DISTINCT title FROM (SELECT unnest($titles::VARCHAR[]) AS title)
SEMI JOIN read_parquet($pages) AS page USING (title)
"""

Titles = Mapping[str, Mapping[str, str]]
"""Config key -> titles as they stand in its file -> the title that each means."""


def parents(config: CorpusConfig) -> dict[str, str]:
    """Digests of the lists: the config only names them."""
    return {f"corpus.{key}": digest(path) for key, path in files(config).items()}


def files(config: CorpusConfig) -> dict[str, Path]:
    return {key: file_of(name, key=f"corpus.{key}") for key in KEYS if (name := getattr(config, key))}


def read(config: CorpusConfig) -> Titles:
    """The lists as written, each title meaning itself.

    Raises:
        PipelineError: a list is not there, no UTF-8, or holds no title.
    """
    lists = {key: titles_of(path, key=f"corpus.{key}") for key, path in files(config).items()}
    return {key: {title: title for title in titles} for key, titles in lists.items()}


def resolved(
    lists: Titles, site: SiteInfo, connect: Connect, *, pages: Sequence[Path], redirects: Sequence[Path]
) -> Titles:
    """The lists with each title as the wiki's links mean it, after redirects.

    Args:
        pages: parquet files with every page's title.
        redirects: the corpus' files of them.
    """
    return {key: follow(titles, site, connect, pages, redirects) for key, titles in lists.items()}


def follow(
    titles: Iterable[str], site: SiteInfo, connect: Connect, pages: Sequence[Path], redirects: Sequence[Path]
) -> Mapping[str, str]:
    lines = list(titles)
    values = {"lines": lines, "read": [as_link(line, site) for line in lines]}
    with connect() as connection:
        connection.execute("CREATE TEMP TABLE wanted AS SELECT unnest($lines) AS line, unnest($read) AS title", values)
        for _ in range(MAX_REDIRECTS if redirects and pages else 0):
            connection.execute(FOLLOW, {"redirects": parquet(redirects), "pages": parquet(pages)})
        return dict(connection.execute("SELECT line, title FROM wanted").fetchall())


def as_link(raw: str, site: SiteInfo) -> str:
    """The article that a link so written would lead to; the line itself where it would lead to none."""
    title = normalise_title(raw, site)
    return title.text if title and title.namespace == MAIN and not title.interwiki and title.text else raw


def choice(lists: Titles, config: CorpusConfig, work: Path) -> Choice:
    """What the workers need of the lists, written to `work`."""
    paths = {}
    for key, titles in lists.items():
        paths[key] = work / f"{key}.npy"
        with atomic_write(paths[key], "wb") as file:
            np.save(file, hashes(titles.values()))
    return Choice(
        keep=paths.get("keep_titles"),
        leave_out=paths.get("leave_out_titles"),
        disambiguation=config.disambiguation,
        min_characters=config.min_characters,
    )


def account(lists: Titles, pages: Sequence[Path], connect: Connect) -> Counts:
    """How many titles each list has and how many are no page's; tells the first of these."""
    counts: Counts = {}
    for key, titles in lists.items():
        missing = set(titles.values()) - present(titles.values(), pages, connect)
        without = [line for line, title in titles.items() if title in missing]
        counts |= {f"titles.{key}.seen": len(titles), f"titles.{key}.without_page": len(without)}
        if without:
            first = ", ".join(without[:TOLD]) + (", ..." if len(without) > TOLD else "")
            console.print(f"corpus: {len(without):,} of {len(titles):,} titles of corpus.{key} are no page's: {first}")
    return counts


def present(titles: Iterable[str], pages: Sequence[Path], connect: Connect) -> set[str]:
    """Those of the titles that a page has."""
    if not pages:
        return set()
    with connect() as connection:
        found = connection.execute(PRESENT, {"titles": list(titles), "pages": parquet(pages)}).fetchall()
    return {title for (title,) in found}
