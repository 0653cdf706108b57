"""Input files of a config: paths and patterns are resolved, and unusable files are refused with the reason."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.errors import PipelineError
from pipeline.io.input_files import resolve_input_files

SUFFIXES = (".jsonl", ".gz")


def resolve(folder: Path, *names: str) -> list[Path]:
    return resolve_input_files(
        [f"{folder}/{name}" for name in names], key="corpus.files", suffixes=SUFFIXES, target=folder / "corpus"
    )


def touch(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


def test_paths_and_patterns(tmp_path: Path) -> None:
    touch(tmp_path, "a.jsonl", "in/deep/b.jsonl", "in/deep/c[1].gz", "in/deep/d.txt")
    assert resolve(tmp_path, "in/deep/c[1].gz", "**/*.jsonl", "a.jsonl") == [
        tmp_path / "a.jsonl", tmp_path / "in/deep/b.jsonl", tmp_path / "in/deep/c[1].gz",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["b.jsonl"], r"^corpus\.files: .*/b\.jsonl does not exist"),
        (["*.gz"], r"\*\.gz does not exist"),
        (["in"], r"in is a folder; name its files, such as .*/in/\*\.jsonl"),
        (["in/a.txt"], r"a\.txt ends in '\.txt'; allowed are \.jsonl, \.gz"),
        (["a.jsonl", "in/a.jsonl"], r"has two files named a\.jsonl: .*/a\.jsonl and .*/in/a\.jsonl; rename"),
        (["corpus/b.jsonl"], r"corpus/b\.jsonl is inside the output folder of this stage"),
        (["corpus.partial/b.jsonl"], r"corpus\.partial/b\.jsonl is inside the output folder of this stage"),
        (["link/b.jsonl"], r"link/b\.jsonl is inside the output folder of this stage"),
    ],
)
def test_files_that_cannot_be_used(tmp_path: Path, names: list[str], message: str) -> None:
    touch(tmp_path, "a.jsonl", "in/a.jsonl", "in/a.txt", "corpus/b.jsonl", "corpus.partial/b.jsonl")
    (tmp_path / "link").symlink_to(tmp_path / "corpus")
    with pytest.raises(PipelineError, match=message):
        resolve(tmp_path, *names)


def test_a_file_without_read_permission(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    touch(tmp_path, "a.jsonl")
    monkeypatch.setattr("os.access", lambda *_: False)  # a test that runs as root may read every file
    with pytest.raises(PipelineError, match=r"no permission to read .*a\.jsonl"):
        resolve(tmp_path, "a.jsonl")
