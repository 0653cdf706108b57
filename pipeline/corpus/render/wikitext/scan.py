"""Wikitext without templates -> the page's text in the making, in one pass. Pure.

One compiled pattern knows the few things that mean something: a line's beginning, a whole link, an opened link, "]]",
an external link, "]", apostrophes, an entity, a tag, a magic word. Python jumps from one of them to the next, 20 of
them in 1,000 characters, and tells the `Writer` what it is; all between two of them is text. A link with a plain label,
19 of 20, is one match, trail included. What goes as a whole and begins a line (tables, headings) is found from there
and jumped over.

Linear in the page: every alternative begins with a letter of its own, each run in it is possessive, and nothing looks
for an end that it may not find more than once a page. 25 MB/s. Nothing in a page can make it raise.
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
    NOTHING,
    TAG_NAMES,
    UNSEEN,
    hides,
    links_in,
)
from pipeline.corpus.render.wikitext.writer import ELEMENT, EXTERNAL, Writer
from pipeline.corpus.titles import SiteInfo, named

SCHEMES = "https?|ftps?|sftp|ircs?|news|nntp|gopher|git|svn|worldwind|telnet|ssh|rtsp|mms|xmpp|redis"
LINE_STARTS = frozenset("={|!-")
"""What may make a line something else than text or a list's item."""
RULE = re.compile("-++")
HEADING_LINE = re.compile(r"\n=[^\n]*=[ \t]*(?=\n|\Z)")
TABLE = re.compile(rf"\n[ \t\r:;*#\u3000{NOTHING}]*+(?:\{{\|(?!\}})|\|\}}(?!\}}))")
HTML_TABLE = re.compile(r"</?table\b[^<>]*+>", re.IGNORECASE)
TABLE_REMNANT = re.compile(r"\|(?!\w+\|\n)|![^\n]*(?:!!|\|\||(?:scope|style|width|colspan|rowspan)=)")
DEFINITION = re.compile(rf"\n[ \t{NOTHING}]*+[*#:]*+;[^\n]*")
KINDS = ("line", "link", "open", "external", "close", "bracket", "quote", "entity", "tag", "magic")
"""The groups of `master` that a token ends with; the `Scanner` has a method for each."""
COLON = re.compile(r"\[+|\]+|:(?!//)")


@cache
def master(language: str) -> re.Pattern[str]:
    """The pattern; the letters that a link swallows are the language's."""
    letters = link_trail(language).pattern
    trail = letters.replace("+", "*+") if letters.startswith("[") else ""
    target = r"[^\[\]|\n<>{}]*+"
    return re.compile(
        rf"""
          \n (?P<blank> \n*+ ) (?P<line> [ \t\r\u3000{NOTHING}]*+ [*\#:;]*+ (?: [ \t]++ [*\#:;]++ )*+ )
        | \[ (?P<link> \[ (?P<target> {target} ) (?: \| (?P<label> [^\[\]|\n<>{{}}&{UNSEEN}]*+ ) )? \]\]
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


def scan(text: str, site: SiteInfo) -> Writer:
    """Go through a page, without comments, extension tags and templates."""
    scanner = Scanner(DEFINITION.sub(two_items, "\n" + text), site)
    at: int | None = 0
    while at is not None:
        at = scanner.run(at)
    return scanner.writer


class Scanner:
    """One page's scan; each method handles a kind of token, and says where to go on if not behind it."""

    def __init__(self, text: str, site: SiteInfo) -> None:
        self.text = text
        self.writer = Writer(site)
        self.tokens = master(site.language).finditer
        self.handlers: dict[str | None, Callable[[re.Match[str]], int | None]] = {
            kind: getattr(self, kind) for kind in KINDS
        }
        self.tables: dict[int, int] | None = None
        """Where each table begins and ends, once one is met."""

    def run(self, at: int) -> int | None:
        """Handle the tokens from `at` on; where one jumps to ends the run, None is the page's end."""
        text, write, handlers = self.text, self.writer.parts.append, self.handlers
        for token in self.tokens(text, at):
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

    def line(self, token: re.Match[str]) -> int | None:
        if token["blank"]:
            self.writer.block()
        at = token.end()
        listed = self.text[at - 1] in "*#:;"
        ahead = self.text[at : at + 1]
        if ahead in LINE_STARTS and (not listed or ahead == "{"):
            jump = self.special_line(ahead, at)
            if jump is not None:
                return jump
        if listed:
            self.writer.item()
        elif ahead in ("\n", ""):
            self.writer.block()
        else:
            self.writer.line()
        return None

    def special_line(self, ahead: str, at: int) -> int | None:
        """Where to go on if the line whose text begins at `at` is a heading, a table or a rule."""
        text = self.text
        if ahead == "{" and text.startswith("{|", at) and (end := self.table_end(at)):
            return self.jump_over("table", at, end)
        if ahead == "-" and text.startswith("----", at):
            self.writer.block()
            return RULE.match(text, at).end()  # type: ignore[union-attr]
        if ahead in "=|!" and ahead:
            stop = text.find("\n", at)
            stop = len(text) if stop < 0 else stop
            if ahead == "=":
                content = text[at:stop].rstrip(" \t\r" + UNSEEN)
                if content[-1] == "=" and content.strip("="):
                    self.writer.heading(content)
                    return stop
            elif not self.writer.frames and TABLE_REMNANT.match(text, at):
                return self.jump_over("table", at, stop)
        return None

    def jump_over(self, reason: str, start: int, end: int) -> int:
        source = self.text[start:end]
        self.writer.block()
        self.writer.drop(reason, links_in(source), len(source))
        self.writer.block()
        return end

    def table_end(self, start: int) -> int | None:
        """Where the table that begins at `start` ends; None if none begins there."""
        if self.tables is None:
            self.tables = table_spans(self.text)
        return self.tables.get(start)

    # ---- links

    def link(self, token: re.Match[str]) -> int | None:
        raw, label, trail = token.group("target", "label", "trail")
        if label is not None and "''" in label:
            self.writer.open_link(raw, token.start())
            return token.start("label")
        self.writer.link(raw, label, trail)
        return None

    def open(self, token: re.Match[str]) -> None:
        if token["opened"] is None and self.text.startswith("[[", token.end()):
            self.writer.drop("unbalanced", 1, 2)
        else:
            self.writer.open_link(token["opened"] or "", token.start())

    def close(self, token: re.Match[str]) -> int | None:
        writer, trail = self.writer, token["close_trail"]
        frames = writer.frames
        if all(frame.kind == ELEMENT for frame in frames):
            writer.parts.append(trail)
            return None
        while frames[-1].kind == ELEMENT:
            frames.pop()  # it should have ended before
        if frames[-1].kind == EXTERNAL:
            writer.close_external()
            return token.start() + 1
        writer.close_link(self.text[frames[-1].start : token.end() - len(trail)], trail)
        return None

    def external(self, token: re.Match[str]) -> None:
        self.writer.open_external(token["external"], token.start())

    def bracket(self, _token: re.Match[str]) -> None:
        if self.writer.frames and self.writer.frames[-1].kind == EXTERNAL:
            self.writer.close_external()
        else:
            self.writer.parts.append("]")

    # ---- the rest

    def quote(self, token: re.Match[str]) -> None:
        start = token.start()
        self.writer.quote(token.end() - start, self.text[max(0, start - 2) : start].rpartition("\n")[2])

    def entity(self, token: re.Match[str]) -> None:
        self.writer.parts.append(decoded(token[0]))

    def magic(self, _token: re.Match[str]) -> None:
        pass

    def tag(self, token: re.Match[str]) -> None:
        name, attributes, frames = token["name"].lower(), token["attributes"], self.writer.frames
        if token["closes"]:
            if frames and self.close_element(name, token.end()):
                return
        elif not attributes.endswith("/"):
            reason = hides(name, attributes)
            # What is not cut is of interest only inside of one of its name that will be.
            if reason or (frames and any(frame.kind == ELEMENT and frame.name == name for frame in frames)):
                self.writer.open(ELEMENT, name, token.start(), reason)
                return
        if name == "br":
            self.writer.parts.append(" ")
        elif name in BLOCK_TAGS:
            self.writer.block()
        else:
            self.writer.parts.append(NOTHING)

    def close_element(self, name: str, end: int) -> bool:
        """The innermost open element of that name ends; whether there was one."""
        frames = self.writer.frames
        for index in range(len(frames) - 1, -1, -1):
            frame = frames[index]
            if frame.kind == ELEMENT and frame.name == name:
                del frames[index]
                if frame.reason:
                    self.writer.cut(frame, frame.reason, self.text[frame.start : end])
                    if frame.reason == "heading":
                        self.writer.heading("")
                    elif name in BLOCK_TAGS:
                        self.writer.block()
                    else:
                        self.writer.parts.append(HOLE)
                return True
        return False


def two_items(match: re.Match[str]) -> str:
    """ "; term : definition" as two lines."""
    line, depth = match[0], 0
    for token in COLON.finditer(line, line.index(";")):
        if token[0] != ":":
            depth += len(token[0]) if token[0][0] == "[" else -len(token[0])
        elif depth == 0:
            return f"{line[: token.start()]}\n{line[token.start() :]}"
    return line


def table_spans(text: str) -> dict[int, int]:
    """Start -> end of every table; one that is never closed goes on to the next heading."""
    spans: dict[int, int] = {}
    open_tables: list[int] = []
    tokens = [*TABLE.finditer(text)]
    if "</table" in text:  # it closes a table of either kind
        tokens = sorted([*tokens, *HTML_TABLE.finditer(text)], key=re.Match.start)
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
def decoded(entity: str) -> str:
    """The character that an entity stands for; none for one that XML forbids, itself where it stands for none."""
    if entity[1] != "#":
        return named(entity)
    number = int(entity[3:-1], 16) if entity[2] in "xX" else int(entity[2:-1])
    if number in (9, 10, 13):
        return " "
    allowed = (
        0x20 <= number < 0x7F or 0xA0 <= number < 0xD800 or 0xE000 <= number < 0xFFFE or 0xFFFF < number < 0x110000
    )
    return chr(number) if allowed else ""
