"""Packing: literal examples, and an account that adds up."""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

import pytest

from pipeline.dataset.config import DatasetConfig
from pipeline.dataset.packing import pack_page
from pipeline.records import Example
from tests.dataset.sentence_rows import Sentence, join_sentences

CONFIG: dict[str, Any] = {
    "name": "",
    "validation_share": 0.1,
    "max_seq_length": 10,
    "max_entity_length": 3,
    "max_mention_length": 4,
    "min_sentence_length": 2,
    "max_sentence_length": 8,
    "min_entities": 1,
    "unknown_entities": "keep",
}


def pack(sentences: list[Sentence], **changes: Any) -> tuple[list[Example], Counter[str]]:
    counts: Counter[str] = Counter()
    found = list(
        pack_page("7", join_sentences(sentences), DatasetConfig(**CONFIG | changes), bos=0, eos=2, counts=counts)
    )
    return found, +counts


def sentence(length: int, *entities: int) -> Sentence:
    """Tokens 100, 101, ...; the k-th entity's mention is the k-th token."""
    return Sentence(
        [100 + place for place in range(length)], list(entities), [(k, k + 1) for k in range(len(entities))]
    )


def test_sentences_fill_an_example_up_to_its_token_limit() -> None:
    found, counts = pack([sentence(3, 5), sentence(5, 6), sentence(2, 7)])
    assert found == [
        Example("7", (0, 100, 101, 102, 100, 101, 102, 103, 104, 2), (5, 6), ((1, 2), (4, 5))),
        Example("7", (0, 100, 101, 2), (7,), ((1, 2),)),
    ]
    assert counts == {
        "sentences.seen": 3,
        "sentences.kept": 3,
        "tokens.seen": 10,
        "tokens.kept": 10,
        "links.kept.known": 3,
        "examples.seen": 2,
    }


def test_an_example_ends_before_a_sentence_that_brings_too_many_entities() -> None:
    found, _ = pack([sentence(2, 5, 6), sentence(2, 7, 8), sentence(2, 9)])
    assert [example.entity_ids for example in found] == [(5, 6), (7, 8, 9)]


def test_a_sentence_keeps_its_first_entities_and_counts_the_surplus() -> None:
    found, counts = pack([sentence(2, 5), sentence(6, 5, 6, 7, 8, 9)])
    assert [example.entity_ids for example in found] == [(5,), (5, 6, 7)]
    assert counts["links.dropped.surplus"] == 2
    assert counts["links.kept.known"] == 4


def test_short_and_long_sentences_are_dropped_with_their_tokens_and_links() -> None:
    found, counts = pack([sentence(1, 5), sentence(8, 6), sentence(9, 7, 8), Sentence([], [], [])])
    assert [example.entity_ids for example in found] == [(6,)]
    assert counts == {
        "sentences.seen": 4,
        "sentences.kept": 1,
        "sentences.dropped.short_sentence": 2,
        "sentences.dropped.long_sentence": 1,
        "tokens.seen": 18,
        "tokens.kept": 8,
        "tokens.dropped.short_sentence": 1,
        "tokens.dropped.long_sentence": 9,
        "links.kept.known": 1,
        "links.dropped.short_sentence": 1,
        "links.dropped.long_sentence": 2,
        "examples.seen": 1,
    }


def test_an_example_without_entities_is_dropped_or_kept() -> None:
    rows = [sentence(8), sentence(8, 1)]
    found, counts = pack(rows)
    assert [example.entity_ids for example in found] == [(1,)]
    assert (counts["examples.seen"], counts["examples.dropped.few_entities"]) == (2, 1)
    assert (counts["tokens.dropped.few_entities"], counts["links.kept.unknown"]) == (8, 1)
    found, counts = pack(rows, min_entities=0)
    assert [example.entity_ids for example in found] == [(), (1,)]
    assert counts["tokens.kept"] == 16


def test_unknown_entities_are_dropped_before_entities_are_counted() -> None:
    found, counts = pack([sentence(6, 1, 5, 1, 6, 7)], unknown_entities="drop")
    assert found == [
        Example("7", (0, 100, 101, 102, 103, 104, 105, 2), (5, 6, 7), ((2, 3), (4, 5), (5, 6))),
    ]
    assert counts["links.dropped.out_of_vocabulary"] == 2
    assert counts["links.dropped.surplus"] == 0
    assert pack([sentence(6, 1)], unknown_entities="drop")[0] == []


def test_no_sentence_no_example() -> None:
    assert pack([]) == ([], {})


@pytest.mark.parametrize("unknown", ["keep", "drop"])
def test_everything_is_kept_or_counted(unknown: str) -> None:
    generator = random.Random(3)
    for _ in range(200):
        rows = []
        for _ in range(generator.randrange(12)):
            length = generator.randrange(11)
            rows.append(sentence(length, *(generator.randrange(1, 9) for _ in range(generator.randrange(length + 1)))))
        found, counts = pack(rows, unknown_entities=unknown, min_entities=generator.randrange(3))
        assert all(len(example.word_ids) <= 10 and len(example.entity_ids) <= 3 for example in found)
        counts["links.seen"] = sum(len(row.entity_ids) for row in rows)
        counts["examples.kept"] = len(found)
        for noun in ("sentences", "tokens", "links", "examples"):
            parts = (number for key, number in counts.items() if key.startswith((f"{noun}.kept", f"{noun}.dropped")))
            assert sum(parts) == counts[f"{noun}.seen"], noun


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"max_sentence_length": 9}, "max_sentence_length is 9: at most dataset.max_seq_length - 2, which is 8"),
        ({"max_mention_length": 9}, "max_mention_length is 9: at most dataset.max_sentence_length, which is 8"),
        ({"min_sentence_length": 0}, "min_sentence_length is 0"),
        ({"min_entities": 4}, "min_entities is 4: at most dataset.max_entity_length, which is 3, is allowed"),
        ({"min_entities": -1}, "min_entities is -1"),
        ({"validation_share": 0.0}, "validation_share is 0.0"),
    ],
)
def test_contradictions_name_their_keys(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        DatasetConfig(**CONFIG | changes)
