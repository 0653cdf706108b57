"""Text of one's own: one line of JSON -> one Article, or what is wrong with it. Pure.

    {"id": "7", "title": "Keeper", "text": "He lit the lamp.", "links": [{"start": 11, "end": 15, "title": "Lamp"}]}

Nothing is guessed and nothing repaired: a field that is missing, unknown or of another type, a span that is not in the
text, overlaps the one before it or covers no word is `Wrong`, with the value found and what is allowed; so is a key
that stands twice, of which JSON's readers take the last. What is taken is taken as it stands, save two things that move
no span: titles and ids lose the white space at their ends, and a text that does not end in a newline gets one, as the
corpus has paragraphs. Some 26 MB of lines a second of one core.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from pipeline.records import SECOND_MASK, SPECIAL_ENTITIES, Article, Link

REQUIRED: Mapping[str, tuple[type, ...]] = {"id": (str, int), "title": (str,), "text": (str,), "links": (list,)}
OPTIONAL: Mapping[str, tuple[type, ...]] = {"url": (str,), "is_disambiguation": (bool,)}
OF_A_LINK: Mapping[str, tuple[type, ...]] = {"start": (int,), "end": (int,), "title": (str,)}
NAMES = {str: "a string", int: "an integer", bool: "true or false", list: "a list", dict: "an object"}
RESERVED = frozenset({*SPECIAL_ENTITIES, SECOND_MASK})
"""What the vocabulary and the exported tokenizer call entities of their own."""
SURROGATE = re.compile("[\ud800-\udfff]")
SHOWN = 40
"""Characters of a wrong value that are told."""


class Wrong(ValueError):
    """Why a line is refused."""


def object_of(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object from its keys and values."""
    value = dict(pairs)
    if len(value) < len(pairs):
        keys = [key for key, _ in pairs]
        raise Wrong(f"the key {shown(next(key for key in keys if keys.count(key) > 1))} stands twice in one object")
    return value


def article_of(line: bytes) -> Article:
    """Read a line.

    Raises:
        Wrong: it is no article.
    """
    try:
        text = line.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Wrong(f"byte {error.start} of the line is no UTF-8 ({error.reason}); only UTF-8 is read") from None
    try:
        value = json.loads(text, object_pairs_hook=object_of)
    except Wrong:
        raise
    except json.JSONDecodeError as error:
        raise Wrong(f"no JSON: {error.msg} at character {error.pos} of the line") from None
    except (ValueError, RecursionError) as error:
        raise Wrong(f"no JSON that can be read: {error}") from None
    fields = checked(value, REQUIRED, OPTIONAL, "the line")
    text = fields["text"]
    sound(text, "text")
    if not text.endswith("\n"):
        text += "\n"
    page_id = str(fields["id"]).strip()
    sound(page_id, "id")
    if not page_id:
        raise Wrong("id is empty: every line needs one of its own")
    url = fields.get("url", "")
    sound(url, "url")
    return Article(
        id=page_id,
        revision="",
        url=url,
        title=title_of(fields["title"], "title"),
        text=text,
        links=links_of(fields["links"], fields["text"]),
        lead_end=len(text),
        is_disambiguation=fields.get("is_disambiguation", False),
    )


def links_of(values: list[Any], text: str) -> tuple[Link, ...]:
    """The links, each after the one before it and on words of one paragraph."""
    links: list[Link] = []
    before = 0
    for number, value in enumerate(values):
        place = f"links[{number}]"
        fields = checked(value, OF_A_LINK, {}, place)
        start, end = fields["start"], fields["end"]
        span = f"{place}: start {start}, end {end}"
        if not 0 <= start <= end <= len(text):
            raise Wrong(f"{span} in a text of {len(text)} characters: 0 <= start < end <= {len(text)} is needed")
        if start < before:
            raise Wrong(f"{span}, but links[{number - 1}] ends at {before}: links stand in text order, none on another")
        mention = text[start:end]
        if not mention.strip():
            raise Wrong(f"{span} is {shown(mention)}: a mention needs a character that is no white space")
        if "\n" in mention.strip():
            raise Wrong(f"{span} is {shown(mention)}: a mention cannot cross the end of a paragraph, \\n")
        links.append(Link(start, end, title_of(fields["title"], f"{place}.title")))
        before = end
    return tuple(links)


def checked(
    value: Any, required: Mapping[str, tuple[type, ...]], optional: Mapping[str, tuple[type, ...]], place: str
) -> dict[str, Any]:
    """The value as an object of these fields and no others, each of its type."""
    if type(value) is not dict:
        raise Wrong(f"{place} is {kind(value)}, not an object with {', '.join(required)}")
    if not value.keys() >= required.keys():
        missing = [name for name in required if name not in value]
        raise Wrong(f"{place} has no {', '.join(missing)}; its fields: {', '.join(map(shown, value)) or 'none'}")
    inside = "" if place == "the line" else f"{place}."
    for name, part in value.items():
        kinds = required.get(name) or optional.get(name)
        if kinds is None:
            raise Wrong(f"{place} has the field {shown(name)}; allowed are {', '.join([*required, *optional])}")
        if type(part) not in kinds:  # not isinstance: True would be an integer
            raise Wrong(f"{inside}{name} is {kind(part)}, not {' or '.join(NAMES[each] for each in kinds)}")
    return value


def title_of(raw: str, place: str) -> str:
    title = raw.strip()
    sound(title, place)
    if not title:
        raise Wrong(f"{place} is {shown(raw)}: a title needs a character that is no white space")
    if len(title.splitlines()) > 1:
        raise Wrong(f"{place} is {shown(title)}: a title is one line")
    if title in RESERVED:
        raise Wrong(f"{place} is {title}, which is reserved, as are {', '.join(sorted(RESERVED - {title}))}")
    return title


def sound(text: str, place: str) -> None:
    """Refuse half of a surrogate pair: JSON can write it, UTF-8 and so the corpus cannot."""
    if not text.isascii() and (half := SURROGATE.search(text)):
        raise Wrong(f"{place} holds \\u{ord(half[0]):04x} at character {half.start()}: half of a surrogate pair")


def kind(value: Any) -> str:
    if value is None:
        return "null"
    name = NAMES.get(type(value), "a number")
    return f"{name} ({shown(value)})" if isinstance(value, (str, int, float)) else name


def shown(value: object) -> str:
    """A value as JSON, cut."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    text = text if len(text) <= SHOWN else text[:SHOWN] + "..."
    return text.encode("utf-8", "backslashreplace").decode()
