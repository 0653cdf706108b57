"""Clean a page's text: white space, and the punctuation around removed content. Pure functions.

Mentions are between MENTION_START and MENTION_END within the text, so the spans stay correct however the text changes;
`extract_spans` removes these marks at the end. Punctuation is changed only around a HOLE; everything else stays as the
editors wrote it.

Each step is one regular expression or `str` method over the whole page. Python code handles only lines with a hole, one
hole at a time. Every step is linear in the length of the page.
"""

from __future__ import annotations

import re

from pipeline.corpus.render.wikitext.markup import HOLE, MENTION_END, MENTION_START, ZERO_WIDTH

ODD_SPACES = [*"\t\f\r\u00a0\u1680\u202f\u205f", *map(chr, range(0x2000, 0x200B))]
"""Characters that a reader sees as a space; the ideographic space is kept. Testing for each character first, here and
below, is three times as fast as one pattern for all."""
REPEATED_SPACES = re.compile("  +")
INVISIBLE_CHARACTERS = [
    *"\u00ad\u200b\u200e\u200f\u2060\ufeff",
    *map(chr, (*range(0x202A, 0x202F), *range(0x2066, 0x206A))),
]
BRACKETED_SPACE = re.compile(rf"(\(){ZERO_WIDTH}++ | {ZERO_WIDTH}++(\))")
"""A space between a bracket and a removed tag: "(<small> a </small>)"."""
HOLE_LINES = re.compile(rf"\r[ \t]*+{HOLE}[ \t{HOLE}]*+(?=[\r\n])")
"""A line that contained only templates or pictures; it ends the paragraph."""
BRACKET_CONTENT = rf"[^()（）\n{MENTION_START}{MENTION_END}]*"
CURRENCY_SIGNS = frozenset("$£€¥₹")
EMPTIED_AMOUNT = re.compile(rf"[(（](?:{BRACKET_CONTENT}[$£€¥₹]{HOLE}|{HOLE} years\b){BRACKET_CONTENT}[)）]")
"""A remark in brackets whose number was a removed calculation: "(equivalent to $ in 2020)", "( years ago)"."""
SPACE_OR_HOLE = " \u3000" + HOLE
LEFT_EDGE = re.compile(f"{MENTION_START}([{SPACE_OR_HOLE}]+)")
RIGHT_EDGE = re.compile(f"{MENTION_END}(?<=[{SPACE_OR_HOLE}]{MENTION_END})")
"""The pattern begins with MENTION_END, which is rare, so the search does not stop at every space."""
OPENING, CLOSING = "(（[［「『【〈《“", ")）]］」』】〉》”"
BRACKETS = dict(zip(OPENING, CLOSING, strict=True))
SEPARATOR = ",;:，；：、،؛"
FULL_STOP = ".!?。．！？"
SPACES_AND_SEPARATORS = " " + SEPARATOR
BRACKET_SEPARATORS = "/／|–-·・"
"""Further separators, but only inside brackets."""
DASHES = "-–—~〜"
DASH_BEFORE_BRACKET = re.compile(rf"[{DASHES}] *(?=[)）])")
LEADING_DASH = re.compile(rf"[{DASHES}] ")
TRAILING_DASH = re.compile(rf" [{DASHES}]\Z")
"""A dash between the line's text and removed content at its edge: "A –" of "A – {{b}}"."""
MAX_BRACKETS = 8
"""Maximum nesting depth of brackets that are removed around one hole."""
WORD_OR_MENTION = re.compile(rf"[\w{MENTION_START}]")
"""A line with a hole is kept only if this matches."""


def clean_text(marked: str) -> str:
    """Return the cleaned lines, each ended by a newline; MENTION_START and MENTION_END stay paired."""
    text = marked
    if f"{ZERO_WIDTH})" in text or f"({ZERO_WIDTH}" in text:
        text = BRACKETED_SPACE.sub(r"\1\2", text)
    text = text.replace(ZERO_WIDTH, "")
    if not text.isascii():
        for mark in INVISIBLE_CHARACTERS:
            if mark in text:
                text = text.replace(mark, "")
    if HOLE in text:
        text = HOLE_LINES.sub("\n", text)
    text = collapse_spaces(text)
    if MENTION_START in text:
        text = trim_mentions(text)
    lines = (close_holes(line) if HOLE in line else line.strip(" \u3000") for line in text.split("\n"))
    return "".join([f"{line}\n" for line in lines if line])


def collapse_spaces(text: str) -> str:
    """Replace each run of white space of any kind by one space."""
    for space in ODD_SPACES:
        if space in text:
            text = text.replace(space, " ")
    return REPEATED_SPACES.sub(" ", text)


def trim_mentions(text: str) -> str:
    """Move white space and holes at the edges of mentions outside them."""
    moved = LEFT_EDGE.sub(rf"\1{MENTION_START}", text)
    parts: list[str] = []
    end = 0
    for match in RIGHT_EDGE.finditer(moved):
        piece = moved[end : match.start()]
        core = piece.rstrip(SPACE_OR_HOLE)
        parts += (core, MENTION_END, piece[len(core) :])
        end = match.end()
    moved = "".join([*parts, moved[end:]])
    return text if moved == text else REPEATED_SPACES.sub(" ", moved)


def close_holes(line: str) -> str:
    """Remove the holes of a line: "Rome ( ; ) is" -> "Rome is", "at , in" -> "at, in", "(, 1950)" -> "(1950)"."""
    pieces = line.split(HOLE)
    if any(piece[-1:] in CURRENCY_SIGNS or piece[:6] == " years" for piece in pieces):
        pieces = EMPTIED_AMOUNT.sub(HOLE, line).split(HOLE)
    first, *pieces = pieces
    kept = first.rstrip(SPACES_AND_SEPARATORS)
    run = first[len(kept) :]
    """Spaces, separators and holes after `kept`."""
    parts: list[str] = []
    """Alternating text and joints; `kept` is the next text."""
    for piece in pieces:
        body = piece.lstrip(SPACES_AND_SEPARATORS)
        if body[:1] in DASHES and (dash := DASH_BEFORE_BRACKET.match(body)):
            body = body[dash.end() :]  # a dash between the hole and a closing bracket
        run += HOLE + piece[: len(piece) - len(body)]
        for _ in range(MAX_BRACKETS):
            if body[:1] not in CLOSING:
                break
            # Remove brackets that have become empty, as part of the hole.
            inner, back = kept.rstrip(SPACES_AND_SEPARATORS + BRACKET_SEPARATORS), 0
            while not inner and back < len(parts):
                back += 2
                inner = parts[-back].rstrip(SPACES_AND_SEPARATORS + BRACKET_SEPARATORS)
            if not (inner and body) or BRACKETS.get(inner[-1]) != body[0]:
                break
            del parts[len(parts) - back :]
            before, rest = inner[:-1], body[1:]
            kept, body = before.rstrip(SPACES_AND_SEPARATORS), rest.lstrip(SPACES_AND_SEPARATORS)
            run = before[len(kept) :] + HOLE + rest[: len(rest) - len(body)]
            if not kept and parts:
                run = parts.pop() + run
                kept = parts.pop()
        if not body:
            continue
        if not kept and not parts:
            body = body.lstrip(SPACES_AND_SEPARATORS + FULL_STOP) or body
            if dash := LEADING_DASH.match(body):
                body = body[dash.end() :]
        else:
            parts += (kept, join_around_hole(kept[-1:], run, body))
        kept = body.rstrip(SPACES_AND_SEPARATORS)
        run = body[len(kept) :]
    # At the end of a line only a colon is kept: it may announce the removed content.
    if HOLE in run:
        kept, run = TRAILING_DASH.sub("", kept), ":" if ":" in run else ""
    text = "".join(parts) + kept + run
    return text.strip(" \u3000") if WORD_OR_MENTION.search(text) else ""


def join_around_hole(before: str, run: str, after: str) -> str:
    """Reduce a run of spaces and separators around a hole to one separator, one space, or nothing."""
    if before in OPENING or after[0] in CLOSING or before == MENTION_START or after[0] == MENTION_END:
        return ""
    # In ".NET" the full stop begins a word; otherwise it ends the sentence.
    if after[0] in FULL_STOP and not (after[0] == "." and after[1:2].isalnum()):
        return ""
    separators = run.strip(" " + HOLE)
    if not separators:
        return " " if " " in run else ""
    return separators[0] + (" " if " " in run[run.index(separators[0]) :] else "")


def extract_spans(marked: str) -> tuple[str, list[tuple[int, int]]]:
    """Remove MENTION_START and MENTION_END; return the text and the (start, end) span of each mention."""
    if MENTION_START not in marked:
        return marked, []
    first, *rest = marked.split(MENTION_START)
    parts, spans, size = [first], [], len(first)
    for piece in rest:
        mention, _, after = piece.partition(MENTION_END)
        spans.append((size, size + len(mention)))
        parts += (mention, after)
        size += len(mention) + len(after)
    return "".join(parts), spans
