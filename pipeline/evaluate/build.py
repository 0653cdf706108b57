"""STAGE evaluate: a pretrained model on held-out pages -> metrics.json, loss_curves.png.

Each Example is masked once, with masks that are a function of the seed alone. Entities are reported over all that were
scored and, with the suffix `_seen`, over those that occur in the training Examples. Training Examples are measured
too, behind masks the training did not use: what was learned at all, beside what carries over to new pages.
"""

from __future__ import annotations

import numpy as np
import torch
from rich.table import Table

from pipeline.evaluate.config import EvaluateConfig
from pipeline.evaluate.plots import loss_curves
from pipeline.evaluate.scores import Figures, entity_figures, score, train_figures, word_figures
from pipeline.evaluate.unigram import Unigram
from pipeline.execution.console import console
from pipeline.execution.context import Context
from pipeline.pretrain.batches import Ints, in_turn
from pipeline.pretrain.data import Data, trained_model
from pipeline.store.artefact import open_artefact
from pipeline.store.builder import begin
from pipeline.store.files import write_json
from pipeline.vocab.entities import MASK


def build(config: EvaluateConfig, context: Context) -> None:
    """Measure the run's model."""
    layout = context.layout
    parents = {stage: open_artefact(layout.folder(stage), stage=stage) for stage in ("vocab", "dataset", "pretrain")}
    job = begin(
        layout.folder("evaluate"),
        stage="evaluate",
        config=config,
        parents={name: parent.fingerprint for name, parent in parents.items()},
        overwrite=context.overwrite,
    )
    if job is None:
        console.print(f"evaluate: {layout.folder('evaluate')} is up to date")
        return
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    data = Data.open(layout, masking=config.masking, entities=config.entities, seed=config.seed)
    model = trained_model(parents["pretrain"]).to(device)

    masker = data.masker(data.validation, phase=0)
    words, entities = score(model, in_turn(masker, np.arange(len(data.validation)), config.micro_batch_tokens), device)
    figures = word_figures(words, word_unigram(data))
    if config.entities:
        unigram = entity_unigram(data, config)
        seen = unigram.counts[entities.labels] > 0
        figures |= entity_figures(entities, unigram) | entity_figures(entities.where(seen), unigram, "_seen")
        masker = data.masker(data.train, phase=0)
        chosen = some_of(len(data.train), config.train_examples, config.seed)
        _, trained = score(model, in_turn(masker, chosen, config.micro_batch_tokens), device)
        figures |= train_figures(trained, unigram)

    write_json(job.folder / "metrics.json", figures)
    baselines = {"word_loss": figures["unigram_word_loss"], "entity_loss": figures.get("unigram_entity_loss")}
    loss_curves(layout.folder("pretrain") / "metrics.jsonl", baselines, job.folder / "loss_curves.png")
    artefact = job.finish({name: int(value or 0) for name, value in figures.items() if "_scored" in name})
    show(figures)
    console.print(f"evaluate: figures and curves in {artefact.folder}")


def some_of(length: int, most: int, seed: int) -> Ints:
    """At most `most` of `length` indices, drawn by `seed`."""
    return np.random.default_rng(seed).permutation(length)[:most]


def word_unigram(data: Data) -> Unigram:
    ids = (block.words for block in data.train.blocks)
    return Unigram.of(ids, size=data.words.size, never=np.flatnonzero(data.words.special))


def entity_unigram(data: Data, config: EvaluateConfig) -> Unigram:
    """[UNK] counts only where it is a target."""
    first = MASK + 1
    never = np.setdiff1d(np.arange(first), [1] if config.masking.unknown_entities else [])
    ids = (block.entities for block in data.train.blocks)
    return Unigram.of(ids, size=data.entity_vocab_size, never=never)


def show(figures: Figures) -> None:
    """metrics.json as a table: a figure a row, its baseline beside it."""
    table = Table("", "model", "unigram", "scored", box=None)
    rows = [
        ("words, held out: loss", "word_loss", "unigram_word_loss", "words_scored"),
        ("words, held out: accuracy", "word_accuracy", None, "words_scored"),
        ("entities, training pages masked afresh: loss", "train_entity_loss", "train_unigram_entity_loss",
         "train_entities_scored"),
        *(
            (f"entities, held out{told}: {name}", key + suffix, base and base + suffix, "entities_scored" + suffix)
            for suffix, told in (("", ""), ("_seen", ", seen in training"))
            for name, key, base in (
                ("loss", "entity_loss", "unigram_entity_loss"),
                ("accuracy", "entity_accuracy", None),
                ("MRR", "entity_mrr", None),
                ("hits@10", "entity_hits_at_10", "unigram_entity_hits_at_10"),
            )
        ),
    ]  # fmt: skip
    for label, key, base, scored in rows:
        if key in figures:
            table.add_row(label, number(figures[key]), number(figures[base]) if base else "", str(figures[scored]))
    console.print(table)


def number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
