"""The units that a task does, and those that it skips."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.execution.units import UnitQueue, done_marker
from pipeline.store.files import write_json
from tests.helpers.executors import WriteUppercase


def make_queue(folder: Path, units: str) -> UnitQueue:
    """Return a queue of the units, which are separated by spaces."""
    (folder / "markers").mkdir(exist_ok=True)
    return UnitQueue(
        work=WriteUppercase(folder), units=tuple(units.split()), markers=folder / "markers", working_directory=folder
    )


def markers_left(folder: Path) -> list[str]:
    """Return the names of the marker files, except those that say which task has a unit."""
    return sorted(path.name for path in (folder / "markers").iterdir() if path.suffix != ".task")


@pytest.fixture(autouse=True)
def restore_working_directory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(".")  # a task changes the directory; monkeypatch restores it after the test


def test_one_of_two_tasks_does_every_second_unit_and_then_the_others(tmp_path: Path) -> None:
    make_queue(tmp_path, "pear fig plum quince").run_task(1, 2)
    assert [unit for unit, _ in WriteUppercase(tmp_path).calls()] == ["fig", "quince", "pear", "plum"]
    assert markers_left(tmp_path) == ["fig.json", "pear.json", "plum.json", "quince.json"]


def test_a_task_skips_units_that_another_has_claimed(tmp_path: Path) -> None:
    queue = make_queue(tmp_path, "pear fig plum")
    assert queue.claim("pear", 1)
    assert not queue.claim("pear", 0)
    queue.run_task(0, 2)
    assert [unit for unit, _ in WriteUppercase(tmp_path).calls()] == ["plum", "fig"]


def test_a_restarted_task_does_its_claimed_unit_again(tmp_path: Path) -> None:
    queue = make_queue(tmp_path, "pear fig")
    assert queue.claim("pear", 0)
    queue.run_task(0, 2)
    assert [unit for unit, _ in WriteUppercase(tmp_path).calls()] == ["pear", "fig"]


def test_a_restarted_task_skips_finished_units(tmp_path: Path) -> None:
    write_json(done_marker(tmp_path / "markers", "pear"), {"letters": 4})
    make_queue(tmp_path, "pear fig").run_task(0, 1)
    assert [unit for unit, _ in WriteUppercase(tmp_path).calls()] == ["fig"]


def test_a_task_stops_when_another_has_failed(tmp_path: Path) -> None:
    make_queue(tmp_path, "pear").record_failure("fig", "fig is not a word")
    make_queue(tmp_path, "pear").run_task(0, 1)
    assert markers_left(tmp_path) == ["failed", "fig.error"]


def test_relative_paths_are_relative_to_the_callers_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "markers").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    UnitQueue(
        work=WriteUppercase(Path(".")), units=("fig",), markers=Path("markers"), working_directory=tmp_path
    ).run_task(0, 1)
    assert (tmp_path / "fig.txt").read_text() == "FIG"
    assert markers_left(tmp_path) == ["fig.json"]
