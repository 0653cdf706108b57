"""How the weights of an untrained model start, where plain normal draws learn too slowly.

Two starts, each a choice of the config. A small model on a small corpus spends nearly all of its steps on one thing: on
finding out that a token should look at its own place and at its neighbours. Until then an entity behind [MASK] cannot
see the words of its mention, and the entity loss stays at the unigram's, although one look at them tells nearly all
(a bag of the mention's words has 95 % of the held-out entities among its first ten after one epoch).

- `local_attention`, for a body made from nothing: half of the heads look around their own place and copy what they
  see; the others start as usual, all but uniform, which is what the page's topic is learnt with. Positions are
  sinusoids; keys start with the queries' matrix, so that a token's score is the highest at its own place and falls with
  the distance; value and output start as each other's transpose, so that what is attended to is added as it is. To
  shape these products is Trockman and Kolter's idea (arXiv 2305.09828); for images they subtract what is attended to.
- For a LUKE made from a RoBERTa. `positions_from_words`: the entities' positions start as the words', so an entity
  stands where its mention does and looks where its words would. `entities_from_titles`: an entity starts as its title's
  words, [MASK] as `<mask>`, the entities' head as the words' head. At its mention, a masked entity then does what a
  masked word would do there, and the entity decoder ranks titles by the words it expects.

Nothing of this exists after the first step: the weights are trained like any others.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from pipeline.errors import PipelineError
from pipeline.model.dimensions import WORD_PAD
from pipeline.model.encoder import Layer
from pipeline.model.luke import Luke
from pipeline.vocab.entities import EntityVocab
from pipeline.vocab.words import WordVocab

SELF_SCORE = 16.0
"""Mean attention score, before the softmax, that a token gives itself in a local head."""
LONGEST_WAVE = 100.0
"""The slowest sinusoid turns by 1 radian in so many places, the fastest in one."""
POSITION_SHARE = 2.0
"""Standard deviation of the position table, in those of the word embeddings."""
MASK, FIRST_ENTITY = 2, 3
"""Ids of entities: [MASK], and the first that stands for a page."""


@torch.no_grad()
def local_attention(model: Luke, deviation: float, generator: torch.Generator) -> None:
    """Let attention start local, and add what it sees.

    Args:
        deviation: of the other initial weights, the word embeddings' among them.
        generator: draws the matrices that are then shared.
    """
    dims = model.dimensions
    table = model.luke.embeddings.position_embeddings.weight
    table[WORD_PAD + 1 :] = deviation * POSITION_SHARE * sinusoids(len(table) - WORD_PAD - 1, dims.hidden)
    d = dims.hidden // dims.heads
    rows = d * (dims.heads // 2)
    # |W x|^2 / sqrt(d), for W of [d, hidden] and |x|^2 = hidden, has the mean deviation^2 * hidden * sqrt(d).
    scale = math.sqrt(SELF_SCORE / (dims.hidden * math.sqrt(d)))
    for layer in model.luke.encoder.layer:
        assert isinstance(layer, Layer)
        attention, output = layer.attention.self, layer.attention.output.dense
        attention.query.weight[:rows].normal_(0.0, scale, generator=generator)
        attention.key.weight[:rows] = attention.query.weight[:rows]
        drawn = torch.empty(dims.hidden, rows).normal_(generator=generator)
        turned = torch.linalg.qr(drawn).Q  # [hidden, rows], orthonormal columns
        attention.value.weight[:rows] = turned.T
        output.weight[:, :rows] = turned


def sinusoids(rows: int, width: int) -> Tensor:
    """[rows, width] sines beside cosines of the row's number, with a mean square of 1.

    Args:
        width: even.
    """
    rates = LONGEST_WAVE ** -(torch.arange(0, width, 2) / width)
    angles = torch.arange(rows)[:, None] * rates
    return math.sqrt(2) * torch.cat([angles.sin(), angles.cos()], dim=1)


@torch.no_grad()
def positions_from_words(model: Luke) -> None:
    """Start the entities' positions, with the type and the norm that go with them, as the words'.

    The tables' first rows differ: the word at place p reads row p + WORD_PAD + 1, its entity row p.
    """
    words, entities = model.luke.embeddings, model.luke.entity_embeddings
    places = words.position_embeddings.weight[WORD_PAD + 1 :]
    entities.position_embeddings.weight[: len(places)] = places
    entities.token_type_embeddings.load_state_dict(words.token_type_embeddings.state_dict())
    entities.LayerNorm.load_state_dict(words.LayerNorm.state_dict())


@torch.no_grad()
def entities_from_titles(model: Luke, words: WordVocab, entities: EntityVocab) -> None:
    """Start each entity as the mean of its title's words and its bias as the log of its share of the links, [MASK] as
    `<mask>`, their head as the words' head.

    Raises:
        PipelineError: the entity embeddings are not as wide as the words'.
    """
    dims = model.dimensions
    if dims.entity_embedding != dims.hidden:
        raise PipelineError(
            f"model.entity_start=titles makes entities of words, which are {dims.hidden} wide, but "
            f"model.entity_embedding is {dims.entity_embedding}: set it to {dims.hidden}, or take "
            f"model.entity_start=positions"
        )
    table = model.luke.entity_embeddings.entity_embeddings.weight
    titles = [title.as_py() for title in entities.titles[FIRST_ENTITY:]]
    pieces = [encoding.ids for encoding in words.tokenizer.encode_batch(titles, add_special_tokens=False)]
    lengths = torch.tensor([len(ids) for ids in pieces])
    table[FIRST_ENTITY:] = F.embedding_bag(
        torch.tensor([word for ids in pieces for word in ids]),
        model.luke.embeddings.word_embeddings.weight,
        lengths.cumsum(0) - lengths,
        mode="mean",
    )
    table[MASK] = model.luke.embeddings.word_embeddings.weight[words.mask]
    counts = torch.tensor(entities.counts) + 1.0
    model.entity_predictions.bias.copy_((counts / counts.sum()).log())
    head, transform = model.lm_head, model.entity_predictions.transform
    transform.dense.load_state_dict(head.dense.state_dict())
    transform.LayerNorm.load_state_dict(head.layer_norm.state_dict())
