"""The titles of a model's entities, by id and by title.

A multilingual LUKE has several titles for one entity ("en:Oslo", "de:Oslo"), so titles and ids are two columns, as in
the checkpoint's file. The titles stay in Arrow: 500,000 of them take 20 MB, a look-up 3 ms, and a search for similar
titles 0.1 to 0.4 s.
"""

from __future__ import annotations

from dataclasses import dataclass

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.errors import PipelineError
from pipeline.io.arrow import Int64Array
from pipeline.model.hf_checkpoint import read_entity_vocab
from pipeline.records import SPECIAL_ENTITIES
from pipeline.vocab.entities import MASK, PAD, UNK, EntityVocab

SIMILAR_TITLES = 5
"""Number of titles that a message suggests."""
SIMILAR_SQL = """
SELECT title FROM titles ORDER BY jaro_winkler_similarity(lower(title), lower($title)) DESC, title LIMIT $count
"""


@dataclass(frozen=True, slots=True)
class EntityTitles:
    """The entity vocabulary of a model."""

    titles: pa.Array
    """[n] string; several titles may have the same id."""
    ids: Int64Array
    """[n] id of each title."""
    first: Int64Array
    """[entities] position in `titles` of the first title of each id; -1 for an id without a title."""

    @staticmethod
    def make(titles: pa.Array, ids: Int64Array) -> EntityTitles:
        """Return the vocabulary with these [n] titles and their ids."""
        first = np.full(int(ids.max(initial=-1)) + 1, -1)
        first[ids[::-1]] = np.arange(len(ids))[::-1]  # of several titles with one id, the first is written last
        return EntityTitles(titles, ids, first)

    @staticmethod
    def from_vocab(vocab: EntityVocab) -> EntityTitles:
        """Return the titles of the vocab stage's entities."""
        return EntityTitles.make(vocab.titles, np.arange(vocab.size))

    @staticmethod
    def open(source: str, *, rows: int) -> EntityTitles:
        """Read the entity vocabulary of a LUKE in transformers' format that has `rows` entity embeddings.

        Raises:
            PipelineError: it is missing, lacks LUKE's special entities, or has ids that the model does not have.
        """
        titles, ids = read_entity_vocab(source)
        vocab = EntityTitles.make(titles, ids)
        special = tuple(vocab.title(index) for index in range(min(len(SPECIAL_ENTITIES), len(vocab.first))))
        if special != SPECIAL_ENTITIES:
            raise PipelineError(
                f"{source}: the first entities of its vocabulary are {' '.join(special)}, but a LUKE has "
                f"{' '.join(SPECIAL_ENTITIES)}"
            )
        if len(vocab.first) > rows:
            raise PipelineError(
                f"{source}: the ids of its entity vocabulary go up to {len(vocab.first) - 1}, but it has only {rows} "
                "entity embeddings"
            )
        return vocab

    def title(self, entity_id: int) -> str:
        """Return the first title of an entity, or "entity 7" if it has none."""
        place = self.first[entity_id] if entity_id < len(self.first) else -1
        return f"entity {entity_id}" if place < 0 else str(self.titles[int(place)].as_py())

    def find(self, title: str) -> int:
        """Return the id of the entity with this title.

        Raises:
            PipelineError: no entity has it; the message lists the most similar titles.
        """
        place = pc.index(self.titles, title).as_py()
        entity_id = -1 if place < 0 else int(self.ids[place])
        if entity_id in (-1, PAD, MASK):
            raise PipelineError(
                f"{title!r} is not one of the model's {len(self.first):,} entities. The most similar titles are: "
                f"{', '.join(map(repr, self.similar(title)))}. {SPECIAL_ENTITIES[UNK]} stands for any other entity"
            )
        return entity_id

    def similar(self, title: str) -> list[str]:
        """Return the titles that are most similar to a text, the best first, without regard to case."""
        special = {SPECIAL_ENTITIES[index] for index in (PAD, UNK, MASK)}
        with duckdb.connect() as connection:
            connection.register("titles", pa.table({"title": self.titles}))
            values = {"title": title, "count": SIMILAR_TITLES + len(special)}
            rows = connection.execute(SIMILAR_SQL, values).fetchall()
        return [found for (found,) in rows if found not in special][:SIMILAR_TITLES]
