"""A config, a small model's sizes and a ragged batch: three documents, one of them without entities."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import torch
from tokenizers import Tokenizer, models

from pipeline.model.config import ModelConfig
from pipeline.model.dimensions import Dimensions
from pipeline.model.from_checkpoint import initial_model
from pipeline.model.luke import Luke
from pipeline.records import SPECIAL_ENTITIES, Batch
from pipeline.vocab.entities import EntityVocab
from pipeline.vocab.words import WordVocab

VOCAB, ENTITIES = 50, 20


def config(**changes: object) -> ModelConfig:
    values: dict[str, object] = {
        "attention": "entity_aware",
        "backend": "auto",
        "body": None,
        "entities": True,
        "entity_embedding": 16,
        "entity_start": "random",
        "dropout": 0.1,
        "attention_dropout": 0.1,
        "gradient_checkpointing": False,
        "logits_bytes": 2_000_000_000,
    }
    return ModelConfig(**(values | changes))  # type: ignore[arg-type]


def word_vocab(size: int = VOCAB, tokenizer: Tokenizer | None = None) -> WordVocab:
    """A tokenizer with RoBERTa's special ids; of tokens t0, t1, ... where none is given."""
    ids = {f"t{index}": index for index in range(size)}
    return WordVocab(
        tokenizer or Tokenizer(models.BPE(vocab=ids, merges=[])), size, bos=0, pad=1, eos=2, unk=3, mask=size - 1,
        word_starts=np.ones(size, dtype=bool), word_ends=np.zeros(size, dtype=bool),
        bare_spaces=np.zeros(size, dtype=bool), special=np.isin(np.arange(size), [0, 1, 2, 3, size - 1]), spaces="",
    )  # fmt: skip


def entity_vocab(**counts: int) -> EntityVocab:
    """Entities with ids from 3 on, in the order given; without any, so many that there are ENTITIES."""
    counts = counts or {f"E{index}": 1 for index in range(3, ENTITIES)}
    return EntityVocab(pa.array([*SPECIAL_ENTITIES, *counts]), np.array([0, 0, 0, *counts.values()]))


def started(folder: Path, seed: int = 0, **changes: object) -> Luke:
    """A model of VOCAB words and ENTITIES entities that starts from `folder`."""
    return initial_model(
        config(**changes), start=str(folder), words=word_vocab(), entities=entity_vocab(), language="en",
        generator=torch.Generator().manual_seed(seed),
    ).model  # fmt: skip


def dimensions(**changes: object) -> Dimensions:
    values: dict[str, object] = {
        "vocab_size": VOCAB,
        "entity_vocab_size": ENTITIES,
        "layers": 2,
        "hidden": 32,
        "heads": 4,
        "intermediate": 64,
        "max_positions": 40,
        "type_vocab_size": 1,
        "layer_norm_eps": 1e-5,
        "entity_embedding": 16,
        "attention": "entity_aware",
        "dropout": 0.0,
        "attention_dropout": 0.0,
        "backend": "auto",
        "gradient_checkpointing": False,
        "logits_bytes": 2_000_000_000,
    }
    return Dimensions(**(values | changes))  # type: ignore[arg-type]


def made(dims: Dimensions, seed: int = 0) -> Luke:
    """A model whose every parameter is random, biases and LayerNorm too, so that none can be forgotten unseen."""
    model = Luke(dims)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            parameter.normal_(0.0, 0.3, generator=generator)
            if "LayerNorm.weight" in name or "layer_norm.weight" in name:
                parameter.add_(1.0)
    return model


MENTIONS = [[[1, 2, 3], [5], [5, 6]], [], [[2, 3]]]
"""Positions of each document's mentions; 0 is `<s>`."""


def ragged() -> Batch:
    """Lengths 12, 7 and 4 of words, 3, 0 and 1 of entities; targets in the first and the last document."""
    words = torch.randint(4, VOCAB, (3, 12), generator=torch.Generator().manual_seed(1))
    word_lengths = torch.tensor([12, 7, 4])
    words[:, 0] = 0
    for row, length in enumerate(word_lengths):
        words[row, length - 1] = 2
        words[row, length:] = 1
    entities = torch.tensor([[5, 2, 19], [0, 0, 0], [2, 0, 0]])
    flat = [mention for document in MENTIONS for mention in document + [[]] * (3 - len(document))]
    lengths = torch.tensor([len(mention) for mention in flat])
    return Batch(
        example_ids=torch.arange(3),
        word_ids=words,
        word_lengths=word_lengths,
        entity_ids=entities,
        entity_lengths=torch.tensor([3, 0, 1]),
        mention_positions=torch.tensor([position for mention in flat for position in mention]),
        mention_offsets=lengths.cumsum(0) - lengths,
        word_targets=torch.tensor([1, 4, 9, 26]),
        word_labels=torch.tensor([7, 8, 49, 4]),
        entity_targets=torch.tensor([1, 6]),
        entity_labels=torch.tensor([3, 19]),
    )


def without_entities(batch: Batch) -> Batch:
    """The same words, with E = 0."""
    none = torch.empty(0, dtype=torch.int64)
    return Batch(
        batch.example_ids, batch.word_ids, batch.word_lengths,
        entity_ids=none.view(3, 0), entity_lengths=torch.zeros(3, dtype=torch.int64),
        mention_positions=none, mention_offsets=none,
        word_targets=batch.word_targets, word_labels=batch.word_labels, entity_targets=none, entity_labels=none,
    )  # fmt: skip
