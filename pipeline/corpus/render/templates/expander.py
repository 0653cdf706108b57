"""Templates in a page: expanded where the dump defines them, rendered where we know them, dropped otherwise.

In: wikitext without comments and references. Out: wikitext in which no "{{" is left. For each outermost template, in
this order: nothing, for the notes to readers and editors in `vanishing`; wikiextractor's expansion, for parser
functions and wherever the dump holds the definition (`nested`); `inline.renderer_of`, for common ones without a
definition or with one that asks for Lua; else a HOLE. The same holds for those that it meets inside of others.

The definitions may be more than fits in memory (`definitions.py`).
"""

from __future__ import annotations

import re
from collections import Counter

from pipeline.corpus.render.templates.braces import outermost, split_arguments
from pipeline.corpus.render.templates.calls import Call, Renderer
from pipeline.corpus.render.templates.defined import MAX_KEPT, NO_DEFINITIONS, Definitions
from pipeline.corpus.render.templates.dropped_templates import VANISHING
from pipeline.corpus.render.templates.inline import YEAR, renderer_of
from pipeline.corpus.render.templates.invisible_templates import SILENT, TABLE, Boxes, emptied
from pipeline.corpus.render.templates.nested import MAX_GIVEN, Nested
from pipeline.corpus.render.wikitext.markup import HOLE, NOTHING, links_in
from pipeline.corpus.titles import TEMPLATE, SiteInfo, case_rule, folded

MAX_DEPTH = 20
"""Templates in arguments of templates, deeper than any page needs."""
MAX_GROWTH = 2_000_000
"""Characters that the templates of one page may give: MediaWiki's own limit for the expanded page."""
STRAY = re.compile(r"\{\{+|\}\}+")
SUBSTITUTION = re.compile(r"\s*(?:safesubst|subst|msg|msgnw)\s*:\s*", re.IGNORECASE)
FRACTION = re.compile(r"\d+/\d")
OURS = frozenset(["frac", "fraction", "sfrac", "fract"])
"""What we render better than their definitions do, "3+1⁄2" for what is seen as 3 1/2."""
LINE_MARKS = ("{|", "*", "#", ":", ";")
FUNCTION = re.compile(
    r"\s*(?:#[a-z]+|lc|uc|lcfirst|ucfirst|formatnum|padleft|padright|plural|ns|urlencode|fullurl|localurl|pagename|"
    r"fullpagename|subpagename|basepagename|namespace)\s*(?::|$)",
    re.IGNORECASE,
)


class Expander:
    """Expands the templates of one page."""

    def __init__(self, definitions: Definitions | None, site: SiteInfo, title: str, counts: Counter[str]) -> None:
        """`definitions` None cuts every template."""
        self.cuts_all = definitions is None
        self.definitions = definitions = definitions or NO_DEFINITIONS
        self.site = site
        self.title_of = case_rule(site)
        self.counts = counts
        self.room = MAX_GROWTH
        self.extractor = Nested(title, definitions.texts, definitions.redirects, self.instead, self.title)
        self.boxes = Boxes(self.definition, self.shows, site)

    def page(self, text: str) -> str:
        """The page's wikitext without templates; the links that came and went with them are counted."""
        if "{{" not in text:
            return text.replace("}}", "")
        expanded = self.text(text, 0)
        surplus = links_in(expanded) - links_in(text)
        self.counts["links.seen"] += max(0, surplus)
        self.counts["links.dropped.template"] += max(0, -surplus)
        return expanded

    def text(self, text: str, depth: int) -> str:
        """`text` with every template in it replaced; braces without a partner are cut."""
        if "{{" not in text and "}}" not in text:
            return text
        spans, stray = outermost(text)
        unpaired = unbraced if stray else str
        parts, end = [], 0
        for start, stop in spans:
            parts.append(unpaired(text[end:start]))
            begins = text[start - 1 : start] in ("\n", "")
            value = self.template(text[start:stop], depth, begins=begins)
            if text[start - 1 : start].isdecimal() and FRACTION.match(value):
                parts.append(" ")  # 1{{frac|1|2}} is no 11/2
            if value == HOLE and begins and text[stop : stop + 1] in ("*", "#", ":", ";"):
                value = NOTHING  # the line begins behind it: {{anchor|x}}* item
            parts.append(value)
            if value.endswith("|}") and text.startswith("}", stop):
                parts.append(NOTHING)  # {{infobox}}}, with a brace too many: "|}}" would end no table
            end = stop
        return "".join(parts) + unpaired(text[end:])

    def template(self, raw: str, depth: int, *, begins: bool) -> str:
        """What stands for one template, braces included in `raw`, which begins a line or does not."""
        self.counts["templates.seen"] += 1
        value, kind = ("", "") if self.cuts_all else self.shown(raw, depth)
        if kind == "expanded" and not begins and value.startswith(LINE_MARKS):
            value = f"\n{value}"  # MediaWiki's rule, too: a list or a table has lines of its own
        if not value.replace(HOLE, ""):
            value, kind = HOLE, "dropped"
        self.counts[f"templates.{kind}"] += 1
        if depth == 0:  # what is in its arguments is counted with it
            self.counts["characters.dropped.template"] += len(raw)
            self.counts["characters.rendered"] += len(value) if value != HOLE else 0
        return value

    def shown(self, raw: str, depth: int) -> tuple[str, str]:
        """The wikitext that stands for the template, "" for none, and how it was made."""
        bar = raw.find("|")
        name = raw[2:bar] if bar > 0 else raw[2:-2]
        if ":" in name and (match := SUBSTITUTION.match(name)):
            name = name[match.end() :]
        if depth > MAX_DEPTH or raw.startswith("{{{") or SILENT.match(name):
            return "", ""
        local = self.local_name(name)
        key, renderer = self.known(local)
        if key in VANISHING:
            return "", ""
        skipped = self.box(local) if renderer is None else "" if key in OURS else None
        value = self.expanded(raw, name, local, ours=renderer is not None) if skipped is None else skipped
        if value:
            return value, "expanded"
        if renderer is not None:
            return renderer(self.call(key, split_arguments(raw[2:-2])[1:], depth)), "rendered"
        # {{f1|1998}}, {{24hLM|2006}}: a year, linked to what happened in it.
        return (raw[bar + 1 : -2] if bar > 0 and YEAR.fullmatch(raw, bar + 1, len(raw) - 2) else ""), "rendered"

    def known(self, local: str) -> tuple[str, Renderer | None]:
        """The name by which our tables know a template, in lower case, its own or its redirect's; and its renderer."""
        key = local.lower()
        renderer = None if key in VANISHING else renderer_of(key, self.site.language)
        if (
            renderer is None
            and key not in VANISHING
            and (other := self.definitions.redirects.get(self.title_of(local)))
        ):
            key = other.lower()
            renderer = renderer_of(key, self.site.language)
        return key, renderer

    def box(self, local: str) -> str | None:
        """What stands for a template that shows nothing but tables; None where it may show something."""
        known = self.definitions.boxes
        return known[local] if local in known else known.keep(local, self.boxes.instead(local))

    def shows(self, name: str) -> bool | None:
        """Whether a template shows something, whatever its definition says; None where that decides."""
        key, renderer = self.known(name)
        if key in VANISHING:
            return False
        return True if renderer is not None or key in self.extractor.magicWords.values else None

    def instead(self, name: str, body: str, depth: int, tried: bool) -> str | None:
        """What is shown of a template in an argument or a definition; None where it is to be expanded.

        Args:
            tried: it was, and gave nothing.
        """
        local = self.local_name(name)
        key, renderer = self.known(local)
        if key in VANISHING:
            return ""
        if renderer is None or depth > MAX_DEPTH:
            return None
        definition = self.definition(local)
        if definition is not None and "#invoke:" not in definition and key not in OURS and not tried:
            return None
        return renderer(self.call(key, split_arguments(body)[1:], depth))

    def definition(self, local: str) -> str | None:
        title = self.title_of(local)
        return self.definitions.texts.get(self.definitions.redirects.get(title, title))

    def call(self, name: str, parts: list[str], depth: int) -> Call:
        positional, named = [], {}
        for part in parts:
            key, equals, value = part.partition("=")
            if equals and not re.search(r"[\[\]{}<>]", key):
                named[key.strip()] = self.text(value.strip(), depth + 1)
            else:
                positional.append(self.text(part.strip(), depth + 1))
        return Call(name, tuple(positional), named)

    def local_name(self, name: str) -> str:
        """A template's name as written, without the namespace's."""
        prefix, colon, rest = name.partition(":")
        if colon and self.site.prefixes.get(folded(prefix).lower()) == TEMPLATE:
            name = rest
        return folded(name)

    def title(self, name: str) -> str:
        return self.title_of(self.local_name(name))

    def expanded(self, raw: str, name: str, local: str, *, ours: bool) -> str:
        """wikiextractor's expansion; "" where it has none, or one that shows nothing.

        Args:
            ours: there is a renderer of ours, which is better than a definition that asks for Lua.
        """
        definition = self.definition(local)
        if definition is None and not FUNCTION.match(name):
            return ""
        if definition is not None and ours and "#invoke:" in definition:
            return ""
        call = raw if definition is None else raw.replace(name, self.title_of(local), 1)
        # In a renderer's argument, what is around it would have a say.
        alone = definition is not None and not self.extractor.open
        value = self.definitions.calls.get(call) if alone else None
        if value is None:
            value = self.expansion(call, alone=alone)
        self.room -= len(value)
        return value if self.room >= 0 else ""

    def expansion(self, call: str, *, alone: bool) -> str:
        """What a call gives: an empty table if it shows nothing else, "" if it shows nothing.

        It is remembered unless it is long or of this page alone. So nothing that happens here counts for the page.
        """
        around = self.counts, self.room, self.extractor.asked_page
        self.counts, self.room, self.extractor.asked_page = Counter(), MAX_GROWTH, False
        if not self.extractor.open:
            self.extractor.room = MAX_GIVEN
        try:
            value: str = self.extractor.expandTemplates(call)
        finally:
            of_this_page = self.extractor.asked_page
            self.counts, self.room, self.extractor.asked_page = *around[:2], around[2] or of_this_page
        box = None if value.isalnum() else emptied(value.replace(HOLE, ""), self.site)
        if box is not None:
            value = box and TABLE
        elif "{{" in value:
            value = ""
        if alone and not of_this_page and len(call) + len(value) <= MAX_KEPT:
            self.definitions.calls.keep(call, value)
        return value


def unbraced(text: str) -> str:
    return STRAY.sub(HOLE, text)
