"""A report of made figures, whose titles and mentions are markup, Arabic and Japanese."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from pipeline.evaluate.report.account import Account
from pipeline.evaluate.report.comparison import compare, read_differences, read_duels
from pipeline.evaluate.report.cost import Cost
from pipeline.evaluate.report.excerpt import Segment
from pipeline.evaluate.report.gather import EntityRanks, Report
from pipeline.evaluate.report.guesses import Choice, Guess
from pipeline.evaluate.report.neighbours import NamedEntity, Neighbour, Neighbourhood
from pipeline.evaluate.report.ranks import Breakdown, Group, GroupScore, RankCurve
from pipeline.evaluate.report.sentences import Question, Sentence
from pipeline.evaluate.report.training import read_training
from pipeline.model.dimensions import Dimensions
from pipeline.pretrain.artefact import PhaseSummary
from tests.evaluate.report.test_comparison import METRICS
from tests.evaluate.report.test_training import LINES

SCRIPT, BOLD, ARABIC, JAPANESE = "<script>alert(1)</script>", "<b>bold</b>", "مدينة الجزائر", "東京タワー"

DIMENSIONS = Dimensions(
    vocab_size=400, entity_vocab_size=50, layers=2, hidden=32, heads=2, intermediate=64, max_positions=66,
    type_vocab_size=1, layer_norm_eps=1e-5, entity_embedding=16, attention="entity_aware", dropout=0.1,
    attention_dropout=0.1, backend="auto", gradient_checkpointing=False, logits_bytes=1,
)  # fmt: skip
COST = Cost(
    phases=(PhaseSummary("entities", "entities", 5, 0.5, 0.001), PhaseSummary("all", "everything", 10, 1.0, 0.002)),
    batch_size=8, parameters=1_234_567, tokens=7_200, seconds=3725.2, resumed=True, cpu_seconds=None, processes=2,
    tokens_per_second=150.0, memory_gb=0.5, code="abc", torch="2.13.0",
)  # fmt: skip


def guess(name: str, right: str | None, rank: int) -> Guess:
    """Return three choices; the first is right if `right` is given."""
    titles = (right or BOLD, ARABIC, JAPANESE)
    choices = tuple(Choice(title, 0.5 / (place + 1), title == right) for place, title in enumerate(titles))
    return Guess(name, name.replace("_", " "), choices, rank)


def make_report() -> Report:
    """Return the report."""
    comparisons, differences = compare(METRICS), read_differences(METRICS)
    score = GroupScore(0.5, 0.25, 4.0)
    groups = (Group("never", 0, (None, None, None)), Group("1\u20135", 8, (score, score, score)))
    curve = RankCurve("model", np.array([1, 20]), np.array([0.5, 1.0]))
    segments = (
        Segment("He saw", "text", False), Segment(f" {BOLD}", "text", True, 1), Segment("", "mask", False, 2),
        Segment(" dogs", "random", False), Segment(f" {ARABIC} {JAPANESE}.", "text", False),
    )  # fmt: skip
    questions = (
        Question("entity", 1, SCRIPT, (guess("model", SCRIPT, 1), guess("prior_as_seen", None, 1234))),
        Question("word", 2, " ", (guess("model", None, 7), guess("bigram", " ", 1))),
    )
    return Report(
        run="run & <i>", dump="made", language="ar", model=None, dataset=None, pages=3, left_out=0,
        dimensions=DIMENSIONS, comparisons=tuple(comparisons), differences=tuple(differences),
        duels=tuple(read_duels(comparisons, differences)), moved_to_host=0.25,
        ranks=EntityRanks(
            8, 47,
            tuple(
                Breakdown(setting, grouping, ("model", rival, "unigram"), groups)
                for setting, rival in (("visible", "prior_as_seen"), ("hidden", "naive_bayes_tokens_and_entities"))
                for grouping in ("frequency", "ambiguity")
            ),
            {"visible": (curve,), "hidden": (curve,)},
            {"both": 4, "model": 2, "table": 1, "neither": 1},
        ),
        sentences=(Sentence("model", segments, questions),),
        neighbourhoods=(
            Neighbourhood(NamedEntity(SCRIPT, 1200), True, (Neighbour(NamedEntity(ARABIC, 3), 0.875),)),
            Neighbourhood(NamedEntity(JAPANESE, 2), False, (Neighbour(NamedEntity(BOLD, 3), -0.25),)),
        ),
        training=read_training(LINES, [], METRICS),
        accounts=(Account("corpus", "pages", 3, (("articles", 2),), (("namespace 4", 1),)),),
        cost=COST,
    )  # fmt: skip


def words_only(report: Report) -> Report:
    """Return the report of a model without entities."""
    sentence = Sentence(None, report.sentences[0].segments[:1], report.sentences[0].questions[1:])
    return replace(
        report,
        dimensions=replace(DIMENSIONS, entity_vocab_size=0),
        comparisons=report.comparisons[:1], differences=(), duels=report.duels[:1], moved_to_host=None, ranks=None,
        sentences=(sentence,), neighbourhoods=(),
    )  # fmt: skip
