"""The pass `parse`: one chunk of pages -> articles-NNNNN.parquet and quarantine-NNNNN.parquet.

A page that cannot be rendered costs itself, never the chunk: too long, not wikitext, over its time, or an exception of
ours or a parser's; each goes to the quarantine with its reason. The time limit interrupts Python code; inside the C
tokenizer of mwparserfromhell, which only a page's second try meets, it waits for the call to end.
"""

from __future__ import annotations

import gc
import signal
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import FrameType
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.corpus.choose import Choice, LeftOut
from pipeline.corpus.config import CorpusConfig
from pipeline.corpus.read import write_rows
from pipeline.corpus.templates import Definitions
from pipeline.corpus.titles import SiteInfo
from pipeline.corpus.wikitext import render
from pipeline.runner import Report
from pipeline.store import Counts

LINKS = pa.list_(pa.struct([("start", pa.int32()), ("end", pa.int32()), ("title", pa.string())]))
ARTICLES = pa.schema([("id", "string"), ("revision", "string"), ("url", "string"), ("title", "string"),
                      ("text", "string"), ("links", LINKS), ("lead_end", "int32"),
                      ("is_disambiguation", "bool")])  # fmt: skip
QUARANTINE = pa.schema([("id", "string"), ("revision", "string"), ("title", "string"), ("reason", "string")])
PAGES_BETWEEN_COLLECTIONS = 100
"""The cyclic collector, left to itself, goes through a chunk's rows again and again, and finds nothing in them."""


class GivenUp(Exception):
    """A page that goes to the quarantine; the message is the reason's key."""


@dataclass(frozen=True, kw_only=True)
class ParseChunk:
    """Work on one chunk; a worker keeps the templates from one to the next."""

    chunks: tuple[Path, ...]
    """Relative to `work`, by number."""
    folder: Path
    work: Path
    site: SiteInfo
    config: CorpusConfig
    choice: Choice

    @cached_property
    def definitions(self) -> Definitions:
        texts: dict[str, str] = {}
        redirects: dict[str, str] = {}
        for path in sorted((self.work / "templates").glob("*.parquet")):
            for row in pq.read_table(path).to_pylist():
                if row["redirect"] is not None:
                    redirects[row["title"]] = row["redirect"]
                else:
                    texts[row["title"]] = row["text"]
        return Definitions(texts, redirects)

    def __call__(self, unit: str, report: Report) -> Counts:
        pages = pq.read_table(self.work / self.chunks[int(unit)]).to_pylist()
        counts: Counter[str] = Counter()
        articles: list[dict[str, Any]] = []
        quarantine: list[dict[str, Any]] = []
        with collector_paused():
            for number, page in enumerate(pages):
                report(number / len(pages))
                try:
                    articles.append(self.article(page, counts))
                    counts["pages.articles"] += 1
                except LeftOut as reason:
                    counts[f"pages.dropped.{reason}"] += 1
                except GivenUp as problem:
                    key = str(problem).partition(":")[0]
                    counts[f"pages.quarantined.{key}"] += 1
                    quarantine.append({**{k: page[k] for k in ("id", "revision", "title")}, "reason": str(problem)})
                if number % PAGES_BETWEEN_COLLECTIONS == 0:
                    gc.collect()
        write_rows(self.folder / f"articles-{unit}.parquet", articles, ARTICLES)
        write_rows(self.folder / f"quarantine-{unit}.parquet", quarantine, QUARANTINE)
        return {key: number for key, number in counts.items() if number}

    def article(self, page: dict[str, Any], counts: Counter[str]) -> dict[str, Any]:
        """Render one page to its row, and add what it counted.

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
        try:
            with time_limit(self.config.page_seconds):
                rendered = render(page["text"], site=self.site, definitions=self.definitions, title=page["title"])
        except GivenUp:
            raise
        except Exception as error:  # whatever it is, it must not cost the other pages of the chunk
            raise GivenUp(f"error: {type(error).__name__}: {error}"[:300]) from error
        self.choice.by_content(text=rendered.text, is_disambiguation=rendered.is_disambiguation)
        counts.update(rendered.counts)
        # By hand: dataclasses.asdict would take as long for the links as the scan.
        return {
            "id": page["id"],
            "revision": page["revision"],
            "url": self.site.url(page["title"]),
            "title": page["title"],
            "text": rendered.text,
            "links": [{"start": link.start, "end": link.end, "title": link.title} for link in rendered.links],
            "lead_end": rendered.lead_end,
            "is_disambiguation": rendered.is_disambiguation,
        }


@contextmanager
def collector_paused() -> Iterator[None]:
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Raise GivenUp in the block once this process has spent `seconds` of processor time in it.

    It fires again every second, since wikiextractor swallows exceptions. Signals reach the main thread only; anywhere
    else there is no limit.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def expire(_number: int, _frame: FrameType | None) -> None:
        raise GivenUp(f"too_slow: over {seconds:g} s")

    former = signal.signal(signal.SIGVTALRM, expire)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds, 1.0)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, former)
