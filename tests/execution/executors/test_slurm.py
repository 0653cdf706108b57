"""The Slurm executor, with shell scripts in place of Slurm's commands."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from pipeline.errors import PipelineError
from pipeline.execution.executors.slurm import clear_slurm_environment
from pipeline.execution.map_units import map_units
from tests.helpers.executors import WriteUppercase, slurm_config

ROOT = Path(__file__).parents[3]


def test_a_job_that_submits_jobs_does_not_pass_on_its_own_allocation(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SLURM_JOB_ID", "SBATCH_PARTITION", "SLURM_CONF"):
        monkeypatch.setenv(name, "x")
    clear_slurm_environment()
    assert "SLURM_JOB_ID" not in os.environ
    assert "SBATCH_PARTITION" not in os.environ
    assert os.environ["SLURM_CONF"] == "x"


def map_units_on_slurm(folder: Path) -> None:
    """Map one unit over a job array."""
    settings = slurm_config(1)
    map_units(WriteUppercase(folder), ["pear"], scratch=folder, step="uppercase", executor=settings)


@pytest.fixture
def commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder on the PATH for scripts that replace Slurm's commands."""
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    return tmp_path


def write_command(path: Path, script: str) -> None:
    """Write an executable shell script."""
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def test_a_machine_without_slurm_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(PipelineError, match=r"^executor=slurm needs Slurm, and sbatch is not on the PATH"):
        map_units_on_slurm(tmp_path)


def test_an_array_that_slurm_refuses_is_reported(commands: Path) -> None:
    write_command(commands / "sbatch", "echo invalid partition >&2; exit 1")
    with pytest.raises(
        PipelineError, match=r"^Slurm refused the job array, for the reason above: .* executor\.partition"
    ):
        map_units_on_slurm(commands)


def test_a_job_of_an_array_does_a_task(commands: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The script for sbatch runs the job at once: datatrove loads its pickled array and calls the step."""
    monkeypatch.setattr("pipeline.execution.executors.slurm.await_array", lambda *_: None)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))  # for WriteUppercase
    job = f"PATH={Path(sys.executable).parent}:$PATH $(grep -o 'launch_pickled_pipeline .*' $2) >&2"
    write_command(commands / "sbatch", f"SLURM_ARRAY_TASK_ID=0 SLURM_NODELIST=here {job}; echo Submitted batch job 7")
    for name in ("scontrol", "scancel"):
        write_command(commands / name, "echo here")
    map_units_on_slurm(commands)
    assert (commands / "pear.txt").read_text() == "PEAR"
