"""Count the features of examples around each entity, as sparse matrices: the statistics of naive Bayes.

An example has three parts: the tokens of the mention, the tokens outside it, and the other entities. With C [examples,
tokens] and O [entities, examples], how often each example has a token and an entity, the counts of the context are one
sparse product, O C minus the tokens of the mentions themselves, and those of the entities around are O transpose(O)
minus each mention's own entity. 5,500 Japanese examples with 16,000 mentions give 820,000 counts in 0.05 s, and 20,000
examples of 400 tokens with 500,000 mentions 76 million in 9 s and 3 GB.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from pipeline.dataset.reader import RaggedExamples
from pipeline.evaluate.mentions import MaskedMentions
from pipeline.evaluate.rivals.unigram import Unigram
from pipeline.io.arrow import BoolArray, Int64Array
from pipeline.pretrain.masking import concatenate_ranges

Part = Literal["mention", "context", "entities"]
"""What is read of an example: the mention's tokens as seen; the visible tokens around; the visible entities around."""


@dataclass(frozen=True, slots=True)
class PartCounts:
    """Counts of the features of one part around each entity."""

    part: Part
    counts: sparse.csc_array
    """[entities, features] n(e, w)."""
    background: NDArray[np.float64]
    """[features] p(w), the unigram model of the features."""
    is_feature: BoolArray
    """[features] False for an id that is not read: a special token, [UNK]."""


def count_parts(
    examples: RaggedExamples, unigram: Unigram, *, special: BoolArray, reads: tuple[Part, ...]
) -> list[PartCounts]:
    """Count the features of each of the parts `reads` around each entity of the examples.

    Args:
        examples: unmasked examples.
        unigram: unigram model of the entities; an entity with the count 0 in it is not counted.
        special: [vocabulary] whether a token is special; such tokens are not counted.
        reads: the parts, in the order of the result.
    """
    entity_rows, entities, mention_owners, mention_tokens = counted_mentions(examples, unigram, special)
    word_rows = np.repeat(np.arange(len(examples.word_lengths)), examples.word_lengths)
    ordinary = ~special[examples.word_ids]
    shape = (len(examples.word_lengths), len(special))
    tokens = count_matrix(word_rows[ordinary], examples.word_ids[ordinary].astype(np.int64), shape)
    occurrences = count_matrix(entities, entity_rows, (unigram.size, shape[0]))
    of_mentions = count_matrix(mention_owners, mention_tokens, (unigram.size, len(special)))
    word_unigram = Unigram(tokens.sum(axis=0).astype(np.int64))
    counts: dict[Part, sparse.csr_array] = {}
    if "mention" in reads:
        counts["mention"] = of_mentions
    if "context" in reads:
        counts["context"] = occurrences @ tokens - of_mentions
    if "entities" in reads:
        counts["entities"] = occurrences @ occurrences.T - sparse.diags_array(occurrences.sum(axis=1), dtype=np.int32)
    return [
        PartCounts(part, without_zeros(counts[part]), unigram.probabilities, unigram.counts > 0)
        if part == "entities"
        else PartCounts(part, without_zeros(counts[part]), word_unigram.probabilities, ~special)
        for part in reads
    ]


def counted_mentions(
    examples: RaggedExamples, unigram: Unigram, special: BoolArray
) -> tuple[Int64Array, Int64Array, Int64Array, Int64Array]:
    """Return the entities that count and the ordinary tokens of their mentions.

    Returns:
        The row and the id of each entity, and, for each token of their mentions, the entity and the token.
    """
    is_counted = unigram.counts[examples.entity_ids] > 0
    rows = np.repeat(np.arange(len(examples.entity_lengths)), examples.entity_lengths)[is_counted]
    entities = examples.entity_ids[is_counted].astype(np.int64)
    spans = examples.entity_spans[is_counted]
    row_starts = np.cumsum(examples.word_lengths) - examples.word_lengths
    lengths = (spans[:, 1] - spans[:, 0]).astype(np.int64)
    tokens = examples.word_ids[concatenate_ranges(row_starts[rows] + spans[:, 0], lengths)].astype(np.int64)
    ordinary = ~special[tokens]
    return rows, entities, np.repeat(entities, lengths)[ordinary], tokens[ordinary]


def count_matrix(rows: Int64Array, columns: Int64Array, shape: tuple[int, int]) -> sparse.csr_array:
    """Return how often each (row, column) occurs."""
    return sparse.csr_array((np.ones(len(rows), dtype=np.int32), (rows, columns)), shape=shape)


def without_zeros(counts: sparse.csr_array) -> sparse.csc_array:
    """Return the matrix by columns, without entries that are 0."""
    by_column = counts.tocsc()
    by_column.eliminate_zeros()
    return by_column


def bags_of_features(mentions: MaskedMentions, part: Part, is_feature: BoolArray) -> sparse.csr_array:
    """Return how often each feature of a part occurs in each mention's example: [K, features]."""
    rows = {"mention": mentions.seen, "context": mentions.context, "entities": mentions.entities}[part]
    read = is_feature[rows.values]
    return count_matrix(rows.row_numbers[read], rows.values[read].astype(np.int64), (len(mentions), len(is_feature)))
