"""Build the two shards of one unit, on a worker: article files in, training examples and validation examples out.

The link titles of the unit are looked up by one join with aliases.parquet, so that no worker holds the table of titles.
Then each page is split into sentences, tokenized, packed and written to the unit's shard of the page's split. One core
processes 500,000 tokens per second; two fifths of the time go into tokenizing, a fifth into splitting sentences and a
fifth into reading.
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

import pyarrow.parquet as pq

from pipeline.dataset import shards
from pipeline.dataset.artefact import TRAIN, VALIDATION
from pipeline.dataset.config import DatasetConfig
from pipeline.dataset.encode import make_encoder
from pipeline.dataset.packing import pack_page
from pipeline.dataset.sentences import sentence_spans, split_long_unspaced
from pipeline.dataset.tokens import Mention, PieceEncoder, tokenize_page, usable_mentions
from pipeline.execution.units import ReportProgress
from pipeline.holdout import is_held_out
from pipeline.io.arrow import Int32Array, as_numpy, read_batches
from pipeline.io.duckdb import connect, literal_paths
from pipeline.records import Example
from pipeline.store.files import atomic_write
from pipeline.store.layout import WORK
from pipeline.store.manifest import Counts
from pipeline.vocab import words
from pipeline.vocab.artefact import ALIASES, WORDS
from pipeline.vocab.entities import UNK

ARTICLES_PER_READ = 256
"""Rows of an article file that are in memory at a time."""

LOOK_UP_SQL = f"""
SELECT coalesce(alias.id, {UNK})::INTEGER AS id FROM (
    SELECT filename, file_row_number, generate_subscripts(links, 1) AS place, unnest(links).title AS title
    FROM read_parquet($articles, filename = true, file_row_number = true)
) AS link LEFT JOIN read_parquet($aliases) AS alias USING (title)
ORDER BY link.filename, link.file_row_number, place
"""


@lru_cache(maxsize=1)
def open_word_vocab(folder: Path, _fingerprint: str) -> tuple[words.WordVocab, PieceEncoder]:
    """Open the tokenizer once per process (0.4 s for roberta-base's) rather than once per unit, and keep its cache."""
    vocab = words.load_word_vocab(folder)
    return vocab, make_encoder(vocab.tokenizer)


@contextmanager
def pause_garbage_collection() -> Iterator[None]:
    """Switch Python's cyclic garbage collector off inside the block.

    It would repeatedly scan the rows that are not written yet, a tenth of the time, and there are no cycles.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildShard:
    """The work on one unit: a picklable function of the unit's number."""

    units: tuple[tuple[Path, ...], ...]
    """Article files of each unit."""
    config: DatasetConfig
    language: str
    vocab_folder: Path
    vocab_fingerprint: str
    """Key of the open tokenizer that a process keeps."""
    out: Path
    """The dataset's folder."""
    memory_gb: int
    """Memory of one worker."""

    def __call__(self, unit: str, report: ReportProgress) -> Counts:
        """Write the unit's two shards and return its account."""
        os.environ["TOKENIZERS_PARALLELISM"] = "false"  # the workers are the parallelism
        vocab, encode = open_word_vocab(self.vocab_folder / WORDS, self.vocab_fingerprint)
        counts: Counter[str] = Counter()
        files, name = self.units[int(unit)], f"examples-{unit}.arrow"
        with (
            pause_garbage_collection(),
            atomic_write(self.out / TRAIN / name, "wb") as train,
            atomic_write(self.out / VALIDATION / name, "wb") as validation,
            closing(shards.ShardWriter(train)) as train_writer,
            closing(shards.ShardWriter(validation)) as validation_writer,
        ):
            for page_id, text, mentions, share in self.read_pages(files):
                held_out = is_held_out(page_id, self.config.validation_share)
                examples = list(self.make_examples(page_id, text, mentions, vocab, encode, counts))
                split, writer = (VALIDATION, validation_writer) if held_out else (TRAIN, train_writer)
                for example in examples:
                    writer.add(example)
                counts["pages.seen"] += 1
                counts[f"examples.kept.{split}"] += len(examples)
                counts[f"pages.kept.{split}" if examples else "pages.dropped.no_example"] += 1
                report(share)
        return dict(+counts)  # without the zeros

    def read_pages(self, files: Sequence[Path]) -> Iterator[tuple[str, str, list[Mention], float]]:
        """Yield the id, text and links of every article, with the share of the unit read so far."""
        ids = self.look_up_entities(files)
        total = sum(pq.read_metadata(path).num_rows for path in files)
        pages_read = links_read = 0
        for batch in read_batches(files, ARTICLES_PER_READ, ["id", "text", "links"]):
            edges = as_numpy(batch["links"].offsets)
            flat = batch["links"].values[edges[0] : edges[-1]]  # flatten() would import pyarrow.compute in every worker
            columns = (
                as_numpy(flat.field("start")),
                as_numpy(flat.field("end")),
                ids[links_read : links_read + len(flat)],
            )
            links = list(map(Mention, *(column.tolist() for column in columns)))
            links_read += len(flat)
            links_of_page = pairwise((edges - edges[0]).tolist())
            for page_id, text, (first, last) in zip(
                batch["id"].to_pylist(), batch["text"].to_pylist(), links_of_page, strict=True
            ):
                pages_read += 1
                yield page_id, text, links[first:last], pages_read / total
        assert links_read == len(ids), (
            f"{len(ids)} entities for {links_read} links: some title leads to several entities"
        )

    def look_up_entities(self, files: Sequence[Path]) -> Int32Array:
        """Return the entity id of every link in the files, in order; that of [UNK] where a title leads to no entity."""
        spill = self.out / WORK / "duckdb" / files[0].stem
        values = {"articles": literal_paths(files), "aliases": literal_paths([self.vocab_folder / ALIASES])}
        with connect(self.memory_gb, spill, threads=1) as connection:
            found: Int32Array = connection.execute(LOOK_UP_SQL, values).fetchnumpy()["id"]
        return found

    def make_examples(
        self,
        page_id: str,
        text: str,
        links: list[Mention],
        vocab: words.WordVocab,
        encode: PieceEncoder,
        counts: Counter[str],
    ) -> Iterator[Example]:
        """Return an iterator over the examples of one page."""
        text = vocab.with_plain_spaces(text)
        mentions = usable_mentions(text, links, counts)
        mention_spans = [(mention.start, mention.end) for mention in mentions]
        spans = sentence_spans(text, self.language, mention_spans)
        spans = split_long_unspaced(
            text, spans, mention_spans, max_length=self.config.max_sentence_length - 1, counts=counts
        )
        page = tokenize_page(
            text, spans, mentions, encode, max_mention_length=self.config.max_mention_length, counts=counts
        )
        return pack_page(page_id, page, self.config, bos=vocab.bos, eos=vocab.eos, counts=counts)
