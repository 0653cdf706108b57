"""What a training, its evaluation and the inspector read: the Examples with their vocabularies, and finished models."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pipeline.dataset.reader import ExampleStore
from pipeline.model.config import BodyConfig, ModelConfig
from pipeline.model.luke import Luke
from pipeline.model.weights import from_transformers
from pipeline.pretrain.batches import Masker, word_tables
from pipeline.pretrain.config import MaskingConfig
from pipeline.store import Artefact, Layout, digest
from pipeline.vocab.entities import EntityVocab
from pipeline.vocab.words import WordVocab, load

MODEL = "model"
"""Folder of the finished model inside pretrain/<run>/, in transformers' format."""


@dataclass(frozen=True, slots=True)
class Data:
    """An opened dataset with its vocabularies."""

    train: ExampleStore
    validation: ExampleStore
    words: WordVocab
    entity_vocab_size: int
    """0 for a words-only model."""
    masking: MaskingConfig
    seed: int

    @staticmethod
    def open(layout: Layout, *, masking: MaskingConfig, entities: bool, seed: int) -> Data:
        """Args: entities: False leaves the entities out, for a words-only model."""
        dataset, vocab = layout.folder("dataset"), layout.folder("vocab")
        return Data(
            train=ExampleStore.open(dataset / "train"),
            validation=ExampleStore.open(dataset / "validation"),
            words=load(vocab / "words"),
            entity_vocab_size=EntityVocab.open(vocab / "entities.parquet").size if entities else 0,
            masking=masking,
            seed=seed,
        )

    def masker(self, store: ExampleStore, *, phase: int) -> Masker:
        """What masks the Examples of `store` in phase number `phase`."""
        return Masker(
            store=store,
            words=word_tables(self.words),
            pad=self.words.pad,
            config=self.masking,
            entities=self.entity_vocab_size > 0,
            seed=self.seed,
            phase=phase,
        )


def checkpoint_fingerprint(source: str) -> dict[str, str]:
    """What identifies the checkpoint a training starts from: its files' digests, or its name on the Hub."""
    folder = Path(source)
    if not folder.is_dir():
        return {"name": source}
    return {path.name: digest(path) for path in sorted([folder / "config.json", *folder.glob("*.safetensors")])}


def trained_model(pretrain: Artefact) -> Luke:
    """The model that a finished training left, computing as it did in training."""
    values = dict(pretrain.manifest["config"]["model"])
    body = values.pop("body")
    config = ModelConfig(**values, body=BodyConfig(**body) if body else None)
    return from_transformers(str(pretrain.folder / MODEL), config)
