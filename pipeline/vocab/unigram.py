"""Build a SentencePiece Unigram like XLM-R's from an existing tokenizer, and adapt it to pieces of sentences.

Only the scores of its tokens and its normalizer are kept, because ids depend on these two. The tokenizer is rebuilt
like XLM-R's: white space separates words, and every word begins with "▁". On whole sentences it must give the ids of
the original, which is tried on PROBE_TEXTS.

The dataset tokenizes the pieces of a sentence between the borders of its mentions, and a piece may begin with "▁" only
if there is a space before it. `tokenizer_for_pieces` returns a tokenizer that does so: white space is collapsed and
becomes "▁", and no "▁" is added. It also splits a literal "<s>" in a text, which Unigram would otherwise find among its
tokens and give the special id.
"""

from __future__ import annotations

import unicodedata
from itertools import chain

from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

from pipeline.vocab.specials import BOS, BOS_ID, EOS, EOS_ID, UNK_ID, add_special_tokens
from pipeline.vocab.tokenizer_json import PreTokenizerJson, UnigramJson

SPACE_MARK = "▁"
TOKENIZER_CONFIG: dict[str, str | bool] = {"tokenizer_class": "PreTrainedTokenizerFast"}
"""The class with which transformers opens the tokenizer: one that uses tokenizer.json unchanged. XLMRobertaTokenizer of
transformers 5 uses only the tokens and ignores a normalizer that is not SentencePiece's own."""

PROBE_TEXTS = (
    "He saw the dogs (NATO, 1984): “Tōkyō’s” cafés. Straße, naïve…",
    "東京は日本の首都。ＡＢＣ ﾄｳｷｮｳ １２３ 中文維基百科",
    "กรุงเทพมหานคร เป็นเมืองหลวง שלום עולם السلام عليكم Привет 🙂 ﬁ ½",
)
"""Texts on which the rebuilt tokenizer must give the ids of the original."""


def token_bytes(token: str) -> bytes:
    """Return the bytes that a token represents."""
    return token.replace(SPACE_MARK, " ").encode()


def make_tokenizer(pieces: list[tuple[str, float]], normalizer: normalizers.Normalizer | None) -> Tokenizer:
    """Build the tokenizer of whole sentences from tokens with their scores, special tokens included, by id."""
    tokenizer = Tokenizer(models.Unigram(pieces, unk_id=UNK_ID, byte_fallback=False))
    if normalizer is not None:
        tokenizer.normalizer = normalizer
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace(SPACE_MARK, prepend_scheme="always")]
    )
    tokenizer.decoder = decoders.Metaspace(SPACE_MARK, prepend_scheme="always")
    tokenizer.post_processor = processors.TemplateProcessing(
        single=[BOS, "$A", EOS],
        pair=[BOS, "$A", EOS, EOS, "$B", EOS],
        special_tokens=[(BOS, BOS_ID), (EOS, EOS_ID)],
    )
    add_special_tokens(tokenizer)
    return tokenizer


def tokenizer_for_pieces(tokenizer: Tokenizer) -> Tokenizer:
    """Return a copy of the tokenizer for pieces of sentences: only a piece that begins with a space begins with "▁".

    White space at the end of a piece is removed, because the next piece brings its own.
    """
    copy = Tokenizer.from_str(tokenizer.to_str())
    first = [] if copy.normalizer is None else [copy.normalizer]
    collapse = [normalizers.Replace(Regex(rf"[\s{SPACE_MARK}]+"), " "), normalizers.Strip(left=False, right=True)]
    copy.normalizer = normalizers.Sequence([*first, *collapse])
    copy.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(r"<(?=(?:/?s|pad|unk|mask)>)"), "merged_with_previous"),
            pre_tokenizers.Metaspace(SPACE_MARK, prepend_scheme="never"),
        ]
    )
    return copy


def space_characters(tokenizer: Tokenizer) -> str:
    """Return the characters, other than plain space and newline, that the tokenizer treats as a space."""
    normalizer = tokenizer.normalizer
    candidates = (
        character
        for character in map(chr, range(0x10000))  # there are no spaces above
        if character not in " \n" and unicodedata.category(character) in ("Zs", "Zl", "Zp", "Cc", "Cf")
    )
    normalize = normalizer.normalize_str if normalizer else str
    return "".join(character for character in candidates if normalize(character).isspace())


def unsupported_settings(content: UnigramJson) -> list[str]:
    """Return the settings of a tokenizer.json that differ from XLM-R's, as "key is value, not value"."""
    model = content["model"]
    pre_tokenizer: PreTokenizerJson = content.get("pre_tokenizer") or {}
    parts = pre_tokenizer.get("pretokenizers") or [pre_tokenizer]
    kinds = [part.get("type") for part in parts if part.get("type") != "WhitespaceSplit"]
    metaspace = parts[-1]
    prepend_scheme = "always" if metaspace.get("add_prefix_space") else "never"  # in files of tokenizers before 0.15
    settings = {
        "model.unk_id": (model.get("unk_id"), UNK_ID),
        "model.byte_fallback": (model.get("byte_fallback", False), False),
        "pre_tokenizer": (kinds, ["Metaspace"]),
        "pre_tokenizer.replacement": (metaspace.get("replacement"), SPACE_MARK),
        "pre_tokenizer.prepend_scheme": (metaspace.get("prepend_scheme", prepend_scheme), "always"),
        "pre_tokenizer.split": (metaspace.get("split", True), True),
    }
    return [f"{key} is {value!r}, not {expected!r}" for key, (value, expected) in settings.items() if value != expected]


def find_disagreement(original: Tokenizer, tokenizer: Tokenizer) -> str | None:
    """Return the first text to which the original gives other ids than the rebuilt tokenizer; None if there is none.

    The rebuilt tokenizer is given the whole text, and also the words of the text one by one.
    """
    piece_tokenizer = tokenizer_for_pieces(tokenizer)
    if piece_tokenizer.normalizer.normalize_str("a") != "a":
        return "a"
    for text in PROBE_TEXTS:
        ids = original.encode(text, add_special_tokens=False).ids
        by_word = [piece_tokenizer.encode(" " + word, add_special_tokens=False).ids for word in text.split()]
        if not ids == tokenizer.encode(text, add_special_tokens=False).ids == list(chain.from_iterable(by_word)):
            return text
    return None
