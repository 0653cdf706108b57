"""Sentences one by one, as a test writes them down, and side by side, as the code has them."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate, pairwise

import numpy as np

from pipeline.dataset.tokens import Sentences


@dataclass(frozen=True)
class Sentence:
    """Spans count from the sentence's first token."""

    word_ids: list[int]
    entity_ids: list[int]
    entity_spans: list[tuple[int, int]]


def side_by_side(rows: list[Sentence]) -> Sentences:
    ends = list(accumulate(len(row.word_ids) for row in rows))
    starts = [0, *ends]
    spans = [(start + at, end + at) for row, at in zip(rows, starts, strict=False) for start, end in row.entity_spans]
    return Sentences(
        words=np.array([word for row in rows for word in row.word_ids], dtype=np.int32),
        ends=np.array(ends, dtype=np.int64),
        entities=np.array([entity for row in rows for entity in row.entity_ids], dtype=np.int32),
        spans=np.array(spans, dtype=np.int64).reshape(-1, 2),
    )


def one_by_one(page: Sentences) -> list[Sentence]:
    starts = [0, *page.ends.tolist()]
    return [
        Sentence(
            page.words[start:end].tolist(),
            page.entities[page.owners == number].tolist(),
            [(left - start, right - start) for left, right in page.spans[page.owners == number].tolist()],
        )
        for number, (start, end) in enumerate(pairwise(starts))
    ]
