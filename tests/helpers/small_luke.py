"""A small LUKE with its config and vocabularies, and a ragged batch of three documents, one without entities."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import torch
from tokenizers import Tokenizer, models
from torch import Tensor

from pipeline.model.config import ModelConfig
from pipeline.model.dimensions import Dimensions
from pipeline.model.from_checkpoint import make_initial_model
from pipeline.model.hf_checkpoint import LUKE, ROBERTA, read_config, read_weights
from pipeline.model.luke import Luke
from pipeline.model.weights import dimensions_from_checkpoint, empty_model, load_strict
from pipeline.records import SPECIAL_ENTITIES, Batch
from pipeline.vocab.entities import EntityVocab
from pipeline.vocab.words import WordVocab

VOCAB_SIZE, ENTITY_VOCAB_SIZE = 50, 20


def model_config(**changes: object) -> ModelConfig:
    """Return a model config, with `changes` applied."""
    values: dict[str, object] = {
        "attention": "entity_aware",
        "backend": "auto",
        "body": None,
        "entities": True,
        "entity_emb_size": 16,
        "entity_init": "random",
        "dropout": 0.1,
        "attention_dropout": 0.1,
        "gradient_checkpointing": False,
        "max_logits_bytes": 2_000_000_000,
    }
    return ModelConfig(**(values | changes))  # type: ignore[arg-type]


def word_vocab(size: int = VOCAB_SIZE, tokenizer: Tokenizer | None = None) -> WordVocab:
    """Return a word vocabulary with RoBERTa's special ids, by default of tokens t0, t1, ..."""
    ids = {f"t{index}": index for index in range(size)}
    return WordVocab(
        tokenizer or Tokenizer(models.BPE(vocab=ids, merges=[])), size, bos=0, pad=1, eos=2, unk=3, mask=size - 1,
        word_starts=np.ones(size, dtype=bool), word_ends=np.zeros(size, dtype=bool),
        bare_spaces=np.zeros(size, dtype=bool), special=np.isin(np.arange(size), [0, 1, 2, 3, size - 1]),
        other_spaces="",
    )  # fmt: skip


def entity_vocab(**counts: int) -> EntityVocab:
    """Return an entity vocabulary: `counts` from id 3 on, by default ENTITY_VOCAB_SIZE entities in all."""
    counts = counts or {f"E{index}": 1 for index in range(3, ENTITY_VOCAB_SIZE)}
    return EntityVocab(pa.array([*SPECIAL_ENTITIES, *counts]), np.array([0, 0, 0, *counts.values()]))


def luke_from_checkpoint(folder: Path, seed: int = 0, **changes: object) -> Luke:
    """Return a model of VOCAB_SIZE tokens and ENTITY_VOCAB_SIZE entities, started from a checkpoint."""
    return make_initial_model(
        model_config(**changes), init_from=str(folder), words=word_vocab(), entities=entity_vocab(), language="en",
        generator=torch.Generator().manual_seed(seed),
    ).model  # fmt: skip


def dimensions(**changes: object) -> Dimensions:
    """Return the sizes of a model of two narrow layers, with `changes` applied."""
    values: dict[str, object] = {
        "vocab_size": VOCAB_SIZE,
        "entity_vocab_size": ENTITY_VOCAB_SIZE,
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


def random_luke(dims: Dimensions, seed: int = 0) -> Luke:
    """Return a model whose parameters are all random, biases and LayerNorm too: a test notices any that is left out."""
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


def ragged_batch() -> Batch[Tensor]:
    """Return a batch of 12, 7 and 4 tokens and 3, 0 and 1 entities, with targets in the first and last document."""
    words = torch.randint(4, VOCAB_SIZE, (3, 12), generator=torch.Generator().manual_seed(1))
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


def without_entities(batch: Batch[Tensor]) -> Batch[Tensor]:
    """Return the same tokens with E = 0."""
    none = torch.empty(0, dtype=torch.int64)
    return Batch(
        batch.example_ids, batch.word_ids, batch.word_lengths,
        entity_ids=none.view(3, 0), entity_lengths=torch.zeros(3, dtype=torch.int64),
        mention_positions=none, mention_offsets=none,
        word_targets=batch.word_targets, word_labels=batch.word_labels, entity_targets=none, entity_labels=none,
    )  # fmt: skip


def to_transformers_inputs(batch: Batch[Tensor]) -> dict[str, Tensor]:
    """Return the batch as the inputs of transformers' LUKE: masks, and mention positions padded with -1."""
    positions = torch.full((*batch.entity_ids.shape, 30), -1)
    for row, mentions in enumerate(MENTIONS):
        for column, mention in enumerate(mentions):
            positions[row, column, : len(mention)] = torch.tensor(mention)
    return {
        "input_ids": batch.word_ids,
        "attention_mask": (torch.arange(batch.word_ids.size(1)) < batch.word_lengths[:, None]).long(),
        "entity_ids": batch.entity_ids,
        "entity_attention_mask": (torch.arange(batch.entity_ids.size(1)) < batch.entity_lengths[:, None]).long(),
        "entity_position_ids": positions,
    }


def load_transformers_folder(folder: Path | str, config: ModelConfig) -> Luke:
    """Return the LUKE, or with `config.entities=false` the RoBERTa, that transformers saved in `folder`.

    Sizes are the checkpoint's. With `config.attention=entity_aware` a vanilla LUKE gets copies of its queries.
    """
    checkpoint = read_config(str(folder), (LUKE,) if config.entities else ROBERTA)
    model = empty_model(
        dimensions_from_checkpoint(
            checkpoint,
            vocab_size=checkpoint.vocab_size,
            entity_vocab_size=checkpoint.entity_vocab_size if config.entities else 0,
            entity_embedding=checkpoint.entity_emb_size if config.entities else config.entity_emb_size,
            config=config,
        )
    )
    load_strict(model, read_weights(str(folder)), str(folder), may_be_missing=[])
    return model
