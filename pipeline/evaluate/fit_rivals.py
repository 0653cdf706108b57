"""Fit the rivals on the training examples of the run's dataset, by the names of `artefact.py`."""

from __future__ import annotations

import numpy as np

from pipeline.evaluate.artefact import ENTITY_RIVALS, SETTING_RIVALS
from pipeline.evaluate.inputs import Inputs
from pipeline.evaluate.mentions import MaskedMentions, MaskedWords
from pipeline.evaluate.rivals.bigram import Bigram
from pipeline.evaluate.rivals.features import Part
from pipeline.evaluate.rivals.mention_bag import MentionBag
from pipeline.evaluate.rivals.mention_prior import MentionPrior
from pipeline.evaluate.rivals.naive_bayes import NaiveBayes
from pipeline.evaluate.rivals.rival import EntityRival
from pipeline.evaluate.rivals.title_prior import TitlePrior
from pipeline.evaluate.rivals.unigram import Unigram
from pipeline.evaluate.scores import Scores
from pipeline.vocab.artefact import ALIASES
from pipeline.vocab.entities import FIRST_TITLE, UNK

EntityRivals = dict[str, EntityRival]
"""Name -> fitted rival, in the order of ENTITY_RIVALS; without `mention_bag` if evaluate.bag_passes is 0."""


def word_unigram(inputs: Inputs) -> Unigram:
    """Return the unigram model of the training examples' tokens, special ones excluded."""
    data = inputs.data
    ids = (block.word_ids for block in data.train.blocks)
    return Unigram.from_ids(ids, size=data.word_vocab.size, excluded=np.flatnonzero(data.word_vocab.special))


def entity_unigram(inputs: Inputs) -> Unigram:
    """Return the unigram model of the training examples' entities; [UNK] counts only if it can be masked."""
    never = np.setdiff1d(np.arange(FIRST_TITLE), [UNK] if inputs.config.masking.unknown_entities else [])
    ids = (block.entity_ids for block in inputs.data.train.blocks)
    return Unigram.from_ids(ids, size=inputs.data.entity_vocab_size, excluded=never)


def score_word_rivals(inputs: Inputs, words: MaskedWords) -> dict[str, Scores]:
    """Return the scores of the rivals of the words."""
    config, unigram = inputs.config, word_unigram(inputs)
    bigram = Bigram.fit(
        inputs.data.train,
        unigram,
        special=inputs.data.word_vocab.special,
        limit=config.rival_examples,
        seed=config.seed,
    )
    labels = words.labels
    return {
        "unigram": Scores(labels, unigram.losses(labels), 1 + unigram.places[labels]),
        "bigram": bigram.scores(words),
    }


def fit_entity_rivals(inputs: Inputs, unigram: Unigram) -> EntityRivals:
    """Return the fitted rivals of the entities.

    Args:
        inputs: the run with its data.
        unigram: unigram model of the entities.
    """
    config, train, words = inputs.config, inputs.data.train, inputs.data.word_vocab
    around = fit_naive_bayes(inputs, unigram, ("context", "entities"))
    everything = fit_naive_bayes(inputs, unigram, ("mention", "context", "entities"))
    rivals: EntityRivals = {
        "unigram": unigram,
        "prior_as_seen": MentionPrior(train, unigram, words.mask, reads="seen"),
        "prior_and_titles": TitlePrior(train, unigram, words, inputs.vocab.folder / ALIASES),
        "prior_clean": MentionPrior(train, unigram, words.mask, reads="clean"),
        "naive_bayes_mention": everything.first(1),
        "naive_bayes_tokens": around.first(1),
        "naive_bayes_tokens_and_entities": around,
        "naive_bayes_all": everything,
    }
    if config.bag_passes:
        rivals["mention_bag"] = fit_mention_bag(inputs, unigram)
    return {name: rivals[name] for name in ENTITY_RIVALS if name in rivals}


def fit_naive_bayes(inputs: Inputs, unigram: Unigram, reads: tuple[Part, ...]) -> NaiveBayes:
    """Return the naive Bayes that reads these parts of an example."""
    config, masker = inputs.config, inputs.data.masker(inputs.data.train, phase=0)
    return NaiveBayes.fit(masker, unigram, reads=reads, limit=config.rival_examples, seed=config.seed)


def fit_mention_bag(inputs: Inputs, unigram: Unigram) -> MentionBag:
    """Return the bag of the mention's tokens; in training they are dropped as often as evaluation masks them."""
    config = inputs.config
    return MentionBag.fit(
        inputs.data.train,
        unigram,
        special=inputs.data.word_vocab.special,
        passes=config.bag_passes,
        drop=config.masking.words * config.masking.mask_replace_prob,
        seed=config.seed,
    )


def score_rivals(rivals: EntityRivals, setting: str, mentions: MaskedMentions) -> dict[str, Scores]:
    """Return the scores of the fitted rivals of a setting."""
    return {name: rivals[name].scores(mentions) for name in SETTING_RIVALS[setting] if name in rivals}
