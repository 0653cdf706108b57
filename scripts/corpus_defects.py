"""Measure how clean the corpus' text is: sentences with a defect per 1,000.

Usage: `python -m scripts.corpus_defects DUMP...`

The script searches each line of the text for every pattern below. It separates defects of the pipeline from those that
the editors wrote themselves: a punctuation defect is the editors' if the page's source, references included, has the
same characters around the same gap. Markup, leaked parameters and placeholders count as the pipeline's, except in a
page's nowiki, code and pre.

The last line of the output is JSON; `--list` prints each defect.
"""

from __future__ import annotations

import argparse
import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import sentencex

from scripts.corpus_pages import COMMENT, REFERENCE, render_articles, strip_markup

PUNCTUATION = {
    "empty parentheses": r"[(\[（]\s*[,;:/|–—·-]*\s*[)\]）]",
    "broken parentheses": r"[(（]\s*[,;:.、，；]|[(（] |[,;、，；]\s*[)）](?!\w)| [)）]",
    "space before punctuation": r"(?<=[^\s.…]) [,.;](?![.\w*@#&'’)/])|\s[、。，．]",
    "doubled commas": r"[,;、，]\s*[,;、，]|[,;]\s*\.(?![\w.])|、。",
    "gap": r"\b(?:a|an|the|and|or|at|in|on|of|to|from|by|with|between|than|into|about|around|is|was|are|were|as|for|"
    r"its|their|his|her|called|named|approximately|over|under|nearly|meaning|said|spelled|pronounced)"
    r"[,.;:)](?=\s|$)(?!\s*\.)",
}
MARKUP = {
    "doubled spaces": r"  ",
    "wiki markup": r"\[\[|\]\]|\{\{|\}\}|''|\{\||\|\}|\|\||^\|-|^[|!*#]|^==|==$|__[A-Z]{4,}__|~~~~",
    "html markup": r"</?(?:ref|br|div|span|small|big|sup|sub|nowiki|math|gallery|p|b|i|u|table|t[rdh]|center|font|code|"
    r"blockquote|references|includeonly|noinclude|onlyinclude)\b[^<>]*>?|<!--|-->|&(?:nbsp|amp|lt|gt|quot|ndash|mdash|#\d+);",
    "leaked parameter": r"\b(?:thumb|thumbnail|frameless|upright|left|right|center|\d+px)\||\|(?:thumb|left|right)\b|"
    r"\b(?:colspan|rowspan|bgcolor|cellpadding|cellspacing|style|class|align|valign|scope|width)\s?=\s?[\"'\w]|"
    r"\|\s*\w+\s*=|^\w+\s?=\s?\w+$",
    "placeholder": r"[\x00-\x08\x0b-\x1f\x7f\ufffd]|\b(?:formula|codice)_\d|UNIQ--|QINU",
}
KINDS = {name: re.compile(pattern, re.MULTILINE) for name, pattern in (PUNCTUATION | MARKUP).items()}
LITERAL = re.compile(r"<(nowiki|code|pre|tt|kbd|syntaxhighlight|source)\b[^<>]*>.*?</\1", re.DOTALL | re.IGNORECASE)
CONTEXT_LENGTH = 6
"""Number of characters on either side of a defect that are searched for in the source."""


@dataclass(frozen=True, slots=True)
class Defect:
    """A match of one of the patterns in a page's text."""

    kind: str
    """Key of KINDS."""
    title: str
    excerpt: str
    by_editors: bool
    """Whether the source has the same characters, so that the pipeline did not cause it."""


def find_defects(title: str, text: str, source: str) -> list[tuple[int, Defect]]:
    """Return (offset in the text, defect) for each defect of a page's text."""
    found: list[tuple[int, Defect]] = []
    plain = strip_markup(COMMENT.sub("", source))
    without_references = strip_markup(REFERENCE.sub("", COMMENT.sub("", source)))
    literal = strip_markup(" ".join(match[0] for match in LITERAL.finditer(source)))
    start = 0
    for line in text.split("\n"):
        for kind, pattern in KINDS.items():
            for match in pattern.finditer(line):
                # The punctuation of a gap may be followed by a reference or template that is correctly removed.
                after = 0 if kind == "gap" else CONTEXT_LENGTH
                snippet = line[max(0, match.start() - CONTEXT_LENGTH) : match.end() + after].strip()
                source_text = literal if kind in MARKUP else without_references if kind == "gap" else plain
                excerpt = line[max(0, match.start() - 50) : match.end() + 40]
                found.append((start + match.start(), Defect(kind, title, excerpt, snippet in source_text)))
        start += len(line) + 1
    return found


def find_sentences(text: str, language: str) -> Iterator[tuple[int, int]]:
    """Yield the (start, end) span of each sentence."""
    start = 0
    for line in text.split("\n"):
        if line:
            for found in sentencex.get_sentence_boundaries(language, line.replace("\u00a0", " ")):
                yield start + found["start_index"], start + found["end_index"]
        start += len(line) + 1


def measure_dump(path: Path, language: str, print_defects: bool) -> dict[str, float]:
    """Count the defects of one dump's corpus and print a summary."""
    sentences = 0
    defective = {True: 0, False: 0}
    kinds: dict[bool, Counter[str]] = {True: Counter(), False: Counter()}
    for page, rendered in render_articles(path):
        found = find_defects(page.title, rendered.text, page.text)
        spans = list(find_sentences(rendered.text, language))
        sentences += len(spans)
        for by_editors in (True, False):
            offsets = [offset for offset, defect in found if defect.by_editors is by_editors]
            defective[by_editors] += sum(
                any(start <= offset < end for offset in offsets) for start, end in spans if offsets
            )
        for _, defect in found:
            kinds[defect.by_editors][defect.kind] += 1
            if print_defects:
                author = "editors" if defect.by_editors else "pipeline"
                print(f"{author}\t{defect.kind}\t{defect.title}\t{defect.excerpt}")
    print(f"{path.name}: {sentences:,} sentences")
    for by_editors, author in ((False, "by the pipeline"), (True, "by the editors")):
        print(f"  {author}: {defective[by_editors]:,} sentences; {dict(kinds[by_editors].most_common())}")
    return {
        "sentences": sentences,
        "defect_per_1000": round(1000 * defective[False] / sentences, 2),
        "editors_per_1000": round(1000 * defective[True] / sentences, 2),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dumps", nargs="+", type=Path)
    parser.add_argument("--language", default="en", help="language code for the sentence splitter")
    parser.add_argument("--list", action="store_true", help="print each defect")
    args = parser.parse_args()
    print(json.dumps({path.name: measure_dump(path, args.language, args.list) for path in args.dumps}))


if __name__ == "__main__":
    main()
