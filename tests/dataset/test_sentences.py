"""Sentence spans: literal ones, and what must hold of any text."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from itertools import pairwise

import pytest

from pipeline.dataset.sentences import Span, sentence_spans


def sentences(text: str, mentions: Sequence[Span] = (), language: str = "en") -> list[str]:
    return [text[start:end] for start, end in sentence_spans(text, language, mentions)]


def test_literal_spans_in_code_points() -> None:
    text = "𝒳 is Dr. Smith's.  It grew.\nDogs bark\n\n Ok. \n"
    assert sentence_spans(text, "en", []) == [(0, 17), (19, 27), (28, 37), (40, 43)]
    assert sentences(text) == ["𝒳 is Dr. Smith's.", "It grew.", "Dogs bark", "Ok."]


def test_a_paragraph_ends_a_sentence_and_nothing_crosses_it() -> None:
    assert sentences("No stop here\nand no capital there\n") == ["No stop here", "and no capital there"]


def test_japanese() -> None:
    assert sentences("東京は首都。大阪は都市。\n", language="ja") == ["東京は首都。", "大阪は都市。"]


def test_a_boundary_inside_a_mention_is_healed() -> None:
    text = "He left. They saw Who? Me! Again and again. It was good."
    start = text.index("Who")
    mention = (start, start + len("Who? Me! Again"))
    assert sentences(text) == ["He left.", "They saw Who?", "Me!", "Again and again.", "It was good."]
    assert sentences(text, [mention]) == ["He left.", "They saw Who? Me! Again and again.", "It was good."]
    # A mention may begin or end where a sentence does
    assert sentences(text, [(0, 8), (9, 22)]) == sentences(text)


def test_a_no_break_space_after_a_lone_letter_is_no_crash() -> None:
    """sentencex 1.0.32 panics on this as it is."""
    assert sentences("Le plan B\u00a0. Non. Oui.") == ["Le plan B\u00a0. Non.", "Oui."]


def test_a_panic_of_the_library_leaves_the_line_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.dataset.sentences.NO_PLAIN_SPACE", re.compile("never"))
    assert sentences("One. Two.\nLe plan B\u00a0. Non. Oui.\n") == ["One.", "Two.", "Le plan B\u00a0. Non. Oui."]


@pytest.mark.parametrize("text", ["", "\n", " \n\n \n", "\u00a0\n"])
def test_nothing_but_space_has_no_sentence(text: str) -> None:
    assert sentence_spans(text, "en", []) == []


@pytest.mark.parametrize("language", ["en", "ja", "th", "simple", "zh-min-nan", "xx"])
def test_any_text_is_covered_and_no_mention_is_cut(language: str) -> None:
    generator = random.Random(7)
    alphabet = [
        "a",
        "B",
        ". ",
        "!",
        "? ",
        " ",
        "  ",
        "\n",
        "。",
        "「",
        "」",
        "é",
        "𠀀",
        "Dr. ",
        "J. R. ",
        "\u00a0",
        "...",
        '"',
    ]
    for _ in range(300):
        text = "".join(generator.choice(alphabet) for _ in range(generator.randrange(60)))
        cuts = sorted(generator.sample(range(len(text) + 1), k=min(len(text) + 1, 6)))
        mentions = [span for span in zip(cuts[::2], cuts[1::2], strict=False) if "\n" not in text[slice(*span)]]
        mentions = [span for span in mentions if text[slice(*span)].strip() == text[slice(*span)]]
        spans = sentence_spans(text, language, mentions)
        covered = {position for start, end in spans for position in range(start, end)}
        assert all(earlier[1] <= later[0] for earlier, later in pairwise(spans))
        assert all(position in covered for position, character in enumerate(text) if not character.isspace())
        assert all(text[start:end].strip() == text[start:end] and "\n" not in text[start:end] for start, end in spans)
        assert all(any(start <= a and b <= end for start, end in spans) for a, b in mentions if b > a)
