"""Marks that the steps from wikitext to text put into the text, and the names of tags. Pure functions.

The marks are control characters, which XML cannot contain, so no page can forge them. They are part of the text, so
they move with it when it is cut or cleaned.
"""

from __future__ import annotations

import re

HOLE = "\x01"
"""Visible content was removed here: the cleanup adjusts the punctuation around it."""
ZERO_WIDTH = "\x02"
"""Markup without width was removed here: its only effect is to end a link's trail."""
MENTION_START, MENTION_END = "\x03", "\x04"
"""Start and end of a link's mention."""
HEADING_MARK = "\x05"
"""A heading was removed here; the first one ends the lead."""
BLOCK_END = "\n"
"""End of a paragraph or of a list item."""
LINE_END = "\r"
"""End of a source line within a paragraph."""
PLACEHOLDERS = HOLE + ZERO_WIDTH

BLOCK_TAGS = frozenset(
    "div p blockquote center table caption thead tbody tfoot tr td th ul ol li dl dt dd hr pre poem section article "
    "aside h1 h2 h3 h4 h5 h6".split()
)
"""Tags that end the paragraph."""
INLINE_TAGS = frozenset(
    "span b i u s small big sub sup tt code kbd samp var em strong cite dfn q abbr del ins strike font bdi bdo mark rb "
    "rp rt ruby rtc time data wbr br onlyinclude nowiki ref references gallery math includeonly noinclude a nobr "
    "templatestyles section link meta img languages translate tvar".split()
)
"""Tags that are removed while their content is kept. An extension's tag gets here only if its other half is missing."""
TAG_NAMES = "|".join(sorted(BLOCK_TAGS | INLINE_TAGS, key=lambda name: (-len(name), name)))

MAGIC_WORD = r"__(?:[A-Z]{3,}|[^\W\da-zA-Z_]{2,})__"
"""Pattern of a behaviour switch such as __NOTOC__."""
HIDDEN_ATTRIBUTES = re.compile(
    r"display\s*:\s*none|visibility\s*:\s*hidden|(?<![\w-])color\s*:\s*transparent|\b(?:navbox|metadata|noprint|hatnote|infobox|mw-empty-elt|sistersitebox|ambox|mbox|tmbox|toc|"
    r"reference|Inline-Template|sidebar)\b",
    re.IGNORECASE,
)
"""Attributes of an element that a reader does not see, or that is not part of the article's text."""


def removal_reason(name: str, attributes: str) -> str:
    """Return why an element is removed with its content: "table", "heading" or "hidden"; "" if it is kept."""
    if name == "table":
        return "table"
    if name[0] == "h" and name[1:].isdecimal():
        return "heading"
    return "hidden" if attributes and HIDDEN_ATTRIBUTES.search(attributes) else ""


def count_links(text: str, start: int = 0, end: int | None = None) -> int:
    """Count the links that begin in `text[start:end]`."""
    return text.count("[[", start, end)
