"""The parser of the user's own text: one line of JSON -> one Article, or an error. Pure.

    {"id": "7", "title": "Keeper", "text": "He lit the lamp.", "links": [{"start": 11, "end": 15, "title": "Lamp"}]}

Nothing is guessed or repaired. `InvalidLine` is raised, with the value and what is allowed, for

- a field that is missing, unknown or of the wrong type;
- a span that is outside the text, overlaps the previous one, or has only white space;
- a key that occurs twice (JSON parsers would use the last one).

The values are used as they are, with two exceptions, which do not move spans: titles and ids are stripped, and a text
that does not end in a newline gets one, because every paragraph of the corpus does. One core parses about 26 MB/s.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import NotRequired, TypeAlias, TypedDict, cast

from pipeline.records import SECOND_MASK, SPECIAL_ENTITIES, Article, Link
from pipeline.store.files import JsonValue


class LinkObject(TypedDict):
    """The JSON object of a link."""

    start: int
    end: int
    title: str


class LineObject(TypedDict):
    """The JSON object of a line."""

    id: str | int
    title: str
    text: str
    links: Sequence[JsonValue]
    url: NotRequired[str]
    is_disambiguation: NotRequired[bool]


FieldTypes: TypeAlias = Mapping[str, tuple[type, ...]]
"""Name of a field -> types that its value may have."""
REQUIRED_FIELD_TYPES: FieldTypes = {"id": (str, int), "title": (str,), "text": (str,), "links": (list,)}
OPTIONAL_FIELD_TYPES: FieldTypes = {"url": (str,), "is_disambiguation": (bool,)}
LINK_FIELD_TYPES: FieldTypes = {"start": (int,), "end": (int,), "title": (str,)}
TYPE_NAMES = {str: "a string", int: "an integer", bool: "true or false", list: "a list", dict: "an object"}
RESERVED_TITLES = frozenset({*SPECIAL_ENTITIES, SECOND_MASK})
"""Names of special entities in the vocabulary and in the exported tokenizer."""
SURROGATE = re.compile("[\ud800-\udfff]")
MAX_QUOTED_CHARACTERS = 40
"""Number of characters of a value that are quoted in a message."""


class InvalidLine(ValueError):
    """The line is not a valid article; the message says why."""


def unique_keys(pairs: list[tuple[str, JsonValue]]) -> dict[str, JsonValue]:
    """Return the object with these keys and values.

    Raises:
        InvalidLine: a key occurs twice.
    """
    value = dict(pairs)
    if len(value) < len(pairs):
        keys = [key for key, _ in pairs]
        repeated = next(key for key in keys if keys.count(key) > 1)
        raise InvalidLine(f"the key {quote_value(repeated)} occurs twice in one object")
    return value


def parse_line(line: bytes) -> Article:
    """Parse a line.

    Raises:
        InvalidLine: it is not a valid article.
    """
    try:
        text = line.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InvalidLine(f"the line is not valid UTF-8 at byte {error.start} ({error.reason})") from None
    try:
        value = json.loads(text, object_pairs_hook=unique_keys)
    except InvalidLine:
        raise
    except json.JSONDecodeError as error:
        raise InvalidLine(f"the line is not valid JSON: {error.msg} at character {error.pos}") from None
    except (ValueError, RecursionError) as error:
        raise InvalidLine(f"the JSON of the line cannot be parsed: {error}") from None
    fields = cast("LineObject", check_fields(value, REQUIRED_FIELD_TYPES, OPTIONAL_FIELD_TYPES, "the line"))
    text = fields["text"]
    refuse_surrogates(text, "text")
    if not text.endswith("\n"):
        text += "\n"
    page_id = str(fields["id"]).strip()
    refuse_surrogates(page_id, "id")
    if not page_id:
        raise InvalidLine("id is empty; every line needs a unique id")
    url = fields.get("url", "")
    refuse_surrogates(url, "url")
    return Article(
        id=page_id,
        revision="",
        url=url,
        title=parse_title(fields["title"], "title"),
        text=text,
        links=parse_links(fields["links"], fields["text"]),
        lead_end=len(text),
        is_disambiguation=fields.get("is_disambiguation", False),
    )


def parse_links(values: Sequence[JsonValue], text: str) -> tuple[Link, ...]:
    """Parse the links, which must be in text order, must not overlap, and must each be within one paragraph.

    Raises:
        InvalidLine: a link is not valid.
    """
    links: list[Link] = []
    previous_end = 0
    for number, value in enumerate(values):
        place = f"links[{number}]"
        fields = cast("LinkObject", check_fields(value, LINK_FIELD_TYPES, {}, place))
        start, end = fields["start"], fields["end"]
        span = f"{place}: start {start}, end {end}"
        if not 0 <= start <= end <= len(text):
            raise InvalidLine(f"{span}: must satisfy 0 <= start < end <= {len(text)}, the length of the text")
        if start < previous_end:
            raise InvalidLine(
                f"{span}: links[{number - 1}] ends at {previous_end}; links must be in text order and must not overlap"
            )
        mention = text[start:end]
        if not mention.strip():
            raise InvalidLine(f"{span} is {quote_value(mention)}; a mention must not be white space only")
        if "\n" in mention.strip():
            raise InvalidLine(f"{span} is {quote_value(mention)}; a mention must not contain a line break")
        links.append(Link(start, end, parse_title(fields["title"], f"{place}.title")))
        previous_end = end
    return tuple(links)


def check_fields(value: JsonValue, required: FieldTypes, optional: FieldTypes, place: str) -> dict[str, JsonValue]:
    """Return the value if it is an object with these fields only, each of an allowed type.

    Raises:
        InvalidLine: it is not; the message names the `place`.
    """
    if type(value) is not dict:
        raise InvalidLine(f"{place} is {describe_value(value)}, not an object with {', '.join(required)}")
    if not value.keys() >= required.keys():
        missing = ", ".join(name for name in required if name not in value)
        present = ", ".join(map(quote_value, value)) or "none"
        raise InvalidLine(f"{place} has no {missing}; its fields: {present}")
    prefix = "" if place == "the line" else f"{place}."
    for name, part in value.items():
        types = required.get(name) or optional.get(name)
        if types is None:
            allowed = ", ".join([*required, *optional])
            raise InvalidLine(f"{place} has the unknown field {quote_value(name)}; allowed are {allowed}")
        if type(part) not in types:  # not isinstance: True would be an integer
            allowed = " or ".join(TYPE_NAMES[each] for each in types)
            raise InvalidLine(f"{prefix}{name} is {describe_value(part)}, not {allowed}")
    return value


def parse_title(raw: str, place: str) -> str:
    """Return the stripped title.

    Raises:
        InvalidLine: the title is empty, has several lines, or is reserved; the message names the `place`.
    """
    title = raw.strip()
    refuse_surrogates(title, place)
    if not title:
        raise InvalidLine(f"{place} is {quote_value(raw)}; a title must not be empty")
    if len(title.splitlines()) > 1:
        raise InvalidLine(f"{place} is {quote_value(title)}; a title must be a single line")
    if title in RESERVED_TITLES:
        raise InvalidLine(f"{place} is {title}; reserved titles are {', '.join(sorted(RESERVED_TITLES))}")
    return title


def refuse_surrogates(text: str, place: str) -> None:
    """Raise InvalidLine if the text contains half of a surrogate pair, which JSON can encode and UTF-8 cannot."""
    if not text.isascii() and (half := SURROGATE.search(text)):
        raise InvalidLine(
            f"{place} contains \\u{ord(half[0]):04x} at character {half.start()}: half of a surrogate pair"
        )


def describe_value(value: JsonValue) -> str:
    """Return the JSON type of a value, and the value if it is short to quote."""
    if value is None:
        return "null"
    name = TYPE_NAMES.get(type(value), "a number")
    return f"{name} ({quote_value(value)})" if isinstance(value, (str, int, float)) else name


def quote_value(value: JsonValue) -> str:
    """Return a value as JSON, cut after `MAX_QUOTED_CHARACTERS`."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    text = text if len(text) <= MAX_QUOTED_CHARACTERS else text[:MAX_QUOTED_CHARACTERS] + "..."
    return text.encode("utf-8", "backslashreplace").decode()
