"""A SentencePiece Unigram like XLM-R's: read from an existing tokenizer.json, and prepared for pieces of text.

What is read is reduced to its pieces with their scores and its normalizer, on which ids depend, checked, and built
anew as XLM-R's: white space separates, and every word begins with "▁". On whole sentences it gives the ids of the
original, which the adoption tries on a probe.

The dataset tokenizes the pieces between the borders of mentions, and there a piece begins with "▁" only if a space
stands before it. `for_pieces` makes of the same tokenizer one that does so: white space, collapsed, becomes "▁", and
none is put before. It also keeps "<s>" in a text apart, which Unigram would find among its own pieces, ids and all.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from itertools import chain
from typing import Any

from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

from pipeline.vocab.specials import BOS, EOS, FIRST_IDS, UNK, add_specials

SPACE = "▁"
TOKENIZER_CONFIG = {"tokenizer_class": "PreTrainedTokenizerFast"}
"""What transformers opens it with: a class that takes tokenizer.json as it is. XLMRobertaTokenizer of transformers 5
takes the pieces alone and forgets a normalizer that is not SentencePiece's own."""

PROBE = (
    "He saw the dogs (NATO, 1984): “Tōkyō’s” cafés. Straße, naïve…",
    "東京は日本の首都。ＡＢＣ ﾄｳｷｮｳ １２３ 中文維基百科",
    "กรุงเทพมหานคร เป็นเมืองหลวง שלום עולם السلام عليكم Привет 🙂 ﬁ ½",
)
"""Texts on which a tokenizer that was built anew must agree with the original."""


def token_bytes(token: str) -> bytes:
    """The bytes that a token stands for."""
    return token.replace(SPACE, " ").encode()


def built(pieces: list[tuple[str, float]], normalizer: normalizers.Normalizer | None) -> Tokenizer:
    """The tokenizer of pieces, special tokens included, and their scores: what XLM-R makes of whole sentences."""
    tokenizer = Tokenizer(models.Unigram(pieces, unk_id=FIRST_IDS[UNK], byte_fallback=False))
    if normalizer is not None:
        tokenizer.normalizer = normalizer
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace(SPACE, prepend_scheme="always")]
    )
    tokenizer.decoder = decoders.Metaspace(SPACE, prepend_scheme="always")
    tokenizer.post_processor = processors.TemplateProcessing(
        single=[BOS, "$A", EOS],
        pair=[BOS, "$A", EOS, EOS, "$B", EOS],
        special_tokens=[(BOS, FIRST_IDS[BOS]), (EOS, FIRST_IDS[EOS])],
    )
    add_specials(tokenizer)
    return tokenizer


def for_pieces(tokenizer: Tokenizer) -> Tokenizer:
    """The same tokenizer for pieces of sentences, each of which says itself whether a space stands before it.

    White space at the end of a piece goes: the next piece has its own.
    """
    copy = Tokenizer.from_str(tokenizer.to_str())
    own = [] if copy.normalizer is None else [copy.normalizer]
    collapse = [normalizers.Replace(Regex(rf"[\s{SPACE}]+"), " "), normalizers.Strip(left=False, right=True)]
    copy.normalizer = normalizers.Sequence([*own, *collapse])
    copy.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(r"<(?=(?:/?s|pad|unk|mask)>)"), "merged_with_previous"),
            pre_tokenizers.Metaspace(SPACE, prepend_scheme="never"),
        ]
    )
    return copy


def spaces(tokenizer: Tokenizer) -> str:
    """The characters, beside plain space and newline, that the tokenizer reads as a space."""
    own = tokenizer.normalizer
    candidates = (
        character
        for character in map(chr, range(0x10000))  # no space lies above
        if character not in " \n" and unicodedata.category(character) in ("Zs", "Zl", "Zp", "Cc", "Cf")
    )
    return "".join(
        character for character in candidates if (own.normalize_str(character) if own else character).isspace()
    )


def differences(state: Mapping[str, Any]) -> list[str]:
    """What keeps the content of a tokenizer.json from being one, as "key is value, not value"."""
    model, splitter = state["model"], state.get("pre_tokenizer") or {}
    parts = splitter.get("pretokenizers") or [splitter]
    meta = parts[-1]
    prepends = "always" if meta.get("add_prefix_space") else "never"  # as tokenizers wrote it before 0.15
    found = {
        "model.unk_id": (model.get("unk_id"), FIRST_IDS[UNK]),
        "model.byte_fallback": (model.get("byte_fallback", False), False),
        "pre_tokenizer": ([part.get("type") for part in parts if part.get("type") != "WhitespaceSplit"], ["Metaspace"]),
        "pre_tokenizer.replacement": (meta.get("replacement"), SPACE),
        "pre_tokenizer.prepend_scheme": (meta.get("prepend_scheme", prepends), "always"),
        "pre_tokenizer.split": (meta.get("split", True), True),
    }
    return [f"{key} is {value!r}, not {wanted!r}" for key, (value, wanted) in found.items() if value != wanted]


def disagreement(original: Tokenizer, tokenizer: Tokenizer) -> str | None:
    """The first text of which the two make other ids, or which changes when it is cut at its spaces; None for none."""
    cut = for_pieces(tokenizer)
    if cut.normalizer.normalize_str("a") != "a":
        return "a"
    for text in PROBE:
        ids = original.encode(text, add_special_tokens=False).ids
        apart = [cut.encode(" " + word, add_special_tokens=False).ids for word in text.split()]
        if not ids == tokenizer.encode(text, add_special_tokens=False).ids == list(chain.from_iterable(apart)):
            return text
    return None
