"""STAGE pretrain: dataset + RoBERTa -> LUKE (or, words only, dataset -> RoBERTa).

Processes are accelerate's: one on this machine, or as many as `accelerate launch` has started. Each of them runs
`build`; the main process opens and finishes the artefact.

A finished run can be extended: append phases, keep everything else and set overwrite=true, and the new run starts from
the finished run's last checkpoint. A phase begins with a fresh optimizer, and everything random depends on
(seed, phase, step), so the result equals training all phases from scratch, to the bit. The finished run keeps its
folder until then.
"""

from __future__ import annotations

import torch
from accelerate import Accelerator

from pipeline.dataset.artefact import Dataset
from pipeline.errors import PipelineError
from pipeline.execution.console import console
from pipeline.execution.context import Context
from pipeline.model.config import ModelConfig
from pipeline.model.from_checkpoint import make_initial_model
from pipeline.model.hf_checkpoint import checkpoint_fingerprint
from pipeline.model.weights import save_model
from pipeline.pretrain import checkpoint
from pipeline.pretrain.artefact import CHECKPOINTS, MODEL, Training
from pipeline.pretrain.compatibility import check_compatibility
from pipeline.pretrain.config import PretrainConfig
from pipeline.pretrain.data import TrainingData
from pipeline.pretrain.metrics import MetricsWriter
from pipeline.pretrain.parallel import fsdp_requested, run_on_main_process
from pipeline.pretrain.signals import StopFlag
from pipeline.pretrain.train import Trainer
from pipeline.store.builder import ArtefactBuilder
from pipeline.store.files import copy_text
from pipeline.store.layout import METRICS_FILE
from pipeline.store.manifest import Recordable, fingerprinted_part
from pipeline.vocab.artefact import Vocab


def build(config: PretrainConfig, model_config: ModelConfig, context: Context) -> None:
    """Train the run's model, or resume training it.

    Raises:
        PipelineError: an artefact that it reads is missing, the checkpoint to start from does not fit, or the loss
            diverges.
        SystemExit: with code 85 after a checkpoint, because a signal asked the run to stop.
    """
    accelerator = Accelerator(mixed_precision=config.precision)
    builder = run_on_main_process(
        lambda: begin_or_extend(config, model_config, context, accelerator.num_processes), accelerator
    )
    if builder is None:
        return
    data = TrainingData.open(context.layout, masking=config.masking, entities=model_config.entities, seed=config.seed)
    initial = make_initial_model(
        model_config,
        init_from=config.init_from,
        words=data.word_vocab,
        entities=data.entity_vocab,
        language=data.language,
        generator=torch.Generator().manual_seed(config.seed),
    )
    if initial.coverage and accelerator.is_main_process:
        console.print(f"pretrain: {initial.coverage}")
    check_compatibility(config, initial.model, data, accelerator.num_processes)
    with StopFlag() as stop, MetricsWriter(builder.folder, config, accelerator) as metrics:
        trainer = Trainer(config, accelerator, initial.model, data, metrics, stop, builder.folder)
        trainer.print_plan()
        trained = trainer.run()
    if accelerator.is_main_process:
        save_model(trained, builder.folder / MODEL)
        counts = trainer.counts() | initial.counts
        artefact = builder.finish(counts, processes=accelerator.num_processes, sharded=fsdp_requested())
        console.print(f"pretrain: {artefact.folder} is finished")
    accelerator.wait_for_everyone()


def begin_or_extend(
    config: PretrainConfig, model_config: ModelConfig, context: Context, process_count: int
) -> ArtefactBuilder | None:
    """Begin the artefact, with the checkpoints of a finished run that it extends; None if it is up to date.

    Raises:
        PipelineError: as `Context.begin`, or a finished run would be extended without overwrite=true.
    """
    layout = context.layout
    parents = {"vocab": Vocab.open(layout).fingerprint, "dataset": Dataset.open(layout).fingerprint}
    if config.init_from:
        parents["init_from"] = checkpoint_fingerprint(config.init_from)
    record: dict[str, Recordable] = {
        "pretrain": config,
        "model": model_config,
        "phases": list(config.phases),
    }  # JSON objects keep no order
    if config.loss_normalization == "micro_batch":  # then the result depends on how the batch is split
        record["micro_batches"] = {"tokens": config.micro_batch_tokens, "processes": process_count}
    finished = Training.open_if_finished(layout)
    added = finished.phases_added_by(fingerprinted_part(record), parents) if finished else []
    if finished and added and not context.overwrite:
        raise PipelineError(
            f"{finished.folder} is finished, and the phases {', '.join(added)} would extend it: overwrite=true trains "
            f"them and replaces it with the longer run, run.name=... trains all phases in a folder of its own."
        )
    builder = context.begin("pretrain", record, parents)
    if builder and finished and added:
        checkpoint.link_from_finished_run(builder.folder / CHECKPOINTS, finished.folder / CHECKPOINTS)
        copy_text(finished.metrics, builder.folder / METRICS_FILE)
    return builder
