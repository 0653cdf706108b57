"""The rival of the context: naive Bayes over the words around a mention, the entities around it, or the mention itself.

Each part of the example that is read is a bag of features w (tokens, or entities) with a multinomial per entity e, from
the counts n(e, w) in the training examples, smoothed toward the features' own unigram model:

    p(w | e) = (n(e, w) + alpha p(w)) / (n(e) + alpha)
    p(e | parts) is proportional to p(e) prod over parts (prod over w of p(w | e) / p(w)) ** weight

The features of a part are not independent, so a plain product is far too sure of itself: on Japanese pages its loss is
more than 20 nats. The exponent `weight` corrects that. Alpha and weight are chosen part by part, on training pages
alone. A fifth of the pages is held out, the rest is fitted, and the pair of `ALPHAS` and `WEIGHTS` is taken that gives
the lowest loss on the held-out pages with new masks. Only entities that the rest has are scored there, because training
has nearly every entity of the vocabulary. Then all pages are fitted with this pair.

The counts are sparse; scores are dense for a chunk of mentions at a time. To fit the context and the entities of 5,500
Japanese examples takes 4 s, to score 679 mentions 0.1 s. The time to score a mention grows with the number of
entities around which its tokens have occurred: with 20,000 examples of 400 tokens and 500,000 entities it is 60 ms and
takes 4 GB. Fit no more of a large dataset, and score some thousand mentions.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.special import logsumexp

from pipeline.dataset.reader import RaggedExamples
from pipeline.evaluate.mentions import MaskedMentions, page_numbers
from pipeline.evaluate.rivals.features import Part, PartCounts, bags_of_features, count_parts
from pipeline.evaluate.rivals.rival import TopEntities
from pipeline.evaluate.rivals.unigram import Unigram
from pipeline.evaluate.scores import Scores
from pipeline.io.arrow import BoolArray, Int64Array
from pipeline.pretrain.batches import Masker
from pipeline.pretrain.masking import SPECIAL

Float64Array = NDArray[np.float64]

ALPHAS = (10_000.0, 3_000.0, 1_000.0, 300.0, 100.0, 30.0, 10.0, 3.0, 1.0, 0.3)
"""Choices of alpha; the first of equally good ones is taken."""
WEIGHTS = (0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 1.0)
"""Choices of the weight of a part."""
HELD_OUT_SHARE = 0.2
"""Share of the training pages on which alpha and weight are chosen."""
MENTIONS_TO_CHOOSE_ON = 1000
"""Number of masked entities on which alpha and weight are chosen, if the held-out pages have so many."""
CELLS_TO_CHOOSE_ON = 1 << 26
"""Number of (mention, entity) pairs on which they are chosen at most: 134 mentions with 500,000 entities."""
MAX_EPOCHS = 6
"""How often the entities of the held-out pages are masked at most, to have more of them."""
EXAMPLES_AT_ONCE = 64
"""Number of examples that are masked at once."""
CELLS_AT_ONCE = 1 << 23
"""Number of (mention, entity) pairs whose scores are in memory at once: 64 MB, and some temporary copies of that."""


@dataclass(frozen=True, slots=True)
class PartModel:
    """Multinomial of one part, smoothed and weighted."""

    part: Part
    alpha: float
    weight: float
    is_feature: BoolArray
    """[features] False for an id that is not read."""
    log_ratios: sparse.csr_array
    """[features, entities] log(1 + n(e, w) / (alpha p(w)))."""
    per_feature: Float64Array
    """[entities] log(alpha / (n(e) + alpha)), which every feature adds to its log ratio."""

    @staticmethod
    def of(counts: PartCounts, alpha: float, weight: float) -> PartModel:
        """Return the smoothed model of the counts."""
        ratios = counts.counts.astype(np.float64)
        columns = np.repeat(np.arange(ratios.shape[1]), np.diff(ratios.indptr))
        ratios.data = np.log1p(ratios.data / (alpha * counts.background[columns]))
        totals = counts.counts.sum(axis=1)
        per_feature = np.log(alpha / (totals + alpha))
        return PartModel(counts.part, alpha, weight, counts.is_feature, ratios.T, per_feature)

    def log_evidence(self, mentions: MaskedMentions) -> Float64Array:
        """Return the sum of log(p(w | e) / p(w)) over the features of each mention, not weighted: [K, entities]."""
        bags = bags_of_features(mentions, self.part, self.is_feature)
        evidence: Float64Array = (bags @ self.log_ratios).toarray()
        evidence += bags.sum(axis=1)[:, None] * self.per_feature
        return evidence


@dataclass(frozen=True, slots=True)
class NaiveBayes:
    """Multinomial naive Bayes; with the parts "context" and "entities" it never reads the mention itself."""

    unigram: Unigram
    """Unigram model of the entities: the prior."""
    parts: tuple[PartModel, ...]
    examples: int
    """Number of training examples that it was fitted on."""

    @staticmethod
    def fit(masker: Masker, unigram: Unigram, *, reads: tuple[Part, ...], limit: int, seed: int) -> NaiveBayes:
        """Count the tokens (and entities) in and around the mentions of at most `limit` training examples.

        Args:
            masker: the training examples, with the masks of those on which the smoothing is chosen.
            unigram: unigram model of the entities; an entity with the count 0 in it is not counted here either.
            reads: ("context",), ("context", "entities"), ("mention",) or all three.
            limit: maximum number of examples; if there are more, pages are chosen at random.
            seed: seed of that choice, and of the pages on which the smoothing is chosen.
        """
        fitted_on, held_out = choose_examples(page_numbers(masker.store), limit, seed)
        special = masker.word_tables.token_flags >= SPECIAL
        examples = masker.store.gather(fitted_on)
        model = NaiveBayes(entity_unigram(examples, unigram), (), len(fitted_on))
        chosen_on = masked_mentions(masker, held_out, special=special, known=model.unigram.counts > 0, seed=seed)
        for counts in count_parts(examples, unigram, special=special, reads=reads):
            model = model.with_best(counts, chosen_on)
        every = np.concatenate([fitted_on, held_out])
        counts_of_all = count_parts(masker.store.gather(every), unigram, special=special, reads=reads)
        parts = (
            PartModel.of(counts, part.alpha, part.weight)
            for counts, part in zip(counts_of_all, model.parts, strict=True)
        )
        return NaiveBayes(unigram, tuple(parts), len(every))

    def first(self, count: int) -> NaiveBayes:
        """Return the model that reads only the first `count` parts: alpha and weight are chosen part by part."""
        return replace(self, parts=self.parts[:count])

    def with_best(self, counts: PartCounts, mentions: MaskedMentions) -> NaiveBayes:
        """Return the model with one more part, with the alpha and the weight of the lowest loss on `mentions`."""
        losses = np.zeros((len(ALPHAS), len(WEIGHTS)))
        for row, alpha in enumerate(ALPHAS):
            part = PartModel.of(counts, alpha, 1.0)
            for chunk in self.chunks(mentions):
                before, evidence = self.log_joint(chunk), part.log_evidence(chunk)
                for column, weight in enumerate(WEIGHTS):
                    losses[row, column] += label_losses(before + weight * evidence, chunk.labels).sum()
        row, column = divmod(int(losses.argmin()), len(WEIGHTS))
        return replace(self, parts=(*self.parts, PartModel.of(counts, ALPHAS[row], WEIGHTS[column])))

    def scores(self, mentions: MaskedMentions) -> Scores:
        """Return loss and rank of each label."""
        parts = []
        for chunk in self.chunks(mentions):
            joint = self.log_joint(chunk)
            of_label = np.take_along_axis(joint, chunk.labels[:, None], axis=1)
            is_first = self.unigram.places < self.unigram.places[chunk.labels][:, None]
            ranks = 1 + ((joint > of_label) | ((joint == of_label) & is_first)).sum(axis=1)
            parts.append(Scores(chunk.labels, label_losses(joint, chunk.labels), ranks))
        return Scores.join(parts)

    def top(self, mentions: MaskedMentions, k: int) -> TopEntities:
        """Return the first k entities of each mention, with their probabilities."""
        ids, probabilities = [np.empty((0, k), dtype=np.int64)], [np.empty((0, k))]
        for chunk in self.chunks(mentions):
            joint = self.log_joint(chunk)
            by_place = joint[:, self.unigram.order]  # a stable sort then keeps ties in the unigram's order
            first = self.unigram.order[np.argsort(-by_place, axis=1, kind="stable")[:, :k]]
            ids.append(first)
            probabilities.append(np.exp(np.take_along_axis(joint, first, axis=1) - logsumexp(joint, 1, keepdims=True)))
        return np.concatenate(ids), np.concatenate(probabilities)

    def log_joint(self, mentions: MaskedMentions) -> Float64Array:
        """Return log p(e) plus the weighted evidence of the parts: [K, entities]."""
        joint = np.tile(np.log(self.unigram.probabilities), (len(mentions), 1))
        for part in self.parts:
            joint += part.weight * part.log_evidence(mentions)
        return joint

    def chunks(self, mentions: MaskedMentions) -> Iterator[MaskedMentions]:
        """Yield the mentions in parts whose dense scores fit in memory."""
        height = max(1, CELLS_AT_ONCE // self.unigram.size)
        for start in range(0, len(mentions), height):
            yield mentions.select(np.arange(start, min(start + height, len(mentions))))


def label_losses(joint: Float64Array, labels: Int64Array) -> Float64Array:
    """Return -log p of each label, given log p of every entity up to a constant: [K]."""
    losses: Float64Array = logsumexp(joint, axis=1) - joint[np.arange(len(labels)), labels]
    return losses


def choose_examples(pages: Int64Array, limit: int, seed: int) -> tuple[Int64Array, Int64Array]:
    """Return at most `limit` examples of random pages, in two parts: to fit on, and those of held-out pages.

    Args:
        pages: page of each example.
        limit: maximum number of examples.
        seed: seed of the order in which pages are taken.
    """
    if not len(pages):
        return pages, pages
    order = np.random.default_rng(seed).permutation(pages.max() + 1)[pages]
    taken = np.sort(np.argsort(order, kind="stable")[:limit])
    is_held_out = order[taken] < round(HELD_OUT_SHARE * len(np.unique(order[taken])))
    return taken[~is_held_out], taken[is_held_out]


def masked_mentions(
    masker: Masker, examples: Int64Array, *, special: BoolArray, known: BoolArray, seed: int
) -> MaskedMentions:
    """Return masked entities of the examples whose label is known.

    Few examples are masked several times, as in as many epochs; of many examples, a random part is taken.

    Args:
        masker: the examples with their masks.
        examples: indices of the examples.
        special: [vocabulary] whether a token is special.
        known: [entities] whether an entity is among those that the model was fitted on.
        seed: seed of the random part.
    """
    count = min(MENTIONS_TO_CHOOSE_ON, 1 + CELLS_TO_CHOOSE_ON // len(known))
    order = np.random.default_rng(seed).permutation(examples)
    mentions = MaskedMentions.join([])
    for epoch in range(MAX_EPOCHS):
        for start in range(0, len(order), EXAMPLES_AT_ONCE):
            if len(mentions) >= count:
                return mentions.select(np.arange(count))
            some = order[start : start + EXAMPLES_AT_ONCE]
            batch = masker.masked_batch(some, np.full_like(some, epoch))
            masked = MaskedMentions.from_batch(batch, special)
            mentions = MaskedMentions.join([mentions, masked.select(known[masked.labels])])
    return mentions


def entity_unigram(examples: RaggedExamples, unigram: Unigram) -> Unigram:
    """Return the unigram model of some of the examples that `unigram` is of, with the same vocabulary."""
    never = np.flatnonzero(unigram.counts == 0)
    return Unigram.from_ids([examples.entity_ids], size=unigram.size, excluded=never)
