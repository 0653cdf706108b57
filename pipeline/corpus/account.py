"""The account of a corpus: counts that add up, their printed form, and errors for a corpus without articles.

A corpus without an article is refused as soon as that is known, because no later stage could use it. The partial
folder is then removed, since the input or the config must change.
"""

from __future__ import annotations

from pathlib import Path

from pipeline.corpus.artefact import write_card, write_site
from pipeline.corpus.card import corpus_card
from pipeline.corpus.page_filter import DROP_REASONS
from pipeline.corpus.titles import SiteInfo
from pipeline.errors import PipelineError
from pipeline.execution.console import console, spinner
from pipeline.store.builder import ArtefactBuilder
from pipeline.store.manifest import Counts

ALWAYS = (
    *("pages.seen", "pages.articles", "pages.redirects", "pages.templates"),
    *("links.seen", "links.kept", "characters.wikitext", "characters.text"),
)
"""Counts that the account holds even when they are 0."""


def refuse_empty(builder: ArtefactBuilder, counts: Counts, *, place: Path | str, needed: str) -> None:
    """Raise PipelineError with the counts of all pages if none has become an article.

    Args:
        place: the source of the pages, for the message.
        needed: the input to give instead, for the message.
    """
    if counts.get("pages.articles"):
        return
    builder.discard()
    fates = {key.removeprefix("pages."): n for key, n in counts.items() if key.startswith("pages.") and n}
    if not (seen := fates.pop("seen", 0)):
        raise PipelineError(f"there is no page in {place}: {needed}")
    if any(f"dropped.{reason}" in fates for reason in DROP_REASONS):
        needed = "check corpus.keep_titles, leave_out_titles, disambiguation and min_characters"
    listed = ", ".join(f"{fate} {number:,}" for fate, number in fates.items())
    raise PipelineError(f"none of the {seen:,} page(s) in {place} becomes an article ({listed}): {needed}")


def refuse_unmatched(builder: ArtefactBuilder, counts: Counts) -> None:
    """Raise PipelineError if no title of corpus.keep_titles is the title of a page."""
    seen = counts.get("titles.keep_titles.seen", 0)
    if seen and counts["titles.keep_titles.without_page"] == seen:
        builder.discard()
        raise PipelineError(
            f"none of the {seen:,} titles of corpus.keep_titles is the title of a page: give page titles, one per line"
        )


def finish_corpus(builder: ArtefactBuilder, site: SiteInfo, counts: Counts, *, is_own_text: bool = False) -> None:
    """Write the wiki's facts, the card and the manifest, and print the account."""
    write_site(builder.folder, site, counts)
    write_card(builder.folder, corpus_card(site, counts, is_own_text=is_own_text))
    with spinner("sums"):
        builder.finish(counts)
    name = "your own text" if is_own_text else site.dbname or "a wiki without a name"
    console.print(f"corpus: {name} ({site.language}) -> {builder.target}\n{account_lines(counts)}")


def account_lines(counts: Counts) -> str:
    """Return the account of pages, links and text as one line each."""
    pages = [f"{counts[f'pages.{kind}']:,} {kind}" for kind in ("articles", "redirects", "templates")]
    added = list_by_size(counts, "links.added.")
    lines = [
        f"pages: {counts['pages.seen']:,} seen = {', '.join(pages)}; "
        f"quarantined: {list_by_size(counts, 'pages.quarantined.') or 'none'}; "
        f"dropped: {list_by_size(counts, 'pages.dropped.') or 'none'}",
        f"links: {counts['links.seen']:,} seen, {counts['links.kept']:,} kept; "
        f"dropped: {list_by_size(counts, 'links.dropped.') or 'none'}{'; added: ' + added if added else ''}",
        f"text: {counts['characters.text']:,} characters",
    ]
    if counts["characters.wikitext"]:
        lines[-1] += f" from {counts['characters.wikitext']:,} of wikitext"
    if counts.get("files.truncated"):
        lines.append(f"{counts['files.truncated']} file(s) ended too early; the pages before that point were used")
    return "\n".join(f"  {line}" for line in lines)


def list_by_size(counts: Counts, prefix: str) -> str:
    """Return the counts below `prefix` that are not 0, the largest first."""
    parts = sorted(((n, key.removeprefix(prefix)) for key, n in counts.items() if key.startswith(prefix) and n))
    return ", ".join(f"{name} {n:,}" for n, name in reversed(parts))
