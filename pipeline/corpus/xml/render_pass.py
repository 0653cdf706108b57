"""The render pass: one chunk of pages -> articles-NNNNN.parquet and quarantine-NNNNN.parquet.

A page that fails to render is quarantined; the rest of the chunk is unaffected. A chunk is rendered in a child process
(`sandbox.py`). If a page raises an exception or makes the process die, it is rendered again without its templates; if
that fails too, it is quarantined with the first reason. After a process has died, its chunk starts again from the first
page: a chunk takes a few seconds, so this is cheaper than sending every page to the parent.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pyarrow.parquet as pq

from pipeline.corpus.artefact import articles_name, quarantine_name
from pipeline.corpus.config import CorpusConfig
from pipeline.corpus.more_mentions import add_mentions
from pipeline.corpus.page_filter import PageDropped, PageFilter
from pipeline.corpus.render.page import RenderedPage, render_page
from pipeline.corpus.render.templates.definition_file import open_definitions
from pipeline.corpus.render.templates.definitions import Definitions
from pipeline.corpus.rows import QUARANTINE_SCHEMA, QuarantinedPage, article_schema, write_rows
from pipeline.corpus.titles import MAIN, SiteInfo
from pipeline.corpus.xml.sandbox import KILLED, NO_ITEM, Limits, SandboxedWorker, WorkerDeath
from pipeline.errors import PipelineError
from pipeline.execution.units import ReportProgress
from pipeline.records import Article, Page
from pipeline.store.manifest import Counts

DEFINITIONS_FILE = "definitions.arrow"

Failures = dict[int, list[str]]
"""Number of a page in its chunk -> the reasons why rendering it made the process die, one per attempt."""


class PageQuarantined(Exception):
    """The page cannot be rendered; the message is the reason, with a key before the colon."""


@dataclass(frozen=True, kw_only=True)
class RenderChunk:
    """The work on one chunk, named by its number; a worker keeps the templates open between chunks."""

    chunks: tuple[Path, ...]
    """Paths relative to `work`."""
    folder: Path
    """Folder of the artefact."""
    work: Path
    """Scratch folder."""
    site: SiteInfo
    config: CorpusConfig
    page_filter: PageFilter

    @cached_property
    def definitions(self) -> Definitions:
        """The templates of the dump."""
        return open_definitions(self.work / DEFINITIONS_FILE)

    @cached_property
    def limits(self) -> Limits:
        """The time and memory that one page may use."""
        return Limits(seconds=self.config.max_page_seconds, memory=self.config.max_page_memory_mb << 20)

    @cached_property
    def sandbox(self) -> SandboxedWorker[[str, Failures, ReportProgress], Counts]:
        """The child process that renders chunks."""
        assert self.definitions  # opened before the fork, once for all children
        return SandboxedWorker(self.render_pages, self.limits)

    def __call__(self, unit: str, report: ReportProgress) -> Counts:
        failures: Failures = {}
        while True:
            result = self.sandbox(unit, failures, report)
            if not isinstance(result, WorkerDeath):
                return result
            if result.reason == KILLED:
                raise PipelineError(
                    f"the process that renders chunk {unit} was killed from outside, most often because memory ran "
                    "out: use fewer workers (executor.workers) or give them more memory, and run this again"
                )
            if result.item == NO_ITEM:
                raise RuntimeError(f"the process that renders chunk {unit} died between its pages: {result.reason}")
            failures.setdefault(result.item, []).append(result.reason)

    def render_pages(self, unit: str, failures: Failures, report: ReportProgress) -> Counts:
        """Render the pages of a chunk and write them; runs in the child process."""
        chunk = pq.ParquetFile(self.work / self.chunks[int(unit)])  # read_table would import pandas
        pages = [Page(**row, namespace=MAIN, redirect=None) for row in chunk.read(use_threads=False).to_pylist()]
        counts: Counter[str] = Counter()
        articles: list[Article] = []
        quarantine: list[QuarantinedPage] = []
        for number, page in enumerate(self.limits.iterate(pages)):
            report(number / len(pages))
            try:
                articles.append(self.render_article(page, list(failures.get(number, [])), counts))
                counts["pages.articles"] += 1
                continue
            except PageDropped as dropped:
                counts[f"pages.dropped.{dropped}"] += 1
                continue
            except PageQuarantined as error:
                reason = str(error)
            except MemoryError:
                reason = self.too_large_reason
            counts[f"pages.quarantined.{reason.partition(':')[0]}"] += 1
            quarantine.append(QuarantinedPage(page.id, page.revision, page.title, reason))
        schema = article_schema(more_mentions=self.config.more_mentions)
        write_rows(self.folder / articles_name(unit), articles, schema)
        write_rows(self.folder / quarantine_name(unit), quarantine, QUARANTINE_SCHEMA)
        return {key: number for key, number in counts.items() if number}

    def render_article(self, page: Page, failed: list[str], counts: Counter[str]) -> Article:
        """Render one page.

        Args:
            page: a page of the main namespace.
            failed: the reasons of failed attempts in earlier child processes.
            counts: receives the counts of the page if it becomes an article.

        Raises:
            PageQuarantined: the page cannot be rendered.
            PageDropped: the page filter excludes it.
        """
        self.page_filter.check_title(page.title)
        if page.model != "wikitext":
            raise PageQuarantined(f"model: {page.model}")
        if not page.text.strip():
            raise PageQuarantined("no_text")
        if (size := len(page.text.encode())) > self.config.max_page_bytes:
            raise PageQuarantined(f"too_long: {size} bytes")
        rendered = self.render_with_fallback(page, failed)
        self.page_filter.check_content(text=rendered.text, is_disambiguation=rendered.is_disambiguation)
        if failed:
            rendered.counts["articles.without_templates"] = 1
        article = Article(
            id=page.id,
            revision=page.revision,
            url=self.site.url(page.title),
            title=page.title,
            text=rendered.text,
            links=rendered.links,
            lead_end=rendered.lead_end,
            is_disambiguation=rendered.is_disambiguation,
        )
        if self.config.more_mentions:
            article = add_mentions(article, rendered.counts)
        counts.update(rendered.counts)  # last, because only articles count
        return article

    @property
    def too_large_reason(self) -> str:
        """The reason for the quarantine of a page that uses too much memory."""
        return f"too_large: over {self.config.max_page_memory_mb} MB of memory"

    def render_with_fallback(self, page: Page, failed: list[str]) -> RenderedPage:
        """Render the page with its templates, and if that fails without them; append failures to `failed`.

        Raises:
            PageQuarantined: both attempts failed, here or in an earlier child process.
        """
        for definitions in (self.definitions, None)[len(failed) :]:
            try:
                return render_page(page.text, site=self.site, definitions=definitions, title=page.title)
            except MemoryError:
                failed.append(self.too_large_reason)
            except Exception as error:  # no error may affect the other pages of the chunk
                failed.append(f"error: {type(error).__name__}: {error}"[:300])
        raise PageQuarantined(failed[0])
