"""Embeddings of words and entities, and the gradient of a table with two uses."""

from __future__ import annotations

import torch
import torch.nn.functional as F

from pipeline.model.embeddings import EntityEmbeddings, TiedLookup
from tests.helpers.small_luke import MENTIONS, dimensions, ragged_batch, random_luke

IDS = torch.tensor([[1, 3], [1, 0]])
"""Row 1 is looked up twice, row 2 not at all."""


def test_a_table_has_one_gradient_for_its_two_uses() -> None:
    """Check by hand: each lookup adds 1 to the gradient of a row, and the decoder adds 10 to every row."""
    table = torch.zeros(4, 2, requires_grad=True)
    rows, decoder = TiedLookup.apply(table, IDS)
    assert rows.shape == (2, 2, 2)
    (rows.sum() + F.linear(torch.full((5, 2), 2.0), decoder).sum()).backward()
    assert table.grad is not None
    assert table.grad.tolist() == [[11, 11], [12, 12], [10, 10], [11, 11]]


def test_a_table_with_one_use() -> None:
    table = torch.zeros(4, 2, requires_grad=True)
    (only_rows,) = torch.autograd.grad(TiedLookup.apply(table, IDS)[0].sum(), table)
    assert only_rows.tolist() == [[1, 1], [2, 2], [0, 0], [1, 1]]
    (only_decoder,) = torch.autograd.grad(TiedLookup.apply(table, IDS)[1].sum(), table)
    assert only_decoder.tolist() == [[1, 1]] * 4


def test_a_frozen_table_has_no_gradient() -> None:
    rows, decoder = TiedLookup.apply(torch.zeros(4, 2), IDS)
    assert not rows.requires_grad
    assert not decoder.requires_grad


def test_mention_positions_are_the_mean_of_their_rows() -> None:
    batch = ragged_batch()
    model = random_luke(dimensions(entity_embedding=32)).luke.entity_embeddings
    assert isinstance(model, EntityEmbeddings)
    table = model.position_embeddings.weight
    rows = torch.zeros(3, 3, 32)
    for row, mentions in enumerate(MENTIONS):
        for column, mention in enumerate(mentions):
            rows[row, column] = table[mention].mean(0)
    expected = model.LayerNorm(model.entity_embeddings(batch.entity_ids) + rows + model.token_type_embeddings.weight[0])
    found, _ = model(batch.entity_ids, batch.mention_positions, batch.mention_offsets)
    assert torch.allclose(found, expected, atol=1e-6)
