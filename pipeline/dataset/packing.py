"""Sentences of one page -> Examples (pure).

Sentences are taken in order and packed greedily: an Example is closed when the next sentence would bring it past
`max_words` (with <s> and </s>) or past `max_entities`, and at the end of the page. What cannot be used is dropped and
counted, with the tokens and links it had: for sentences, tokens and links, seen = kept + dropped by reason.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

from pipeline.dataset.config import DatasetConfig
from pipeline.dataset.tokens import Sentences
from pipeline.records import Example
from pipeline.vocab.entities import UNK


def examples(
    page_id: str, sentences: Sentences, config: DatasetConfig, *, bos: int, eos: int, counts: Counter[str]
) -> Iterator[Example]:
    """Pack one page's sentences.

    Args:
        bos: the id of <s>.
        eos: the id of </s>.
        counts: the account, added to.
    """
    page = fitting(usable(sentences, config, counts), config, counts)
    words, entities, spans = page.words.tolist(), page.entities.tolist(), page.spans.tolist()
    lengths = page.lengths.tolist()
    mentions = np.bincount(page.owners, minlength=len(lengths)).tolist()
    word_edges, entity_edges = [0, *accumulate(lengths)], [0, *accumulate(mentions)]
    for first, last in packed(lengths, mentions, config):
        start, end = word_edges[first], word_edges[last]
        own = slice(entity_edges[first], entity_edges[last])
        example = Example(
            page_id,
            (bos, *words[start:end], eos),
            tuple(entities[own]),
            tuple((left - start + 1, right - start + 1) for left, right in spans[own]),
        )
        if is_kept(example, last - first, config, counts):
            yield example


def usable(page: Sentences, config: DatasetConfig, counts: Counter[str]) -> Sentences:
    """The sentences of a fit length, moved together."""
    lengths, owners = page.lengths, page.owners
    counts["sentences.seen"] += len(lengths)
    counts["tokens.seen"] += len(page.words)
    lost = {"short_sentence": lengths < config.min_sentence, "long_sentence": lengths > config.max_sentence}
    for reason, which in lost.items():
        drop(reason, int(which.sum()), int(lengths[which].sum()), int(which[owners].sum()), counts)
    fit = ~(lost["short_sentence"] | lost["long_sentence"])
    kept = fit[owners]
    missing = np.cumsum(np.where(fit, 0, lengths))[owners[kept]]  # words dropped before each mention
    return Sentences(
        page.words[np.repeat(fit, lengths)],
        np.cumsum(lengths[fit]),
        page.entities[kept],
        page.spans[kept] - missing[:, None],
    )


def fitting(page: Sentences, config: DatasetConfig, counts: Counter[str]) -> Sentences:
    """The page with the entities that Examples can take: of each sentence the first `max_entities` asked for."""
    if config.unknown_entities == "drop":
        known = page.entities != UNK
        counts["links.dropped.out_of_vocabulary"] += int((~known).sum())
        page = with_mentions(page, known)
    owners = page.owners
    within = np.arange(len(owners)) - np.searchsorted(owners, owners) < config.max_entities
    counts["links.dropped.surplus"] += int((~within).sum())
    return with_mentions(page, within)


def with_mentions(page: Sentences, which: NDArray[np.bool_]) -> Sentences:
    return Sentences(page.words, page.ends, page.entities[which], page.spans[which])


def packed(lengths: list[int], mentions: list[int], config: DatasetConfig) -> Iterator[tuple[int, int]]:
    """Runs [first, last) of sentences that fill an Example without passing its limits.

    Args:
        lengths: words of each sentence.
        mentions: entities of each.
    """
    first = words = entities = 0
    for place, (length, number) in enumerate(zip(lengths, mentions, strict=True)):
        words += length
        entities += number
        if place > first and (words > config.max_words - 2 or entities > config.max_entities):
            yield first, place
            first, words, entities = place, length, number
    if lengths:
        yield first, len(lengths)


def is_kept(example: Example, sentences: int, config: DatasetConfig, counts: Counter[str]) -> bool:
    """Whether an Example of so many sentences has entities enough; counted either way."""
    counts["examples.seen"] += 1
    words, entities = len(example.word_ids) - 2, len(example.entity_ids)
    if entities < config.min_entities:
        counts["examples.dropped.few_entities"] += 1
        drop("few_entities", sentences, words, entities, counts)
        return False
    counts["sentences.kept"] += sentences
    counts["tokens.kept"] += words
    unknown = example.entity_ids.count(UNK)
    counts["links.kept.unknown"] += unknown
    counts["links.kept.known"] += entities - unknown
    return True


def drop(reason: str, sentences: int, tokens: int, links: int, counts: Counter[str]) -> None:
    counts[f"sentences.dropped.{reason}"] += sentences
    counts[f"tokens.dropped.{reason}"] += tokens
    counts[f"links.dropped.{reason}"] += links
