"""The workflow: which stages run in which order, each in a process of its own.

`make all` runs them on this machine, `make submit` hands the same steps to Slurm.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pipeline.cli.paths import CONFIGS
from pipeline.errors import PipelineError
from pipeline.execution.console import console
from pipeline.execution.interrupts import allow_keyboard_interrupt
from pipeline.stages import STAGES
from pipeline.store.layout import REPORT_FILE

if TYPE_CHECKING:
    from pipeline.cli.config import Config


@dataclass(frozen=True, slots=True)
class Step:
    """One command of the workflow."""

    stage: str
    run: str | None
    """The run that a stage per run belongs to; None for the others."""
    parents: tuple[int, ...]
    """Positions in the workflow of the steps that must have finished."""

    def overrides(self) -> list[str]:
        """Return the overrides that make the command line run this step."""
        return [f"stage={self.stage}", *([f"run={self.run}"] if self.run else [])]


def workflow_steps(runs: Sequence[str], *, reads_dump: bool = True) -> list[Step]:
    """Return the data stages, then the stages of each run.

    A step comes after the steps of the stages that it reads. A run also starts after the run before it, because it may
    start from that run's export.

    Args:
        runs: names of the runs, in order.
        reads_dump: False for a corpus of the user's own text, which needs no dump.
    """
    steps: list[Step] = []
    for run in (None, *runs):
        positions = {step.stage: index for index, step in enumerate(steps) if step.run is None}
        exported = [index for index, step in enumerate(steps) if step.stage == "export"][-1:]
        for stage in STAGES.values():
            if stage.per_run == (run is None) or (stage.name == "dump" and not reads_dump):
                continue
            parents = [positions[name] for name in stage.reads if name in positions]
            if stage.per_run:
                parents += exported
            positions[stage.name] = len(steps)
            steps.append(Step(stage.name, run, without_ancestors(parents, steps)))
    return steps


def without_ancestors(parents: Sequence[int], steps: Sequence[Step]) -> tuple[int, ...]:
    """Return the parents that no other parent waits for anyway."""
    implied: set[int] = set()
    waiting = list(parents)
    while waiting:
        above = steps[waiting.pop()].parents
        implied.update(above)
        waiting.extend(above)
    return tuple(sorted(set(parents) - implied))


def run_names(config: Config, overrides: Sequence[str]) -> tuple[str, ...]:
    """Return the names of the runs' folders.

    Raises:
        PipelineError: `runs` names a run that has no file, or `run.name=x`, which names one folder, was given for
            several runs.
    """
    known = sorted(path.stem for path in (CONFIGS / "run").glob("[!_]*.yaml"))
    for run in config.runs:
        if run not in known:
            raise PipelineError(f"runs is [{', '.join(config.runs)}], but configs/run/ has only {', '.join(known)}")
    if not any(override.startswith("run.name=") for override in overrides):
        return config.runs
    if len(config.runs) > 1:
        raise PipelineError(
            f"run.name was given for {len(config.runs)} runs ({', '.join(config.runs)}), but it names the folder of "
            "one: run their stages one by one, each with run=... and run.name=..., or select one run with runs=[...]"
        )
    return (config.run.name,)


def run_workflow(config: Config, overrides: Sequence[str]) -> None:
    """Run all steps on this machine, one after the other; exit with the code of the first that fails."""
    names = run_names(config, overrides)
    for step in workflow_steps(config.runs, reads_dump=config.corpus.reads_dump):
        console.rule(f"{step.stage} {step.run}" if step.run else step.stage, align="left")
        code = run_command([sys.executable, "-m", "pipeline", *step.overrides(), *overrides])
        if code:
            sys.exit(code)
    console.rule("done", align="left")
    for name in names:
        layout = replace(config.layout, run=name)
        report = layout.folder("evaluate") / REPORT_FILE
        console.print(f"{name}: model in {layout.folder('export')}, report in {report}")


def run_command(command: Sequence[str]) -> int:
    """Run a command and return its exit code. Ctrl-C reaches the command too; wait until it has ended."""
    with allow_keyboard_interrupt(), subprocess.Popen(command) as process:
        try:
            return process.wait()
        except KeyboardInterrupt:
            process.wait()
            raise
