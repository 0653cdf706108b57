"""A wiki's own templates: the transcluded part of their pages, and caches of what follows from them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from wikiextractor.extract import resolve_template_page

MAX_CACHE_ENTRIES = 1 << 14
"""Entries of one cache."""
MAX_CACHED_CHARACTERS = 1_000
"""Characters of a call and its expansion together; longer ones are not cached."""
CachedValue = TypeVar("CachedValue")


class BoundedCache(dict[str, CachedValue]):
    """A cache of results that depend on the definitions alone; it is emptied when it is full."""

    def put(self, key: str, value: CachedValue) -> CachedValue:
        """Store a value and return it."""
        if len(self) == MAX_CACHE_ENTRIES:
            self.clear()
        self[key] = value
        return value


@dataclass(frozen=True, slots=True)
class Definitions:
    """The dump's templates, by title without the namespace prefix."""

    texts: Mapping[str, str]
    redirects: Mapping[str, str]
    replacements: BoundedCache[str | None] = field(default_factory=lambda: BoundedCache())
    """Name -> the answer of `InvisibilityAnalyzer.replacement`."""
    expansions: BoundedCache[str] = field(default_factory=lambda: BoundedCache())
    """Short call -> its expansion, which is the same on every page."""


NO_DEFINITIONS = Definitions({}, {})


def transcluded_part(text: str) -> str:
    """Return the part of a template's page that is transcluded.

    Comments and <noinclude> are removed; if there is an <onlyinclude>, only its content remains. "" for a redirect or
    an empty page.

    wikiextractor expects XML, so "&" is escaped first. Otherwise it would decode the entities of "&ndash;&#32;" and
    strip the space at the template's edge, and "&#91;" would become markup before the scan. It also reads "{{{!}}",
    which begins a table inside a parser function, as a parameter; {{(!}} is the template with the same meaning.
    """
    found = resolve_template_page("", [text.replace("&", "&amp;").replace("{{{!}}", "{{(!}}")]) if text else None
    return found[1] if found and found[0] == "template" else ""
