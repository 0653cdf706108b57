"""Templates that name a source, a law or a verse in the sentence itself, as text. Pure."""

from __future__ import annotations

import re

from pipeline.corpus.render.templates.calls import Call, linked

STATUTES = {"usc": "{0} U.S.C. § {1}", "uscsub": "{0} U.S.C. § {1}({2})", "usstat": "{0} Stat. {1}",
            "uspl": "Pub. L. {0}–{1}", "ussc": "{0} U.S. {1} ({2})"}  # fmt: skip
"""Template's name -> how the law is cited."""


def author_year(call: Call) -> str:
    """{{harvtxt|Jech|2008}}: "Jech (2008)"."""
    *authors, year = [part for part in call.positional if part] or [""]
    return f"{' & '.join(authors)} ({year})" if authors else ""


def section_link(call: Call) -> str:
    """{{slink|Page|Section}}: "Page § Section"."""
    page, section = call.get(1), call.get(2)
    shown = f"{page} § {section}" if section else page
    return linked(f"{page}#{section}", call.named.get("display") or shown.strip()) if section else linked(page, "")


def statute(call: Call) -> str:
    """{{uscsub|18|3553|a}}: "18 U.S.C. § 3553(a)"."""
    return STATUTES[call.name].format(*call.positional, "", "", "").replace(" ()", "").replace("()", "")


def website(call: Call) -> str:
    """{{URL|example.org|label}}: the label, else the address as it is read."""
    if call.name.startswith("official"):
        return call.named.get("name") or "Official website"
    return call.get(2) or re.sub(r"^https?://|/$", "", call.get(1))


def bible(call: Call) -> str:
    """{{bibleverse|1|Corinthians|13:4|KJV}}: book, chapter and verse, without the translation."""
    words: list[str] = []
    for part in call.positional:
        if part:
            words.append(part)
        if len(words) > 1 and part[:1].isdigit():
            break
    return " ".join(words)
