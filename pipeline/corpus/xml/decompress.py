"""Decompression of a file, or of a part of it, into blocks of bytes.

XML, bz2 (one stream or many) and gzip are recognised by their first bytes, never by the file name. rapidgzip decodes
bz2, in several threads if asked to: 23 MB of XML per second and thread, against 19 MB for the standard library. Files
that rapidgzip cannot decode are decoded again by the standard library, because it reports what is wrong and returns all
data before the damage.
"""

from __future__ import annotations

import bz2
import io
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from rapidgzip import IndexedBzip2File

from pipeline.errors import PipelineError

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

READ_BYTES = 1 << 17
"""Bytes that are read from a file at once."""
BLOCK_BYTES = 1 << 20
"""Bytes of a decompressed block."""
BZIP2_MAGIC, GZIP_MAGIC = b"BZh", b"\x1f\x8b"
OTHER_FORMATS = {
    b"7z\xbc\xaf": "a 7z archive",
    b"PK\x03\x04": "a zip archive",
    b"\xfd7zXZ": "an xz file",
    b"\x28\xb5\x2f\xfd": "a zstd file",
    b"SQLite": "an SQLite database",
    b"PAR1": "a parquet file",
}
"""First bytes -> name of formats that users may take for a dump."""


class Decoder(Protocol):
    """A decoder of one compressed stream, with the interface of `bz2.BZ2Decompressor`."""

    @property
    def needs_input(self) -> bool: ...

    @property
    def eof(self) -> bool: ...

    @property
    def unused_data(self) -> bytes: ...

    def decompress(self, data: bytes, size: int, /) -> bytes: ...


class Decompressor:
    """An iterable of the decompressed content of a file from byte `start` to byte `end`.

    In a bz2 file, both must be the start of a stream or the end of the file. While iterating, `offset` is the position
    in the compressed file; afterwards, `ended_early` says whether the last stream had no end.
    """

    def __init__(self, path: Path, start: int = 0, end: int | None = None, *, threads: int = 1) -> None:
        self.path = path
        self.size = path.stat().st_size
        self.start = start
        self.end = self.size if end is None else end
        self.threads = threads
        self.offset = start
        self.ended_early = False

    def __iter__(self) -> Iterator[bytes]:
        """Yield the content in blocks, of about a megabyte or less.

        Raises:
            PipelineError: the file is empty, damaged, or in an unsupported format.
        """
        head = read_head(self.path)
        if head.startswith(BZIP2_MAGIC):
            yield from self.decompress_bzip2()
        elif head.startswith(GZIP_MAGIC):
            yield from self.decompress_streams(GzipDecoder)
        else:
            while data := self.read_raw():
                yield data

    def decompress_bzip2(self) -> Iterator[bytes]:
        """Yield the content of bz2 streams, decoded by rapidgzip or, if that fails, by the standard library."""
        decoded, complete = 0, True
        window = io.BufferedReader(FileSlice(self.path, self.start, self.end), READ_BYTES)
        try:
            with IndexedBzip2File(window, parallelization=self.threads) as file:
                while data := file.read(BLOCK_BYTES):
                    decoded += len(data)
                    self.offset = self.start + file.tell_compressed() // 8
                    yield data
        except Exception:  # RuntimeError, ValueError or UnicodeDecodeError, depending on the damage
            complete = False
        if not complete or self.offset < self.end:  # damaged, truncated, or followed by other data
            self.offset = self.start
            for data in self.decompress_streams(bz2.BZ2Decompressor):
                skipped = min(decoded, len(data))  # skip what was yielded above
                decoded -= skipped
                if skipped < len(data):
                    yield data[skipped:]

    def decompress_streams(self, make: Callable[[], Decoder]) -> Iterator[bytes]:
        """Yield the content of consecutive streams, with a new decoder for each."""
        decoder, rest = make(), b""
        while True:
            data = rest
            if not data and decoder.needs_input and not (data := self.read_raw()):
                self.ended_early = True
                return
            try:
                text = decoder.decompress(data, BLOCK_BYTES)
            except (OSError, zlib.error, EOFError) as error:
                raise PipelineError(
                    f"{self.path} is damaged somewhere before byte {self.offset:,} of {self.size:,} ({error}): "
                    f"download it again, or check it with bzip2 -t or gzip -t"
                ) from error
            rest = b""
            if text:
                yield text
            if decoder.eof:
                # gzip allows zeros after the last stream.
                rest = decoder.unused_data.lstrip(b"\0") or self.read_raw().lstrip(b"\0")
                if not rest:
                    return
                decoder = make()

    def read_raw(self) -> bytes:
        """Return the next bytes of the compressed file; b"" at its end."""
        with open(self.path, "rb", buffering=0) as file:
            file.seek(self.offset)
            data = file.read(min(READ_BYTES, self.end - self.offset)) or b""
        self.offset += len(data)
        return data


def read_head(path: Path) -> bytes:
    """Return the first bytes of a file that may be a dump.

    Raises:
        PipelineError: the file is empty or in an unsupported format.
    """
    with open(path, "rb") as file:
        head = file.read(8)
    if not head:
        raise PipelineError(f"{path} is empty: a MediaWiki XML dump was expected")
    for magic, kind in OTHER_FORMATS.items():
        if head.startswith(magic):
            raise PipelineError(f"{path} is {kind}: give a MediaWiki XML dump, as .xml, .xml.bz2 or .xml.gz")
    return head


class FileSlice(io.RawIOBase):
    """A read-only file object for the bytes `start` to `end` of a file."""

    def __init__(self, path: Path, start: int, end: int) -> None:
        self.file = open(path, "rb", buffering=0)  # noqa: SIM115 - closed in close()
        self.start = start
        self.length = end - start
        self.position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self.position, io.SEEK_END: self.length}[whence]
        self.position = max(0, base + offset)
        return self.position

    def tell(self) -> int:
        return self.position

    def readinto(self, buffer: WriteableBuffer) -> int:
        view = memoryview(buffer)
        self.file.seek(self.start + self.position)
        size = max(0, min(view.nbytes, self.length - self.position))
        count = self.file.readinto(view[:size]) or 0
        self.position += count
        return count

    def close(self) -> None:
        self.file.close()
        super().close()


class GzipDecoder:
    """zlib's decoder of one gzip member, with the interface of `bz2.BZ2Decompressor`."""

    needs_input = True

    def __init__(self) -> None:
        self.decoder = zlib.decompressobj(wbits=31)

    def decompress(self, data: bytes, _size: int, /) -> bytes:
        return self.decoder.decompress(data)

    @property
    def eof(self) -> bool:
        return self.decoder.eof

    @property
    def unused_data(self) -> bytes:
        return self.decoder.unused_data
