"""STAGE evaluate: a pretrained model and held-out pages -> metrics.json, mentions.parquet, report.html.

Each held-out example is masked once, with masks that are a function of the seed and its index. The model is scored on
it, and so are far simpler rivals, which were fitted on the run's training pages (`rivals/`). Probes hide a
mention, or move it into another context, to find out what a prediction rests on. A sample of training examples is
scored too, with masks that the training did not use; the held-out examples show how much of what is learned
generalizes.

Processes are accelerate's, as in pretrain: each scores a part of the batches, and the main one fits the rivals and
writes. With `evaluate.runs`, finished evaluations are compared instead.
"""

from __future__ import annotations

import numpy as np
from accelerate import Accelerator

from pipeline.errors import PipelineError
from pipeline.evaluate.artefact import (
    CHECKPOINT_CURVES,
    CHECKPOINTS,
    LOSS_CURVES,
    MENTIONS,
    METRICS,
    MODEL,
    REPORT,
    STRONGEST,
)
from pipeline.evaluate.breakdown import ambiguity_groups, frequency_groups
from pipeline.evaluate.checkpoints import CheckpointFigures, checkpoint_records, measure_checkpoints
from pipeline.evaluate.compare_runs import compare_runs
from pipeline.evaluate.config import EvaluateConfig
from pipeline.evaluate.console_table import render_evaluation
from pipeline.evaluate.fit_rivals import (
    EntityRivals,
    entity_unigram,
    fit_entity_rivals,
    score_rivals,
    score_word_rivals,
)
from pipeline.evaluate.inputs import Inputs, kept_examples
from pipeline.evaluate.measure import Measured, Meter
from pipeline.evaluate.mention_rows import mention_table, write_mentions
from pipeline.evaluate.mentions import page_numbers
from pipeline.evaluate.plots import plot_checkpoint_curves, plot_loss_curves
from pipeline.evaluate.report.write import write_report
from pipeline.evaluate.scores import Figures, mean_or_none
from pipeline.evaluate.summary import difference_summary, entity_summary, group_summary, word_summary
from pipeline.execution.console import console, spinner
from pipeline.execution.context import Context
from pipeline.io.arrow import Int64Array
from pipeline.pretrain.metrics_file import read_metrics
from pipeline.pretrain.parallel import run_on_main_process
from pipeline.store.builder import ArtefactBuilder
from pipeline.store.files import write_json
from pipeline.store.manifest import Counts


def build(config: EvaluateConfig, context: Context) -> None:
    """Measure the run's model, or the one that the config names, on held-out pages.

    Raises:
        PipelineError: an artefact that it reads is missing or unfinished, or dataset, model and run do not belong
            together.
    """
    accelerator = Accelerator(mixed_precision="no")
    if config.runs:
        if accelerator.is_main_process:
            compare_runs(config.runs, context.layout)
        return
    inputs = Inputs.open(config, context.layout)
    builder = run_on_main_process(lambda: context.begin("evaluate", config, inputs.parents()), accelerator)
    if builder is None:
        return
    try:
        left_out, model = inputs.left_out_pages(), inputs.load_model()
    except PipelineError:
        if accelerator.is_main_process:
            builder.abandon()
        raise
    examples = kept_examples(inputs.data.validation.page_ids, left_out)
    meter = Meter(inputs, accelerator, examples)
    with spinner("score the model", shown=accelerator.is_main_process):
        measured = meter.measure(model.to(accelerator.device))
        curves = measure_checkpoints(meter) if config.checkpoints else []
    if accelerator.is_main_process:
        metrics: Figures = {"pages.count": count_pages(inputs, examples), "pages.left_out": len(left_out)}
        entity_rivals: EntityRivals = {}
        with spinner("score the rivals"):
            rivals = score_word_rivals(inputs, measured.words)
            metrics |= word_summary({MODEL: measured.visible.scores.words, **rivals})
            if config.entities:
                entity_rivals = fit_entity_rivals(inputs, entity_unigram(inputs))
                metrics |= write_entities(inputs, entity_rivals, measured, builder)
        write_json(builder.folder / METRICS, metrics)
        with spinner("draw the curves and the report"):
            write_curves(inputs, curves, metrics, builder)
            write_report(inputs, entity_rivals, builder.folder)
        artefact = builder.finish(account(metrics), processes=accelerator.num_processes)
        console.print(render_evaluation(metrics))
        console.print(f"evaluate: the report is {artefact.folder / REPORT}; all figures are beside it")


def count_pages(inputs: Inputs, examples: Int64Array) -> int:
    """Return the number of pages that the examples come from."""
    return len(np.unique(page_numbers(inputs.data.validation)[examples]))


def write_entities(inputs: Inputs, rivals: EntityRivals, measured: Measured, builder: ArtefactBuilder) -> Figures:
    """Score the rivals of the entities, write mentions.parquet and return the keys of the entities."""
    unigram = entity_unigram(inputs)
    settings = {
        "visible": measured.visible,
        "hidden": measured.hidden,
        "moved": measured.moved,
        "train": measured.train,
    }
    scores = {
        setting: {MODEL: part.scores.entities, **score_rivals(rivals, setting, part.mentions)}
        for setting, part in settings.items()
    }
    mentions, data = measured.visible.mentions, inputs.data
    assert data.entity_vocab is not None  # config.entities
    groupings = {
        "frequency": frequency_groups(mentions.labels, unigram),
        "ambiguity": ambiguity_groups(mentions, data.train, unigram),
    }
    pages = page_numbers(data.validation)[mentions.example_ids]
    metrics: Figures = {}
    for setting, parts in scores.items():
        metrics |= entity_summary(setting, parts)
    for setting in STRONGEST:
        metrics |= difference_summary(setting, scores[setting], pages, inputs.config.seed)
        for grouping, groups in groupings.items():
            metrics |= group_summary(setting, grouping, groups, scores[setting])
    hosts = mentions.labels[measured.pairs.hosts[measured.moved.mentions.example_ids]]
    metrics["entities.moved.host"] = mean_or_none(measured.moved.scores.choices == hosts)
    metrics["entities.moved.left_out"] = measured.unpaired
    table = mention_table(
        mentions,
        data.validation,
        words=data.word_vocab,
        entities=data.entity_vocab,
        unigram=unigram,
        groupings=groupings,
        visible=scores["visible"],
        hidden=scores["hidden"],
    )
    write_mentions(table, builder.folder / MENTIONS)
    return metrics


def write_curves(
    inputs: Inputs, checkpoints: list[CheckpointFigures], metrics: Figures, builder: ArtefactBuilder
) -> None:
    """Draw the run's losses, and the figures of its checkpoints if they were scored."""
    if inputs.config.model is None:
        plot_loss_curves(read_metrics(inputs.training.metrics), metrics, builder.folder / LOSS_CURVES)
    if checkpoints:
        write_json(builder.folder / CHECKPOINTS, checkpoint_records(checkpoints))
        plot_checkpoint_curves(checkpoints, metrics, builder.folder / CHECKPOINT_CURVES)


def account(metrics: Figures) -> Counts:
    """Return the counts for the manifest: pages, words and entities, without those of groups."""
    names = (key.split(".") for key in metrics)
    keys = (".".join(parts) for parts in names if len(parts) < 4 and parts[-1] in ("count", "left_out"))
    return {key: int(metrics[key] or 0) for key in keys}
