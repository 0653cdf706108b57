"""Collect what the report shows from the artefacts on disk, as one typed record.

Most of it is read from metrics.json, mentions.parquet, metrics.jsonl and the manifests. The masked sentences and the
neighbours of entities take the model once more; it runs on the CPU, on a few examples.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pipeline.corpus.artefact import Corpus
from pipeline.errors import PipelineError
from pipeline.evaluate.artefact import CHECKPOINTS, MENTIONS, METRICS, SEES_MORE, STRONGEST
from pipeline.evaluate.checkpoints import CheckpointFigures
from pipeline.evaluate.fit_rivals import EntityRivals
from pipeline.evaluate.inputs import Inputs, kept_examples
from pipeline.evaluate.report.account import Account, read_accounts
from pipeline.evaluate.report.comparison import Comparison, Difference, Duel, compare, read_differences, read_duels
from pipeline.evaluate.report.cost import Cost, read_cost
from pipeline.evaluate.report.neighbours import Neighbourhood, find_neighbours
from pipeline.evaluate.report.ranks import (
    Breakdown,
    Outcome,
    RankCurve,
    ScoredRanks,
    breakdowns,
    find_outcomes,
    rank_curves,
)
from pipeline.evaluate.report.sentences import Sentence, draw_examples, draw_mentions, make_sentences
from pipeline.evaluate.report.training import TrainingCurves, read_training
from pipeline.evaluate.scores import Figures
from pipeline.model.dimensions import Dimensions
from pipeline.pretrain.metrics_file import read_metrics
from pipeline.store.artefact import open_parent
from pipeline.store.files import read_json
from pipeline.store.manifest import Counts


@dataclass(frozen=True, slots=True)
class EntityRanks:
    """What mentions.parquet says."""

    count: int
    """Number of masked entities."""
    entities: int
    """Size of the entity vocabulary."""
    breakdowns: tuple[Breakdown, ...]
    curves: Mapping[str, tuple[RankCurve, ...]]
    """Setting -> the curves of its scorers."""
    outcomes: Mapping[Outcome, int]
    """Number of masked entities of each outcome."""


@dataclass(frozen=True, slots=True)
class Report:
    """Everything that the page shows."""

    run: str
    dump: str
    """Name of the folder of the dump's artefacts."""
    language: str | None
    model: str | None
    """The other model that was scored, if evaluate.model named one."""
    dataset: str | None
    """The other dataset whose pages were scored, if evaluate.dataset named one."""
    pages: int
    """Held-out pages."""
    left_out: int
    """Held-out pages of the other dataset that the run was trained on."""
    dimensions: Dimensions
    comparisons: tuple[Comparison, ...]
    differences: tuple[Difference, ...]
    duels: tuple[Duel, ...]
    moved_to_host: float | None
    """Share of the first choices for moved mentions that are the entity of the new place."""
    ranks: EntityRanks | None
    """None for a words-only model."""
    sentences: tuple[Sentence, ...]
    neighbourhoods: tuple[Neighbourhood, ...]
    training: TrainingCurves | None
    """None if another model was scored."""
    accounts: tuple[Account, ...]
    cost: Cost


def gather_report(inputs: Inputs, rivals: EntityRivals, folder: Path) -> Report:
    """Collect the report of one evaluation.

    Args:
        inputs: the run with its data.
        rivals: the fitted rivals of the entities; none for a words-only model.
        folder: the evaluation's folder, with all its other files.
    """
    config, data = inputs.config, inputs.data
    metrics: Figures = read_json(folder / METRICS)
    scored = ScoredRanks.open(folder / MENTIONS) if config.entities else None
    model = inputs.load_model().eval()
    if scored is None:
        drawn = draw_examples(kept_examples(data.validation.page_ids, inputs.left_out_pages()), config.seed)
    else:
        drawn = draw_mentions(scored, config.seed)
    comparisons, differences = compare(metrics), read_differences(metrics)
    lines = read_metrics(inputs.training.metrics)
    return Report(
        run=inputs.training.folder.name,
        dump=inputs.dataset.folder.parent.name,
        language=data.language,
        model=config.model,
        dataset=config.dataset,
        pages=int(metrics["pages.count"] or 0),
        left_out=int(metrics["pages.left_out"] or 0),
        dimensions=model.dimensions,
        comparisons=tuple(comparisons),
        differences=tuple(differences),
        duels=tuple(read_duels(comparisons, differences)),
        moved_to_host=metrics.get("entities.moved.host"),
        ranks=None if scored is None else gather_ranks(scored, data.entity_vocab_size),
        sentences=tuple(make_sentences(inputs, model, rivals, drawn)),
        neighbourhoods=tuple(find_neighbours(model, data.entity_vocab)) if data.entity_vocab is not None else (),
        training=None if config.model else read_training(lines, read_checkpoints(folder), metrics),
        accounts=tuple(read_accounts(gather_counts(inputs))),
        cost=read_cost(inputs.training, data.train, lines),
    )


def gather_ranks(scored: ScoredRanks, entities: int) -> EntityRanks:
    """Return what the ranks say about entities; `entities` is the size of their vocabulary."""
    curves = {}
    for setting in STRONGEST:
        scorers = [scorer for scorer in scored.ranks[setting] if scorer != SEES_MORE]
        curves[setting] = tuple(rank_curves(scored, setting, scorers))
    counts = {outcome: len(members) for outcome, members in find_outcomes(scored).items()}
    return EntityRanks(len(scored), entities, tuple(breakdowns(scored)), curves, counts)


def read_checkpoints(folder: Path) -> list[CheckpointFigures]:
    """Return the figures of checkpoints.json; none if the checkpoints were not scored."""
    path = folder / CHECKPOINTS
    return [CheckpointFigures(**record) for record in read_json(path)] if path.is_file() else []


def gather_counts(inputs: Inputs) -> dict[str, Counts]:
    """Return data stage -> the counts of its manifest, without those of a corpus that has been deleted."""
    counts = {"vocab": inputs.vocab.artefact.counts, "dataset": inputs.dataset.artefact.counts}
    try:
        corpus = open_parent(inputs.vocab.artefact, Corpus.stage)
    except PipelineError:
        return counts
    return {"corpus": corpus.counts, **counts}
