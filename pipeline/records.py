"""The frozen records that stages exchange.

Offsets are half-open. Text offsets count Unicode code points, as Python's string indices do; token offsets count
positions of `Example.word_ids`, the leading `<s>` included.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Generic, NamedTuple, TypeVar

SPECIAL_ENTITIES = ("[PAD]", "[UNK]", "[MASK]")
"""The first entities of every entity vocabulary, in the order of their ids."""
SECOND_MASK = "[MASK2]"
"""A second mask entity for fine-tuning; published LUKEs have it after their entities."""

Array = TypeVar("Array")
OtherArray = TypeVar("OtherArray")


class Link(NamedTuple):
    """A hyperlink: the mention `text[start:end]`, and the normalised title it points to, with redirects unresolved.

    Unlike the other records it is a tuple: a dump has a hundred million links, and a dataclass is slower to create.
    """

    start: int
    end: int
    title: str
    added: bool = False
    """True if corpus.more_mentions added the link, False if the page has it."""


@dataclass(frozen=True, slots=True)
class Page:
    """One <page> of an XML dump."""

    id: str
    revision: str
    title: str
    namespace: int
    redirect: str | None
    """Title of a redirect's target as written in the XML; None if the page is not a redirect."""
    model: str
    """Content model: "wikitext", "Scribunto", "json", ..."""
    text: str


@dataclass(frozen=True, slots=True)
class Article:
    """A page as plain text with hyperlinks: paragraphs and list items, each with a newline at its end."""

    id: str
    revision: str
    url: str
    title: str
    text: str
    links: tuple[Link, ...]
    lead_end: int
    """Length of the text before the first heading."""
    is_disambiguation: bool


@dataclass(frozen=True, slots=True)
class Example:
    """One input sequence: sentences of one page, and the entities they mention."""

    page_id: str
    word_ids: tuple[int, ...]
    """Token ids from `<s>` to `</s>`."""
    entity_ids: tuple[int, ...]
    """Entity id of each mention, in text order; 1 is [UNK]."""
    entity_spans: tuple[tuple[int, int], ...]
    """[start, end) of each mention in `word_ids`."""


@dataclass(frozen=True, slots=True)
class Batch(Generic[Array]):
    """Masked and padded Examples, ready for the model.

    `Array` is a numpy array in the data loader and a tensor in the model; `map` converts between them. B is the number
    of Examples, L the padded number of tokens, E the padded number of entities. All arrays are int64. Ragged values are
    one flat array with offsets, without padding.
    """

    example_ids: Array
    """[B] index of each Example in its dataset."""
    word_ids: Array
    """[B, L] token ids, padded with `<pad>`; masked tokens are already replaced."""
    word_lengths: Array
    """[B] number of tokens of each Example."""
    entity_ids: Array
    """[B, E] entity ids, padded with [PAD]; masked entities are already [MASK]. E may be 0."""
    entity_lengths: Array
    """[B] number of entities of each Example; 0 if it has none."""
    mention_positions: Array
    """[P] positions (0 is `<s>`) of the tokens of every mention, in the order of `entity_ids.reshape(-1)`."""
    mention_offsets: Array
    """[B * E] start of each entity's part of `mention_positions`; a padded entity's part is empty."""
    word_targets: Array
    """[M] masked tokens, as ascending indices into `word_ids.reshape(-1)`."""
    word_labels: Array
    """[M] original ids of the masked tokens."""
    entity_targets: Array
    """[K] masked entities, as ascending indices into `entity_ids.reshape(-1)`."""
    entity_labels: Array
    """[K] original ids of the masked entities."""

    def map(self, function: Callable[[Array], OtherArray]) -> Batch[OtherArray]:
        """Return the batch with `function` applied to every array."""
        return Batch(*(function(getattr(self, field.name)) for field in fields(self)))
