"""STAGE export: a pretrained model -> a folder that transformers opens, with both heads, tokenizer and card.

A LUKE gets what fine-tuning expects of the published models (upstream's convert script): marker tokens `<ent>` and
`<ent2>` after the words, whose embeddings are copies of "@" and "#", and a second mask [MASK2] after the entities, a
copy of [MASK]. A words-only model becomes a `RobertaForMaskedLM` folder, from which a LUKE can start as from
roberta-base.
"""

from __future__ import annotations

import torch
from safetensors.torch import save_file
from transformers import PretrainedConfig

from pipeline.corpus.artefact import Corpus
from pipeline.dataset.artefact import Dataset
from pipeline.execution.console import console
from pipeline.execution.context import Context
from pipeline.export.artefact import CARD, WEIGHTS
from pipeline.export.card import render_card
from pipeline.export.config import ExportConfig
from pipeline.export.tokenizer import MARKER_SOURCES, copy_word_tokenizer, write_luke_tokenizer
from pipeline.model.weights import ENTITY_ROW_TENSORS, WORD_ROW_TENSORS, to_transformers
from pipeline.pretrain.artefact import Training
from pipeline.records import SECOND_MASK
from pipeline.store.files import atomic_write
from pipeline.vocab.artefact import Vocab
from pipeline.vocab.entities import MASK
from pipeline.vocab.specials import ENTITY_MARKERS
from pipeline.vocab.words import WordVocab


def build(config: ExportConfig, context: Context) -> None:
    """Write the run's model for transformers.

    Raises:
        PipelineError: an artefact that it reads is missing or unfinished.
    """
    layout = context.layout
    vocab, dataset, training = Vocab.open(layout), Dataset.open(layout), Training.open(layout)
    parents = {"vocab": vocab.fingerprint, "dataset": dataset.fingerprint, "pretrain": training.fingerprint}
    builder = context.begin("export", config, parents)
    if builder is None:
        return
    model = training.load_model()
    has_entities = model.dimensions.entity_vocab_size > 0
    weights, settings = to_transformers(model, attention=config.attention)
    if has_entities:
        add_markers(weights, settings, vocab.words)
        write_luke_tokenizer(
            vocab.words_folder, vocab.entities, builder.folder, max_mention_length=dataset.max_mention_length
        )
    else:
        copy_word_tokenizer(vocab.words_folder, builder.folder)
    save_file(weights, builder.folder / WEIGHTS, metadata={"format": "pt"})
    settings.save_pretrained(builder.folder)
    corpus = Corpus.open(layout)
    card = render_card(
        run=layout.run,
        sentencepiece=vocab.words.is_sentencepiece,
        language=corpus.language,
        dump=layout.root.name,
        is_own_text=corpus.is_own_text,
        entities=has_entities,
        attention=config.attention,
        training=training,
        parents=parents,
    )
    with atomic_write(builder.folder / CARD) as file:
        file.write(card)
    artefact = builder.finish({"parameters": sum(tensor.numel() for tensor in weights.values())})
    console.print(f"export: {settings.architectures[0]} in {artefact.folder}")


def add_markers(weights: dict[str, torch.Tensor], settings: PretrainedConfig, words: WordVocab) -> None:
    """Append the rows of `<ent>`, `<ent2>` and [MASK2] to `weights`, and count them in `settings`."""
    ids = words.tokenizer.get_vocab()
    sources = [ids.get(token, words.unk) for token in MARKER_SOURCES]
    for name, tensor in weights.items():
        if name in WORD_ROW_TENSORS:
            weights[name] = torch.cat([tensor, tensor[sources]])
        elif name in ENTITY_ROW_TENSORS:
            weights[name] = torch.cat([tensor, tensor[[MASK]]])
    settings.vocab_size += len(ENTITY_MARKERS)
    settings.entity_vocab_size += len([SECOND_MASK])
