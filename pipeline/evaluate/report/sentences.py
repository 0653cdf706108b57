"""Show masked held-out sentences with the first choices of the model and of its rivals.

The masks are those that evaluate scores. Sentences are drawn at random from each of four outcomes (both right, only the
model, only the table, neither), so they are not chosen for their looks; those of a words-only model are drawn from all
examples. Each sentence asks several questions: the masked entity with its mention visible and hidden, and some masked
words near it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.dataset.sentences import Span
from pipeline.evaluate.artefact import STRONGEST
from pipeline.evaluate.fit_rivals import EntityRivals, word_unigram
from pipeline.evaluate.inputs import Inputs
from pipeline.evaluate.probes import with_hidden_mentions
from pipeline.evaluate.report.excerpt import MaskedTokens, Segment, cut_excerpt, excerpt_span, is_inside
from pipeline.evaluate.report.guesses import Duelists, Guess, answer_entities, answer_words
from pipeline.evaluate.report.ranks import TABLE_RIVAL, Outcome, ScoredRanks, find_outcomes
from pipeline.evaluate.rivals.bigram import Bigram
from pipeline.io.arrow import Int64Array
from pipeline.model.luke import Luke
from pipeline.records import Batch

SENTENCES_PER_OUTCOME = 2
SENTENCES_OF_WORDS = 6
"""Number of sentences of a words-only model."""
WORDS_PER_SENTENCE = 2
CONTEXT_RIVAL = STRONGEST["hidden"][-1]
"""The rival that is shown where the mention is hidden."""


@dataclass(frozen=True, slots=True)
class Question:
    """One masked word or entity, with the guesses of the model and of a rival."""

    kind: str
    """The heading, such as "entity"."""
    number: int
    """Its mark in the excerpt."""
    answer: str
    guesses: tuple[Guess, Guess]


@dataclass(frozen=True, slots=True)
class Sentence:
    """An excerpt of a held-out page with its questions."""

    outcome: Outcome | None
    """Who is right about the entity; None for a words-only model."""
    segments: tuple[Segment, ...]
    questions: tuple[Question, ...]


@dataclass(frozen=True, slots=True)
class Drawn:
    """A held-out example that a sentence is made of."""

    example: int
    entity_number: int | None
    """Which of its entities is asked for; None for a words-only model."""
    outcome: Outcome | None


@dataclass(frozen=True, slots=True)
class Answered:
    """A masked batch with all answers at its targets."""

    batch: Batch[Int64Array]
    words: Duelists
    visible: Duelists | None
    """Answers at the entity targets; None for a words-only model."""
    hidden: Duelists | None


def draw_mentions(scored: ScoredRanks, seed: int) -> list[Drawn]:
    """Draw some masked entities of each outcome, each from another example."""
    generator = np.random.default_rng(seed)
    drawn: dict[int, Drawn] = {}
    for outcome, members in find_outcomes(scored).items():
        taken = 0
        for index in generator.permutation(members).tolist():
            example = int(scored.examples[index])
            if taken < SENTENCES_PER_OUTCOME and example not in drawn:
                drawn[example] = Drawn(example, int(scored.entity_numbers[index]), outcome)
                taken += 1
    return list(drawn.values())


def draw_examples(examples: Int64Array, seed: int) -> list[Drawn]:
    """Draw some of the examples, for a words-only model."""
    order = np.random.default_rng(seed).permutation(examples)
    return [Drawn(example, None, None) for example in order[:SENTENCES_OF_WORDS].tolist()]


def make_sentences(inputs: Inputs, model: Luke, rivals: EntityRivals, drawn: Sequence[Drawn]) -> list[Sentence]:
    """Return the sentences of the drawn examples, with all guesses.

    Args:
        inputs: the run with its data.
        model: the model on the CPU.
        rivals: the fitted rivals of the entities; none for a words-only model.
        drawn: different examples.
    """
    if not drawn:
        return []
    answered = answer_examples(inputs, model, rivals, np.array([one.example for one in drawn], dtype=np.int64))
    return [make_sentence(inputs, answered, row, one) for row, one in enumerate(drawn)]


def answer_examples(inputs: Inputs, model: Luke, rivals: EntityRivals, examples: Int64Array) -> Answered:
    """Mask some examples as evaluate does, and return all answers."""
    config, data = inputs.config, inputs.data
    special = data.word_vocab.special
    batch = data.masker(data.validation, phase=0).masked_batch(examples, np.zeros_like(examples))
    bigram = Bigram.fit(
        data.train, word_unigram(inputs), special=special, limit=config.rival_examples, seed=config.seed
    )
    words = answer_words(model, bigram, batch, special)
    if not rivals:
        return Answered(batch, words, None, None)
    visible, hidden = (
        answer_entities(model, name, rivals[name], shown, special)
        for name, shown in ((TABLE_RIVAL, batch), (CONTEXT_RIVAL, with_hidden_mentions(batch, data.word_vocab.mask)))
    )
    return Answered(batch, words, visible, hidden)


def make_sentence(inputs: Inputs, answered: Answered, row: int, drawn: Drawn) -> Sentence:
    """Return the sentence of one row of the batch."""
    batch, vocab, entities = answered.batch, inputs.data.word_vocab, inputs.data.entity_vocab
    questions: list[Question] = []
    numbers: dict[int, int] = {}
    mention: Span | None = None
    if drawn.entity_number is not None and entities is not None:
        target = row * batch.entity_ids.shape[1] + drawn.entity_number
        place = int(np.flatnonzero(batch.entity_targets == target)[0])
        mention = mention_span(batch, target)
        numbers[mention[0]] = 1
        for kind, duelists in (("entity", answered.visible), ("entity, mention hidden", answered.hidden)):
            assert duelists is not None  # there are entities
            label = int(batch.entity_labels[place])
            guesses = (duelists[0].guess(place, label, entities.title), duelists[1].guess(place, label, entities.title))
            questions.append(Question(kind, 1, entities.title(label), guesses))
    tokens, targets = row_of_tokens(batch, row)
    for position in choose_words(tokens, mention, vocab.mask):
        place, label = targets[position], tokens.labels[position]
        numbers[position] = len(numbers) + 1
        model, rival = answered.words
        guesses = (model.guess(place, label, vocab.token_text), rival.guess(place, label, vocab.token_text))
        questions.append(Question("word", numbers[position], vocab.token_text(label), guesses))
    return Sentence(drawn.outcome, cut_excerpt(tokens, mention, numbers, vocab), tuple(questions))


def mention_span(batch: Batch[Int64Array], target: int) -> Span:
    """Return the positions of a mention's tokens in its row; `target` is an index into `entity_ids.reshape(-1)`."""
    start = int(batch.mention_offsets[target])
    end = int(np.append(batch.mention_offsets, len(batch.mention_positions))[target + 1])
    return int(batch.mention_positions[start]), int(batch.mention_positions[end - 1]) + 1


def row_of_tokens(batch: Batch[Int64Array], row: int) -> tuple[MaskedTokens, Mapping[int, int]]:
    """Return the tokens of a row, and the position of each of its word targets -> its index in `word_targets`."""
    width, length = batch.word_ids.shape[1], int(batch.word_lengths[row])
    first, last = np.searchsorted(batch.word_targets, [row * width, (row + 1) * width])
    targets = {int(batch.word_targets[index]) - row * width: index for index in range(int(first), int(last))}
    labels = {position: int(batch.word_labels[index]) for position, index in targets.items()}
    return MaskedTokens(batch.word_ids[row, :length].tolist(), labels), targets


def choose_words(tokens: MaskedTokens, mention: Span | None, mask: int) -> list[int]:
    """Return the positions of some hidden tokens of the excerpt outside the mention, ascending.

    Tokens between visible ones are taken first, because most of them are whole words; then the others, in text order.
    """
    first, last = excerpt_span(len(tokens.ids), mention)
    hidden = [
        position
        for position in sorted(tokens.labels)
        if first <= position < last and tokens.ids[position] == mask and not is_inside(position, mention)
    ]
    between_visible = [position for position in hidden if mask not in tokens.ids[position - 1 : position + 2 : 2]]
    rest = [position for position in hidden if position not in between_visible]
    return sorted([*between_visible, *rest][:WORDS_PER_SENTENCE])
