"""How clean the corpus' text is: `python -m scripts.corpus_defects DUMP...`, sentences with a defect per 1,000.

Every pattern below is looked for in every line of the text. What the editors wrote themselves is told apart: a
defect of punctuation is theirs if the page's source has the same characters around the same gap, its references left
in. Markup, leaked parameters and placeholders are never theirs, except in a page's nowiki, code and pre.

The last line is JSON; `--list` prints each defect.
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

from scripts.corpus_pages import COMMENT, REFERENCE, pages, words

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
AROUND = 6
"""Characters on either side by which a defect is found again in the source."""


@dataclass(frozen=True, slots=True)
class Defect:
    kind: str
    title: str
    excerpt: str
    editors: bool


def defects(title: str, text: str, source: str) -> list[tuple[int, Defect]]:
    """The defects of a page's text, with their places in it."""
    found: list[tuple[int, Defect]] = []
    plain = words(COMMENT.sub("", source))
    without_references = words(REFERENCE.sub("", COMMENT.sub("", source)))
    literal = words(" ".join(match[0] for match in LITERAL.finditer(source)))
    start = 0
    for line in text.split("\n"):
        for kind, pattern in KINDS.items():
            for match in pattern.finditer(line):
                # What follows a gap's punctuation may be a reference or a template that rightly vanished.
                after = 0 if kind == "gap" else AROUND
                snippet = line[max(0, match.start() - AROUND) : match.end() + after].strip()
                editors = snippet in (literal if kind in MARKUP else without_references if kind == "gap" else plain)
                excerpt = line[max(0, match.start() - 50) : match.end() + 40]
                found.append((start + match.start(), Defect(kind, title, excerpt, editors)))
        start += len(line) + 1
    return found


def sentence_spans(text: str, language: str) -> Iterator[tuple[int, int]]:
    start = 0
    for line in text.split("\n"):
        if line:
            for found in sentencex.get_sentence_boundaries(language, line.replace("\u00a0", " ")):
                yield start + found["start_index"], start + found["end_index"]
        start += len(line) + 1


def measured(path: Path, language: str, listed: bool) -> dict[str, float]:
    """Count, and print, the defects of one dump's corpus."""
    sentences = 0
    bad = {True: 0, False: 0}
    kinds: dict[bool, Counter[str]] = {True: Counter(), False: Counter()}
    for page, made in pages(path):
        found = defects(page.title, made.text, page.text)
        spans = list(sentence_spans(made.text, language))
        sentences += len(spans)
        for editors in (True, False):
            places = [place for place, defect in found if defect.editors is editors]
            bad[editors] += sum(any(start <= place < end for place in places) for start, end in spans if places)
        for _, defect in found:
            kinds[defect.editors][defect.kind] += 1
            if listed:
                print(f"{'editors' if defect.editors else 'ours'}\t{defect.kind}\t{defect.title}\t{defect.excerpt}")
    print(f"{path.name}: {sentences:,} sentences")
    for editors, whose in ((False, "ours"), (True, "the editors'")):
        print(f"  {whose}: {bad[editors]:,} sentences; {dict(kinds[editors].most_common())}")
    return {
        "sentences": sentences,
        "defect_per_1000": round(1000 * bad[False] / sentences, 2),
        "editors_per_1000": round(1000 * bad[True] / sentences, 2),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dumps", nargs="+", type=Path)
    parser.add_argument("--language", default="en", help="of the sentences")
    parser.add_argument("--list", action="store_true", help="print each defect")
    args = parser.parse_args()
    print(json.dumps({path.name: measured(path, args.language, args.list) for path in args.dumps}))


if __name__ == "__main__":
    main()
