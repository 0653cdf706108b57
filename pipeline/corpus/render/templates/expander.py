"""Replace the templates of a page: expand those that the dump defines, render those that are known, drop the rest.

The input is wikitext without comments and references. The output is wikitext in which no "{{" is left. The first rule
that applies decides what replaces a template:

    1. nothing, if its name is in `dropped_templates`
    2. an empty table or nothing, if it has no renderer and its definition shows no more than that
       (`invisible_templates`)
    3. wikiextractor's expansion, for parser functions and templates with a definition (`definition_expander`)
    4. its renderer in `rendered_templates`, where the definition is missing, calls a Lua module or shows nothing
    5. a HOLE

The same rules hold for templates inside other templates. The definitions may not fit into memory (`definition_file`).
"""

from __future__ import annotations

import re
from collections import Counter

from pipeline.corpus.render.templates.braces import find_outermost, split_arguments
from pipeline.corpus.render.templates.definition_expander import MAX_TEMPLATE_GROWTH, DefinitionExpander
from pipeline.corpus.render.templates.definitions import MAX_CACHED_CHARACTERS, NO_DEFINITIONS, Definitions
from pipeline.corpus.render.templates.dropped_templates import DROPPED_TEMPLATES
from pipeline.corpus.render.templates.invisible_templates import (
    EMPTY_TABLE,
    SILENT_FUNCTION,
    InvisibilityAnalyzer,
    invisible_replacement,
)
from pipeline.corpus.render.templates.rendered_templates import find_renderer
from pipeline.corpus.render.templates.renderer import Call, Renderer
from pipeline.corpus.render.wikitext.markup import HOLE, ZERO_WIDTH, count_links
from pipeline.corpus.titles import TEMPLATE, SiteInfo, collapse_whitespace, title_case_function

MAX_DEPTH = 20
"""Levels of templates in arguments of templates; no page needs as many."""
MAX_PAGE_GROWTH = 2_000_000
"""Characters that the expansions of one page may have together: MediaWiki's limit for an expanded page."""
UNPAIRED_BRACES = re.compile(r"\{\{+|\}\}+")
SUBSTITUTION = re.compile(r"\s*(?:safesubst|subst|msg|msgnw)\s*:\s*", re.IGNORECASE)
FRACTION = re.compile(r"\d+/\d")
PREFER_RENDERER = frozenset(["frac", "fraction", "sfrac", "fract"])
"""Templates whose renderer is better than their definition, which gives "3+1⁄2" for 3 1/2."""
YEAR = re.compile(r"[12]\d{3}")
LINE_MARKS = ("{|", "*", "#", ":", ";")
"""Marks of a table or a list item at the beginning of a line."""
PARSER_FUNCTION = re.compile(
    r"\s*(?:#[a-z]+|lc|uc|lcfirst|ucfirst|formatnum|padleft|padright|plural|ns|urlencode|fullurl|localurl|pagename|"
    r"fullpagename|subpagename|basepagename|namespace)\s*(?::|$)",
    re.IGNORECASE,
)


class Expander:
    """An expander of one page's templates: it replaces each of them."""

    def __init__(self, definitions: Definitions | None, site: SiteInfo, title: str, counts: Counter[str]) -> None:
        """Prepare the expansion of one page.

        Args:
            definitions: the dump's templates; None drops every template, known ones too.
            counts: the page's account, which is updated.
        """
        self.drop_all = definitions is None
        self.definitions = definitions = definitions or NO_DEFINITIONS
        self.site = site
        self.apply_case_rule = title_case_function(site)
        self.counts = counts
        self.characters_left = MAX_PAGE_GROWTH
        self.definition_expander = DefinitionExpander(
            title, definitions.texts, definitions.redirects, self.render_nested, self.template_title
        )
        self.invisibility = InvisibilityAnalyzer(self.find_definition, self.known_visibility, site)

    def expand_page(self, text: str) -> str:
        """Return the page's wikitext with its templates replaced; count the links that they add or remove."""
        if "{{" not in text:
            return text.replace("}}", "")
        expanded = self.expand_text(text, 0)
        surplus = count_links(expanded) - count_links(text)
        self.counts["links.seen"] += max(0, surplus)
        self.counts["links.dropped.template"] += max(0, -surplus)
        return expanded

    def expand_text(self, text: str, depth: int) -> str:
        """Return `text` with every template replaced and unpaired braces cut."""
        if "{{" not in text and "}}" not in text:
            return text
        spans, stray = find_outermost(text)
        unpaired = cut_unpaired_braces if stray else str
        parts, end = [], 0
        for start, stop in spans:
            parts.append(unpaired(text[end:start]))
            begins_line = text[start - 1 : start] in ("\n", "")
            value = self.replace_template(text[start:stop], depth, begins_line=begins_line)
            if text[start - 1 : start].isdecimal() and FRACTION.match(value):
                parts.append(" ")  # 1{{frac|1|2}} is not 11/2
            if value == HOLE and begins_line and text[stop : stop + 1] in ("*", "#", ":", ";"):
                value = ZERO_WIDTH  # {{anchor|x}}* item: the item begins the line
            parts.append(value)
            if value.endswith("|}") and text.startswith("}", stop):
                parts.append(ZERO_WIDTH)  # {{infobox}}} has a brace too many; "|}}" would not end the table
            end = stop
        return "".join(parts) + unpaired(text[end:])

    def replace_template(self, raw: str, depth: int, *, begins_line: bool) -> str:
        """Return the replacement of one template and count it.

        Args:
            raw: the template with its braces.
            begins_line: whether it begins a line.
        """
        self.counts["templates.seen"] += 1
        value, kind = ("", "") if self.drop_all else self.resolve_template(raw, depth)
        if kind == "expanded" and not begins_line and value.startswith(LINE_MARKS):
            value = f"\n{value}"  # as MediaWiki does: a list or a table begins a line
        if not value.replace(HOLE, ""):
            value, kind = HOLE, "dropped"
        self.counts[f"templates.{kind}"] += 1
        if depth == 0:  # templates in its arguments are part of its characters
            self.counts["characters.dropped.template"] += len(raw)
            self.counts["characters.rendered"] += len(value) if value != HOLE else 0
        return value

    def resolve_template(self, raw: str, depth: int) -> tuple[str, str]:
        """Return the wikitext that replaces a template, "" for nothing, and its kind: expanded, rendered or ""."""
        bar = raw.find("|")
        name = raw[2:bar] if bar > 0 else raw[2:-2]
        if ":" in name and (match := SUBSTITUTION.match(name)):
            name = name[match.end() :]
        if depth > MAX_DEPTH or raw.startswith("{{{") or SILENT_FUNCTION.match(name):
            return "", ""
        local = self.local_name(name)
        key, renderer = self.find_known(local)
        if key in DROPPED_TEMPLATES:
            return "", ""
        skipped = self.replacement_if_invisible(local) if renderer is None else "" if key in PREFER_RENDERER else None
        value = (
            self.expand_definition(raw, name, local, has_renderer=renderer is not None) if skipped is None else skipped
        )
        if value:
            return value, "expanded"
        if renderer is not None:
            return renderer(self.parse_call(key, split_arguments(raw[2:-2])[1:], depth)), "rendered"
        # {{f1|1998}}, {{24hLM|2006}} show a year, as a link to a season or a race.
        return (raw[bar + 1 : -2] if bar > 0 and YEAR.fullmatch(raw, bar + 1, len(raw) - 2) else ""), "rendered"

    def find_known(self, local: str) -> tuple[str, Renderer | None]:
        """Return the name, in lower case, by which our tables know a template, and its renderer, if any.

        If they do not know its own name, the name is that of its redirect's target.
        """
        key = local.lower()
        renderer = None if key in DROPPED_TEMPLATES else find_renderer(key, self.site.language)
        if (
            renderer is None
            and key not in DROPPED_TEMPLATES
            and (other := self.definitions.redirects.get(self.apply_case_rule(local)))
        ):
            key = other.lower()
            renderer = find_renderer(key, self.site.language)
        return key, renderer

    def replacement_if_invisible(self, local: str) -> str | None:
        """Return the replacement of a template that shows nothing but tables, None if it may show something else."""
        known = self.definitions.replacements
        return known[local] if local in known else known.put(local, self.invisibility.replacement(local))

    def known_visibility(self, name: str) -> bool | None:
        """Return whether a template shows something regardless of its definition, None if the definition decides."""
        key, renderer = self.find_known(name)
        if key in DROPPED_TEMPLATES:
            return False
        return True if renderer is not None or key in self.definition_expander.magicWords.values else None

    def render_nested(self, name: str, body: str, depth: int, expanded_to_nothing: bool) -> str | None:
        """Return the replacement of a template in an argument or a definition, None if it is to be expanded.

        Args:
            expanded_to_nothing: whether it has been expanded already, to nothing.
        """
        local = self.local_name(name)
        key, renderer = self.find_known(local)
        if key in DROPPED_TEMPLATES:
            return ""
        if renderer is None or depth > MAX_DEPTH:
            return None
        definition = self.find_definition(local)
        if (
            definition is not None
            and "#invoke:" not in definition
            and key not in PREFER_RENDERER
            and not expanded_to_nothing
        ):
            return None
        return renderer(self.parse_call(key, split_arguments(body)[1:], depth))

    def find_definition(self, local: str) -> str | None:
        """Return the definition of a template or of its redirect's target, None if there is none."""
        title = self.apply_case_rule(local)
        return self.definitions.texts.get(self.definitions.redirects.get(title, title))

    def parse_call(self, name: str, parts: list[str], depth: int) -> Call:
        """Return the call of a template with its arguments `parts` expanded."""
        positional, named = [], {}
        for part in parts:
            key, equals, value = part.partition("=")
            if equals and not re.search(r"[\[\]{}<>]", key):
                named[key.strip()] = self.expand_text(value.strip(), depth + 1)
            else:
                positional.append(self.expand_text(part.strip(), depth + 1))
        return Call(name, tuple(positional), named)

    def local_name(self, name: str) -> str:
        """Return a template's name as written, without the namespace."""
        prefix, colon, rest = name.partition(":")
        if colon and self.site.prefixes.get(collapse_whitespace(prefix).lower()) == TEMPLATE:
            name = rest
        return collapse_whitespace(name)

    def template_title(self, name: str) -> str:
        """Return the title of a template's page, without the namespace, from its name as written."""
        return self.apply_case_rule(self.local_name(name))

    def expand_definition(self, raw: str, name: str, local: str, *, has_renderer: bool) -> str:
        """Return wikiextractor's expansion, "" if there is none or it shows nothing.

        Args:
            has_renderer: whether the template has a renderer, which is better than a definition that calls Lua.
        """
        definition = self.find_definition(local)
        if definition is None and not PARSER_FUNCTION.match(name):
            return ""
        if definition is not None and has_renderer and "#invoke:" in definition:
            return ""
        call = raw if definition is None else raw.replace(name, self.apply_case_rule(local), 1)
        # In a renderer's argument the expansion depends on the templates around it, so it is not cached.
        cacheable = definition is not None and not self.definition_expander.nesting
        value = self.definitions.expansions.get(call) if cacheable else None
        if value is None:
            value = self.run_expansion(call, cacheable=cacheable)
        self.characters_left -= len(value)
        return value if self.characters_left >= 0 else ""

    def run_expansion(self, call: str, *, cacheable: bool) -> str:
        """Return the expansion of a call: an empty table if it shows nothing else, "" if it shows nothing.

        A `cacheable` expansion is cached unless it is long or depends on this page. Therefore the page's counts and
        limits are suspended meanwhile: a later page would get the cached expansion without them.
        """
        expander = self.definition_expander
        counts, characters_left, page_dependent = self.counts, self.characters_left, expander.depends_on_page
        self.counts, self.characters_left, expander.depends_on_page = Counter(), MAX_PAGE_GROWTH, False
        if not expander.nesting:
            expander.characters_left = MAX_TEMPLATE_GROWTH
        try:
            value: str = expander.expandTemplates(call)
        finally:
            depends_on_page = expander.depends_on_page
            self.counts, self.characters_left = counts, characters_left
            expander.depends_on_page = page_dependent or depends_on_page
        replacement = None if value.isalnum() else invisible_replacement(value.replace(HOLE, ""), self.site)
        if replacement is not None:
            value = replacement and EMPTY_TABLE
        elif "{{" in value:
            value = ""
        if cacheable and not depends_on_page and len(call) + len(value) <= MAX_CACHED_CHARACTERS:
            self.definitions.expansions.put(call, value)
        return value


def cut_unpaired_braces(text: str) -> str:
    """Replace each run of braces in a text outside templates by a hole."""
    return UNPAIRED_BRACES.sub(HOLE, text)
