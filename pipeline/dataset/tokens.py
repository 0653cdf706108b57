"""Sentences and their links as word ids and entity spans (pure).

A sentence is cut at its mentions' borders and each piece is tokenized apart, so no token straddles a border. The
space before a piece belongs to it, and a sentence begins as if after a space: "He saw [[dogs]]." is the three pieces
" He saw", " dogs" and ".". All pieces of a page go to the tokenizer in one call; one call a piece costs twice as much.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from pipeline.dataset.sentences import Span, trimmed

Encode = Callable[[list[str]], list[list[int]]]
"""Pieces of text -> the word ids of each, without special tokens."""


@dataclass(frozen=True, slots=True)
class Mention:
    """A link whose title has been looked up."""

    start: int
    end: int
    entity: int
    """Its entity's id, [UNK]'s if the title has none."""


@dataclass(frozen=True, slots=True)
class Sentence:
    """A tokenized sentence; positions count from its first token."""

    word_ids: list[int]
    entity_ids: list[int]
    entity_spans: list[Span]


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
            kept.append(Mention(start, end, link.entity))
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
) -> list[Sentence]:
    """One Sentence a span.

    Args:
        spans: sentences in text order that cut no mention.
        mentions: as `usable_mentions` leaves them; each lies in one span.
        max_mention: tokens of the longest mention that keeps its link.
        counts: where lost links are counted.
    """
    pieces: list[str] = []
    owners: list[Mention | None] = []  # of each piece; None for text between mentions
    ends: list[int] = []  # of each sentence, in pieces
    coming = 0
    for span in spans:
        first = coming
        while coming < len(mentions) and mentions[coming].start < span[1]:
            coming += 1
        for piece, owner in cut(text, span, mentions[first:coming]):
            pieces.append(piece)
            owners.append(owner)
        ends.append(len(pieces))
    ids = encode(pieces)
    return [joined(ids[start:end], owners[start:end], max_mention, counts) for start, end in pairwise([0, *ends])]


def cut(text: str, span: Span, mentions: Sequence[Mention]) -> list[tuple[str, Mention | None]]:
    """The pieces of one sentence, and whose mention each is."""
    pieces: list[tuple[str, Mention | None]] = []
    position = span[0]
    for mention in mentions:
        start = mention.start
        if start > position and text[start - 1] == " ":
            start -= 1
        if start > position:
            pieces.append((text[position:start], None))
        pieces.append((text[start : mention.end], mention))
        position = mention.end
    if position < span[1]:
        pieces.append((text[position : span[1]], None))
    first, owner = pieces[0]
    pieces[0] = (" " + first, owner)
    return pieces


def joined(
    ids: Sequence[list[int]], owners: Sequence[Mention | None], max_mention: int, counts: Counter[str]
) -> Sentence:
    """The pieces of one sentence put together again."""
    sentence = Sentence([], [], [])
    for piece, owner in zip(ids, owners, strict=True):
        start = len(sentence.word_ids)
        sentence.word_ids.extend(piece)
        if owner is None:
            continue
        if not piece:
            counts["links.dropped.no_token"] += 1
        elif len(piece) > max_mention:
            counts["links.dropped.long_mention"] += 1
        else:
            sentence.entity_ids.append(owner.entity)
            sentence.entity_spans.append((start, start + len(piece)))
    return sentence
