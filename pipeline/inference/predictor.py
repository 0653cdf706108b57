"""Predict the hidden words and the entities of a text with a pretrained LUKE.

The input is a folder in transformers' format, the pipeline's export or a released LUKE, and texts in the markup of
`markup.py`. The output are the most probable words and entities at each place, with the probabilities that
transformers' LukeForMaskedLM gives them: a softmax over all rows, special ones included.

    predictor = Predictor.open("data/sample/export/tiny")
    prediction = predictor.predict("Taro belongs to [[Keio University]].")
    prediction.entities[0].candidates[0]

The demo's model opens in 1 s, which is nearly all transformers' import of its configs, and predicts a sentence in 2 ms.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from pipeline.errors import PipelineError
from pipeline.inference.encode import PassageEncoder
from pipeline.inference.markup import parse_markup
from pipeline.inference.passage import Passage
from pipeline.inference.titles import EntityTitles
from pipeline.io.arrow import Int64Array
from pipeline.model.dimensions import WORD_PAD
from pipeline.model.from_transformers import load_transformers_luke
from pipeline.model.luke import Luke
from pipeline.records import Batch
from pipeline.vocab.pretrained_tokenizer import load_pretrained_tokenizer
from pipeline.vocab.specials import ENTITY_MARKERS
from pipeline.vocab.words import WordVocab, make_word_vocab

CANDIDATES = 5
"""Number of words or entities that are returned for each place."""
CHUNK_SIZE = 256
"""Number of places whose logits are in memory at once: 512 MB at 500,000 entities."""
WHERE_MODELS_COME_FROM = (
    "A LUKE is what make export writes (make demo makes data/sample/export/tiny in about ten minutes), or a released "
    "LUKE in a folder with config.json, model.safetensors, entity_vocab.json and its tokenizer."
)


class Candidate(NamedTuple):
    """A word or an entity that a place may have."""

    text: str
    """The token's text, which begins with a space if a word begins there; or the entity's title."""
    probability: float


@dataclass(frozen=True, slots=True)
class Place:
    """A place whose word or entity was predicted."""

    start: int
    end: int
    """The hidden word or the mention is `text[start:end]` of the prediction."""
    candidates: tuple[Candidate, ...]
    """The most probable ones, the best first."""


@dataclass(frozen=True, slots=True)
class Prediction:
    """The model's answers for one passage, in text order."""

    passage: Passage
    words: tuple[Place, ...]
    """One for each hidden word."""
    entities: tuple[Place, ...]
    """One for each mention without a given title."""


@dataclass(frozen=True, slots=True)
class TopK:
    """The k most probable ids at M places, the best first."""

    ids: Int64Array
    """[M, k]."""
    probabilities: NDArray[np.float32]
    """[M, k]."""


@dataclass(frozen=True, slots=True)
class Predictor:
    """A LUKE with its vocabularies, ready to predict."""

    model: Luke
    encoder: PassageEncoder

    @staticmethod
    def make(model: Luke, words: WordVocab, entities: EntityTitles) -> Predictor:
        """Return the predictor of a model that was trained with these vocabularies."""
        max_tokens = model.dimensions.max_positions - WORD_PAD - 1
        return Predictor(model.eval(), PassageEncoder.make(words, entities, max_tokens=max_tokens))

    @staticmethod
    def open(folder: Path | str) -> Predictor:
        """Open a LUKE in transformers' format.

        Raises:
            PipelineError: there is no such folder, it is not a complete LUKE, or its tokenizer is not supported.
        """
        if not Path(folder).is_dir():
            raise PipelineError(f"{folder} is not a folder with a model. {WHERE_MODELS_COME_FROM}")
        try:
            model = load_transformers_luke(str(folder))
        except PipelineError as error:
            raise PipelineError(f"{error}\n{WHERE_MODELS_COME_FROM}") from error
        words = make_word_vocab(load_pretrained_tokenizer(Path(folder)))
        rows = model.dimensions.vocab_size
        if rows not in (words.size, words.size + len(ENTITY_MARKERS)):
            raise PipelineError(
                f"{folder} has embeddings for {rows} tokens, but its tokenizer has {words.size}: they do not belong "
                "together"
            )
        titles = EntityTitles.open(str(folder), rows=model.dimensions.entity_vocab_size)
        return Predictor.make(model, words, titles)

    def predict(self, marked: str, count: int = CANDIDATES) -> Prediction:
        """Return the `count` most probable words and entities at each place of a text in the markup of `markup.py`.

        Raises:
            PipelineError: the markup is wrong, the text is too long, or a given title is unknown.
        """
        [prediction] = self.predict_passages([parse_markup(marked)], count)
        return prediction

    def predict_passages(self, passages: Sequence[Passage], count: int = CANDIDATES) -> list[Prediction]:
        """Return the predictions for passages, which are computed as one batch."""
        if not passages:
            return []
        batch = self.encoder.batch([self.encoder.example(passage) for passage in passages])
        words, entities = self.predict_batch(batch, count)
        next_words, next_entities = iter(words), iter(entities)
        return [
            Prediction(
                passage,
                tuple(Place(start, end, next(next_words)) for start, end in passage.hidden),
                tuple(
                    Place(mention.start, mention.end, next(next_entities))
                    for mention in passage.mentions
                    if mention.title is None
                ),
            )
            for passage in passages
        ]

    def predict_batch(
        self, batch: Batch[Int64Array], count: int = CANDIDATES
    ) -> tuple[list[tuple[Candidate, ...]], list[tuple[Candidate, ...]]]:
        """Return the most probable words at the batch's word targets, and entities at its entity targets, in order."""
        words, entities = top_predictions(self.model, batch, count)
        return to_candidates(words, self.token_text), to_candidates(entities, self.encoder.entities.title)

    def token_text(self, token_id: int) -> str:
        """Return the text of a token; the model may have rows for the markers of fine-tuning."""
        words = self.encoder.words
        return words.token_text(token_id) if token_id < words.size else ENTITY_MARKERS[token_id - words.size]


def to_candidates(top: TopK, name: Callable[[int], str]) -> list[tuple[Candidate, ...]]:
    """Return the candidates of each place; `name` gives the text of an id."""
    rows = zip(top.ids.tolist(), top.probabilities.tolist(), strict=True)
    return [tuple(Candidate(name(index), p) for index, p in zip(*row, strict=True)) for row in rows]


@torch.no_grad()
def top_predictions(model: Luke, batch: Batch[Int64Array], count: int) -> tuple[TopK, TopK]:
    """Return the `count` most probable words at the word targets, and entities at the entity targets.

    The model must be in evaluation mode.
    """
    device = next(model.parameters()).device
    tensors = batch.map(lambda array: torch.as_tensor(array, device=device))
    words, entities = model.encode(tensors)
    return (
        top_ids(model.word_logits, words.flatten(0, 1)[tensors.word_targets], count),
        top_ids(model.entity_logits, entities.flatten(0, 1)[tensors.entity_targets], count),
    )


def top_ids(head: Callable[[torch.Tensor], torch.Tensor], states: torch.Tensor, count: int) -> TopK:
    """Return the most probable ids of `head`, which maps states [K, H] to logits [K, V], at M states [M, H]."""
    ids, probabilities = [], []
    for chunk in torch.split(states, CHUNK_SIZE):  # one empty chunk if there are no states
        logits = head(chunk).float()
        top = logits.softmax(dim=1).topk(min(count, logits.size(1)))
        ids.append(top.indices.cpu())
        probabilities.append(top.values.cpu())
    return TopK(torch.cat(ids).numpy(), torch.cat(probabilities).numpy())
