"""Types of the parts of a tokenizer.json that decide the ids of a text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypedDict


class AddedTokenJson(TypedDict):
    """A token that is matched before the model sees the text, such as `<mask>`."""

    content: str
    id: int


class PreTokenizerJson(TypedDict, total=False):
    """A pre-tokenizer of any kind; each kind has some of these keys."""

    type: str
    pretokenizers: list[PreTokenizerJson]
    """Parts of a Sequence."""
    use_regex: bool
    add_prefix_space: bool
    replacement: str
    prepend_scheme: str
    split: bool


class BpeModelJson(TypedDict, total=False):
    """The model of a BPE."""

    vocab: dict[str, int]
    merges: list[str] | list[list[str]]
    ignore_merges: bool
    continuing_subword_prefix: str | None
    end_of_word_suffix: str | None


class UnigramModelJson(TypedDict, total=False):
    """The model of a Unigram."""

    vocab: list[tuple[str, float]]
    """Pieces with their scores, by id."""
    unk_id: int | None
    byte_fallback: bool


class TokenizerJson(TypedDict, total=False):
    """The keys that all kinds of tokenizers share."""

    normalizer: Mapping[str, object] | None
    pre_tokenizer: PreTokenizerJson | None
    added_tokens: list[AddedTokenJson] | None


class BpeJson(TokenizerJson):
    """The tokenizer.json of a BPE."""

    model: BpeModelJson


class UnigramJson(TokenizerJson):
    """The tokenizer.json of a Unigram."""

    model: UnigramModelJson
