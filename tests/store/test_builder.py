"""Artefact folders: begin, finish, resume, refuse a changed config, recover from a kill."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from pipeline.errors import PipelineError
from pipeline.store.artefact import open_artefact
from pipeline.store.layout import partial_folder
from tests.store.small_artefact import Inner, Settings, begin_artefact, build_artefact


def test_a_finished_folder_holds_manifest_run_and_files(tmp_path: Path) -> None:
    target = tmp_path / "vocab"
    build_artefact(target)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["vocab"]
    assert sorted(path.name for path in target.iterdir()) == ["manifest.json", "run.json", "words.txt"]
    assert json.loads((target / "manifest.json").read_text()) == {
        "schema": 2,
        "stage": "vocab",
        "config": {"size": 3, "inner": {"rate": 0.5}},
        "parents": {"corpus": "c0ffee"},
        "counts": {"words": 1},
        "files": {
            "words.txt": {
                "bytes": 1,
                "sha256": "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881",
            }
        },
    }
    run = json.loads((target / "run.json").read_text())
    assert run["speed"] == 1.5
    assert run["resumed"] is False


def test_the_same_input_and_config_is_up_to_date(tmp_path: Path) -> None:
    build_artefact(tmp_path / "vocab")
    assert begin_artefact(tmp_path / "vocab") is None
    assert not partial_folder(tmp_path / "vocab").exists()


def test_a_field_that_is_not_fingerprinted_may_change(tmp_path: Path) -> None:
    build_artefact(tmp_path / "vocab")
    assert begin_artefact(tmp_path / "vocab", Settings(lenient=True)) is None


def test_two_builds_give_the_same_manifest(tmp_path: Path) -> None:
    build_artefact(tmp_path / "a/vocab")
    build_artefact(tmp_path / "b/vocab")
    first, second = (tmp_path / place / "vocab/manifest.json" for place in "ab")
    assert first.read_bytes() == second.read_bytes()


def test_a_stale_folder_stops_with_the_differences(tmp_path: Path) -> None:
    build_artefact(tmp_path / "vocab")
    with pytest.raises(PipelineError) as caught:
        begin_artefact(tmp_path / "vocab", Settings(size=4, inner=Inner(rate=0.1)), {"corpus": "decaf"})
    assert str(caught.value).splitlines() == [
        f"{tmp_path}/vocab is finished, but its config or input has changed:",
        "  config.inner.rate: 0.5 -> 0.1",
        "  config.size: 3 -> 4",
        "  parents.corpus: c0ffee -> decaf",
        "Keep it and give the new one a name of its own (vocab.name=...), or rebuild it with overwrite=true.",
    ]
    assert (tmp_path / "vocab/words.txt").read_text() == "x"


def test_overwrite_keeps_the_old_result_until_the_new_one_is_finished(tmp_path: Path) -> None:
    target = tmp_path / "vocab"
    build_artefact(target)
    builder = begin_artefact(target, Settings(size=4), overwrite=True)
    assert builder is not None
    (builder.folder / "words.txt").write_text("yy")
    assert open_artefact(target, stage="vocab").counts == {"words": 1}
    builder.finish({"words": 2})
    assert open_artefact(target, stage="vocab").counts == {"words": 2}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["vocab"]


def test_overwrite_does_not_rebuild_what_is_up_to_date(tmp_path: Path) -> None:
    build_artefact(tmp_path / "vocab")
    assert begin_artefact(tmp_path / "vocab", overwrite=True) is None


def test_a_killed_stage_resumes_in_its_partial_folder(tmp_path: Path) -> None:
    first = begin_artefact(tmp_path / "vocab")
    assert first is not None
    assert not first.resumed
    (first.work / "unit").write_text("half a day's work")
    second = begin_artefact(tmp_path / "vocab", Settings(lenient=True))  # not fingerprinted, so it may change
    assert second is not None
    assert second.resumed
    assert (second.work / "unit").read_text() == "half a day's work"
    second.finish({})
    assert not (tmp_path / "vocab/work").exists()


def test_a_partial_folder_of_another_config_is_kept_until_overwrite(tmp_path: Path) -> None:
    first = begin_artefact(tmp_path / "vocab")
    assert first is not None
    (first.work / "unit").touch()
    with pytest.raises(PipelineError, match=r"vocab is unfinished, .* since it was started:\n  config.size: 3 -> 4\n"):
        begin_artefact(tmp_path / "vocab", Settings(size=4))
    assert (first.work / "unit").is_file()
    second = begin_artefact(tmp_path / "vocab", Settings(size=4), overwrite=True)
    assert second is not None
    assert not second.resumed
    assert list(second.work.iterdir()) == []


def test_another_config_may_use_a_partial_folder_without_output(tmp_path: Path) -> None:
    begin_artefact(tmp_path / "vocab")
    second = begin_artefact(tmp_path / "vocab", Settings(size=4))
    assert second is not None
    assert not second.resumed


@pytest.mark.parametrize("new_is_there", [False, True])
def test_a_finish_cut_off_between_its_renames_is_repaired(tmp_path: Path, new_is_there: bool) -> None:
    target = tmp_path / "vocab"
    build_artefact(target, "old")
    os.rename(target, tmp_path / "vocab.former")
    if new_is_there:
        build_artefact(tmp_path / "elsewhere/vocab", "new")
        os.rename(tmp_path / "elsewhere/vocab", target)
    assert begin_artefact(target) is None
    assert (target / "words.txt").read_text() == ("new" if new_is_there else "old")
    assert not (tmp_path / "vocab.former").exists()


def test_abandon_keeps_output_and_discard_deletes_it(tmp_path: Path) -> None:
    builder = begin_artefact(tmp_path / "vocab")
    assert builder is not None
    builder.abandon()
    assert list(tmp_path.iterdir()) == []
    builder = begin_artefact(tmp_path / "vocab")
    assert builder is not None
    (builder.work / "unit").touch()
    builder.abandon()
    assert [path.name for path in tmp_path.iterdir()] == ["vocab.partial"]
    builder = begin_artefact(tmp_path / "vocab")
    assert builder is not None
    builder.discard()
    assert list(tmp_path.iterdir()) == []


class Killed(BaseException):
    """A kill."""


def raise_killed(*_args: object, **_options: object) -> None:
    raise Killed


@pytest.mark.parametrize("step", ["file_records", "write_json", "os.rename"])
@pytest.mark.parametrize("stale", [False, True])
def test_a_finish_cut_off_loses_no_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str, *, stale: bool
) -> None:
    target = tmp_path / "vocab"
    if stale:
        build_artefact(target, "old", Settings(size=4))
    builder = begin_artefact(target, overwrite=True)
    assert builder is not None
    (builder.work / "unit").touch()
    (builder.folder / "words.txt").write_text("x")
    with monkeypatch.context() as patch:
        patch.setattr(f"pipeline.store.builder.{step}", raise_killed)
        with pytest.raises(Killed):
            builder.finish({"words": 1}, speed=1.5)
    again = begin_artefact(target, overwrite=True)
    if again is not None:
        assert again.resumed
        assert (again.work / "unit").is_file()
        again.finish({"words": 1})
    assert (target / "words.txt").read_text() == "x"
    build_artefact(tmp_path / "straight/vocab")
    assert (target / "manifest.json").read_bytes() == (tmp_path / "straight/vocab/manifest.json").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["straight", "vocab"]
    assert sorted(path.name for path in target.iterdir()) == ["manifest.json", "run.json", "words.txt"]


def test_the_manifest_is_written_after_the_files_are_on_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[str] = []
    monkeypatch.setattr("os.fsync", lambda descriptor: synced.append(os.readlink(f"/proc/self/fd/{descriptor}")))
    build_artefact(tmp_path / "vocab")
    names = [Path(path).name for path in synced]
    assert names.index("words.txt") < next(place for place, name in enumerate(names) if name.startswith(".manifest"))


def test_temporary_files_of_a_killed_worker_are_deleted(tmp_path: Path) -> None:
    builder = begin_artefact(tmp_path / "vocab")
    assert builder is not None
    (builder.folder / "words.txt").write_text("x")
    (builder.folder / ".words.txt.4711").write_text("half of it")  # another process did its task again
    assert builder.finish({"words": 1}).manifest["files"].keys() == {"words.txt"}
    assert not (tmp_path / "vocab/.words.txt.4711").exists()


def test_a_folder_that_no_stage_made_is_refused_and_kept(tmp_path: Path) -> None:
    target = tmp_path / "vocab"
    target.mkdir()
    build_artefact(target)
    (target / "manifest.json").unlink()
    for overwrite in (False, True):
        with pytest.raises(
            PipelineError, match=r"vocab is the folder of the stage vocab, but it holds .*, such as run.json: move"
        ):
            begin_artefact(target, overwrite=overwrite)
    assert (target / "words.txt").read_text() == "x"
