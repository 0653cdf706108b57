"""Which defined templates show nothing but tables, told from their definitions alone. Pure.

Infoboxes, boxes of navigation and of maintenance are most of what the templates of a page give, and all of it is
dropped as tables: to expand them took ten times as long as everything else that is done to a page. So a definition is
read for what it can show whatever its arguments are: text outside of its tables that is no category and no tag, an
argument, or another template that shows something. Where that cannot be told it is expanded.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial

from pipeline.corpus.render.templates.braces import outermost, split_arguments
from pipeline.corpus.render.wikitext.writer import CUT, refusal
from pipeline.corpus.titles import SiteInfo, folded, normalise_title

MAX_DEPTH = 40
"""Templates and branches in each other; what is deeper may show something."""
MAX_READ = 2_000_000
"""Characters of definitions, those in each other counted each time: beyond, after a second, something may show."""
COST = 20
"""What an argument or a branch counts beside its characters."""
TABLE = "{|\n|}"
NESTED_TABLE = "<table></table>"
"""The same where a line need not begin."""
VISIBLE = "\0"
SUBSTITUTED = re.compile(r"\{\{\{\|(?:safe)?subst:\}\}\}|safesubst:(?:<noinclude\s*/>)?")
MARKS = {"!": "|", "!!": "||", "(!": "{|", "!)": "|}", "!-": "|-"}
"""Templates for a table's marks where a bar would part arguments; {{(!}} is what `define` makes of "{{{!}}"."""
TABLES = re.compile(
    r"^[ \t:]*(?P<wiki>\{\|)|^[ \t]*(?P<end_wiki>\|\})|(?P<html><table\b[^<>]*>)|(?P<end_html></table\s*>)",
    re.MULTILINE | re.IGNORECASE,
)
PREFIXED = re.compile(r"\[\[(?P<target>[^\[\]|:]+:[^\[\]|]*)(?:\|[^\[\]]*)?\]\]")
"""A link that may be to a category, a file or another language; or to "Mission: Impossible"."""
TAG = re.compile(r"</?[A-Za-z][^<>]*>")
HIDING = ("{|", "{{(!}}", "[[", "<")
"""Where there is none of these, whatever is shown stands in the open."""
BRANCHES = {"#if": 1, "#ifeq": 2, "#ifexpr": 1, "#iferror": 0, "#ifexist": 1, "#switch": 1}
"""Parser functions that show one of their arguments: from which one on."""
SILENT = re.compile(
    r"\s*(?:DEFAULTSORT|DISPLAYTITLE|SORTIERUNG|デフォルトソート|#tag|#invoke|#related)\s*[:：]", re.IGNORECASE
)
"""Parser functions that show nothing here, but for a module's that is known."""
LUA = "convert"
"""The one module of whose functions something is known."""


class Boxes:
    """Reads definitions; what it answers depends on them and the name alone."""

    def __init__(
        self, definition: Callable[[str], str | None], shows: Callable[[str], bool | None], site: SiteInfo
    ) -> None:
        """`definition` and `shows` take a template's name: its definition, None for none; and whether it shows
        something whatever the definition says, None where that decides."""
        self.site = site
        self.definition = definition
        self.shows = shows
        self.room = MAX_READ
        self.known: dict[tuple[str, bool], str | None] = {}
        """By name and whether the arguments are quiet; of one answer alone, which must not depend on those before."""

    def instead(self, name: str) -> str | None:
        """What stands for the template: an empty table, or nothing; None where it may show something, or is none."""
        if self.definition(name) is None:
            return None
        self.room = MAX_READ
        self.known.clear()
        found = self.template(name, quiet=False, opened=())
        return found and TABLE

    def template(self, name: str, *, quiet: bool, opened: tuple[str, ...]) -> str | None:
        """What stands for it in a definition.

        Args:
            quiet: whether all of its arguments show nothing.
            opened: the templates and branches around it.
        """
        shows = self.shows(name)
        if shows is not None:
            return None if shows else ""
        definition = self.definition(name)
        if definition is None:
            return ""
        if name in opened:
            return None
        key = name, quiet
        if key not in self.known:
            self.known[key] = self.text(definition, quiet=quiet, opened=(*opened, name))
        return self.known[key]

    def text(self, text: str, *, quiet: bool, opened: tuple[str, ...]) -> str | None:
        """What stands for a definition, an argument or a branch."""
        text = SUBSTITUTED.sub("", text)
        self.room -= len(text) + COST
        if self.room < 0 or len(opened) > MAX_DEPTH:
            return None
        spans, stray = outermost(text)
        if stray:
            return None
        hides = any(mark in text for mark in HIDING)
        parts, end = [], 0
        for start, stop in spans:
            shown = self.braces(text[start:stop], quiet=quiet, opened=opened)
            if shown is None and not hides:
                return None
            parts += [text[end:start], VISIBLE if shown is None else shown]
            end = stop
        return emptied("".join(parts) + text[end:], self.site)

    def braces(self, raw: str, *, quiet: bool, opened: tuple[str, ...]) -> str | None:
        """What stands for one template, parser function or parameter; braces included in `raw`."""
        if raw.startswith("{{{"):
            if raw.startswith("{{{{") or not quiet:
                return None
            default = split_arguments(raw[3:-3])[1:2]
            return self.text(default[0], quiet=quiet, opened=opened) if default else ""
        name, *arguments = split_arguments(raw[2:-2])
        if name in MARKS:
            return MARKS[name]
        function, colon, first = name.partition(":")
        key = function.strip().lower()
        if colon and key in BRANCHES:
            return self.branches(key, [first, *arguments], quiet=quiet, opened=(*opened, key))
        if SILENT.match(name) and first.strip() != LUA:
            return ""
        if colon or "{" in name:
            return None
        values = [self.text(value(argument), quiet=quiet, opened=(*opened, "")) for argument in arguments]
        return self.template(folded(name), quiet=all(shown == "" for shown in values), opened=opened)

    def branches(self, function: str, arguments: list[str], *, quiet: bool, opened: tuple[str, ...]) -> str | None:
        """What stands for a parser function that shows one of its arguments."""
        choices = arguments[BRANCHES[function] :]
        if function == "#switch":  # "a | b = shown | shown": a bare one but the last goes on with the next
            choices = [value(choice) for choice in choices if "=" in choice or choice is choices[-1]]
        shown = [self.text(choice, quiet=quiet, opened=opened) for choice in choices]
        return None if None in shown else max(map(str, shown), default="")


def value(argument: str) -> str:
    """An argument without its name."""
    key, equals, rest = argument.partition("=")
    return rest if equals and not {"{", "["} & set(key) else argument


def emptied(text: str, site: SiteInfo) -> str | None:
    """An empty table, or nothing, in place of a text that is tables, files, links that show nothing (to categories)
    and tags; None if there is more."""
    outside: list[str] = []
    opened: list[str] = []
    end, found = 0, False
    for match in TABLES.finditer(text):
        kind = match.lastgroup or ""
        if not opened:
            outside.append(text[end : match.start()])
        if not kind.startswith("end_"):
            opened.append(kind)
        elif not opened or opened.pop() != kind.removeprefix("end_"):
            return None
        end, found = match.end(), True
    if opened or TAG.sub("", PREFIXED.sub(partial(seen, site), "".join(outside) + text[end:])).strip():
        return None
    return NESTED_TABLE if found else ""


def seen(site: SiteInfo, link: re.Match[str]) -> str:
    """A link with a colon in its target, if a reader of the text sees it."""
    return "" if refusal(normalise_title(link["target"].replace(VISIBLE, "x"), site)) in CUT else link[0]
