"""The pass `parse`: one chunk of pages -> articles-NNNNN.parquet and quarantine-NNNNN.parquet.

A page that cannot be rendered costs itself, never the chunk. A chunk is rendered in a child process (`guard.py`). Where
a page ends it, or raises, the page is rendered again without its templates; if that fails too it goes to the quarantine
with the first reason. A child that has died takes with it what it had rendered: the chunk is begun again, and as one
has seconds of work, that is cheaper than handing over every page.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from pipeline.corpus.config import CorpusConfig
from pipeline.corpus.more_mentions import with_more
from pipeline.corpus.page_filter import Choice, LeftOut
from pipeline.corpus.render.page import Rendered, render
from pipeline.corpus.render.templates.defined import Definitions
from pipeline.corpus.render.templates.definitions import open_definitions
from pipeline.corpus.rows import QUARANTINE, article_row, article_schema, write_rows
from pipeline.corpus.titles import SiteInfo
from pipeline.corpus.xml.sandbox import KILLED, NONE_YET, Child, Died, Limits
from pipeline.errors import PipelineError
from pipeline.execution.units import Report
from pipeline.records import Article
from pipeline.store.manifest import Counts

DEFINITIONS = "definitions.arrow"

Failures = dict[int, list[str]]
"""Page of a chunk -> why each way to render it that was tried has ended the process."""


class GivenUp(Exception):
    """A page that goes to the quarantine; the message is the reason, its key before the colon."""


@dataclass(frozen=True, kw_only=True)
class ParseChunk:
    """Work on one chunk; a worker keeps the templates open from one to the next."""

    chunks: tuple[Path, ...]
    """Relative to `work`, by number."""
    folder: Path
    work: Path
    site: SiteInfo
    config: CorpusConfig
    choice: Choice

    @cached_property
    def definitions(self) -> Definitions:
        return open_definitions(self.work / DEFINITIONS)

    @cached_property
    def limits(self) -> Limits:
        return Limits(seconds=self.config.page_seconds, memory=self.config.page_memory_mb << 20)

    @cached_property
    def child(self) -> Child:
        assert self.definitions  # opened before the fork, once for all children
        return Child(self.render_chunk, self.limits)

    def __call__(self, unit: str, report: Report) -> Counts:
        failures: Failures = {}
        while True:
            done: Counts | Died = self.child(unit, failures, report)
            if not isinstance(done, Died):
                return done
            if done.reason == KILLED:
                raise PipelineError(
                    f"the process that renders chunk {unit} was killed from outside, most often because memory ran "
                    "out: use fewer workers (executor.workers) or give them more memory, and run this again"
                )
            if done.item == NONE_YET:
                raise RuntimeError(f"the process that renders chunk {unit} ended between its pages: {done.reason}")
            failures.setdefault(done.item, []).append(done.reason)

    def render_chunk(self, unit: str, failures: Failures, report: Report) -> Counts:
        """In a child: render the chunk's pages and write them."""
        chunk = pq.ParquetFile(self.work / self.chunks[int(unit)])  # read_table would import pandas
        pages = chunk.read(use_threads=False).to_pylist()
        counts: Counter[str] = Counter()
        articles: list[Article] = []
        quarantine: list[dict[str, Any]] = []
        for number, page in enumerate(self.limits.each(pages)):
            report(number / len(pages))
            try:
                articles.append(self.article(page, list(failures.get(number, [])), counts))
                counts["pages.articles"] += 1
                continue
            except LeftOut as unwanted:
                counts[f"pages.dropped.{unwanted}"] += 1
                continue
            except GivenUp as problem:
                reason = str(problem)
            except MemoryError:
                reason = self.too_large
            counts[f"pages.quarantined.{reason.partition(':')[0]}"] += 1
            quarantine.append({**{key: page[key] for key in ("id", "revision", "title")}, "reason": reason})
        schema = article_schema(more_mentions=self.config.more_mentions)
        write_rows(self.folder / f"articles-{unit}.parquet", map(article_row, articles), schema)
        write_rows(self.folder / f"quarantine-{unit}.parquet", quarantine, QUARANTINE)
        return {key: number for key, number in counts.items() if number}

    def article(self, page: dict[str, Any], failed: list[str], counts: Counter[str]) -> Article:
        """Render one page, and add what it counted.

        Args:
            failed: why each way to render it that was tried in an earlier child has failed.

        Raises:
            GivenUp: it goes to the quarantine.
            LeftOut: it is not wanted.
        """
        self.choice.by_title(page["title"])
        if page["model"] != "wikitext":
            raise GivenUp(f"model: {page['model']}")
        if not page["text"].strip():
            raise GivenUp("no_text")
        if (size := len(page["text"].encode())) > self.config.max_page_bytes:
            raise GivenUp(f"too_long: {size} bytes")
        rendered = self.rendered(page, failed)
        self.choice.by_content(text=rendered.text, is_disambiguation=rendered.is_disambiguation)
        if failed:
            rendered.counts["articles.without_templates"] = 1
        article = Article(
            id=page["id"],
            revision=page["revision"],
            url=self.site.url(page["title"]),
            title=page["title"],
            text=rendered.text,
            links=rendered.links,
            lead_end=rendered.lead_end,
            is_disambiguation=rendered.is_disambiguation,
        )
        if self.config.more_mentions:
            article = with_more(article, rendered.counts)
        counts.update(rendered.counts)  # last: what is counted is an article
        return article

    @property
    def too_large(self) -> str:
        return f"too_large: over {self.config.page_memory_mb} MB of memory"

    def rendered(self, page: dict[str, Any], failed: list[str]) -> Rendered:
        """The page, with its templates or else without; adds to `failed` what failed.

        Raises:
            GivenUp: neither way gives it.
        """
        for definitions in (self.definitions, None)[len(failed) :]:
            try:
                return render(page["text"], site=self.site, definitions=definitions, title=page["title"])
            except MemoryError:
                failed.append(self.too_large)
            except Exception as error:  # whatever it is, it must not cost the other pages of the chunk
                failed.append(f"error: {type(error).__name__}: {error}"[:300])
        raise GivenUp(failed[0])
