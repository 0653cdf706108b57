"""Initial weights for cases in which plain normal draws learn too slowly.

There are two methods, which the config chooses. They address one problem: a small model on a small corpus spends nearly
all of its steps on learning that a token should attend to its own position and to its neighbours. Until then an entity
that is replaced by [MASK] cannot see the words of its mention, and the entity loss stays at that of the unigram model.
Yet these words suffice: a bag-of-words model of the mention ranks 95 % of the held-out entities among its top ten after
one epoch.

- `initialize_local_attention`, for a body with random weights. Half of the heads attend to neighbouring positions and
  copy the values there. The other heads start as usual, with almost uniform attention, which serves to learn the topic
  of the page. Positions are sinusoids. The key matrix starts as a copy of the query matrix, so a token's score is
  highest at its own position and decreases with the distance. Value and output matrix start as transposes of each
  other, so the input at the attended positions is added unchanged. Shaping these two products is the idea of Trockman
  and Kolter (arXiv 2305.09828); for images they subtract the input instead.
- `copy_word_positions` and `initialize_entities_from_titles`, for a LUKE that starts from a RoBERTa. The entities'
  position table starts as a copy of the words', so an entity has the position of its mention and attends to what its
  words would attend to. An entity starts as the mean of its title's token embeddings, [MASK] as `<mask>`, and the
  entity head as the word head. A masked entity then behaves like a masked word at the position of its mention, and the
  entity decoder ranks titles by the tokens that it expects there.

This only sets initial values; all weights are trained normally afterwards.
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
from pipeline.vocab.entities import FIRST_TITLE, MASK, EntityVocab
from pipeline.vocab.words import WordVocab

SELF_SCORE = 16.0
"""Mean attention score of a token with itself in a local head, before the softmax."""
LONGEST_WAVE = 100.0
"""Number of positions in which the slowest sinusoid turns by 1 radian; the fastest does so in one position."""
POSITION_SCALE = 2.0
"""Ratio of the position table's standard deviation to that of the word embeddings."""


@torch.no_grad()
def initialize_local_attention(model: Luke, std: float, generator: torch.Generator) -> None:
    """Make half of the heads of every layer attend to neighbouring positions and copy the values there.

    Args:
        std: standard deviation of the other initial weights, among them the word embeddings.
        generator: draws the query and value matrices, from which keys and output are copied.
    """
    dims = model.dimensions
    table = model.luke.embeddings.position_embeddings.weight
    table[WORD_PAD + 1 :] = std * POSITION_SCALE * sinusoids(len(table) - WORD_PAD - 1, dims.hidden)
    d = dims.hidden // dims.heads
    rows = d * (dims.heads // 2)
    # For W [d, hidden] with standard deviation std and |x|^2 = hidden, the mean of |W x|^2 / sqrt(d) is
    # std^2 * hidden * sqrt(d).
    scale = math.sqrt(SELF_SCORE / (dims.hidden * math.sqrt(d)))
    for layer in model.luke.encoder.layer:
        assert isinstance(layer, Layer)
        attention, output = layer.attention.self, layer.attention.output.dense
        attention.query.weight[:rows].normal_(0.0, scale, generator=generator)
        attention.key.weight[:rows] = attention.query.weight[:rows]
        gaussian = torch.empty(dims.hidden, rows).normal_(generator=generator)
        orthonormal = torch.linalg.qr(gaussian).Q  # [hidden, rows], orthonormal columns
        attention.value.weight[:rows] = orthonormal.T
        output.weight[:, :rows] = orthonormal


def sinusoids(rows: int, width: int) -> Tensor:
    """Return [rows, width]: sines, then cosines of the row number at several rates, with a mean square of 1.

    Args:
        width: an even number.
    """
    rates = LONGEST_WAVE ** -(torch.arange(0, width, 2) / width)
    angles = torch.arange(rows)[:, None] * rates
    return math.sqrt(2) * torch.cat([angles.sin(), angles.cos()], dim=1)


@torch.no_grad()
def copy_word_positions(model: Luke) -> None:
    """Copy the position table, the token type table and the LayerNorm from the word to the entity embeddings.

    The position tables have different offsets: position p is row p + WORD_PAD + 1 for words, row p for entities.
    """
    words, entities = model.luke.embeddings, model.luke.entity_embeddings
    positions = words.position_embeddings.weight[WORD_PAD + 1 :]
    entities.position_embeddings.weight[: len(positions)] = positions
    entities.token_type_embeddings.load_state_dict(words.token_type_embeddings.state_dict())
    entities.LayerNorm.load_state_dict(words.LayerNorm.state_dict())


def tokenize_titles(titles: list[str], words: WordVocab) -> list[list[int]]:
    """Return the tokens of each title as it is tokenized within a text.

    Most mentions follow a space in a language that writes spaces, and none in one that does not, and a tokenizer has
    other tokens for the two. It was trained on such text, so the right form has fewer tokens: " Achilles" is one token
    of an English vocabulary and "Achilles" is three. If both forms of a title have as many, the form counts that has
    fewer over all titles.
    """
    plain = [encoding.ids for encoding in words.tokenizer.encode_batch(titles, add_special_tokens=False)]
    after_space = [
        encoding.ids
        for encoding in words.tokenizer.encode_batch([f" {title}" for title in titles], add_special_tokens=False)
    ]
    tie = 1 if sum(map(len, after_space)) < sum(map(len, plain)) else 0
    return [
        after if len(after) < len(before) + tie else before for before, after in zip(plain, after_space, strict=True)
    ]


@torch.no_grad()
def initialize_entities_from_titles(model: Luke, words: WordVocab, entities: EntityVocab) -> None:
    """Initialise entity embeddings and entity head from titles, link counts and the word head.

    The embedding of an entity is the mean of its title's token embeddings, that of [MASK] the embedding of `<mask>`.
    The bias of an entity is the log of its share of the links. The head is a copy of the word head.

    Raises:
        PipelineError: the entity embeddings do not have the width of the word embeddings.
    """
    dims = model.dimensions
    if dims.entity_embedding != dims.hidden:
        raise PipelineError(
            f"model.entity_init=titles copies word embeddings, whose width is {dims.hidden}, but "
            f"model.entity_emb_size is {dims.entity_embedding}: set it to {dims.hidden}, or use "
            f"model.entity_init=positions"
        )
    table = model.luke.entity_embeddings.entity_embeddings.weight
    token_ids = tokenize_titles([title.as_py() for title in entities.titles[FIRST_TITLE:]], words)
    lengths = torch.tensor([len(ids) for ids in token_ids])
    table[FIRST_TITLE:] = F.embedding_bag(
        torch.tensor([token for ids in token_ids for token in ids]),
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
