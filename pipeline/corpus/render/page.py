"""Wikitext -> text with the spans of its links. Pure.

In: a page's wikitext, its wiki and the templates of the dump. Out: paragraphs and list items, each ended by a
newline, and the links to articles with code-point spans, `text[start:end]` being the mention.

    strip.without_extensions   comments, references, formulas        cut
    templates.Expander         templates                             expanded, rendered, or a HOLE
    variants.one_variant       language variants                     one of them
    scan.scan                  all other markup, in one pass         -> writer.Writer
    tidy.tidy, tidy.placed     white space, the punctuation around holes, the spans

From the scan on, a mention stands between OPEN and CLOSE in the text itself, so that cleaning cannot misplace it. What
leaves here is counted: links seen = kept + dropped by reason, and so are characters. Where the account does not add up
the page is rendered a second time, by mwparserfromhell (`second`). One process renders 5 to 10 MB of wikitext a second.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from pipeline.corpus.render.templates.defined import Definitions
from pipeline.corpus.render.templates.disambiguation import marks_disambiguation
from pipeline.corpus.render.templates.expander import Expander
from pipeline.corpus.render.wikitext.fallback_parser import parse
from pipeline.corpus.render.wikitext.markup import LEAD, links_in
from pipeline.corpus.render.wikitext.scan import scan
from pipeline.corpus.render.wikitext.strip import without_extensions
from pipeline.corpus.render.wikitext.tidy import placed, tidy
from pipeline.corpus.render.wikitext.variants import one_variant
from pipeline.corpus.render.wikitext.writer import Writer
from pipeline.corpus.titles import SiteInfo
from pipeline.records import Link

NO_TEXT = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]+")
"""Characters that no XML has; they would be taken for our marks."""
CONTROLS = [chr(code) for code in (*range(0x09), *range(0x0B, 0x20), 0x7F)]
Parser = Callable[[str, SiteInfo], Writer]


@dataclass(frozen=True, slots=True)
class Rendered:
    """A page's text; the fields are those of `Article`."""

    text: str
    links: tuple[Link, ...]
    lead_end: int
    is_disambiguation: bool
    counts: Counter[str]
    """links.seen = links.kept + all links.dropped.*; templates.seen = expanded + rendered + dropped;
    characters.wikitext + characters.rendered (what templates gave) = characters.text + all characters.dropped.*, of
    which markup is what stands around the text that is kept."""


def render(wikitext: str, *, site: SiteInfo, definitions: Definitions | None, title: str) -> Rendered:
    """Render one page: by the scanner, and again by the parser if the scanner's account does not add up.

    Args:
        definitions: the dump's templates; None cuts every template, those that we know too.
    """
    prepared = prepare(wikitext, site=site, definitions=definitions, title=title)
    rendered = finish(prepared, site, scan)
    if not adds_up(rendered.counts, "links"):
        rendered = finish(prepared, site, parse)
        rendered.counts["articles.second_try"] = 1
    return rendered


@dataclass(frozen=True, slots=True)
class Prepared:
    """A page without comments, extension tags and templates."""

    wikitext: str
    is_disambiguation: bool
    counts: Counter[str]


def prepare(wikitext: str, *, site: SiteInfo, definitions: Definitions | None, title: str) -> Prepared:
    """The steps before the scan, as MediaWiki's preprocessor has them."""
    counts: Counter[str] = Counter({"links.seen": links_in(wikitext), "characters.wikitext": len(wikitext)})
    source = without_extensions(sound(wikitext), counts)
    is_disambiguation = marks_disambiguation(source)
    expanded = Expander(definitions, site, title, counts).page(source)
    if counts["templates.expanded"]:
        expanded = without_extensions(expanded, counts)
    expanded = one_variant(expanded)
    # A cut may bring two brackets together or part them.
    surplus = links_in(expanded) + dropped(counts, "links") - counts["links.seen"]
    counts["links.seen"] += max(0, surplus)
    counts["links.dropped.unbalanced"] += max(0, -surplus)
    return Prepared(expanded, is_disambiguation, counts)


def sound(text: str) -> str:
    """The text without NO_TEXT, of which it hardly ever has any: asking for each first takes a tenth of the time."""
    try:
        text.encode()
    except UnicodeEncodeError:  # surrogates
        return NO_TEXT.sub("", text)
    return NO_TEXT.sub("", text) if any(control in text for control in CONTROLS) else text


def finish(prepared: Prepared, site: SiteInfo, parser: Parser) -> Rendered:
    """The steps from the scan on."""
    counts = prepared.counts.copy()
    writer = parser(prepared.wikitext, site)
    lead, _, body = writer.marked().partition(LEAD)
    text, spans = placed(tidy(lead))
    lead_end = len(text)
    more, more_spans = placed(tidy(body.replace(LEAD, "")))
    spans += [(lead_end + start, lead_end + end) for start, end in more_spans]
    mentions = zip(spans, writer.titles, strict=True)
    links = tuple([Link(start, end, title) for (start, end), title in mentions if start < end])
    text += more
    for reason, links_gone, characters in writer.drops:
        counts[f"links.dropped.{reason}"] += links_gone
        counts[f"characters.dropped.{reason}"] += characters
    counts["links.dropped.empty"] += len(writer.titles) - len(links)
    counts["links.kept"] = len(links)
    counts["characters.text"] = len(text)
    rest = counts["characters.wikitext"] + counts["characters.rendered"] - len(text) - dropped(counts, "characters")
    counts["characters.dropped.markup"] += max(0, rest)
    counts["characters.rendered"] += max(0, -rest)  # the ends of lines
    return Rendered(text, links, lead_end, prepared.is_disambiguation, +counts)


def dropped(counts: Counter[str], what: str) -> int:
    """How many of `what` are dropped, for whatever reason."""
    return sum(number for key, number in counts.items() if key.startswith(f"{what}.dropped."))


def adds_up(counts: Counter[str], what: str) -> bool:
    """Whether all of `what`, links or characters, that was there or came in is kept or dropped."""
    if what == "links":
        return counts["links.seen"] == counts["links.kept"] + dropped(counts, what)
    there = counts["characters.wikitext"] + counts["characters.rendered"]
    return there == counts["characters.text"] + dropped(counts, what)
