"""The read pass: one piece of a dump file -> chunks of pages, templates, redirects, and a note about the piece.

A unit is the number of a piece. It writes pages/<unit>/NNNNN.parquet (the pages to render, in chunks of a fixed size of
wikitext), templates/<unit>.parquet and notes/<unit>.json to the scratch folder, and redirects-<unit>.parquet to the
artefact.
"""

from __future__ import annotations

import os
import shutil
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from pipeline.corpus.artefact import redirects_name
from pipeline.corpus.notes import note_path, write_note
from pipeline.corpus.render.templates.definitions import transcluded_part
from pipeline.corpus.rows import REDIRECT_SCHEMA, Redirect, RowFileWriter, write_rows
from pipeline.corpus.titles import MAIN, TEMPLATE, SiteInfo, collapse_whitespace, normalise_title
from pipeline.corpus.xml.dump_reader import DumpReader
from pipeline.corpus.xml.pieces import Piece
from pipeline.execution.units import ReportProgress
from pipeline.records import Page
from pipeline.store.files import read_json
from pipeline.store.manifest import Counts

PAGE_SCHEMA = pa.schema([("id", "string"), ("revision", "string"), ("title", "string"), ("model", "string"),
                   ("text", "large_string")])  # fmt: skip
TEMPLATE_SCHEMA = pa.schema([("title", "string"), ("text", "large_string"), ("redirect", "string")])

SCHEMA_1_KEYS = {"place": "position", "read": "bytes_read", "size": "file_bytes"}
"""Key in a note of schema 1 -> today's key."""


@dataclass(frozen=True, slots=True)
class TemplateRow:
    """A template: either the text that it transcludes, or the template that it redirects to."""

    title: str
    """The title without the namespace."""
    text: str | None
    redirect: str | None


@dataclass(frozen=True, slots=True)
class PieceNote:
    """A piece that was read, for the check that the dump is complete."""

    file: str
    """Name of the dump file."""
    truncated: bool
    """Whether the file ends too early, in this piece."""
    bytes_read: int
    """Offset in the file up to which it was read."""
    file_bytes: int
    position: str
    """Place at which reading stopped, for messages, such as "after the page 'Lamp'"."""

    @classmethod
    def read(cls, work: Path, unit: str) -> PieceNote:
        """Read the note of a unit; an unfinished corpus of schema 1 has notes with other keys."""
        note = read_json(note_path(work, unit))
        return cls(**{SCHEMA_1_KEYS.get(key, key): value for key, value in note.items()})


class PageSink:
    """A sink that sorts the pages of one piece into chunks, redirects and templates, and counts them."""

    def __init__(self, work: Path, unit: str, site: SiteInfo, chunk_characters: int) -> None:
        self.site = site
        self.chunks = RowFileWriter[Page](
            folder=work / "pages" / unit, pattern="*.parquet", schema=PAGE_SCHEMA, file_characters=chunk_characters
        )
        self.redirects: list[Redirect] = []
        self.templates: list[TemplateRow] = []
        self.counts: Counter[str] = Counter()

    def add(self, page: Page) -> None:
        """Put a page where it belongs, or drop it, and count it."""
        self.counts["pages.seen"] += 1
        if not page.title.strip():  # only in a damaged dump: no wiki has such a page
            self.counts["pages.dropped.no_title"] += 1
        elif page.namespace == MAIN and page.redirect is None and not page.id.strip():  # pages are held out by id
            self.counts["pages.dropped.no_id"] += 1
        elif page.namespace == TEMPLATE:
            self.counts["pages.templates"] += 1
            self.templates.append(to_template_row(page, self.site))
        elif page.namespace != MAIN:
            self.counts[f"pages.dropped.namespace_{page.namespace}"] += 1
        elif page.redirect is not None:
            self.add_redirect(page)
        else:
            self.chunks.add(page)

    def add_redirect(self, page: Page) -> None:
        """Keep a redirect, unless its target is not a page of this wiki."""
        target = normalise_title(page.redirect or "", self.site)
        if target is None or target.interwiki or not target.text:
            self.counts["pages.dropped.redirect_to_nowhere"] += 1
            return
        self.counts["pages.redirects"] += 1
        self.redirects.append(Redirect(page.title, target.text))


def to_template_row(page: Page, site: SiteInfo) -> TemplateRow:
    """Return the row of a page in the template namespace."""
    target = normalise_title(page.redirect, site) if page.redirect else None
    name = collapse_whitespace(page.title.partition(":")[2]) or page.title
    redirect = target.text.partition(":")[2] if target and target.namespace == TEMPLATE else None
    return TemplateRow(name, None if redirect else transcluded_part(page.text), redirect)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadPiece:
    """The work on one piece, named by its number."""

    pieces: tuple[Piece, ...]
    site: SiteInfo
    folder: Path
    """Folder of the artefact."""
    work: Path
    """Scratch folder."""
    chunk_characters: int
    """Number of characters of wikitext at which a chunk ends; must not depend on the number of workers."""
    threads: int
    """Decompression threads per piece; when there are more workers than pieces, the spare ones are used as threads."""

    def __call__(self, unit: str, report: ReportProgress) -> Counts:
        shutil.rmtree(self.work / "pages" / unit, ignore_errors=True)
        piece = self.pieces[int(unit)]
        threads = min(self.threads, available_cpus())
        reader = DumpReader(piece.path, piece.start, piece.end, threads=threads, site=self.site)
        sink = PageSink(self.work, unit, self.site, self.chunk_characters)
        for page in reader:
            sink.add(page)
            report(reader.progress)
        sink.chunks.end_file()
        write_rows(self.folder / redirects_name(unit), sink.redirects, REDIRECT_SCHEMA)
        write_rows(self.work / "templates" / f"{unit}.parquet", sink.templates, TEMPLATE_SCHEMA)
        note = PieceNote(
            file=reader.path.name,
            truncated=reader.truncated,
            bytes_read=reader.source.offset,
            file_bytes=reader.source.size,
            position=reader.position,
        )
        write_note(self.work, unit, note)
        return dict(sink.counts)


def available_cpus() -> int:
    """Return the number of CPUs that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
