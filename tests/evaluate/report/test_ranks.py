"""Ranks by group, hits at every k and outcomes, on five masked entities."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.evaluate.artefact import SETTING_RIVALS
from pipeline.evaluate.report.ranks import ScoredRanks, breakdowns, find_outcomes, rank_curve

RANKS = {
    "rank_model": [1, 1, 12, 2, 40],
    "rank_prior_as_seen": [1, 5, 1, 11, 30],
    "rank_unigram": [9, 20, 21, 22, 23],
    "hidden_rank_model": [10, 11, 12, 13, 14],
    "hidden_rank_naive_bayes_tokens_and_entities": [1, 2, 3, 4, 5],
    "hidden_rank_unigram": [9, 20, 21, 22, 23],
}


@pytest.fixture
def scored(tmp_path: Path) -> ScoredRanks:
    """Return the ranks of five masked entities, read from a file with the other columns too."""
    columns: dict[str, list[int] | list[str]] = {
        "example": [7, 7, 8, 9, 9],
        "entity_number": [0, 2, 1, 0, 1],
        "frequency": ["more", "1-5", "1-5", "1-5", "0"],
        "ambiguity": ["one", "one", "several", "unseen", "damaged"],
        "title": ["a", "b", "c", "d", "e"],
    }
    for prefix, setting in (("rank_", "visible"), ("hidden_rank_", "hidden")):
        columns |= {f"{prefix}{rival}": [1] * 5 for rival in SETTING_RIVALS[setting]}
    pq.write_table(pa.table(columns | RANKS), tmp_path / "mentions.parquet")
    return ScoredRanks.open(tmp_path / "mentions.parquet")


def test_ranks_by_group(scored):
    by_frequency, by_ambiguity, hidden, _ = breakdowns(scored)
    assert (by_frequency.setting, by_frequency.scorers) == ("visible", ("model", "prior_as_seen", "unigram"))
    assert [(group.title, group.count) for group in by_frequency.groups] == [
        ("never", 1), ("1\u20135", 3), ("6\u201320", 0), ("21\u2013100", 0), ("over 100", 1),
    ]  # fmt: skip
    model, table, unigram = by_frequency.groups[1].scores  # ranks 1, 12, 2; 5, 1, 11; 20, 21, 22
    assert (model.hits_at_10, model.accuracy, model.median_rank) == (2 / 3, 1 / 3, 2)
    assert (table.hits_at_10, table.accuracy, table.median_rank) == (2 / 3, 1 / 3, 5)
    assert (unigram.hits_at_10, unigram.median_rank) == (0, 21)
    assert by_frequency.groups[2].scores == (None, None, None)
    assert [group.count for group in by_ambiguity.groups] == [2, 1, 1, 1]
    assert (hidden.setting, hidden.scorers[1]) == ("hidden", "naive_bayes_tokens_and_entities")
    assert hidden.groups[1].scores[1].median_rank == 3  # ranks 2, 3, 4


def test_a_rival_that_was_not_fitted_has_no_ranks(scored, tmp_path):
    table = pq.read_table(tmp_path / "mentions.parquet").drop_columns(["rank_mention_bag"])
    pq.write_table(table, tmp_path / "without.parquet")
    without = ScoredRanks.open(tmp_path / "without.parquet").ranks
    assert set(scored.ranks["visible"]) - set(without["visible"]) == {"mention_bag"}


def test_a_curve_counts_the_ranks_up_to_k():
    curve = rank_curve("model", np.array([3, 2, 3, 10]))
    assert curve.ks.tolist() == [1, 2, 3, 10]
    assert curve.shares.tolist() == [0.0, 0.25, 0.75, 1.0]
    curve = rank_curve("model", np.array([1, 1, 4, 4]))
    assert (curve.ks.tolist(), curve.shares.tolist()) == ([1, 4], [0.5, 1.0])


def test_who_is_right_where(scored):
    found = {name: members.tolist() for name, members in find_outcomes(scored).items()}
    assert found == {"both": [0], "model": [1], "table": [2], "neither": [3, 4]}


def test_no_masked_entity(tmp_path):
    columns = {"example": pa.array([], pa.int64()), "entity_number": pa.array([], pa.int64())}
    columns |= {name: pa.array([], pa.string()) for name in ("frequency", "ambiguity")}
    for prefix, setting in (("rank_", "visible"), ("hidden_rank_", "hidden")):
        columns |= {f"{prefix}{name}": pa.array([], pa.int64()) for name in ("model", *SETTING_RIVALS[setting])}
    pq.write_table(pa.table(columns), tmp_path / "mentions.parquet")
    scored = ScoredRanks.open(tmp_path / "mentions.parquet")
    assert len(scored) == 0
    assert all(group.scores == (None, None, None) for part in breakdowns(scored) for group in part.groups)
