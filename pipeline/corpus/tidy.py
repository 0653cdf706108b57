"""The last cleaning of a line of text: white space, and the punctuation around what was cut out. Pure.

Mentions stand between OPEN and CLOSE in the text itself, so whatever the cleaning does moves the spans along; only
`placed` takes these marks out. Nothing but the neighbourhood of a HOLE is changed: what editors wrote stays.
"""

from __future__ import annotations

import re

from pipeline.corpus.strip import HOLE, NOTHING

OPEN = "\x03"
CLOSE = "\x04"
SPACE = " \t\n\r\f\u00a0\u1680\u2000-\u200a\u202f\u205f"
"""What a reader sees as a space; the ideographic space is a character and stays."""
WHITE = re.compile(rf"[{SPACE}{HOLE}]{{2,}}|[{SPACE[1:]}]")
"""All but a lone space and a lone hole, which are right as they are."""
INVISIBLE = re.compile("[\u00ad\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff]")
OPENING = "([（［「『【〈《"
CLOSING = ")]）］」』】〉》"
SEPARATOR = ",;:，；：、،؛"
FULL_STOP = ".!?。．！？"
EMPTY = re.compile(rf" ?([{re.escape(OPENING)}“])([ {SEPARATOR}/{HOLE}]*)[{re.escape(CLOSING)}”]")
"""Brackets with nothing in them but separators."""
GAP = re.compile(rf"[ {SEPARATOR}{HOLE}]+")
AT_START = re.compile(rf"[ {SEPARATOR}{FULL_STOP}{HOLE}]+")


def tidy(marked: str) -> str:
    """White space collapsed, holes closed with the punctuation left around them; OPEN and CLOSE stay paired.

    Every pattern is a single run of characters, so the cost is linear in the line whatever stands in it.
    """
    text = marked.replace(NOTHING, "")
    text = INVISIBLE.sub("", text) if not text.isascii() else text
    text = collapsed(text)
    if OPEN in text:
        text = collapsed(outside(text))
    if HOLE in text:
        text = closed(text)
    return text.strip(" \u3000")


def collapsed(text: str) -> str:
    """Runs of white space as one space, runs of holes as one hole with a space on the sides that had one."""

    def single(run: re.Match[str]) -> str:
        found = run[0]
        if HOLE not in found:
            return " "
        return (" " if found[0] != HOLE else "") + HOLE + (" " if found[-1] != HOLE else "")

    return WHITE.sub(single, text)


def outside(text: str) -> str:
    """Mentions that neither begin nor end with white space or a hole; these go before and behind them."""
    first, *rest = text.split(OPEN)
    parts = [first]
    for piece in rest:
        mention, _, after = piece.partition(CLOSE)
        core = mention.strip(" \u3000" + HOLE)
        start = mention.find(core)
        parts += (mention[:start], OPEN, core, CLOSE, mention[start + len(core) :], after)
    return "".join(parts)


def closed(text: str) -> str:
    """The text without its holes: "Rome ( ; ) is" is "Rome is", "at , in" is "at, in", "(, 1950)" "(1950)"."""
    for _ in range(3):  # brackets in brackets
        text, count = EMPTY.subn(lambda match: HOLE if HOLE in match[2] else match[0], text)
        if not count:
            break
    if (start := AT_START.match(text)) and HOLE in start[0]:
        text = text[start.end() :]
    text = GAP.sub(gap_closed, text)
    return text if re.search(r"\w", text) else ""


def gap_closed(run: re.Match[str]) -> str:
    """What stays of a run of spaces and separators with a hole in it: one separator, one space, or nothing."""
    found, text = run[0], run.string
    if HOLE not in found:
        return found
    before, after = text[run.start() - 1 : run.start()], text[run.end() : run.end() + 1]
    if before in OPENING or not after or after in CLOSING:
        # A line may end with a colon that announces what was cut, not with a comma.
        return ":" if not after and ":" in found else ""
    separators = found.strip(" " + HOLE)
    # ".NET" behind a space is a word, "." is the sentence's end.
    if after in FULL_STOP and not (after == "." and text[run.end() + 1 : run.end() + 2].isalnum()):
        return ""
    if not separators:
        return " " if " " in found else ""
    return separators[0] + (" " if " " in found[found.index(separators[0]) :] else "")


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
