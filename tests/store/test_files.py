"""Files that are whole or not there."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.store.files import written


def test_a_file_appears_only_when_its_block_ends_well(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old")
    with pytest.raises(UnicodeEncodeError), written(path) as file:
        file.write("half\ud800")
    assert path.read_text() == "old"
    with written(path) as file:
        file.write("new")
    assert path.read_text() == "new"
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.txt"]
