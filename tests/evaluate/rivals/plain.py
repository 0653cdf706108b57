"""A small random wiki, and the rivals once more in plain Python: loops over examples, dictionaries and sorted lists."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.evaluate.mentions import MaskedMentions, MaskedWords
from pipeline.evaluate.rivals.unigram import Unigram
from pipeline.evaluate.scores import Scores
from pipeline.pretrain.batches import Masker
from pipeline.pretrain.config import MaskingConfig
from pipeline.pretrain.masking import WordTables
from pipeline.records import Example
from tests.helpers.example_store import example_store

BOS, PAD, EOS, UNKNOWN, MASK = 0, 1, 2, 3, 15
WORDS, ENTITIES = 16, 12
SPECIAL = np.isin(np.arange(WORDS), [BOS, PAD, EOS, UNKNOWN, MASK])
TABLES = WordTables.from_flags(starts_word=np.arange(WORDS) % 4 != 0, special=SPECIAL, mask=MASK)
MASKING = MaskingConfig(
    words=0.4, entities=0.4, mask_replace_prob=0.7, random_replace_prob=0.2, unknown_entities=False, hide_mentions=0.0
)


def random_examples(count: int, seed: int) -> list[Example]:
    """Return examples with up to four mentions each, two or three to a page; a few mentions are of [UNK]."""
    rng = np.random.default_rng(seed)
    examples = []
    for number in range(count):
        tokens, entities, spans = [BOS], [], []
        for _ in range(rng.integers(0, 5)):
            tokens += rng.choice([UNKNOWN, *range(4, 15)], size=rng.integers(0, 4)).tolist()
            entity = int(rng.choice([1, 3, 3, 3, 4, 4, 5, 6, 7, 8, 9, 10]))
            length = int(rng.integers(1, 4))
            entities.append(entity)
            spans.append((len(tokens), len(tokens) + length))
            own = [4 + (entity + int(rng.integers(0, 2))) % 6 for _ in range(length)]
            tokens += [UNKNOWN if rng.random() < 0.05 else token for token in own]
        examples.append(Example(f"page {number * 2 // 5}", (*tokens, 4, EOS), tuple(entities), tuple(spans)))
    return examples


def masker(examples: Sequence[Example]) -> Masker:
    """Return the masker of the examples, in two blocks."""
    half = len(examples) // 2
    return Masker(
        store=example_store(examples[:half], examples[half:]), word_tables=TABLES, pad_id=PAD, config=MASKING,
        with_entities=True, seed=0, phase=0,
    )  # fmt: skip


def masked(examples: Sequence[Example]) -> tuple[MaskedMentions, MaskedWords]:
    """Return the masked entities and words of the examples."""
    indices = np.arange(len(examples))
    batch = masker(examples).masked_batch(indices, np.zeros_like(indices))
    return MaskedMentions.from_batch(batch, SPECIAL), MaskedWords.from_batch(batch, SPECIAL)


def entity_unigram(examples: Sequence[Example]) -> Unigram:
    """Return the unigram model of the entities without [UNK]."""
    counts = Counter(entity for example in examples for entity in example.entity_ids if entity > 2)
    return Unigram(np.array([counts[entity] for entity in range(ENTITIES)]))


def smoothed(counts: Sequence[int]) -> list[float]:
    """Return the add-one probabilities of counts."""
    return [(count + 1) / (sum(counts) + len(counts)) for count in counts]


def ranking(scores: Sequence[float], counts: Sequence[int]) -> list[int]:
    """Return the ids, the best first; ties by count, then by the lower id."""
    return sorted(range(len(scores)), key=lambda index: (-scores[index], -counts[index], index))


@dataclass(frozen=True)
class Mentioned:
    """A mention of an example with what is around it."""

    entity: int
    tokens: tuple[int, ...]
    context: list[int]
    others: list[int]


def mentions_of(examples: Sequence[Example]) -> Iterator[Mentioned]:
    """Yield the mentions of known entities."""
    for example in examples:
        for number, (entity, (start, end)) in enumerate(zip(example.entity_ids, example.entity_spans, strict=True)):
            if entity > 2:
                around = example.word_ids[:start] + example.word_ids[end:]
                others = [other for place, other in enumerate(example.entity_ids) if place != number and other > 2]
                yield Mentioned(
                    entity,
                    example.word_ids[start:end],
                    [token for token in around if not SPECIAL[token]],
                    others,
                )


def matches(pattern: Sequence[int], tokens: Sequence[int], wildcard: int = MASK) -> bool:
    """Whether the tokens are those of the pattern; the wildcard in it is any token."""
    return len(pattern) == len(tokens) and all(a in (wildcard, b) for a, b in zip(pattern, tokens, strict=True))


def prior(examples: Sequence[Example], pattern: Sequence[int]) -> list[float]:
    """Return the mention prior's probability of each entity."""
    background = smoothed(entity_unigram(examples).counts.tolist())
    counts = Counter(mention.entity for mention in mentions_of(examples) if matches(pattern, mention.tokens))
    return [(counts[entity] + background[entity]) / (counts.total() + 1) for entity in range(ENTITIES)]


def assert_equal_scores(scores: Scores, expected: list[list[float]], counts: list[int]) -> None:
    """Compare losses and ranks with the probabilities `expected` [K][V]."""
    rows = list(zip(scores.labels.tolist(), expected, strict=True))
    np.testing.assert_allclose(scores.losses, [-math.log(row[label]) for label, row in rows], rtol=0, atol=1e-9)
    assert scores.ranks.tolist() == [1 + ranking(row, counts).index(label) for label, row in rows]
