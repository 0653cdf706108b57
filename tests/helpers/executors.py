"""Executor settings for tests, and units of work whose calls can be counted."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.errors import PipelineError
from pipeline.execution.executors.config import LocalExecutorConfig, RayExecutorConfig, SlurmExecutorConfig
from pipeline.execution.units import ReportProgress
from pipeline.store.manifest import Counts


def executor_config(workers: int, **changes: Any) -> LocalExecutorConfig:
    """Return settings of a local executor, with `changes` applied."""
    return LocalExecutorConfig(**({"kind": "local", "workers": workers, "memory_gb": 1} | changes))


def ray_config(workers: int, **changes: Any) -> RayExecutorConfig:
    """Return settings of a Ray executor, with `changes` applied."""
    return RayExecutorConfig(**({"kind": "ray", "workers": workers, "memory_gb": 1} | changes))


def slurm_config(workers: int, **changes: Any) -> SlurmExecutorConfig:
    """Return settings of a Slurm executor, with `changes` applied."""
    values = {"workers": workers, "memory_gb": 1, "partition": "cpu", "time": "1:00", "env_command": "", "sbatch": {}}
    return SlurmExecutorConfig(**({"kind": "slurm"} | values | changes))


@dataclass(frozen=True)
class WriteUppercase:
    """Work that writes the unit in upper case, and adds a line to `log` at each call."""

    folder: Path
    refused: str = ""
    """The unit that fails with an error that the user can fix."""
    broken: str = ""
    """The unit that fails with a bug."""

    def __call__(self, unit: str, report: ReportProgress) -> Counts:
        report(0.5)
        with open(self.folder / "log", "a") as log:
            log.write(f"{unit} {os.getpid()}\n")
        if unit == self.refused:
            raise PipelineError(f"{unit} is not a word: give another one")
        if unit == self.broken:
            raise ZeroDivisionError("ours")
        (self.folder / f"{unit.replace('/', '_')}.txt").write_text(unit.upper())
        return {"letters": len(unit), f"starts_with_{unit[0]}": 1}

    def calls(self) -> list[list[str]]:
        """Return the (unit, process id) of each call."""
        return [line.split() for line in (self.folder / "log").read_text().splitlines()]


@dataclass(frozen=True)
class WaitForTwoProcesses:
    """Work that ends no unit before two processes are running, and never ends the unit `endless`."""

    folder: Path
    endless: str = ""

    def __call__(self, unit: str, report: ReportProgress) -> Counts:
        (self.folder / f"{os.getpid()}.pid").touch()
        deadline = time.monotonic() + 60
        while len(processes := list(self.folder.glob("*.pid"))) < 2:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        while unit == self.endless:
            time.sleep(600)
        return {"processes": len(processes)}
