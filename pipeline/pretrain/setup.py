"""What must hold before a training's first step: its folder, its parents, and that config, data and processes fit.

A finished training can be extended: with phases behind those that it ended with, all else equal, and overwrite=true, a
new training of the whole line of phases takes the finished one's last checkpoint as its own. A phase begins with a
fresh optimizer and everything random is a function of (seed, phase, step), so the result is the one of a training of
all phases from the start, to the bit, and the finished one stays where it is until then.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from accelerate import Accelerator
from accelerate.utils import broadcast_object_list

from pipeline.errors import PipelineError
from pipeline.execution.console import console
from pipeline.execution.context import Context
from pipeline.model.config import ModelConfig
from pipeline.model.dimensions import WORD_PAD
from pipeline.model.from_checkpoint import start_fingerprint
from pipeline.model.luke import Luke
from pipeline.pretrain import checkpoint
from pipeline.pretrain.config import PretrainConfig
from pipeline.pretrain.data import Data
from pipeline.pretrain.metrics import FILE
from pipeline.store.artefact import open_artefact
from pipeline.store.builder import ArtefactBuilder, begin
from pipeline.store.files import copied, read_json
from pipeline.store.layout import MANIFEST
from pipeline.store.manifest import recorded

CHECKPOINTS = "checkpoints"
"""Folder of the checkpoints inside pretrain/<run>/."""


def begun(config: PretrainConfig, model_config: ModelConfig, context: Context, accelerator: Accelerator) -> ArtefactBuilder | None:
    """The stage's job, opened by the main process and known to all; None when there is nothing to do.

    Raises:
        PipelineError: on every process, whatever stops the main one.
    """
    outcome: list[Any] = [None]
    if accelerator.is_main_process:
        try:
            outcome = [opened(config, model_config, context, accelerator.num_processes)]
        except PipelineError as error:
            outcome = [error]
    broadcast_object_list(outcome)
    if isinstance(outcome[0], PipelineError):
        raise outcome[0]
    job: ArtefactBuilder | None = outcome[0]
    return job


def opened(config: PretrainConfig, model_config: ModelConfig, context: Context, processes: int) -> ArtefactBuilder | None:
    target = context.layout.folder("pretrain")
    parents = {
        stage: open_artefact(context.layout.folder(stage), stage=stage).fingerprint for stage in ("vocab", "dataset")
    }
    if config.start:
        parents["start"] = start_fingerprint(config.start)
    # a JSON object keeps no order, and the phases have one
    both: dict[str, Any] = {"pretrain": config, "model": model_config, "phases": list(config.phases)}
    if config.objective == "micro_batch_means":  # what is else a matter of speed is part of this objective
        both["micro_batches"] = {"tokens": config.micro_batch_tokens, "processes": processes}
    added = added_phases(target, recorded(both), parents)
    if added and not context.overwrite:
        raise PipelineError(
            f"{target} is finished, and the phases {', '.join(added)} would go on from where it ended: "
            f"overwrite=true trains them and puts the longer training in its place, run.name=... trains all phases "
            f"beside it."
        )
    job = begin(target, stage="pretrain", config=both, parents=parents, overwrite=context.overwrite)
    if job is None:
        console.print(f"pretrain: {target} is up to date")
    elif added:
        checkpoint.bring(job.folder / CHECKPOINTS, target / CHECKPOINTS)
        copied(target / FILE, job.folder / FILE)
    return job


def added_phases(target: Path, wanted: dict[str, Any], parents: dict[str, Any]) -> list[str]:
    """The phases that `wanted` has behind those of the finished training in `target`; none where more than that, or
    nothing, differs."""
    if not (target / MANIFEST).is_file():
        return []
    manifest = read_json(target / MANIFEST)
    found, phases = manifest["config"], wanted["pretrain"]["phases"]
    done, added = (wanted["phases"][: len(found["phases"])], wanted["phases"][len(found["phases"]) :])
    shorter = wanted | {
        "pretrain": wanted["pretrain"] | {"phases": {name: phases[name] for name in done}},
        "phases": done,
    }
    return added if found == shorter and manifest["parents"] == parents else []


def refuse_misfits(config: PretrainConfig, model: Luke, data: Data, processes: int) -> None:
    """Stop before the first step where the data does not fit the model or the processes.

    Raises:
        PipelineError: sequences longer than the model has positions for, or fewer Examples than processes.
    """
    positions = model.dimensions.max_positions - WORD_PAD - 1
    longest = max(int(store.lengths.max(initial=0)) for store in (data.train, data.validation))
    if longest > positions:
        raise PipelineError(
            f"the dataset has sequences of {longest} words, the model positions for {positions}: "
            f"make a dataset with dataset.max_words={positions}, or start from a checkpoint with more positions"
        )
    if config.batch < processes:
        raise PipelineError(
            f"pretrain.batch is {config.batch}, but {processes} processes were started: "
            f"each needs at least one Example of every step"
        )
