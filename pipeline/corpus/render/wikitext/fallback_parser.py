"""The second way from wikitext to text: mwparserfromhell finds the markup. Pure.

It is the oracle of the scanner's tests, and the second try for a page that the scanner is not sure of. Both tell a
`Writer` what they find, so they can only differ in what they take for a link, a table, a tag, an entity or a line. It
takes four times as long, and quadratic time for brackets without a partner.
"""

from __future__ import annotations

import re
from typing import Any

import mwparserfromhell
from mwparserfromhell.nodes import ExternalLink, Heading, HTMLEntity, Tag, Text, Wikilink

from pipeline.corpus.languages import link_trail
from pipeline.corpus.render.wikitext.markup import BLOCK_TAGS, HOLE, MAGIC_WORD, NOTHING, hides, links_in
from pipeline.corpus.render.wikitext.scan import decoded
from pipeline.corpus.render.wikitext.writer import Writer
from pipeline.corpus.titles import SiteInfo

PIECE = re.compile(
    r"(?P<empty>\n[ \t\r\u3000\x02]*(?=\n))|(?P<line>\n[ \t\r\u3000\x02]*)"
    rf"|(?P<quote>''+)|(?P<magic>{MAGIC_WORD})|\[\[|\]\]"
)


def parse(text: str, site: SiteInfo) -> Writer:
    """Go through a page, without comments, extension tags and templates."""
    walk = Walk(site)
    walk.nodes(mwparserfromhell.parse("\n" + text, skip_style_tags=True))
    return walk.writer


class Walk:
    """One page's walk over the nodes of the parser."""

    def __init__(self, site: SiteInfo) -> None:
        self.writer = Writer(site)
        self.trail = link_trail(site.language)

    def nodes(self, code: Any) -> None:
        skip = 0
        nodes = code.nodes
        for index, node in enumerate(nodes):
            match node:
                case Text():
                    self.text(node.value[skip:])
                case HTMLEntity():
                    self.writer.parts.append(decoded(str(node)))
                case Wikilink():
                    after = nodes[index + 1] if index + 1 < len(nodes) else None
                    trail = self.trail.match(after.value) if isinstance(after, Text) else None
                    skip = trail.end() if trail else 0
                    self.link(node, trail[0] if trail else "")
                    continue
                case ExternalLink():
                    self.external(node)
                case Heading():
                    self.writer.heading(str(node))
                case Tag():
                    self.tag(node)
                case _:
                    self.writer.parts.append(HOLE)
            skip = 0

    def text(self, value: str) -> None:
        writer, end = self.writer, 0
        for match in PIECE.finditer(value):
            writer.parts.append(value[end : match.start()])
            end = match.end()
            match match.lastgroup:
                case "empty":
                    writer.block()
                case "line":
                    writer.line()
                case "quote":
                    start = match.start()
                    before = value[max(0, start - 2) : start] or "".join(writer.parts[-2:])[-2:]
                    writer.quote(end - start, before.rpartition("\n")[2])
                case None if match[0] == "[[":
                    writer.drop("unbalanced", 1, 2)
        writer.parts.append(value[end:])

    def link(self, node: Wikilink, trail: str) -> None:
        writer, raw = self.writer, str(node.title)
        if node.text is None or not str(node.text).strip():
            writer.link(raw, None if node.text is None else "", trail)
            return
        depth = len(writer.frames)
        writer.open_link(raw, 0)
        self.nodes(node.text)
        if len(writer.frames) > depth:
            writer.close_link(str(node), trail)
        else:  # a block in the label ended it
            writer.parts.append(trail)

    def external(self, node: ExternalLink) -> None:
        if not node.brackets:
            self.nodes(node.url)
            return
        depth = len(self.writer.frames)
        self.writer.open_external(str(node.url), 0)
        if node.title is not None:
            self.nodes(node.title)
        if len(self.writer.frames) > depth:
            self.writer.close_external()

    def tag(self, node: Tag) -> None:
        name, source = str(node.tag).strip().lower(), str(node)
        attributes = " ".join(map(str, node.attributes))
        if node.wiki_markup in ("*", "#", ":", ";"):
            self.writer.item()
            return
        block = name in BLOCK_TAGS
        reason = hides(name, attributes) if node.contents else ""
        if reason == "heading":
            self.writer.heading(source)
        elif reason:
            self.writer.drop(reason, links_in(source), len(source))
            self.writer.block() if block else self.writer.parts.append(HOLE)
        elif name == "br":
            self.writer.parts.append(" ")
        else:
            self.writer.block() if block else self.writer.parts.append(NOTHING)
            if node.contents:
                self.nodes(node.contents)
                self.writer.block() if block else self.writer.parts.append(NOTHING)
