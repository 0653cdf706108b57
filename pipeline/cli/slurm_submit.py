"""Submit the workflow to a Slurm cluster: every step is a job that starts after its parents.

A step becomes one `sbatch` of a plain script in `scripts/slurm/`, with the resources that the config group `cluster`
gives its stage. The job of a stage that spreads units is a light driver: with executor=slurm it submits the stage's job
array and waits for it. Slurm cancels a job whose parent fails (`--kill-on-invalid-dep`). After the cause is fixed the
workflow is submitted again, and finished stages report within seconds that they are up to date.

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

from pipeline.cli.accelerate_launch import choose_accelerate_config
from pipeline.cli.cluster_config import ResourcesConfig
from pipeline.cli.paths import ROOT
from pipeline.cli.workflow import Step, run_names, workflow_steps
from pipeline.errors import PipelineError
from pipeline.execution.console import console, print_page
from pipeline.stages import STAGES

if TYPE_CHECKING:
    from pipeline.cli.config import Config


@dataclass(frozen=True, slots=True)
class Submission:
    """One job: `sbatch options --dependency=afterok:... arguments`."""

    name: str
    options: tuple[str, ...]
    parents: tuple[int, ...]
    """Positions of the submissions that must have succeeded."""
    arguments: tuple[str, ...]

    def command(self, jobs: Sequence[str]) -> list[str]:
        """Return the command, given the ids of the jobs submitted before it."""
        after = [f"--dependency=afterok:{':'.join(jobs[parent] for parent in self.parents)}"] if self.parents else []
        return ["sbatch", "--parsable", *self.options, *after, *self.arguments]


def submit(config: Config, overrides: Sequence[str]) -> None:
    """Submit the whole workflow, or print it if the environment has DRY_RUN=1.

    Raises:
        PipelineError: there is no Slurm on this machine, or it refuses a job.
    """
    run_names(config, overrides)  # it refuses one name for several runs
    plan = plan_submissions(config, overrides)
    if os.environ.get("DRY_RUN", "0") not in ("", "0"):
        print_page(shell_script(plan, log_folder(config)))
        return
    if shutil.which("sbatch") is None:
        raise PipelineError(
            "sbatch is not on the PATH: submit from a node of a Slurm cluster, or print the jobs with DRY_RUN=1"
        )
    log_folder(config).mkdir(parents=True, exist_ok=True)
    jobs: list[str] = []
    for submission in plan:
        answer = subprocess.run(submission.command(jobs), capture_output=True, text=True, check=False)
        if answer.returncode:
            before = f"\nCancel the jobs submitted before it with scancel {' '.join(jobs)}" if jobs else ""
            raise PipelineError(f"Slurm refused {submission.name}: {answer.stderr.strip()}{before}")
        jobs.append(answer.stdout.strip().split(";")[0])  # "id" or "id;cluster"
        after = ", ".join(jobs[parent] for parent in submission.parents)
        console.print(f"job {jobs[-1]}: {submission.name}{f', after {after}' if after else ''}")
    console.print(f"Watch the jobs with squeue --me; their logs are in {log_folder(config)}")


def plan_submissions(config: Config, overrides: Sequence[str]) -> list[Submission]:
    """Return the workflow's jobs, in the order in which they can be submitted."""
    if not config.cluster.partition:
        raise PipelineError("cluster.partition is empty: name one of the cluster's partitions (sinfo lists them)")
    steps = workflow_steps(config.runs, reads_dump=config.corpus.reads_dump)
    return [plan_submission(step, config, overrides) for step in steps]


def plan_submission(step: Step, config: Config, overrides: Sequence[str]) -> Submission:
    """Return the job of one step."""
    cluster = config.cluster
    if step.stage not in cluster.resources:
        raise PipelineError(f"cluster.resources.{step.stage} is missing: say what the job of the stage may use")
    resources = cluster.resources[step.stage]
    name = "-".join(filter(None, (config.dump.name, step.stage, step.run)))
    options = {
        "job-name": name,
        "output": f"{log_folder(config)}/%x-%j.out",
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
    chosen = [override.removeprefix("executor=") for override in overrides if override.startswith("executor=")]
    stage = STAGES[step.stage]
    if stage.spreads_units and not chosen:
        arguments.insert(1, "executor=slurm")
    if stage.threads and chosen in ([], ["slurm"]):  # last: the user's executor.workers is for jobs of an array
        arguments += whole_job_overrides(resources)
    if stage.processes and step.stage != "pretrain" and config.accelerate:
        arguments.append("accelerate=null")  # the file is for the job of pretrain; the others are single processes
    environment = cluster.env_command or f'export PATH={Path(sys.executable).parent}:"$PATH"'
    if step.stage == "pretrain":
        launch_file = choose_accelerate_config(config.accelerate, gpus=resources.gpus)
        called = [str(ROOT / "scripts/slurm/pretrain.sbatch"), environment, str(launch_file)]
    else:
        called = [str(ROOT / "scripts/slurm/stage.sbatch"), environment]
    return Submission(
        name,
        tuple(f"--{option}={value}" for option, value in options.items()),
        step.parents,
        (*called, *arguments),
    )


def whole_job_overrides(resources: ResourcesConfig) -> list[str]:
    """Return the overrides that let a stage use all CPUs of its job, and half of its memory in DuckDB."""
    return [f"executor.workers={resources.cpus}", f"executor.memory_gb={max(1, resources.memory_gb // 2)}"]


def log_folder(config: Config) -> Path:
    """Return the folder of the jobs' output, which must exist before sbatch is called."""
    return config.layout.root / "logs"


def shell_script(plan: Sequence[Submission], folder: Path) -> str:
    """Return the submissions as a shell script, in which `$name` is the id of an earlier job."""
    names = [re.sub(r"\W", "_", submission.name) for submission in plan]
    lines = [f"mkdir -p {shlex.quote(str(folder))}"]
    for position, submission in enumerate(plan):
        words = submission.command([f"${{{name}}}" for name in names])
        quoted = [word if word.startswith("--dependency=") else shlex.quote(word) for word in words]
        called = len(quoted) - len(submission.arguments)
        command = f"{' '.join(quoted[:called])} \\\n    {' '.join(quoted[called:])}"
        lines.append(f"{names[position]}=$({command})")
    return "\n".join(lines)
