"""Lines of wikitext -> paragraphs, list items and headings, each without the marks of lists and of bold. Pure.

A paragraph goes on until an empty line, a list, a heading, or a line that held nothing but a template; what is left of
a table whose beginning or end came out of a template is dropped.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from pipeline.corpus.strip import MARKS, NOTHING

HEADING = re.compile(r"(={1,6})(.+?)\1[ \t\x01\x02]*$")
MAGIC_WORD = re.compile(r"__(?:[A-Z]{3,}|[^\W\da-zA-Z_]{2,})__")
TABLE_REMNANT = re.compile(r"\|(?!\w+\|$)|!.*(?:!!|\|\||(?:scope|style|width|colspan|rowspan)=)")
QUOTES = re.compile(r"\[\[[^\[\]|\n]*(?=\||\]\])|'{2,}")
"""A run of apostrophes, or a link's target, whose apostrophes are letters."""


def blocks(text: str) -> Iterator[tuple[bool, str]]:
    """Yield (is it a heading, its wikitext on one line) for every heading, paragraph and list item, marks taken off."""
    paragraph: list[str] = []

    def flush() -> Iterator[tuple[bool, str]]:
        if paragraph:
            yield False, " ".join(paragraph)
            paragraph.clear()

    for line in text.split("\n"):
        line = MAGIC_WORD.sub("", line) if "__" in line else line
        bare = line.strip(" \t\r\u3000" + NOTHING)
        if not bare.strip(MARKS + " "):
            yield from flush()  # an empty line, or one that only held a template
        elif bare[0] == "=" and (match := HEADING.match(bare)):
            yield from flush()
            yield True, match[2]
        elif bare[0] in "*#:;":
            yield from flush()
            for item in items(bare):
                yield False, unquoted(item)
        elif bare[0] in "|!" and TABLE_REMNANT.match(bare):
            yield from flush()
            yield True, ""
        elif bare.startswith("----"):
            yield from flush()
            paragraph.append(unquoted(bare.lstrip("-")))
        else:
            paragraph.append(unquoted(bare))
    yield from flush()


def items(line: str) -> list[str]:
    """A list's line without its marks; "; term : definition" is two items."""
    body = line.lstrip("*#:; \t" + NOTHING)
    if ";" not in line[: len(line) - len(body)]:
        return [body]
    depth = 0
    for match in re.finditer(r"\[+|\]+|:(?!//)", body):
        if match[0] != ":":
            depth += len(match[0]) if match[0][0] == "[" else -len(match[0])
        elif depth == 0:
            return [body[: match.start()], body[match.end() :]]
    return [body]


def unquoted(line: str) -> str:
    """The line without its marks of bold and italics, by MediaWiki's rule for which apostrophes are marks.

    Runs of two, three and five are marks, of four an apostrophe and three, of more apostrophes and five. Where both
    kinds are left open at the line's end, one mark of bold is an apostrophe and a mark of italics: "l'''amour''".
    """
    if "''" not in line:
        return line
    runs = [match for match in QUOTES.finditer(line) if match[0][0] == "'"]
    marks = [len(run[0]) if len(run[0]) <= 3 else 3 if len(run[0]) == 4 else 5 for run in runs]
    bold = sum(size in (3, 5) for size in marks)
    italic = sum(size in (2, 5) for size in marks)
    if bold % 2 and italic % 2:
        chosen = apostrophe(line, runs, marks)
        if chosen is not None:
            marks[chosen] = 2
    parts: list[str] = []
    end = 0
    for run, size in zip(runs, marks, strict=True):
        parts += (line[end : run.start()], "'" * (len(run[0]) - size), NOTHING)
        end = run.end()
    return "".join(parts) + line[end:]


def apostrophe(line: str, runs: list[re.Match[str]], marks: list[int]) -> int | None:
    """Which mark of bold is an apostrophe: first one after a single letter, else after a word, else after a space."""
    ranked: dict[int, int] = {}
    for index, (run, size) in enumerate(zip(runs, marks, strict=True)):
        if size == 3:
            before = line[max(0, run.start() - 2) : run.start()]
            kind = 2 if before[-1:] in ("", " ") else 0 if len(before) < 2 or before[0] == " " else 1
            ranked.setdefault(kind, index)
    return ranked[min(ranked)] if ranked else None
