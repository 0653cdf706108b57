"""Reduce mentions.parquet to what the report shows: ranks by group, hits at every k, and who is right where. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from pipeline.evaluate.artefact import MODEL, SETTING_RIVALS, STRONGEST
from pipeline.evaluate.breakdown import AMBIGUITY_GROUPS, FREQUENCY_GROUPS
from pipeline.evaluate.console_table import SCORER_TITLES
from pipeline.evaluate.scores import TOP_K
from pipeline.io.arrow import BoolArray, Int64Array, as_numpy

RANK_PREFIXES = {"visible": "rank_", "hidden": "hidden_rank_"}
"""Setting -> beginning of the names of its columns."""
GROUP_TITLES = {
    "0": "never",
    "1-5": "1\u20135",
    "6-20": "6\u201320",
    "21-100": "21\u2013100",
    "more": "over 100",
    "one": "one entity",
    "several": "several",
    "unseen": "unseen",
    "damaged": "damaged",
}
GROUPINGS = {"frequency": FREQUENCY_GROUPS, "ambiguity": AMBIGUITY_GROUPS}
TABLE_RIVAL = STRONGEST["visible"][0]
"""The table of mention counts that reads exactly what the model reads."""
Outcome = Literal["both", "model", "table", "neither"]
OUTCOMES: tuple[Outcome, ...] = ("both", "model", "table", "neither")


@dataclass(frozen=True, slots=True)
class ScoredRanks:
    """The columns of mentions.parquet that the report reads, for K masked entities."""

    examples: Int64Array
    """[K] index of the example in the held-out dataset."""
    entity_numbers: Int64Array
    """[K] which entity of the example it is."""
    groups: dict[str, NDArray[np.str_]]
    """Grouping -> [K] name of the group."""
    ranks: dict[str, dict[str, Int64Array]]
    """Setting -> scorer -> [K] ranks."""

    @staticmethod
    def open(path: Path) -> ScoredRanks:
        """Read mentions.parquet."""
        with pq.ParquetFile(path) as file:
            table = file.read()
        ranks = {
            setting: {
                scorer: read_integers(table, prefix + scorer)
                for scorer in (MODEL, *SETTING_RIVALS[setting])
                if prefix + scorer in table.column_names  # a rival may not have been fitted
            }
            for setting, prefix in RANK_PREFIXES.items()
        }
        groups = {name: np.array(table[name].to_pylist(), dtype=np.str_) for name in GROUPINGS}
        return ScoredRanks(
            read_integers(table, "example"), read_integers(table, "entity_number"), groups=groups, ranks=ranks
        )

    def __len__(self) -> int:
        return len(self.examples)


def read_integers(table: pa.Table, name: str) -> Int64Array:
    """Return a column of integers."""
    return np.concatenate([np.empty(0, np.int64), *(as_numpy(chunk) for chunk in table[name].chunks)])


@dataclass(frozen=True, slots=True)
class GroupScore:
    """The ranks of one scorer in a group."""

    hits_at_10: float
    accuracy: float
    median_rank: float


@dataclass(frozen=True, slots=True)
class Group:
    """One group of masked entities."""

    title: str
    count: int
    scores: tuple[GroupScore | None, ...]
    """In the order of the scorers; None for an empty group."""


@dataclass(frozen=True, slots=True)
class Breakdown:
    """Ranks by group, of the model, a strong rival and the unigram."""

    setting: str
    grouping: str
    scorers: tuple[str, ...]
    groups: tuple[Group, ...]


def breakdowns(scored: ScoredRanks) -> list[Breakdown]:
    """Return the ranks by frequency and by ambiguity, for visible and hidden mentions."""
    return [make_breakdown(scored, setting, grouping) for setting in STRONGEST for grouping in GROUPINGS]


def make_breakdown(scored: ScoredRanks, setting: str, grouping: str) -> Breakdown:
    """Return the ranks of a setting by group."""
    rival = TABLE_RIVAL if setting == "visible" else STRONGEST[setting][-1]
    scorers = (MODEL, rival, "unigram")
    groups = []
    for name in GROUPINGS[grouping]:
        chosen: BoolArray = scored.groups[grouping] == name
        parts = (scored.ranks[setting][scorer][chosen] for scorer in scorers)
        groups.append(Group(GROUP_TITLES[name], int(chosen.sum()), tuple(group_score(ranks) for ranks in parts)))
    return Breakdown(setting, grouping, scorers, tuple(groups))


def group_score(ranks: Int64Array) -> GroupScore | None:
    """Return the figures of some ranks, or None if there are none."""
    if not len(ranks):
        return None
    return GroupScore(float(np.mean(ranks <= TOP_K)), float(np.mean(ranks == 1)), float(np.median(ranks)))


@dataclass(frozen=True, slots=True)
class RankCurve:
    """Share of the masked entities whose rank is at most k, for every k that occurs as a rank."""

    scorer: str
    ks: Int64Array
    """[n] ascending, from 1."""
    shares: NDArray[np.float64]
    """[n]."""

    @property
    def title(self) -> str:
        """The scorer's title."""
        return SCORER_TITLES[self.scorer]


def rank_curves(scored: ScoredRanks, setting: str, scorers: Sequence[str]) -> list[RankCurve]:
    """Return the curve of each scorer."""
    return [rank_curve(scorer, scored.ranks[setting][scorer]) for scorer in scorers] if len(scored) else []


def rank_curve(scorer: str, ranks: Int64Array) -> RankCurve:
    """Return the curve of some ranks."""
    ks, counts = np.unique(np.append(ranks, 1), return_counts=True)  # every curve begins at k = 1
    counts[0] -= 1
    return RankCurve(scorer, ks, np.cumsum(counts) / len(ranks))


def find_outcomes(scored: ScoredRanks) -> dict[Outcome, Int64Array]:
    """Return which of the masked entities are predicted right by the first choice of whom, as indices."""
    model, table = (scored.ranks["visible"][scorer] == 1 for scorer in (MODEL, TABLE_RIVAL))
    masks: dict[Outcome, BoolArray] = {
        "both": model & table,
        "model": model & ~table,
        "table": ~model & table,
        "neither": ~model & ~table,
    }
    return {name: np.flatnonzero(masks[name]) for name in OUTCOMES}
