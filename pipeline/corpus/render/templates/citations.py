"""Renderers of templates that name a source, a law or a verse within the sentence. Pure."""

from __future__ import annotations

import re

from pipeline.corpus.render.templates.renderer import Call, wikilink

STATUTE_FORMATS = {
    "usc": "{0} U.S.C. § {1}",
    "uscsub": "{0} U.S.C. § {1}({2})",
    "usstat": "{0} Stat. {1}",
    "uspl": "Pub. L. {0}–{1}",
    "ussc": "{0} U.S. {1} ({2})",
}
"""Template's name -> format of the citation."""


def author_year(call: Call) -> str:
    """Render {{harvtxt|Jech|2008}} as "Jech (2008)"."""
    *authors, year = [part for part in call.positional if part] or [""]
    return f"{' & '.join(authors)} ({year})" if authors else ""


def section_link(call: Call) -> str:
    """Render {{slink|Page|Section}} as a link, "Page § Section"."""
    page, section = call.get(1), call.get(2)
    shown = f"{page} § {section}" if section else page
    return wikilink(f"{page}#{section}", call.named.get("display") or shown.strip()) if section else wikilink(page, "")


def statute(call: Call) -> str:
    """Render {{uscsub|18|3553|a}} as "18 U.S.C. § 3553(a)"."""
    return STATUTE_FORMATS[call.name].format(*call.positional, "", "", "").replace(" ()", "").replace("()", "")


def website_label(call: Call) -> str:
    """Render {{URL|example.org|label}} as the label, or else as the address without its scheme."""
    if call.name.startswith("official"):
        return call.named.get("name") or "Official website"
    return call.get(2) or re.sub(r"^https?://|/$", "", call.get(1))


def bible_verse(call: Call) -> str:
    """Render {{bibleverse|1|Corinthians|13:4|KJV}} as "1 Corinthians 13:4", without the translation."""
    words: list[str] = []
    for part in call.positional:
        if part:
            words.append(part)
        if len(words) > 1 and part[:1].isdigit():
            break
    return " ".join(words)
