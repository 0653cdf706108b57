"""Sentences and their links as word ids and entity spans (pure).

A sentence is cut at its mentions' borders and each piece is tokenized apart, so no token straddles a border. The
space before a piece belongs to it, and a sentence begins as if after a space: "He saw [[dogs]]." is the three pieces
" He saw", " dogs" and ".". All pieces of a page go to the tokenizer in one call, and what comes of them stays in
arrays: Python objects for every sentence and id would cost as much as the tokens.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.dataset.sentences import Span, trimmed

Int32s = NDArray[np.int32]
Int64s = NDArray[np.int64]

Encoded = tuple[Int32s, Int64s]
"""Word ids of pieces, without special tokens, all in a row; [pieces + 1] where each begins, and where the last ends."""
Encode = Callable[[list[str]], Encoded]


@dataclass(frozen=True, slots=True)
class Mention:
    """A link whose title has been looked up."""

    start: int
    end: int
    entity: int
    """Its entity's id, [UNK]'s if the title has none."""


@dataclass(frozen=True, slots=True)
class Sentences:
    """A page's tokenized sentences, side by side."""

    words: Int32s
    """Of all sentences, in a row."""
    ends: Int64s
    """[sentences] where each ends in `words`."""
    entities: Int32s
    """Of all mentions, in text order."""
    spans: Int64s
    """[mentions, 2] half-open, in `words`."""

    @property
    def lengths(self) -> Int64s:
        """[sentences] in words."""
        return np.diff(self.ends, prepend=0)

    @property
    def owners(self) -> Int64s:
        """[mentions] the sentence of each."""
        return np.searchsorted(self.ends, self.spans[:, 0], side="right")


def usable_mentions(text: str, links: Sequence[Mention], counts: Counter[str]) -> list[Mention]:
    """Links with white space trimmed off their mentions; the blank ones and those across a newline are dropped.

    Raises:
        ValueError: the links are not in text order or overlap.
    """
    kept: list[Mention] = []
    end = 0
    counts["links.seen"] += len(links)
    for link in links:
        if not end <= link.start <= link.end <= len(text):
            raise ValueError(f"link {link} in a text of {len(text)} characters, after one that ends at {end}")
        start, end = trimmed(text, link.start, link.end)
        if start == end:
            counts["links.dropped.blank_mention"] += 1
        elif "\n" in text[start:end]:
            counts["links.dropped.across_paragraphs"] += 1
        else:
            kept.append(link if (start, end) == (link.start, link.end) else Mention(start, end, link.entity))
        end = link.end
    return kept


def tokenized(
    text: str,
    spans: Sequence[Span],
    mentions: Sequence[Mention],
    encode: Encode,
    *,
    max_mention: int,
    counts: Counter[str],
) -> Sentences:
    """A sentence a span.

    Args:
        spans: sentences in text order that cut no mention.
        mentions: as `usable_mentions` leaves them; each lies in one span.
        max_mention: tokens of the longest mention that keeps its link.
        counts: where lost links are counted.
    """
    pieces: list[str] = []
    places: list[int] = []  # of each mention, in pieces
    ends: list[int] = []  # of each sentence, in pieces
    coming = 0
    for span in spans:
        first = coming
        while coming < len(mentions) and mentions[coming].start < span[1]:
            coming += 1
        found, own = cut(text, span, mentions[first:coming])
        places += [len(pieces) + place for place in own]
        pieces += found
        ends.append(len(pieces))
    words, edges = encode(pieces)
    at = np.array(places, dtype=np.int64)
    bounds = np.stack([edges[at], edges[at + 1]], axis=1)
    lengths = bounds[:, 1] - bounds[:, 0]
    counts["links.dropped.no_token"] += int((lengths == 0).sum())
    counts["links.dropped.long_mention"] += int((lengths > max_mention).sum())
    kept = (lengths > 0) & (lengths <= max_mention)
    entities = np.array([mention.entity for mention in mentions[:coming]], dtype=np.int32)
    return Sentences(words, edges[np.array(ends, dtype=np.int64)], entities[kept], bounds[kept])


def cut(text: str, span: Span, mentions: Sequence[Mention]) -> tuple[list[str], list[int]]:
    """The pieces of one sentence, and which of them are the mentions."""
    pieces: list[str] = []
    places: list[int] = []
    position = span[0]
    for mention in mentions:
        start = mention.start
        if start > position and text[start - 1] == " ":
            start -= 1
        if start > position:
            pieces.append(text[position:start])
        places.append(len(pieces))
        pieces.append(text[start : mention.end])
        position = mention.end
    if position < span[1]:
        pieces.append(text[position : span[1]])
    pieces[0] = " " + pieces[0]
    return pieces, places
