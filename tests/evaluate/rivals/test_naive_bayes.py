"""Naive Bayes on counts that are visible here, and on a random wiki compared with loops."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

import numpy as np
import pytest

from pipeline.evaluate.mentions import MaskedMentions, Ragged
from pipeline.evaluate.rivals import naive_bayes
from pipeline.evaluate.rivals.features import Part, count_parts
from pipeline.evaluate.rivals.naive_bayes import (
    ALPHAS,
    WEIGHTS,
    NaiveBayes,
    PartModel,
    choose_examples,
    masked_mentions,
)
from pipeline.evaluate.rivals.unigram import Unigram
from pipeline.records import Example
from tests.evaluate.rivals.plain import (
    ENTITIES,
    SPECIAL,
    WORDS,
    assert_equal_scores,
    entity_unigram,
    masked,
    masker,
    mentions_of,
    random_examples,
    ranking,
    smoothed,
)
from tests.helpers.example_store import example_store

ALL: tuple[Part, ...] = ("mention", "context", "entities")
Setting = tuple[Part, float, float]
"""Part, alpha and weight."""


def test_one_part_by_hand():
    """Entity 3 has 5 5 6 around it in all and entity 4 has 6; alpha is 2."""
    train = [Example("1", (0, 4, 5, 5, 6, 2), (3,), ((1, 2),)), Example("2", (0, 4, 6, 2), (4,), ((1, 2),))]
    unigram = entity_unigram(train)  # p = 2/14 for 3 and 4, else 1/14
    [counts] = count_parts(example_store(train).gather(np.arange(2)), unigram, special=SPECIAL, reads=("context",))
    # tokens: 4, 5 and 6 twice each of 6; p = 3/22 for each
    model = NaiveBayes(unigram, (PartModel.of(counts, alpha=2.0, weight=0.5),), examples=2)
    empty, ids = Ragged.from_rows([[]] * 3), np.array([3, 4, 5])
    mentions = MaskedMentions(
        ids, ids, ids, seen=empty, clean=empty, context=Ragged.from_rows([[5, 6], [5, 6], []]), entities=empty
    )
    of_3 = 2 / 14 * math.sqrt((2 + 6 / 22) / 5 * (1 + 6 / 22) / 5)
    of_4 = 2 / 14 * math.sqrt((6 / 22) / 3 * (1 + 6 / 22) / 3)
    of_others = 1 / 14 * math.sqrt((6 / 22) / 2 * (6 / 22) / 2)
    total = of_3 + of_4 + 10 * of_others
    scores = model.scores(mentions)
    assert scores.losses == pytest.approx([-math.log(of_3 / total), -math.log(of_4 / total), -math.log(1 / 14)])
    assert scores.ranks.tolist() == [1, 2, 6]  # without context, 5 comes after 3, 4, 0, 1 and 2
    ids, probabilities = model.top(mentions.select(np.array([0])), 3)
    assert ids.tolist() == [[3, 4, 0]]
    assert probabilities[0] == pytest.approx([of_3 / total, of_4 / total, of_others / total])


class Loops:
    """Counts of examples by loops."""

    def __init__(self, examples: Sequence[Example]) -> None:
        tokens = Counter(token for example in examples for token in example.word_ids if not SPECIAL[token])
        words = smoothed([tokens[token] for token in range(WORDS)])
        entities = smoothed(entity_unigram(examples).counts.tolist())
        self.background = {"mention": words, "context": words, "entities": entities}
        self.counts = {part: [Counter() for _ in range(ENTITIES)] for part in ALL}
        for mention in mentions_of(examples):
            own = [token for token in mention.tokens if not SPECIAL[token]]
            for part, read in (("mention", own), ("context", mention.context), ("entities", mention.others)):
                self.counts[part][mention.entity].update(read)

    def posterior(
        self, settings: Sequence[Setting], features: dict[Part, list[int]], prior: Sequence[float]
    ) -> list[float]:
        """Return the probability of each entity."""
        logs = [math.log(p) for p in prior]
        for part, alpha, weight in settings:
            background = self.background[part]
            for entity, counts in enumerate(self.counts[part]):
                for value in features[part]:
                    p = (counts[value] + alpha * background[value]) / (counts.total() + alpha)
                    logs[entity] += weight * math.log(p / background[value])
        total = math.fsum(math.exp(log) for log in logs)
        return [math.exp(log) / total for log in logs]


def features_of(mentions: MaskedMentions, number: int) -> dict[Part, list[int]]:
    """Return the features of a masked entity."""
    return {
        "mention": [token for token in mentions.seen.row(number).tolist() if not SPECIAL[token]],
        "context": mentions.context.row(number).tolist(),
        "entities": mentions.entities.row(number).tolist(),
    }


@pytest.mark.parametrize("cells", [1, 30 * ENTITIES, 1 << 23])
def test_a_random_wiki_agrees_with_loops(monkeypatch: pytest.MonkeyPatch, cells: int):
    monkeypatch.setattr(naive_bayes, "CELLS_AT_ONCE", cells)
    train, held_out = random_examples(60, seed=12), random_examples(40, seed=13)
    unigram, (mentions, _) = entity_unigram(train), masked(held_out)
    settings: list[Setting] = [("mention", 0.5, 1.0), ("context", 20.0, 0.2), ("entities", 3.0, 0.5)]
    counts = count_parts(masker(train).store.gather(np.arange(60)), unigram, special=SPECIAL, reads=ALL)
    parts = tuple(PartModel.of(part, alpha, weight) for part, (_, alpha, weight) in zip(counts, settings, strict=True))
    model, loops = NaiveBayes(unigram, parts, examples=60), Loops(train)
    prior = smoothed(unigram.counts.tolist())
    for read in (0, 1, 3):
        expected = [
            loops.posterior(settings[:read], features_of(mentions, number), prior) for number in range(len(mentions))
        ]
        assert_equal_scores(model.first(read).scores(mentions), expected, unigram.counts.tolist())
        ids, probabilities = model.first(read).top(mentions, 4)
        assert ids.tolist() == [ranking(row, unigram.counts.tolist())[:4] for row in expected]
        np.testing.assert_allclose(probabilities, np.take_along_axis(np.array(expected), ids, 1), rtol=0, atol=1e-9)


def test_alpha_and_weight_are_the_best_on_held_out_training_pages():
    train = random_examples(50, seed=14)
    unigram, source = entity_unigram(train), masker(train)
    pages = np.array([number * 2 // 5 for number in range(50)])
    fitted_on, held_out = choose_examples(pages, 1000, seed=3)
    rest = [train[index] for index in fitted_on]
    known = entity_unigram(rest).counts > 0
    mentions = masked_mentions(source, held_out, special=SPECIAL, known=known, seed=3)
    assert {*mentions.example_ids.tolist()} <= {*held_out.tolist()}
    assert known[mentions.labels].all()
    prior, chosen = smoothed(entity_unigram(rest).counts.tolist()), []
    some, loops = range(0, len(mentions), 8), Loops(rest)  # the loops are slow
    few = mentions.select(np.array([*some]))
    model = NaiveBayes(entity_unigram(rest), (), len(rest))
    for part in ("context", "entities"):
        losses = {}
        for alpha in ALPHAS:
            for weight in WEIGHTS:
                rows = [
                    loops.posterior([*chosen, (part, alpha, weight)], features_of(mentions, number), prior)
                    for number in some
                ]
                losses[alpha, weight] = -sum(math.log(r[mentions.labels[n]]) for r, n in zip(rows, some, strict=True))
        chosen.append((part, *min(losses, key=losses.__getitem__)))
        [counts] = count_parts(source.store.gather(fitted_on), unigram, special=SPECIAL, reads=(part,))
        model = model.with_best(counts, few)
    assert [(part.part, part.alpha, part.weight) for part in model.parts] == chosen


def test_alpha_and_weight_are_chosen_on_known_entities_and_on_enough_of_them(monkeypatch: pytest.MonkeyPatch):
    source, examples, known = masker(random_examples(50, seed=14)), np.arange(10, 40), np.arange(ENTITIES) != 3

    def choose() -> MaskedMentions:
        return masked_mentions(source, examples, special=SPECIAL, known=known, seed=0)

    found = choose()
    assert {*found.labels.tolist()} == {4, 5, 6, 7, 8, 9, 10}
    assert {*found.example_ids.tolist()} <= {*examples.tolist()}
    # six masks of each example: an entity can be there several times, with other masks
    places = list(zip(found.example_ids.tolist(), found.entity_numbers.tolist(), strict=True))
    assert max(Counter(places).values()) > 1
    monkeypatch.setattr(naive_bayes, "MENTIONS_TO_CHOOSE_ON", 7)
    assert choose().labels.tolist() == found.labels[:7].tolist()
    monkeypatch.setattr(naive_bayes, "CELLS_TO_CHOOSE_ON", 2 * ENTITIES)
    assert choose().labels.tolist() == found.labels[:3].tolist()


def test_the_fit_is_of_all_pages_with_what_was_chosen():
    train, held_out = random_examples(50, seed=14), random_examples(20, seed=15)
    unigram, source, (mentions, _) = entity_unigram(train), masker(train), masked(held_out)
    model = NaiveBayes.fit(source, unigram, reads=ALL, limit=1000, seed=3)
    settings, loops = [(part.part, part.alpha, part.weight) for part in model.parts], Loops(train)
    assert (model.examples, [part for part, _, _ in settings]) == (50, [*ALL])
    expected = [
        loops.posterior(settings, features_of(mentions, number), smoothed(unigram.counts.tolist()))
        for number in range(len(mentions))
    ]
    assert_equal_scores(model.scores(mentions), expected, unigram.counts.tolist())
    alone = NaiveBayes.fit(source, unigram, reads=("mention",), limit=1000, seed=3)
    assert [(part.part, part.alpha, part.weight) for part in alone.parts] == settings[:1]
    assert alone.scores(mentions).losses.tolist() == model.first(1).scores(mentions).losses.tolist()


def test_an_entity_around_tells_and_the_mention_alone_does_not():
    """The mention 4 is of 3 beside the entity 5, and of 6 beside 7."""
    train = [
        Example(str(number), (0, 4, 8, 2), (3, 5) if number % 2 else (6, 7), ((1, 2), (2, 3))) for number in range(40)
    ]
    model = NaiveBayes.fit(masker(train), entity_unigram(train), reads=("mention", "entities"), limit=100, seed=0)
    rows, empty, labels = Ragged.from_rows([[4], [4]]), Ragged.from_rows([[], []]), np.array([3, 6])
    mentions = MaskedMentions(
        labels, labels, labels, seen=rows, clean=rows, context=empty, entities=Ragged.from_rows([[5], [7]])
    )
    assert model.scores(mentions).ranks.tolist() == [1, 1]
    assert model.first(1).scores(mentions).ranks.tolist() == [1, 2]


def test_whole_pages_are_held_out_and_the_limit_is_kept():
    pages = np.repeat(np.arange(10), 3)
    fitted_on, held_out = choose_examples(pages, 1000, seed=0)
    assert sorted([*fitted_on, *held_out]) == list(range(30))
    assert len(held_out) == 6
    assert not {*pages[fitted_on]} & {*pages[held_out]}
    some, others = choose_examples(pages, 14, seed=0)
    assert len(some) + len(others) == 14
    assert sorted(np.bincount(pages[[*some, *others]], minlength=10).tolist()) == [0, 0, 0, 0, 0, 2, 3, 3, 3, 3]
    assert choose_examples(pages, 14, seed=1)[0].tolist() != some.tolist()


@pytest.mark.parametrize("examples", [[], [Example("1", (0, 4, 5, 2), (3,), ((1, 2),))]])
def test_too_few_pages_to_hold_one_out(examples: list[Example]):
    model = NaiveBayes.fit(
        masker(examples), Unigram(np.array([0, 0, 0, len(examples), 0])), reads=ALL, limit=10, seed=0
    )
    assert [(part.alpha, part.weight) for part in model.parts] == [(ALPHAS[0], WEIGHTS[0])] * 3
    empty, labels = Ragged.from_rows([[]]), np.array([4])
    mentions = MaskedMentions(labels, labels, labels, seen=empty, clean=empty, context=empty, entities=empty)
    assert model.scores(mentions).ranks.tolist() == [5]
    assert model.top(mentions.select(np.array([], dtype=np.int64)), 2)[0].shape == (0, 2)
