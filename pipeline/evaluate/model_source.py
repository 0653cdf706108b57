"""Open the model that is scored: the run's own, or the one that `evaluate.model` names.

Whatever its format, the model that is returned has the ids of the run's vocabulary, so that it is compared with the
rivals on the same labels among the same candidates:

- a folder that pretrain wrote (`pretrain/<run>/model`) must have been trained with the same tokenizer and entities;
- a folder in transformers' format (an export of ours, a released LUKE, a RoBERTa for a words-only run) must have the
  same tokenizer and all titles; its entity rows are copied by title, and further titles are left out.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import torch

from pipeline.errors import PipelineError
from pipeline.evaluate.vocab_check import refuse_missing_titles, refuse_other_vocab
from pipeline.model.from_checkpoint import make_initial_model, match_entities, refuse_other_tokenizer
from pipeline.model.from_transformers import checkpoint_model_config
from pipeline.model.hf_checkpoint import ROBERTA, checkpoint_fingerprint, read_config, read_token_ids
from pipeline.model.luke import Luke
from pipeline.model.weights import DIMENSIONS_FILE, WEIGHTS_FILE, load_model
from pipeline.pretrain.data import TrainingData
from pipeline.store.artefact import open_artefact, open_parent
from pipeline.store.files import file_digest
from pipeline.vocab.artefact import Vocab


def is_own_format(source: str) -> bool:
    """Whether `source` is a folder that pretrain wrote."""
    return (Path(source) / DIMENSIONS_FILE).is_file()


def model_fingerprint(source: str) -> str:
    """Return a digest of the model's files, independent of their location."""
    if not is_own_format(source):
        return checkpoint_fingerprint(source)
    lines = [f"{name} {file_digest(Path(source) / name)}" for name in (DIMENSIONS_FILE, WEIGHTS_FILE)]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def open_other_model(source: str, data: TrainingData, vocab: Vocab) -> Luke:
    """Return the model in `source` with the ids of the run's vocabulary, on the CPU.

    Args:
        source: a folder, or a name on the Hub.
        data: the run's data.
        vocab: the run's vocabulary.

    Raises:
        PipelineError: it has another tokenizer, lacks titles, or cannot be read.
    """
    model = open_own_model(Path(source), vocab) if is_own_format(source) else open_transformers_model(source, data)
    if model.dimensions.entity_vocab_size != data.entity_vocab_size:
        has = "entities" if model.dimensions.entity_vocab_size else "no entities"
        wants = "has none" if not data.entity_vocab_size else f"has {data.entity_vocab_size:,} of them"
        raise PipelineError(f"evaluate.model is {source}, a model with {has}, but the run {wants}")
    return model


def open_own_model(folder: Path, vocab: Vocab) -> Luke:
    """Load a model that pretrain wrote, after a check of the vocabulary that it was trained with."""
    theirs = Vocab(open_parent(open_artefact(folder.parent, stage="pretrain"), Vocab.stage))
    refuse_other_vocab(f"evaluate.model is {folder}", vocab, theirs)
    return load_model(folder)


def open_transformers_model(source: str, data: TrainingData) -> Luke:
    """Load a model in transformers' format, with its entity rows in the order of the run's vocabulary."""
    checkpoint = read_config(source)
    if data.entity_vocab is not None and checkpoint.model_type in ROBERTA:
        raise PipelineError(
            f"evaluate.model is {source}, a RoBERTa, but the run has entities: give a LUKE, with its entity_vocab.json"
        )
    if read_token_ids(source) is None:
        raise PipelineError(
            f"evaluate.model is {source}, which has no tokenizer.json or vocab.json: its tokenizer cannot be compared "
            "with the run's, so put the tokenizer's files into the same folder"
        )
    refuse_other_tokenizer(source, data.word_vocab)
    if data.entity_vocab is not None:
        ours, _ = match_entities(source, checkpoint.entity_vocab_size, data.entity_vocab, data.language)
        missing = np.setdiff1d(np.arange(data.entity_vocab.size), ours)
        refuse_missing_titles(f"evaluate.model is {source}", data.entity_vocab, missing)
    return make_initial_model(
        checkpoint_model_config(checkpoint),
        init_from=source,
        words=data.word_vocab,
        entities=data.entity_vocab,
        language=data.language,
        generator=torch.Generator().manual_seed(0),  # every row is copied, so no random number is used
    ).model
