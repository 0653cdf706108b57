"""A corpus without an article, refused as soon as that is known: no later stage could do anything with it.

What was made is thrown away, since the input or the config must change.
"""

from __future__ import annotations

from pathlib import Path

from pipeline.corpus.page_filter import REASONS
from pipeline.corpus.titles import SiteInfo
from pipeline.errors import PipelineError
from pipeline.execution.console import console
from pipeline.store.builder import ArtefactBuilder
from pipeline.store.manifest import Counts

ALWAYS = (
    *("pages.seen", "pages.articles", "pages.redirects", "pages.templates"),
    *("links.seen", "links.kept", "characters.wikitext", "characters.text"),
)
"""Counts that stand in the account even when they are 0."""


def refuse_empty(job: ArtefactBuilder, counts: Counts, *, place: object, needed: str) -> None:
    """Stop if no page has become an article, and tell what became of them.

    Args:
        place: where the pages are from, named to people.
        needed: what is to be given instead.
    """
    if counts.get("pages.articles"):
        return
    job.discard()
    fates = {key.removeprefix("pages."): n for key, n in counts.items() if key.startswith("pages.") and n}
    if not (seen := fates.pop("seen", 0)):
        raise PipelineError(f"there is no page in {place}: {needed}")
    if any(f"dropped.{reason}" in fates for reason in REASONS):
        needed = "look at corpus.keep_titles, leave_out_titles, disambiguation and min_characters"
    told = ", ".join(f"{fate} {number:,}" for fate, number in fates.items())
    raise PipelineError(f"of {seen:,} page(s) in {place} none becomes an article ({told}): {needed}")


def refuse_unmatched(job: ArtefactBuilder, counts: Counts) -> None:
    """Stop if no title of corpus.keep_titles is a page's."""
    seen = counts.get("titles.keep_titles.seen", 0)
    if seen and counts["titles.keep_titles.without_page"] == seen:
        job.discard()
        raise PipelineError(
            f"none of the {seen:,} titles of corpus.keep_titles is a page's: give the titles of pages, one a line"
        )


def tell(target: Path, site: SiteInfo, counts: Counts) -> None:
    """Print the account."""

    def listed(prefix: str) -> str:
        parts = sorted(((n, key.removeprefix(prefix)) for key, n in counts.items() if key.startswith(prefix) and n))
        return ", ".join(f"{name} {n:,}" for n, name in reversed(parts)) or "none"

    console.print(f"corpus: {site.dbname or 'a wiki without a name'} ({site.language}) -> {target}")
    console.print(
        f"  pages: {counts['pages.seen']:,} seen = {counts['pages.articles']:,} articles, "
        f"{counts['pages.redirects']:,} redirects, {counts['pages.templates']:,} templates, "
        f"quarantined: {listed('pages.quarantined.')}; dropped: {listed('pages.dropped.')}"
    )
    added = any(key.startswith("links.added.") for key in counts)
    console.print(
        f"  links: {counts['links.seen']:,} seen, {counts['links.kept']:,} kept; dropped: {listed('links.dropped.')}"
        f"{'; added: ' + listed('links.added.') if added else ''}"
    )
    console.print(f"  text: {counts['characters.text']:,} characters of {counts['characters.wikitext']:,} of wikitext")
    if counts.get("files.truncated"):
        console.print(f"  {counts['files.truncated']} file(s) ended too early; what they held was taken")
