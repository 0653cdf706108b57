"""Segments: where a sentence is cut, and the ids that come of it."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from pipeline.dataset.encode import encoder
from pipeline.dataset.sentences import sentence_spans
from pipeline.dataset.tokens import Encode, Encoded, Mention, cut, tokenized, usable_mentions
from pipeline.vocab import words
from pipeline.vocab.pretrained_tokenizer import adopt
from tests.dataset.rows import Sentence, one_by_one
from tests.dataset.tiny_words import BYTE, DOGS, HE, NA, PAREN, SAW, TO, tiny_words
from tests.vocab.corpus_files import unmarked
from tests.vocab.tiny_unigram import tiny_unigram

ROBERTA = Path(__file__).parents[3] / "shared" / "data" / "roberta-base"
needs_roberta = pytest.mark.skipif(not ROBERTA.is_dir(), reason=f"roberta-base's tokenizer is not in {ROBERTA}")


def characters(pieces: list[str]) -> Encoded:
    """A tokenizer of one token a character."""
    edges = np.cumsum([0, *map(len, pieces)], dtype=np.int64)
    return np.array([ord(character) for piece in pieces for character in piece], dtype=np.int32), edges


def parsed(marked: str) -> tuple[str, list[Mention]]:
    """Text with [[mentions]], whose entities are numbered from 10."""
    text, links = unmarked(marked)
    return text, [Mention(start, end, 10 + number) for number, (start, end, _) in enumerate(links)]


def sentences(marked: str, encode: Encode, max_mention: int = 30) -> tuple[list[Sentence], Counter[str]]:
    counts: Counter[str] = Counter()
    text, links = parsed(marked)
    mentions = usable_mentions(text, links, counts)
    spans = sentence_spans(text, "en", [(mention.start, mention.end) for mention in mentions])
    page = tokenized(text, spans, mentions, encode, max_mention=max_mention, counts=counts)
    return one_by_one(page), +counts


@pytest.mark.parametrize(
    ("marked", "pieces"),
    [
        ("He saw [[dogs]].", [" He saw", " [dogs]", "."]),
        ("([[NATO]])", [" (", "[NATO]", ")"]),
        ("A [[dogs|dogs]] b", [" A", " [dogs]", " b"]),
        ("[[Dogs]] bark", [" [Dogs]", " bark"]),
        ("[[A]][[B]] [[C]]", [" [A]", "[B]", " [C]"]),
        ("a\u00a0[[b]]", [" a\u00a0", "[b]"]),  # only a space moves
        ("a  [[b]]", [" a ", " [b]"]),
        ("x [[ y ]] z", [" x ", " [y]", "  z"]),  # white space is no part of a mention
        ("plain", [" plain"]),
    ],
)
def test_pieces(marked: str, pieces: list[str]) -> None:
    text, links = parsed(marked)
    mentions = usable_mentions(text, links, Counter())
    found, places = cut(text, (0, len(text)), mentions)
    shown = [
        piece.replace(piece.strip(), f"[{piece.strip()}]") if place in places else piece
        for place, piece in enumerate(found)
    ]
    assert shown == pieces


def test_ids_in_a_tiny_vocabulary(tmp_path: Path) -> None:
    encode = encoder(tiny_words(tmp_path).tokenizer)
    assert sentences("he saw [[dogs]].", encode)[0] == [Sentence([HE, SAW, DOGS, BYTE["."]], [10], [(2, 3)])]
    assert sentences("([[NATO]])", encode)[0] == [Sentence([PAREN, NA, TO, BYTE[")"]], [10], [(1, 3)])]
    # A token never straddles a border: without the link this is (NA, TO) and with it N, A, TO
    assert sentences("([[N]]ATO)", encode)[0] == [
        Sentence([PAREN, BYTE["N"], BYTE["A"], TO, BYTE[")"]], [10], [(1, 2)])
    ]


@needs_roberta
def test_ids_in_roberta_base(tmp_path: Path) -> None:
    words.save(adopt(ROBERTA), tmp_path)
    encode = encoder(words.load(tmp_path).tokenizer)
    # ĠHe Ġsaw Ġdogs .
    assert sentences("He saw [[dogs]].", encode)[0] == [Sentence([91, 794, 3678, 4], [10], [(2, 3)])]
    # Ġ( NAT O )
    assert sentences("([[NATO]])", encode)[0] == [Sentence([36, 28693, 673, 43], [10], [(1, 3)])]
    # "[[dog]]s" reaches this stage as one mention: Ġdogs
    assert sentences("The [[dog|dogs]] bark", encode)[0] == [Sentence([20, 3678, 28847], [10], [(1, 2)])]


@pytest.mark.parametrize(
    ("marked", "tokens", "span"),
    [
        ("He saw [[dogs]].", "▁He ▁saw ▁dogs .", (2, 3)),
        ("He saw ([[NATO]])", "▁He ▁saw ▁( NA TO )", (3, 5)),
        ("[[N]]ATO dogs", "▁ N <unk> TO ▁dogs", (0, 2)),  # the space that a sentence begins with is the mention's
        ("日本の[[首都]]は東京。", "▁日本 の 首都 は 東京 。", (2, 3)),
        ("[[東京]]は首都。", "▁ 東京 は 首都 。", (0, 2)),
        ("ไทย[[ประเทศ]]ไทย", "▁ไทย ประเทศ ไทย", (1, 2)),
        ("Die [[Donaudampfschiff]]s", "▁Die ▁Donau dampf schiff s", (1, 4)),
    ],
)
def test_ids_in_a_sentencepiece_vocabulary(tmp_path: Path, marked: str, tokens: str, span: tuple[int, int]) -> None:
    vocab = tiny_unigram(tmp_path)
    [sentence] = sentences(marked, encoder(vocab.tokenizer))[0]
    ids = vocab.tokenizer.get_vocab()
    assert sentence.word_ids == [ids[token] for token in tokens.split()]
    assert sentence.entity_spans == [span]


def test_every_mention_decodes_back() -> None:
    marked = "The [[dog]] (a [[wolf]]'s kin) barks! [[Cats]] do not.\n[[Mice]], [[rats]]\nNothing here.\n"
    found, counts = sentences(marked, characters)
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
    found, counts = sentences("A [[ ]] b [[]] c [[two\nlines]] d [[longer]] [[short]].\n", characters, max_mention=6)
    assert [sentence.entity_ids for sentence in found] == [[], [14]]
    assert counts == {
        "links.seen": 5,
        "links.dropped.blank_mention": 2,
        "links.dropped.across_paragraphs": 1,
        "links.dropped.long_mention": 1,
    }


def test_no_text_no_sentence() -> None:
    assert sentences("", characters) == ([], Counter({"links.seen": 0}))


def test_a_mention_without_tokens_is_counted() -> None:
    found, counts = sentences(
        "a [[b]] c", lambda pieces: characters(["" if "b" in piece else "\1" for piece in pieces])
    )
    assert found == [Sentence([1, 1], [], [])]
    assert counts["links.dropped.no_token"] == 1


@pytest.mark.parametrize("links", [[(2, 4), (3, 5)], [(4, 5), (0, 1)], [(0, 99)], [(3, 2)]])
def test_spans_that_cannot_be_are_our_own_mistake(links: list[tuple[int, int]]) -> None:
    with pytest.raises(ValueError, match="in a text of 6 characters"):
        usable_mentions("abcdef", [Mention(start, end, 1) for start, end in links], Counter())
