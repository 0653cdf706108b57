"""The line: which stages in which order, each in a process of its own.

`make all` runs it here, `make submit` hands the same steps to Slurm.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.errors import PipelineError
from pipeline.execution.console import console
from pipeline.execution.interrupts import politely

if TYPE_CHECKING:
    from pipeline.cli.config import Config

DATA_STAGES = ("dump", "corpus", "vocab", "dataset")
RUN_STAGES = ("pretrain", "evaluate", "export")


@dataclass(frozen=True, slots=True)
class Step:
    """One command of the line."""

    stage: str
    run: str | None
    """The run a training stage belongs to; None for a data stage."""
    parents: tuple[int, ...]
    """Positions in the line of the steps that must have finished."""

    def overrides(self) -> list[str]:
        return [f"stage={self.stage}", *([f"run={self.run}"] if self.run else [])]


def steps(runs: Sequence[str], *, dump: bool = True) -> list[Step]:
    """The data stages in a row, then for each run: pretrain after the dataset and the run before it, whose export it
    may start from; evaluate and export beside each other.

    Args:
        dump: False for a corpus of one's own text, which is made from no dump.
    """
    stages = DATA_STAGES if dump else DATA_STAGES[1:]
    line = [Step(stage, None, (position - 1,) if position else ()) for position, stage in enumerate(stages)]
    before = len(line) - 1
    for run in runs:
        trained = len(line)
        line.append(Step("pretrain", run, (before,)))
        line += [Step("evaluate", run, (trained,)), Step("export", run, (trained,))]
        before = trained + 2
    return line


def run_names(config: Config, overrides: Sequence[str]) -> tuple[str, ...]:
    """What the runs' folders are called.

    Raises:
        PipelineError: `run.name=x`, which names one run, was given to a line of several: to one folder for all of them.
    """
    if not any(override.startswith("run.name=") for override in overrides):
        return config.runs
    if len(config.runs) > 1:
        raise PipelineError(
            f"run.name was given to a line of {len(config.runs)} runs ({', '.join(config.runs)}): "
            f"run their stages one by one, each with run=... and run.name=..., or choose one with runs=[...]"
        )
    return (config.run.name,)


def run(config: Config, overrides: Sequence[str]) -> None:
    """Run every step here, one after the other; stop at the first that fails, with its exit code."""
    names = run_names(config, overrides)
    for step in steps(config.runs, dump=config.corpus.source != "jsonl"):
        name = f"{step.stage} {step.run}" if step.run else step.stage
        console.rule(name, align="left")
        code = ended([sys.executable, "-m", "pipeline", *step.overrides(), *overrides])
        if code:
            sys.exit(code)
    console.rule("done", align="left")
    root = config.layout.root
    for name in names:
        console.print(f"{name}: model in {root}/export/{name}, figures in {root}/evaluate/{name}")


def ended(command: Sequence[str]) -> int:
    """Run a command; its exit code. Ctrl-C reaches it too, and it gets the time to obey."""
    with politely(), subprocess.Popen(command) as process:
        try:
            return process.wait()
        except KeyboardInterrupt:
            process.wait()
            raise
