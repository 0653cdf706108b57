"""Convert a page's wikitext to text with the spans of its links. Pure functions.

Input: a page's wikitext, its wiki and the templates of the dump. Output: paragraphs and list items, each ended by a
newline, and the links to articles with code-point spans: `text[start:end]` is the mention. The steps, in order:

    extension_tags      comments, references, formulas: remove, or replace by text
    templates.expander  templates: expand, render, or replace by a HOLE
    language_variants   "-{...}-": keep one variant
    scanner             all other markup, in one pass; it calls a text_writer.TextWriter, which builds the text
    cleanup             white space and the punctuation around holes; then read the spans

The scanner encloses each mention in MENTION_START and MENTION_END within the text itself, so that cleanup cannot
misplace it. Everything removed is counted: links seen = kept + dropped by reason, and the same for characters. If the
counts of links do not add up, the page is rendered again with mwparserfromhell (`fallback_parser`). One process renders
5 to 10 MB of wikitext per second.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from pipeline.corpus.render.templates.definitions import Definitions
from pipeline.corpus.render.templates.disambiguation import has_disambiguation_mark
from pipeline.corpus.render.templates.expander import Expander
from pipeline.corpus.render.wikitext.cleanup import clean_text, extract_spans
from pipeline.corpus.render.wikitext.extension_tags import remove_extension_tags
from pipeline.corpus.render.wikitext.fallback_parser import parse_with_mwparserfromhell
from pipeline.corpus.render.wikitext.language_variants import pick_language_variants
from pipeline.corpus.render.wikitext.markup import HEADING_MARK, count_links
from pipeline.corpus.render.wikitext.scanner import scan
from pipeline.corpus.render.wikitext.text_writer import TextWriter
from pipeline.corpus.titles import SiteInfo
from pipeline.records import Link

FORBIDDEN_CHARACTERS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]+")
"""Characters that XML does not allow. In the text they could be mistaken for the marks of `wikitext.markup`."""
CONTROL_CHARACTERS = [chr(code) for code in (*range(0x09), *range(0x0B, 0x20), 0x7F)]
Parser = Callable[[str, SiteInfo], TextWriter]


@dataclass(frozen=True, slots=True)
class RenderedPage:
    """A page's text and links; the fields are named like those of `Article`."""

    text: str
    links: tuple[Link, ...]
    lead_end: int
    is_disambiguation: bool
    counts: Counter[str]
    """links.seen = links.kept + all links.dropped.*; templates.seen = expanded + rendered + dropped;
    characters.wikitext + characters.rendered (added by templates) = characters.text + all characters.dropped.*;
    characters.dropped.markup is the markup around the text that is kept."""


def render_page(wikitext: str, *, site: SiteInfo, definitions: Definitions | None, title: str) -> RenderedPage:
    """Render one page with the scanner; render it again with mwparserfromhell if the links do not add up.

    Args:
        definitions: the dump's templates; None removes every template, even one with a renderer.
        title: the page's title, which some templates show.
    """
    preprocessed = preprocess(wikitext, site=site, definitions=definitions, title=title)
    rendered = render_preprocessed(preprocessed, site, scan)
    if not adds_up(rendered.counts, "links"):
        rendered = render_preprocessed(preprocessed, site, parse_with_mwparserfromhell)
        rendered.counts["articles.second_try"] = 1
    return rendered


@dataclass(frozen=True, slots=True)
class PreprocessedPage:
    """A page without comments, extension tags and templates."""

    wikitext: str
    is_disambiguation: bool
    counts: Counter[str]


def preprocess(wikitext: str, *, site: SiteInfo, definitions: Definitions | None, title: str) -> PreprocessedPage:
    """Run the steps before the parser, in the order of MediaWiki's preprocessor."""
    counts: Counter[str] = Counter({"links.seen": count_links(wikitext), "characters.wikitext": len(wikitext)})
    source = remove_extension_tags(remove_control_characters(wikitext), counts)
    is_disambiguation = has_disambiguation_mark(source)
    expanded = Expander(definitions, site, title, counts).expand_page(source)
    if counts["templates.expanded"]:
        expanded = remove_extension_tags(expanded, counts)
    expanded = pick_language_variants(expanded)
    # Removing text can join two brackets into a link, or separate them.
    surplus = count_links(expanded) + total_dropped(counts, "links") - counts["links.seen"]
    counts["links.seen"] += max(0, surplus)
    counts["links.dropped.unbalanced"] += max(0, -surplus)
    return PreprocessedPage(expanded, is_disambiguation, counts)


def remove_control_characters(text: str) -> str:
    """Remove control characters and surrogates.

    They are rare, and testing for each one first takes a tenth of the time of a substitution.
    """
    try:
        text.encode()
    except UnicodeEncodeError:  # surrogates
        return FORBIDDEN_CHARACTERS.sub("", text)
    return FORBIDDEN_CHARACTERS.sub("", text) if any(control in text for control in CONTROL_CHARACTERS) else text


def render_preprocessed(preprocessed: PreprocessedPage, site: SiteInfo, parser: Parser) -> RenderedPage:
    """Run the parser, clean the text and complete the counts."""
    counts = preprocessed.counts.copy()
    writer = parser(preprocessed.wikitext, site)
    lead, _, body = writer.finish().partition(HEADING_MARK)
    text, spans = extract_spans(clean_text(lead))
    lead_end = len(text)
    more, more_spans = extract_spans(clean_text(body.replace(HEADING_MARK, "")))
    spans += [(lead_end + start, lead_end + end) for start, end in more_spans]
    mentions = zip(spans, writer.titles, strict=True)
    links = tuple([Link(start, end, title) for (start, end), title in mentions if start < end])
    text += more
    for reason, dropped_links, characters in writer.drops:
        counts[f"links.dropped.{reason}"] += dropped_links
        counts[f"characters.dropped.{reason}"] += characters
    counts["links.dropped.empty"] += len(writer.titles) - len(links)
    counts["links.kept"] = len(links)
    counts["characters.text"] = len(text)
    rest = (
        counts["characters.wikitext"] + counts["characters.rendered"] - len(text) - total_dropped(counts, "characters")
    )
    counts["characters.dropped.markup"] += max(0, rest)
    counts["characters.rendered"] += max(0, -rest)  # line ends that cleanup added
    return RenderedPage(text, links, lead_end, preprocessed.is_disambiguation, +counts)


def total_dropped(counts: Counter[str], what: str) -> int:
    """Return the number of `what` ("links" or "characters") that were dropped, over all reasons."""
    return sum(number for key, number in counts.items() if key.startswith(f"{what}.dropped."))


def adds_up(counts: Counter[str], what: str) -> bool:
    """Whether all of `what` ("links" or "characters") in the source or from templates is counted as kept or dropped."""
    if what == "links":
        return counts["links.seen"] == counts["links.kept"] + total_dropped(counts, what)
    seen = counts["characters.wikitext"] + counts["characters.rendered"]
    return seen == counts["characters.text"] + total_dropped(counts, what)
