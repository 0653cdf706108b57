"""A passage refuses spans that are not in its text."""

from __future__ import annotations

import pytest

from pipeline.dataset.sentences import Span
from pipeline.inference.passage import EntitySpan, Passage

TEXT = "Taro saw\nKeio  Spa."


@pytest.mark.parametrize(
    ("mentions", "message"),
    [
        ([(0, 20)], r"the mention \(0, 20\) is outside the text, which has 19 characters"),
        ([(-1, 2)], r"the mention \(-1, 2\) is outside the text"),
        ([(4, 3)], r"the mention \(4, 3\) is outside the text"),
        ([(3, 3)], r"the mention \(3, 3\) has no visible character: ''"),
        ([(13, 15)], r"the mention \(13, 15\) has no visible character: '  '"),
        ([(0, 4), (3, 8)], r"the mention \(3, 8\) overlaps or precedes \(0, 4\)"),
        ([(5, 8), (0, 4)], r"the mention \(0, 4\) overlaps or precedes \(5, 8\)"),
        ([(5, 13)], r"the mention \(5, 13\) crosses a line break: 'saw\\nKeio'"),
    ],
)
def test_a_mention_that_cannot_be_used_is_refused_with_its_values(mentions: list[Span], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Passage(TEXT, tuple(EntitySpan(*span) for span in mentions))


@pytest.mark.parametrize(
    ("hidden", "message"),
    [
        ([(15, 99)], r"the hidden word \(15, 99\) is outside the text"),
        ([(8, 9)], r"the hidden word \(8, 9\) has no visible character"),
        ([(0, 2), (1, 4)], r"the hidden word \(1, 4\) overlaps or precedes \(0, 2\)"),
        ([(5, 11)], r"the hidden word \(5, 11\) is only partly inside the mention \(9, 13\)"),
    ],
)
def test_a_hidden_word_that_cannot_be_used_is_refused_with_its_values(hidden: list[Span], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Passage(TEXT, (EntitySpan(9, 13),), tuple(hidden))


def test_spans_may_touch_and_hidden_words_may_be_inside_a_mention() -> None:
    passage = Passage(TEXT, (EntitySpan(0, 2), EntitySpan(2, 4), EntitySpan(9, 18)), ((2, 4), (9, 13), (15, 18)))
    assert len(passage.mentions) == 3
