"""Three wikis, and a function that renders wikitext as a page of one of them."""

from __future__ import annotations

from pipeline.corpus.render.page import RenderedPage, render_page
from pipeline.corpus.render.templates.definitions import NO_DEFINITIONS, Definitions
from pipeline.corpus.titles import SiteInfo

NAMES = {0: "", 6: "File", 10: "Template", 14: "Category"}
ENGLISH_SITE = SiteInfo("enwiki", "en", "https://en.wikipedia.org/wiki/Main_Page", True, NAMES)
GERMAN_SITE = SiteInfo("dewiki", "de", "", True, {0: "", 6: "Datei", 10: "Vorlage", 14: "Kategorie"})
JAPANESE_SITE = SiteInfo("jawiki", "ja", "", True, {0: "", 6: "ファイル", 10: "Template", 14: "Category"})


def render_wikitext(
    wikitext: str, site: SiteInfo = ENGLISH_SITE, definitions: Definitions = NO_DEFINITIONS
) -> RenderedPage:
    """Render wikitext as the page "Page" of a wiki."""
    return render_page(wikitext, site=site, definitions=definitions, title="Page")


def mentions_and_titles(page: RenderedPage) -> list[tuple[str, str]]:
    """Return (mention, title) of each link of the page."""
    return [(page.text[link.start : link.end], link.title) for link in page.links]
