"""Open the data that training, evaluation and the inspector read: the examples and their vocabularies."""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.corpus.artefact import Corpus
from pipeline.dataset.artefact import Dataset
from pipeline.dataset.reader import ExampleStore
from pipeline.pretrain.batches import Masker, build_word_tables
from pipeline.pretrain.config import MaskingConfig
from pipeline.store.layout import Layout
from pipeline.vocab.artefact import Vocab
from pipeline.vocab.entities import EntityVocab
from pipeline.vocab.words import WordVocab


@dataclass(frozen=True, slots=True)
class TrainingData:
    """A dataset and its vocabularies, opened for reading, with the settings of masking."""

    train: ExampleStore
    validation: ExampleStore
    word_vocab: WordVocab
    entity_vocab: EntityVocab | None
    """None for a words-only model."""
    language: str | None
    """Language code of the dump; None if its corpus has been deleted."""
    masking: MaskingConfig
    seed: int

    @staticmethod
    def open(layout: Layout, *, masking: MaskingConfig, entities: bool, seed: int) -> TrainingData:
        """Open the dataset and the vocabularies of the layout's run.

        Args:
            layout: the folders of the artefacts.
            masking: the shares of words and entities to mask.
            entities: False leaves the entities out, for a words-only model.
            seed: seed of the masks.
        """
        dataset, vocab, corpus = Dataset.open(layout), Vocab.open(layout), Corpus.open_if_finished(layout)
        return TrainingData(
            train=dataset.train,
            validation=dataset.validation,
            word_vocab=vocab.words,
            entity_vocab=vocab.entities if entities else None,
            language=corpus.language if corpus else None,
            masking=masking,
            seed=seed,
        )

    @property
    def entity_vocab_size(self) -> int:
        """Number of entities, special ones included; 0 for a words-only model."""
        return 0 if self.entity_vocab is None else self.entity_vocab.size

    def masker(self, store: ExampleStore, *, phase: int) -> Masker:
        """Return the masker of the examples of `store` in phase number `phase`."""
        return Masker(
            store=store,
            word_tables=build_word_tables(self.word_vocab),
            pad_id=self.word_vocab.pad,
            config=self.masking,
            with_entities=self.entity_vocab_size > 0,
            seed=self.seed,
            phase=phase,
        )
