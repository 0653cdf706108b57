"""Fit the rivals on the training examples of the run's dataset, by the names of `artefact.py`."""

from __future__ import annotations

import numpy as np

from pipeline.evaluate.artefact import ENTITY_RIVALS, SETTING_RIVALS
from pipeline.evaluate.inputs import Inputs
from pipeline.evaluate.mentions import MaskedMentions, MaskedWords
from pipeline.evaluate.rivals.bigram import Bigram
from pipeline.evaluate.rivals.mention_prior import MentionPrior
from pipeline.evaluate.rivals.naive_bayes import NaiveBayes
from pipeline.evaluate.rivals.rival import EntityRival
from pipeline.evaluate.rivals.title_prior import TitlePrior
from pipeline.evaluate.rivals.unigram import Unigram
from pipeline.evaluate.scores import Scores
from pipeline.vocab.artefact import ALIASES
from pipeline.vocab.entities import FIRST_TITLE, UNK

EntityRivals = dict[str, EntityRival]
"""Name -> fitted rival, in the order of ENTITY_RIVALS."""


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
    """Return all rivals of the entities.

    Args:
        inputs: the run with its data.
        unigram: unigram model of the entities.
    """
    config, train, words = inputs.config, inputs.data.train, inputs.data.word_vocab
    naive_bayes = NaiveBayes.fit(
        inputs.data.masker(train, phase=0),
        unigram,
        reads=("context", "entities"),
        limit=config.rival_examples,
        seed=config.seed,
    )
    rivals: EntityRivals = {
        "unigram": unigram,
        "prior_as_seen": MentionPrior(train, unigram, words.mask, reads="seen"),
        "prior_and_titles": TitlePrior(train, unigram, words, inputs.vocab.folder / ALIASES),
        "prior_clean": MentionPrior(train, unigram, words.mask, reads="clean"),
        "naive_bayes_tokens": naive_bayes.first(1),
        "naive_bayes_tokens_and_entities": naive_bayes,
    }
    return {name: rivals[name] for name in ENTITY_RIVALS}


def score_rivals(rivals: EntityRivals, setting: str, mentions: MaskedMentions) -> dict[str, Scores]:
    """Return the scores of the rivals of a setting."""
    return {name: rivals[name].scores(mentions) for name in SETTING_RIVALS[setting]}
