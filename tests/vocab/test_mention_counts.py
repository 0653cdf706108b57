"""Mention counts of pages whose links can be counted by hand."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.holdout import is_held_out
from pipeline.store.manifest import Counts
from pipeline.vocab.entities import ALIAS_SCHEMA
from pipeline.vocab.mention_counts import write_mention_counts
from tests.helpers.corpus_files import ARTICLE_SCHEMA, article, write_corpus

SHARE = 0.1  # of these pages only 303 is held out, see tests/test_holdout.py
ALIASES = {"Cat": 4, "Dog": 3, "Hound": 3, "Kitty": 4}


def count(
    folder: Path,
    shards: Sequence[Sequence[Mapping[str, Any]]],
    aliases: Mapping[str, int] = ALIASES,
    threads: int = 1,
) -> tuple[list[tuple[Any, ...]], Counts]:
    """Write a corpus and its mention counts; return the rows of the file and the account."""
    write_corpus(folder / "corpus", shards)
    return count_files(folder, sorted((folder / "corpus").glob("articles-*.parquet")), aliases, threads)


def count_files(
    folder: Path, articles: list[Path], aliases: Mapping[str, int], threads: int
) -> tuple[list[tuple[Any, ...]], Counts]:
    out = folder / "out"
    out.mkdir()
    rows = [{"title": title, "id": index} for title, index in sorted(aliases.items())]
    pq.write_table(pa.Table.from_pylist(rows, schema=ALIAS_SCHEMA), out / "aliases.parquet")
    counts = write_mention_counts(
        articles, validation_share=SHARE, vocab=out, scratch=folder / "scratch", threads=threads, memory_gb=1
    )
    table = pq.read_table(out / "mentions.parquet")
    return list(zip(*(table[name].to_pylist() for name in ("mention", "id", "count")), strict=True)), counts


def test_mentions_by_entity_most_frequent_first_and_ties_by_id(tmp_path: Path) -> None:
    """A redirect counts for its entity; a tie of "pet" is broken by the id, not by the order of the pages."""
    rows, counts = count(
        tmp_path,
        [
            [article("1", "Ant", "[[Cat|dogs]], [[Dog|dogs]], [[Hound|dogs]], [[Dog]], [[Missing|dogs]], [[Cat|pet]]")],
            [article("2", "Bee", "[[Dog|dogs]], [[Kitty]], [[Cat|Kitty]], [[Dog|pet]], [[Nowhere]]")],
        ],
    )
    assert rows == [("Dog", 3, 1), ("Kitty", 4, 2), ("dogs", 3, 3), ("dogs", 4, 1), ("pet", 3, 1), ("pet", 4, 1)]
    assert counts == {
        "mentions.dropped.across_paragraphs": 0,
        "mentions.dropped.blank_mention": 0,
        "mentions.dropped.no_entity": 2,
        "mentions.kept": 9,
        "mentions.rows": 6,
        "mentions.seen": 11,
    }
    schema = pq.read_schema(tmp_path / "out" / "mentions.parquet")
    assert [(field.name, str(field.type)) for field in schema] == [
        ("mention", "string"),
        ("id", "int32"),
        ("count", "int64"),
    ]


def test_offsets_are_code_points(tmp_path: Path) -> None:
    """Characters that take several bytes, several code points or a UTF-16 pair, before, in and behind the mentions."""
    family, flag, acute, plane_two = "👩‍👩‍👧", "🇯🇵", "e\u0301", "\U00020000東"
    text = f"{family}[[Cat|{acute}]]x {flag}[[Dog|{flag}]]{plane_two}[[Cat|{plane_two}]]\u0301 [[Dog|{family}]]{acute}"
    rows, _ = count(tmp_path, [[article("1", "Ant", f"{text} [[Dog|\u0301{acute}]]")]])
    assert rows == [
        (acute, 4, 1),
        ("\u0301" + acute, 3, 1),
        (flag, 3, 1),
        (family, 3, 1),
        (plane_two, 4, 1),
    ]


def test_mentions_are_ordered_by_code_points(tmp_path: Path) -> None:
    mentions = ["a", "Z", "é", "東", "\U00020000", "\uff01", "Za"]
    rows, _ = count(tmp_path, [[article("1", "Ant", " ".join(f"[[Cat|{mention}]]" for mention in mentions))]])
    assert [row[0] for row in rows] == ["Z", "Za", "a", "é", "東", "\uff01", "\U00020000"]


def test_white_space_at_the_ends_is_removed_and_unusable_mentions_are_dropped(tmp_path: Path) -> None:
    """As in pipeline/dataset/tokens.py; a mention that is dropped is counted once, whatever its title leads to."""
    marked = (
        "[[Cat| a\u3000b\xa0]] [[Cat|a\u3000b]] [[Cat|\u2003]] [[Missing|]] [[Cat|c\nd]] [[Missing|c\nd]] [[Cat|\ne]]"
    )
    rows, counts = count(tmp_path, [[article("1", "Ant", marked)]])
    assert rows == [("a\u3000b", 4, 2), ("e", 4, 1)]
    assert counts == {
        "mentions.dropped.across_paragraphs": 2,
        "mentions.dropped.blank_mention": 2,
        "mentions.dropped.no_entity": 0,
        "mentions.kept": 3,
        "mentions.rows": 2,
        "mentions.seen": 7,
    }


def test_links_of_held_out_pages_and_added_links_are_not_counted(tmp_path: Path) -> None:
    """corpus.more_mentions added the second and the last link of the first page."""
    link = pa.struct([*ARTICLE_SCHEMA.field("links").type.value_type, pa.field("added", pa.bool_())])
    schema = ARTICLE_SCHEMA.set(ARTICLE_SCHEMA.get_field_index("links"), pa.field("links", pa.list_(link)))
    pages = [
        article("1", "Dog", "[[Cat|a]] [[Cat|b]] [[Cat|c]] [[Cat|d]]"),
        article("303", "Fox", "[[Cat|x]] [[Dog|y]]"),
        article("2", "Ant", "[[Dog|e]]"),
    ]
    added = [[False, True, False, True], [False, False], [False]]
    for page, flags in zip(pages, added, strict=True):
        page["links"] = [{**link, "added": flag} for link, flag in zip(page["links"], flags, strict=True)]
    pq.write_table(pa.Table.from_pylist(pages, schema=schema), tmp_path / "articles-00000.parquet")
    rows, counts = count_files(tmp_path, [tmp_path / "articles-00000.parquet"], ALIASES, 1)
    assert rows == [("a", 4, 1), ("c", 4, 1), ("e", 3, 1)]
    assert counts["mentions.seen"] == 3


def test_a_corpus_without_links_gives_an_empty_file(tmp_path: Path) -> None:
    rows, counts = count(tmp_path, [[article("1", "Ant", "No link.")], []])
    assert rows == []
    assert counts["mentions.seen"] == counts["mentions.kept"] == 0


def test_the_number_of_threads_changes_no_byte(tmp_path: Path) -> None:
    """There are enough rows, many of them ties, for DuckDB to use several threads."""
    shards = [
        [
            article(
                f"{shard}-{row}",
                f"T{shard}-{row}",
                " ".join(f"[[T{row * k % 7}-{k}|m{row % 50}-{k}]]" for k in range(40)),
            )
            for row in range(1500)
        ]
        for shard in range(3)
    ]
    aliases = {f"T{one}-{two}": one * 40 + two for one in range(6) for two in range(40)}
    results = []
    for threads in (1, 2, 4):
        (tmp_path / str(threads)).mkdir()
        rows, counts = count(tmp_path / str(threads), shards, aliases, threads)
        results.append((counts, (tmp_path / str(threads) / "out" / "mentions.parquet").read_bytes()))
    expected = Counter(
        (f"m{row % 50}-{k}", row * k % 7 * 40 + k)
        for shard in range(3)
        for row in range(1500)
        if not is_held_out(f"{shard}-{row}", SHARE)
        for k in range(40)
        if row * k % 7 < 6
    )
    assert rows == sorted(
        ((*pair, number) for pair, number in expected.items()), key=lambda row: (row[0], -row[2], row[1])
    )
    assert results[0] == results[1] == results[2]
