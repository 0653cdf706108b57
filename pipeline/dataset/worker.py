"""What a worker does to one unit, a run of article files: articles -> two shards of Examples.

The unit's link titles are looked up by one join with aliases.parquet, so no worker holds the table of titles. Then
page after page is split into sentences, tokenized, packed and written to the unit's shard of the page's split. One
core does 500,000 tokens a second: two fifths of the time go into tokens, a fifth each into sentences and the reading.
"""

from __future__ import annotations

import gc
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from pipeline.dataset import shards
from pipeline.dataset.config import DatasetConfig
from pipeline.dataset.encode import encoder
from pipeline.dataset.packing import examples
from pipeline.dataset.sentences import in_parts, sentence_spans
from pipeline.dataset.tokens import Encode, Mention, tokenized, usable_mentions
from pipeline.execution.units import Report
from pipeline.holdout import is_validation
from pipeline.io.arrow import batches, numbers
from pipeline.io.duckdb import connect, parquet
from pipeline.records import Example
from pipeline.store.files import atomic_write
from pipeline.store.layout import WORK
from pipeline.store.manifest import Counts
from pipeline.vocab import entities, words

ROWS = 256
"""Articles read at a time."""

LOOK_UP = f"""
SELECT coalesce(alias.id, {entities.UNK})::INTEGER AS id FROM (
    SELECT filename, file_row_number, generate_subscripts(links, 1) AS place, unnest(links).title AS title
    FROM read_parquet($articles, filename = true, file_row_number = true)
) AS link LEFT JOIN read_parquet($aliases) AS alias USING (title)
ORDER BY link.filename, link.file_row_number, place
"""


@lru_cache(maxsize=1)
def word_vocab(folder: Path, _fingerprint: str) -> tuple[words.WordVocab, Encode]:
    """One process opens a tokenizer once (0.4 s for roberta-base's), not once a unit, and keeps the words it meets."""
    vocab = words.load(folder)
    return vocab, encoder(vocab.tokenizer)


@contextmanager
def collector_paused() -> Iterator[None]:
    """Left to itself, the cyclic collector goes through the rows that are to be written again and again: a tenth of
    the time, and there are no cycles."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitWork:
    """What a worker does to one unit, named by its number."""

    units: tuple[tuple[Path, ...], ...]
    """The article files of each."""
    config: DatasetConfig
    language: str
    vocab: Path
    fingerprint: str
    """The vocab's."""
    out: Path
    memory_gb: int
    """Memory of one worker."""

    def __call__(self, unit: str, report: Report) -> Counts:
        os.environ["TOKENIZERS_PARALLELISM"] = "false"  # the workers are the parallelism
        vocab, encode = word_vocab(self.vocab / "words", self.fingerprint)
        counts: Counter[str] = Counter()
        files, name = self.units[int(unit)], f"examples-{unit}.arrow"
        with (
            collector_paused(),
            atomic_write(self.out / "train" / name, "wb") as train,
            atomic_write(self.out / "validation" / name, "wb") as validation,
            closing(shards.ShardWriter(train)) as train_writer,
            closing(shards.ShardWriter(validation)) as validation_writer,
        ):
            for page_id, text, mentions, share in self.pages(files):
                held_out = is_validation(page_id, self.config.validation_share)
                found = list(self.page_examples(page_id, text, mentions, vocab, encode, counts))
                split, writer = ("validation", validation_writer) if held_out else ("train", train_writer)
                for example in found:
                    writer.add(example)
                counts["pages.seen"] += 1
                counts[f"examples.kept.{split}"] += len(found)
                counts[f"pages.kept.{split}" if found else "pages.dropped.no_example"] += 1
                report(share)
        return dict(+counts)  # without the zeros

    def pages(self, files: Sequence[Path]) -> Iterator[tuple[str, str, list[Mention], float]]:
        """Id, text and links of every article, and the share of the unit that is read."""
        ids = self.entity_ids(files)
        total = sum(pq.read_metadata(path).num_rows for path in files)
        done = taken = 0
        for batch in batches(files, ROWS, ["id", "text", "links"]):
            edges = numbers(batch["links"].offsets)
            flat = batch["links"].flatten()
            columns = (numbers(flat.field("start")), numbers(flat.field("end")), ids[taken : taken + len(flat)])
            links = list(map(Mention, *(column.tolist() for column in columns)))
            taken += len(flat)
            cuts = pairwise((edges - edges[0]).tolist())
            for page_id, text, (first, last) in zip(
                batch["id"].to_pylist(), batch["text"].to_pylist(), cuts, strict=True
            ):
                done += 1
                yield page_id, text, links[first:last], done / total
        assert taken == len(ids), f"{len(ids)} entities for {taken} links: a title leads to several"

    def entity_ids(self, files: Sequence[Path]) -> NDArray[np.int32]:
        """The entity of every link of the files, in order; [UNK] for a title that leads to none."""
        spill = self.out / WORK / "duckdb" / files[0].stem
        values = {"articles": parquet(files), "aliases": parquet([self.vocab / entities.ALIASES])}
        with connect(self.memory_gb, spill, threads=1) as connection:
            found: NDArray[np.int32] = connection.execute(LOOK_UP, values).fetchnumpy()["id"]
        return found

    def page_examples(
        self,
        page_id: str,
        text: str,
        links: list[Mention],
        vocab: words.WordVocab,
        encode: Encode,
        counts: Counter[str],
    ) -> Iterator[Example]:
        """The Examples of one page."""
        text = vocab.with_plain_spaces(text)
        mentions = usable_mentions(text, links, counts)
        borders = [(mention.start, mention.end) for mention in mentions]
        spans = sentence_spans(text, self.language, borders)
        spans = in_parts(text, spans, borders, longest=self.config.max_sentence - 1, counts=counts)
        sentences = tokenized(
            text,
            spans,
            mentions,
            encode,
            max_mention=self.config.max_mention,
            counts=counts,
        )
        return examples(page_id, sentences, self.config, bos=vocab.bos, eos=vocab.eos, counts=counts)
