"""Ask the model and a rival for their first choices at the masked words and entities of a batch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from pipeline.evaluate.artefact import MODEL
from pipeline.evaluate.console_table import SCORER_TITLES
from pipeline.evaluate.mentions import MaskedMentions, MaskedWords
from pipeline.evaluate.rivals.bigram import Bigram
from pipeline.evaluate.rivals.rival import EntityRival
from pipeline.evaluate.scores import rank_labels
from pipeline.inference.predictor import top_ids
from pipeline.io.arrow import BoolArray, Int64Array
from pipeline.model.luke import Luke
from pipeline.records import Batch

CHOICES = 5
"""Number of choices that are shown."""


@dataclass(frozen=True, slots=True)
class Choice:
    """One of the first choices for a masked word or entity."""

    text: str
    probability: float
    is_right: bool


@dataclass(frozen=True, slots=True)
class Guess:
    """The first choices of the model or a rival, the best first."""

    name: str
    scorer: str
    """Its title."""
    choices: tuple[Choice, ...]
    rank: int
    """Rank of the right answer, from 1."""


@dataclass(frozen=True, slots=True)
class Answers:
    """The first choices of one scorer at n targets."""

    scorer: str
    ids: Int64Array
    """[n, CHOICES], fewer if the vocabulary is smaller."""
    probabilities: NDArray[np.floating]
    """The same shape."""
    ranks: Int64Array
    """[n] ranks of the labels."""

    def guess(self, target: int, label: int, name: Callable[[int], str]) -> Guess:
        """Return the guess at a target, whose label is `label`; `name` gives the text of an id."""
        pairs = zip(self.ids[target].tolist(), self.probabilities[target].tolist(), strict=True)
        choices = tuple(Choice(name(index), probability, index == label) for index, probability in pairs)
        return Guess(self.scorer, SCORER_TITLES[self.scorer], choices, int(self.ranks[target]))


Duelists = tuple[Answers, Answers]
"""The answers of the model and of a rival at the same targets."""


@torch.no_grad()
def answer_words(model: Luke, bigram: Bigram, batch: Batch[Int64Array], special: BoolArray) -> Duelists:
    """Return the answers of the model and of the bigram model at the word targets of a batch.

    Args:
        model: the model on the CPU, in evaluation mode.
        bigram: the rival.
        batch: masked examples.
        special: [vocabulary] whether a token is special.
    """
    tensors = batch.map(torch.as_tensor)
    states = model.encode(tensors)[0].flatten(0, 1)[tensors.word_targets]
    words = MaskedWords.from_batch(batch, special)
    ids, probabilities = bigram.top(words, CHOICES)
    return (
        answer_of_model(model.word_logits, states, tensors.word_labels),
        Answers("bigram", ids, probabilities, bigram.scores(words).ranks),
    )


@torch.no_grad()
def answer_entities(
    model: Luke, name: str, rival: EntityRival, batch: Batch[Int64Array], special: BoolArray
) -> Duelists:
    """Return the answers of the model and of a rival at the entity targets of a batch.

    Args:
        model: the model on the CPU, in evaluation mode.
        name: name of the rival.
        rival: the rival.
        batch: masked examples.
        special: [vocabulary] whether a token is special.
    """
    tensors = batch.map(torch.as_tensor)
    states = model.encode(tensors)[1].flatten(0, 1)[tensors.entity_targets]
    mentions = MaskedMentions.from_batch(batch, special)
    ids, probabilities = rival.top(mentions, CHOICES)
    return (
        answer_of_model(model.entity_logits, states, tensors.entity_labels),
        Answers(name, ids, probabilities, rival.scores(mentions).ranks),
    )


def answer_of_model(
    head: Callable[[torch.Tensor], torch.Tensor], states: torch.Tensor, labels: torch.Tensor
) -> Answers:
    """Return the model's answers from the hidden states [n, H] of its targets and their labels [n]."""
    top, (scores, _) = top_ids(head, states, CHOICES), rank_labels(head, states, labels)
    return Answers(MODEL, top.ids, top.probabilities, scores.ranks)
