"""The pass `read`: one piece of a dump file -> chunks of pages, templates, redirects, and a note on the piece.

In the scratch folder: pages/<unit>/NNNNN.parquet (articles to be, cut at a size of wikitext),
templates/<unit>.parquet, notes/<unit>.json. In the artefact: redirects-<unit>.parquet. The unit is the piece's number.
"""

from __future__ import annotations

import os
import shutil
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from pipeline.corpus.render.templates.defined import define
from pipeline.corpus.rows import REDIRECTS, RowFiles, write_rows
from pipeline.corpus.titles import MAIN, TEMPLATE, SiteInfo, folded, normalise_title
from pipeline.corpus.xml.dump_reader import Dump
from pipeline.corpus.xml.pieces import Piece
from pipeline.execution.units import Report
from pipeline.records import Page
from pipeline.store.files import write_json
from pipeline.store.manifest import Counts

PAGES = pa.schema([("id", "string"), ("revision", "string"), ("title", "string"), ("model", "string"),
                   ("text", "large_string")])  # fmt: skip
TEMPLATES = pa.schema([("title", "string"), ("text", "large_string"), ("redirect", "string")])


def note_path(work: Path, unit: str) -> Path:
    return work / "notes" / f"{unit}.json"


class Sorted:
    """Where the pages of one piece go."""

    def __init__(self, work: Path, unit: str, chunk_characters: int) -> None:
        self.chunks = RowFiles(folder=work / "pages" / unit, prefix="", schema=PAGES, characters=chunk_characters)
        self.redirects: list[dict[str, Any]] = []
        self.templates: list[dict[str, Any]] = []
        self.counts: Counter[str] = Counter()

    def take(self, page: Page, site: SiteInfo) -> None:
        self.counts["pages.seen"] += 1
        if not page.title.strip():  # nothing can link to it, and no wiki has one: damage
            self.counts["pages.dropped.no_title"] += 1
        elif not page.id.strip() and page.namespace == MAIN and page.redirect is None:  # it decides who is held out
            self.counts["pages.dropped.no_id"] += 1
        elif page.namespace == TEMPLATE:
            self.counts["pages.templates"] += 1
            self.templates.append(template_row(page, site))
        elif page.namespace != MAIN:
            self.counts[f"pages.dropped.namespace_{page.namespace}"] += 1
        elif page.redirect is not None:
            self.take_redirect(page, site)
        else:
            self.chunks.add({name: getattr(page, name) for name in PAGES.names})

    def take_redirect(self, page: Page, site: SiteInfo) -> None:
        target = normalise_title(page.redirect or "", site)
        if target is None or target.interwiki or not target.text:
            self.counts["pages.dropped.redirect_to_nowhere"] += 1
            return
        self.counts["pages.redirects"] += 1
        self.redirects.append({"title": page.title, "target": target.text})


def template_row(page: Page, site: SiteInfo) -> dict[str, Any]:
    """A template by its title without the namespace: its transcluded text, or the template it redirects to."""
    target = normalise_title(page.redirect, site) if page.redirect else None
    name = folded(page.title.partition(":")[2]) or page.title
    redirect = target.text.partition(":")[2] if target and target.namespace == TEMPLATE else None
    return {"title": name, "text": None if redirect else define(page.text), "redirect": redirect}


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadPiece:
    """Work on one piece."""

    pieces: tuple[Piece, ...]
    site: SiteInfo
    folder: Path
    work: Path
    chunk_characters: int
    """Of wikitext, after which a chunk ends; never a function of the workers."""
    threads: int
    """That decode one piece: of workers that outnumber the pieces each lends its processor to one."""

    def __call__(self, unit: str, report: Report) -> Counts:
        shutil.rmtree(self.work / "pages" / unit, ignore_errors=True)
        piece = self.pieces[int(unit)]
        dump = Dump(piece.path, piece.start, piece.end, threads=min(self.threads, processors()), site=self.site)
        sorted_pages = Sorted(self.work, unit, self.chunk_characters)
        for page in dump:
            sorted_pages.take(page, self.site)
            report(dump.share)
        sorted_pages.chunks.end_file()
        write_rows(self.folder / f"redirects-{unit}.parquet", sorted_pages.redirects, REDIRECTS)
        write_rows(self.work / "templates" / f"{unit}.parquet", sorted_pages.templates, TEMPLATES)
        note = {
            "file": dump.path.name,
            "truncated": dump.truncated,
            "read": dump.source.read,
            "size": dump.source.size,
            "place": dump.place,
        }
        write_json(note_path(self.work, unit), note)
        return dict(sorted_pages.counts)


def processors() -> int:
    """Those that this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
