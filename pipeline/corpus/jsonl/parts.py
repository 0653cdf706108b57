"""The work on JSON Lines files: one part of a file -> its articles, its quarantine, and a note about invalid lines.

A part is a range of bytes and has the lines that begin in it; a gzip file is one part. Memory holds one line and the
articles of one output file, regardless of the size of the input. A unit is the number of a part. It writes
articles-<unit>-NNNNN.parquet and quarantine-<unit>.parquet to the artefact, and notes/<unit>.json (number of lines,
problems) and seen/<unit>.parquet (id, title and line of each article) to the scratch folder.
"""

from __future__ import annotations

import gzip
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, cast

import pyarrow as pa

from pipeline.corpus.artefact import articles_name, quarantine_name
from pipeline.corpus.config import CorpusConfig
from pipeline.corpus.jsonl.lines import InvalidLine, parse_line
from pipeline.corpus.more_mentions import add_mentions
from pipeline.corpus.notes import note_path, write_note
from pipeline.corpus.page_filter import PageDropped, PageFilter
from pipeline.corpus.rows import QUARANTINE_SCHEMA, QuarantinedPage, RowFileWriter, article_schema, write_rows
from pipeline.execution.units import ReportProgress
from pipeline.records import Article
from pipeline.store.files import read_json
from pipeline.store.manifest import Counts

PART_BYTES = 32 << 20
"""Size of a part of an uncompressed file: two or three seconds of work."""
MAX_PROBLEMS_LISTED = 10
"""Number of invalid lines that are listed one by one."""
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
"""Bytes that some editors write at the start of a UTF-8 file."""
GZIP_MAGIC = b"\x1f\x8b"
SEEN_SCHEMA = pa.schema([("id", "string"), ("title", "string"), ("part", "int64"), ("line", "int64")])


def seen_path(work: Path, unit: str) -> Path:
    """Return the path of a unit's table of articles in the scratch folder `work`."""
    return work / "seen" / f"{unit}.parquet"


class DamagedFile(InvalidLine):
    """The rest of a gzip file cannot be decompressed."""


@dataclass(frozen=True, slots=True)
class Part:
    """The lines of a file that begin in the bytes [start, end); `end` is None for a gzip file, which is one part."""

    path: Path
    start: int
    end: int | None


@dataclass(frozen=True, slots=True)
class SeenArticle:
    """The id and title of an article that was read, and its place in the input."""

    id: str
    title: str
    part: int
    line: int
    """Number of the line in the part, from 1."""


@dataclass(frozen=True, slots=True)
class Problem:
    """An invalid line."""

    line: int
    """Number of the line in the part, from 1; 0 for the whole file."""
    text: str


@dataclass(frozen=True, slots=True)
class PartNote:
    """A part that was read: its number of lines, and its first problems."""

    lines: int
    problems: tuple[Problem, ...]

    @classmethod
    def read(cls, work: Path, unit: str) -> PartNote:
        """Read the note of a unit; in an unfinished corpus of schema 1 a problem is a list of line and text."""
        note = read_json(note_path(work, unit))
        problems = [Problem(*item) if isinstance(item, list) else Problem(**item) for item in note["problems"]]
        return cls(note["lines"], tuple(problems))


def cut_into_parts(files: Sequence[Path]) -> list[Part]:
    """Cut the files into parts, in order, depending only on the sizes of the files."""
    parts: list[Part] = []
    for path in files:
        with open(path, "rb") as file:
            is_gzip = file.read(2) == GZIP_MAGIC
        size = path.stat().st_size
        starts = [] if is_gzip else range(0, size, PART_BYTES)
        parts += [Part(path, start, min(size, start + PART_BYTES)) for start in starts] or [Part(path, 0, None)]
    return parts


def read_lines(part: Part, limit: int) -> Iterator[tuple[bytes | InvalidLine, float]]:
    """Yield each line of the part, without its line break, and the fraction of the part that is read.

    An InvalidLine takes the place of a line of more than `limit` bytes; a DamagedFile, as the last item, that of the
    rest of a damaged gzip file.
    """
    too_long = f"the line is longer than corpus.max_page_bytes={limit}: raise the limit, or shorten the text"
    with open(part.path, "rb") as plain:
        file = cast(IO[bytes], gzip.GzipFile(fileobj=plain)) if part.end is None else plain
        if part.start:
            plain.seek(part.start - 1)
            skip_to_line_end(file, part.end)  # a line that begins before the part belongs to the previous part
        size = (part.end or part.path.stat().st_size) - part.start
        first = part.start == 0
        try:
            while (part.end is None or plain.tell() < part.end) and (line := file.readline(limit + 2)):
                if not line.endswith(b"\n"):
                    skip_to_line_end(file)
                content = line.removeprefix(BYTE_ORDER_MARK) if first else line
                content, first = content.rstrip(b"\r\n"), False
                yield content if len(content) <= limit else InvalidLine(too_long), (plain.tell() - part.start) / size
        except (gzip.BadGzipFile, EOFError, zlib.error) as error:
            yield DamagedFile(str(error)), 1.0


def skip_to_line_end(file: IO[bytes], end: int | None = None) -> None:
    """Read up to the start of the next line, or to byte `end` or shortly after it."""
    while (end is None or file.tell() < end) and (line := file.readline(1 << 20)) and not line.endswith(b"\n"):
        pass


@dataclass(slots=True)
class ArticleSink:
    """A sink for the articles of one part: it writes them or drops them, and counts them."""

    writer: RowFileWriter[Article]
    page_filter: PageFilter
    more_mentions: bool
    quarantine: list[QuarantinedPage] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)

    def add(self, article: Article) -> None:
        """Write an article, quarantine it if it has no text, or drop it if the page filter excludes it."""
        try:
            self.page_filter.check_title(article.title)
            self.page_filter.check_content(text=article.text, is_disambiguation=article.is_disambiguation)
        except PageDropped as dropped:
            self.counts[f"pages.dropped.{dropped}"] += 1
            return
        if not article.text.strip():
            self.counts["pages.quarantined.no_text"] += 1
            self.quarantine.append(QuarantinedPage(article.id, article.revision, article.title, "no_text"))
            return
        self.counts["pages.articles"] += 1
        self.counts["links.seen"] += len(article.links)
        self.counts["links.kept"] += len(article.links)
        self.counts["characters.text"] += len(article.text)
        if self.more_mentions:
            article = add_mentions(article, self.counts)
        self.writer.add(article)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadPart:
    """The work on one part, named by its number."""

    parts: tuple[Part, ...]
    folder: Path
    """Folder of the artefact."""
    work: Path
    """Scratch folder."""
    config: CorpusConfig
    page_filter: PageFilter
    file_characters: int
    """Number of characters of text at which a file of articles ends; must not depend on the number of workers."""

    def __call__(self, unit: str, report: ReportProgress) -> Counts:
        limit = self.config.max_page_bytes
        writer = RowFileWriter[Article](
            folder=self.folder,
            pattern=articles_name(f"{unit}-*"),
            schema=article_schema(more_mentions=self.config.more_mentions),
            file_characters=self.file_characters,
        )
        sink = ArticleSink(writer, self.page_filter, self.config.more_mentions)
        problems: list[Problem] = []
        seen: list[SeenArticle] = []
        number = 0
        for number, (line, progress) in enumerate(read_lines(self.parts[int(unit)], limit), start=1):
            report(progress)
            if isinstance(line, bytes) and not line.strip():
                continue
            sink.counts["pages.seen"] += 1
            try:
                if isinstance(line, InvalidLine):
                    raise line
                article = parse_line(line)
            except DamagedFile as error:
                sink.counts["lines.wrong"] += 1
                # First, because it may be the cause of the other problems.
                text = f"the file is damaged in line {number:,} or before ({error}): check it with gzip -t"
                problems.insert(0, Problem(0, text))
                continue
            except InvalidLine as error:
                sink.counts["lines.wrong"] += 1
                if len(problems) < MAX_PROBLEMS_LISTED:
                    problems.append(Problem(number, str(error)))
                continue
            seen.append(SeenArticle(article.id, article.title, int(unit), number))
            sink.add(article)
        sink.writer.end_file()
        write_rows(self.folder / quarantine_name(unit), sink.quarantine, QUARANTINE_SCHEMA)
        write_rows(seen_path(self.work, unit), seen, SEEN_SCHEMA)
        write_note(self.work, unit, PartNote(number, tuple(problems)))
        return dict(sink.counts)
