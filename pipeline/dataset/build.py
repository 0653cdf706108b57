"""The dataset stage: corpus + vocab -> train/ and validation/, Examples that `datasets.load_from_disk` opens.

A unit is a run of article files. Its link titles are looked up by one join with aliases.parquet, so no worker holds
the table of titles; then page after page is split into sentences, tokenized, packed and written to the unit's shard of
the page's split. One core does about 250,000 tokens a second, and two thirds of its time is the tokenizer's.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import lru_cache, partial
from itertools import chain, pairwise
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray
from rich.markup import escape

from pipeline import store
from pipeline.dataset import shards
from pipeline.dataset.config import DatasetConfig
from pipeline.dataset.sentences import sentence_spans
from pipeline.dataset.sequences import examples
from pipeline.dataset.tokens import Mention, tokenized, usable_mentions
from pipeline.errors import PipelineError
from pipeline.records import Example
from pipeline.runner import Context, Report, console, map_units
from pipeline.split import is_validation
from pipeline.store import Artefact, Counts
from pipeline.vocab import entities, words

ROWS = 256
"""Articles read at a time."""
UNIT_BYTES = 16 << 20
"""Article files of a unit, together: about 10 million tokens, 40 s of one core. The join costs 0.5 s a unit where
aliases.parquet has 4 million rows."""
say = partial(console.print, highlight=False, soft_wrap=True)

LOOK_UP = f"""
SELECT coalesce(alias.id, {entities.UNK})::INTEGER AS id FROM (
    SELECT filename, file_row_number, generate_subscripts(links, 1) AS place, unnest(links).title AS title
    FROM read_parquet($articles, filename = true, file_row_number = true)
) AS link LEFT JOIN read_parquet($aliases) AS alias USING (title)
ORDER BY link.filename, link.file_row_number, place
"""


def build(config: DatasetConfig, context: Context) -> None:
    """Make the dataset artefact.

    Raises:
        PipelineError: corpus and vocab do not fit, a split stays empty, or what `store.begin` raises.
    """
    corpus = store.open_artefact(context.layout.folder("corpus"), stage="corpus")
    vocab = store.open_artefact(context.layout.folder("vocab"), stage="vocab")
    check_parents(config, corpus, vocab)
    target = context.layout.folder("dataset")
    parents = {"corpus": corpus.fingerprint, "vocab": vocab.fingerprint}
    job = store.begin(target, stage="dataset", config=config, parents=parents, overwrite=context.overwrite)
    if job is None:
        say(f"dataset: {escape(str(target))} is up to date")
        return
    units = grouped(corpus.files("articles-*.parquet"))
    work = UnitWork(
        units=units,
        config=config,
        language=store.read_json(corpus.folder / "site.json")["language"],
        vocab=vocab.folder.absolute(),
        fingerprint=vocab.fingerprint,
        out=job.folder.absolute(),
        memory_gb=context.executor.memory_gb,
    )
    names = [f"{number:05d}" for number in range(len(units))]
    counts = store.merged(map_units(work, names, scratch=job.work, label="dataset", executor=context.executor))
    check_result(counts, config)
    for split in ("train", "validation"):
        content = json.dumps([job.plan, split], sort_keys=True).encode()
        shards.complete(job.folder / split, hashlib.sha256(content).hexdigest()[:16])
    job.finish(counts)
    tell(counts, target)


def grouped(files: list[Path]) -> tuple[tuple[Path, ...], ...]:
    """Runs of files of about UNIT_BYTES each; at least one file a run."""
    groups: list[list[Path]] = []
    room = 0
    for path in files:
        if room <= 0:
            groups.append([])
            room = UNIT_BYTES
        groups[-1].append(path.absolute())
        room -= path.stat().st_size
    return tuple(tuple(group) for group in groups)


def check_parents(config: DatasetConfig, corpus: Artefact, vocab: Artefact) -> None:
    """Raise PipelineError unless the vocabulary was counted on this corpus and on the same training pages."""
    share = vocab.manifest["config"]["validation_share"]
    if share != config.validation_share:
        raise PipelineError(
            f"{vocab.folder} was counted with validation_share={share}, the dataset is asked for with "
            f"{config.validation_share}: pages held out here would have been counted there.\n"
            "Set both by the top-level key validation_share, and rebuild the vocab if it is the one to change."
        )
    if vocab.manifest["parents"]["corpus"] != corpus.fingerprint:
        raise PipelineError(
            f"{vocab.folder} was counted on another corpus than {corpus.folder}: "
            "rebuild it (make vocab ARGS=overwrite=true) or choose another by vocab.name=..."
        )


def check_result(counts: Counts, config: DatasetConfig) -> None:
    """Raise PipelineError when a split is empty, saying why."""
    if not counts.get("pages_seen"):
        raise PipelineError("the corpus has no articles: take another dump, or look into its account of dropped pages")
    account = ", ".join(f"{key}={number}" for key, number in counts.items() if "dropped" in key and number)
    if not counts.get("examples_kept_train"):
        raise PipelineError(
            f"no training page gave an Example ({counts['pages_seen']} pages; {account}): "
            "take a larger dump, set dataset.min_entities=0, or lower dataset.min_sentence"
        )
    if not counts.get("examples_kept_validation"):
        raise PipelineError(
            f"no validation page gave an Example ({counts['pages_seen']} pages, of which validation_share="
            f"{config.validation_share} is held out; {account}): raise validation_share or take a larger dump"
        )


# ---------------------------------------------------------------------------------------------- one unit


@lru_cache(maxsize=1)
def word_vocab(folder: Path, _fingerprint: str) -> words.WordVocab:
    """One process opens a tokenizer once (0.4 s for roberta-base's), not once a unit."""
    return words.load(folder)


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
        vocab = word_vocab(self.vocab / "words", self.fingerprint)
        counts: Counter[str] = Counter()
        files, name = self.units[int(unit)], f"examples-{unit}.arrow"
        with (
            store.written(self.out / "train" / name, "wb") as train,
            store.written(self.out / "validation" / name, "wb") as validation,
            closing(shards.ShardWriter(train)) as train_writer,
            closing(shards.ShardWriter(validation)) as validation_writer,
        ):
            for page_id, text, mentions, share in self.pages(files):
                held_out = is_validation(page_id, self.config.validation_share)
                found = list(self.page_examples(page_id, text, mentions, vocab, counts))
                split, writer = ("validation", validation_writer) if held_out else ("train", train_writer)
                for example in found:
                    writer.add(example)
                counts["pages_seen"] += 1
                counts[f"examples_kept_{split}"] += len(found)
                counts[f"pages_kept_{split}" if found else "pages_dropped_no_example"] += 1
                report(share)
        return dict(+counts)  # without the zeros

    def pages(self, files: Sequence[Path]) -> Iterator[tuple[str, str, list[Mention], float]]:
        """Id, text and links of every article, and the share of the unit that is read."""
        ids = self.entity_ids(files)
        sources = [pq.ParquetFile(path) for path in files]
        total = sum(source.metadata.num_rows for source in sources)
        done = taken = 0
        for batch in chain.from_iterable(
            source.iter_batches(batch_size=ROWS, columns=["id", "text", "links"]) for source in sources
        ):
            edges = batch["links"].offsets.to_numpy()
            flat = batch["links"].flatten()
            columns = (flat.field("start").to_pylist(), flat.field("end").to_pylist(), ids[taken : taken + len(flat)])
            links = [Mention(start, end, int(entity)) for start, end, entity in zip(*columns, strict=True)]
            taken += len(flat)
            cuts = pairwise((edges - edges[0]).tolist())
            for page_id, text, (first, last) in zip(
                batch["id"].to_pylist(), batch["text"].to_pylist(), cuts, strict=True
            ):
                done += 1
                yield page_id, text, links[first:last], done / total

    def entity_ids(self, files: Sequence[Path]) -> NDArray[np.int32]:
        """The entity of every link of the files, in order; [UNK] for a title that leads to none."""
        spill = str(self.out / store.WORK / "duckdb" / files[0].stem)
        memory = f"{self.memory_gb * 700}MB"  # the rest is for Python and the arrays
        settings: dict[str, Any] = {"threads": 1, "memory_limit": memory, "temp_directory": spill}
        values = {"articles": [str(path) for path in files], "aliases": str(self.vocab / entities.ALIASES)}
        with duckdb.connect(config=settings) as connection:
            found: NDArray[np.int32] = connection.execute(LOOK_UP, values).fetchnumpy()["id"]
        return found

    def page_examples(
        self, page_id: str, text: str, links: list[Mention], vocab: words.WordVocab, counts: Counter[str]
    ) -> Iterator[Example]:
        """The Examples of one page."""
        mentions = usable_mentions(text, links, counts)
        spans = sentence_spans(text, self.language, [(mention.start, mention.end) for mention in mentions])
        encode = vocab.tokenizer.encode_batch_fast
        sentences = tokenized(
            text,
            spans,
            mentions,
            lambda pieces: [encoding.ids for encoding in encode(pieces, add_special_tokens=False)],
            max_mention=self.config.max_mention,
            counts=counts,
        )
        return examples(page_id, sentences, self.config, bos=vocab.bos, eos=vocab.eos, counts=counts)


# ---------------------------------------------------------------------------------------------- account


def tell(counts: Counts, target: Path) -> None:
    """The account, for people."""
    say(
        f"dataset: {counts['examples_kept_train']:,} training and {counts['examples_kept_validation']:,} validation "
        f"Examples in {escape(str(target))}"
    )
    for noun in ("pages", "sentences", "tokens", "links"):
        kept = {key: number for key, number in counts.items() if key.startswith(f"{noun}_kept")}
        lost = [
            f"{number:,} {key.removeprefix(f'{noun}_dropped_').replace('_', ' ')}"
            for key, number in counts.items()
            if key.startswith(f"{noun}_dropped") and number
        ]
        unknown = kept.get("links_kept_unknown")
        note = f" ({unknown:,} of them [UNK])" if unknown else ""
        seen = counts.get(f"{noun}_seen", 0)
        share = sum(kept.values()) / seen if seen else 0.0
        say(
            f"  {noun}: {seen:,} seen, {sum(kept.values()):,} kept ({share:.1%}){escape(note)}"
            + (f"; dropped: {', '.join(lost)}" if lost else "")
        )
