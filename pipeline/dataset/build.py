"""The dataset stage: corpus + vocab -> train/ and validation/, Examples that `datasets.load_from_disk` opens.

The corpus' files are grouped into units, which `unit.py` turns into shards, each on any worker; here they are grouped,
checked, named as a dataset and told of.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from pipeline.dataset import shards
from pipeline.dataset.card import card
from pipeline.dataset.config import DatasetConfig
from pipeline.dataset.histograms import coverage, draw, histograms
from pipeline.dataset.reader import ExampleStore
from pipeline.dataset.worker import UnitWork
from pipeline.errors import PipelineError
from pipeline.execution.console import console, working
from pipeline.execution.context import Context
from pipeline.execution.map_units import map_units
from pipeline.execution.preflight import preflight, total
from pipeline.records import SPECIAL_ENTITIES
from pipeline.store.artefact import Artefact, open_artefact
from pipeline.store.builder import begin
from pipeline.store.files import read_json, atomic_write
from pipeline.store.manifest import Counts, merged
from pipeline.vocab.entities import ENTITIES, EntityVocab

UNITS = 64
MIN_UNIT_BYTES, MAX_UNIT_BYTES = 1 << 20, 16 << 20
"""Article files of a unit, together: UNITS of them where that keeps within these bounds. 1 MB is 400,000 tokens and a
second of one core, so that a small wiki is spread over workers too; 16 MB is 6 million. A unit's join costs 0.5 s where
aliases.parquet has 4 million rows."""


def build(config: DatasetConfig, context: Context) -> None:
    """Make the dataset artefact.

    Raises:
        PipelineError: corpus and vocab do not fit, a split stays empty, or what `begin` raises.
    """
    corpus = open_artefact(context.layout.folder("corpus"), stage="corpus")
    vocab = open_artefact(context.layout.folder("vocab"), stage="vocab")
    check_parents(config, corpus, vocab)
    target = context.layout.folder("dataset")
    parents = {"corpus": corpus.fingerprint, "vocab": vocab.fingerprint}
    job = begin(target, stage="dataset", config=config, parents=parents, overwrite=context.overwrite)
    if job is None:
        console.print(f"dataset: {target} is up to date")
        return
    articles = corpus.files("articles-*.parquet")
    preflight(job, {"dataset": total(articles)}, context.executor)
    units = grouped(articles)
    work = UnitWork(
        units=units,
        config=config,
        language=read_json(corpus.folder / "site.json")["language"],
        vocab=vocab.folder.absolute(),
        fingerprint=vocab.fingerprint,
        out=job.folder.absolute(),
        memory_gb=context.executor.memory_gb,
    )
    names = [f"{number:05d}" for number in range(len(units))]
    counts = merged(map_units(work, names, scratch=job.work, label="dataset", executor=context.executor))
    check_result(counts, config)
    for split in ("train", "validation"):
        content = json.dumps([job.plan, split], sort_keys=True).encode()
        shards.complete(job.folder / split, hashlib.sha256(content).hexdigest()[:16])
    with working("card and sums"):
        describe(job.folder, work.language, vocab, counts)
        job.finish(counts)
    tell(counts, target)


def describe(folder: Path, language: str, vocab: Artefact, counts: Counts) -> None:
    """Write the page of histograms and the card."""
    found = histograms(ExampleStore.open(folder / "train"))
    links = EntityVocab.open(vocab.folder / ENTITIES).counts[len(SPECIAL_ENTITIES) :]
    covered = coverage(links, vocab.counts["links.seen"])
    draw(found, covered, folder / "histograms.png")
    with atomic_write(folder / "README.md") as file:
        file.write(card(language, counts, found, covered))


def grouped(files: list[Path]) -> tuple[tuple[Path, ...], ...]:
    """Runs of files of about the same size; at least one file a run. The workers have no say in it."""
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
    if not counts.get("pages.seen"):
        raise PipelineError("the corpus has no articles: take another dump, or look into its account of dropped pages")
    account = ", ".join(f"{key}={number}" for key, number in counts.items() if "dropped" in key and number)
    if not counts.get("examples.kept.train"):
        raise PipelineError(
            f"no training page gave an Example ({counts['pages.seen']} pages; {account}): "
            "take a larger dump, set dataset.min_entities=0, or lower dataset.min_sentence"
        )
    if not counts.get("examples.kept.validation"):
        raise PipelineError(
            f"no validation page gave an Example ({counts['pages.seen']} pages, of which validation_share="
            f"{config.validation_share} is held out; {account}): raise validation_share or take a larger dump"
        )


# ---------------------------------------------------------------------------------------------- account


def tell(counts: Counts, target: Path) -> None:
    """The account, for people."""
    console.print(
        f"dataset: {counts['examples.kept.train']:,} training and {counts['examples.kept.validation']:,} validation "
        f"Examples in {target}"
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
