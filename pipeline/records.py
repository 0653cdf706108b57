"""The frozen types that cross a border between stages; on disk they are the columns named in the README.

Offsets are always half-open. Text offsets count Unicode code points (what Python indexes), token offsets count the
positions of `Example.word_ids`, the leading `<s>` included.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any, NamedTuple

SPECIAL_ENTITIES = ("[PAD]", "[UNK]", "[MASK]")
"""Entities that are no titles, by their ids, the first of every vocabulary."""
SECOND_MASK = "[MASK2]"
"""What every published LUKE has after its entities, for fine-tuning."""


class Link(NamedTuple):
    """A hyperlink: `text[start:end]` is the mention, `title` the normalised title it points to (not yet resolved).

    A tuple, unlike the others: a dump has a hundred million, and a frozen dataclass takes longer to make.
    """

    start: int
    end: int
    title: str
    added: bool = False
    """Found by corpus.more_mentions, where the page itself has no link."""


@dataclass(frozen=True, slots=True)
class Page:
    """One <page> of a dump, as the XML has it."""

    id: str
    revision: str
    title: str
    namespace: int
    redirect: str | None
    """The target's title as written, for a redirect; None for everything else."""
    model: str
    """The content model: "wikitext", "Scribunto", "json", ..."""
    text: str


@dataclass(frozen=True, slots=True)
class Article:
    """A page as plain text with hyperlinks: paragraphs and list items, each ended by a newline."""

    id: str
    revision: str
    url: str
    title: str
    text: str
    links: tuple[Link, ...]
    lead_end: int
    """Where the text before the first heading ends."""
    is_disambiguation: bool


@dataclass(frozen=True, slots=True)
class Example:
    """One input sequence: sentences of one page with the entities they mention."""

    page_id: str
    word_ids: tuple[int, ...]
    """`<s>`, the tokens, `</s>`."""
    entity_ids: tuple[int, ...]
    """One per mention, in text order; 1 is [UNK]."""
    entity_spans: tuple[tuple[int, int], ...]
    """[start, end) of each mention in `word_ids`."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Masked Examples, padded and ready for the model: numpy arrays from `batches.py`, tensors after `map`.

    B examples, L words, E entities; a ragged part is one flat array with offsets, so nothing of it is padding.
    """

    example_ids: Any
    """[B] index of each Example in its dataset."""
    word_ids: Any
    """[B, L] int64, padded with `<pad>`; masked words are already replaced."""
    word_lengths: Any
    """[B] int64."""
    entity_ids: Any
    """[B, E] int64, padded with [PAD]; masked entities are already [MASK]. E may be 0."""
    entity_lengths: Any
    """[B] int64; 0 for a document without entities."""
    mention_positions: Any
    """[P] int64: the positions (0 is `<s>`) of every mention's words, mention after mention in the order of
    `entity_ids.reshape(-1)`."""
    mention_offsets: Any
    """[B * E] int64: where each entity's part of `mention_positions` starts; a padded entity's is empty."""
    word_targets: Any
    """[M] int64: masked words, as indices into `word_ids.reshape(-1)`, ascending."""
    word_labels: Any
    """[M] int64: their original ids."""
    entity_targets: Any
    """[K] int64: masked entities, as indices into `entity_ids.reshape(-1)`, ascending."""
    entity_labels: Any
    """[K] int64: their original ids."""

    def map(self, function: Callable[[Any], Any]) -> Batch:
        """The batch with `function` applied to every array."""
        return Batch(*(function(getattr(self, field.name)) for field in fields(self)))
