"""The last cleaning of a page's text: white space, and the punctuation around what was cut out. Pure.

Mentions stand between OPEN and CLOSE in the text itself, so whatever the cleaning does moves the spans along; only
`placed` takes these marks out. Nothing but the neighbourhood of a HOLE is changed: what editors wrote stays.

A step is one sweep over the page at the speed of C; only lines with a hole are looked at one by one, and of these
only the holes. Every step is linear in the page, whatever stands in it.
"""

from __future__ import annotations

import re

from pipeline.corpus.render.wikitext.markup import CLOSE, HOLE, NOTHING, OPEN

ODD_SPACES = [*"\t\f\r\u00a0\u1680\u202f\u205f", *map(chr, range(0x2000, 0x200B))]
"""What a reader sees as a space; the ideographic space is a character and stays. Asking for each whether it is there at
all is three times as fast as a pattern for all, here and below."""
SPACES = re.compile("  +")
INVISIBLE = [*"\u00ad\u200b\u200e\u200f\u2060\ufeff", *map(chr, (*range(0x202A, 0x202F), *range(0x2066, 0x206A)))]
BRACKETED_SPACE = re.compile(rf"(\(){NOTHING}++ | {NOTHING}++(\))")
"""Space that a tag parted from a bracket: "(<small> a </small>)"."""
HOLE_LINES = re.compile(rf"\r[ \t]*+{HOLE}[ \t{HOLE}]*+(?=[\r\n])")
"""A line that held nothing but a template or a picture ends the paragraph."""
INSIDE = rf"[^()（）\n{OPEN}{CLOSE}]*"
MONEY = frozenset("$£€¥₹")
SUM_GONE = re.compile(rf"[(（](?:{INSIDE}[$£€¥₹]{HOLE}|{HOLE} years\b){INSIDE}[)）]")
"""A remark in brackets that lost its number to a calculation: "(equivalent to $ in 2020)", "( years ago)"."""
EDGE = " \u3000" + HOLE
LEFT_EDGE = re.compile(f"{OPEN}([{EDGE}]+)")
RIGHT_EDGE = re.compile(f"{CLOSE}(?<=[{EDGE}]{CLOSE})")
"""Begins with CLOSE, which is rare, so that a search does not stop at every space."""
OPENING, CLOSING = "(（[［「『【〈《“", ")）]］」』】〉》”"
BRACKETS = dict(zip(OPENING, CLOSING, strict=True))
SEPARATOR = ",;:，；：、،؛"
FULL_STOP = ".!?。．！？"
RUN = " " + SEPARATOR
SLASHES = "/／|–-·・"
"""They separate, too, but only what stands between brackets."""
DASHES = "-–—~〜"
DASH_LEFT = re.compile(rf"[{DASHES}] *(?=[)）])")
DASH_BEGINS = re.compile(rf"[{DASHES}] ")
DASH_ENDS = re.compile(rf" [{DASHES}]\Z")
"""Between the line's text and what was cut at its edge: "A –" of "A – {{b}}"."""
MAX_BRACKETS = 8
"""Brackets in brackets around one hole that are looked at."""
WORD = re.compile(rf"[\w{OPEN}]")
"""What makes a line with a hole worth keeping."""


def tidy(marked: str) -> str:
    """The page's lines, clean; OPEN and CLOSE stay paired."""
    text = marked
    if f"{NOTHING})" in text or f"({NOTHING}" in text:
        text = BRACKETED_SPACE.sub(r"\1\2", text)
    text = text.replace(NOTHING, "")
    if not text.isascii():
        for mark in INVISIBLE:
            if mark in text:
                text = text.replace(mark, "")
    if HOLE in text:
        text = HOLE_LINES.sub("\n", text)
    text = single_spaced(text)
    if OPEN in text:
        text = outside(text)
    lines = (closed(line) if HOLE in line else line.strip(" \u3000") for line in text.split("\n"))
    return "".join([f"{line}\n" for line in lines if line])


def single_spaced(text: str) -> str:
    """White space of any kind as single spaces."""
    for space in ODD_SPACES:
        if space in text:
            text = text.replace(space, " ")
    return SPACES.sub(" ", text)


def outside(text: str) -> str:
    """Mentions that neither begin nor end with white space or a hole; these go before and behind them."""
    moved = LEFT_EDGE.sub(rf"\1{OPEN}", text)
    parts: list[str] = []
    end = 0
    for match in RIGHT_EDGE.finditer(moved):
        piece = moved[end : match.start()]
        core = piece.rstrip(EDGE)
        parts += (core, CLOSE, piece[len(core) :])
        end = match.end()
    moved = "".join([*parts, moved[end:]])
    return text if moved == text else SPACES.sub(" ", moved)


def closed(line: str) -> str:
    """The line without its holes: "Rome ( ; ) is" is "Rome is", "at , in" is "at, in", "(, 1950)" "(1950)"."""
    pieces = line.split(HOLE)
    if any(piece[-1:] in MONEY or piece[:6] == " years" for piece in pieces):
        pieces = SUM_GONE.sub(HOLE, line).split(HOLE)
    first, *pieces = pieces
    kept = first.rstrip(RUN)
    run = first[len(kept) :]
    """What stands around the holes since `kept`: spaces and separators."""
    parts: list[str] = []
    """Text and what joins it, by turns; `kept` is the next one."""
    for piece in pieces:
        body = piece.lstrip(RUN)
        if body[:1] in DASHES and (dash := DASH_LEFT.match(body)):
            body = body[dash.end() :]  # "(1950 – HOLE)" the other way round
        run += HOLE + piece[: len(piece) - len(body)]
        for _ in range(MAX_BRACKETS):
            if body[:1] not in CLOSING:
                break
            # Brackets with nothing in them are part of the hole.
            inner, back = kept.rstrip(RUN + SLASHES), 0
            while not inner and back < len(parts):
                back += 2
                inner = parts[-back].rstrip(RUN + SLASHES)
            if not (inner and body) or BRACKETS.get(inner[-1]) != body[0]:
                break
            del parts[len(parts) - back :]
            before, rest = inner[:-1], body[1:]
            kept, body = before.rstrip(RUN), rest.lstrip(RUN)
            run = before[len(kept) :] + HOLE + rest[: len(rest) - len(body)]
            if not kept and parts:
                run = parts.pop() + run
                kept = parts.pop()
        if not body:
            continue
        if not kept and not parts:
            body = body.lstrip(RUN + FULL_STOP) or body
            if dash := DASH_BEGINS.match(body):
                body = body[dash.end() :]
        else:
            parts += (kept, joint(kept[-1:], run, body))
        kept = body.rstrip(RUN)
        run = body[len(kept) :]
    # A line may end with a colon that announces what was cut, not with a comma.
    if HOLE in run:
        kept, run = DASH_ENDS.sub("", kept), ":" if ":" in run else ""
    text = "".join(parts) + kept + run
    return text.strip(" \u3000") if WORD.search(text) else ""


def joint(before: str, run: str, after: str) -> str:
    """What stays of a run of spaces and separators with a hole in it: one separator, one space, or nothing."""
    if before in OPENING or after[0] in CLOSING or before == OPEN or after[0] == CLOSE:
        return ""
    # ".NET" behind a space is a word, "." is the sentence's end.
    if after[0] in FULL_STOP and not (after[0] == "." and after[1:2].isalnum()):
        return ""
    separators = run.strip(" " + HOLE)
    if not separators:
        return " " if " " in run else ""
    return separators[0] + (" " if " " in run[run.index(separators[0]) :] else "")


def placed(marked: str) -> tuple[str, list[tuple[int, int]]]:
    """Take OPEN and CLOSE out of the text, giving the spans they marked."""
    if OPEN not in marked:
        return marked, []
    first, *rest = marked.split(OPEN)
    parts, spans, size = [first], [], len(first)
    for piece in rest:
        mention, _, after = piece.partition(CLOSE)
        spans.append((size, size + len(mention)))
        parts += (mention, after)
        size += len(mention) + len(after)
    return "".join(parts), spans
