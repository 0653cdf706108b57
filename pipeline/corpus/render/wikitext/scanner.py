"""Parse wikitext without templates in one pass. Pure functions.

One compiled pattern matches every piece of markup: the start of a line, a whole link, the start of a link, "]]", an
external link, "]", apostrophes, an entity, a tag, a magic word. The scanner iterates over the matches, about 20 per
1,000 characters, and calls the `TextWriter` for each; everything between two matches is text. A link with a plain label
(19 of 20 links) is a single match, including its trail. Tables and headings, which are removed as a whole, are
recognised at the start of their line and skipped.

Run time is linear in the length of the page: each alternative of the pattern starts with a different character, every
repetition is possessive, and a search for an end that may be missing runs at most once per page. 25 MB/s. No input
makes it raise an error.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache

from pipeline.corpus.languages import link_trail
from pipeline.corpus.render.wikitext.markup import (
    BLOCK_TAGS,
    HOLE,
    MAGIC_WORD,
    PLACEHOLDERS,
    TAG_NAMES,
    ZERO_WIDTH,
    count_links,
    removal_reason,
)
from pipeline.corpus.render.wikitext.text_writer import ELEMENT, EXTERNAL, TextWriter
from pipeline.corpus.titles import SiteInfo, unescape_entity

SCHEMES = "https?|ftps?|sftp|ircs?|news|nntp|gopher|git|svn|worldwind|telnet|ssh|rtsp|mms|xmpp|redis"
LINE_STARTS = frozenset("={|!-")
"""First characters of lines that may be something other than text or a list item."""
HORIZONTAL_RULE = re.compile("-++")
HEADING_LINE = re.compile(r"\n=[^\n]*=[ \t]*(?=\n|\Z)")
TABLE_EDGE = re.compile(rf"\n[ \t\r:;*#\u3000{ZERO_WIDTH}]*+(?:\{{\|(?!\}})|\|\}}(?!\}}))")
HTML_TABLE_TAG = re.compile(r"</?table\b[^<>]*+>", re.IGNORECASE)
TABLE_REMNANT = re.compile(r"\|(?!\w+\|\n)|![^\n]*(?:!!|\|\||(?:scope|style|width|colspan|rowspan)=)")
DEFINITION_LINE = re.compile(rf"\n[ \t{ZERO_WIDTH}]*+[*#:]*+;[^\n]*")
TOKEN_KINDS = ("line", "link", "open", "external", "close", "bracket", "quote", "entity", "tag", "magic")
"""Groups of `token_pattern` that name the kind of a token; `Scanner` has a method `handle_<kind>` for each."""
COLON_OR_BRACKETS = re.compile(r"\[+|\]+|:(?!//)")


@cache
def token_pattern(language: str) -> re.Pattern[str]:
    """Return the pattern of all markup; the letters of a link's trail depend on the language."""
    letters = link_trail(language).pattern
    trail = letters.replace("+", "*+") if letters.startswith("[") else ""
    target = r"[^\[\]|\n<>{}]*+"
    return re.compile(
        rf"""
          \n (?P<blank> \n*+ ) (?P<line> [ \t\r\u3000{ZERO_WIDTH}]*+ [*\#:;]*+ (?: [ \t]++ [*\#:;]++ )*+ )
        | \[ (?P<link> \[ (?P<target> {target} ) (?: \| (?P<label> [^\[\]|\n<>{{}}&{PLACEHOLDERS}]*+ ) )? \]\]
                       (?P<trail> {trail} ) )
        | \[ (?P<open> \[ (?: (?= \[\[ ) | (?! \[ ) (?: (?P<opened> [^\[\]|\n]*+ ) \| )?+ ) )
        | \[ (?P<external> (?: (?i:{SCHEMES}):// | // | (?i:mailto|tel|sip|geo|magnet|urn): )
                           [^\s\[\]<>"{HOLE}]*+ [ \t]*+ )
        | \] (?P<close> \] (?P<close_trail> {trail} ) )
        | \] (?P<bracket> )
        | \' (?P<quote> \'++ )
        | &  (?P<entity> (?: \#\d{{1,8}} | \#[xX][0-9a-fA-F]{{1,7}} | [A-Za-z][A-Za-z0-9]{{1,31}} ) ; )
        | <  (?P<tag> (?P<closes> /? ) (?P<name> (?i:{TAG_NAMES}) ) (?= [\s/>] ) (?P<attributes> [^<>]*+ ) > )
        | {MAGIC_WORD} (?P<magic> )
        """,
        re.VERBOSE,
    )


def scan(text: str, site: SiteInfo) -> TextWriter:
    """Parse a page that has no comments, extension tags or templates any more, and return the writer of its text."""
    scanner = Scanner(DEFINITION_LINE.sub(split_definition, "\n" + text), site)
    at: int | None = 0
    while at is not None:
        at = scanner.run(at)
    return scanner.writer


class Scanner:
    """The scan of one page.

    Each handler processes one kind of token. It returns the position at which to continue, or None to continue right
    after the token.
    """

    def __init__(self, text: str, site: SiteInfo) -> None:
        self.text = text
        self.writer = TextWriter(site)
        self.find_tokens = token_pattern(site.language).finditer
        self.handlers: dict[str | None, Callable[[re.Match[str]], int | None]] = {
            kind: getattr(self, f"handle_{kind}") for kind in TOKEN_KINDS
        }
        self.table_ends: dict[int, int] | None = None
        """Start -> end of each table; computed when the first table is met."""

    def run(self, at: int) -> int | None:
        """Handle the tokens from `at` on, up to the first one that jumps.

        Returns:
            The position that it jumps to, or None at the end of the page.
        """
        text, write, handlers = self.text, self.writer.parts.append, self.handlers
        for token in self.find_tokens(text, at):
            start, end = token.span()
            if start > at:
                write(text[at:start])
            at = end
            jump = handlers[token.lastgroup](token)
            if jump is not None:
                return jump
        write(text[at:])
        return None

    # ---- lines

    def handle_line(self, token: re.Match[str]) -> int | None:
        """Handle the start of a line, and the blank lines before it."""
        if token["blank"]:
            self.writer.end_block()
        at = token.end()
        is_list_item = self.text[at - 1] in "*#:;"
        ahead = self.text[at : at + 1]
        if ahead in LINE_STARTS and (not is_list_item or ahead == "{"):
            jump = self.handle_special_line(ahead, at)
            if jump is not None:
                return jump
        if is_list_item:
            self.writer.start_item()
        elif ahead in ("\n", ""):
            self.writer.end_block()
        else:
            self.writer.end_line()
        return None

    def handle_special_line(self, ahead: str, at: int) -> int | None:
        """Handle the line whose text begins at `at` if it is a heading, a table or a rule.

        Returns:
            The position at which to continue, or None if the line is none of these.
        """
        text = self.text
        if ahead == "{" and text.startswith("{|", at) and (end := self.find_table_end(at)):
            return self.skip("table", at, end)
        if ahead == "-" and text.startswith("----", at):
            self.writer.end_block()
            return HORIZONTAL_RULE.match(text, at).end()  # type: ignore[union-attr]
        if ahead in "=|!" and ahead:
            stop = text.find("\n", at)
            stop = len(text) if stop < 0 else stop
            if ahead == "=":
                content = text[at:stop].rstrip(" \t\r" + PLACEHOLDERS)
                if content[-1] == "=" and content.strip("="):
                    self.writer.add_heading(content)
                    return stop
            elif not self.writer.frames and TABLE_REMNANT.match(text, at):
                return self.skip("table", at, stop)
        return None

    def skip(self, reason: str, start: int, end: int) -> int:
        """Count `text[start:end]` as dropped, and return `end`."""
        source = self.text[start:end]
        self.writer.end_block()
        self.writer.count_drop(reason, count_links(source), len(source))
        self.writer.end_block()
        return end

    def find_table_end(self, start: int) -> int | None:
        """Return the end of the table that begins at `start`, or None if no table begins there."""
        if self.table_ends is None:
            self.table_ends = find_tables(self.text)
        return self.table_ends.get(start)

    # ---- links

    def handle_link(self, token: re.Match[str]) -> int | None:
        """Handle a whole link with a plain label, including its trail."""
        raw, label, trail = token.group("target", "label", "trail")
        if label is not None and "''" in label:
            self.writer.open_link(raw, token.start())
            return token.start("label")
        self.writer.add_link(raw, label, trail)
        return None

    def handle_open(self, token: re.Match[str]) -> None:
        """Handle the start of a link whose label contains markup."""
        if token["opened"] is None and self.text.startswith("[[", token.end()):
            self.writer.count_drop("unbalanced", 1, 2)
        else:
            self.writer.open_link(token["opened"] or "", token.start())

    def handle_close(self, token: re.Match[str]) -> int | None:
        """Handle "]]": close the innermost link; if no link is open, keep only the trail."""
        writer, trail = self.writer, token["close_trail"]
        frames = writer.frames
        if all(frame.kind == ELEMENT for frame in frames):
            writer.parts.append(trail)
            return None
        while frames[-1].kind == ELEMENT:
            frames.pop()  # an element that the page should have closed before the link
        if frames[-1].kind == EXTERNAL:
            writer.close_external()
            return token.start() + 1
        writer.close_link(self.text[frames[-1].start : token.end() - len(trail)], trail)
        return None

    def handle_external(self, token: re.Match[str]) -> None:
        """Handle the start of an external link in brackets."""
        self.writer.open_external(token["external"], token.start())

    def handle_bracket(self, _token: re.Match[str]) -> None:
        """Handle "]", which closes an external link."""
        if self.writer.frames and self.writer.frames[-1].kind == EXTERNAL:
            self.writer.close_external()
        else:
            self.writer.parts.append("]")

    # ---- the rest

    def handle_quote(self, token: re.Match[str]) -> None:
        """Handle a run of apostrophes."""
        start = token.start()
        self.writer.add_apostrophes(token.end() - start, self.text[max(0, start - 2) : start].rpartition("\n")[2])

    def handle_entity(self, token: re.Match[str]) -> None:
        """Add the character of an entity."""
        self.writer.parts.append(decode_entity(token[0]))

    def handle_magic(self, _token: re.Match[str]) -> None:
        """Add nothing: a magic word is not shown."""

    def handle_tag(self, token: re.Match[str]) -> None:
        name, attributes, frames = token["name"].lower(), token["attributes"], self.writer.frames
        if token["closes"]:
            if frames and self.close_element(name, token.end()):
                return
        elif not attributes.endswith("/"):
            reason = removal_reason(name, attributes)
            # An element that is kept matters only inside a frame of the same name: its end tag must not close that one.
            if reason or (frames and any(frame.kind == ELEMENT and frame.name == name for frame in frames)):
                self.writer.open_frame(ELEMENT, name, token.start(), reason)
                return
        if name == "br":
            self.writer.parts.append(" ")
        elif name in BLOCK_TAGS:
            self.writer.end_block()
        else:
            self.writer.parts.append(ZERO_WIDTH)

    def close_element(self, name: str, end: int) -> bool:
        """Close the innermost open element with this name.

        Returns:
            Whether there was one.
        """
        frames = self.writer.frames
        for index in range(len(frames) - 1, -1, -1):
            frame = frames[index]
            if frame.kind == ELEMENT and frame.name == name:
                del frames[index]
                if frame.reason:
                    self.writer.cut_frame(frame, frame.reason, self.text[frame.start : end])
                    if frame.reason == "heading":
                        self.writer.add_heading("")
                    elif name in BLOCK_TAGS:
                        self.writer.end_block()
                    else:
                        self.writer.parts.append(HOLE)
                return True
        return False


def split_definition(match: re.Match[str]) -> str:
    """Put the term and the definition of "; term : definition" on lines of their own."""
    line, depth = match[0], 0
    for token in COLON_OR_BRACKETS.finditer(line, line.index(";")):
        if token[0] != ":":
            depth += len(token[0]) if token[0][0] == "[" else -len(token[0])
        elif depth == 0:
            return f"{line[: token.start()]}\n{line[token.start() :]}"
    return line


def find_tables(text: str) -> dict[int, int]:
    """Return start -> end of every table; a table that is never closed ends at the next heading."""
    spans: dict[int, int] = {}
    open_tables: list[int] = []
    tokens = [*TABLE_EDGE.finditer(text)]
    if "</table" in text:  # closes a table of either kind
        tokens = sorted([*tokens, *HTML_TABLE_TAG.finditer(text)], key=re.Match.start)
    for match in tokens:
        if match[0].endswith("{|"):
            open_tables.append(match.end() - 2)
        elif match[0][:1] == "<" and match[0][1] != "/":
            open_tables.append(-1)
        elif open_tables and (start := open_tables.pop()) >= 0:
            spans[start] = match.end()
    end = 0
    for start in open_tables:
        if start < 0:
            continue
        if start >= end:
            heading = HEADING_LINE.search(text, start)
            end = heading.start() if heading else len(text)
        spans[start] = end
    return spans


@cache
def decode_entity(entity: str) -> str:
    """Return the character of an entity; "" for one that XML forbids; an unknown entity is returned unchanged."""
    if entity[1] != "#":
        return unescape_entity(entity)
    number = int(entity[3:-1], 16) if entity[2] in "xX" else int(entity[2:-1])
    if number in (9, 10, 13):
        return " "
    allowed = (
        0x20 <= number < 0x7F or 0xA0 <= number < 0xD800 or 0xE000 <= number < 0xFFFE or 0xFFFF < number < 0x110000
    )
    return chr(number) if allowed else ""
