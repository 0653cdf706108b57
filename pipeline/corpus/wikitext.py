"""Wikitext -> text with the spans of its links. Pure.

In: a page's wikitext, its wiki and the templates of the dump. Out: paragraphs and list items, each ended by a
newline, and the links to articles with code-point spans, `text[start:end]` being the mention.

    strip.without_extensions   comments, references, formulas        linear scans;
    templates.Expander         templates                             what is cut inline
    strip.without_blocks       tables, media, HTML tags              leaves a HOLE
    blocks.blocks              lines -> paragraphs, list items, headings
    Inline                     links, external links, entities, by mwparserfromhell
    tidy.tidy, tidy.placed     white space, the punctuation around holes, the spans

From `Inline` on, a mention stands between OPEN and CLOSE in the text itself, so that cleaning cannot misplace it. What
leaves here is counted: links seen = kept + dropped by reason. One process renders about 2 MB of wikitext a second.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import Any

import mwparserfromhell
from mwparserfromhell.nodes import ExternalLink, HTMLEntity, Tag, Text, Wikilink

from pipeline.corpus.blocks import blocks
from pipeline.corpus.languages import link_trail
from pipeline.corpus.strip import HOLE, MARKS, NOTHING, links_in, without_blocks, without_extensions
from pipeline.corpus.templates import Definitions, Expander, marks_disambiguation
from pipeline.corpus.tidy import CLOSE, OPEN, placed, tidy
from pipeline.corpus.titles import MAIN, SiteInfo, normalise_title, pipe_trick, shown_title
from pipeline.records import Link

BRACKETS = re.compile(r"\[\[|\]\]|\[|\]")
OPENING = {"]]": "[[", "]": "["}
ENTITIES = {"[[": "", "]]": "", "[": "&#91;", "]": "&#93;"}
"""What takes the place of a bracket without a partner: a single one is text, a double one is a slip."""
MAX_NESTED = 3


@dataclass(frozen=True, slots=True)
class Rendered:
    """A page's text; the fields are those of `Article`."""

    text: str
    links: tuple[Link, ...]
    lead_end: int
    is_disambiguation: bool
    counts: Counter[str]
    """links.seen = links.kept + all links.dropped.*; templates; characters."""


def render(wikitext: str, *, site: SiteInfo, definitions: Definitions, title: str) -> Rendered:
    """Render one page."""
    counts: Counter[str] = Counter({"links.seen": links_in(wikitext)})
    source = wikitext.translate(CONTROL) if CONTROL_CHARACTER.search(wikitext) else wikitext
    source = without_extensions(source, counts)
    is_disambiguation = marks_disambiguation(source)
    expanded = Expander(definitions, site, title, counts).page(source)
    if counts["templates.expanded"]:
        expanded = without_extensions(expanded, counts)
    inline = Inline(site, counts)
    parts: list[str] = []
    links: list[Link] = []
    size = 0
    lead_end = -1
    for heading, block in blocks(without_blocks(expanded, site, counts)):
        if heading:
            counts["links.dropped.heading"] += links_in(block)
            lead_end = size if lead_end < 0 else lead_end
            continue
        marked, titles = inline.render(block)
        text, spans = placed(tidy(marked))
        if not text:
            counts["links.dropped.empty"] += len(titles)
            continue
        for (start, end), target in zip(spans, titles, strict=True):
            if start < end:
                links.append(Link(size + start, size + end, target))
            else:
                counts["links.dropped.empty"] += 1
        parts.append(text + "\n")
        size += len(text) + 1
    counts["links.kept"] = len(links)
    counts["characters.wikitext"] = len(wikitext)
    counts["characters.text"] = size
    return Rendered("".join(parts), tuple(links), size if lead_end < 0 else lead_end, is_disambiguation, counts)


CONTROL = dict.fromkeys((*range(0, 9), 11, 12, *range(14, 32), 127))
CONTROL_CHARACTER = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


# ---------------------------------------------------------------------------------------------- inline


class Inline:
    """Renders a line: mwparserfromhell finds the links, external links and entities."""

    def __init__(self, site: SiteInfo, counts: Counter[str]) -> None:
        self.site = site
        self.counts = counts
        self.trail = link_trail(site.language)
        self.titles: list[str] = []

    def render(self, line: str) -> tuple[str, list[str]]:
        """The line's text, mentions between OPEN and CLOSE, and the titles in the order of the mentions."""
        self.titles = []
        if "[" not in line and "&" not in line:
            return without_brackets(line), []
        if "<" in line:
            line = line.replace("<", "&lt;")
        before = sum(self.counts.values()) - self.counts["links.seen"]
        text = self.nodes(mwparserfromhell.parse(paired(line), skip_style_tags=True), inside=False)
        handled = sum(self.counts.values()) - self.counts["links.seen"] - before + len(self.titles)
        self.counts["links.dropped.unbalanced"] += links_in(line) - handled
        return text, self.titles

    def nodes(self, code: Any, *, inside: bool) -> str:
        """Text of parsed wikitext; `inside` a link's label no further link is made."""
        parts: list[str] = []
        trailing = False
        for node in code.nodes:
            match node:
                case Text():
                    value = node.value
                    if trailing and (match := self.trail.match(value)):
                        parts[-1] = parts[-1].removesuffix(CLOSE) + match[0] + CLOSE
                        value = value[match.end() :]
                    parts.append(without_brackets(value))
                case HTMLEntity():
                    parts.append(decoded(node))
                case Wikilink():
                    parts.append(self.link(node, inside=inside))
                case ExternalLink():
                    parts.append(self.external(node, inside=inside))
                case Tag():
                    parts.append(self.nodes(node.contents, inside=inside) if node.contents else "")
                case _:
                    parts.append(HOLE)
            trailing = isinstance(node, Wikilink) and parts[-1].endswith(CLOSE)
        return "".join(parts)

    def link(self, node: Wikilink, *, inside: bool) -> str:
        raw = str(node.title).replace(NOTHING, "")
        title = normalise_title(raw.replace(HOLE, ""), self.site)
        if title is not None and title.hidden:
            self.drop("interlanguage" if title.interwiki else "category")
            self.discard(node.text)
            return HOLE
        # A link in a link's label is the one that works; the outer one is only text around it.
        nested = node.text is not None and "[[" in str(node.text)
        if node.text is None:
            label = without_brackets(shown_title(raw)).replace("''", "")
        else:
            label = self.nodes(node.text, inside=not nested) if str(node.text).strip() else pipe_trick(raw)
        reason = "nested" if inside or nested else refusal(title)
        if not reason and not label.strip(MARKS + " \u00a0\u3000"):
            reason = "empty"
        if reason or title is None:
            self.drop(reason)
            return label
        self.titles.append(title.text)
        return OPEN + label + CLOSE

    def external(self, node: ExternalLink, *, inside: bool) -> str:
        """The label; of a bare address the address; a bracketed address without a label shows a number: a hole."""
        if not node.brackets:
            return self.nodes(node.url, inside=inside)
        return self.nodes(node.title, inside=inside) if node.title is not None and str(node.title).strip() else HOLE

    def drop(self, reason: str) -> None:
        self.counts[f"links.dropped.{reason}"] += 1

    def discard(self, code: Any) -> None:
        """Count the links in what is not shown."""
        if code is not None:
            self.counts["links.dropped.category"] += links_in(str(code))


def paired(line: str) -> str:
    """The line without brackets that have no partner and without links in links in links.

    The parser would find that out too, but takes quadratic time for it.
    """
    lone: dict[int, str] = {}
    open_brackets: list[tuple[int, str]] = []
    for match in BRACKETS.finditer(line):
        token = match[0]
        if token[0] == "[":
            open_brackets.append((match.start(), token))
            continue
        while open_brackets and open_brackets[-1][1] != OPENING[token]:
            if token == "]":
                break
            start, unclosed = open_brackets.pop()
            lone[start] = unclosed
        if open_brackets and open_brackets[-1][1] == OPENING[token]:
            start, _ = open_brackets.pop()
            if len(open_brackets) >= MAX_NESTED:
                lone[start], lone[match.start()] = OPENING[token], token
        else:
            lone[match.start()] = token
    lone |= dict(open_brackets)
    if not lone:
        return line
    return BRACKETS.sub(lambda match: ENTITIES[match[0]] if match.start() in lone else match[0], line)


def refusal(title: Any) -> str:
    """Why a shown link is no link to an article; "" for one that is."""
    if title is None:
        return "invalid"
    if title.interwiki:
        return "interwiki"
    if title.namespace != MAIN:
        return "namespace"
    return "" if title.text else "section"


def decoded(entity: HTMLEntity) -> str:
    """The character that an entity stands for; none for one that XML forbids."""
    try:
        text: str = entity.normalize()
    except (ValueError, KeyError, OverflowError):
        return str(entity)
    return "" if CONTROL_CHARACTER.match(text) or "\ud800" <= text < "\ue000" else text


def without_brackets(text: str) -> str:
    """Text without link brackets that found no partner."""
    return text.replace("[[", "").replace("]]", "") if "[[" in text or "]]" in text else text
