"""Sentences as separate rows, as a test writes them, and as the flat arrays that the code uses."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate, pairwise

import numpy as np

from pipeline.dataset.tokens import TokenizedPage


@dataclass(frozen=True)
class Sentence:
    """A sentence whose spans count from its first token."""

    word_ids: list[int]
    entity_ids: list[int]
    entity_spans: list[tuple[int, int]]


def join_sentences(rows: list[Sentence]) -> TokenizedPage:
    """Concatenate sentences into the arrays of one page."""
    ends = list(accumulate(len(row.word_ids) for row in rows))
    starts = [0, *ends]
    spans = [(start + at, end + at) for row, at in zip(rows, starts, strict=False) for start, end in row.entity_spans]
    return TokenizedPage(
        word_ids=np.array([word for row in rows for word in row.word_ids], dtype=np.int32),
        sentence_ends=np.array(ends, dtype=np.int64),
        entity_ids=np.array([entity for row in rows for entity in row.entity_ids], dtype=np.int32),
        entity_spans=np.array(spans, dtype=np.int64).reshape(-1, 2),
    )


def split_sentences(page: TokenizedPage) -> list[Sentence]:
    """Split the arrays of a page into its sentences."""
    sentences = []
    for number, (start, end) in enumerate(pairwise([0, *page.sentence_ends.tolist()])):
        inside = page.sentence_of_mention == number
        spans = [(left - start, right - start) for left, right in page.entity_spans[inside].tolist()]
        sentences.append(Sentence(page.word_ids[start:end].tolist(), page.entity_ids[inside].tolist(), spans))
    return sentences
