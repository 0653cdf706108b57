"""Title lists that select pages: text files with one title per line -> hashes for the workers, and titles without page.

For a wiki, a line is read like the target of a link: underscores are spaces, the first letter is capitalised if the
wiki's case rule says so, %XX and entities are decoded, and a redirect is replaced by the page at the end of its chain
(`io/redirects.py`), unless the title itself is a page. For the user's own text, titles are only stripped, as those in
the text are.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from pipeline.corpus.config import CorpusConfig
from pipeline.corpus.page_filter import PageFilter, sorted_title_hashes
from pipeline.corpus.titles import MAIN, SiteInfo, normalise_title
from pipeline.execution.console import console
from pipeline.io.duckdb import Connect, literal_paths
from pipeline.io.redirects import resolve_redirects
from pipeline.io.title_list import read_title_list, title_list_path
from pipeline.store.files import atomic_write, file_digest
from pipeline.store.manifest import Counts

KEYS = ("keep_titles", "leave_out_titles")
MAX_TITLES_PRINTED = 5
"""Number of titles without a page that are printed by name."""
CREATE_PAGE_TABLE = "CREATE TEMP TABLE page AS SELECT DISTINCT title FROM read_parquet($pages)"
RESOLVED = """
SELECT line, coalesce(target, wanted.title) FROM wanted LEFT JOIN resolved USING (title)
"""
PRESENT = """
SELECT DISTINCT title FROM (SELECT unnest($titles::VARCHAR[]) AS title)
SEMI JOIN read_parquet($pages) AS page USING (title)
"""

TitleLists = Mapping[str, Mapping[str, str]]
"""Config key -> title as written in the file -> title of the page that it leads to."""


def title_list_digests(config: CorpusConfig) -> dict[str, str]:
    """Return the digests of the lists, to record their content: the config only has their paths."""
    return {f"corpus.{key}": file_digest(path) for key, path in title_files(config).items()}


def title_files(config: CorpusConfig) -> dict[str, Path]:
    """Return config key -> path of its list, for the lists that are set."""
    return {key: title_list_path(name, key=f"corpus.{key}") for key in KEYS if (name := getattr(config, key))}


def read_titles(config: CorpusConfig) -> TitleLists:
    """Read the lists; each title is mapped to itself.

    Raises:
        PipelineError: a list does not exist, is not valid UTF-8, or contains no title.
    """
    lists = {key: read_title_list(path, key=f"corpus.{key}") for key, path in title_files(config).items()}
    return {key: {title: title for title in titles} for key, titles in lists.items()}


def resolve_titles(
    lists: TitleLists, site: SiteInfo, connect: Connect, *, pages: Sequence[Path], redirects: Sequence[Path]
) -> TitleLists:
    """Replace the titles by those of the pages that the wiki's links would lead to, after redirects.

    Args:
        lists: as `read_titles` returns them.
        site: the wiki.
        connect: opens a database.
        pages: parquet files with the title of every page.
        redirects: parquet files with the title and target of every redirect.
    """
    return {key: resolve_list(titles, site, connect, pages, redirects) for key, titles in lists.items()}


def resolve_list(
    titles: Iterable[str], site: SiteInfo, connect: Connect, pages: Sequence[Path], redirects: Sequence[Path]
) -> Mapping[str, str]:
    """Return title as written -> title of the page, for one list."""
    lines = list(titles)
    values = {"lines": lines, "read": [linked_title(line, site) for line in lines]}
    with connect() as connection:
        connection.execute("CREATE TEMP TABLE wanted AS SELECT unnest($lines) AS line, unnest($read) AS title", values)
        connection.execute(CREATE_PAGE_TABLE, {"pages": literal_paths(pages)})
        resolve_redirects(connection, redirects)
        return dict(connection.execute(RESOLVED).fetchall())


def linked_title(raw: str, site: SiteInfo) -> str:
    """Return the title of the article that a link to `raw` would lead to, or `raw` if it would not lead to one."""
    title = normalise_title(raw, site)
    return title.text if title and title.namespace == MAIN and not title.interwiki and title.text else raw


def write_page_filter(lists: TitleLists, config: CorpusConfig, work: Path) -> PageFilter:
    """Write the hashes of the titles to `work`, and return the filter for the workers."""
    paths = {}
    for key, titles in lists.items():
        paths[key] = work / f"{key}.npy"
        with atomic_write(paths[key], "wb") as file:
            np.save(file, sorted_title_hashes(titles.values()))
    return PageFilter(
        keep_titles=paths.get("keep_titles"),
        leave_out_titles=paths.get("leave_out_titles"),
        disambiguation=config.disambiguation,
        min_characters=config.min_characters,
    )


def count_titles(lists: TitleLists, pages: Sequence[Path], connect: Connect) -> Counts:
    """Count each list's titles and those without a page, and print the first of the latter."""
    counts: Counts = {}
    for key, titles in lists.items():
        missing = set(titles.values()) - titles_with_page(titles.values(), pages, connect)
        without = [line for line, title in titles.items() if title in missing]
        counts |= {f"titles.{key}.seen": len(titles), f"titles.{key}.without_page": len(without)}
        if without:
            first = ", ".join(without[:MAX_TITLES_PRINTED]) + (", ..." if len(without) > MAX_TITLES_PRINTED else "")
            console.print(f"corpus: {len(without):,} of {len(titles):,} titles of corpus.{key} match no page: {first}")
    return counts


def titles_with_page(titles: Iterable[str], pages: Sequence[Path], connect: Connect) -> set[str]:
    """Return those of the titles that are the title of a page."""
    if not pages:
        return set()
    with connect() as connection:
        found = connection.execute(PRESENT, {"titles": list(titles), "pages": literal_paths(pages)}).fetchall()
    return {title for (title,) in found}
