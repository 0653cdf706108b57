"""A task's part of the units: which it takes, and what it passes over."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.execution.units import Share, mark
from pipeline.store.files import write_json
from tests.helpers.executors import Shout


def share(folder: Path, units: str) -> Share:
    (folder / "marks").mkdir(exist_ok=True)
    return Share(work=Shout(folder), units=tuple(units.split()), marks=folder / "marks", folder=folder)


def marked(folder: Path) -> list[str]:
    """What a task left, but for whose the units are."""
    return sorted(path.name for path in (folder / "marks").iterdir() if path.suffix != ".task")


@pytest.fixture(autouse=True)
def stays_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(".")  # undone after the test, and so is what a task does to the working directory


def test_a_task_takes_every_second_unit_of_two_and_then_what_is_left(tmp_path: Path) -> None:
    share(tmp_path, "pear fig plum quince").task(1, 2)
    assert [unit for unit, _ in Shout(tmp_path).calls()] == ["fig", "quince", "pear", "plum"]
    assert marked(tmp_path) == ["fig.json", "pear.json", "plum.json", "quince.json"]


def test_a_task_leaves_to_another_what_that_has_begun(tmp_path: Path) -> None:
    mine = share(tmp_path, "pear fig plum")
    assert mine.begins("pear", 1)
    assert not mine.begins("pear", 0)
    mine.task(0, 2)
    assert [unit for unit, _ in Shout(tmp_path).calls()] == ["plum", "fig"]


def test_a_task_that_is_started_again_takes_up_what_it_had_begun(tmp_path: Path) -> None:
    mine = share(tmp_path, "pear fig")
    assert mine.begins("pear", 0)
    mine.task(0, 2)
    assert [unit for unit, _ in Shout(tmp_path).calls()] == ["pear", "fig"]


def test_a_task_that_is_started_again_passes_over_what_is_done(tmp_path: Path) -> None:
    write_json(mark(tmp_path / "marks", "pear"), {"letters": 4})
    share(tmp_path, "pear fig").task(0, 1)
    assert [unit for unit, _ in Shout(tmp_path).calls()] == ["fig"]


def test_a_task_stops_when_another_has_failed(tmp_path: Path) -> None:
    share(tmp_path, "pear").fail("fig", "fig is not a word")
    share(tmp_path, "pear").task(0, 1)
    assert marked(tmp_path) == ["failed", "fig.error"]


def test_relative_paths_count_from_the_callers_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "marks").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    Share(work=Shout(Path(".")), units=("fig",), marks=Path("marks"), folder=tmp_path).task(0, 1)
    assert (tmp_path / "fig.txt").read_text() == "FIG"
    assert marked(tmp_path) == ["fig.json"]
