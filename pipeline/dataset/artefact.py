"""The artefact `dataset`: its file names, and the interface for later stages.

train/, validation/   one row per example, Arrow for `datasets.load_from_disk`
histograms.png        lengths, and links covered by the size of the entity vocabulary
README.md             the dataset card
"""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.dataset.reader import ExampleStore
from pipeline.store.artefact import StageArtefact

TRAIN = "train"
VALIDATION = "validation"
SPLITS = (TRAIN, VALIDATION)
HISTOGRAMS = "histograms.png"
CARD = "README.md"


@dataclass(frozen=True, slots=True)
class Dataset(StageArtefact):
    """A finished dataset, opened for reading."""

    stage = "dataset"

    @property
    def train(self) -> ExampleStore:
        """Examples of the training pages."""
        return ExampleStore.open(self.folder / TRAIN)

    @property
    def validation(self) -> ExampleStore:
        """Examples of the held-out pages."""
        return ExampleStore.open(self.folder / VALIDATION)

    @property
    def max_seq_length(self) -> int:
        """Maximum number of tokens in an example, <s> and </s> included."""
        return int(self.artefact.setting("max_seq_length"))

    @property
    def max_mention_length(self) -> int:
        """Maximum number of tokens in a mention."""
        return int(self.artefact.setting("max_mention_length"))
