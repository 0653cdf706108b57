"""A task's part of the units: which it takes, and what it passes over."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.store.files import write_json
from pipeline.units import Share, mark
from tests.executor import Shout


def share(folder: Path, units: str) -> Share:
    return Share(work=Shout(folder), units=tuple(units.split()), marks=folder / "marks", folder=folder)


def marked(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / "marks").iterdir())


@pytest.fixture(autouse=True)
def stays_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(".")  # undone after the test, and so is what a task does to the working directory


def test_a_task_takes_every_second_unit_of_two(tmp_path: Path) -> None:
    share(tmp_path, "pear fig plum")(None, 0, 2)
    assert [unit for unit, _ in Shout(tmp_path).calls()] == ["pear", "plum"]
    assert marked(tmp_path) == ["pear.json", "plum.json"]


def test_a_task_that_is_started_again_passes_over_what_is_done(tmp_path: Path) -> None:
    write_json(mark(tmp_path / "marks", "pear"), {"letters": 4})
    share(tmp_path, "pear fig")(None, 0, 1)
    assert [unit for unit, _ in Shout(tmp_path).calls()] == ["fig"]


def test_a_task_stops_when_another_has_failed(tmp_path: Path) -> None:
    share(tmp_path, "pear").fail("fig", "fig is not a word")
    share(tmp_path, "pear")(None, 0, 1)
    assert marked(tmp_path) == ["fig.error"]


def test_relative_paths_count_from_the_callers_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    Share(work=Shout(Path(".")), units=("fig",), marks=Path("marks"), folder=tmp_path)(None, 0, 1)
    assert (tmp_path / "fig.txt").read_text() == "FIG"
    assert marked(tmp_path) == ["fig.json"]
