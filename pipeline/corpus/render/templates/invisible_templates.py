"""Find the templates that show nothing but tables, from their definitions alone. Pure.

Most of what the templates of a page expand to is infoboxes, navigation boxes and maintenance boxes, which are then
dropped as tables. Expanding them took ten times as long as all other steps for a page. Therefore a definition is
analyzed once, for all possible arguments. The template is invisible if, outside its tables, the definition has nothing
but categories, tags and invisible templates: no other text and no arguments. If that cannot be decided, the template is
expanded.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from pipeline.corpus.render.templates.braces import find_outermost, split_arguments
from pipeline.corpus.render.wikitext.text_writer import CUT_LINK_MARKS, link_drop_reason
from pipeline.corpus.titles import SiteInfo, collapse_whitespace, normalise_title

MAX_DEPTH = 40
"""Levels of templates and branches inside each other; deeper ones count as visible."""
MAX_ANALYZED_CHARACTERS = 2_000_000
"""Characters that are analyzed for one answer, counted at each level of nesting: about a second. A template that needs
more counts as visible."""
NODE_COST = 20
"""Characters that each definition, argument or branch counts in addition to its own."""
EMPTY_TABLE = "{|\n|}"
EMPTY_HTML_TABLE = "<table></table>"
"""The same for the middle of a line."""
VISIBLE_MARK = "\0"
"""Placeholder for text that may be visible, until the end of the text shows whether it is inside a table."""
SUBSTITUTION_PREFIX = re.compile(r"\{\{\{\|(?:safe)?subst:\}\}\}|safesubst:(?:<noinclude\s*/>)?")
TABLE_MARKS = {"!": "|", "!!": "||", "(!": "{|", "!)": "|}", "!-": "|-"}
"""Template -> the mark of a table that it writes, where a bar would separate arguments. `transcluded_part` turns
"{{{!}}" into {{(!}}."""
TABLE_EDGE = re.compile(
    r"^[ \t:]*(?P<wiki>\{\|)|^[ \t]*(?P<end_wiki>\|\})|(?P<html><table\b[^<>]*>)|(?P<end_html></table\s*>)",
    re.MULTILINE | re.IGNORECASE,
)
PREFIXED_LINK = re.compile(r"\[\[(?P<target>[^\[\]|:]+:[^\[\]|]*)(?:\|[^\[\]]*)?\]\]")
"""A link that may lead to a category, a file or another language, or to "Mission: Impossible"."""
TAG = re.compile(r"</?[A-Za-z][^<>]*>")
HIDING_MARKS = ("{|", "{{(!}}", "[[", "<")
"""If the text contains none of these, all visible output is outside tables and comments."""
BRANCH_FUNCTIONS = {"#if": 1, "#ifeq": 2, "#ifexpr": 1, "#iferror": 0, "#ifexist": 1, "#switch": 1}
"""Parser functions that show one of their arguments -> the index of the first of these."""
SILENT_FUNCTION = re.compile(
    r"\s*(?:DEFAULTSORT|DISPLAYTITLE|SORTIERUNG|デフォルトソート|#tag|#invoke|#related)\s*[:：]", re.IGNORECASE
)
"""Parser functions that show nothing here, except #invoke of KNOWN_MODULE."""
KNOWN_MODULE = "convert"
"""The one Lua module whose calls count as visible."""


@dataclass(frozen=True, slots=True)
class Scope:
    """The surroundings of a text that is analyzed."""

    arguments_invisible: bool
    """Whether all arguments of the template that contains the text are invisible."""
    enclosing: tuple[str, ...]
    """The templates and branches around the text, from the outside in."""

    def inside(self, name: str) -> Scope:
        """Return the scope inside a template, a branch or an argument; those have a name, or ""."""
        return Scope(self.arguments_invisible, (*self.enclosing, name))


class InvisibilityAnalyzer:
    """An analyzer of definitions; its answers depend only on them and on the template's name.

    The results of its methods are wikitext: "" or a table if nothing is visible, None if something may be visible.
    """

    def __init__(
        self,
        find_definition: Callable[[str], str | None],
        known_visibility: Callable[[str], bool | None],
        site: SiteInfo,
    ) -> None:
        """Prepare the analysis.

        Args:
            find_definition: template's name -> its definition, None if it has none.
            known_visibility: template's name -> whether it shows something regardless of its definition, None if the
                definition decides.
            site: the wiki, for the prefixes of links.
        """
        self.site = site
        self.find_definition = find_definition
        self.known_visibility = known_visibility
        self.characters_left = MAX_ANALYZED_CHARACTERS
        self.results: dict[tuple[str, bool], str | None] = {}
        """(name, whether the arguments are invisible) -> result; cleared for each answer, which must not depend on
        earlier ones."""

    def replacement(self, name: str) -> str | None:
        """Return an empty table or "" in place of a template, None if it may show something or has no definition."""
        if self.find_definition(name) is None:
            return None
        self.characters_left = MAX_ANALYZED_CHARACTERS
        self.results.clear()
        found = self.analyze_template(name, Scope(arguments_invisible=False, enclosing=()))
        return found and EMPTY_TABLE

    def analyze_template(self, name: str, scope: Scope) -> str | None:
        """Analyze a template inside a definition, whose arguments are those of `scope`."""
        visible = self.known_visibility(name)
        if visible is not None:
            return None if visible else ""
        definition = self.find_definition(name)
        if definition is None:
            return ""
        if name in scope.enclosing:
            return None
        key = name, scope.arguments_invisible
        if key not in self.results:
            self.results[key] = self.analyze_text(definition, scope.inside(name))
        return self.results[key]

    def analyze_text(self, text: str, scope: Scope) -> str | None:
        """Analyze a definition, an argument or a branch."""
        text = SUBSTITUTION_PREFIX.sub("", text)
        self.characters_left -= len(text) + NODE_COST
        if self.characters_left < 0 or len(scope.enclosing) > MAX_DEPTH:
            return None
        spans, stray = find_outermost(text)
        if stray:
            return None
        hides = any(mark in text for mark in HIDING_MARKS)
        parts, end = [], 0
        for start, stop in spans:
            shown = self.analyze_braces(text[start:stop], scope)
            if shown is None and not hides:
                return None
            parts += [text[end:start], VISIBLE_MARK if shown is None else shown]
            end = stop
        return invisible_replacement("".join(parts) + text[end:], self.site)

    def analyze_braces(self, raw: str, scope: Scope) -> str | None:
        """Analyze one template, parser function or parameter; `raw` includes the braces."""
        if raw.startswith("{{{"):
            if raw.startswith("{{{{") or not scope.arguments_invisible:
                return None
            default = split_arguments(raw[3:-3])[1:2]
            return self.analyze_text(default[0], scope) if default else ""
        name, *arguments = split_arguments(raw[2:-2])
        if name in TABLE_MARKS:
            return TABLE_MARKS[name]
        function, colon, first = name.partition(":")
        key = function.strip().lower()
        if colon and key in BRANCH_FUNCTIONS:
            return self.analyze_branches(key, [first, *arguments], scope.inside(key))
        if SILENT_FUNCTION.match(name) and first.strip() != KNOWN_MODULE:
            return ""
        if colon or "{" in name:
            return None
        shown = [self.analyze_text(argument_value(argument), scope.inside("")) for argument in arguments]
        called = Scope(all(value == "" for value in shown), scope.enclosing)
        return self.analyze_template(collapse_whitespace(name), called)

    def analyze_branches(self, function: str, arguments: list[str], scope: Scope) -> str | None:
        """Analyze a parser function that shows one of its arguments."""
        choices = arguments[BRANCH_FUNCTIONS[function] :]
        if function == "#switch":  # "a | b = value | default": a case without "=" has no value unless it is the last
            choices = [argument_value(choice) for choice in choices if "=" in choice or choice is choices[-1]]
        shown = [self.analyze_text(choice, scope) for choice in choices]
        return None if None in shown else max(map(str, shown), default="")


def argument_value(argument: str) -> str:
    """Return an argument without its name."""
    key, equals, rest = argument.partition("=")
    return rest if equals and not {"{", "["} & set(key) else argument


def invisible_replacement(text: str, site: SiteInfo) -> str | None:
    """Return an empty table or "" in place of a text, None if it may show something.

    Tables, files, tags and links that show nothing, such as those to categories, are invisible.
    """
    outside: list[str] = []
    open_tables: list[str] = []
    end, has_table = 0, False
    for match in TABLE_EDGE.finditer(text):
        kind = match.lastgroup or ""
        if not open_tables:
            outside.append(text[end : match.start()])
        if not kind.startswith("end_"):
            open_tables.append(kind)
        elif not open_tables or open_tables.pop() != kind.removeprefix("end_"):
            return None
        end, has_table = match.end(), True
    outside.append(text[end:])
    drop_link = partial(drop_invisible_link, site)
    if open_tables or TAG.sub("", PREFIXED_LINK.sub(drop_link, "".join(outside))).strip():
        return None
    return EMPTY_HTML_TABLE if has_table else ""


def drop_invisible_link(site: SiteInfo, link: re.Match[str]) -> str:
    """Return a link with a colon in its target as it is, "" if it shows nothing."""
    title = normalise_title(link["target"].replace(VISIBLE_MARK, "x"), site)
    return "" if link_drop_reason(title) in CUT_LINK_MARKS else link[0]
