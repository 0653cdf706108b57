"""Tokenizing a page: the pieces of its sentences, their ids, and the spans of the mentions."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from pipeline.dataset.encode import make_encoder
from pipeline.dataset.sentences import sentence_spans
from pipeline.dataset.tokens import (
    EncodedPieces,
    Mention,
    PieceEncoder,
    cut_at_mentions,
    tokenize_page,
    usable_mentions,
)
from pipeline.vocab import words
from pipeline.vocab.pretrained_tokenizer import load_pretrained_tokenizer
from tests.dataset.sentence_rows import Sentence, split_sentences
from tests.dataset.tiny_bpe import BYTE, DOGS, HE, NA, PAREN, SAW, TO, tiny_bpe_vocab
from tests.helpers.corpus_files import parse_marked_links
from tests.helpers.tiny_unigram import tiny_unigram_vocab

ROBERTA = Path(__file__).parents[3] / "shared" / "data" / "roberta-base"
needs_roberta = pytest.mark.skipif(not ROBERTA.is_dir(), reason=f"roberta-base's tokenizer is not in {ROBERTA}")


def encode_characters(pieces: list[str]) -> EncodedPieces:
    """Encode each character as one token, its code point."""
    edges = np.cumsum([0, *map(len, pieces)], dtype=np.int64)
    return np.array([ord(character) for piece in pieces for character in piece], dtype=np.int32), edges


def parse_marked_mentions(marked: str) -> tuple[str, list[Mention]]:
    """Return a text with [[mentions]] as text and mentions, with entities numbered from 10."""
    text, links = parse_marked_links(marked)
    return text, [Mention(start, end, 10 + number) for number, (start, end, _) in enumerate(links)]


def sentences(marked: str, encode: PieceEncoder, max_mention: int = 30) -> tuple[list[Sentence], Counter[str]]:
    counts: Counter[str] = Counter()
    text, links = parse_marked_mentions(marked)
    mentions = usable_mentions(text, links, counts)
    spans = sentence_spans(text, "en", [(mention.start, mention.end) for mention in mentions])
    page = tokenize_page(text, spans, mentions, encode, max_mention_length=max_mention, counts=counts)
    return split_sentences(page), +counts


@pytest.mark.parametrize(
    ("marked", "pieces"),
    [
        ("He saw [[dogs]].", [" He saw", " [dogs]", "."]),
        ("([[NATO]])", [" (", "[NATO]", ")"]),
        ("A [[dogs|dogs]] b", [" A", " [dogs]", " b"]),
        ("[[Dogs]] bark", [" [Dogs]", " bark"]),
        ("[[A]][[B]] [[C]]", [" [A]", "[B]", " [C]"]),
        ("a\u00a0[[b]]", [" a\u00a0", "[b]"]),  # only a plain space joins the next piece
        ("a  [[b]]", [" a ", " [b]"]),
        ("x [[ y ]] z", [" x ", " [y]", "  z"]),  # white space is not part of a mention
        ("plain", [" plain"]),
    ],
)
def test_pieces(marked: str, pieces: list[str]) -> None:
    text, links = parse_marked_mentions(marked)
    mentions = usable_mentions(text, links, Counter())
    found, places = cut_at_mentions(text, (0, len(text)), mentions)
    shown = [
        piece.replace(piece.strip(), f"[{piece.strip()}]") if place in places else piece
        for place, piece in enumerate(found)
    ]
    assert shown == pieces


def test_ids_in_a_tiny_vocabulary(tmp_path: Path) -> None:
    encode = make_encoder(tiny_bpe_vocab(tmp_path).tokenizer)
    assert sentences("he saw [[dogs]].", encode)[0] == [Sentence([HE, SAW, DOGS, BYTE["."]], [10], [(2, 3)])]
    assert sentences("([[NATO]])", encode)[0] == [Sentence([PAREN, NA, TO, BYTE[")"]], [10], [(1, 3)])]
    # no token straddles a border: without the link the tokens are (NA, TO), with it N, A, TO
    assert sentences("([[N]]ATO)", encode)[0] == [
        Sentence([PAREN, BYTE["N"], BYTE["A"], TO, BYTE[")"]], [10], [(1, 2)])
    ]


@needs_roberta
def test_ids_in_roberta_base(tmp_path: Path) -> None:
    words.save_tokenizer(load_pretrained_tokenizer(ROBERTA), tmp_path)
    encode = make_encoder(words.load_word_vocab(tmp_path).tokenizer)
    # ĠHe Ġsaw Ġdogs .
    assert sentences("He saw [[dogs]].", encode)[0] == [Sentence([91, 794, 3678, 4], [10], [(2, 3)])]
    # Ġ( NAT O )
    assert sentences("([[NATO]])", encode)[0] == [Sentence([36, 28693, 673, 43], [10], [(1, 3)])]
    # the corpus turns "[[dog]]s" into one mention: Ġdogs
    assert sentences("The [[dog|dogs]] bark", encode)[0] == [Sentence([20, 3678, 28847], [10], [(1, 2)])]


@pytest.mark.parametrize(
    ("marked", "tokens", "span"),
    [
        ("He saw [[dogs]].", "▁He ▁saw ▁dogs .", (2, 3)),
        ("He saw ([[NATO]])", "▁He ▁saw ▁( NA TO )", (3, 5)),
        ("[[N]]ATO dogs", "▁ N <unk> TO ▁dogs", (0, 2)),  # the space before the sentence belongs to the mention
        ("日本の[[首都]]は東京。", "▁日本 の 首都 は 東京 。", (2, 3)),
        ("[[東京]]は首都。", "▁ 東京 は 首都 。", (0, 2)),
        ("ไทย[[ประเทศ]]ไทย", "▁ไทย ประเทศ ไทย", (1, 2)),
        ("Die [[Donaudampfschiff]]s", "▁Die ▁Donau dampf schiff s", (1, 4)),
    ],
)
def test_ids_in_a_sentencepiece_vocabulary(tmp_path: Path, marked: str, tokens: str, span: tuple[int, int]) -> None:
    vocab = tiny_unigram_vocab(tmp_path)
    [sentence] = sentences(marked, make_encoder(vocab.tokenizer))[0]
    ids = vocab.tokenizer.get_vocab()
    assert sentence.word_ids == [ids[token] for token in tokens.split()]
    assert sentence.entity_spans == [span]


def test_the_tokens_of_every_mention_are_its_text() -> None:
    marked = "The [[dog]] (a [[wolf]]'s kin) barks! [[Cats]] do not.\n[[Mice]], [[rats]]\nNothing here.\n"
    found, counts = sentences(marked, encode_characters)
    assert ["".join(map(chr, sentence.word_ids)) for sentence in found] == [
        " The dog (a wolf's kin) barks!",
        " Cats do not.",
        " Mice, rats",
        " Nothing here.",
    ]
    mentions = [
        "".join(map(chr, sentence.word_ids[start:end])) for sentence in found for start, end in sentence.entity_spans
    ]
    assert mentions == [" dog", " wolf", " Cats", " Mice", " rats"]
    assert [entity for sentence in found for entity in sentence.entity_ids] == [10, 11, 12, 13, 14]
    assert counts == {"links.seen": 5}


def test_lost_links_are_counted_by_reason() -> None:
    found, counts = sentences(
        "A [[ ]] b [[]] c [[two\nlines]] d [[longer]] [[short]].\n", encode_characters, max_mention=6
    )
    assert [sentence.entity_ids for sentence in found] == [[], [14]]
    assert counts == {
        "links.seen": 5,
        "links.dropped.blank_mention": 2,
        "links.dropped.across_paragraphs": 1,
        "links.dropped.long_mention": 1,
    }


def test_an_empty_text_has_no_sentence() -> None:
    assert sentences("", encode_characters) == ([], Counter({"links.seen": 0}))


def test_a_mention_without_tokens_is_counted() -> None:
    found, counts = sentences(
        "a [[b]] c", lambda pieces: encode_characters(["" if "b" in piece else "\1" for piece in pieces])
    )
    assert found == [Sentence([1, 1], [], [])]
    assert counts["links.dropped.no_token"] == 1


@pytest.mark.parametrize("links", [[(2, 4), (3, 5)], [(4, 5), (0, 1)], [(0, 99)], [(3, 2)]])
def test_overlapping_or_unordered_links_are_an_error(links: list[tuple[int, int]]) -> None:
    with pytest.raises(ValueError, match="in a text of 6 characters"):
        usable_mentions("abcdef", [Mention(start, end, 1) for start, end in links], Counter())
