"""The table of stages. Everything that lists stages derives from it.

The command line dispatches by it, the workflow and `make submit` order their steps by it, the layout of folders asks it
which stages have a folder per run, and the local executor preloads its modules. Adding a stage takes a row here, a
package with `build.py`, `config.py` and `artefact.py`, a config group, a field of `Config` and a target in the
Makefile; tests/test_stages.py fails as long as one of them is missing.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """One stage: it reads finished folders and writes one folder."""

    name: str
    """Name of the Make target, the package, the config group, the artefact folder and the batch job."""
    reads: tuple[str, ...]
    """Stages whose artefacts it opens."""
    configs: tuple[str, ...]
    """Fields of `Config` that its `build` takes before the context."""
    per_run: bool = False
    """Whether it has a folder for each run (`run.name`), not one for each dump."""
    preload: tuple[str, ...] = ()
    """Modules whose import loads everything that a unit needs; empty for a stage that maps no units over workers."""
    threads: bool = False
    """Whether it works in the calling process with `executor.workers` threads and `executor.memory_gb` of memory."""
    processes: bool = False
    """Whether the key `accelerate` launches it on several processes."""
    named: bool = False
    """Whether a stage per run also has variants, each in a folder that `<stage>.name` names; the other stages do."""

    @property
    def module(self) -> str:
        """Module with the stage's `build` function."""
        return f"pipeline.{self.name}.build"

    @property
    def spreads_units(self) -> bool:
        """Whether it maps units over the executor's workers, as a job array on Slurm."""
        return bool(self.preload)


_TABLE = (
    Stage(name="dump", reads=(), configs=("dump",)),
    Stage(
        name="corpus",
        reads=("dump",),
        configs=("corpus",),
        preload=("pipeline.corpus.xml.build", "pipeline.corpus.jsonl.build"),
    ),
    Stage(name="vocab", reads=("corpus",), configs=("vocab",), threads=True),
    Stage(name="dataset", reads=("corpus", "vocab"), configs=("dataset",), preload=("pipeline.dataset.build",)),
    Stage(name="pretrain", reads=("vocab", "dataset"), configs=("pretrain", "model"), per_run=True, processes=True),
    Stage(
        name="evaluate",
        reads=("vocab", "dataset", "pretrain"),
        configs=("evaluate",),
        per_run=True,
        processes=True,
        named=True,
    ),
    Stage(name="export", reads=("corpus", "vocab", "dataset", "pretrain"), configs=("export",), per_run=True),
)
STAGES = {stage.name: stage for stage in _TABLE}
"""Name -> stage, each after the stages that it reads."""
