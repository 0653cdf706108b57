"""Split a text into sentence spans. Pure.

The input is paragraphs, each ended by a newline, and the spans of their mentions. The output is [start, end) spans in
code points and in text order. No span begins or ends with white space, crosses a newline or cuts a mention: where
sentencex reports a boundary inside a mention ("[[Yahoo! Inc.]] grew"), the two sides stay together.

sentencex (Wikimedia's, ~300 languages, code-point offsets) splits 40 MB/s and more. Calling it line by line and keeping
mentions whole adds twice that time. It splits an unknown language with the rules of a related one or with general
rules. Its boundaries are corrected for scripts without spaces between words: it misses the Khmer full stop, and it
reports a boundary after a Thai abbreviation (Thai has no other full stop), after the Burmese genitive, and after a
quotation inside a Japanese sentence.

Thai marks no sentence end, so a Thai paragraph can be longer than the longest sentence that an example takes; so can a
Japanese list. `split_long_unspaced` splits such lines at punctuation and at spaces, which separate phrases in these
scripts. In other scripts a text over the limit is hardly ever prose; it stays whole and the stage drops it, as upstream
does.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate, pairwise

from sentencex import segment

from pipeline.vocab.boundaries import UNSPACED_RANGES

Span = tuple[int, int]

OTHER_WHITE_SPACE = re.compile(r"[^\S ]")
MISSED_SENTENCE_END = re.compile(r"(?<!\u17d4\u179b)[\u17d4\u17d5](?!\u179b\u17d4)[»”\")\s]*")
"""Khmer full stops, which sentencex does not know, except those of the Khmer "etc.", a letter between two of them."""
FALSE_SENTENCE_END = re.compile(r"[\u0e00-\u0e7f]\.\s*|\u104f\s*|[」』）】](?=[ぁ-ゖ、])")
"""Positions where sentencex reports a boundary but there is none: after a Thai abbreviation, after the Burmese
genitive, between a closing bracket and a Japanese particle or comma."""

UNSPACED_CHARACTER = re.compile("[" + "".join(f"{chr(first)}-{chr(last)}" for first, last in UNSPACED_RANGES) + "]")
PHRASE_END = re.compile(r"[\s\u200b]+|[、，；：。！？・,;:!?\u104a\u104b\u17d4-\u17d6\u0f0d\u0f0e]+[」』）】\s]*")
"""Ends of phrases, at which a sentence without spaces between words may be split."""


def sentence_spans(text: str, language: str, mentions: Sequence[Span]) -> list[Span]:
    """Return the sentence spans of `text`.

    Args:
        language: a language code; sentencex falls back to a related language's rules or to general rules.
        mentions: spans in text order that do not overlap and do not cross a newline.
    """
    cuts_mention = make_mention_cut_test(mentions)
    spans = []
    for line_start, line in lines_with_offsets(text):
        cuts = [line_start + end for end in inner_boundaries(line, language)]
        edges = [line_start, *(cut for cut in cuts if not cuts_mention(cut)), line_start + len(line)]
        spans += [trim_span(text, start, end) for start, end in pairwise(edges)]
    return [span for span in spans if span[0] < span[1]]


def split_long_unspaced(
    text: str, spans: Sequence[Span], mentions: Sequence[Span], *, max_length: int, counts: Counter[str]
) -> list[Span]:
    """Return the spans, with those in scripts without spaces split into parts of at most `max_length` code points.

    A part ends at the last phrase end within the limit that cuts no mention, or else at the first one after the limit.

    Args:
        max_length: in code points; with a tokenizer made for the language a part has no more tokens than code points.
        counts: the account; the number of sentences that were split is added to it.
    """
    cuts_mention = make_mention_cut_test(mentions)
    parts: list[Span] = []
    for start, end in spans:
        if end - start <= max_length or not is_mostly_unspaced(text[start:end]):
            parts.append((start, end))
            continue
        edges = [start]
        possible = [match.end() for match in PHRASE_END.finditer(text, start, end) if not cuts_mention(match.end())]
        for cut, next_cut in pairwise([*possible, end]):
            if next_cut - edges[-1] > max_length and cut < end:
                edges.append(cut)
        counts["sentences.split_long"] += len(edges) > 1
        parts += [trim_span(text, *edge) for edge in pairwise([*edges, end])]
    return parts


def is_mostly_unspaced(text: str) -> bool:
    """Whether more than half of the characters belong to scripts without spaces between words."""
    return 2 * len(UNSPACED_CHARACTER.findall(text)) > len(text)


def make_mention_cut_test(mentions: Sequence[Span]) -> Callable[[int], bool]:
    """Return a function that says whether a cut at a position falls inside a mention, its ends excluded."""
    starts = [start for start, _ in mentions]

    def cuts_mention(position: int) -> bool:
        before = bisect_left(starts, position) - 1  # the last mention that starts before
        return before >= 0 and mentions[before][1] > position

    return cuts_mention


def inner_boundaries(line: str, language: str) -> list[int]:
    """Return the positions in the line where a sentence ends, without the end of the line."""
    try:
        # sentencex 1.0.32 panics on a no-break space after a single letter ("plan B\u00a0. Non").
        parts = segment(language, OTHER_WHITE_SPACE.sub(" ", line))  # joined, the parts are the line
    except BaseException as error:
        # A Rust panic is not an Exception and would end the worker. The line stays whole; packing drops and counts
        # it if it is too long.
        if type(error).__name__ != "PanicException":
            raise
        return []
    ends = list(accumulate(map(len, parts[:-1])))
    if line.isascii():
        return ends
    false_ends = {match.end() for match in FALSE_SENTENCE_END.finditer(line)}
    missed_ends = (match.end() for match in MISSED_SENTENCE_END.finditer(line))
    return sorted({*ends, *missed_ends} - false_ends)


def lines_with_offsets(text: str) -> Iterator[tuple[int, str]]:
    """Yield each line's start and the line without its newline."""
    start = 0
    for line in text.split("\n"):
        yield start, line
        start += len(line) + 1


def trim_span(text: str, start: int, end: int) -> Span:
    """Return the span without white space at its ends; an empty span at `end` if there is only white space."""
    part = text[start:end]
    stripped = part.strip()
    if len(stripped) != len(part):
        start += len(part) - len(part.lstrip())
    return start, start + len(stripped)
