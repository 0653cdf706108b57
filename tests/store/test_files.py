"""Files that are whole or not there, and how large they are."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.store.files import size, atomic_write


def test_a_file_appears_only_when_its_block_ends_well(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old")
    with pytest.raises(UnicodeEncodeError), atomic_write(path) as file:
        file.write("half\ud800")
    assert path.read_text() == "old"
    with atomic_write(path) as file:
        file.write("new")
    assert path.read_text() == "new"
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.txt"]


def test_size_is_that_of_files_and_of_a_folder_that_has_gone_nothing(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "c").write_bytes(b"12345")
    (tmp_path / "d").write_bytes(b"123")
    assert size(tmp_path) == 8
    assert size(tmp_path / "gone") == 0
