"""Pack the sentences of one page into examples. Pure.

Sentences are packed greedily, in order. An example ends when the next sentence would bring it over `max_seq_length`
(<s> and </s> included) or `max_entity_length`, and at the end of the page. Sentences, tokens and links that cannot be
used are dropped and counted, so that for each of the three seen = kept + dropped by reason.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import accumulate

import numpy as np

from pipeline.dataset.config import DatasetConfig
from pipeline.dataset.tokens import TokenizedPage
from pipeline.io.arrow import BoolArray
from pipeline.records import Example
from pipeline.vocab.entities import UNK


def pack_page(
    page_id: str, tokenized: TokenizedPage, config: DatasetConfig, *, bos: int, eos: int, counts: Counter[str]
) -> Iterator[Example]:
    """Yield the examples of one page.

    Args:
        bos: id of <s>.
        eos: id of </s>.
        counts: the account; the page's numbers are added to it.
    """
    page = limit_mentions(drop_unfit_sentences(tokenized, config, counts), config, counts)
    words, entities, spans = page.word_ids.tolist(), page.entity_ids.tolist(), page.entity_spans.tolist()
    lengths = page.sentence_lengths.tolist()
    mentions = np.bincount(page.sentence_of_mention, minlength=len(lengths)).tolist()
    word_edges, entity_edges = [0, *accumulate(lengths)], [0, *accumulate(mentions)]
    for first, last in sentence_runs(lengths, mentions, config):
        start, end = word_edges[first], word_edges[last]
        run = slice(entity_edges[first], entity_edges[last])
        example = Example(
            page_id,
            (bos, *words[start:end], eos),
            tuple(entities[run]),
            tuple((left - start + 1, right - start + 1) for left, right in spans[run]),
        )
        if has_enough_entities(example, last - first, config, counts):
            yield example


def drop_unfit_sentences(page: TokenizedPage, config: DatasetConfig, counts: Counter[str]) -> TokenizedPage:
    """Return the page without the sentences that are too short or too long, and count those."""
    lengths, sentence_of_mention = page.sentence_lengths, page.sentence_of_mention
    counts["sentences.seen"] += len(lengths)
    counts["tokens.seen"] += len(page.word_ids)
    short, long = lengths < config.min_sentence_length, lengths > config.max_sentence_length
    for reason, which in (("short_sentence", short), ("long_sentence", long)):
        links = int(which[sentence_of_mention].sum())
        count_dropped_sentences(reason, int(which.sum()), int(lengths[which].sum()), links, counts)
    fits = ~(short | long)
    kept = fits[sentence_of_mention]  # [mentions]
    dropped_before = np.cumsum(np.where(fits, 0, lengths))[sentence_of_mention[kept]]  # [kept mentions] in tokens
    return TokenizedPage(
        page.word_ids[np.repeat(fits, lengths)],
        np.cumsum(lengths[fits]),
        page.entity_ids[kept],
        page.entity_spans[kept] - dropped_before[:, None],
    )


def limit_mentions(page: TokenizedPage, config: DatasetConfig, counts: Counter[str]) -> TokenizedPage:
    """Return the page without the mentions that examples cannot take, and count those.

    They are the mentions of unknown entities, if the config drops these, and in each sentence the mentions after the
    first `max_entity_length`.
    """
    if config.unknown_entities == "drop":
        known = page.entity_ids != UNK
        counts["links.dropped.out_of_vocabulary"] += int((~known).sum())
        page = select_mentions(page, known)
    sentences = page.sentence_of_mention
    place_in_sentence = np.arange(len(sentences)) - np.searchsorted(sentences, sentences)
    within = place_in_sentence < config.max_entity_length
    counts["links.dropped.surplus"] += int((~within).sum())
    return select_mentions(page, within)


def select_mentions(page: TokenizedPage, is_kept: BoolArray) -> TokenizedPage:
    """Return the page with the mentions for which `kept` is true: [mentions]."""
    return TokenizedPage(page.word_ids, page.sentence_ends, page.entity_ids[is_kept], page.entity_spans[is_kept])


def sentence_runs(lengths: list[int], mentions: list[int], config: DatasetConfig) -> Iterator[tuple[int, int]]:
    """Yield the sentences of each example as a range [first, last).

    Args:
        lengths: number of tokens of each sentence.
        mentions: number of mentions of each sentence.
    """
    first = tokens = entities = 0
    for index, (length, number) in enumerate(zip(lengths, mentions, strict=True)):
        tokens += length
        entities += number
        if index > first and (tokens > config.max_seq_length - 2 or entities > config.max_entity_length):
            yield first, index
            first, tokens, entities = index, length, number
    if lengths:
        yield first, len(lengths)


def has_enough_entities(example: Example, sentences: int, config: DatasetConfig, counts: Counter[str]) -> bool:
    """Whether the example has at least `min_entities` entities; either way it is counted, with its `sentences`."""
    counts["examples.seen"] += 1
    tokens, entities = len(example.word_ids) - 2, len(example.entity_ids)
    if entities < config.min_entities:
        counts["examples.dropped.few_entities"] += 1
        count_dropped_sentences("few_entities", sentences, tokens, entities, counts)
        return False
    counts["sentences.kept"] += sentences
    counts["tokens.kept"] += tokens
    unknown = example.entity_ids.count(UNK)
    counts["links.kept.unknown"] += unknown
    counts["links.kept.known"] += entities - unknown
    return True


def count_dropped_sentences(reason: str, sentences: int, tokens: int, links: int, counts: Counter[str]) -> None:
    """Add dropped sentences, with their tokens and links, to the account under `reason`."""
    counts[f"sentences.dropped.{reason}"] += sentences
    counts[f"tokens.dropped.{reason}"] += tokens
    counts[f"links.dropped.{reason}"] += links
