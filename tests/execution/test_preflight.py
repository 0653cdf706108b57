"""Estimates of disk and time, and stages that are refused on a disk that is too small."""

from __future__ import annotations

import bz2
import shutil
from pathlib import Path

import pytest

from pipeline.errors import PipelineError
from pipeline.execution import preflight
from pipeline.execution.preflight import (
    ResourceEstimate,
    StepRatios,
    check_free_space,
    estimate,
    estimate_line,
    unpacked_bytes,
)
from tests.helpers.stages import SMALL_OVERRIDES, run_stage

NEEDED = ResourceEstimate(final=27e9, scratch=16e9, core_seconds=70_000)
NEEDED_BY_A_DUMP = ResourceEstimate(final=28e9, scratch=40e9, core_seconds=36_000, min_share=0.25)


def check_corpus(needed: ResourceEstimate, *, free: float, existing: float = 0) -> None:
    """Check the free space for the stage `corpus`."""
    check_free_space("corpus", needed, existing=int(existing), free=int(free), target=Path("data/enwiki/corpus"))


def test_the_estimate_says_disk_and_time() -> None:
    assert estimate_line("corpus", NEEDED, workers=2, existing=0, free=int(73e9)) == (
        "corpus: needs about 43 GB more disk (27 GB of output, 16 GB of scratch; 73 GB are free) "
        "and 9.7 hours with 2 workers"
    )


def test_a_disk_with_just_enough_room_is_accepted() -> None:
    check_corpus(NEEDED, free=43e9)


def test_a_disk_that_is_too_small_is_refused() -> None:
    with pytest.raises(PipelineError) as caught:
        check_corpus(NEEDED, free=43e9 - 1)
    assert str(caught.value) == (
        "corpus needs about 43 GB more disk (27 GB of output, 16 GB of scratch), but the file system of "
        "data/enwiki/corpus has 43 GB free: make room there, or choose another place with data_dir=..., "
        "and run this again"
    )


def test_an_estimate_that_depends_on_the_dump_is_a_range() -> None:
    assert estimate_line("corpus", NEEDED_BY_A_DUMP, workers=2, existing=0, free=int(73e9)) == (
        "corpus: needs about 17 GB to 68 GB more disk (7.0 GB to 28 GB of output, 10 GB to 40 GB of scratch; "
        "73 GB are free) and 75 minutes to 5.0 hours with 2 workers"
    )


def test_a_stage_is_refused_only_when_the_low_estimate_does_not_fit() -> None:
    check_corpus(NEEDED_BY_A_DUMP, free=17e9)
    line = estimate_line("corpus", NEEDED_BY_A_DUMP, workers=2, existing=0, free=int(17e9))
    assert "17 GB are free; that may not be enough, but finished units are kept)" in line
    with pytest.raises(PipelineError, match=r"^corpus needs at least 17 GB more disk .* has 17 GB free: make room"):
        check_corpus(NEEDED_BY_A_DUMP, free=17e9 - 1)


def test_files_of_an_interrupted_run_are_subtracted() -> None:
    check_corpus(NEEDED, existing=40e9, free=3e9)
    line = estimate_line("corpus", NEEDED, workers=1, existing=int(40e9), free=int(4e9))
    assert line.startswith(
        "corpus: needs about 3.0 GB more disk (27 GB of output, 16 GB of scratch, 40 GB of it already there; 4.0 GB"
    )
    check_corpus(NEEDED, existing=50e9, free=0)
    line = estimate_line("corpus", NEEDED, workers=1, existing=int(50e9), free=0)
    assert line.startswith("corpus: needs about 0 MB more disk")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(119, "less than two minutes"), (120, "2 minutes"), (5399, "90 minutes"), (5400, "1.5 hours")],
)
def test_times_are_in_readable_units(seconds: float, text: str) -> None:
    assert preflight.format_duration(seconds) == text


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 MB"), (999.4e6, "999 MB"), (1e9, "1.0 GB"), (9.94e9, "9.9 GB"), (10e9, "10 GB"), (2.5e12, "2,500 GB")],
)
def test_bytes_are_in_readable_units(count: float, text: str) -> None:
    assert preflight.format_bytes(count) == text


def test_estimates_of_steps_add_up(monkeypatch: pytest.MonkeyPatch) -> None:
    ratios = {
        "tokenizer": StepRatios(final=0.5, scratch=0.0, core_seconds=2.0),
        "entities": StepRatios(final=0.25, scratch=1.0, core_seconds=0.5),
    }
    monkeypatch.setattr(preflight, "RATIOS", ratios)
    assert estimate({"tokenizer": 2e6, "entities": 4e6}) == ResourceEstimate(final=2e6, scratch=4e6, core_seconds=6.0)
    assert estimate({"entities": 4e6}) == ResourceEstimate(final=1e6, scratch=4e6, core_seconds=2.0)
    monkeypatch.setitem(ratios, "corpus", StepRatios(final=1.0, scratch=0.0, core_seconds=1.0, min_share=0.5))
    assert estimate({"corpus": 3e6}) == ResourceEstimate(final=3e6, scratch=0.0, core_seconds=3.0, min_share=0.5)


def test_a_compressed_file_counts_with_its_estimated_content(tmp_path: Path) -> None:
    plain, packed = tmp_path / "a.xml", tmp_path / "b"
    plain.write_bytes(b"<mediawiki/>" * 10)
    packed.write_bytes(bz2.compress(b"<mediawiki/>"))
    assert unpacked_bytes([plain]) == 120
    assert unpacked_bytes([plain, packed]) == pytest.approx(120 + 4.2 * packed.stat().st_size)


def test_every_step_has_a_measured_ratio() -> None:
    assert set(preflight.RATIOS) == {"corpus", "jsonl", "tokenizer", "entities", "dataset"}
    assert all(ratio.core_seconds > 0 for ratio in preflight.RATIOS.values())


@pytest.mark.parametrize("stage", ["corpus", "vocab", "dataset"])
def test_a_stage_is_refused_before_it_writes(
    small_data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stage: str
) -> None:
    root = tmp_path / "small"
    root.mkdir()
    for parent in ("dump", "corpus", "vocab", "dataset"):
        if parent == stage:
            break
        (root / parent).symlink_to(small_data_dir / "small" / parent, target_is_directory=True)
    before = sorted(path.name for path in root.iterdir())
    full = shutil.disk_usage(tmp_path)._replace(free=0)
    monkeypatch.setattr(preflight.shutil, "disk_usage", lambda _folder: full)
    with pytest.raises(PipelineError, match=rf"^{stage} needs (about|at least) .* has 0 MB free: make room"):
        run_stage(stage, *SMALL_OVERRIDES, f"data_dir={tmp_path}")
    assert sorted(path.name for path in root.iterdir()) == before
    monkeypatch.undo()
    run_stage(stage, *SMALL_OVERRIDES, f"data_dir={tmp_path}")  # with room the stage runs
