"""Pieces of dump files, which workers can read independently.

A piece is a range of bytes of one file. A page belongs to the piece in which its tag "<page>" begins: the reader of a
piece skips to the first such tag, and continues after the end of the piece until its last page is complete. A cut may
therefore be anywhere in plain XML, and at the start of any stream in bz2. The streams may begin at pages, as in
Wikimedia's multistream files, or in the middle of a page, as pbzip2 writes them. They are found by their first ten
bytes, searched forward from the wanted cut, so no index is needed and a file of 20 GB is cut in a second. (These ten
bytes occur by chance once in 2^69 bytes.)

Files that cannot be cut are one piece: gzip, UTF-16, and bz2 with a single stream (which rapidgzip decodes in threads).
"""

from __future__ import annotations

import mmap
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from pathlib import Path

from pipeline.corpus.xml.decompress import BLOCK_BYTES, BZIP2_MAGIC, GZIP_MAGIC, Decompressor, read_head

STREAM_HEAD = re.compile(rb"BZh[1-9]1AY&SY")
SECOND_STREAM_WITHIN = 64 << 20
"""Bytes in which a bz2 file with several streams has its second; a stream of a hundred pages has one or two MB."""
PAGE_TAG, PAGE_END_TAG, END_TAG = b"<page>", b"</page>", b"</mediawiki>"
OVERLAP_BYTES = 64
"""Bytes at the end of a block that are searched again with the next block; no tag is longer."""
MIN_PIECE_BYTES, MAX_PIECE_BYTES = 2 << 20, 64 << 20
PIECES = 64
"""Number of pieces of a medium dump, so that as many workers are busy; the size limits decide for other dumps."""


@dataclass(frozen=True, slots=True)
class Piece:
    """The pages of a file that begin in the bytes `start` to `end`."""

    path: Path
    start: int
    end: int


def cut_into_pieces(files: list[Path]) -> list[Piece]:
    """Cut the files into pieces, depending only on the files.

    Raises:
        PipelineError: a file is empty or in an unsupported format.
    """
    total = sum(path.stat().st_size for path in files)
    size = min(max(total // PIECES, MIN_PIECE_BYTES), MAX_PIECE_BYTES)
    pieces = []
    for path in files:
        edges = [0, *find_cut_offsets(path, size), path.stat().st_size]
        pieces += [Piece(path, start, end) for start, end in pairwise(edges)]
    return pieces


def find_cut_offsets(path: Path, size: int) -> list[int]:
    """Return offsets at which a file can be cut, about every `size` bytes; none if it cannot be cut."""
    head = read_head(path)
    length = path.stat().st_size
    wanted = range(size, length - size // 2, size)
    if head.startswith(GZIP_MAGIC) or not wanted or not read_header(path):
        return []
    if not head.startswith(BZIP2_MAGIC):
        return list(wanted)
    with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        if not STREAM_HEAD.search(data, 1, SECOND_STREAM_WITHIN):
            return []
        return [match.start() for offset in wanted if (match := STREAM_HEAD.search(data, offset, offset + size))]


def read_header(path: Path) -> bytes:
    """Return the XML before the first page; empty if there is no page in the first megabyte or two."""
    data = b""
    for block in Decompressor(path):
        data += block
        page = data.find(PAGE_TAG)
        if page >= 0:
            return data[:page]
        if len(data) > BLOCK_BYTES:
            break
    return b""


cached_header = lru_cache(maxsize=1)(read_header)
"""`read_header` for a worker, which reads several pieces of a file; decompressing the header takes 50 ms."""


class PieceReader:
    """An iterable of blocks of XML: the file's header, then the pages of a piece.

    The blocks may or may not contain the text after the last page, including </mediawiki>. They do if `reaches_end`.
    """

    def __init__(self, piece: Piece, *, threads: int = 1) -> None:
        self.piece = piece
        self.source = Decompressor(piece.path, piece.start, piece.end, threads=threads)
        self.ends_file = piece.end == self.source.size
        self.borrowed_bytes = 0
        """Bytes after the piece that complete a tag "<page>" at its end."""
        self.reaches_end = False
        """Whether the blocks include everything up to the end of the file, so that they must contain the end tag."""
        self.ended_early = False
        """Whether the file ends in the middle of compressed data."""

    def __iter__(self) -> Iterator[bytes]:
        skipping = self.piece.start > 0
        if skipping:
            yield cached_header(self.piece.path)
        inside_page, tail = False, b""
        for block in self.piece_blocks():
            seen = tail + block
            if skipping:
                page = seen.find(PAGE_TAG)
                tail = seen[-OVERLAP_BYTES:]
                if page < 0:
                    continue
                skipping, block = False, seen[page:]
                seen = block
            if (begin := seen.rfind(PAGE_TAG)) != (end := seen.rfind(PAGE_END_TAG)):
                inside_page = begin > end
            tail = seen[-OVERLAP_BYTES:]
            yield block
        if self.ends_file:
            self.reaches_end = not (skipping and (END_TAG in tail or END_TAG.endswith(tail.strip())))
        elif inside_page:
            yield from self.rest_of_last_page()

    def piece_blocks(self) -> Iterator[bytes]:
        """Yield the content of the piece, and the rest of a tag "<page>" that begins at its very end."""
        tail = b""
        for block in self.source:
            tail = (tail + block)[-len(PAGE_TAG) :]
            yield block
        self.ended_early |= self.source.ended_early
        for length in range(1, len(PAGE_TAG)):
            rest = PAGE_TAG[length:]
            if not self.ends_file and tail.endswith(PAGE_TAG[:length]) and self.bytes_after(len(rest)) == rest:
                self.borrowed_bytes = len(rest)
                yield rest

    def bytes_after(self, length: int) -> bytes:
        """Return the first `length` bytes of content after the piece, or fewer at the end of the file."""
        data = b""
        for block in Decompressor(self.piece.path, self.piece.end):
            data += block
            if len(data) >= length:
                break
        return data[:length]

    def rest_of_last_page(self) -> Iterator[bytes]:
        """Yield the content after the piece up to the first page that begins there, or up to the end of the file."""
        tail, skip = b"", self.borrowed_bytes
        after = Decompressor(self.piece.path, self.piece.end)
        for block in after:
            data = tail + block[skip:]
            skip = max(0, skip - len(block))
            page = data.find(PAGE_TAG)
            if page >= 0:
                yield data[:page]
                return
            tail = data[-len(PAGE_TAG) + 1 :]
            yield data[: len(data) - len(tail)]
        yield tail
        self.reaches_end = True
        self.ended_early |= after.ended_early
