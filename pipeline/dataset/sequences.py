"""Sentences of one page -> Examples (pure).

Sentences are taken in order and packed greedily: an Example is closed when the next sentence would bring it past
`max_words` (with <s> and </s>) or past `max_entities`, and at the end of the page. What cannot be used is dropped and
counted, with the tokens and links it had: for sentences, tokens and links, seen = kept + dropped by reason.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from pipeline.dataset.config import DatasetConfig
from pipeline.dataset.sentences import Span
from pipeline.dataset.tokens import Sentence
from pipeline.records import Example

UNKNOWN = 1
"""[UNK]'s id."""


def examples(
    page_id: str, sentences: Iterable[Sentence], config: DatasetConfig, *, bos: int, eos: int, counts: Counter[str]
) -> Iterator[Example]:
    """Pack one page's sentences.

    Args:
        bos: the id of <s>.
        eos: the id of </s>.
        counts: the account, added to.
    """
    for group in packed(usable(sentences, config, counts), config):
        yield from finished(page_id, group, config, bos, eos, counts)


def usable(sentences: Iterable[Sentence], config: DatasetConfig, counts: Counter[str]) -> Iterator[Sentence]:
    """Sentences of a fit length, with no more entities than an Example can have."""
    for sentence in sentences:
        length = len(sentence.word_ids)
        counts["sentences.seen"] += 1
        counts["tokens.seen"] += length
        if length < config.min_sentence:
            drop([sentence], "short_sentence", counts)
        elif length > config.max_sentence:
            drop([sentence], "long_sentence", counts)
        else:
            yield fitting(sentence, config, counts)


def fitting(sentence: Sentence, config: DatasetConfig, counts: Counter[str]) -> Sentence:
    """The sentence with the entities that an Example can take: the first `max_entities` of those asked for."""
    kept = list(zip(sentence.entity_ids, sentence.entity_spans, strict=True))
    if config.unknown_entities == "drop":
        kept = [(entity, span) for entity, span in kept if entity != UNKNOWN]
        counts["links.dropped.out_of_vocabulary"] += len(sentence.entity_ids) - len(kept)
    counts["links.dropped.surplus"] += max(0, len(kept) - config.max_entities)
    kept = kept[: config.max_entities]
    return Sentence(sentence.word_ids, [entity for entity, _ in kept], [span for _, span in kept])


def packed(sentences: Iterable[Sentence], config: DatasetConfig) -> Iterator[list[Sentence]]:
    """Runs of sentences that fill an Example without passing its limits."""
    group: list[Sentence] = []
    words = entities = 0
    for sentence in sentences:
        words += len(sentence.word_ids)
        entities += len(sentence.entity_ids)
        if group and (words > config.max_words - 2 or entities > config.max_entities):
            yield group
            group, words, entities = [], len(sentence.word_ids), len(sentence.entity_ids)
        group.append(sentence)
    if group:
        yield group


def finished(
    page_id: str, group: list[Sentence], config: DatasetConfig, bos: int, eos: int, counts: Counter[str]
) -> Iterator[Example]:
    """The group as an Example, unless it has too few entities."""
    counts["examples.seen"] += 1
    word_ids = [bos]
    entity_ids: list[int] = []
    entity_spans: list[Span] = []
    for sentence in group:
        shift = len(word_ids)
        word_ids += sentence.word_ids
        entity_ids += sentence.entity_ids
        entity_spans += [(start + shift, end + shift) for start, end in sentence.entity_spans]
    word_ids.append(eos)
    if len(entity_ids) < config.min_entities:
        counts["examples.dropped.few_entities"] += 1
        drop(group, "few_entities", counts)
        return
    counts["sentences.kept"] += len(group)
    counts["tokens.kept"] += len(word_ids) - 2
    unknown = entity_ids.count(UNKNOWN)
    counts["links.kept.unknown"] += unknown
    counts["links.kept.known"] += len(entity_ids) - unknown
    yield Example(page_id, tuple(word_ids), tuple(entity_ids), tuple(entity_spans))


def drop(sentences: list[Sentence], reason: str, counts: Counter[str]) -> None:
    counts[f"sentences.dropped.{reason}"] += len(sentences)
    counts[f"tokens.dropped.{reason}"] += sum(len(sentence.word_ids) for sentence in sentences)
    counts[f"links.dropped.{reason}"] += sum(len(sentence.entity_ids) for sentence in sentences)
