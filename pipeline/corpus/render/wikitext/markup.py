"""What the steps from wikitext to text tell each other: marks in the text, and the names of tags. Pure.

The marks are control characters, which XML cannot contain, so that no page can forge them. They stand in the text
itself, and whatever cuts or cleans the text moves them along.
"""

from __future__ import annotations

import re

HOLE = "\x01"
"""Something a reader would have seen went here: the cleaning looks at the punctuation around it."""
NOTHING = "\x02"
"""Something without width went here: it ends a link's trail, and no more."""
OPEN, CLOSE = "\x03", "\x04"
"""A link's mention begins, ends."""
LEAD = "\x05"
"""A heading was here; the first one ends the lead."""
BLOCK = "\n"
"""A paragraph or an item of a list ends."""
LINE = "\r"
"""A line of the source ends, and the paragraph goes on."""
UNSEEN = HOLE + NOTHING

BLOCK_TAGS = frozenset(
    "div p blockquote center table caption thead tbody tfoot tr td th ul ol li dl dt dd hr pre poem section article "
    "aside h1 h2 h3 h4 h5 h6".split()
)
"""They end the paragraph."""
INLINE_TAGS = frozenset(
    "span b i u s small big sub sup tt code kbd samp var em strong cite dfn q abbr del ins strike font bdi bdo mark rb "
    "rp rt ruby rtc time data wbr br onlyinclude nowiki ref references gallery math includeonly noinclude a nobr "
    "templatestyles section link meta img languages translate tvar".split()
)
"""They go, and their content stays. (Those of extensions are here when they have lost their other half.)"""
TAG_NAMES = "|".join(sorted(BLOCK_TAGS | INLINE_TAGS, key=lambda name: (-len(name), name)))

MAGIC_WORD = r"__(?:[A-Z]{3,}|[^\W\da-zA-Z_]{2,})__"
"""A behaviour switch, as a pattern."""
HIDDEN = re.compile(
    r"display\s*:\s*none|visibility\s*:\s*hidden|(?<![\w-])color\s*:\s*transparent|\b(?:navbox|metadata|noprint|hatnote|infobox|mw-empty-elt|sistersitebox|ambox|mbox|tmbox|toc|"
    r"reference|Inline-Template|sidebar)\b",
    re.IGNORECASE,
)
"""Attributes of an element that no reader of the article's text sees."""


def hides(name: str, attributes: str) -> str:
    """Why an element goes with its content; "" for one that stays."""
    if name == "table":
        return "table"
    if name[0] == "h" and name[1:].isdecimal():
        return "heading"
    return "hidden" if attributes and HIDDEN.search(attributes) else ""


def links_in(text: str, start: int = 0, end: int | None = None) -> int:
    """How many links begin in the text, or in `text[start:end]`."""
    return text.count("[[", start, end)
