"""A wiki's own templates: what of their pages is transcluded, and what has been found out about them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from wikiextractor.extract import resolve_template_page

MAX_KNOWN = 1 << 14
"""Names or calls."""
MAX_KEPT = 1_000
"""Characters of a call and of what it gives, to be remembered."""
Value = TypeVar("Value")


class Memory(dict[str, Value]):
    """What follows from the definitions alone and was found before; all of it is forgotten when it is full."""

    def keep(self, key: str, value: Value) -> Value:
        if len(self) == MAX_KNOWN:
            self.clear()
        self[key] = value
        return value


@dataclass(frozen=True, slots=True)
class Definitions:
    """The dump's templates, by title without the namespace's prefix."""

    texts: Mapping[str, str]
    redirects: Mapping[str, str]
    boxes: Memory[str | None] = field(default_factory=lambda: Memory())
    """What stands for a template of this name, as `Boxes.instead` says."""
    calls: Memory[str] = field(default_factory=lambda: Memory())
    """What short calls have given, on any page."""


NO_DEFINITIONS = Definitions({}, {})


def define(text: str) -> str:
    """What of a template's page is transcluded: without noinclude and comments, onlyinclude alone if there is one.

    wikiextractor takes the text for XML, so the entities are spelled for XML here: "&ndash;&#32;" must stay what it is
    up to the scan, or its space would be cut as the template's edge, and "&#91;" would become markup. And it reads
    "{{{!}}", where a table begins in a parser function, as a parameter: the template of that sign stands for it.
    """
    found = resolve_template_page("", [text.replace("&", "&amp;").replace("{{{!}}", "{{(!}}")]) if text else None
    return found[1] if found and found[0] == "template" else ""
