"""Lists of titles, read; and what is told of one that cannot be."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.errors import PipelineError
from pipeline.io.title_list import file_of, titles_of


def test_a_title_a_line_as_it_stands(tmp_path: Path) -> None:
    path = tmp_path / "titles.txt"
    path.write_bytes("\ufeffGreat_Auk\r\n\n  Emu \na\u2028b\n".encode())
    assert titles_of(path, key="k") == ["Great_Auk", "Emu", "a\u2028b"]


def test_home_is_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "a.txt").touch()
    assert file_of("~/a.txt", key="k") == tmp_path / "a.txt"


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (None, r"^a\.list=.*/list is not a file: give a text file with a title a line"),
        (b" \n\n", r"^a\.list=.*/list holds no title: give some, or leave a\.list out"),
        (b"a\n\xff", r"^a\.list=.*/list is no UTF-8 at byte 2"),
    ],
)
def test_a_list_that_cannot_be_used(tmp_path: Path, data: bytes | None, told: str) -> None:
    if data is not None:
        (tmp_path / "list").write_bytes(data)
    with pytest.raises(PipelineError, match=told):
        titles_of(file_of(str(tmp_path / "list"), key="a.list"), key="a.list")
