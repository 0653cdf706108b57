"""The contenders of the step benchmark accept its batch, so that a change of the model's input is noticed."""

from __future__ import annotations

import pytest

from scripts import bench_step


def test_its_batch_is_full_sequences_with_mentions_of_three_tokens():
    batch = bench_step.make_batch(1)
    assert batch.word_ids.shape == (1, 512)
    assert batch.mention_offsets.tolist() == list(range(0, 96, 3))
    assert (len(batch.word_targets), len(batch.entity_targets)) == (77, 5)


@pytest.mark.parametrize("name", bench_step.CONTENDERS)
def test_every_contender_takes_a_step(name, monkeypatch):
    monkeypatch.setitem(bench_step.BODIES, "small", (1, 16, 1))
    bench_step.CONTENDERS[name]("small", bench_step.make_batch(1), "cpu")()
