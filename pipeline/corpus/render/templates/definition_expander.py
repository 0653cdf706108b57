"""Expand templates from their definitions with wikiextractor, and with our renderers for the templates inside. Pure.

In {{nowrap|{{convert|5|km}} long}}, nowrap is expanded from the wiki's definition, but the definition of convert calls
a Lua module, for which wikiextractor returns nothing: " long". Therefore each template in an argument or a definition
is first passed to the caller, which may have a renderer for it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from wikiextractor.extract import Extractor, splitParts

from pipeline.corpus.render.templates.invisible_templates import TABLE_MARKS
from pipeline.corpus.render.wikitext.markup import HOLE

REIMPLEMENTED_FUNCTION = re.compile(r"\s*(?:safesubst:\s*)?(#ifexist|#ifeq|#switch|#expr|plural)\s*:", re.IGNORECASE)
"""Parser functions for which wikiextractor's result differs from MediaWiki's."""
NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)
MAX_NESTING = 60
"""Levels of templates and parser functions inside each other; no page needs as many."""
MAX_TEMPLATE_GROWTH = 2_000_000
"""Characters that the expansions inside one template of a page may have together, counted at each level of nesting:
MediaWiki's limit for a page."""
TEMPLATE_COST = 100
"""Characters that each template counts in addition to its expansion: 20,000 templates take one or two seconds."""
RenderNested = Callable[[str, str, int, bool], str | None]
"""(name, body without braces, depth, expansion_was_empty) -> replacement wikitext, or None to expand the template as
usual."""


class MagicWords:
    """The magic words of a page, in place of wikiextractor's; a use of one that depends on the page is recorded."""

    def __init__(self, title: str, expander: DefinitionExpander) -> None:
        self.expander = expander
        self.values = dict.fromkeys(("pagename", "fullpagename", "subpagename", "basepagename"), title)
        self.values |= {"namespace": "", **TABLE_MARKS}

    def __getitem__(self, name: str) -> str:
        self.expander.depends_on_page |= name not in TABLE_MARKS
        return self.values[name]


class DefinitionExpander(Extractor):  # type: ignore[misc]
    """An expander of the templates and parser functions on one page."""

    def __init__(
        self,
        title: str,
        texts: Mapping[str, str],
        redirects: Mapping[str, str],
        render_nested: RenderNested,
        template_title: Callable[[str], str],
    ) -> None:
        """Prepare the expansion of one page.

        Args:
            title: the page's title.
            texts: the dump's templates by title.
            redirects: title of a redirect -> title of its target.
            render_nested: renders a template inside another.
            template_title: maps a template's name as written to its title, without the namespace and with the wiki's
                case rule applied.
        """
        super().__init__("", "", "", title, [], templates=texts, redirects=redirects, knownNamespaces=set())
        self.magicWords = MagicWords(title, self)
        self.depends_on_page = False
        """Whether the page's title or namespace was used, so that another page may get another expansion."""
        self.render_nested = render_nested
        self.template_title = template_title
        self.nesting = 0
        """The number of templates and parser functions around the current one."""
        self.characters_left = MAX_TEMPLATE_GROWTH
        """The remaining MAX_TEMPLATE_GROWTH; the caller resets it for each template of the page itself."""

    def expandTemplates(self, wikitext: str) -> str:
        """Return the text with its templates expanded. Most texts are arguments without templates."""
        return super().expandTemplates(wikitext) if "{{" in wikitext else wikitext

    def expandTemplate(self, body: str) -> str:
        """Return the replacement of a template or parser function, whose `body` is without braces."""
        value = self.expand_body(body)
        return f"\n{value}" if self.nesting and value.startswith("{|") else value  # a table begins a line

    def expand_body(self, body: str) -> str:
        """Return the replacement before a table in it is put on a line of its own."""
        name = body.partition("|")[0]
        if self.nesting > MAX_NESTING or self.characters_left < 0:
            return ""
        title = "" if "{" in name else self.template_title(name)
        if "{" in name or ":" in title:
            return self.expand_function(body)
        if self.nesting:
            shown = self.ask_caller(name, body, expanded_to_nothing=False)
            if shown is not None:
                return shown
        target = self.redirects.get(title, title)
        if any(around == target for around, _ in self.frame):
            return ""  # a loop, as in MediaWiki even if the arguments differ: two calls in each would be 2 ** 30
        parts = body[len(name) :]
        if "{{" in parts or ("=" in parts and "[[" in parts):
            parts = "".join(f"|{part}" for part in number_arguments(splitParts(body)[1:]))
        value = self.expand_with_wikiextractor(title + parts)
        if value or not self.nesting:
            return value
        # In an argument that the page itself gives, it leaves a hole, as a dropped template on the page does.
        return self.ask_caller(name, body, expanded_to_nothing=True) or ("" if self.frame else HOLE)

    def ask_caller(self, name: str, body: str, *, expanded_to_nothing: bool) -> str | None:
        """Return the caller's replacement, None if there is none.

        Args:
            expanded_to_nothing: whether the template has been expanded already, to nothing; its arguments are then
                expanded again.
        """
        self.nesting += 1
        self.characters_left -= TEMPLATE_COST * 5 if expanded_to_nothing else TEMPLATE_COST
        try:
            return self.render_nested(name, body, len(self.frame), expanded_to_nothing)
        finally:
            self.nesting -= 1

    def expand_function(self, body: str) -> str:
        """Return the value of a parser function, or of a template whose name contains braces."""
        name = REIMPLEMENTED_FUNCTION.match(body)
        if name is None:
            kind, colon, rest = body.partition(":")
            return self.expand_with_wikiextractor(body if "{" in kind else kind.lower() + colon + rest)
        self.nesting += 1
        try:
            value: str = self.evaluate_function(name[1].lower(), body[name.end() :], body)
        finally:
            self.nesting -= 1
        return value

    def evaluate_function(self, kind: str, rest: str, body: str) -> str:
        """Return the value of a reimplemented function.

        Args:
            kind: the function's name in lower case.
            rest: the text after the colon.
            body: the whole call without braces.
        """
        if kind == "#expr":
            return self.expand_with_wikiextractor(body).removesuffix(".0")
        self.characters_left -= TEMPLATE_COST
        first, *forms = splitParts(rest)
        if kind == "#switch":
            return self.evaluate_switch(self.expandTemplates(first), forms).strip()
        if kind == "#ifexist":
            chosen = "".join(forms[:1])  # the list of pages is unknown here; a page that is tested is usually linked
        elif kind == "plural":
            chosen = plural_form(self.expandTemplates(first), forms)
        else:
            differs = not values_equal(self.expandTemplates(first), self.expandTemplates("".join(forms[:1])))
            chosen = "".join(forms[1 + differs : 2 + differs])
        shown: str = self.expandTemplates(chosen).strip()
        return shown

    def evaluate_switch(self, key: str, cases: list[str]) -> str:
        """Return the value of a #switch with the cases "a | b = value | default".

        A case without "=" shares the value of the next one with "="; a last one without "=" is the default.
        """
        matched, is_default, default = False, False, ""
        for case in cases:
            name, equals, value = case.partition("=")
            if "{{" in name and name.count("{{") != name.count("}}"):  # the "=" belongs to a template in the case
                name, equals = case, ""
            test = self.expandTemplates(name)
            matched = matched or values_equal(key, test)
            is_default = is_default or test.strip() == "#default"
            if equals and matched:
                return self.expandTemplates(value)
            if equals and is_default:
                default, is_default = value, False
        return test if cases and not equals and test.strip() != "#default" else self.expandTemplates(default)

    def expand_with_wikiextractor(self, body: str) -> str:
        """Return wikiextractor's expansion, "" once the limit is exceeded."""
        self.nesting += 1
        try:
            value: str = super().expandTemplate(body)
        finally:
            self.nesting -= 1
        self.characters_left -= TEMPLATE_COST + len(value)
        return value if self.characters_left >= 0 else ""


def values_equal(one: str, other: str) -> bool:
    """Whether two texts are equal as texts or as numbers."""
    one, other = one.strip(), other.strip()
    return one == other or bool(NUMBER.fullmatch(one) and NUMBER.fullmatch(other) and float(one) == float(other))


def plural_form(number: str, forms: list[str]) -> str:
    """Return the plural form for a number.

    Two forms are for 1 and for any other number. Three forms are those of Slavic languages: for 1, 21, ..., for 2 to 4,
    22 to 24, ..., and for the rest.
    """
    digits = number.strip().lstrip("-−")
    count = int(digits) if digits.isdecimal() else 2
    one = count % 10 == 1 and count % 100 != 11 if len(forms) > 2 else count == 1
    few = 2 <= count % 10 <= 4 and not 12 <= count % 100 <= 14
    return forms[0 if one else 1 if few or len(forms) == 2 else -1] if forms else ""


def number_arguments(parts: list[str]) -> list[str]:
    """Return the arguments with numbers as names, "1=a {{b|c=d}}", if one without a name contains a template or a link.

    wikiextractor looks for "=" only after it has expanded b, and would take an "=" in the expansion for the argument's.
    """
    named = [is_named(part) for part in parts]
    if not any(("{{" in part or "[[" in part) and not has_name for part, has_name in zip(parts, named, strict=True)):
        return parts
    found, number = [], 0
    for part, has_name in zip(parts, named, strict=True):
        number += not has_name
        found.append(part if has_name else f"{number}={part}")
    return found


def is_named(part: str) -> bool:
    """Whether an argument has a name: its first "=" is not inside a template or a link."""
    key, equals, _ = part.partition("=")
    return bool(equals) and "{{" not in key and "[[" not in key
