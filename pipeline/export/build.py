"""STAGE export: a pretrained model -> a folder that transformers opens, with both heads, tokenizer and card.

A LUKE gets what fine-tuning expects of the published ones (upstream's convert script): marker tokens `<ent>` and
`<ent2>` after the words, their embeddings copies of "@" and "#", and a second mask [MASK2] after the entities, a copy
of [MASK]. A words-only model becomes a `RobertaForMaskedLM` folder, from which a LUKE can start as from roberta-base.
"""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import save_file
from transformers import PretrainedConfig

from pipeline.execution.console import console
from pipeline.execution.context import Context
from pipeline.export.card import card
from pipeline.export.config import ExportConfig
from pipeline.export.tokenizer import MARKER_SOURCES, copy_word_tokenizer, write_luke_tokenizer
from pipeline.model.weights import ENTITY_ROWS, WORD_ROWS, to_transformers
from pipeline.pretrain.data import trained_model
from pipeline.records import SECOND_MASK
from pipeline.store.artefact import Artefact, open_artefact
from pipeline.store.builder import begin
from pipeline.store.files import read_json, atomic_write
from pipeline.store.layout import Layout
from pipeline.vocab.entities import MASK, EntityVocab
from pipeline.vocab.specials import MARKERS
from pipeline.vocab.words import load


def build(config: ExportConfig, context: Context) -> None:
    """Write the run's model for transformers."""
    layout = context.layout
    parents = {stage: open_artefact(layout.folder(stage), stage=stage) for stage in ("vocab", "dataset", "pretrain")}
    job = begin(
        layout.folder("export"),
        stage="export",
        config=config,
        parents={name: parent.fingerprint for name, parent in parents.items()},
        overwrite=context.overwrite,
    )
    if job is None:
        console.print(f"export: {layout.folder('export')} is up to date")
        return
    model = trained_model(parents["pretrain"])
    luke = model.dimensions.entity_vocab_size > 0
    weights, settings = to_transformers(model, attention=config.attention)
    words = parents["vocab"].folder / "words"
    if luke:
        add_markers(weights, settings, words)
        max_mention = parents["dataset"].manifest["config"]["max_mention"]
        entities = EntityVocab.open(parents["vocab"].folder / "entities.parquet")
        write_luke_tokenizer(words, entities, job.folder, max_mention=max_mention)
    else:
        copy_word_tokenizer(words, job.folder)
    save_file(weights, job.folder / "model.safetensors", metadata={"format": "pt"})
    settings.save_pretrained(job.folder)
    with atomic_write(job.folder / "README.md") as file:
        file.write(described(config, layout, parents, luke=luke))
    artefact = job.finish({"parameters": sum(tensor.numel() for tensor in weights.values())})
    console.print(f"export: {settings.architectures[0]} in {artefact.folder}")


def add_markers(weights: dict[str, torch.Tensor], settings: PretrainedConfig, words: Path) -> None:
    """Append the rows of `<ent>`, `<ent2>` and [MASK2] to `weights`, and count them in `settings`."""
    vocab = load(words)
    ids = vocab.tokenizer.get_vocab()
    sources = [ids.get(token, vocab.unk) for token in MARKER_SOURCES]
    for name, tensor in weights.items():
        if name in WORD_ROWS:
            weights[name] = torch.cat([tensor, tensor[sources]])
        elif name in ENTITY_ROWS:
            weights[name] = torch.cat([tensor, tensor[[MASK]]])
    settings.vocab_size += len(MARKERS)
    settings.entity_vocab_size += len([SECOND_MASK])


def described(config: ExportConfig, layout: Layout, parents: dict[str, Artefact], *, luke: bool) -> str:
    corpus = open_artefact(layout.folder("corpus"), stage="corpus")
    return card(
        run=layout.run,
        sentencepiece=not (layout.folder("vocab") / "words" / "vocab.json").exists(),
        language=read_json(corpus.folder / "site.json")["language"],
        dump=layout.root.name,
        own=corpus.manifest["config"]["source"] == "jsonl",
        entities=luke,
        attention=config.attention,
        training=parents["pretrain"].manifest,
        parents={name: parent.fingerprint for name, parent in parents.items()},
    )
