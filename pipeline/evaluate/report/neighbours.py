"""Find the nearest neighbours of some entities by the cosine of their embeddings.

The mean of all embeddings is subtracted first: it is a large part that they share, and hides what distinguishes them.
The entities are the most linked ones, and some from further down the vocabulary, evenly spaced over the ids between a
tenth and a half of it. Rows are compared in chunks.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from pipeline.io.arrow import Int64Array
from pipeline.model.luke import Luke
from pipeline.vocab.entities import FIRST_TITLE, EntityVocab

FREQUENT, MIDDLE = 6, 6
"""Number of entities of both kinds."""
MIDDLE_RANGE = (0.1, 0.5)
"""Part of the vocabulary, which is ordered by the number of links, that the second kind is taken from."""
NEIGHBOURS = 5
ROWS_AT_ONCE = 1 << 16


@dataclass(frozen=True, slots=True)
class NamedEntity:
    """An entity of the vocabulary."""

    title: str
    links: int
    """Number of links to it on training pages."""


@dataclass(frozen=True, slots=True)
class Neighbour:
    """An entity near another one."""

    entity: NamedEntity
    cosine: float


@dataclass(frozen=True, slots=True)
class Neighbourhood:
    """An entity with its nearest neighbours, the nearest first."""

    entity: NamedEntity
    is_frequent: bool
    """Whether it is one of the most linked."""
    neighbours: tuple[Neighbour, ...]


def find_neighbours(model: Luke, entities: EntityVocab) -> list[Neighbourhood]:
    """Return the neighbourhoods of some entities, by the model's embeddings."""
    frequent, middle = choose_entities(entities.size)
    chosen = np.concatenate([frequent, middle])
    table = model.luke.entity_embeddings.entity_embeddings.weight.detach().float().cpu()
    ids, cosines = nearest_rows(table, chosen, NEIGHBOURS)
    return [
        Neighbourhood(
            name_entity(entities, entity),
            number < len(frequent),
            tuple(
                Neighbour(name_entity(entities, other), cosine)
                for other, cosine in zip(ids[number].tolist(), cosines[number].tolist(), strict=True)
            ),
        )
        for number, entity in enumerate(chosen.tolist())
    ]


def name_entity(entities: EntityVocab, index: int) -> NamedEntity:
    """Return the title and the number of links of an entity."""
    return NamedEntity(entities.title(index), int(entities.counts[index]))


def choose_entities(size: int) -> tuple[Int64Array, Int64Array]:
    """Return the ids of the most linked entities, and of some less linked ones, for a vocabulary of `size` entities."""
    frequent = np.arange(FIRST_TITLE, min(size, FIRST_TITLE + FREQUENT))
    low, high = (FIRST_TITLE + round(share * (size - FIRST_TITLE)) for share in MIDDLE_RANGE)
    middle = np.unique(np.linspace(low, high, MIDDLE).round().astype(np.int64))
    return frequent, np.setdiff1d(middle[middle < size], frequent)


def nearest_rows(table: torch.Tensor, rows: Int64Array, count: int) -> tuple[Int64Array, NDArray[np.float32]]:
    """Return the `count` nearest other rows of each of some rows, the nearest first, and their cosines.

    The mean row is subtracted from all. Special entities are not among the neighbours, and do not count for the mean.

    Args:
        table: [entities, width] embeddings.
        rows: [n] ids.
        count: number of neighbours; fewer if the table is smaller.

    Returns:
        Ids and cosines: [n, count].
    """
    mean = table[FIRST_TITLE:].mean(dim=0)
    queries = torch.nn.functional.normalize(table[torch.as_tensor(rows)] - mean, dim=1)
    chunks = (torch.nn.functional.normalize(chunk - mean, dim=1) for chunk in torch.split(table, ROWS_AT_ONCE))
    cosines = torch.cat([queries @ chunk.T for chunk in chunks], dim=1)
    cosines[:, :FIRST_TITLE] = -torch.inf
    cosines[torch.arange(len(rows)), torch.as_tensor(rows)] = -torch.inf
    top = cosines.topk(max(0, min(count, len(table) - FIRST_TITLE - 1)), dim=1)
    return top.indices.numpy(), top.values.numpy()
