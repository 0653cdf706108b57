"""Masks on data one can see; the vectorised walk against upstream's loop, written plainly."""

import numpy as np
import pytest

from pipeline.pretrain.config import MaskingConfig
from pipeline.pretrain.masking import (
    MASK_ENTITY,
    UNKNOWN_ENTITY,
    WordTables,
    budgets,
    example_keys,
    greedy,
    mask_entities,
    mask_words,
    uniform,
)

BOS, PAD, EOS, UNK = 0, 1, 2, 3
VOCAB, MASK = 100, 99
# Ids 50 to 98 begin a word, 4 to 49 go on with one.
TABLES = WordTables.of(
    starts_word=np.arange(VOCAB) >= 50, special=np.isin(np.arange(VOCAB), [BOS, PAD, EOS, UNK, MASK]), mask=MASK
)


def config(**changes: object) -> MaskingConfig:
    values = {"words": 0.15, "entities": 0.15, "as_mask": 0.8, "as_random": 0.1, "unknown_entities": False}
    return MaskingConfig(**(values | changes))


def keys(count: int, seed: int = 0) -> np.ndarray:
    return example_keys(seed, 0, np.zeros(count, np.int64), np.arange(count))


def corpus(count: int, length: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """`count` Examples of `length` tokens between <s> and </s>; about a third of the tokens continue a word."""
    rng = np.random.default_rng(seed)
    body = np.where(rng.random((count, length)) < 0.33, rng.integers(4, 50, (count, length)), 0)
    body = np.where(body, body, rng.integers(50, 99, (count, length)))
    rows = np.concatenate([np.full((count, 1), BOS), body, np.full((count, 1), EOS)], axis=1)
    return rows.reshape(-1), np.arange(count + 1) * (length + 2)


def test_greedy_takes_in_order_what_still_fits():
    sizes = np.array([2, 3, 1, 1, 4, 1])
    owners = np.array([0, 0, 0, 0, 1, 1])
    assert greedy(sizes, owners, np.array([4, 3])).tolist() == [True, False, True, True, False, True]


def test_greedy_takes_the_first_where_nothing_fits():
    assert greedy(np.array([5, 6]), np.array([0, 0]), np.array([2])).tolist() == [True, False]


def test_greedy_gives_nothing_to_an_owner_without_items():
    assert greedy(np.array([1]), np.array([1]), np.array([0, 1, 0])).tolist() == [True]


def test_greedy_is_the_plain_loop():
    rng = np.random.default_rng(1)
    for _ in range(50):
        owners = np.sort(rng.integers(0, 5, 40))
        sizes, budget = rng.integers(1, 6, 40), rng.integers(1, 9, 5)
        left, expected = budget.copy(), np.zeros(40, bool)
        for item in range(40):
            if sizes[item] <= left[owners[item]]:
                expected[item] = True
                left[owners[item]] -= sizes[item]
        for owner in set(owners.tolist()):
            if not expected[owners == owner].any():
                expected[np.flatnonzero(owners == owner)[0]] = True
        np.testing.assert_array_equal(greedy(sizes, owners, budget), expected)


def test_budgets_round_as_upstream_and_never_to_nothing():
    assert budgets(np.array([0, 1, 3, 10, 30, 510]), 0.15).tolist() == [0, 1, 1, 2, 4, 76]


def test_whole_words_are_hidden_and_only_they_are_labelled():
    #           <s> |w  w | w |w  w  w | w | w |w  w |</s>
    ids = np.array([0, 60, 5, 61, 62, 6, 7, 63, 64, 65, 8, 2])
    hidden = mask_words(ids, np.array([0, 12]), keys(1), TABLES, config(words=0.5, as_mask=1.0, as_random=0.0))
    words = [[1, 2], [3], [4, 5, 6], [7], [8], [9, 10]]
    taken = [word for word in words if word[0] in hidden.targets]
    assert sorted(position for word in taken for position in word) == hidden.targets.tolist()
    assert len(hidden.targets) == 5
    assert hidden.labels.tolist() == ids[hidden.targets].tolist()
    assert (hidden.ids[hidden.targets] == MASK).all()
    rest = np.setdiff1d(np.arange(12), hidden.targets)
    assert hidden.ids[rest].tolist() == ids[rest].tolist()


def test_a_first_token_begins_a_word_whatever_the_table_says():
    ids = np.array([0, 5, 60, 2])  # token 5 continues a word, but none is before it
    hidden = mask_words(ids, np.array([0, 4]), keys(1), TABLES, config(words=0.9))
    assert hidden.targets.tolist() == [1, 2]


def test_shares_of_words_and_fates():
    ids, offsets = corpus(400, 200)
    hidden = mask_words(ids, offsets, keys(400), TABLES, config())
    total = 400 * 200
    assert len(hidden.targets) == total * 0.15  # every Example reaches its budget of 30: single tokens fill it
    now, before = hidden.ids[hidden.targets], hidden.labels
    starts = TABLES.starts_word[before]
    words = int(starts.sum())

    def near(share: float, expected: float) -> bool:
        return abs(share - expected) <= 3 * np.sqrt(expected * (1 - expected) / words)

    assert near((now[starts] == MASK).mean(), 0.8)
    kept = (now == before) & (now != MASK)
    # a random replacement may by chance be the token itself: 1 of 95
    assert near(kept[starts].mean(), 0.1 + 0.1 / 95)


def test_a_words_fate_is_decided_once():
    ids, offsets = corpus(200, 100)
    hidden = mask_words(ids, offsets, keys(200), TABLES, config(as_mask=0.5, as_random=0.0))
    fates = dict(zip(hidden.targets.tolist(), (hidden.ids[hidden.targets] == MASK).tolist(), strict=True))
    for position in hidden.targets.tolist():
        if not TABLES.starts_word[ids[position]] and position - 1 in fates:
            assert fates[position] == fates[position - 1]


def test_replacements_are_never_special():
    ids, offsets = corpus(200, 100)
    hidden = mask_words(ids, offsets, keys(200), TABLES, config(as_mask=0.0, as_random=1.0))
    assert not TABLES.special[hidden.ids[hidden.targets]].any()
    assert len(set(hidden.ids[hidden.targets].tolist())) == 95  # every ordinary token is drawn


def test_every_word_can_be_reached_the_last_ones_too():
    ids, offsets = np.array([BOS, *range(50, 70), EOS]), np.array([0, 22])  # twenty words of one token
    reached = set()
    for seed in range(200):
        reached |= set(mask_words(ids, offsets, keys(1, seed), TABLES, config()).targets.tolist())
    assert reached == set(range(1, 21))


def test_masks_are_a_function_of_the_example_not_of_its_batch():
    ids, offsets = corpus(6, 40)
    together = mask_words(ids, offsets, keys(6), TABLES, config())
    for number in range(6):
        part = slice(offsets[number], offsets[number + 1])
        alone = mask_words(ids[part], np.array([0, 42]), keys(6)[[number]], TABLES, config())
        assert alone.ids.tolist() == together.ids[part].tolist()


def test_keys_differ_by_seed_phase_epoch_and_example():
    made = [
        int(example_keys(seed, phase, np.array([epoch]), np.array([example]))[0])
        for seed in range(3)
        for phase in range(3)
        for epoch in range(3)
        for example in range(3)
    ]
    assert len(set(made)) == 81


def test_uniform_is_uniform():
    values = uniform(np.repeat(keys(1), 100_000), 1, np.arange(100_000))
    counts = np.histogram(values, bins=10, range=(0, 1))[0]
    assert abs(counts - 10_000).max() < 4 * np.sqrt(100_000 * 0.1 * 0.9)


def test_entities_are_masked_but_never_unknown_ones():
    ids = np.array([UNKNOWN_ENTITY, 7, UNKNOWN_ENTITY, 8, 9, UNKNOWN_ENTITY])
    hidden = mask_entities(ids, np.array([0, 3, 5, 6]), keys(3), config())
    assert hidden.targets.tolist()[0] == 1
    assert len(hidden.targets) == 2  # one of the first Example, one of the second, none of the third
    assert (hidden.ids[hidden.targets] == MASK_ENTITY).all()
    assert hidden.labels.tolist() == ids[hidden.targets].tolist()


def test_upstreams_masking_of_unknown_entities_is_a_switch():
    ids = np.array([UNKNOWN_ENTITY, UNKNOWN_ENTITY])
    hidden = mask_entities(ids, np.array([0, 2]), keys(1), config(unknown_entities=True))
    assert len(hidden.targets) == 1


def test_entity_share():
    ids = np.full(100 * 40, 5)
    hidden = mask_entities(ids, np.arange(101) * 40, keys(100), config())
    assert np.bincount(hidden.targets // 40, minlength=100).tolist() == [6] * 100


def test_no_entities_at_all():
    hidden = mask_entities(np.empty(0, np.int64), np.zeros(3, np.int64), keys(2), config())
    assert hidden.targets.tolist() == []


@pytest.mark.parametrize(
    ("changes", "name"), [({"words": 0.0}, "masking.words"), ({"as_mask": 0.95, "as_random": 0.1}, "as_random")]
)
def test_contradictions_are_refused(changes, name):
    with pytest.raises(ValueError, match=name):
        config(**changes)
