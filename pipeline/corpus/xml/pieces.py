"""Dump files cut into pieces that any worker can read on its own.

A piece is a range of bytes of one file. A page belongs to the piece in which its tag "<page>" begins: a piece skips to
the first such tag and goes on past its end until the last page of its own is whole. So a cut may fall anywhere in plain
XML, and in bz2 wherever a stream begins, be it at a page as in Wikimedia's multistream files or in the middle of one
as pbzip2 writes them. Streams are found by their first ten bytes, by looking forward from where a cut is wanted: no
index is needed, and a file of 20 GB is cut in a second. (A stream's head turns up by chance once in 2^69 bytes.)

What cannot be cut is one piece: gzip, UTF-16, a bz2 of a single stream (which rapidgzip decodes in threads).
"""

from __future__ import annotations

import mmap
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from pathlib import Path

from pipeline.corpus.xml.decompress import BUFFER, BZIP2, GZIP, Inflater, head_of

STREAM = re.compile(rb"BZh[1-9]1AY&SY")
FIRST_STREAMS = 64 << 20
"""A bz2 file with no second stream in its first 64 MB has none: a stream of a hundred pages has a megabyte or two."""
PAGE, PAGE_END, END = b"<page>", b"</page>", b"</mediawiki>"
TAIL = 64
"""Bytes of one block to look at with the next: more than any of the three."""
MIN_PIECE, MAX_PIECE = 2 << 20, 64 << 20
PIECES = 64
"""Of a small dump, so that as many workers have something to do; a large one has more, of MAX_PIECE."""


@dataclass(frozen=True, slots=True)
class Piece:
    """The pages that begin in bytes `start` to `end` of a file."""

    path: Path
    start: int
    end: int


def pieces(files: list[Path]) -> list[Piece]:
    """Cut files; where, depends on them alone.

    Raises:
        PipelineError: a file is empty, or another kind of file.
    """
    total = sum(path.stat().st_size for path in files)
    size = min(max(total // PIECES, MIN_PIECE), MAX_PIECE)
    found = []
    for path in files:
        edges = [0, *cuts(path, size), path.stat().st_size]
        found += [Piece(path, start, end) for start, end in pairwise(edges)]
    return found


def cuts(path: Path, size: int) -> list[int]:
    """Where a file can be cut, about every `size` bytes."""
    head = head_of(path)
    length = path.stat().st_size
    wanted = range(size, length - size // 2, size)
    if head.startswith(GZIP) or not wanted or not header(path):
        return []
    if not head.startswith(BZIP2):
        return list(wanted)
    with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        if not STREAM.search(data, 1, FIRST_STREAMS):
            return []
        found = [match.start() for place in wanted if (match := STREAM.search(data, place, place + size))]
    return found


def header(path: Path) -> bytes:
    """What stands before the first page; empty where there is none soon."""
    data = b""
    for block in Inflater(path):
        data += block
        place = data.find(PAGE)
        if place >= 0:
            return data[:place]
        if len(data) > BUFFER:
            break
    return b""


remembered_header = lru_cache(maxsize=1)(header)
"""For a worker, whose pieces follow each other in a file: decoding it takes 50 ms."""


class PieceXml:
    """The XML of a piece's pages, after the file's header: iterate over it for blocks of bytes.

    What follows the last page is left out or not, and the end tag with it, unless `reaches_end`.
    """

    def __init__(self, piece: Piece, *, threads: int = 1) -> None:
        self.piece = piece
        self.source = Inflater(piece.path, piece.start, piece.end, threads=threads)
        self.ends_file = piece.end == self.source.size
        self.borrowed = 0
        self.reaches_end = False
        """Whether the blocks went on to the end of the file, so that the end tag must have been among them."""
        self.ended_early = False
        """Whether the file stops in the middle of compressed data."""

    def __iter__(self) -> Iterator[bytes]:
        skipping = self.piece.start > 0
        if skipping:
            yield remembered_header(self.piece.path)
        inside, tail = False, b""
        for block in self.own():
            seen = tail + block
            if skipping:
                place = seen.find(PAGE)
                tail = seen[-TAIL:]
                if place < 0:
                    continue
                skipping, block = False, seen[place:]
                seen = block
            if (begin := seen.rfind(PAGE)) != (end := seen.rfind(PAGE_END)):
                inside = begin > end
            tail = seen[-TAIL:]
            yield block
        if self.ends_file:
            self.reaches_end = not (skipping and (END in tail or END.endswith(tail.strip())))
        elif inside:
            yield from self.rest_of_page()

    def own(self) -> Iterator[bytes]:
        """The content of the piece, and the rest of a tag "<page>" that begins at its very end."""
        tail = b""
        for block in self.source:
            tail = (tail + block)[-len(PAGE) :]
            yield block
        self.ended_early |= self.source.ended_early
        for length in range(1, len(PAGE)):
            rest = PAGE[length:]
            if not self.ends_file and tail.endswith(PAGE[:length]) and self.beyond(len(rest)) == rest:
                self.borrowed = len(rest)
                yield rest

    def beyond(self, length: int) -> bytes:
        """The first bytes of content after the piece."""
        data = b""
        for block in Inflater(self.piece.path, self.piece.end):
            data += block
            if len(data) >= length:
                break
        return data[:length]

    def rest_of_page(self) -> Iterator[bytes]:
        """What follows the piece, up to the first page that begins there."""
        tail, skip = b"", self.borrowed
        beyond = Inflater(self.piece.path, self.piece.end)
        for block in beyond:
            data = tail + block[skip:]
            skip = max(0, skip - len(block))
            place = data.find(PAGE)
            if place >= 0:
                yield data[:place]
                return
            tail = data[-len(PAGE) + 1 :]
            yield data[: len(data) - len(tail)]
        yield tail
        self.reaches_end = True
        self.ended_early |= beyond.ended_early
