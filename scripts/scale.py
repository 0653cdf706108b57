"""Extrapolate the cost of all of English Wikipedia from the rates of `make bench-data`, which prints this table.

A stage's CPU time, disk and tokens grow with the wikitext. Reading grows with the XML, and a full dump has more XML for
each byte of article wikitext than the benchmark's dump. `ENGLISH` holds the assumptions about the wiki, with their
source. docs/scale.md says what the rates do not show: above all, templates with their definitions.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Wiki:
    """Sizes of a wiki; a GB is 1e9 bytes."""

    articles: float
    """Number of articles."""
    compressed_gb: float
    """Size of pages-articles-multistream.xml.bz2."""
    xml_gb: float
    """Size of the decompressed XML."""
    wikitext_gb: float
    """Size of the articles' wikitext."""


ENGLISH = Wiki(articles=7.1e6, compressed_gb=25, xml_gb=105, wikitext_gb=50)
"""Articles, dump and XML: Wikipedia's pages Size_of_Wikipedia and Database_download in 2025, rounded. The wikitext is
an estimate: 7 KB per article; the Hub's wikimedia/wikipedia keeps 3.2 KB of text per article (20.3 GB of 6.4
million)."""
DECODED_MB_PER_S = 15
"""XML that one core decodes from bz2."""
HASHED_MB_PER_S = 300
"""Downloaded bytes that one core hashes twice."""


@dataclass(frozen=True, slots=True)
class Rates:
    """Measured figures per MB of article wikitext."""

    xml: float
    """MB of XML."""
    seconds: dict[str, float]
    """Stage -> CPU seconds."""
    disk: dict[str, float]
    """Stage -> MB of its artefact."""
    tokens: float
    """Tokens in the dataset's sequences."""


def cost_table(rates: Rates, wiki: Wiki = ENGLISH) -> str:
    """Return core-hours and disk by stage as a Markdown table."""
    megabytes = wiki.wikitext_gb * 1e3
    unmeasured = wiki.xml_gb * 1e3 - rates.xml * megabytes
    extra = {"corpus": unmeasured / DECODED_MB_PER_S}
    rows = [("dump", wiki.compressed_gb * 1e3 / HASHED_MB_PER_S, wiki.compressed_gb)]
    for stage, seconds in rates.seconds.items():
        rows.append((stage, seconds * megabytes + extra.get(stage, 0), rates.disk[stage] * wiki.wikitext_gb))
    rows.append(("together", sum(row[1] for row in rows), sum(row[2] for row in rows)))
    lines = [
        f"English Wikipedia ({wiki.articles / 1e6:g} million articles, {wiki.wikitext_gb:g} GB of wikitext, "
        f"{rates.tokens * megabytes / 1e9:.1f} billion tokens), extrapolated:",
        "",
        "| stage | core-hours | GB on disk |",
        "|---|---|---|",
    ]
    return "\n".join([*lines, *(f"| {stage} | {seconds / 3600:.1f} | {disk:.0f} |" for stage, seconds, disk in rows)])
