"""The artefact `vocab`: its file names, and the interface for later stages.

words/                a tokenizer folder that `AutoTokenizer` loads
entities.parquet      one row per entity: id, title, count
aliases.parquet       one row per title that leads to an entity: title, id
mentions.parquet      one row per mention string and entity: mention, id, count
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pipeline.errors import PipelineError
from pipeline.store.artefact import StageArtefact
from pipeline.vocab.entities import EntityVocab
from pipeline.vocab.mentions import MentionCounts
from pipeline.vocab.words import WordVocab, load_word_vocab

WORDS = "words"
ENTITIES = "entities.parquet"
ALIASES = "aliases.parquet"
MENTIONS = "mentions.parquet"


@dataclass(frozen=True, slots=True)
class Vocab(StageArtefact):
    """A finished vocabulary, opened for reading."""

    stage = "vocab"

    @property
    def words_folder(self) -> Path:
        """Folder of the tokenizer."""
        return self.folder / WORDS

    @property
    def words(self) -> WordVocab:
        """The tokenizer with its special ids."""
        return load_word_vocab(self.words_folder)

    @property
    def entities(self) -> EntityVocab:
        """The entities with their counts."""
        return EntityVocab.open(self.folder / ENTITIES)

    @property
    def mentions(self) -> MentionCounts:
        """How often each mention string of the training pages links to each entity.

        Raises:
            PipelineError: the vocab was built before mentions were counted, or the file was not copied completely.
        """
        paths = self.artefact.files(MENTIONS)
        if not paths:
            raise PipelineError(
                f"{self.folder} has no {MENTIONS}, because an earlier version of the stage vocab built it: delete the "
                "folder, and build it again with make vocab and the same settings"
            )
        return MentionCounts.open(paths[0])

    @property
    def validation_share(self) -> float:
        """Share of the pages that were held out when it was counted."""
        return float(self.artefact.setting("validation_share"))

    @property
    def corpus_fingerprint(self) -> str:
        """Fingerprint of the corpus that it was counted on."""
        return self.artefact.manifest["parents"]["corpus"]

    @property
    def links_seen(self) -> int:
        """Number of links of training pages, whether they lead to an entity or not."""
        return self.artefact.counts["links.seen"]
