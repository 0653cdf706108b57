"""What a training, its evaluation and the inspector read: the Examples with their vocabularies, and finished models."""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.dataset.reader import ExampleStore
from pipeline.model.luke import Luke
from pipeline.model.weights import load_model
from pipeline.pretrain.batches import Masker, word_tables
from pipeline.pretrain.config import MaskingConfig
from pipeline.store.artefact import Artefact
from pipeline.store.files import read_json
from pipeline.store.layout import Layout
from pipeline.vocab.entities import EntityVocab
from pipeline.vocab.words import WordVocab, load

MODEL = "model"
"""Folder of the finished model inside pretrain/<run>/."""


@dataclass(frozen=True, slots=True)
class Data:
    """An opened dataset with its vocabularies."""

    train: ExampleStore
    validation: ExampleStore
    words: WordVocab
    entities: EntityVocab | None
    """None for a words-only model."""
    language: str | None
    """The dump's; None where its corpus is no longer at hand."""
    masking: MaskingConfig
    seed: int

    @staticmethod
    def open(layout: Layout, *, masking: MaskingConfig, entities: bool, seed: int) -> Data:
        """Args: entities: False leaves the entities out, for a words-only model."""
        dataset, vocab = layout.folder("dataset"), layout.folder("vocab")
        site = layout.folder("corpus") / "site.json"
        return Data(
            train=ExampleStore.open(dataset / "train"),
            validation=ExampleStore.open(dataset / "validation"),
            words=load(vocab / "words"),
            entities=EntityVocab.open(vocab / "entities.parquet") if entities else None,
            language=read_json(site)["language"] if site.is_file() else None,
            masking=masking,
            seed=seed,
        )

    @property
    def entity_vocab_size(self) -> int:
        """Specials included; 0 for a words-only model."""
        return 0 if self.entities is None else self.entities.size

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


def trained_model(pretrain: Artefact) -> Luke:
    """The model that a finished training left, computing as it did in training."""
    return load_model(pretrain.folder / MODEL)
