"""The decompressed bytes of a file, or of a part of it.

.xml, .bz2 (one stream or many) and .gz are told by their first bytes, never by the name. bz2 is rapidgzip's to decode,
in several threads where the work of one is not enough: 23 MB of XML a second and thread, the standard library 19. What
it cannot decode the standard library goes through again, since it knows what is wrong with a file, and gives all that
stands before the fault.
"""

from __future__ import annotations

import bz2
import io
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol

from rapidgzip import IndexedBzip2File

from pipeline.errors import PipelineError

READ = 1 << 17
BUFFER = 1 << 20
BZIP2, GZIP = b"BZh", b"\x1f\x8b"
FORMATS = {
    b"7z\xbc\xaf": "a 7z archive",
    b"PK\x03\x04": "a zip archive",
    b"\xfd7zXZ": "an xz file",
    b"\x28\xb5\x2f\xfd": "a zstd file",
    b"SQLite": "an SQLite database",
    b"PAR1": "a parquet file",
}
"""Files that people take for a dump."""


class Decoder(Protocol):
    """Decodes one stream; bz2's interface."""

    @property
    def needs_input(self) -> bool: ...

    @property
    def eof(self) -> bool: ...

    @property
    def unused_data(self) -> bytes: ...

    def decompress(self, data: bytes, size: int, /) -> bytes: ...


class Inflater:
    """The content of a file from byte `start` to byte `end`, decompressed; in bz2 both are where a stream begins.

    `read` is the place in the file that is reached; `ended_early` is set when the last stream had no end.
    """

    def __init__(self, path: Path, start: int = 0, end: int | None = None, *, threads: int = 1) -> None:
        self.path = path
        self.size = path.stat().st_size
        self.start = start
        self.end = self.size if end is None else end
        self.threads = threads
        self.read = start
        self.ended_early = False

    def __iter__(self) -> Iterator[bytes]:
        """Yield the content in blocks of about a megabyte.

        Raises:
            PipelineError: the file is empty, damaged, or packed in a way this does not read.
        """
        head = head_of(self.path)
        if head.startswith(BZIP2):
            yield from self.bzip2()
        elif head.startswith(GZIP):
            yield from self.streams(Gunzip)
        else:
            while data := self.more():
                yield data

    def bzip2(self) -> Iterator[bytes]:
        done, sound = 0, True
        window = io.BufferedReader(Window(self.path, self.start, self.end), READ)
        try:
            with IndexedBzip2File(window, parallelization=self.threads) as file:
                while data := file.read(BUFFER):
                    done += len(data)
                    self.read = self.start + file.tell_compressed() // 8
                    yield data
        except Exception:  # RuntimeError or ValueError by the kind of damage, UnicodeDecodeError where it quotes it
            sound = False
        if not sound or self.read < self.end:  # damaged, without its end, or followed by something else
            self.read = self.start
            for data in self.streams(bz2.BZ2Decompressor):
                skipped = min(done, len(data))
                done -= skipped
                if skipped < len(data):
                    yield data[skipped:]

    def streams(self, make: Callable[[], Decoder]) -> Iterator[bytes]:
        """Decode one stream after the other; each ends where it says so."""
        decoder, rest = make(), b""
        while True:
            data = rest
            if not data and decoder.needs_input and not (data := self.more()):
                self.ended_early = True
                return
            try:
                text = decoder.decompress(data, BUFFER)
            except (OSError, zlib.error, EOFError) as error:
                raise PipelineError(
                    f"{self.path} is damaged somewhere before byte {self.read:,} of {self.size:,} ({error}): "
                    f"fetch it again, or check it with bzip2 -t or gzip -t"
                ) from error
            rest = b""
            if text:
                yield text
            if decoder.eof:
                # Padding with zeros after the last stream is allowed, as gzip allows it.
                rest = decoder.unused_data.lstrip(b"\0") or self.more().lstrip(b"\0")
                if not rest:
                    return
                decoder = make()

    def more(self) -> bytes:
        """The next bytes of the file itself."""
        with open(self.path, "rb", buffering=0) as file:
            file.seek(self.read)
            data = file.read(min(READ, self.end - self.read)) or b""
        self.read += len(data)
        return data


def head_of(path: Path) -> bytes:
    """The first bytes of a file that may be a dump.

    Raises:
        PipelineError: it is empty, or another kind of file.
    """
    with open(path, "rb") as file:
        head = file.read(8)
    if not head:
        raise PipelineError(f"{path} is empty: a MediaWiki XML dump was expected")
    for magic, kind in FORMATS.items():
        if head.startswith(magic):
            raise PipelineError(
                f"{path} is {kind}, not a dump this reads: unpack it to .xml, or pack it as .bz2 or .gz"
            )
    return head


class Window(io.RawIOBase):
    """A part of a file as a file."""

    def __init__(self, path: Path, start: int, end: int) -> None:
        self.file = open(path, "rb", buffering=0)  # noqa: SIM115 - closed in close()
        self.start = start
        self.length = end - start
        self.place = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self.place, io.SEEK_END: self.length}[whence]
        self.place = max(0, base + offset)
        return self.place

    def tell(self) -> int:
        return self.place

    def readinto(self, buffer: Any) -> int:
        self.file.seek(self.start + self.place)
        room = max(0, min(len(buffer), self.length - self.place))
        count = self.file.readinto(memoryview(buffer)[:room]) or 0
        self.place += count
        return count

    def close(self) -> None:
        self.file.close()
        super().close()


class Gunzip:
    """zlib's decoder for one gzip member, with bz2's interface."""

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
