"""The dump stage on the sample and on files at hand."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from pipeline.dump.build import build
from pipeline.dump.config import DumpConfig
from pipeline.errors import PipelineError
from pipeline.execution.context import Context
from pipeline.execution.executors.config import ExecutorConfig
from pipeline.store.artefact import open_artefact
from pipeline.store.layout import Layout


def config(**changes: Any) -> DumpConfig:
    values: dict[str, Any] = {
        "name": "mywiki",
        "source": "local",
        "files": (),
        "wiki": "",
        "date": "",
        "mirror": "",
        "retries": 1,
        "retry_seconds": 0,
    }
    return DumpConfig(**(values | changes))


def context(root: Path, *, overwrite: bool = False) -> Context:
    executor = ExecutorConfig(kind="local", workers=1, partition="", time="", memory_gb=1, environment="", sbatch={})
    return Context(layout=Layout(root, ""), executor=executor, overwrite=overwrite)


def test_the_sample_is_the_dump_in_the_wheel(tmp_path: Path) -> None:
    build(config(name="sample", source="sample"), context(tmp_path))
    artefact = open_artefact(tmp_path / "dump", stage="dump")
    name = "enwiki-latest-pages-articles1.xml-p000000010p000030302-shortened.bz2"
    assert artefact.counts == {"bytes": 1695871, "files": 1}
    assert artefact.manifest["files"] == {
        name: {"bytes": 1695871, "sha256": "a53f4648dec40467ebdcbc7a1307eddb51fe6e28e9309f6ebde81ba0d04bea2d"}
    }
    assert not (artefact.folder / name).is_symlink()


def test_files_at_hand_are_linked_not_copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, content in (("b.xml", "two"), ("a.xml", "one")):
        (tmp_path / name).write_text(content)
    monkeypatch.chdir(tmp_path)
    build(config(files=("b.xml", f"{tmp_path}/a*")), context(tmp_path / "data"))
    artefact = open_artefact(tmp_path / "data/dump", stage="dump")
    assert {path.name: path.readlink() for path in artefact.files("*.xml")} == {
        "a.xml": tmp_path / "a.xml",
        "b.xml": tmp_path / "b.xml",
    }
    assert artefact.counts == {"bytes": 6, "files": 2}


def test_the_same_content_at_another_place_is_the_same_dump(tmp_path: Path) -> None:
    old, new = tmp_path / "old/a.xml", tmp_path / "new/a.xml"
    old.parent.mkdir()
    old.write_text("one")
    build(config(files=(str(old),)), context(tmp_path))
    before = open_artefact(tmp_path / "dump", stage="dump").fingerprint
    os.rename(old.parent, new.parent)
    build(config(files=(str(new),)), context(tmp_path))
    assert (tmp_path / "dump/a.xml").read_text() == "one"
    assert open_artefact(tmp_path / "dump", stage="dump").fingerprint == before


def test_changed_content_stops_and_overwrite_takes_it(tmp_path: Path) -> None:
    file = tmp_path / "a.xml"
    file.write_text("one")
    build(config(files=(str(file),)), context(tmp_path))
    file.write_text("two")
    os.utime(file, ns=(1, 1))
    with pytest.raises(PipelineError, match=r"parents\.a\.xml: 7692c3ad3540bb803c020b3aee66cd8887123234.* -> 3fc4ccfe"):
        build(config(files=(str(file),)), context(tmp_path))
    build(config(files=(str(file),)), context(tmp_path, overwrite=True))
    assert list(open_artefact(tmp_path / "dump", stage="dump").manifest["parents"]) == ["a.xml"]


def test_an_untouched_file_is_not_read_again(tmp_path: Path) -> None:
    file = tmp_path / "a.xml"
    file.write_text("one")
    build(config(files=(str(file),)), context(tmp_path))
    stat = file.stat()
    file.write_text("two")  # the same size, and the time of change set back: nothing but reading would tell
    os.utime(file, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    build(config(files=(str(file),)), context(tmp_path))


def test_a_file_that_two_patterns_find_is_one(tmp_path: Path) -> None:
    (tmp_path / "a.xml").write_text("one")
    build(config(files=(f"{tmp_path}/a.xml", f"{tmp_path}/*.xml")), context(tmp_path / "data"))
    assert open_artefact(tmp_path / "data/dump", stage="dump").counts["files"] == 1


@pytest.mark.parametrize(
    ("files", "message"),
    [
        (("gone.xml.bz2",), r"dump\.files: .*/gone\.xml\.bz2 is not there"),
        (("empty.xml",), r"dump\.files: .*/empty\.xml is empty"),
        (("folder",), r"dump\.files: .*/folder is a folder: name its files, such as .*/folder/\*\.xml"),
        (("data/dump/a.xml",), r"dump\.files: .*/data/dump/a\.xml lies in the folder that is made of it"),
        (("a.7z",), r"a\.7z ends in '\.7z'; allowed are \.xml, \.bz2, \.gz"),
    ],
)
def test_bad_files_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, files: tuple[str, ...], message: str
) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "data/dump").mkdir(parents=True)
    for name in ("a.xml", "a.7z", "data/dump/a.xml"):
        (tmp_path / name).write_text("x")
    (tmp_path / "empty.xml").touch()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(PipelineError, match=message):
        build(config(files=files), context(tmp_path / "data"))
    assert (tmp_path / "data/dump/a.xml").read_text() == "x"
    assert not (tmp_path / "data/dump.partial").exists()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"name": "", "files": ("a.xml",)}, r"dump\.name is ''"),
        ({"name": "a/b", "files": ("a.xml",)}, r"dump\.name is 'a/b'"),
        ({}, r"dump\.source is local and dump\.files is empty"),
        ({"source": "sample", "files": ("a.xml",)}, r"dump\.files is for dump=local, but dump\.source is sample"),
        ({"source": "wikimedia"}, r"dump\.wiki is ''"),
        ({"source": "wikimedia", "wiki": "dewiki", "date": "2026-01-01"}, r"dump\.date is '2026-01-01'"),
        ({"source": "wikimedia", "wiki": "dewiki", "date": "latest", "mirror": "x"}, r"dump\.mirror is 'x'"),
    ],
)
def test_contradictions_in_the_config_name_the_key(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        config(**changes)
