"""Tokenize the sentences of a page and find the token spans of its mentions. Pure.

A sentence is cut at the borders of its mentions and each piece is tokenized separately, so that no token straddles a
border. The space before a piece belongs to the piece, and a sentence begins as if after a space: "He saw [[dogs]]."
becomes the pieces " He saw", " dogs" and ".". All pieces of a page are tokenized in one call and the result stays in
arrays, because Python objects for every sentence and id would take as long as tokenizing does.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.dataset.sentences import Span, trim_span
from pipeline.io.arrow import Int32Array, Int64Array

EncodedPieces = tuple[Int32Array, Int64Array]
"""Token ids of all pieces concatenated, without special tokens, and the start of each piece in them with the end of the
last: [pieces + 1]."""
PieceEncoder = Callable[[list[str]], EncodedPieces]


@dataclass(frozen=True, slots=True)
class Mention:
    """A link `text[start:end]` whose title has been looked up."""

    start: int
    end: int
    entity_id: int
    """Entity id; that of [UNK] if the title leads to no entity."""


@dataclass(frozen=True, slots=True)
class TokenizedPage:
    """The sentences of a page as token ids, concatenated."""

    word_ids: Int32Array
    """[tokens] of all sentences."""
    sentence_ends: Int64Array
    """[sentences] end of each sentence in `word_ids`."""
    entity_ids: Int32Array
    """[mentions] in text order."""
    entity_spans: Int64Array
    """[mentions, 2] half-open, in `word_ids`."""

    @property
    def sentence_lengths(self) -> Int64Array:
        """Number of tokens of each sentence: [sentences]."""
        return np.diff(self.sentence_ends, prepend=0)

    @property
    def sentence_of_mention(self) -> Int64Array:
        """Index of the sentence that contains each mention: [mentions]."""
        return np.searchsorted(self.sentence_ends, self.entity_spans[:, 0], side="right")


def usable_mentions(text: str, links: Sequence[Mention], counts: Counter[str]) -> list[Mention]:
    """Return the links without white space at their ends; drop and count blank links and those across a newline.

    Raises:
        ValueError: the links are not in text order or overlap.
    """
    kept: list[Mention] = []
    end = 0
    counts["links.seen"] += len(links)
    for link in links:
        if not end <= link.start <= link.end <= len(text):
            raise ValueError(f"{link} in a text of {len(text)} characters follows a link that ends at {end}")
        start, end = trim_span(text, link.start, link.end)
        if start == end:
            counts["links.dropped.blank_mention"] += 1
        elif "\n" in text[start:end]:
            counts["links.dropped.across_paragraphs"] += 1
        else:
            kept.append(link if (start, end) == (link.start, link.end) else Mention(start, end, link.entity_id))
        end = link.end
    return kept


def tokenize_page(
    text: str,
    spans: Sequence[Span],
    mentions: Sequence[Mention],
    encode: PieceEncoder,
    *,
    max_mention_length: int,
    counts: Counter[str],
) -> TokenizedPage:
    """Tokenize the sentences of a page.

    Args:
        spans: sentences in text order that cut no mention.
        mentions: the result of `usable_mentions`; each is within one of the spans.
        max_mention_length: a mention with more tokens loses its link.
        counts: the account; lost links are added to it.
    """
    pieces: list[str] = []
    piece_of_mention: list[int] = []
    sentence_ends: list[int] = []  # in pieces
    last = 0
    for span in spans:
        first = last
        while last < len(mentions) and mentions[last].start < span[1]:
            last += 1
        sentence_pieces, mention_places = cut_at_mentions(text, span, mentions[first:last])
        piece_of_mention += [len(pieces) + place for place in mention_places]
        pieces += sentence_pieces
        sentence_ends.append(len(pieces))
    word_ids, edges = encode(pieces)
    at = np.array(piece_of_mention, dtype=np.int64)
    entity_spans = np.stack([edges[at], edges[at + 1]], axis=1)
    lengths = entity_spans[:, 1] - entity_spans[:, 0]
    counts["links.dropped.no_token"] += int((lengths == 0).sum())
    counts["links.dropped.long_mention"] += int((lengths > max_mention_length).sum())
    kept = (lengths > 0) & (lengths <= max_mention_length)
    entity_ids = np.array([mention.entity_id for mention in mentions[:last]], dtype=np.int32)
    return TokenizedPage(word_ids, edges[np.array(sentence_ends, dtype=np.int64)], entity_ids[kept], entity_spans[kept])


def cut_at_mentions(text: str, span: Span, mentions: Sequence[Mention]) -> tuple[list[str], list[int]]:
    """Return the pieces of one sentence, and the places of the mentions among them."""
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
