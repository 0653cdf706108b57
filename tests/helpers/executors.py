"""An executor for tests, and work for it that shows."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.errors import PipelineError
from pipeline.execution.executors.config import ExecutorConfig
from pipeline.execution.units import Report
from pipeline.store.manifest import Counts


def executor(workers: int, **changes: Any) -> ExecutorConfig:
    """Processes of this machine, but for what is changed."""
    values: dict[str, Any] = {
        "kind": "local",
        "workers": workers,
        "memory_gb": 1,
        "partition": "",
        "time": "",
        "environment": "",
        "sbatch": {},
    }
    return ExecutorConfig(**(values | changes))


@dataclass(frozen=True)
class Shout:
    """Writes the unit in capitals, and leaves a line in `log` each time it is called."""

    folder: Path
    refused: str = ""
    broken: str = ""

    def __call__(self, unit: str, report: Report) -> Counts:
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
        return [line.split() for line in (self.folder / "log").read_text().splitlines()]


@dataclass(frozen=True)
class Together:
    """Ends no unit before two processes are at work, and the one that is `endless` never."""

    folder: Path
    endless: str = ""

    def __call__(self, unit: str, report: Report) -> Counts:
        (self.folder / f"{os.getpid()}.pid").touch()
        until = time.monotonic() + 60
        while len(processes := list(self.folder.glob("*.pid"))) < 2:
            assert time.monotonic() < until
            time.sleep(0.01)
        while unit == self.endless:
            time.sleep(600)
        return {"processes": len(processes)}
