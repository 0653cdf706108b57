"""wikiextractor's expansion of a page's templates, with our renderers for those that stand in others. Pure.

In {{nowrap|{{convert|5|km}} long}} the wiki's definition of nowrap is expanded, and its argument asks for Lua, for
which wikiextractor has nothing: " long". So whatever it meets, in an argument or in a definition, is first offered to
the caller, who may know what is shown instead.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from wikiextractor.extract import Extractor, splitParts

from pipeline.corpus.render.templates.invisible_templates import MARKS
from pipeline.corpus.render.wikitext.markup import HOLE

FUNCTION = re.compile(r"\s*(?:safesubst:\s*)?(#ifexist|#ifeq|#switch|#expr|plural)\s*:", re.IGNORECASE)
"""Those of whose results wikiextractor's are not MediaWiki's."""
NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)
MAX_OPEN = 60
"""Templates and parser functions in each other, deeper than any page needs."""
MAX_GIVEN = 2_000_000
"""Characters that everything in one template of a page may give, those of templates in each other counted each time:
MediaWiki's limit for a page."""
COST = 100
"""What a template counts beside its characters: 20,000 of them take a second or two."""
Instead = Callable[[str, str, int, bool], str | None]
"""Name, body without its braces and depth of a template, and whether its expansion has given nothing -> the wikitext
that stands for it; None to expand it, or for nothing."""


class Words:
    """What wikiextractor has for magic words: those of a page, who is told when they are asked for."""

    def __init__(self, title: str, page: Nested) -> None:
        self.page = page
        self.values = dict.fromkeys(("pagename", "fullpagename", "subpagename", "basepagename"), title)
        self.values |= {"namespace": "", **MARKS}

    def __getitem__(self, name: str) -> str:
        self.page.asked_page |= name not in MARKS
        return self.values[name]


class Nested(Extractor):  # type: ignore[misc]
    """Expands the templates of the page with this title."""

    def __init__(
        self,
        title: str,
        texts: Mapping[str, str],
        redirects: Mapping[str, str],
        instead: Instead,
        title_of: Callable[[str], str],
    ) -> None:
        """`title_of` makes a title of a template's name as written: without the namespace, its first letter raised."""
        super().__init__("", "", "", title, [], templates=texts, redirects=redirects, knownNamespaces=set())
        self.magicWords = Words(title, self)
        self.asked_page = False
        """Whether the page's title has been asked for, so that another page may get another expansion."""
        self.instead = instead
        self.title_of = title_of
        self.open = 0
        """Templates and parser functions around the one that is met."""
        self.room = MAX_GIVEN
        """Characters that may still be given; whoever asks for a template of the page's own sets it."""

    def expandTemplates(self, wikitext: str) -> str:
        """The text with its templates expanded; most arguments have none."""
        return super().expandTemplates(wikitext) if "{{" in wikitext else wikitext

    def expandTemplate(self, body: str) -> str:
        """What stands for one template or parser function, met on the page or in another; braces not in `body`."""
        value = self.met(body)
        return f"\n{value}" if self.open and value.startswith("{|") else value  # a table begins a line

    def met(self, body: str) -> str:
        name = body.partition("|")[0]
        if self.open > MAX_OPEN or self.room < 0:
            return ""
        title = "" if "{" in name else self.title_of(name)
        if "{" in name or ":" in title:
            return self.function(body)
        if self.open:
            shown = self.offered(name, body, tried=False)
            if shown is not None:
                return shown
        target = self.redirects.get(title, title)
        if any(around == target for around, _ in self.frame):
            return ""  # as in MediaWiki, also with other arguments: two calls in each would be 2 ** 30
        parts = body[len(name) :]
        if "{{" in parts or ("=" in parts and "[[" in parts):
            parts = "".join(f"|{part}" for part in numbered(splitParts(body)[1:]))
        value = self.inside(title + parts)
        if value or not self.open:
            return value
        # In an argument of the page's own it leaves a hole, as it would beside the template around it.
        return self.offered(name, body, tried=True) or ("" if self.frame else HOLE)

    def offered(self, name: str, body: str, *, tried: bool) -> str | None:
        """What the caller shows instead; its arguments are expanded a second time if it was `tried`."""
        self.open += 1
        self.room -= COST * 5 if tried else COST
        try:
            return self.instead(name, body, len(self.frame), tried)
        finally:
            self.open -= 1

    def function(self, body: str) -> str:
        """A parser function, or a template whose name is made by one."""
        name = FUNCTION.match(body)
        if name is None:
            kind, colon, rest = body.partition(":")
            return self.inside(body if "{" in kind else kind.lower() + colon + rest)
        self.open += 1
        try:
            value: str = self.of_ours(name[1].lower(), body[name.end() :], body)
        finally:
            self.open -= 1
        return value

    def of_ours(self, kind: str, rest: str, body: str) -> str:
        """One of FUNCTION's; `rest` is what stands behind its colon."""
        if kind == "#expr":
            return self.inside(body).removesuffix(".0")
        self.room -= COST
        first, *forms = splitParts(rest)
        if kind == "#switch":
            return self.case(self.expandTemplates(first), forms).strip()
        if kind == "#ifexist":
            chosen = "".join(forms[:1])  # nothing here knows all pages: where one is asked for, it is linked
        elif kind == "plural":
            chosen = plural(self.expandTemplates(first), forms)
        else:
            differs = not equal(self.expandTemplates(first), self.expandTemplates("".join(forms[:1])))
            chosen = "".join(forms[1 + differs : 2 + differs])
        shown: str = self.expandTemplates(chosen).strip()
        return shown

    def case(self, key: str, cases: list[str]) -> str:
        """What a #switch shows, "a | b = shown | shown": a case without "=" goes on with the next; the last is for
        all the rest."""
        met, rest, default = False, False, ""
        for case in cases:
            name, equals, value = case.partition("=")
            if "{{" in name and name.count("{{") != name.count("}}"):  # the "=" is of a template in it
                name, equals = case, ""
            test = self.expandTemplates(name)
            met = met or equal(key, test)
            rest = rest or test.strip() == "#default"
            if equals and met:
                return self.expandTemplates(value)
            if equals and rest:
                default, rest = value, False
        return test if cases and not equals and test.strip() != "#default" else self.expandTemplates(default)

    def inside(self, body: str) -> str:
        self.open += 1
        try:
            value: str = super().expandTemplate(body)
        finally:
            self.open -= 1
        self.room -= COST + len(value)
        return value if self.room >= 0 else ""


def equal(one: str, other: str) -> bool:
    """Whether two texts, or two numbers, are the same."""
    one, other = one.strip(), other.strip()
    return one == other or bool(NUMBER.fullmatch(one) and NUMBER.fullmatch(other) and float(one) == float(other))


def plural(number: str, forms: list[str]) -> str:
    """The form for a number: of two the first is for one; of three, as Slavic languages have them, 21, 22 and 25."""
    digits = number.strip().lstrip("-−")
    count = int(digits) if digits.isdecimal() else 2
    one = count % 10 == 1 and count % 100 != 11 if len(forms) > 2 else count == 1
    few = 2 <= count % 10 <= 4 and not 12 <= count % 100 <= 14
    return forms[0 if one else 1 if few or len(forms) == 2 else -1] if forms else ""


def numbered(parts: list[str]) -> list[str]:
    """Arguments of which "a {{b|c=d}}" is "1=a {{b|c=d}}": wikiextractor looks for "=" when b has been expanded."""
    named = [is_named(part) for part in parts]
    if not any(("{{" in part or "[[" in part) and not has_name for part, has_name in zip(parts, named, strict=True)):
        return parts
    found, number = [], 0
    for part, has_name in zip(parts, named, strict=True):
        number += not has_name
        found.append(part if has_name else f"{number}={part}")
    return found


def is_named(part: str) -> bool:
    """Whether an argument's first "=" is its own, and not of a template or a link in it."""
    key, equals, _ = part.partition("=")
    return bool(equals) and "{{" not in key and "[[" not in key
