"""Title lists: reading them, and the errors for unusable files."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.errors import PipelineError
from pipeline.io.title_list import read_title_list, title_list_path


def test_one_title_per_line(tmp_path: Path) -> None:
    path = tmp_path / "titles.txt"
    path.write_bytes("\ufeffGreat_Auk\r\n\n  Emu \na\u2028b\n".encode())
    assert read_title_list(path, key="k") == ["Great_Auk", "Emu", "a\u2028b"]


def test_a_tilde_is_the_home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "a.txt").touch()
    assert title_list_path("~/a.txt", key="k") == tmp_path / "a.txt"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (None, r"^a\.list=.*/list is not a file; give a text file with one title per line"),
        (b" \n\n", r"^a\.list=.*/list contains no title; add one title per line, or leave a\.list unset"),
        (b"a\n\xff", r"^a\.list=.*/list is not valid UTF-8 at byte 2"),
    ],
)
def test_a_list_that_cannot_be_used(tmp_path: Path, data: bytes | None, message: str) -> None:
    if data is not None:
        (tmp_path / "list").write_bytes(data)
    with pytest.raises(PipelineError, match=message):
        read_title_list(title_list_path(str(tmp_path / "list"), key="a.list"), key="a.list")
