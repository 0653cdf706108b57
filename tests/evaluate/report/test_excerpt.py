"""The excerpt of a masked example: what is hidden, replaced or marked, and where it is cut."""

from __future__ import annotations

import pytest

from pipeline.evaluate.report.excerpt import MaskedTokens, Segment, cut_excerpt
from pipeline.vocab.words import WordVocab
from tests.helpers.tiny_unigram import tiny_unigram_vocab

BOS, EOS, MASK = 0, 2, 41
HE, SAW, DOGS, DOT, TOKYO, JAPAN, NO, CAPITAL = 5, 6, 7, 10, 16, 17, 20, 21


@pytest.fixture(scope="module")
def words(tmp_path_factory: pytest.TempPathFactory) -> WordVocab:
    """Return a SentencePiece vocabulary."""
    return tiny_unigram_vocab(tmp_path_factory.mktemp("unigram"))


def test_a_hidden_a_replaced_and_a_kept_word(words):
    tokens = MaskedTokens((BOS, HE, MASK, MASK, DOGS, DOT, EOS), {2: SAW, 3: NO, 4: TOKYO, 5: DOT})
    assert cut_excerpt(tokens, None, {3: 1}, words) == (
        Segment(" He", "text", False),
        Segment("", "mask", False),
        Segment("", "mask", False, 1),
        Segment(" dogs", "random", False),  # masking has put it in the place of another word
        Segment(".", "text", False),  # masked, but kept
    )


def test_the_mention_is_marked_and_each_hidden_token_is_a_segment(words):
    tokens = MaskedTokens((BOS, TOKYO, NO, CAPITAL, MASK, MASK, DOT, EOS), {4: SAW, 5: DOGS})
    assert cut_excerpt(tokens, (2, 5), {2: 1, 5: 2}, words) == (
        Segment("東京", "text", False),
        Segment("の首都", "text", True, 1),
        Segment("", "mask", True),
        Segment("", "mask", False, 2),
        Segment(".", "text", False),
    )


def test_a_long_example_is_cut_around_the_mention(words):
    tokens = MaskedTokens((BOS, *[HE] * 50, JAPAN, *[SAW] * 50, EOS), {})
    before, mention, after = cut_excerpt(tokens, (51, 52), {51: 1}, words)
    assert before.text == "\u2026" + " He" * 32
    assert mention.text == " 日本"
    assert after.text == " saw" * 32 + "\u2026"


def test_without_a_mention_it_is_the_beginning(words):
    tokens = MaskedTokens((BOS, *[HE] * 100, EOS), {})
    [segment] = cut_excerpt(tokens, None, {}, words)
    assert segment.text == " He" * 63 + "\u2026"
