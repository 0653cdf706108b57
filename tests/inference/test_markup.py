"""The markup of make predict: marked text to text with spans, and the messages about wrong marks."""

from __future__ import annotations

import pytest

from pipeline.errors import PipelineError
from pipeline.inference.markup import parse_markup
from pipeline.inference.passage import EntitySpan, Passage


@pytest.mark.parametrize(
    ("marked", "passage"),
    [
        ("He left.", Passage("He left.")),
        ("At [[Keio]].", Passage("At Keio.", (EntitySpan(3, 7),))),
        ("[[慶應]]は[[東京]]", Passage("慶應は東京", (EntitySpan(0, 2), EntitySpan(3, 5)))),
        ("😀[[a]][[b]]", Passage("😀ab", (EntitySpan(1, 2), EntitySpan(2, 3)))),
        ("At [[_]].", Passage("At <mask>.", (EntitySpan(3, 9),), ((3, 9),))),
        ("[[_ _]]!", Passage("<mask> <mask>!", (EntitySpan(0, 13),), ((0, 6), (7, 13)))),
        ("a <mask> b", Passage("a <mask> b", (), ((2, 8),))),
        ("[[<mask> Spa]]", Passage("<mask> Spa", (EntitySpan(0, 10),), ((0, 6),))),
        ("[[Keio University|Keio]] x", Passage("Keio x", (EntitySpan(0, 4, "Keio University"),))),
        ("[[ Oslo |_]]", Passage("<mask>", (EntitySpan(0, 6, "Oslo"),), ((0, 6),))),
        ("[[A|b|c]]", Passage("b|c", (EntitySpan(0, 3, "A"),))),
        ("[[snake_case]] _", Passage("snake_case _", (EntitySpan(0, 10),))),  # only a lone _ hides
        ("[x] a|b [[[c]]] ]", Passage("[x] a|b [c] ]", (EntitySpan(9, 10),))),  # as in wikitext
        ("a\n[[b]]\n", Passage("a\nb\n", (EntitySpan(2, 3),))),
    ],
)
def test_the_marks(marked: str, passage: Passage) -> None:
    assert parse_markup(marked) == passage


@pytest.mark.parametrize(
    ("marked", "message"),
    [
        ("Taro [[a", "the [[ at character 6 of the text has no ]] after it: '[[a'"),
        ("Taro a]] b", "the ]] at character 7 of the text has no [[ before it: ']] b'"),
        ("[[a]] b]]", "the ]] at character 8 of the text has no [[ before it: ']]'"),
        (
            "x [[a [[b]] c]]",
            "the [[ at character 7 of the text is inside the mention that begins at character 3, and mentions cannot "
            "be nested: '[[b]] c]]'",
        ),
        ("[[]]", "the [[ at character 1 of the text opens a mention without text or without a title: '[[]]'"),
        ("[[ ]]", "the [[ at character 1 of the text opens a mention without text or without a title: '[[ ]]'"),
        ("[[|x]]", "the [[ at character 1 of the text opens a mention without text or without a title: '[[|x]]'"),
        ("[[X|]]", "the [[ at character 1 of the text opens a mention without text or without a title: '[[X|]]'"),
        ("[[a\nb]]", "the [[ at character 1 of the text opens a mention that crosses a line break: '[[a\\nb]]'"),
        (
            "[[" + "ab" * 30,
            "the [[ at character 1 of the text has no ]] after it: '[[" + "ab" * 19 + "...'",
        ),
    ],
)
def test_a_wrong_mark_is_refused_with_its_position(marked: str, message: str) -> None:
    with pytest.raises(PipelineError) as caught:
        parse_markup(marked)
    assert str(caught.value).splitlines() == [
        message,
        "a mention is written [[Keio University]], a hidden one [[_]], one with a given entity [[Title|mention]]",
    ]
