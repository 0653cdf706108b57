"""Cut JSON Lines files into parts, and read each line in exactly one of them."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from pipeline.corpus.jsonl import parts
from pipeline.corpus.jsonl.lines import InvalidLine
from pipeline.corpus.notes import note_path, write_note
from pipeline.store.files import write_json


@pytest.mark.parametrize("size", [1, 7, 64, 1000])
@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_every_line_is_in_one_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int, end: bytes) -> None:
    monkeypatch.setattr(parts, "PART_BYTES", size)
    long = b"y" * 11
    content = [b"one", b"", b"x" * 10, long, b"two", b"x" * 9, b"last"]
    (tmp_path / "a").write_bytes(b"\xef\xbb\xbf" + end.join(content))
    found = [line for part in parts.cut_into_parts([tmp_path / "a"]) for line, _ in parts.read_lines(part, 10)]
    assert [long if isinstance(line, InvalidLine) else line for line in found] == content


def test_a_part_in_the_middle_of_a_line_stops_at_its_end(tmp_path: Path) -> None:
    """A file of one long line; otherwise every part would read the rest of it."""
    with open(tmp_path / "a", "wb") as file:
        file.truncate(1 << 40)
    assert list(parts.read_lines(parts.Part(tmp_path / "a", 5 << 30, (5 << 30) + 10), 10)) == []


PACKED = gzip.compress(b"one\ntwo\n")


@pytest.mark.parametrize("damage", ["head", "cut", "sum", "tail"])
def test_a_damaged_gzip_file_ends_with_the_error(tmp_path: Path, damage: str) -> None:
    damaged = {"head": PACKED[:5], "cut": PACKED[:-9], "sum": PACKED[:-8] + bytes(8), "tail": PACKED + b"tail"}
    (tmp_path / "a.gz").write_bytes(damaged[damage])
    *_, (last, _) = parts.read_lines(parts.Part(tmp_path / "a.gz", 0, None), 10)
    assert isinstance(last, parts.DamagedFile)


def test_a_note_of_schema_1_is_read(tmp_path: Path) -> None:
    """An unfinished corpus may have notes of before, in which a problem was a list."""
    note = parts.PartNote(3, (parts.Problem(2, "wrong"),))
    write_note(tmp_path, "00000", note)
    write_json(note_path(tmp_path, "00001"), {"lines": 3, "problems": [[2, "wrong"]]})
    assert parts.PartNote.read(tmp_path, "00000") == parts.PartNote.read(tmp_path, "00001") == note
