"""The entity vocabulary of a corpus that can be counted by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.errors import PipelineError
from pipeline.store.manifest import Counts
from pipeline.vocab import entity_counts
from pipeline.vocab.config import EntitiesConfig
from tests.helpers.corpus_files import ARTICLE_SCHEMA, article, write_corpus

SHARE = 0.1  # of these pages only 303 is held out, see tests/test_holdout.py

# Links of training pages: Dog 3 (two through redirects), Cat 2, Ant 2, Emu 1, Missing 2, Loop A 1, Pet 1
PAGES = [
    [
        article("1", "Ant", "[[Dog]] and [[Hound|hounds]] and [[Cat]].\n"),
        article("2", "Cat", "[[Doggy]], [[Ant]], [[Missing]].\n"),
    ],
    [
        article("3", "Dog", "[[Cat]], [[Ant]], [[Missing]], [[Loop A]], [[Pet]].\n"),
        article("4", "Emu", "[[Emu]].\n"),
        article("5", "Pet", "", is_disambiguation=True),
        article("303", "Fox", "[[Emu]], [[Emu]], [[Emu]], [[Fox]].\n"),
    ],
]
REDIRECTS = {
    "Hound": "Dog",
    "Doggy": "Doggie",
    "Doggie": "Hound",
    "Kitty": "Cat",
    "Loop A": "Loop B",
    "Loop B": "Loop C",
    "Loop C": "Loop B",
    "Self": "Self",
    "Cat": "Dog",  # ignored, because there is an article with this title
    "Nowhere": "Missing",
}

CONFIG: dict[str, Any] = {
    "size": 100,
    "min_count": 1,
    "in_dump_only": True,
    "drop_disambiguation": False,
    "always_include": None,
}


def build(folder: Path, *, threads: int = 1, always_include: tuple[str, ...] = (), **changes: Any) -> Counts:
    """Write the corpus and its entity vocabulary; return the account."""
    corpus, out = folder / "corpus", folder / "out"
    write_corpus(corpus, PAGES, REDIRECTS)
    out.mkdir(exist_ok=True)
    return entity_counts.write_entity_vocab(
        sorted(corpus.glob("articles-*.parquet")),
        sorted(corpus.glob("redirects-*.parquet")),
        list(always_include),
        EntitiesConfig(**CONFIG | changes),
        validation_share=SHARE,
        out=out,
        scratch=folder / "scratch",
        threads=threads,
        memory_gb=1,
    )


def rows(folder: Path, name: str) -> list[tuple[Any, ...]]:
    table = pq.read_table(folder / "out" / name)
    return list(zip(*(table[column].to_pylist() for column in table.column_names), strict=True))


def test_ids_titles_and_counts(tmp_path: Path) -> None:
    build(tmp_path)
    assert rows(tmp_path, "entities.parquet") == [
        (0, "[PAD]", 0),
        (1, "[UNK]", 0),
        (2, "[MASK]", 0),
        (3, "Dog", 3),
        (4, "Ant", 2),
        (5, "Cat", 2),
        (6, "Emu", 1),
        (7, "Pet", 1),
    ]
    schema = pq.read_schema(tmp_path / "out" / "entities.parquet")
    assert [str(field.type) for field in schema] == ["int32", "string", "int64"]


def test_aliases_are_the_titles_that_lead_to_an_entity(tmp_path: Path) -> None:
    build(tmp_path)
    assert rows(tmp_path, "aliases.parquet") == [
        ("Ant", 4),
        ("Cat", 5),
        ("Dog", 3),
        ("Doggie", 3),
        ("Doggy", 3),
        ("Emu", 6),
        ("Hound", 3),
        ("Kitty", 5),
        ("Pet", 7),
    ]


def test_the_account_adds_up(tmp_path: Path) -> None:
    counts = build(tmp_path, min_count=2, drop_disambiguation=True, size=5)
    assert counts == {
        "entities": 5,
        "entities_always_included": 0,
        "links.covered": 5,
        "links.dropped.below_min_count": 1,
        "links.dropped.beyond_size": 2,
        "links.dropped.disambiguation": 1,
        "links.dropped.not_in_dump": 2,
        "links.dropped.redirect_loop": 1,
        "links.seen": 12,
        "links.through_redirects": 2,
        "redirects": 9,
        "redirects.in_loops": 4,
        "titles_linked": 9,
    }
    dropped = sum(number for _, number in entity_counts.dropped_links(counts))
    assert counts["links.seen"] == counts["links.covered"] + dropped


def test_titles_outside_the_dump_can_be_entities(tmp_path: Path) -> None:
    counts = build(tmp_path, in_dump_only=False, min_count=2)
    assert [row[1:] for row in rows(tmp_path, "entities.parquet")[3:]] == [
        ("Dog", 3),
        ("Ant", 2),
        ("Cat", 2),
        ("Missing", 2),
    ]
    assert ("Nowhere", 6) in rows(tmp_path, "aliases.parquet")
    assert counts["links.dropped.not_in_dump"] == 0


def test_added_links_are_not_counted(tmp_path: Path) -> None:
    """corpus.more_mentions added "Dog" four times on its own page, and a title that no page links to."""
    link = pa.struct([*ARTICLE_SCHEMA.field("links").type.value_type, pa.field("added", pa.bool_())])
    schema = ARTICLE_SCHEMA.set(ARTICLE_SCHEMA.get_field_index("links"), pa.field("links", pa.list_(link)))
    pages = [
        article("1", "Dog", "[[Ant]] [[Dog]] [[Dog]] [[Dog]] [[Dog]] [[Cat]] [[Emu]]"),
        article("2", "Ant", "[[Cat]] [[Dog]]"),
    ]
    added = [[False, True, True, True, True, False, True], [False, False]]
    for page, flags in zip(pages, added, strict=True):
        page["links"] = [{**link, "added": flag} for link, flag in zip(page["links"], flags, strict=True)]
    pq.write_table(pa.Table.from_pylist(pages, schema=schema), tmp_path / "articles-00000.parquet")
    (tmp_path / "out").mkdir()
    counts = entity_counts.write_entity_vocab(
        [tmp_path / "articles-00000.parquet"],
        [],
        [],
        EntitiesConfig(**CONFIG | {"in_dump_only": False}),
        validation_share=SHARE,
        out=tmp_path / "out",
        scratch=tmp_path / "scratch",
        threads=1,
        memory_gb=1,
    )
    assert [row[1:] for row in rows(tmp_path, "entities.parquet")[3:]] == [("Cat", 2), ("Ant", 1), ("Dog", 1)]
    assert (counts["links.seen"], counts["titles_linked"]) == (4, 3)


def test_titles_to_include_are_entities_whatever_the_rules_say(tmp_path: Path) -> None:
    counts = build(tmp_path, min_count=3, size=6, always_include=("Fox", "Kitty", "Loop A"))
    assert [row[1:] for row in rows(tmp_path, "entities.parquet")[3:]] == [("Dog", 3), ("Cat", 2), ("Fox", 0)]
    assert counts["entities_always_included"] == 2  # "Loop A" leads to no page


def test_ties_are_broken_by_code_points(tmp_path: Path) -> None:
    titles = ["a", "Z", "é", "東", "\U00020000", "\uff01"]
    write_corpus(tmp_path / "corpus", [[article("1", "X", " ".join(f"[[{title}]]" for title in titles))]])
    (tmp_path / "out").mkdir()
    config = EntitiesConfig(**CONFIG | {"in_dump_only": False})
    entity_counts.write_entity_vocab(
        sorted((tmp_path / "corpus").glob("articles-*")),
        [],
        [],
        config,
        validation_share=SHARE,
        out=tmp_path / "out",
        scratch=tmp_path,
        threads=2,
        memory_gb=1,
    )
    assert [row[1] for row in rows(tmp_path, "entities.parquet")[3:]] == ["Z", "a", "é", "東", "\uff01", "\U00020000"]


def test_the_number_of_threads_changes_no_byte(tmp_path: Path) -> None:
    """There are enough rows, many of them ties, for DuckDB to use several threads."""
    shards = [
        [
            article(f"{shard}-{row}", f"T{shard}-{row}", " ".join(f"[[T{row * k % 7}-{k}]]" for k in range(40)))
            for row in range(1500)
        ]
        for shard in range(3)
    ]
    write_corpus(tmp_path / "corpus", shards, {f"T{one}-1": f"T{one}-2" for one in range(3, 7)})
    results = []
    for threads in (1, 2, 4):
        out = tmp_path / str(threads)
        out.mkdir()
        entity_counts.write_entity_vocab(
            sorted((tmp_path / "corpus").glob("articles-*")),
            sorted((tmp_path / "corpus").glob("redirects-*")),
            [],
            EntitiesConfig(**CONFIG | {"in_dump_only": False}),
            validation_share=SHARE,
            out=out,
            scratch=tmp_path / "scratch",
            threads=threads,
            memory_gb=1,
        )
        results.append({path.name: path.read_bytes() for path in out.iterdir()})
    assert results[0] == results[1] == results[2]


def test_no_entity_is_an_error_that_says_why(tmp_path: Path) -> None:
    with pytest.raises(
        PipelineError, match=r"(?s)all 12 links .* were dropped \(.*9 by below_min_count.*Lower vocab\.ent"
    ):
        build(tmp_path, min_count=9)


def test_more_titles_to_include_than_the_size_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(PipelineError, match=r"2 titles, but vocab\.entities\.size=4 leaves room for 1"):
        build(tmp_path, size=4, always_include=("Cat", "Dog"))
