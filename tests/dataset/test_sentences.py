"""Sentence spans: literal ones, and properties that hold for any text."""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

import pytest

from pipeline.dataset.sentences import Span, sentence_spans, split_long_unspaced


def sentences(text: str, mentions: Sequence[Span] = (), language: str = "en") -> list[str]:
    """Split a text and return its sentences as strings."""
    return [text[start:end] for start, end in sentence_spans(text, language, mentions)]


def test_literal_spans_in_code_points() -> None:
    text = "𝒳 is Dr. Smith's.  It grew.\nDogs bark\n\n Ok. \n"
    assert sentence_spans(text, "en", []) == [(0, 17), (19, 27), (28, 37), (40, 43)]
    assert sentences(text) == ["𝒳 is Dr. Smith's.", "It grew.", "Dogs bark", "Ok."]


def test_no_sentence_crosses_a_newline() -> None:
    assert sentences("No stop here\nand no capital there\n") == ["No stop here", "and no capital there"]


@pytest.mark.parametrize(
    ("language", "parts"),
    [
        ("ja", ["東京は首都。", "「大阪だ。」と言った。", "それは何？", "「すごい！」", "「はい。」"]),
        ("zh", ["北京市，简称“京”，是首都。", "它位于华北平原的北部边缘！", "背靠燕山，有永定河流经？", "他走了。"]),
        ("zh-classical", ["北京者，都也。", "其地大矣。"]),
        ("km", ["ភ្នំពេញ គឺជារាជធានី។", "មានទន្លេ ភ្នំ ។ល។ និងព្រៃ។", "តើអ្នកសុខសប្បាយទេ?"]),
        ("my", ["ရန်ကုန်သည် မြန်မာနိုင်ငံ၏ အကြီးဆုံးမြို့ ဖြစ်သည်။", "ယခင်က မြို့တော် ဖြစ်ခဲ့သည်။"]),
        ("ar", ["القاهرة هي عاصمة مصر.", "هل تعرف ذلك؟", "نعم، إنها كبيرة!"]),
        ("he", ["ירושלים היא עיר הבירה של ישראל.", "האם ידעת?", 'ד"ר כהן נולד בשנת 1950.']),
        ("de", ["Goethe wurde am 28. August 1749 geboren.", "Er war z. B. Dichter.", "Am 3. Mai starb Dr. Müller."]),
        ("als", ["Am 3. Mai isch er z. B. in Basel gsi.", "Das isch alles."]),
        ("hi", ["दिल्ली भारत की राजधानी है।", "यह एक बड़ा शहर है।"]),
        ("ko", ["서울은 수도이다.", "크다!"]),
        ("simple", ["It is by Dr. Smith.", "He left."]),
        ("not a language code", ["It is by Dr. Smith.", "He left."]),
        ("", ["It is by Dr. Smith.", "He left."]),
    ],
)
def test_languages(language: str, parts: list[str]) -> None:
    space = "" if language in ("ja", "zh", "zh-classical") else " "
    assert sentences(space.join(parts) + "\n", language=language) == parts


def test_the_full_stop_of_a_thai_abbreviation_ends_no_sentence() -> None:
    text = "กรุงเทพมหานครมีพื้นที่ทั้งหมด 1,568.737 ตร.กม. มีประชากรกว่า 5 ล้านคน"
    assert sentences(text, language="th") == [text]


def parts(text: str, max_length: int, mentions: Sequence[Span] = ()) -> tuple[list[str], dict[str, int]]:
    """Split a sentence that may be too long; return its parts as strings, and the account."""
    counts: Counter[str] = Counter()
    spans = split_long_unspaced(text, [(0, len(text))], mentions, max_length=max_length, counts=counts)
    return [text[start:end] for start, end in spans], dict(+counts)


def test_a_long_sentence_without_spaces_between_words_is_split_between_phrases() -> None:
    thai = "กรุงเทพ เป็นเมืองหลวง ของประเทศไทย มี 2 ฝั่ง คือ ธนบุรี"
    cut = ["กรุงเทพ เป็นเมืองหลวง", "ของประเทศไทย มี 2 ฝั่ง", "คือ ธนบุรี"]
    assert parts(thai, 25) == (cut, {"sentences.split_long": 1})
    assert parts(thai, len(thai)) == ([thai], {})
    assert parts(thai, len(thai) - 1) == ([thai.removesuffix(" ธนบุรี"), "ธนบุรี"], {"sentences.split_long": 1})
    assert parts("博物館、美術館（一）、歴史館、画廊。", 9)[0] == ["博物館、", "美術館（一）、", "歴史館、画廊。"]


def test_a_long_sentence_is_not_split_inside_a_mention_or_a_word() -> None:
    thai = "กรุงเทพ เป็นเมืองหลวง ของประเทศไทย"
    mention = (8, len(thai))
    assert parts(thai, 10, [mention])[0] == ["กรุงเทพ", "เป็นเมืองหลวง ของประเทศไทย"]
    assert parts(thai, 10, [(0, len(thai))]) == ([thai], {})
    assert parts("東" * 50, 10) == (["東" * 50], {})
    assert parts("東" * 20 + "、" + "京" * 5, 10)[0] == ["東" * 20 + "、", "京" * 5]


def test_a_long_sentence_with_spaces_between_words_stays_whole() -> None:
    text = "A list, of words, with 東京, and more words"
    assert parts(text, 10) == ([text], {})


def test_a_boundary_inside_a_mention_is_ignored() -> None:
    text = "He left. They saw Who? Me! Again and again. It was good."
    start = text.index("Who")
    mention = (start, start + len("Who? Me! Again"))
    assert sentences(text) == ["He left.", "They saw Who?", "Me!", "Again and again.", "It was good."]
    assert sentences(text, [mention]) == ["He left.", "They saw Who? Me! Again and again.", "It was good."]
    # a mention may begin or end at the same place as a sentence
    assert sentences(text, [(0, 8), (9, 22)]) == sentences(text)


def test_a_sentence_may_end_exactly_at_the_end_of_a_mention() -> None:
    text = "彼は東京。次は大阪。"
    assert sentence_spans(text, "ja", []) == [(0, 5), (5, 10)]
    assert sentence_spans(text, "ja", [(2, 5)]) == [(0, 5), (5, 10)]  # the mention 東京。 ends at the boundary
    assert sentence_spans(text, "ja", [(2, 6)]) == [(0, 10)]  # the boundary is inside the mention 東京。次
    assert sentence_spans(text, "ja", [(5, 7)]) == [(0, 5), (5, 10)]  # the mention 次は starts at the boundary


def test_a_no_break_space_after_a_single_letter_does_not_crash() -> None:
    """sentencex 1.0.32 panics on this text when the no-break space is kept."""
    assert sentences("Le plan B\u00a0. Non. Oui.") == ["Le plan B\u00a0. Non.", "Oui."]


def test_a_panic_of_sentencex_leaves_the_line_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.dataset.sentences.OTHER_WHITE_SPACE", re.compile("never"))
    assert sentences("One. Two.\nLe plan B\u00a0. Non. Oui.\n") == ["One.", "Two.", "Le plan B\u00a0. Non. Oui."]


@pytest.mark.parametrize("text", ["", "\n", " \n\n \n", "\u00a0\n"])
def test_white_space_has_no_sentence(text: str) -> None:
    assert sentence_spans(text, "en", []) == []


@pytest.mark.parametrize("language", ["en", "ja", "th", "simple", "zh-min-nan", "xx"])
def test_the_spans_cover_any_text_and_cut_no_mention(language: str) -> None:
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
