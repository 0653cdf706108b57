"""Sentence spans of a text (pure).

In: paragraphs, each ended by a newline, and the spans of their mentions. Out: [start, end) spans in code points, in
text order, without white space at either end, none across a newline and none that cuts a mention: where sentencex
sees a boundary inside one ("[[Yahoo! Inc.]] grew"), the two sides are joined.

sentencex (Wikimedia's, ~300 languages, code-point offsets) splits 40 MB/s and more; calling it line by line, and what
is done about mentions, takes twice as long again.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from itertools import accumulate, pairwise

from sentencex import segment

Span = tuple[int, int]

NO_PLAIN_SPACE = re.compile(r"[^\S ]")


def sentence_spans(text: str, language: str, mentions: Sequence[Span]) -> list[Span]:
    """Split `text`.

    Args:
        language: a language code; for one that sentencex does not know it takes a related or general rule.
        mentions: spans in text order that do not overlap and do not cross a newline.
    """
    starts = [start for start, _ in mentions]

    def cuts_mention(position: int) -> bool:
        before = bisect_left(starts, position) - 1  # the last mention that starts before
        return before >= 0 and mentions[before][1] > position

    spans = []
    for line_start, line in lines(text):
        cuts = [line_start + end for end in inner_boundaries(line, language)]
        edges = [line_start, *(cut for cut in cuts if not cuts_mention(cut)), line_start + len(line)]
        spans += [trimmed(text, start, end) for start, end in pairwise(edges)]
    return [span for span in spans if span[0] < span[1]]


def inner_boundaries(line: str, language: str) -> list[int]:
    """Where sentences end before the end of the line."""
    try:
        # sentencex 1.0.32 panics on a no-break space after a lone letter ("plan B\u00a0. Non"): it gets plain ones.
        found = segment(language, NO_PLAIN_SPACE.sub(" ", line))  # the line in parts, nothing left out
    except BaseException as error:
        # A panic in Rust is no Exception and would take the worker with it. The line stays in one piece; if it is
        # too long for an Example it is dropped there, and counted.
        if type(error).__name__ != "PanicException":
            raise
        return []
    return list(accumulate(map(len, found[:-1])))


def lines(text: str) -> Iterator[tuple[int, str]]:
    """Where each line starts, and the line without its newline."""
    start = 0
    for line in text.split("\n"):
        yield start, line
        start += len(line) + 1


def trimmed(text: str, start: int, end: int) -> Span:
    """The span without white space at its ends; an empty span at `end` if there is nothing else."""
    part = text[start:end]
    bare = part.strip()
    if len(bare) != len(part):
        start += len(part) - len(part.lstrip())
    return start, start + len(bare)
