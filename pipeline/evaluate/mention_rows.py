"""Write mentions.parquet: one row per masked entity of the held-out pages, with all ranks and losses."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.dataset.reader import ExampleStore
from pipeline.evaluate.breakdown import Groups
from pipeline.evaluate.mentions import MaskedMentions, Ragged
from pipeline.evaluate.rivals.unigram import Unigram
from pipeline.evaluate.summary import ScoresByName
from pipeline.io.arrow import to_arrow
from pipeline.store.files import atomic_write
from pipeline.vocab.entities import EntityVocab
from pipeline.vocab.words import WordVocab


def mention_table(
    mentions: MaskedMentions,
    store: ExampleStore,
    *,
    words: WordVocab,
    entities: EntityVocab,
    unigram: Unigram,
    groupings: Mapping[str, Groups],
    visible: ScoresByName,
    hidden: ScoresByName,
) -> pa.Table:
    """Return the table with the columns of `artefact.MENTION_COLUMNS`.

    Args:
        mentions: K masked entities of the held-out pages.
        store: the held-out examples.
        words, entities: the vocabularies.
        unigram: unigram model of the entities, with their counts.
        groupings: `frequency` and `ambiguity` -> the groups of the masked entities.
        visible, hidden: `model` and rivals -> scores of the masked entities.
    """
    integers = pa.int64()
    columns = {
        "page_id": store.page_ids.take(to_arrow(mentions.example_ids, integers)),
        "example": to_arrow(mentions.example_ids, integers),
        "entity_number": to_arrow(mentions.entity_numbers, integers),
        "mention": to_arrow(decode_rows(mentions.clean, words), pa.string()),
        "seen": to_arrow(decode_rows(mentions.seen, words), pa.string()),
        "entity_id": to_arrow(mentions.labels, integers),
        "title": entities.titles.take(to_arrow(mentions.labels, integers)),
        "train_count": to_arrow(unigram.counts[mentions.labels], integers),
    }
    columns |= {name: to_arrow(group_names(groups), pa.string()) for name, groups in groupings.items()}
    for prefix, scores in (("", visible), ("hidden_", hidden)):
        for name, part in scores.items():
            columns[f"{prefix}rank_{name}"] = to_arrow(part.ranks, integers)
            columns[f"{prefix}loss_{name}"] = to_arrow(part.losses, pa.float64())
    return pa.table(columns)


def group_names(groups: Groups) -> list[str]:
    """Return the name of each position's group."""
    names = np.array(list(groups))
    result: list[str] = names[np.argmax(np.stack(list(groups.values())), axis=0)].tolist()
    return result


def decode_rows(rows: Ragged, words: WordVocab) -> list[str]:
    """Return the text of each row of tokens, without white space at its ends."""
    ids = [rows.row(index).tolist() for index in range(len(rows))]
    texts: list[str] = words.tokenizer.decode_batch(ids, skip_special_tokens=False)
    return [text.strip() for text in texts]


def write_mentions(table: pa.Table, path: Path) -> None:
    """Write the table as parquet."""
    with atomic_write(path, "wb") as file:
        pq.write_table(table, file)
