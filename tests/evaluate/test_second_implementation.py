"""Every figure of metrics.json, computed a second time: transformers' LUKE, one example at a time, and plain dicts.

Taken from the implementation under test are the masks of each example (tests/pretrain/test_masking.py), naive Bayes'
choice of alpha and weight and the trained weights of the bag (tests/evaluate/rivals/); everything else is computed here
from the dataset's examples and the exported model.
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from transformers import LukeForMaskedLM

from pipeline.dataset.reader import ExampleStore
from pipeline.evaluate.fit_rivals import fit_mention_bag
from pipeline.evaluate.inputs import Inputs
from pipeline.evaluate.rivals.features import Part
from pipeline.evaluate.rivals.naive_bayes import NaiveBayes
from pipeline.evaluate.rivals.unigram import Unigram
from pipeline.records import Example
from tests.evaluate.conftest import Animals
from tests.helpers.stages import compose_config, run_stage

MASK_ENTITY = 2
Distribution = list[float]
"""Score of each id; a higher one is better. The exp of the scores sums to 1."""
AROUND: tuple[Part, ...] = ("context", "entities")
EVERYTHING: tuple[Part, ...] = ("mention", "context", "entities")


@dataclass
class Masked:
    """One example as the model sees it."""

    example: Example
    number: int
    words: list[int]
    targets: dict[int, int]
    """Position of a masked token -> its original id."""
    masked: dict[int, int]
    """Number of a masked entity -> its original id."""

    def mention(self, number: int, words: list[int]) -> list[int]:
        """Return the tokens of the mention of an entity."""
        start, end = self.example.entity_spans[number]
        return words[start:end]


class Wiki:
    """The animals with all plain tables that are fitted on the training examples."""

    def __init__(self, animals: Animals) -> None:
        config = compose_config("stage=evaluate", *animals.overrides)
        self.inputs = Inputs.open(config.evaluate, config.layout)
        self.config, self.data = config.evaluate, self.inputs.data
        self.vocab = self.data.word_vocab
        self.special = {index for index, flag in enumerate(self.vocab.special.tolist()) if flag}
        self.train = [self.data.train.example(index) for index in range(len(self.data.train))]
        self.entity_count = self.data.entity_vocab_size
        self.model = LukeForMaskedLM.from_pretrained(animals.root / "export" / "tiny").eval()
        self.token_counts = Counter(t for e in self.train for t in e.word_ids if t not in self.special)
        self.entity_counts = Counter(e for example in self.train for e in example.entity_ids if e > MASK_ENTITY)
        self.mentions = [
            (list(example.word_ids[start:end]), entity)
            for example in self.train
            for entity, (start, end) in zip(example.entity_ids, example.entity_spans, strict=True)
            if entity > MASK_ENTITY
        ]
        self.fit_bigram()
        self.fit_titles()
        self.fit_naive_bayes()
        bag = fit_mention_bag(self.inputs, self.fitted_unigram())
        self.bag_vectors: list[list[float]] = bag.embeddings.tolist()
        self.bag_rows: list[list[float]] = bag.decoder.weight.tolist()
        self.bag_bias: list[float] = bag.decoder.bias.tolist()

    def masked_examples(self, store: ExampleStore, indices: list[int]) -> Iterator[Masked]:
        """Yield examples with their masks of the evaluation."""
        masker = self.data.masker(store, phase=0)
        for index in indices:
            batch = masker.masked_batch(np.array([index]), np.array([0]))
            targets = dict(zip(batch.word_targets.tolist(), batch.word_labels.tolist(), strict=True))
            masked = dict(zip(batch.entity_targets.tolist(), batch.entity_labels.tolist(), strict=True))
            yield Masked(store.example(index), index, batch.word_ids[0].tolist(), targets, masked)

    def run(
        self, words: list[int], entities: list[int], spans: list[tuple[int, int]]
    ) -> tuple[list[Distribution], list[Distribution]]:
        """Return the log-probabilities of all tokens and entities by transformers' model."""
        positions = torch.full((1, len(entities), 30), -1)
        for number, (start, end) in enumerate(spans):
            positions[0, number, : end - start] = torch.arange(start, end)
        with torch.no_grad():
            output = self.model(
                input_ids=torch.tensor([words]), attention_mask=torch.ones(1, len(words), dtype=torch.long),
                entity_ids=torch.tensor([entities]), entity_attention_mask=torch.ones(1, len(entities)).long(),
                entity_position_ids=positions, entity_token_type_ids=torch.zeros(1, len(entities)).long(),
            )  # fmt: skip
        # the exported rows of <ent>, <ent2> and [MASK2] are no candidates
        token_logits = output.logits[0, :, : self.vocab.size].double()
        entity_logits = output.entity_logits[0, :, : self.entity_count].double()
        return token_logits.log_softmax(-1).tolist(), entity_logits.log_softmax(-1).tolist()

    # ------------------------------------------------------------------------------------------ rivals

    def token_unigram(self) -> Distribution:
        """Return the unigram model of the tokens."""
        total = sum(self.token_counts.values()) + self.vocab.size
        return [math.log((self.token_counts[token] + 1) / total) for token in range(self.vocab.size)]

    def entity_unigram(self) -> Distribution:
        """Return the unigram model of the entities."""
        total = sum(self.entity_counts.values()) + self.entity_count
        return [math.log((self.entity_counts[entity] + 1) / total) for entity in range(self.entity_count)]

    def fit_bigram(self) -> None:
        """Count the followers of each token."""
        self.followers: dict[int, Counter[int]] = defaultdict(Counter)
        for example in self.train:
            for left, right in zip(example.word_ids, example.word_ids[1:], strict=False):
                if left not in self.special and right not in self.special:
                    self.followers[left][right] += 1

    def bigram(self, left: int) -> Distribution:
        """Return the distribution after a token as the model sees it."""
        followers = self.followers.get(left, Counter()) if left not in self.special else Counter()
        total, kinds = sum(followers.values()), len(followers)
        if not total:
            return self.token_unigram()
        return [
            math.log((followers[token] + kinds * math.exp(p)) / (total + kinds))
            for token, p in enumerate(self.token_unigram())
        ]

    def matches(self, pattern: list[int], tokens: list[int]) -> bool:
        """Whether the tokens are those of the pattern, in which <mask> is any token."""
        return len(pattern) == len(tokens) and all(
            a in (b, self.vocab.mask) for a, b in zip(pattern, tokens, strict=True)
        )

    def smoothed(self, weights: Counter[int]) -> Distribution:
        """Return (weight(e) + p(e)) / (sum + 1)."""
        total = sum(weights.values()) + 1
        return [math.log((weights[e] + math.exp(p)) / total) for e, p in enumerate(self.entity_unigram())]

    def prior(self, pattern: list[int]) -> Distribution:
        """Return the mention prior."""
        return self.smoothed(Counter(entity for tokens, entity in self.mentions if self.matches(pattern, tokens)))

    def text(self, token: int) -> str:
        """Return the text of a token, apart from case and the space before it."""
        return self.vocab.tokenizer.decode([token], skip_special_tokens=False).casefold().strip(" ")

    def fold(self, tokens: list[int]) -> list[int]:
        """Return for each token the lowest id with the same text."""
        if len(tokens) > 1 and self.vocab.bare_spaces[tokens[0]]:
            tokens = tokens[1:]
        return [self.folded.get(token, token) for token in tokens]

    def fit_titles(self) -> None:
        """Tokenize the titles and aliases as mentions."""
        lowest: dict[str, int] = {}
        self.folded = {}
        for token in range(self.vocab.size):
            # a token with a part of a character has no text
            whole = "\N{REPLACEMENT CHARACTER}" not in self.vocab.tokenizer.decode([token], skip_special_tokens=False)
            if token not in self.special and whole and self.text(token):
                self.folded[token] = lowest.setdefault(self.text(token), token)
        self.folded_mentions = [(self.fold(tokens), entity) for tokens, entity in self.mentions]
        self.titles: set[tuple[tuple[int, ...], int]] = set()
        for row in pq.read_table(self.inputs.vocab.folder / "aliases.parquet").to_pylist():
            title = re.sub(r"\s*\([^()]*\)$", "", row["title"])
            for variant in (title, title.casefold(), " " + title, " " + title.casefold()):
                tokens = self.vocab.tokenizer.encode(variant, add_special_tokens=False).ids
                self.titles.add((tuple(self.fold(tokens)), row["id"]))

    def prior_and_titles(self, pattern: list[int]) -> Distribution:
        """Return the mention prior with folded case and titles."""
        weights = Counter[int]()
        for tokens, entity in self.mentions:
            weights[entity] += self.matches(pattern, tokens)
        folded = self.fold(pattern)
        for tokens, entity in self.folded_mentions:
            weights[entity] += 2 * self.matches(folded, tokens)
        for entity in {entity for tokens, entity in self.titles if self.matches(folded, list(tokens))}:
            weights[entity] += 4 * (self.entity_counts[entity] > 0)
        return self.smoothed(weights)

    def fitted_unigram(self) -> Unigram:
        """Return the counts of the entities as the rivals get them."""
        return Unigram(np.array([self.entity_counts[entity] for entity in range(self.entity_count)]))

    def fit_naive_bayes(self) -> None:
        """Count the tokens and entities in and around each entity's mentions in the training examples."""
        self.choices: dict[tuple[Part, ...], list[tuple[float, float]]] = {}
        for reads in (AROUND, EVERYTHING):
            fitted = NaiveBayes.fit(
                self.data.masker(self.data.train, phase=0), self.fitted_unigram(), reads=reads,
                limit=self.config.rival_examples, seed=self.config.seed,
            )  # fmt: skip
            self.choices[reads] = [(part.alpha, part.weight) for part in fitted.parts]
        self.around: dict[Part, dict[int, Counter[int]]] = {part: defaultdict(Counter) for part in EVERYTHING}
        for example in self.train:
            for number, (entity, (start, end)) in enumerate(zip(example.entity_ids, example.entity_spans, strict=True)):
                inside, outside = example.word_ids[start:end], [*example.word_ids[:start], *example.word_ids[end:]]
                self.around["mention"][entity].update(t for t in inside if t not in self.special)
                self.around["context"][entity].update(t for t in outside if t not in self.special)
                self.around["entities"][entity].update(e for n, e in enumerate(example.entity_ids) if n != number)

    def naive_bayes(self, features: dict[Part, list[int]], reads: tuple[Part, ...], parts: int) -> Distribution:
        """Return the distribution given the first parts of `reads`."""
        joint = self.entity_unigram()
        for part, (alpha, weight) in list(zip(reads, self.choices[reads], strict=True))[:parts]:
            background = self.entity_unigram() if part == "entities" else self.token_unigram()
            for entity in range(self.entity_count):
                seen = self.around[part][entity]
                total = sum(seen.values())
                for feature in features[part]:
                    p = math.exp(background[feature])
                    joint[entity] += weight * math.log((seen[feature] + alpha * p) / (total + alpha) / p)
        return normalized(joint)

    def mention_bag(self, tokens: list[int]) -> Distribution:
        """Return the distribution given the mean vector of the tokens; without tokens it is 0."""
        vectors = [self.bag_vectors[token] for token in tokens]
        bag = [sum(column) / len(vectors) for column in zip(*vectors, strict=True)]
        return normalized(
            [
                bias + sum(a * b for a, b in zip(row, bag or [0.0] * len(row), strict=True))
                for row, bias in zip(self.bag_rows, self.bag_bias, strict=True)
            ]
        )

    # ------------------------------------------------------------------------------------------ settings

    def context(self, words: list[int], span: tuple[int, int]) -> list[int]:
        """Return the visible ordinary tokens outside a span."""
        return [token for token in [*words[: span[0]], *words[span[1] :]] if token not in self.special]

    def rivals(
        self, seen: list[int], clean: list[int], words: list[int], span: tuple[int, int], entities: list[int]
    ) -> dict[str, Distribution]:
        """Return the distribution of every rival for one masked entity."""
        context = self.context(words, span)
        around = [entity for entity in entities if entity > MASK_ENTITY]
        visible = [token for token in seen if token not in self.special]
        features: dict[Part, list[int]] = {"mention": visible, "context": context, "entities": around}
        return {
            "unigram": self.entity_unigram(),
            "prior_as_seen": self.prior(seen),
            "prior_and_titles": self.prior_and_titles(seen),
            "prior_clean": self.prior(clean),
            "naive_bayes_mention": self.naive_bayes(features, EVERYTHING, 1),
            "mention_bag": self.mention_bag(visible),
            "naive_bayes_tokens": self.naive_bayes(features, AROUND, 1),
            "naive_bayes_tokens_and_entities": self.naive_bayes(features, AROUND, 2),
            "naive_bayes_all": self.naive_bayes(features, EVERYTHING, 3),
        }


@dataclass
class Scored:
    """Losses and ranks of one position by each scorer, and the page and the groups that it belongs to."""

    page: str
    label: int
    results: dict[str, tuple[float, int]]
    frequency: str = ""
    ambiguity: str = ""


def normalized(values: list[float]) -> Distribution:
    """Return the values minus a constant, so that the exp of them sums to 1."""
    total = math.log(sum(math.exp(value) for value in values))
    return [value - total for value in values]


def score(distribution: Distribution, label: int, counts: Counter[int]) -> tuple[float, int]:
    """Return loss and rank; of equal values (up to rounding) the more frequent one, then the lower id is first."""
    own = distribution[label]
    rank = 1 + sum(
        value > own + 1e-9 or (abs(value - own) <= 1e-9 and (-counts[i], i) < (-counts[label], label))
        for i, value in enumerate(distribution)
        if i != label
    )
    return -own, rank


def mean(values: list[float]) -> float | None:
    """Return the mean, or None."""
    return sum(values) / len(values) if values else None


def entity_figures(prefix: str, rows: list[Scored], scorers: list[str]) -> dict[str, float | None]:
    """Return the keys of a setting or group."""
    figures: dict[str, float | None] = {f"{prefix}.count": len(rows)}
    for scorer in scorers:
        losses, ranks = ([row.results[scorer][part] for row in rows] for part in (0, 1))
        figures |= {
            f"{prefix}.{scorer}.loss": mean(losses),
            f"{prefix}.{scorer}.accuracy": mean([float(rank == 1) for rank in ranks]),
            f"{prefix}.{scorer}.mrr": mean([1 / rank for rank in ranks]),
            f"{prefix}.{scorer}.hits_at_10": mean([float(rank <= 10) for rank in ranks]),
        }
    return figures


def interval(rows: list[Scored], rival: str, limit: int, seed: int) -> list[float]:
    """Return the difference of the hits, and the 2.5 % and 97.5 % points of 2,000 draws of pages."""
    by_page: dict[str, list[int]] = defaultdict(list)
    for row in rows:
        by_page[row.page].append((row.results["model"][1] <= limit) - (row.results[rival][1] <= limit))
    pages = list(by_page.values())  # in the order of the examples, which numbers the pages
    draws = np.random.default_rng(seed).integers(len(pages), size=(2000, len(pages)))
    drawn = [sum(sum(pages[page]) for page in draw) / sum(len(pages[page]) for page in draw) for draw in draws.tolist()]
    overall = sum(map(sum, pages)) / sum(map(len, pages))
    return [overall, *np.quantile(drawn, [0.025, 0.975]).tolist()]


def frequency_group(count: int) -> str:
    """Return the group of an entity with this number of training mentions."""
    return next(
        name for name, end in (("0", 0), ("1-5", 5), ("6-20", 20), ("21-100", 100), ("more", math.inf)) if count <= end
    )


def ambiguity_group(wiki: Wiki, seen: list[int], clean: list[int]) -> str:
    """Return the group of a mention."""
    if seen != clean:
        return "damaged"
    entities = {entity for tokens, entity in wiki.mentions if tokens == clean}
    return {0: "unseen", 1: "one"}.get(len(entities), "several")


def words_again(wiki: Wiki, examples: list[Masked]) -> dict[str, float | None]:
    """Return the keys of the words."""
    results: dict[str, list[tuple[float, int]]] = defaultdict(list)
    for masked in examples:
        entities = seen_entities(masked)
        tokens, _ = wiki.run(masked.words, entities, list(masked.example.entity_spans))
        for position, label in masked.targets.items():
            results["model"].append(score(tokens[position], label, Counter()))
            results["unigram"].append(score(wiki.token_unigram(), label, wiki.token_counts))
            results["bigram"].append(score(wiki.bigram(masked.words[position - 1]), label, wiki.token_counts))
    figures: dict[str, float | None] = {"words.count": len(results["model"])}
    for scorer, rows in results.items():
        loss = sum(loss for loss, _ in rows) / len(rows)
        figures |= {
            f"words.{scorer}.loss": loss,
            f"words.{scorer}.perplexity": math.exp(loss),
            f"words.{scorer}.accuracy": mean([float(rank == 1) for _, rank in rows]),
        }
    return figures


def seen_entities(masked: Masked) -> list[int]:
    """Return the entities as the model sees them."""
    return [
        MASK_ENTITY if number in masked.masked else entity for number, entity in enumerate(masked.example.entity_ids)
    ]


def entities_again(wiki: Wiki, examples: list[Masked], change: Callable[[Masked], list[int]]) -> list[Scored]:
    """Return the scores of all masked entities, with the tokens that `change` returns."""
    rows = []
    for masked in examples:
        entities, words = seen_entities(masked), change(masked)
        _, log_probabilities = wiki.run(words, entities, list(masked.example.entity_spans))
        for number, label in masked.masked.items():
            clean = masked.mention(number, list(masked.example.word_ids))
            seen = masked.mention(number, words)
            rivals = wiki.rivals(seen, clean, words, masked.example.entity_spans[number], entities)
            results = {name: score(part, label, wiki.entity_counts) for name, part in rivals.items()}
            results["model"] = score(log_probabilities[number], label, Counter())
            groups = frequency_group(wiki.entity_counts[label]), ambiguity_group(wiki, seen, clean)
            rows.append(Scored(masked.example.page_id, label, results, *groups))
    return rows


def hide(wiki: Wiki, masked: Masked) -> list[int]:
    """Return the tokens with the mentions of all masked entities hidden."""
    words = list(masked.words)
    for number in masked.masked:
        start, end = masked.example.entity_spans[number]
        words[start:end] = [wiki.vocab.mask] * (end - start)
    return words


def moved_again(wiki: Wiki, examples: list[Masked]) -> tuple[list[Scored], list[bool], int]:
    """Return the scores of moved mentions, whether each first choice is the host's entity, and the number left out."""
    places = [(masked, number) for masked in examples for number in masked.masked]
    order = np.random.default_rng(wiki.config.seed).permutation(len(places)).tolist()
    limit = wiki.inputs.scored.max_seq_length
    rows, follows_host, left_out = [], [], 0
    for position, index in enumerate(order):
        masked, number = places[index]
        tokens = masked.mention(number, list(masked.example.word_ids))
        for step in range(1, min(len(order), 101)):
            host, slot = places[order[(position + step) % len(order)]]
            start, end = host.example.entity_spans[slot]
            length = len(host.example.word_ids) - (end - start) + len(tokens)
            other_label = host.masked[slot] != masked.masked[number]
            if host.example.page_id != masked.example.page_id and other_label and length <= limit:
                break
        else:
            left_out += 1
            continue
        shift = len(tokens) - (end - start)
        words = [*host.example.word_ids[:start], *tokens, *host.example.word_ids[end:]]
        spans = [(a + shift * (a >= end), b + shift * (b >= end)) for a, b in host.example.entity_spans]
        entities = [MASK_ENTITY if n == slot else entity for n, entity in enumerate(host.example.entity_ids)]
        _, log_probabilities = wiki.run(words, entities, spans)
        label, own = masked.masked[number], log_probabilities[slot]
        results = {
            "model": score(own, label, Counter()),
            "prior_clean": score(wiki.prior(tokens), label, wiki.entity_counts),
        }
        rows.append(Scored(masked.example.page_id, label, results))
        follows_host.append(max(range(len(own)), key=own.__getitem__) == host.masked[slot])
    return rows, follows_host, left_out


VISIBLE = [
    "model", "unigram", "prior_as_seen", "prior_and_titles", "prior_clean", "naive_bayes_mention", "mention_bag",
    "naive_bayes_tokens", "naive_bayes_tokens_and_entities", "naive_bayes_all",
]  # fmt: skip
HIDDEN = ["model", "unigram", "naive_bayes_tokens", "naive_bayes_tokens_and_entities"]


GROUPS = {"frequency": ["0", "1-5", "6-20", "21-100", "more"], "ambiguity": ["one", "several", "unseen", "damaged"]}


def compute_again(wiki: Wiki) -> dict[str, float | None]:
    """Return metrics.json."""
    store = wiki.data.validation
    examples = list(wiki.masked_examples(store, list(range(len(store)))))
    figures: dict[str, float | None] = {
        "pages.count": len({masked.example.page_id for masked in examples}),
        "pages.left_out": 0,
        **words_again(wiki, examples),
    }
    visible = entities_again(wiki, examples, lambda masked: masked.words)
    hidden = entities_again(wiki, examples, lambda masked: hide(wiki, masked))
    for setting, rows, scorers, strongest in (
        ("visible", visible, VISIBLE, ["prior_as_seen", "prior_and_titles", "naive_bayes_all"]),
        ("hidden", hidden, HIDDEN, ["naive_bayes_tokens", "naive_bayes_tokens_and_entities"]),
    ):
        prefix = f"entities.{setting}"
        figures |= entity_figures(prefix, rows, scorers)
        groups = [(row.frequency, seen.ambiguity) for row, seen in zip(rows, visible, strict=True)]
        for place, (grouping, names) in enumerate(GROUPS.items()):
            for name in names:
                part = [row for row, group in zip(rows, groups, strict=True) if group[place] == name]
                figures |= entity_figures(f"{prefix}.{grouping}.{name}", part, scorers)
        for rival in strongest:
            for figure, limit in (("accuracy", 1), ("hits_at_10", 10)):
                values = interval(rows, rival, limit, wiki.config.seed)
                for name, value in zip(("mean", "low", "high"), values, strict=True):
                    figures[f"{prefix}.difference.{rival}.{figure}.{name}"] = value
    moved, follows_host, left_out = moved_again(wiki, examples)
    figures |= entity_figures("entities.moved", moved, ["model", "prior_clean"])
    figures["entities.moved.host"] = mean([float(flag) for flag in follows_host])
    figures["entities.moved.left_out"] = left_out
    count = len(wiki.data.train)
    chosen = np.random.default_rng(wiki.config.seed).permutation(count)[: wiki.config.train_examples].tolist()
    trained = list(wiki.masked_examples(wiki.data.train, chosen))
    rows = entities_again(wiki, trained, lambda masked: masked.words)
    return figures | entity_figures("entities.train", rows, ["model", "unigram", "prior_as_seen"])


def test_every_figure_is_the_same(animals: Animals) -> None:
    run_stage("evaluate", *animals.overrides, "evaluate.name=second")
    metrics = json.loads((animals.root / "evaluate-second" / "tiny" / "metrics.json").read_text())
    again = compute_again(Wiki(animals))
    assert set(metrics) == set(again)
    known = {key for key, value in metrics.items() if value is not None}
    assert known == {key for key, value in again.items() if value is not None}
    ours, theirs = ({key: values[key] for key in known} for values in (metrics, again))
    assert ours == pytest.approx(theirs, abs=1e-6, rel=0)
    assert metrics["entities.visible.count"] > 30
    assert metrics["words.count"] > 100
