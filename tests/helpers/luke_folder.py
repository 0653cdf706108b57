"""A LUKE with random weights as the export stage writes it, with the tokenizer and entities that a test chooses."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
from safetensors.torch import save_file

from pipeline.export.build import add_markers
from pipeline.export.tokenizer import write_luke_tokenizer
from pipeline.model.config import Attention
from pipeline.model.weights import to_transformers
from pipeline.records import SPECIAL_ENTITIES
from pipeline.vocab.entities import EntityVocab
from pipeline.vocab.words import load_word_vocab
from tests.helpers.small_luke import dimensions, random_luke


def save_luke_folder(
    folder: Path, *, words: Path, titles: Sequence[str], attention: Attention = "entity_aware", max_tokens: int = 38
) -> Path:
    """Save a LUKE of two narrow layers for the tokenizer folder `words` and the entities `titles`."""
    vocab = load_word_vocab(words)
    entities = EntityVocab(pa.array([*SPECIAL_ENTITIES, *titles]), np.array([0, 0, 0, *(1 for _ in titles)]))
    sizes = dimensions(
        vocab_size=vocab.size, entity_vocab_size=entities.size, attention=attention, max_positions=max_tokens + 2
    )
    weights, settings = to_transformers(random_luke(sizes), attention=attention)
    add_markers(weights, settings, vocab)
    folder.mkdir()
    write_luke_tokenizer(words, entities, folder, max_mention_length=30)
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    settings.save_pretrained(folder)
    return folder
