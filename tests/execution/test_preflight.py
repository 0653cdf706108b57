"""What a stage is said to take, and when it is refused: literal bytes, and a stage on a disk that is too small."""

from __future__ import annotations

import bz2
import shutil
from pathlib import Path

import pytest

from pipeline.errors import PipelineError
from pipeline.execution import preflight
from pipeline.execution.preflight import Need, Ratio, need, unpacked, verdict
from tests.helpers.stages import SMALL, run_stage

NEED = Need(final=27e9, scratch=16e9, core_seconds=70_000)
PLACE = Path("data/enwiki/corpus")


def test_the_line_tells_of_disk_and_time() -> None:
    assert verdict("corpus", NEED, workers=2, there=0, free=int(73e9), place=PLACE) == (
        "corpus: takes about 43 GB more disk (27 GB to stay, 16 GB of scratch; 73 GB are free) "
        "and 9.7 hours of 2 workers"
    )


def test_a_disk_that_just_holds_it_is_enough() -> None:
    assert verdict("corpus", NEED, workers=1, there=0, free=int(43e9), place=PLACE)


def test_a_disk_that_is_too_small_is_refused_with_what_to_do() -> None:
    with pytest.raises(PipelineError) as caught:
        verdict("corpus", NEED, workers=2, there=0, free=int(43e9) - 1, place=PLACE)
    assert str(caught.value) == (
        "corpus needs about 43 GB more disk (27 GB to stay, 16 GB of scratch), but the file system of "
        "data/enwiki/corpus has 43 GB free: make room there, or choose another place with data_dir=..., "
        "and run this again"
    )


DUMP = Need(final=28e9, scratch=40e9, core_seconds=36_000, least=0.25)


def test_what_depends_on_the_dump_is_told_as_a_range() -> None:
    assert verdict("corpus", DUMP, workers=2, there=0, free=int(73e9), place=PLACE) == (
        "corpus: takes about 17 GB to 68 GB more disk (7.0 GB to 28 GB to stay, 10 GB to 40 GB of scratch; "
        "73 GB are free) and 75 minutes to 5.0 hours of 2 workers"
    )


def test_only_what_surely_does_not_fit_is_refused() -> None:
    line = verdict("corpus", DUMP, workers=2, there=0, free=int(17e9), place=PLACE)
    assert "17 GB are free; that may not be enough, and if so what is done stays done)" in line
    with pytest.raises(PipelineError, match=r"^corpus needs at least 17 GB more disk .* has 17 GB free: make room"):
        verdict("corpus", DUMP, workers=2, there=0, free=int(17e9) - 1, place=PLACE)


def test_what_an_interrupted_run_has_left_is_not_needed_again() -> None:
    line = verdict("corpus", NEED, workers=1, there=int(40e9), free=int(4e9), place=PLACE)
    assert line.startswith("corpus: takes about 3.0 GB more disk (27 GB to stay, 16 GB of scratch, 40 GB of it there;")
    assert verdict("corpus", NEED, workers=1, there=int(50e9), free=0, place=PLACE).startswith(
        "corpus: takes about 0 MB more"
    )


@pytest.mark.parametrize(
    ("seconds", "told"),
    [(119, "less than two minutes"), (120, "2 minutes"), (5399, "90 minutes"), (5400, "1.5 hours")],
)
def test_times_are_told_in_fitting_units(seconds: float, told: str) -> None:
    assert preflight.duration(seconds) == told


@pytest.mark.parametrize(
    ("count", "told"),
    [(0, "0 MB"), (999.4e6, "999 MB"), (1e9, "1.0 GB"), (9.94e9, "9.9 GB"), (10e9, "10 GB"), (2.5e12, "2,500 GB")],
)
def test_bytes_are_told_in_fitting_units(count: float, told: str) -> None:
    assert preflight.amount(count) == told


def test_needs_of_steps_add_up(monkeypatch: pytest.MonkeyPatch) -> None:
    ratios = {
        "words": Ratio(final=0.5, scratch=0.0, core_seconds=2.0),
        "entities": Ratio(final=0.25, scratch=1.0, core_seconds=0.5),
    }
    monkeypatch.setattr(preflight, "RATIOS", ratios)
    assert need({"words": 2e6, "entities": 4e6}) == Need(final=2e6, scratch=4e6, core_seconds=6.0)
    assert need({"entities": 4e6}) == Need(final=1e6, scratch=4e6, core_seconds=2.0)
    monkeypatch.setitem(ratios, "corpus", Ratio(final=1.0, scratch=0.0, core_seconds=1.0, least=0.5))
    assert need({"corpus": 3e6}) == Need(final=3e6, scratch=0.0, core_seconds=3.0, least=0.5)


def test_a_compressed_file_counts_as_what_is_in_it(tmp_path: Path) -> None:
    plain, packed = tmp_path / "a.xml", tmp_path / "b"
    plain.write_bytes(b"<mediawiki/>" * 10)
    packed.write_bytes(bz2.compress(b"<mediawiki/>"))
    assert unpacked([plain]) == 120
    assert unpacked([plain, packed]) == pytest.approx(120 + 4.2 * packed.stat().st_size)


def test_every_step_has_a_measured_ratio() -> None:
    assert set(preflight.RATIOS) == {"corpus", "own", "words", "entities", "dataset"}
    assert all(ratio.core_seconds > 0 for ratio in preflight.RATIOS.values())


@pytest.mark.parametrize("stage", ["corpus", "vocab", "dataset"])
def test_a_stage_is_refused_before_it_writes(
    small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stage: str
) -> None:
    root = tmp_path / "small"
    root.mkdir()
    for parent in ("dump", "corpus", "vocab", "dataset"):
        if parent == stage:
            break
        (root / parent).symlink_to(small / "small" / parent, target_is_directory=True)
    before = sorted(path.name for path in root.iterdir())
    full = shutil.disk_usage(tmp_path)._replace(free=0)
    monkeypatch.setattr(preflight.shutil, "disk_usage", lambda _folder: full)
    with pytest.raises(PipelineError, match=rf"^{stage} needs (about|at least) .* has 0 MB free: make room"):
        run_stage(stage, *SMALL, f"data_dir={tmp_path}")
    assert sorted(path.name for path in root.iterdir()) == before
    monkeypatch.undo()
    run_stage(stage, *SMALL, f"data_dir={tmp_path}")  # with room, it goes on as if nothing had been
