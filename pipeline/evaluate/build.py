"""STAGE evaluate: a pretrained model and held-out pages -> metrics.json, loss_curves.png.

Each example is masked once, with masks that are a function of the seed alone. Entity metrics are reported over all
entities that were scored and, with the suffix `_seen`, over those that occur in the training examples. A sample of
training examples is scored too, with masks that the training did not use. It shows what the model has learned; the
held-out examples show how much of it generalizes to new pages.
"""

from __future__ import annotations

import numpy as np
import torch
from rich.table import Table

from pipeline.dataset.artefact import Dataset
from pipeline.evaluate.artefact import LOSS_CURVES, METRICS
from pipeline.evaluate.config import EvaluateConfig
from pipeline.evaluate.plots import plot_loss_curves
from pipeline.evaluate.scores import MetricValues, entity_metrics, score_batches, train_metrics, word_metrics
from pipeline.evaluate.unigram import Unigram
from pipeline.execution.console import console
from pipeline.execution.context import Context
from pipeline.io.arrow import Int64Array
from pipeline.pretrain.artefact import Training
from pipeline.pretrain.batches import eval_batches
from pipeline.pretrain.data import TrainingData
from pipeline.store.files import write_json
from pipeline.vocab.artefact import Vocab
from pipeline.vocab.entities import FIRST_TITLE, UNK


def build(config: EvaluateConfig, context: Context) -> None:
    """Measure the run's model on the dataset's held-out examples.

    Raises:
        PipelineError: an artefact that it reads is missing or unfinished.
    """
    layout = context.layout
    vocab, dataset, training = Vocab.open(layout), Dataset.open(layout), Training.open(layout)
    parents = {"vocab": vocab.fingerprint, "dataset": dataset.fingerprint, "pretrain": training.fingerprint}
    builder = context.begin("evaluate", config, parents)
    if builder is None:
        return
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    data = TrainingData.open(layout, masking=config.masking, entities=config.entities, seed=config.seed)
    model = training.load_model().to(device)

    masker = data.masker(data.validation, phase=0)
    words, entities = score_batches(
        model, eval_batches(masker, np.arange(len(data.validation)), config.micro_batch_tokens), device
    )
    metrics = word_metrics(words, word_unigram(data))
    if config.entities:
        unigram = entity_unigram(data, config)
        seen_in_training = unigram.counts[entities.labels] > 0
        metrics |= entity_metrics(entities, unigram) | entity_metrics(
            entities.select(seen_in_training), unigram, "_seen"
        )
        masker = data.masker(data.train, phase=0)
        chosen = subsample(len(data.train), config.train_examples, config.seed)
        _, trained = score_batches(model, eval_batches(masker, chosen, config.micro_batch_tokens), device)
        metrics |= train_metrics(trained, unigram)

    write_json(builder.folder / METRICS, metrics)
    baselines = {"word_loss": metrics["unigram_word_loss"], "entity_loss": metrics.get("unigram_entity_loss")}
    plot_loss_curves(training.metrics, baselines, builder.folder / LOSS_CURVES)
    artefact = builder.finish({name: int(value or 0) for name, value in metrics.items() if "_scored" in name})
    print_metrics(metrics)
    console.print(f"evaluate: metrics and curves in {artefact.folder}")


def subsample(length: int, limit: int, seed: int) -> Int64Array:
    """Return at most `limit` of the indices from 0 to `length` - 1, in random order."""
    return np.random.default_rng(seed).permutation(length)[:limit]


def word_unigram(data: TrainingData) -> Unigram:
    """Return the unigram model of the training examples' tokens, special ones excluded."""
    ids = (block.word_ids for block in data.train.blocks)
    return Unigram.from_ids(ids, size=data.word_vocab.size, excluded=np.flatnonzero(data.word_vocab.special))


def entity_unigram(data: TrainingData, config: EvaluateConfig) -> Unigram:
    """Return the unigram model of the training examples' entities; [UNK] counts only if it can be masked."""
    never = np.setdiff1d(np.arange(FIRST_TITLE), [UNK] if config.masking.unknown_entities else [])
    ids = (block.entity_ids for block in data.train.blocks)
    return Unigram.from_ids(ids, size=data.entity_vocab_size, excluded=never)


def print_metrics(metrics: MetricValues) -> None:
    """Print metrics.json as a table, with the model's value and the baseline's side by side."""
    table = Table("", "model", "unigram", "scored", box=None)
    rows = [
        ("words, held out: loss", "word_loss", "unigram_word_loss", "words_scored"),
        ("words, held out: accuracy", "word_accuracy", None, "words_scored"),
        ("entities, training pages with new masks: loss", "train_entity_loss", "train_unigram_entity_loss",
         "train_entities_scored"),
        *(
            (f"entities, held out{which}: {name}", key + suffix, base and base + suffix, "entities_scored" + suffix)
            for suffix, which in (("", ""), ("_seen", ", seen in training"))
            for name, key, base in (
                ("loss", "entity_loss", "unigram_entity_loss"),
                ("accuracy", "entity_accuracy", None),
                ("MRR", "entity_mrr", None),
                ("hits@10", "entity_hits_at_10", "unigram_entity_hits_at_10"),
            )
        ),
    ]  # fmt: skip
    for title, key, base, scored in rows:
        if key in metrics:
            baseline = format_number(metrics[base]) if base else ""
            table.add_row(title, format_number(metrics[key]), baseline, str(metrics[scored]))
    console.print(table)


def format_number(value: float | None) -> str:
    """Return the value with three decimals; "-" if there is none."""
    return "-" if value is None else f"{value:.3f}"
