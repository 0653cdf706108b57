"""Parsing of one JSON line: values that are kept as they are, and the message for each invalid line."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pipeline.corpus.jsonl.lines import InvalidLine, parse_line
from pipeline.records import Article, Link

GOOD: dict[str, Any] = {
    "id": "7",
    "title": "Keeper",
    "text": "He lit the lamp.\nThen he left.",
    "links": [{"start": 11, "end": 15, "title": "Lamp"}],
}


def line(**changed: Any) -> bytes:
    return json.dumps({**GOOD, **changed}).encode()


def link(start: object, end: object, title: object = "Lamp") -> dict[str, object]:
    return {"start": start, "end": end, "title": title}


def test_an_article() -> None:
    assert parse_line(line()) == Article(
        id="7",
        revision="",
        url="",
        title="Keeper",
        text="He lit the lamp.\nThen he left.\n",
        links=(Link(11, 15, "Lamp"),),
        lead_end=31,
        is_disambiguation=False,
    )


def test_titles_are_stripped_and_otherwise_kept() -> None:
    article = parse_line(line(id=12, title=" kEEPER_of: x#1  y\t", links=[link(11, 15, "\u00a0drug:aspirin_ ")]))
    assert (article.id, article.title, article.links[0].title) == ("12", "kEEPER_of: x#1  y", "drug:aspirin_")


def test_text_keeps_every_character_and_gets_one_newline_at_most() -> None:
    text = "\r\n  two  spaces\t\u2028 吉🦊 e\u0301 \n\n"
    assert parse_line(line(text=text, links=[])).text == text
    assert parse_line(line(text="", links=[])).text == "\n"


def test_spans_count_code_points() -> None:
    article = parse_line('{"id":"1","title":"x","text":"吉🦊 fox","links":[{"start":1,"end":2,"title":"F"}]}'.encode())
    assert [article.text[link.start : link.end] for link in article.links] == ["🦊"]


def test_optional_fields() -> None:
    article = parse_line(line(url="https://example.org/7", is_disambiguation=True))
    assert (article.url, article.is_disambiguation) == ("https://example.org/7", True)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"{", "the line is not valid JSON: Expecting property name enclosed in double quotes at character 1"),
        (b"\xef\xbb\xbf" + line(), "the line is not valid JSON: Unexpected UTF-8 BOM"),
        (b'{"id": "\xff"}', "the line is not valid UTF-8 at byte 8 (invalid start byte)"),
        (b"[" * 100_000, "the JSON of the line cannot be parsed: "),
        (b'{"id": "1", "title": "x", "id": "2"}', 'the key "id" occurs twice in one object'),
        (line().replace(b'"end"', b'"start"'), 'the key "start" occurs twice in one object'),
        (b"[1]", "the line is a list, not an object with id, title, text, links"),
        (b"null", "the line is null, not an object with"),
        (b'{"id": "1", "text": ""}', 'the line has no title, links; its fields: "id", "text"'),
        (line(link=[]), 'the line has the unknown field "link"; allowed are id, title, text, links, url, is_disamb'),
        (line(id=1.5), "id is a number (1.5), not a string or an integer"),
        (line(id=True), "id is true or false (true), not a string or an integer"),
        (line(id=" "), "id is empty"),
        (line(text=None), "text is null, not a string"),
        (line(links={}), "links is an object, not a list"),
        (line(title=" \n"), r'title is " \n"; a title must not be empty'),
        (line(title="a\nb"), r'title is "a\nb"; a title must be a single line'),
        (line(links=[link(11, 15, "a\u2028b")]), 'links[0].title is "a\u2028b"; a title must be a single line'),
        (line(title="[MASK]"), "title is [MASK]; reserved titles are [MASK2], [MASK], [PAD], [UNK]"),
        (line(text="a\ud800"), r"text contains \ud800 at character 1: half of a surrogate pair"),
        (line(title="\udc00"), r"title contains \udc00 at character 0"),
        (line(links=[link(11, 15), 3]), "links[1] is an integer (3), not an object with start, end, title"),
        (line(links=[{"start": 1, "end": 2}]), 'links[0] has no title; its fields: "start", "end"'),
        (line(links=[{**link(1, 2), "x": 1}]), 'links[0] has the unknown field "x"; allowed are start, end, title'),
        (line(links=[link("1", 2)]), 'links[0].start is a string ("1"), not an integer'),
        (line(links=[link(1, 2.0)]), "links[0].end is a number (2.0), not an integer"),
        (line(links=[link(True, 2)]), "links[0].start is true or false (true), not an integer"),
        (line(links=[link(1, 2, "")]), 'links[0].title is ""; a title must not be empty'),
        (line(links=[link(1, 2, "[PAD]")]), "links[0].title is [PAD]; reserved titles are"),
        (
            line(links=[link(-1, 2)]),
            "links[0]: start -1, end 2: must satisfy 0 <= start < end <= 30, the length of the text",
        ),
        (line(links=[link(25, 31)]), "links[0]: start 25, end 31: must satisfy 0 <= start < end <= 30"),
        (line(links=[link(5, 4)]), "links[0]: start 5, end 4: must satisfy 0 <= start < end <= 30"),
        (line(links=[link(4, 4)]), 'links[0]: start 4, end 4 is ""; a mention must not be white space only'),
        (line(links=[link(2, 3)]), 'links[0]: start 2, end 3 is " "; a mention must not be white space only'),
        (line(links=[link(11, 21)]), r'links[0]: start 11, end 21 is "lamp.\nThen"; a mention must not contain a line'),
        (line(links=[link(11, 15), link(14, 15)]), "links[1]: start 14, end 15: links[0] ends at 15; links must be in"),
        (line(links=[link(11, 15), link(0, 2)]), "links[1]: start 0, end 2: links[0] ends at 15; links must be in"),
    ],
)
def test_invalid_lines(data: bytes, message: str) -> None:
    with pytest.raises(InvalidLine) as refused:
        parse_line(data)
    assert str(refused.value).startswith(message)


def test_a_long_value_is_cut() -> None:
    with pytest.raises(InvalidLine, match=r'^links is a string \("x{39}\.\.\.\), not a list$'):
        parse_line(line(links="x" * 1000))
