"""Turn the tokens of a masked example into an excerpt of text with marks. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from pipeline.dataset.sentences import Span
from pipeline.vocab import bpe, unigram
from pipeline.vocab.words import WordVocab

TOKENS_AROUND = 32
"""Number of tokens of the excerpt on each side of its focus."""
BROKEN_CHARACTER = "\ufffd"
"""What a part of a character is decoded to."""
ELLIPSIS = "\u2026"

Kind = Literal["text", "mask", "random"]
"""Ordinary text, one masked token, or tokens that masking replaced by random ones."""


@dataclass(frozen=True, slots=True)
class MaskedTokens:
    """The tokens of one masked example as the model sees them."""

    ids: Sequence[int]
    """Tokens from `<s>` to `</s>`."""
    labels: Mapping[int, int]
    """Position of each masked token -> its original id."""


@dataclass(frozen=True, slots=True)
class Segment:
    """A piece of the excerpt in which all tokens are alike."""

    text: str
    """Empty for a masked token."""
    kind: Kind
    in_mention: bool
    number: int | None = None
    """Number of the question that is asked here."""


def cut_excerpt(
    tokens: MaskedTokens, mention: Span | None, numbers: Mapping[int, int], words: WordVocab
) -> tuple[Segment, ...]:
    """Return the text around the mention, or the beginning of the example if there is none.

    Args:
        tokens: the example.
        mention: positions of the mention whose entity is asked for.
        numbers: position -> number of the question that is asked there; the mention's is at its first token.
        words: the vocabulary of the tokens.
    """
    first, last = excerpt_span(len(tokens.ids), mention)
    segments = []
    for start, end in runs_of_equal_kind(tokens, mention, first, last, words.mask):
        kind, inside = token_kind(tokens, start, words.mask), is_inside(start, mention)
        text = "" if kind == "mask" else decode(tokens.ids[start:end], words)
        segments.append(Segment(text, kind, inside, numbers.get(start)))
    if first > 1:
        segments[0] = replace(segments[0], text=ELLIPSIS + segments[0].text.lstrip(BROKEN_CHARACTER))
    if last < len(tokens.ids) - 1:
        segments[-1] = replace(segments[-1], text=segments[-1].text.rstrip(BROKEN_CHARACTER) + ELLIPSIS)
    return tuple(segments)


def excerpt_span(length: int, mention: Span | None) -> Span:
    """Return the positions of the excerpt in an example of `length` tokens, without `<s>` and `</s>`."""
    start, end = mention or (1, TOKENS_AROUND)
    return max(1, start - TOKENS_AROUND), min(length - 1, end + TOKENS_AROUND)


def runs_of_equal_kind(tokens: MaskedTokens, mention: Span | None, first: int, last: int, mask: int) -> Iterator[Span]:
    """Yield the runs of alike tokens from `first` to `last`; every `<mask>` is a run of its own."""
    start = first
    for position in range(first + 1, last + 1):
        ends = (
            position == last
            or token_kind(tokens, start, mask) == "mask"
            or token_kind(tokens, start, mask) != token_kind(tokens, position, mask)
            or is_inside(start, mention) != is_inside(position, mention)
        )
        if ends:
            yield start, position
            start = position


def token_kind(tokens: MaskedTokens, position: int, mask: int) -> Kind:
    """Return how the model sees a token; a masked token that was kept is ordinary text."""
    if tokens.ids[position] == mask:
        return "mask"
    label = tokens.labels.get(position)
    return "text" if label is None or label == tokens.ids[position] else "random"


def is_inside(position: int, mention: Span | None) -> bool:
    """Whether a position is in the mention."""
    return mention is not None and mention[0] <= position < mention[1]


def decode(ids: Sequence[int], words: WordVocab) -> str:
    """Return the text of some tokens, with the spaces at its edges; a part of a character is U+FFFD."""
    token_bytes = unigram.token_bytes if words.is_sentencepiece else bpe.token_bytes
    return b"".join(token_bytes(words.tokenizer.id_to_token(index) or "") for index in ids).decode(errors="replace")
