"""Decompression of a file or of a range of its bzip2 streams."""

from __future__ import annotations

import bz2
import gzip
from pathlib import Path

import pytest

from pipeline.corpus.xml.decompress import Decompressor

STREAMS = [bz2.compress(text) for text in (b"one", b"two" * 1_000_000, b"three")]


@pytest.mark.parametrize("threads", [1, 2])
def test_a_range_of_bzip2_streams(tmp_path: Path, threads: int) -> None:
    path = tmp_path / "a.bz2"
    path.write_bytes(b"".join(STREAMS))
    start, end = len(STREAMS[0]), len(STREAMS[0]) + len(STREAMS[1])
    assert b"".join(Decompressor(path, start, end, threads=threads)) == b"two" * 1_000_000
    assert b"".join(Decompressor(path, start, threads=threads)) == b"two" * 1_000_000 + b"three"
    assert b"".join(Decompressor(path, threads=threads)) == b"one" + b"two" * 1_000_000 + b"three"


@pytest.mark.parametrize("compress", [bz2.compress, gzip.compress])
def test_a_file_without_its_end_gives_what_is_there(tmp_path: Path, compress: type[bytes]) -> None:
    path = tmp_path / "a"
    path.write_bytes(compress(b"one") + compress(b"two")[:-9])
    decompressor = Decompressor(path)
    assert b"".join(decompressor).startswith(b"one")
    assert decompressor.ended_early


def test_zeros_after_the_last_stream_are_padding(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(gzip.compress(b"one") + bytes(1024))
    decompressor = Decompressor(tmp_path / "a")
    assert b"".join(decompressor) == b"one"
    assert not decompressor.ended_early
