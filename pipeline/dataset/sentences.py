"""Sentence spans of a text (pure).

In: paragraphs, each ended by a newline, and the spans of their mentions. Out: [start, end) spans in code points, in
text order, without white space at either end, none across a newline and none that cuts a mention: where sentencex
sees a boundary inside one ("[[Yahoo! Inc.]] grew"), the two sides are joined.

sentencex (Wikimedia's, ~300 languages, code-point offsets) splits 40 MB/s and more; calling it line by line, and what
is done about mentions, takes twice as long again. A language that it does not know, it splits by a related one's rules
or by general ones. Where words have no spaces it is helped: it knows no Khmer full stop, and takes for an end the full
stop of a Thai abbreviation (Thai has no other), the Burmese genitive, and a quotation's end amid a Japanese sentence.

Thai ends its sentences with nothing, and its paragraphs pass the longest sentence that an Example takes; so do lists in
Japanese. `in_parts` cuts such a line at spaces, which stand between phrases there, and at punctuation. Where words do
have spaces, what passes the limit is hardly ever prose, and is left for the stage to drop, as upstream does.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate, pairwise

from sentencex import segment

from pipeline.vocab.boundaries import UNSPACED

Span = tuple[int, int]

NO_PLAIN_SPACE = re.compile(r"[^\S ]")
MISSED = re.compile(r"(?<!\u17d4\u179b)[\u17d4\u17d5](?!\u179b\u17d4)[»”\")\s]*")
"""Sentence ends that sentencex does not know: Khmer's, save in its "etc.", a letter between two of them."""
NO_END = re.compile(r"[\u0e00-\u0e7f]\.\s*|\u104f\s*|[」』）】](?=[ぁ-ゖ、])")
"""Where it sees one that is none: after a Thai abbreviation, after the Burmese genitive, before a particle."""

WITHOUT_SPACES = re.compile("[" + "".join(f"{chr(first)}-{chr(last)}" for first, last in UNSPACED) + "]")
PHRASE_END = re.compile(r"[\s\u200b]+|[、，；：。！？・,;:!?\u104a\u104b\u17d4-\u17d6\u0f0d\u0f0e]+[」』）】\s]*")
"""Where a sentence without spaces between its words may be cut: after any of these."""


def sentence_spans(text: str, language: str, mentions: Sequence[Span]) -> list[Span]:
    """Split `text`.

    Args:
        language: a language code; for one that sentencex does not know it takes a related or general rule.
        mentions: spans in text order that do not overlap and do not cross a newline.
    """
    cuts_mention = cutter(mentions)
    spans = []
    for line_start, line in lines(text):
        cuts = [line_start + end for end in inner_boundaries(line, language)]
        edges = [line_start, *(cut for cut in cuts if not cuts_mention(cut)), line_start + len(line)]
        spans += [trimmed(text, start, end) for start, end in pairwise(edges)]
    return [span for span in spans if span[0] < span[1]]


def in_parts(
    text: str, spans: Sequence[Span], mentions: Sequence[Span], *, longest: int, counts: Counter[str]
) -> list[Span]:
    """The spans, those of scripts without spaces in parts of at most `longest` code points.

    A part ends at the last phrase end that cuts no mention; where there is none in reach it ends at the next one.

    Args:
        longest: a token is a code point or more, so this many tokens are never passed by a tokenizer of the language.
        counts: where the sentences that were cut are counted.
    """
    cuts_mention = cutter(mentions)
    parts: list[Span] = []
    for start, end in spans:
        if end - start <= longest or not mostly_unspaced(text[start:end]):
            parts.append((start, end))
            continue
        edges = [start]
        possible = [match.end() for match in PHRASE_END.finditer(text, start, end) if not cuts_mention(match.end())]
        for here, following in pairwise([*possible, end]):
            if following - edges[-1] > longest and here < end:
                edges.append(here)
        counts["sentences.split_long"] += len(edges) > 1
        parts += [trimmed(text, *edge) for edge in pairwise([*edges, end])]
    return parts


def mostly_unspaced(text: str) -> bool:
    """Whether more than half of the text is of scripts without spaces between words."""
    return 2 * len(WITHOUT_SPACES.findall(text)) > len(text)


def cutter(mentions: Sequence[Span]) -> Callable[[int], bool]:
    """Tells whether a cut at a position would be inside a mention."""
    starts = [start for start, _ in mentions]

    def cuts_mention(position: int) -> bool:
        before = bisect_left(starts, position) - 1  # the last mention that starts before
        return before >= 0 and mentions[before][1] > position

    return cuts_mention


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
    ends = list(accumulate(map(len, found[:-1])))
    if line.isascii():
        return ends
    no_ends = {match.end() for match in NO_END.finditer(line)}
    more = (match.end() for match in MISSED.finditer(line))
    return sorted({*ends, *more} - no_ends)


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
