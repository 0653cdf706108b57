"""Artefact folders: begun, finished, found up to date, found stale, recovered."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from pipeline.errors import PipelineError
from pipeline.store import (
    Job,
    Layout,
    begin,
    differences,
    folder_digest,
    merged,
    open_artefact,
    partial,
    policy,
    recorded,
    written,
)

PARENTS = {"corpus": "c0ffee"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Inner:
    rate: float = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    size: int = 3
    lenient: bool = field(default=False, metadata=policy())
    inner: Inner = field(default_factory=Inner)


def started(
    target: Path, config: Any = None, parents: dict[str, str] = PARENTS, *, overwrite: bool = False
) -> Job | None:
    return begin(target, stage="vocab", config=config or Settings(), parents=parents, overwrite=overwrite)


def build(target: Path, content: str = "x", *args: Any, **options: Any) -> None:
    job = started(target, *args, **options)
    assert job is not None
    (job.folder / "words.txt").write_text(content)
    job.finish({"words": len(content)}, speed=1.5)


def test_a_finished_folder_holds_manifest_run_and_files(tmp_path: Path) -> None:
    target = tmp_path / "vocab"
    build(target)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["vocab"]
    assert sorted(path.name for path in target.iterdir()) == ["manifest.json", "run.json", "words.txt"]
    assert json.loads((target / "manifest.json").read_text()) == {
        "schema": 1,
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
    build(tmp_path / "vocab")
    assert started(tmp_path / "vocab") is None
    assert not partial(tmp_path / "vocab").exists()


def test_a_policy_is_no_part_of_the_result(tmp_path: Path) -> None:
    build(tmp_path / "vocab")
    assert started(tmp_path / "vocab", Settings(lenient=True)) is None


def test_two_builds_give_the_same_manifest(tmp_path: Path) -> None:
    build(tmp_path / "a/vocab")
    build(tmp_path / "b/vocab")
    first, second = (tmp_path / place / "vocab/manifest.json" for place in "ab")
    assert first.read_bytes() == second.read_bytes()


def test_a_stale_folder_stops_with_the_differences(tmp_path: Path) -> None:
    build(tmp_path / "vocab")
    with pytest.raises(PipelineError) as caught:
        started(tmp_path / "vocab", Settings(size=4, inner=Inner(rate=0.1)), {"corpus": "decaf"})
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
    build(target)
    job = started(target, Settings(size=4), overwrite=True)
    assert job is not None
    (job.folder / "words.txt").write_text("yy")
    assert open_artefact(target, stage="vocab").counts == {"words": 1}
    job.finish({"words": 2})
    assert open_artefact(target, stage="vocab").counts == {"words": 2}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["vocab"]


def test_overwrite_does_not_rebuild_what_is_up_to_date(tmp_path: Path) -> None:
    build(tmp_path / "vocab")
    assert started(tmp_path / "vocab", overwrite=True) is None


def test_a_killed_stage_goes_on_with_its_partial_folder(tmp_path: Path) -> None:
    first = started(tmp_path / "vocab")
    assert first is not None
    assert not first.resumed
    (first.work / "unit").write_text("half a day's work")
    second = started(tmp_path / "vocab", Settings(lenient=True))  # a policy may change on the way
    assert second is not None
    assert second.resumed
    assert (second.work / "unit").read_text() == "half a day's work"
    second.finish({})
    assert not (tmp_path / "vocab/work").exists()


HOLD = """
import sys
from pathlib import Path
from pipeline.store import begin
begin(Path(sys.argv[1]), stage="vocab", config={}, parents={}, overwrite=False)
print("begun", flush=True)
sys.stdin.read()
"""


def test_two_processes_do_not_make_the_same_folder_and_a_killed_one_holds_nothing(tmp_path: Path) -> None:
    target = tmp_path / "vocab"
    command = [sys.executable, "-c", HOLD, str(target)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout
        assert other.stdout.readline() == "begun\n"
        with pytest.raises(PipelineError, match="vocab is being made by another process: wait for it"):
            started(target)
        other.kill()
    build(target)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["vocab"]


def test_what_another_config_had_begun_is_kept_until_overwrite(tmp_path: Path) -> None:
    first = started(tmp_path / "vocab")
    assert first is not None
    (first.work / "unit").touch()
    with pytest.raises(PipelineError, match=r"vocab is unfinished, .* since it was begun:\n  config.size: 3 -> 4\n"):
        started(tmp_path / "vocab", Settings(size=4))
    assert (first.work / "unit").is_file()
    second = started(tmp_path / "vocab", Settings(size=4), overwrite=True)
    assert second is not None
    assert not second.resumed
    assert list(second.work.iterdir()) == []


def test_another_config_is_free_where_nothing_was_made(tmp_path: Path) -> None:
    started(tmp_path / "vocab")
    second = started(tmp_path / "vocab", Settings(size=4))
    assert second is not None
    assert not second.resumed


@pytest.mark.parametrize("new_is_there", [False, True])
def test_a_finish_cut_off_between_its_renames_is_repaired(tmp_path: Path, new_is_there: bool) -> None:
    target = tmp_path / "vocab"
    build(target, "old")
    os.rename(target, tmp_path / "vocab.former")
    if new_is_there:
        build(tmp_path / "elsewhere/vocab", "new")
        os.rename(tmp_path / "elsewhere/vocab", target)
    assert started(target) is None
    assert (target / "words.txt").read_text() == ("new" if new_is_there else "old")
    assert not (tmp_path / "vocab.former").exists()


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


def test_the_fingerprint_follows_the_content(tmp_path: Path) -> None:
    for place, content in (("a", "x"), ("b", "x"), ("c", "y")):
        build(tmp_path / place / "vocab", content)
    a, b, c = (open_artefact(tmp_path / place / "vocab", stage="vocab").fingerprint for place in "abc")
    assert a == b != c


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


def test_digests_leave_out_logs_and_scratch_and_follow_links(tmp_path: Path) -> None:
    (tmp_path / "outside").write_text("x")
    folder = tmp_path / "vocab"
    for name in ("logs/a", "work/b", "part/c"):
        (folder / name).parent.mkdir(parents=True)
        (folder / name).write_text("z")
    (folder / "link").symlink_to(tmp_path / "outside")
    (folder / "run.json").write_text("{}")
    sizes = {name: entry["bytes"] for name, entry in folder_digest(folder).items()}
    assert sizes == {"link": 1, "part/c": 1}
    assert folder_digest(folder)["link"]["sha256"].startswith("2d711642")


def test_counts_are_summed_and_sorted() -> None:
    assert list(merged([{"b": 1}, {"a": 2, "b": 3}, {}]).items()) == [("a", 2), ("b", 4)]


def test_differences_name_the_path() -> None:
    old, new = {"a": {"b": 1, "c": [1, 2]}, "d": 0}, {"a": {"b": 2, "c": [1, 2]}, "e": None}
    assert differences(old, new) == ["a.b: 1 -> 2", "d: 0 -> (absent)", "e: (absent) -> None"]


def test_recorded_is_plain_json() -> None:
    assert recorded({"path": Path("a/b"), "settings": Settings(), "pair": (1, 2)}) == {
        "path": "a/b",
        "settings": {"size": 3, "inner": {"rate": 0.5}},
        "pair": [1, 2],
    }


def test_the_layout() -> None:
    layout = Layout(Path("data/sample"), "tiny", {"corpus": "", "vocab": "small"})
    assert str(layout.folder("corpus")) == "data/sample/corpus"
    assert str(layout.folder("vocab")) == "data/sample/vocab-small"
    assert str(layout.folder("pretrain")) == "data/sample/pretrain/tiny"
