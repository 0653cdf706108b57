"""Open what is evaluated: the run with its data, and the held-out examples of its own dataset or of another one.

The rivals are always fitted on the training pages of the run's own dataset. Another dataset (`evaluate.dataset`) must
have the same tokenizer and entities. Its held-out pages are scored, except those that the run was trained on: a page
may be in several dumps, with the same id or under the same title.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline.corpus.artefact import Corpus
from pipeline.dataset.artefact import Dataset
from pipeline.errors import PipelineError
from pipeline.evaluate.config import EvaluateConfig
from pipeline.evaluate.model_source import model_fingerprint, open_other_model
from pipeline.evaluate.vocab_check import refuse_other_vocab
from pipeline.io.arrow import Int64Array
from pipeline.model.luke import Luke
from pipeline.pretrain.artefact import Training
from pipeline.pretrain.compatibility import check_sequence_lengths
from pipeline.pretrain.data import TrainingData
from pipeline.store.artefact import open_artefact, open_parent
from pipeline.store.layout import Layout
from pipeline.vocab.artefact import Vocab


@dataclass(frozen=True, slots=True)
class Inputs:
    """A run and the dataset on which it is evaluated, opened for reading."""

    config: EvaluateConfig
    vocab: Vocab
    dataset: Dataset
    """The run's own dataset."""
    scored: Dataset
    """The dataset whose held-out pages are scored; often the run's own."""
    training: Training
    data: TrainingData
    """Training examples of the run's own dataset, held-out examples of the scored one."""

    @staticmethod
    def open(config: EvaluateConfig, layout: Layout) -> Inputs:
        """Open the layout's run and the dataset that the config names.

        Raises:
            PipelineError: an artefact is missing or unfinished, or they do not belong together.
        """
        vocab, dataset, training = Vocab.open(layout), Dataset.open(layout), Training.open(layout)
        if training.dataset_fingerprint != dataset.fingerprint:
            raise PipelineError(
                f"{training.folder} was trained on another dataset than {dataset.folder}: choose its own with "
                "dataset.name=..., and name the one to be scored with evaluate.dataset=FOLDER"
            )
        data = TrainingData.open(layout, masking=config.masking, entities=config.entities, seed=config.seed)
        scored = dataset
        if config.dataset is not None:
            scored = Dataset(open_artefact(Path(config.dataset), stage=Dataset.stage))
            theirs = Vocab(open_parent(scored.artefact, Vocab.stage))
            refuse_other_vocab(f"evaluate.dataset is {config.dataset}", vocab, theirs)
            data = replace(data, validation=scored.validation)
        return Inputs(config, vocab, dataset, scored, training, data)

    def parents(self) -> dict[str, str]:
        """Return name -> fingerprint of everything that is read."""
        fingerprints = {
            "vocab": self.vocab.fingerprint,
            "dataset": self.dataset.fingerprint,
            "pretrain": self.training.fingerprint,
        }
        if self.config.dataset is not None:
            fingerprints["scored_dataset"] = self.scored.fingerprint
        if self.config.model is not None:
            fingerprints["scored_model"] = model_fingerprint(self.config.model)
        return fingerprints

    def load_model(self) -> Luke:
        """Load the model that is scored, on the CPU.

        Raises:
            PipelineError: it does not belong to the run's vocabulary, or reads only shorter sequences.
        """
        source = self.config.model
        model = self.training.load_model() if source is None else open_other_model(source, self.data, self.vocab)
        check_sequence_lengths(model, self.data)
        return model

    def left_out_pages(self) -> pa.Array:
        """Return the ids of the scored dataset's held-out pages that the run was trained on.

        Raises:
            PipelineError: the titles of the pages are unknown, because one of the corpora has been deleted.
        """
        if self.scored.fingerprint == self.dataset.fingerprint:
            return pa.array([], pa.string())
        train, held_out = pc.unique(self.data.train.page_ids), pc.unique(self.data.validation.page_ids)
        titles, train_titles = page_titles(self.scored, held_out), page_titles(self.dataset, train)
        has_known_id = pc.is_in(held_out, value_set=train)
        has_known_title = pc.is_in(titles, value_set=train_titles, skip_nulls=True)
        return held_out.filter(pc.or_(has_known_id, has_known_title))


def kept_examples(page_ids: pa.Array, left_out: pa.Array) -> Int64Array:
    """Return the indices of the examples whose pages are not left out, ascending."""
    return np.flatnonzero(~pc.is_in(page_ids, value_set=left_out).to_numpy(zero_copy_only=False))


def page_titles(dataset: Dataset, page_ids: pa.Array) -> pa.Array:
    """Return the titles of pages, from the corpus that the dataset was made from; null for an unknown id."""
    corpus = Corpus(open_parent(dataset.artefact, Corpus.stage))
    columns = ["id", "title"]
    table = pa.concat_tables([pq.ParquetFile(path).read(columns) for path in corpus.articles])
    places = pc.index_in(page_ids, value_set=table["id"].combine_chunks())
    return table["title"].combine_chunks().take(places)
