"""STAGE dataset: corpus + vocab -> train/ and validation/, examples that `datasets.load_from_disk` opens.

The corpus' files are grouped into units, which `worker.py` turns into shards on any worker. This module groups them,
checks the result, completes the two splits as `datasets` expects them, and prints the account.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from pipeline.corpus.artefact import Corpus
from pipeline.dataset import shards
from pipeline.dataset.artefact import CARD, HISTOGRAMS, SPLITS, TRAIN
from pipeline.dataset.card import dataset_card
from pipeline.dataset.config import DatasetConfig
from pipeline.dataset.histograms import coverage, draw_figure, size_histograms
from pipeline.dataset.reader import ExampleStore
from pipeline.dataset.worker import BuildShard
from pipeline.errors import PipelineError
from pipeline.execution.console import console, spinner
from pipeline.execution.context import Context
from pipeline.execution.map_units import map_units
from pipeline.execution.preflight import preflight, total_bytes
from pipeline.execution.units import unit_names
from pipeline.store.files import atomic_write
from pipeline.store.manifest import Counts, sum_counts
from pipeline.vocab.artefact import Vocab
from pipeline.vocab.entities import FIRST_TITLE

UNITS = 64
MIN_UNIT_BYTES, MAX_UNIT_BYTES = 1 << 20, 16 << 20
"""Bounds for the article files of a unit, together; within them there are UNITS units. 1 MB is 400,000 tokens and one
second of one core, so that a small wiki is spread over workers too; 16 MB is 6 million tokens. The join of a unit takes
0.5 s when aliases.parquet has 4 million rows."""


def build(config: DatasetConfig, context: Context) -> None:
    """Build the artefact `dataset`.

    Raises:
        PipelineError: corpus and vocab do not fit together, a split stays empty, or as `Context.begin`.
    """
    corpus, vocab = Corpus.open(context.layout), Vocab.open(context.layout)
    check_parents(config, corpus, vocab)
    builder = context.begin("dataset", config, {"corpus": corpus.fingerprint, "vocab": vocab.fingerprint})
    if builder is None:
        return
    articles = corpus.articles
    preflight(builder, {"dataset": total_bytes(articles)}, context.executor)
    units = group_files(articles)
    work = BuildShard(
        units=units,
        config=config,
        language=corpus.language,
        vocab_folder=vocab.folder.absolute(),
        vocab_fingerprint=vocab.fingerprint,
        out=builder.folder.absolute(),
        memory_gb=context.executor.memory_gb,
    )
    names = unit_names(len(units))
    counts = sum_counts(map_units(work, names, scratch=builder.work, step="dataset", executor=context.executor))
    check_result(counts, config)
    for split in SPLITS:
        content = json.dumps([builder.plan, split], sort_keys=True).encode()
        shards.write_split_metadata(builder.folder / split, hashlib.sha256(content).hexdigest()[:16])
    with spinner("card and sums"):
        write_card_and_histograms(builder.folder, corpus.language, vocab, counts)
        builder.finish(counts)
    print_account(counts, builder.target)


def write_card_and_histograms(folder: Path, language: str, vocab: Vocab, counts: Counts) -> None:
    """Write the dataset card and the figure with its histograms."""
    histograms = size_histograms(ExampleStore.open(folder / TRAIN))
    covered = coverage(vocab.entities.counts[FIRST_TITLE:], vocab.links_seen)
    draw_figure(histograms, covered, folder / HISTOGRAMS)
    with atomic_write(folder / CARD) as file:
        file.write(dataset_card(language, counts, histograms, covered))


def group_files(files: list[Path]) -> tuple[tuple[Path, ...], ...]:
    """Return runs of consecutive files of about the same total size; the grouping does not depend on the workers."""
    sizes = [path.stat().st_size for path in files]
    unit_bytes = min(max(sum(sizes) // UNITS, MIN_UNIT_BYTES), MAX_UNIT_BYTES)
    groups: list[list[Path]] = []
    room = 0
    for path, size in zip(files, sizes, strict=True):
        if room <= 0:
            groups.append([])
            room = unit_bytes
        groups[-1].append(path.absolute())
        room -= size
    return tuple(tuple(group) for group in groups)


def check_parents(config: DatasetConfig, corpus: Corpus, vocab: Vocab) -> None:
    """Raise PipelineError unless the vocabulary was counted on this corpus and on the same training pages."""
    if vocab.validation_share != config.validation_share:
        raise PipelineError(
            f"{vocab.folder} was counted with validation_share={vocab.validation_share}, but the dataset has "
            f"validation_share={config.validation_share}: pages held out here would have been counted there.\n"
            "Set both with the top-level key validation_share, and rebuild the vocab if its value has to change."
        )
    if vocab.corpus_fingerprint != corpus.fingerprint:
        raise PipelineError(
            f"{vocab.folder} was counted on another corpus than {corpus.folder}: "
            "rebuild it (make vocab ARGS=overwrite=true) or choose another with vocab.name=..."
        )


def check_result(counts: Counts, config: DatasetConfig) -> None:
    """Raise PipelineError, with the likely reason, if a split is empty."""
    if not counts.get("pages.seen"):
        raise PipelineError(
            "the corpus has no articles: use another dump, or read the corpus' account of dropped pages"
        )
    dropped = "".join(f", {key}={number}" for key, number in counts.items() if "dropped" in key and number)
    if not counts.get("examples.kept.train"):
        raise PipelineError(
            f"no training page gave an example ({counts['pages.seen']} pages{dropped}): use a larger dump, set "
            "dataset.min_entities=0, or lower dataset.min_sentence_length"
        )
    if not counts.get("examples.kept.validation"):
        raise PipelineError(
            f"no held-out page gave an example ({counts['pages.seen']} pages with validation_share="
            f"{config.validation_share}{dropped}): raise validation_share or use a larger dump"
        )


# ---------------------------------------------------------------------------------------------- account


def print_account(counts: Counts, target: Path) -> None:
    """Print the account."""
    console.print(
        f"dataset: {counts['examples.kept.train']:,} training and {counts['examples.kept.validation']:,} held-out "
        f"examples in {target}"
    )
    for noun in ("pages", "sentences", "tokens", "links"):
        kept = {key: number for key, number in counts.items() if key.startswith(f"{noun}.kept")}
        lost = [
            f"{number:,} {key.removeprefix(f'{noun}.dropped.').replace('_', ' ')}"
            for key, number in counts.items()
            if key.startswith(f"{noun}.dropped") and number
        ]
        unknown = kept.get("links.kept.unknown")
        note = f" ({unknown:,} of them [UNK])" if unknown else ""
        seen = counts.get(f"{noun}.seen", 0)
        share = sum(kept.values()) / seen if seen else 0.0
        console.print(
            f"  {noun}: {seen:,} seen, {sum(kept.values()):,} kept ({share:.1%}){note}"
            + (f"; dropped: {', '.join(lost)}" if lost else "")
        )
