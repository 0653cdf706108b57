"""Finished folders opened, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pipeline.errors import PipelineError
from pipeline.store.artefact import open_artefact
from tests.store.making import build, started


def test_what_is_not_finished_cannot_be_opened(tmp_path: Path) -> None:
    with pytest.raises(PipelineError, match=r"vocab is not there: run the stage vocab first \(make vocab\)"):
        open_artefact(tmp_path / "vocab", stage="vocab")
    started(tmp_path / "vocab")
    with pytest.raises(PipelineError, match="vocab is unfinished: run the stage vocab first"):
        open_artefact(tmp_path / "vocab", stage="vocab")


def test_what_another_stage_made_cannot_be_opened(tmp_path: Path) -> None:
    build(tmp_path / "vocab")
    with pytest.raises(PipelineError, match="was made by the stage vocab, not by corpus"):
        open_artefact(tmp_path / "vocab", stage="corpus")


def test_another_layout_version_is_refused_and_can_be_rebuilt(tmp_path: Path) -> None:
    target = tmp_path / "vocab"
    build(target)
    manifest = json.loads((target / "manifest.json").read_text())
    (target / "manifest.json").write_text(json.dumps(manifest | {"schema": 0}))
    with pytest.raises(PipelineError, match="layout version 0, this code reads 1"):
        open_artefact(target, stage="vocab")
    with pytest.raises(PipelineError, match="layout version: 0 -> 1"):
        started(target)
    build(target, overwrite=True)
    assert open_artefact(target, stage="vocab").counts == {"words": 1}


def test_only_whole_files_of_the_manifest_are_read(tmp_path: Path) -> None:
    build(tmp_path / "vocab")
    (tmp_path / "vocab/others.txt").touch()
    artefact = open_artefact(tmp_path / "vocab", stage="vocab")
    assert artefact.files("*.txt") == [tmp_path / "vocab/words.txt"]
    (tmp_path / "vocab/words.txt").write_text("")
    with pytest.raises(
        PipelineError, match=r"words\.txt has 0 bytes, not 1 as when .*vocab was finished: copy the folder"
    ):
        artefact.files("*.txt")
    (tmp_path / "vocab/words.txt").unlink()
    with pytest.raises(PipelineError, match=r"words\.txt is not there, as it was when .*vocab was finished: copy"):
        artefact.files("*.txt")


def test_the_fingerprint_follows_the_content(tmp_path: Path) -> None:
    for place, content in (("a", "x"), ("b", "x"), ("c", "y")):
        build(tmp_path / place / "vocab", content)
    a, b, c = (open_artefact(tmp_path / place / "vocab", stage="vocab").fingerprint for place in "abc")
    assert a == b != c
