"""The report of a real evaluation agrees with its other files, and is not a part of its fingerprint."""

from __future__ import annotations

import html

import pyarrow.parquet as pq
import pytest

from pipeline.evaluate.fit_rivals import entity_unigram, fit_entity_rivals
from pipeline.evaluate.inputs import Inputs
from pipeline.evaluate.report.gather import Report, gather_report
from pipeline.evaluate.report.ranks import ScoredRanks
from pipeline.evaluate.report.sentences import draw_mentions
from pipeline.evaluate.report.write import write_report
from pipeline.store.artefact import open_artefact
from pipeline.store.files import read_json
from tests.evaluate.report.conftest import MENTIONS, Hostile
from tests.helpers.stages import compose_config


@pytest.fixture(scope="module")
def inputs(hostile: Hostile) -> Inputs:
    """Return the inputs of the evaluation."""
    config = compose_config("stage=evaluate", *hostile.overrides, "evaluate.checkpoints=true")
    return Inputs.open(config.evaluate, config.layout)


@pytest.fixture(scope="module")
def report(hostile: Hostile, inputs: Inputs) -> Report:
    """Return the content of the report."""
    return gather_report(inputs, fit_entity_rivals(inputs, entity_unigram(inputs)), hostile.evaluation)


def test_the_stage_writes_it_outside_the_fingerprint(hostile):
    page = (hostile.evaluation / "report.html").read_text(encoding="utf-8")
    assert html.escape("<script>alert(1)</script>") in page
    assert "<script>alert" not in page
    assert "report.html" not in open_artefact(hostile.evaluation, stage="evaluate").manifest["files"]


def test_the_ranks_of_the_sentences_are_those_of_mentions_parquet(hostile, report, inputs):
    scored = ScoredRanks.open(hostile.evaluation / "mentions.parquet")
    rows = pq.read_table(hostile.evaluation / "mentions.parquet").to_pylist()
    drawn = draw_mentions(scored, inputs.config.seed)
    assert len(drawn) == len(report.sentences) > 0
    for one, sentence in zip(drawn, report.sentences, strict=True):
        [row] = [row for row in rows if (row["example"], row["entity_number"]) == (one.example, one.entity_number)]
        visible, hidden = sentence.questions[:2]
        assert visible.answer == row["title"]
        assert [guess.rank for guess in visible.guesses] == [row["rank_model"], row["rank_prior_as_seen"]]
        assert [guess.rank for guess in hidden.guesses] == [
            row["hidden_rank_model"], row["hidden_rank_naive_bayes_tokens_and_entities"],
        ]  # fmt: skip
        for guess in (*visible.guesses, *hidden.guesses):  # at rank r, the r-th choice is right
            right = [place for place, choice in enumerate(guess.choices, start=1) if choice.is_right]
            assert right == ([guess.rank] if guess.rank <= len(guess.choices) else [])
        is_right = (row["rank_model"] == 1, row["rank_prior_as_seen"] == 1)
        assert sentence.outcome == {
            (True, True): "both", (True, False): "model", (False, True): "table", (False, False): "neither",
        }[is_right]  # fmt: skip
        mention = "".join(segment.text or "<mask>" for segment in sentence.segments if segment.in_mention).strip()
        assert mention == row["seen"]


def test_words_are_asked_where_they_are_hidden(report):
    words = [question for sentence in report.sentences for question in sentence.questions if question.kind == "word"]
    assert words
    for sentence in report.sentences:
        hidden = {segment.number for segment in sentence.segments if segment.kind == "mask" and segment.number}
        assert {question.number for question in sentence.questions if question.kind == "word"} <= hidden
    for guess in (guess for question in words for guess in question.guesses):
        right = [place for place, choice in enumerate(guess.choices, start=1) if choice.is_right]
        assert right in ([], [guess.rank])
        assert sum(choice.probability for choice in guess.choices) <= 1 + 1e-6


def test_the_ranks_by_group_are_those_of_metrics_json(hostile, report):
    metrics = read_json(hostile.evaluation / "metrics.json")
    names = {"1\u20135": "1-5", "6\u201320": "6-20", "21\u2013100": "21-100", "never": "0", "over 100": "more"}
    for breakdown in report.ranks.breakdowns:
        if breakdown.grouping == "frequency":
            for group in breakdown.groups:
                prefix = f"entities.{breakdown.setting}.frequency.{names[group.title]}"
                assert group.count == metrics[f"{prefix}.count"]
                for scorer, score in zip(breakdown.scorers, group.scores, strict=True):
                    expected = metrics[f"{prefix}.{scorer}.hits_at_10"]
                    assert (score.hits_at_10 if score else None) == pytest.approx(expected)


def test_it_has_the_checkpoints_the_account_and_the_cost(report, inputs):
    names = [curves.name for curves in report.training.curves]
    assert names == [
        "word-loss", "entity-loss", "learning-rate", "speed", "checkpoints-visible", "checkpoints-hidden",
    ]  # fmt: skip
    assert all(account.adds_up for account in report.accounts)
    assert {account.stage for account in report.accounts} == {"corpus", "vocab", "dataset"}
    assert report.cost.steps == sum(phase.steps for phase in inputs.training.phases)
    lengths = inputs.data.train.word_lengths
    assert report.cost.tokens == round(report.cost.steps * 4 * lengths.sum() / len(lengths))
    titles = {hood.entity.title for hood in report.neighbourhoods}
    assert titles == {title for title, _ in MENTIONS.values()}


def test_writing_it_again_gives_the_same_page(hostile, inputs, tmp_path):
    for path in hostile.evaluation.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "report.html").unlink()
    write_report(inputs, fit_entity_rivals(inputs, entity_unigram(inputs)), tmp_path)
    assert (tmp_path / "report.html").read_bytes() == (hostile.evaluation / "report.html").read_bytes()
