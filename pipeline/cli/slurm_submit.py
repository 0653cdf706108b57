"""The line on a Slurm cluster: every step a job of its own, each after its parents.

A step becomes one `sbatch` of a plain script in `scripts/slurm/`, with the resources that the config group `cluster`
gives its stage. A data stage's job is a light driver: with executor=slurm it submits the stage's job array and waits
for it. A job whose parent fails is cancelled by Slurm (`--kill-on-invalid-dep`); after the cause is mended the line is
submitted again, and what is finished says so within seconds.

`DRY_RUN=1` prints the same commands as a shell script that does what submitting would have done.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.cli.workflow import Step, run_names, steps
from pipeline.errors import PipelineError
from pipeline.execution.console import console

if TYPE_CHECKING:
    from pipeline.cli.config import Config

ROOT = Path(__file__).resolve().parents[2]
ARRAY_STAGES = frozenset({"corpus", "vocab", "dataset"})
"""The stages that spread their units over an executor."""


@dataclass(frozen=True, slots=True)
class Submission:
    """One job: `sbatch options --dependency=afterok:... arguments`."""

    name: str
    options: tuple[str, ...]
    parents: tuple[int, ...]
    """Positions of the submissions that must have ended well."""
    arguments: tuple[str, ...]

    def command(self, jobs: Sequence[str]) -> list[str]:
        """The command, given the ids of the jobs submitted before it."""
        after = [f"--dependency=afterok:{':'.join(jobs[parent] for parent in self.parents)}"] if self.parents else []
        return ["sbatch", "--parsable", *self.options, *after, *self.arguments]


def submit(config: Config, overrides: Sequence[str]) -> None:
    """Submit the whole line, or print it when the environment says DRY_RUN=1.

    Raises:
        PipelineError: there is no Slurm here, or it refuses a job.
    """
    run_names(config, overrides)  # which refuses one name for several
    plan = submissions(config, overrides)
    if os.environ.get("DRY_RUN", "0") not in ("", "0"):
        print(script(plan, logs(config)))
        return
    if shutil.which("sbatch") is None:
        raise PipelineError("sbatch is not on the PATH: submit from a node of a Slurm cluster, or look with DRY_RUN=1")
    logs(config).mkdir(parents=True, exist_ok=True)
    jobs: list[str] = []
    for submission in plan:
        answer = subprocess.run(submission.command(jobs), capture_output=True, text=True, check=False)
        if answer.returncode:
            before = f"\nSubmitted before it: scancel {' '.join(jobs)}" if jobs else ""
            raise PipelineError(f"Slurm refused {submission.name}: {answer.stderr.strip()}{before}")
        jobs.append(answer.stdout.strip().split(";")[0])  # "id" or "id;cluster"
        after = ", ".join(jobs[parent] for parent in submission.parents)
        console.print(f"job {jobs[-1]}: {submission.name}{f', after {after}' if after else ''}")
    console.print(f"Watch them with squeue --me; their logs: {logs(config)}")


def submissions(config: Config, overrides: Sequence[str]) -> list[Submission]:
    """The line as jobs, in the order in which they can be submitted."""
    if not config.cluster.partition:
        raise PipelineError("cluster.partition is empty: name one of the cluster's partitions (sinfo lists them)")
    line = steps(config.runs, dump=config.corpus.source != "jsonl")
    return [submission(step, config, overrides) for step in line]


def submission(step: Step, config: Config, overrides: Sequence[str]) -> Submission:
    cluster = config.cluster
    if step.stage not in cluster.resources:
        raise PipelineError(f"cluster.resources has nothing for the stage {step.stage}: say what its job may use")
    resources = cluster.resources[step.stage]
    name = "-".join(filter(None, (config.dump.name, step.stage, step.run)))
    options = {
        "job-name": name,
        "output": f"{logs(config)}/%x-%j.out",
        "kill-on-invalid-dep": "yes",
        "partition": (resources.gpus and cluster.gpu_partition) or cluster.partition,
        "time": resources.time,
        "nodes": str(resources.nodes),
        "ntasks-per-node": "1",
        "cpus-per-task": str(resources.cpus),
        "mem": f"{resources.memory_gb}G",
        **({"gpus-per-node": str(resources.gpus)} if resources.gpus else {}),
        **cluster.sbatch,
        **resources.sbatch,
    }
    arguments = [*step.overrides(), *overrides]
    if step.stage in ARRAY_STAGES and not any(override.startswith("executor=") for override in overrides):
        arguments.insert(1, "executor=slurm")
    environment = cluster.environment or f'export PATH={Path(sys.executable).parent}:"$PATH"'
    if step.stage == "pretrain":
        called = [str(ROOT / "scripts/slurm/pretrain.sbatch"), environment, str(ROOT / cluster.accelerate)]
    else:
        called = [str(ROOT / "scripts/slurm/stage.sbatch"), environment]
    return Submission(
        name,
        tuple(f"--{option}={value}" for option, value in options.items()),
        step.parents,
        (*called, *arguments),
    )


def logs(config: Config) -> Path:
    """Where the jobs' output goes; sbatch does not make the folder."""
    return config.layout.root / "logs"


def script(plan: Sequence[Submission], folder: Path) -> str:
    """The submissions as a shell script, in which `$corpus` stands for the id that the job corpus will get."""
    names = [re.sub(r"\W", "_", submission.name) for submission in plan]
    lines = [f"mkdir -p {shlex.quote(str(folder))}"]
    for position, submission in enumerate(plan):
        words = submission.command([f"${{{name}}}" for name in names])
        quoted = [word if word.startswith("--dependency=") else shlex.quote(word) for word in words]
        called = len(quoted) - len(submission.arguments)
        command = f"{' '.join(quoted[:called])} \\\n    {' '.join(quoted[called:])}"
        lines.append(f"{names[position]}=$({command})")
    return "\n".join(lines)
