"""The work on files of JSON lines: one part of a file -> its articles, its quarantine, and a note of what is wrong.

A part is a range of bytes, whose lines are those that begin in it, or all of a packed file. Memory holds one line and
the articles of one file, whatever the size of the input. In the artefact: articles-PPPPP-NNNNN.parquet and
quarantine-PPPPP.parquet; in the scratch folder: notes/PPPPP.json (how many lines, which are wrong) and
seen/PPPPP.parquet (id, title and line of each article).
"""

from __future__ import annotations

import gzip
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, cast

import pyarrow as pa

from pipeline.corpus.config import CorpusConfig
from pipeline.corpus.jsonl.lines import Wrong, article_of
from pipeline.corpus.more_mentions import with_more
from pipeline.corpus.page_filter import Choice, LeftOut
from pipeline.corpus.rows import QUARANTINE, RowFiles, article_row, article_schema, write_rows
from pipeline.corpus.xml.read_pass import note_path
from pipeline.execution.units import Report
from pipeline.records import Article
from pipeline.store.files import write_json
from pipeline.store.manifest import Counts

PART_BYTES = 32 << 20
"""Of a file that is not packed: two or three seconds of work."""
TOLD = 10
"""Wrong lines that are told one by one."""
MARK = b"\xef\xbb\xbf"
"""What some editors put before UTF-8."""
SEEN = pa.schema([("id", "string"), ("title", "string"), ("part", "int64"), ("line", "int64")])


def seen_path(work: Path, unit: str) -> Path:
    return work / "seen" / f"{unit}.parquet"


class Damaged(Wrong):
    """Why the rest of a packed file cannot be read."""


@dataclass(frozen=True, slots=True)
class Part:
    """The lines of a file that begin in [start, stop); `stop` None: all of a packed file."""

    path: Path
    start: int
    stop: int | None


def cut(files: Sequence[Path]) -> list[Part]:
    """The parts of files, in order; they depend on the files' sizes alone."""
    parts: list[Part] = []
    for path in files:
        with open(path, "rb") as file:
            packed = file.read(2) == b"\x1f\x8b"
        size = path.stat().st_size
        starts = [] if packed else range(0, size, PART_BYTES)
        parts += [Part(path, start, min(size, start + PART_BYTES)) for start in starts] or [Part(path, 0, None)]
    return parts


def lines(part: Part, limit: int) -> Iterator[tuple[bytes | Wrong, float]]:
    """Each line of the part without its end, or why it cannot be had, and the share of the part that is read.

    A packed file that is damaged ends with the line in which that shows.
    """
    long = f"longer than corpus.max_page_bytes={limit}: raise that, or cut the text"
    with open(part.path, "rb") as plain:
        file = cast(IO[bytes], gzip.GzipFile(fileobj=plain)) if part.stop is None else plain
        if part.start:
            plain.seek(part.start - 1)
            to_line_end(file, part.stop)  # a line that began before belongs to the part before
        size = (part.stop or part.path.stat().st_size) - part.start
        first = part.start == 0
        try:
            while (part.stop is None or plain.tell() < part.stop) and (line := file.readline(limit + 2)):
                if not line.endswith(b"\n"):
                    to_line_end(file)
                content = line.removeprefix(MARK) if first else line
                content, first = content.rstrip(b"\r\n"), False
                yield content if len(content) <= limit else Wrong(long), (plain.tell() - part.start) / size
        except (gzip.BadGzipFile, EOFError, zlib.error) as error:
            yield Damaged(str(error)), 1.0


def to_line_end(file: IO[bytes], stop: int | None = None) -> None:
    """Read up to the next line, or past byte `stop`."""
    while (stop is None or file.tell() < stop) and (line := file.readline(1 << 20)) and not line.endswith(b"\n"):
        pass


@dataclass(slots=True)
class Taken:
    """Where the articles of one part go."""

    files: RowFiles
    choice: Choice
    more_mentions: bool
    quarantine: list[dict[str, Any]] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)

    def take(self, article: Article) -> None:
        try:
            self.choice.by_title(article.title)
            self.choice.by_content(text=article.text, is_disambiguation=article.is_disambiguation)
        except LeftOut as reason:
            self.counts[f"pages.dropped.{reason}"] += 1
            return
        if not article.text.strip():
            self.counts["pages.quarantined.no_text"] += 1
            named = {"id": article.id, "revision": article.revision, "title": article.title}
            self.quarantine.append({**named, "reason": "no_text"})
            return
        self.counts["pages.articles"] += 1
        self.counts["links.seen"] += len(article.links)
        self.counts["links.kept"] += len(article.links)
        self.counts["characters.text"] += len(article.text)
        if self.more_mentions:
            article = with_more(article, self.counts)
        self.files.add(article_row(article))


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadPart:
    """Work on one part, named by its number."""

    parts: tuple[Part, ...]
    folder: Path
    work: Path
    config: CorpusConfig
    choice: Choice
    file_characters: int
    """Of text, after which a file of articles ends; never a function of the workers."""

    def __call__(self, unit: str, report: Report) -> Counts:
        limit = self.config.max_page_bytes
        files = RowFiles(
            folder=self.folder,
            prefix=f"articles-{unit}-",
            schema=article_schema(more_mentions=self.config.more_mentions),
            characters=self.file_characters,
        )
        taken = Taken(files, self.choice, self.config.more_mentions)
        problems: list[tuple[int, str]] = []
        seen: list[dict[str, Any]] = []
        number = 0
        for number, (line, share) in enumerate(lines(self.parts[int(unit)], limit), start=1):
            report(share)
            if isinstance(line, bytes) and not line.strip():
                continue
            taken.counts["pages.seen"] += 1
            try:
                if isinstance(line, Wrong):
                    raise line
                article = article_of(line)
            except Damaged as problem:
                taken.counts["lines.wrong"] += 1  # told first: it may be why the lines before are wrong
                problems.insert(0, (0, f"damaged in line {number:,} or before ({problem}): check it with gzip -t"))
                continue
            except Wrong as problem:
                taken.counts["lines.wrong"] += 1
                if len(problems) < TOLD:
                    problems.append((number, str(problem)))
                continue
            seen.append({"id": article.id, "title": article.title, "part": int(unit), "line": number})
            taken.take(article)
        taken.files.end_file()
        write_rows(self.folder / f"quarantine-{unit}.parquet", taken.quarantine, QUARANTINE)
        write_rows(seen_path(self.work, unit), seen, SEEN)
        write_json(note_path(self.work, unit), {"lines": number, "problems": problems})
        return dict(taken.counts)
