"""Opening finished artefacts, and refusing folders that are not."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from pipeline.errors import PipelineError
from pipeline.store.artefact import Artefact, open_artefact, open_parent
from pipeline.store.builder import begin
from tests.store.small_artefact import begin_artefact, build_artefact


def test_an_unfinished_artefact_cannot_be_opened(tmp_path: Path) -> None:
    with pytest.raises(PipelineError, match=r"vocab does not exist: run the stage vocab first \(make vocab\)"):
        open_artefact(tmp_path / "vocab", stage="vocab")
    begin_artefact(tmp_path / "vocab")
    with pytest.raises(PipelineError, match="vocab is unfinished: run the stage vocab first"):
        open_artefact(tmp_path / "vocab", stage="vocab")


def test_the_artefact_of_another_stage_cannot_be_opened(tmp_path: Path) -> None:
    build_artefact(tmp_path / "vocab")
    with pytest.raises(PipelineError, match="was built by the stage vocab, not by corpus"):
        open_artefact(tmp_path / "vocab", stage="corpus")


def test_records_of_another_version_are_refused_and_can_be_rebuilt(tmp_path: Path) -> None:
    target = tmp_path / "vocab"
    build_artefact(target)
    manifest = json.loads((target / "manifest.json").read_text())
    (target / "manifest.json").write_text(json.dumps(manifest | {"schema": 0}))
    with pytest.raises(PipelineError, match="records of version 0, but this code reads the versions 1 to 2"):
        open_artefact(target, stage="vocab")
    with pytest.raises(PipelineError, match="schema: 0 -> 2"):
        begin_artefact(target)
    build_artefact(target, overwrite=True)
    assert open_artefact(target, stage="vocab").counts == {"words": 1}


def test_only_files_of_the_manifest_are_listed_and_each_must_be_whole(tmp_path: Path) -> None:
    build_artefact(tmp_path / "vocab")
    (tmp_path / "vocab/others.txt").touch()
    artefact = open_artefact(tmp_path / "vocab", stage="vocab")
    assert artefact.files("*.txt") == [tmp_path / "vocab/words.txt"]
    (tmp_path / "vocab/words.txt").write_text("")
    with pytest.raises(
        PipelineError, match=r"words\.txt has 0 bytes instead of 1, although .*vocab is finished: copy the folder"
    ):
        artefact.files("*.txt")
    (tmp_path / "vocab/words.txt").unlink()
    with pytest.raises(PipelineError, match=r"words\.txt is missing, although .*vocab is finished: copy"):
        artefact.files("*.txt")


def test_the_fingerprint_follows_the_content(tmp_path: Path) -> None:
    for place, content in (("a", "x"), ("b", "x"), ("c", "y")):
        build_artefact(tmp_path / place / "vocab", content)
    a, b, c = (open_artefact(tmp_path / place / "vocab", stage="vocab").fingerprint for place in "abc")
    assert a == b != c


def build_with_parent(folder: Path, stage: str, parents: dict[str, str]) -> Artefact:
    """Build an artefact that records these parents."""
    builder = begin(folder, stage=stage, config={}, parents=parents, overwrite=False)
    assert builder
    return builder.finish({})


def test_the_parent_is_found_among_the_variants_of_its_stage(tmp_path: Path) -> None:
    build_artefact(tmp_path / "vocab", "x")
    build_artefact(tmp_path / "vocab-other", "y")
    build_artefact(tmp_path / "vocabulary", "z")  # a folder of the user's
    other = open_artefact(tmp_path / "vocab-other", stage="vocab")
    dataset = build_with_parent(tmp_path / "dataset", "dataset", {"vocab": other.fingerprint})
    run = build_with_parent(tmp_path / "pretrain" / "tiny", "pretrain", {"vocab": other.fingerprint})
    assert open_parent(dataset, "vocab").folder == open_parent(run, "vocab").folder == tmp_path / "vocab-other"
    shutil.rmtree(tmp_path / "vocab-other")
    with pytest.raises(PipelineError, match=rf"dataset was made .* {other.fingerprint}, but {tmp_path} has no such"):
        open_parent(dataset, "vocab")
