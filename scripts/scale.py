"""What all of English Wikipedia costs at the rates of `make bench-data`, which prints this table.

A stage's CPU time, disk and tokens grow with the wikitext; reading grows with the XML, of which a whole dump has more
for each byte of article than the bench's. What is assumed of the wiki stands in `ENGLISH`, with where it is from; what
the rates do not show (templates with their definitions, above all) is told in docs/scale.md.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Wiki:
    """A whole wiki; GB are 1e9 bytes."""

    articles: float
    compressed_gb: float
    """pages-articles-multistream.xml.bz2."""
    xml_gb: float
    """The same, decompressed."""
    wikitext_gb: float
    """Of articles alone."""


ENGLISH = Wiki(articles=7.1e6, compressed_gb=25, xml_gb=105, wikitext_gb=50)
"""Articles, dump and XML: Wikipedia's pages Size_of_Wikipedia and Database_download in 2025, rounded. The wikitext is
an estimate: 7 KB an article, of which the Hub's wikimedia/wikipedia keeps 3.2 KB of text (20.3 GB of 6.4 million)."""
DECODED_MB_PER_S = 15
"""XML out of bz2, by one core."""
HASHED_MB_PER_S = 300
"""The download, hashed twice by one core."""


@dataclass(frozen=True, slots=True)
class Rates:
    """What was measured, for each MB of article wikitext."""

    xml: float
    """MB of XML."""
    seconds: dict[str, float]
    """Stage -> CPU seconds."""
    disk: dict[str, float]
    """Stage -> MB of its artefact."""
    tokens: float
    """In the dataset's sequences."""


def table(rates: Rates, wiki: Wiki = ENGLISH) -> str:
    """Core-hours and disk by stage."""
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
