"""Parse wikitext with mwparserfromhell: the alternative to `scanner`. Pure functions.

It is the reference in the scanner's tests, and the fallback for a page whose links do not add up after the scan. Both
parsers call a `TextWriter`, so they can differ only in what they recognise as a link, a table, a tag, an entity or a
line. This one takes four times as long, and quadratic time for unbalanced brackets.
"""

from __future__ import annotations

import re

import mwparserfromhell
from mwparserfromhell.nodes import ExternalLink, Heading, HTMLEntity, Tag, Text, Wikilink
from mwparserfromhell.wikicode import Wikicode

from pipeline.corpus.languages import link_trail
from pipeline.corpus.render.wikitext.markup import BLOCK_TAGS, HOLE, MAGIC_WORD, ZERO_WIDTH, count_links, removal_reason
from pipeline.corpus.render.wikitext.scanner import decode_entity
from pipeline.corpus.render.wikitext.text_writer import TextWriter
from pipeline.corpus.titles import SiteInfo

TEXT_TOKEN = re.compile(
    rf"(?P<empty>\n[ \t\r\u3000{ZERO_WIDTH}]*(?=\n))|(?P<line>\n[ \t\r\u3000{ZERO_WIDTH}]*)"
    rf"|(?P<quote>''+)|(?P<magic>{MAGIC_WORD})|\[\[|\]\]"
)


def parse_with_mwparserfromhell(text: str, site: SiteInfo) -> TextWriter:
    """Parse a page that has no comments, extension tags or templates any more, and return the writer of its text."""
    visitor = NodeVisitor(site)
    visitor.visit_nodes(mwparserfromhell.parse("\n" + text, skip_style_tags=True))
    return visitor.writer


class NodeVisitor:
    """A walk over the nodes of one parsed page."""

    def __init__(self, site: SiteInfo) -> None:
        self.writer = TextWriter(site)
        self.trail_pattern = link_trail(site.language)

    def visit_nodes(self, code: Wikicode) -> None:
        """Pass the nodes to the writer, in order."""
        skip = 0
        nodes = code.nodes
        for index, node in enumerate(nodes):
            match node:
                case Text():
                    self.visit_text(node.value[skip:])
                case HTMLEntity():
                    self.writer.parts.append(decode_entity(str(node)))
                case Wikilink():
                    after = nodes[index + 1] if index + 1 < len(nodes) else None
                    trail = self.trail_pattern.match(after.value) if isinstance(after, Text) else None
                    skip = trail.end() if trail else 0
                    self.visit_link(node, trail[0] if trail else "")
                    continue
                case ExternalLink():
                    self.visit_external_link(node)
                case Heading():
                    self.writer.add_heading(str(node))
                case Tag():
                    self.visit_tag(node)
                case _:
                    self.writer.parts.append(HOLE)
            skip = 0

    def visit_text(self, value: str) -> None:
        """Pass text to the writer, split at line breaks and apostrophes."""
        writer, end = self.writer, 0
        for match in TEXT_TOKEN.finditer(value):
            writer.parts.append(value[end : match.start()])
            end = match.end()
            match match.lastgroup:
                case "empty":
                    writer.end_block()
                case "line":
                    writer.end_line()
                case "quote":
                    start = match.start()
                    before = value[max(0, start - 2) : start] or "".join(writer.parts[-2:])[-2:]
                    writer.add_apostrophes(end - start, before.rpartition("\n")[2])
                case None if match[0] == "[[":
                    writer.count_drop("unbalanced", 1, 2)
        writer.parts.append(value[end:])

    def visit_link(self, node: Wikilink, trail: str) -> None:
        """Pass a link with its label and trail to the writer."""
        writer, raw = self.writer, str(node.title)
        if node.text is None or not str(node.text).strip():
            writer.add_link(raw, None if node.text is None else "", trail)
            return
        depth = len(writer.frames)
        writer.open_link(raw, 0)
        self.visit_nodes(node.text)
        if len(writer.frames) > depth:
            writer.close_link(str(node), trail)
        else:  # a block inside the label made the writer give up the link
            writer.parts.append(trail)

    def visit_external_link(self, node: ExternalLink) -> None:
        """Pass an external link to the writer; without brackets it is text."""
        if not node.brackets:
            self.visit_nodes(node.url)
            return
        depth = len(self.writer.frames)
        self.writer.open_external(str(node.url), 0)
        if node.title is not None:
            self.visit_nodes(node.title)
        if len(self.writer.frames) > depth:
            self.writer.close_external()

    def visit_tag(self, node: Tag) -> None:
        name, source = str(node.tag).strip().lower(), str(node)
        attributes = " ".join(map(str, node.attributes))
        if node.wiki_markup in ("*", "#", ":", ";"):
            self.writer.start_item()
            return
        block = name in BLOCK_TAGS
        reason = removal_reason(name, attributes) if node.contents else ""
        if reason == "heading":
            self.writer.add_heading(source)
        elif reason:
            self.writer.count_drop(reason, count_links(source), len(source))
            self.writer.end_block() if block else self.writer.parts.append(HOLE)
        elif name == "br":
            self.writer.parts.append(" ")
        else:
            self.writer.end_block() if block else self.writer.parts.append(ZERO_WIDTH)
            if node.contents:
                self.visit_nodes(node.contents)
                self.writer.end_block() if block else self.writer.parts.append(ZERO_WIDTH)
