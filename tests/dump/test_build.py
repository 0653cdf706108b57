"""The dump stage on the sample and on local files."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from pipeline.dump.build import build
from pipeline.dump.config import LocalDumpConfig, SampleDumpConfig, WikimediaDumpConfig
from pipeline.errors import PipelineError
from pipeline.execution.context import Context
from pipeline.execution.executors.config import LocalExecutorConfig
from pipeline.store.artefact import open_artefact
from pipeline.store.layout import Layout


def dump_config(**changes: Any) -> LocalDumpConfig:
    """Return the config of a local dump, with `changes` applied."""
    values: dict[str, Any] = {
        "name": "mywiki",
        "source": "local",
        "files": (),
    }
    return LocalDumpConfig(**(values | changes))


def context(root: Path, *, overwrite: bool = False) -> Context:
    """Return the context of a stage that writes below `root`."""
    executor = LocalExecutorConfig(kind="local", workers=1, memory_gb=1)
    return Context(layout=Layout(root, ""), executor=executor, overwrite=overwrite)


def test_the_sample_is_the_dump_in_the_wheel(tmp_path: Path) -> None:
    build(SampleDumpConfig(name="sample", source="sample"), context(tmp_path))
    artefact = open_artefact(tmp_path / "dump", stage="dump")
    name = "enwiki-latest-pages-articles1.xml-p000000010p000030302-shortened.bz2"
    assert artefact.counts == {"bytes": 1695871, "files": 1}
    assert artefact.manifest["files"] == {
        name: {"bytes": 1695871, "sha256": "a53f4648dec40467ebdcbc7a1307eddb51fe6e28e9309f6ebde81ba0d04bea2d"}
    }
    assert not (artefact.folder / name).is_symlink()


def test_local_files_are_linked_not_copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, content in (("b.xml", "two"), ("a.xml", "one")):
        (tmp_path / name).write_text(content)
    monkeypatch.chdir(tmp_path)
    build(dump_config(files=("b.xml", f"{tmp_path}/a*")), context(tmp_path / "data"))
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
    build(dump_config(files=(str(old),)), context(tmp_path))
    before = open_artefact(tmp_path / "dump", stage="dump").fingerprint
    os.rename(old.parent, new.parent)
    build(dump_config(files=(str(new),)), context(tmp_path))
    assert (tmp_path / "dump/a.xml").read_text() == "one"
    assert open_artefact(tmp_path / "dump", stage="dump").fingerprint == before


def test_changed_content_is_refused_until_overwrite(tmp_path: Path) -> None:
    file = tmp_path / "a.xml"
    file.write_text("one")
    build(dump_config(files=(str(file),)), context(tmp_path))
    file.write_text("two")
    os.utime(file, ns=(1, 1))
    with pytest.raises(PipelineError, match=r"parents\.a\.xml: 7692c3ad3540bb803c020b3aee66cd8887123234.* -> 3fc4ccfe"):
        build(dump_config(files=(str(file),)), context(tmp_path))
    build(dump_config(files=(str(file),)), context(tmp_path, overwrite=True))
    assert list(open_artefact(tmp_path / "dump", stage="dump").manifest["parents"]) == ["a.xml"]


def test_an_untouched_file_is_not_read_again(tmp_path: Path) -> None:
    file = tmp_path / "a.xml"
    file.write_text("one")
    build(dump_config(files=(str(file),)), context(tmp_path))
    stat = file.stat()
    file.write_text("two")  # same size and modification time: only reading would show the change
    os.utime(file, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    build(dump_config(files=(str(file),)), context(tmp_path))


def test_a_file_that_two_patterns_match_counts_once(tmp_path: Path) -> None:
    (tmp_path / "a.xml").write_text("one")
    build(dump_config(files=(f"{tmp_path}/a.xml", f"{tmp_path}/*.xml")), context(tmp_path / "data"))
    assert open_artefact(tmp_path / "data/dump", stage="dump").counts["files"] == 1


@pytest.mark.parametrize(
    ("files", "message"),
    [
        (("gone.xml.bz2",), r"dump\.files: .*/gone\.xml\.bz2 does not exist"),
        (("empty.xml",), r"dump\.files: .*/empty\.xml is empty"),
        (("folder",), r"dump\.files: .*/folder is a folder; name its files, such as .*/folder/\*\.xml"),
        (("data/dump/a.xml",), r"dump\.files: .*/data/dump/a\.xml is inside the output folder of this stage"),
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
        build(dump_config(files=files), context(tmp_path / "data"))
    assert (tmp_path / "data/dump/a.xml").read_text() == "x"
    assert not (tmp_path / "data/dump.partial").exists()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"name": "", "files": ("a.xml",)}, "name is '': give the dump's folder a name"),
        ({"name": "a/b", "files": ("a.xml",)}, "name is 'a/b'"),
        ({}, "files is empty: name the dump's files"),
    ],
)
def test_bad_settings_of_a_local_dump_are_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        dump_config(**changes)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"wiki": ""}, "wiki is '': give a wiki's database name"),
        ({"date": "2026-01-01"}, "date is '2026-01-01': YYYYMMDD or latest is needed"),
        ({"mirror": "x"}, "mirror is 'x': a URL"),
        ({"retries": 0}, "retries is 0: at least 1 is needed"),
        ({"retry_seconds": -1.0}, "retry_seconds is -1.0: it cannot be negative"),
    ],
)
def test_bad_settings_of_a_download_are_refused(changes: dict[str, Any], message: str) -> None:
    values: dict[str, Any] = {
        "wiki": "dewiki",
        "date": "latest",
        "mirror": "https://x",
        "retries": 1,
        "retry_seconds": 0,
    }
    with pytest.raises(ValueError, match=message):
        WikimediaDumpConfig(**({"source": "wikimedia", "name": "dewiki"} | values | changes))
