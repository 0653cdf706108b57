"""Files that a config names: found, and refused by what is wrong with them."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.errors import PipelineError
from pipeline.io.input_files import given_files

SUFFIXES = (".jsonl", ".gz")


def found(folder: Path, *names: str) -> list[Path]:
    return given_files(
        [f"{folder}/{name}" for name in names], key="corpus.files", suffixes=SUFFIXES, target=folder / "corpus"
    )


def made(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


def test_the_files_that_are_named(tmp_path: Path) -> None:
    made(tmp_path, "a.jsonl", "in/deep/b.jsonl", "in/deep/c[1].gz", "in/deep/d.txt")
    assert found(tmp_path, "in/deep/c[1].gz", "**/*.jsonl", "a.jsonl") == [
        tmp_path / "a.jsonl", tmp_path / "in/deep/b.jsonl", tmp_path / "in/deep/c[1].gz",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("names", "told"),
    [
        (["b.jsonl"], r"^corpus\.files: .*/b\.jsonl is not there"),
        (["*.gz"], r"\*\.gz is not there"),
        (["in"], r"in is a folder: name its files, .*/in/\*\.jsonl"),
        (["in/a.txt"], r"a\.txt ends in '\.txt'; allowed are \.jsonl, \.gz"),
        (["a.jsonl", "in/a.jsonl"], r"names two files a\.jsonl: .*/a\.jsonl and .*/in/a\.jsonl"),
        (["corpus/b.jsonl"], r"corpus/b\.jsonl lies in the folder that is made of it"),
        (["corpus.partial/b.jsonl"], r"corpus\.partial/b\.jsonl lies in the folder that is made of it"),
        (["link/b.jsonl"], r"link/b\.jsonl lies in the folder that is made of it"),
    ],
)
def test_files_that_cannot_be_used(tmp_path: Path, names: list[str], told: str) -> None:
    made(tmp_path, "a.jsonl", "in/a.jsonl", "in/a.txt", "corpus/b.jsonl", "corpus.partial/b.jsonl")
    (tmp_path / "link").symlink_to(tmp_path / "corpus")
    with pytest.raises(PipelineError, match=told):
        found(tmp_path, *names)


def test_a_file_that_may_not_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made(tmp_path, "a.jsonl")
    monkeypatch.setattr("os.access", lambda *_: False)  # root, as in a container, may read whatever its mode
    with pytest.raises(PipelineError, match=r"a\.jsonl cannot be read: "):
        found(tmp_path, "a.jsonl")
