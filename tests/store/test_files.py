"""Atomic writes, and the size of files and folders."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.store.files import atomic_write, folder_size


def test_a_file_is_replaced_only_if_its_block_succeeds(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old")
    with pytest.raises(UnicodeEncodeError), atomic_write(path) as file:
        file.write("half\ud800")
    assert path.read_text() == "old"
    with atomic_write(path) as file:
        file.write("new")
    assert path.read_text() == "new"
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.txt"]


def test_size_sums_the_files_of_a_folder_and_is_0_for_a_missing_one(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "c").write_bytes(b"12345")
    (tmp_path / "d").write_bytes(b"123")
    assert folder_size(tmp_path) == 8
    assert folder_size(tmp_path / "gone") == 0
