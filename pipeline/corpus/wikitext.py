"""Wikitext -> text with the spans of its links. Pure.

In: a page's wikitext, its wiki and the templates of the dump. Out: paragraphs and list items, each ended by a
newline, and the links to articles with code-point spans, `text[start:end]` being the mention.

    strip.without_extensions   comments, references, formulas        linear scans;
    templates.Expander         templates                             what is cut inline
    strip.without_blocks       tables, media, HTML tags              leaves a HOLE
    blocks                     lines -> paragraphs, list items, headings
    Inline                     links, external links, entities, by mwparserfromhell
    tidy                       white space, and the punctuation around holes

From `Inline` on, a mention stands between the control characters OPEN and CLOSE in the text itself, so whatever the
cleaning does to the text moves the spans along; `placed` takes them out last.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import mwparserfromhell
from mwparserfromhell.nodes import ExternalLink, HTMLEntity, Tag, Text, Wikilink

from pipeline.corpus.languages import link_trail
from pipeline.corpus.strip import HOLE, MARKS, NOTHING, links_in, without_blocks, without_extensions
from pipeline.corpus.templates import Definitions, Expander, marks_disambiguation
from pipeline.corpus.titles import MAIN, SiteInfo, normalise_title, pipe_trick, shown_title
from pipeline.records import Link

OPEN = "\x03"
CLOSE = "\x04"
HEADING = re.compile(r"(={1,6})(.+?)\1[ \t\x01\x02]*$")
MAGIC_WORD = re.compile(r"__(?:[A-Z]{3,}|[^\W\da-zA-Z_]{2,})__")
TABLE_REMNANT = re.compile(r"\|(?!\w+\|$)|!.*(?:!!|\|\||(?:scope|style|width|colspan|rowspan)=)")
QUOTES = re.compile(r"\[\[[^\[\]|\n]*(?=\||\]\])|'{2,}")
"""A run of apostrophes, or a link's target, whose apostrophes are letters."""
WHITE = re.compile(r"[ \t\n\r\f\u00a0\u1680\u2000-\u200a\u202f\u205f]+")
"""What a reader sees as a space; the ideographic space is a character and stays."""
INVISIBLE = re.compile("[\u00ad\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff]")


@dataclass(frozen=True, slots=True)
class Rendered:
    """A page's text; the fields are those of `Article`."""

    text: str
    links: tuple[Link, ...]
    lead_end: int
    is_disambiguation: bool
    counts: Counter[str]
    """links.seen = links.kept + all links.dropped.*; templates; characters."""


def render(wikitext: str, *, site: SiteInfo, definitions: Definitions, title: str) -> Rendered:
    """Render one page."""
    counts: Counter[str] = Counter({"links.seen": links_in(wikitext)})
    source = wikitext.translate(CONTROL) if CONTROL_CHARACTER.search(wikitext) else wikitext
    source = without_extensions(source, counts)
    is_disambiguation = marks_disambiguation(source)
    expanded = Expander(definitions, site, title, counts).page(source)
    if counts["templates.expanded"]:
        expanded = without_extensions(expanded, counts)
    inline = Inline(site, counts)
    parts: list[str] = []
    links: list[Link] = []
    size = 0
    lead_end = -1
    for heading, block in blocks(without_blocks(expanded, site, counts)):
        if heading:
            counts["links.dropped.heading"] += links_in(block)
            lead_end = size if lead_end < 0 else lead_end
            continue
        marked, titles = inline.render(block)
        text, spans = placed(tidy(marked))
        if not text:
            counts["links.dropped.empty"] += len(titles)
            continue
        for (start, end), target in zip(spans, titles, strict=True):
            if start < end:
                links.append(Link(size + start, size + end, target))
            else:
                counts["links.dropped.empty"] += 1
        parts.append(text + "\n")
        size += len(text) + 1
    counts["links.kept"] = len(links)
    counts["characters.wikitext"] = len(wikitext)
    counts["characters.text"] = size
    return Rendered("".join(parts), tuple(links), size if lead_end < 0 else lead_end, is_disambiguation, counts)


CONTROL = dict.fromkeys((*range(0, 9), 11, 12, *range(14, 32), 127))
CONTROL_CHARACTER = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


# ---------------------------------------------------------------------------------------------- blocks


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
    parts, end = [], 0
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


# ---------------------------------------------------------------------------------------------- inline


class Inline:
    """Renders a line: mwparserfromhell finds the links, external links and entities."""

    def __init__(self, site: SiteInfo, counts: Counter[str]) -> None:
        self.site = site
        self.counts = counts
        self.trail = link_trail(site.language)
        self.titles: list[str] = []

    def render(self, line: str) -> tuple[str, list[str]]:
        """The line's text, mentions between OPEN and CLOSE, and the titles in the order of the mentions."""
        self.titles = []
        if "[" not in line and "&" not in line:
            return without_brackets(line), []
        if "<" in line:
            line = line.replace("<", "&lt;")
        before = sum(self.counts.values()) - self.counts["links.seen"]
        text = self.nodes(mwparserfromhell.parse(line, skip_style_tags=True), inside=False)
        handled = sum(self.counts.values()) - self.counts["links.seen"] - before + len(self.titles)
        self.counts["links.dropped.unbalanced"] += links_in(line) - handled
        return text, self.titles

    def nodes(self, code: Any, *, inside: bool) -> str:
        """Text of parsed wikitext; `inside` a link's label no further link is made."""
        parts: list[str] = []
        trailing = False
        for node in code.nodes:
            match node:
                case Text():
                    value = node.value
                    if trailing and (match := self.trail.match(value)):
                        parts[-1] = parts[-1].removesuffix(CLOSE) + match[0] + CLOSE
                        value = value[match.end() :]
                    parts.append(without_brackets(value))
                case HTMLEntity():
                    parts.append(decoded(node))
                case Wikilink():
                    parts.append(self.link(node, inside=inside))
                case ExternalLink():
                    parts.append(self.external(node, inside=inside))
                case Tag():
                    parts.append(self.nodes(node.contents, inside=inside) if node.contents else "")
                case _:
                    parts.append(HOLE)
            trailing = isinstance(node, Wikilink) and parts[-1].endswith(CLOSE)
        return "".join(parts)

    def link(self, node: Wikilink, *, inside: bool) -> str:
        raw = str(node.title).replace(NOTHING, "")
        title = normalise_title(raw.replace(HOLE, ""), self.site)
        if title is not None and title.hidden:
            self.drop("interlanguage" if title.interwiki else "category")
            self.discard(node.text)
            return HOLE
        # A link in a link's label is the one that works; the outer one is only text around it.
        nested = node.text is not None and "[[" in str(node.text)
        if node.text is None:
            label = without_brackets(shown_title(raw)).replace("''", "")
        else:
            label = self.nodes(node.text, inside=not nested) if str(node.text).strip() else pipe_trick(raw)
        reason = "nested" if inside or nested else refusal(title)
        if not reason and not label.strip(MARKS + " \u00a0\u3000"):
            reason = "empty"
        if reason or title is None:
            self.drop(reason)
            return label
        self.titles.append(title.text)
        return OPEN + label + CLOSE

    def external(self, node: ExternalLink, *, inside: bool) -> str:
        """The label; of a bare address the address; a bracketed address without a label shows a number: a hole."""
        if not node.brackets:
            return self.nodes(node.url, inside=inside)
        return self.nodes(node.title, inside=inside) if node.title is not None and str(node.title).strip() else HOLE

    def drop(self, reason: str) -> None:
        self.counts[f"links.dropped.{reason}"] += 1

    def discard(self, code: Any) -> None:
        """Count the links in what is not shown."""
        if code is not None:
            self.counts["links.dropped.category"] += links_in(str(code))


def refusal(title: Any) -> str:
    """Why a shown link is no link to an article; "" for one that is."""
    if title is None:
        return "invalid"
    if title.interwiki:
        return "interwiki"
    if title.namespace != MAIN:
        return "namespace"
    return "" if title.text else "section"


def decoded(entity: HTMLEntity) -> str:
    """The character that an entity stands for; none for one that XML forbids."""
    try:
        text: str = entity.normalize()
    except (ValueError, KeyError, OverflowError):
        return str(entity)
    return "" if CONTROL_CHARACTER.match(text) or "\ud800" <= text < "\ue000" else text


def without_brackets(text: str) -> str:
    """Text without link brackets that found no partner."""
    return text.replace("[[", "").replace("]]", "") if "[[" in text or "]]" in text else text


# ---------------------------------------------------------------------------------------------- tidy

OPENING = r"(\[（［「『【〈《"
CLOSING = r")\]）］」』】〉》"
SEPARATOR = ",;:，；：、،؛"
GAP = rf"[ {HOLE}]*"
STEPS = [
    # Marks of mentions: none around nothing but white space, and the white space outside of them.
    (re.compile(rf"{OPEN}([ {HOLE}]+)"), rf"\1{OPEN}"),
    (re.compile(rf"([ {HOLE}]+){CLOSE}"), rf"{CLOSE}\1"),
]
HOLE_STEPS = [
    # Parentheses with nothing left in them: "Rome ( ; )".
    (re.compile(rf" ?[{OPENING}](?=[^{CLOSING}]*{HOLE})[ {SEPARATOR}/{HOLE}]*[{CLOSING}]"), HOLE),
    # Separators that lost what stood before or behind them in parentheses: "( ; born 1950)", "(1950, )".
    (re.compile(rf"([{OPENING}])(?=[ {SEPARATOR}]*{HOLE})[ {SEPARATOR}{HOLE}]+"), r"\1"),
    (re.compile(rf"[ {SEPARATOR}{HOLE}]*{HOLE}[ {SEPARATOR}{HOLE}]*([{CLOSING}])"), r"\1"),
    # Two separators with nothing left between them: "a, , b".
    (re.compile(rf"([{SEPARATOR}]) ?{HOLE}{GAP}[{SEPARATOR}]"), r"\1"),
    # "a , b" and "a ." where something stood before the comma.
    (re.compile(rf"{GAP}{HOLE}{GAP}(?=(?:{CLOSE})?[,.;:!?、。，．](?:[ {CLOSE}{HOLE}{CLOSING}\"'”’]|$))"), ""),
    (re.compile(rf"^[ {SEPARATOR}]*{HOLE}[ {SEPARATOR}{HOLE}]*"), ""),
    (re.compile(HOLE), ""),
]  # fmt: skip


def tidy(marked: str) -> str:
    """White space collapsed, holes closed with the punctuation that is left around them; OPEN and CLOSE stay paired."""
    text = marked.replace(NOTHING, "")
    text = INVISIBLE.sub("", text) if not text.isascii() else text
    text = WHITE.sub(" ", text)
    if OPEN in text:
        for pattern, new in STEPS:
            text = pattern.sub(new, text)
        text = WHITE.sub(" ", text)
    if HOLE in text:
        bare = text
        for pattern, new in HOLE_STEPS:
            text = pattern.sub(new, text)
        if not re.search(r"\w", text) and bare.count(HOLE):
            return ""
        text = WHITE.sub(" ", text)
    return text.strip(" \u3000")


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
