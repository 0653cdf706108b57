"""Masks on data one can see; the vectorised walk against upstream's loop, written plainly."""

from pathlib import Path

import numpy as np
import pytest

from pipeline.pretrain.batches import word_tables
from pipeline.pretrain.config import MaskingConfig
from pipeline.pretrain.masking import (
    BARE,
    ENDS,
    SPECIAL,
    STARTS,
    WordTables,
    budgets,
    choose,
    example_keys,
    greedy,
    mask_entities,
    mask_words,
    ranges,
    shuffled,
    uniform,
    word_sizes,
)
from pipeline.vocab import bpe, entities, words
from pipeline.vocab.config import WordsConfig
from tests.vocab.tiny_unigram import tiny_unigram

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


def corpus(count: int, length: int, seed: int = 0) -> np.ndarray:
    """`count` Examples of `length` tokens between <s> and </s>; about a third of the tokens continue a word."""
    rng = np.random.default_rng(seed)
    body = np.where(rng.random((count, length)) < 0.33, rng.integers(4, 50, (count, length)), 0)
    body = np.where(body, body, rng.integers(50, 99, (count, length)))
    return np.concatenate([np.full((count, 1), BOS), body, np.full((count, 1), EOS)], axis=1)


def plain_greedy(sizes: list[int], budget: int) -> tuple[list[bool], int]:
    """What `greedy` does to a row, as upstream's loop does it."""
    taken = []
    for size in sizes:
        taken.append(0 < size <= budget)
        budget -= size if taken[-1] else 0
    return taken, budget


def test_greedy_takes_in_order_what_still_fits():
    taken, left = greedy(np.array([[2, 3, 1, 1], [4, 1, 5, 0]]), np.array([4, 3]))
    assert taken.tolist() == [[True, False, True, True], [False, True, False, False]]
    assert left.tolist() == [0, 2]


def test_greedy_is_the_plain_loop():
    rng = np.random.default_rng(1)
    for _ in range(50):
        sizes = rng.integers(1, 6, (5, 40))
        sizes[np.arange(40) >= rng.integers(0, 41, 5)[:, None]] = 0
        budget = rng.integers(0, 30, 5)
        taken, left = greedy(sizes, budget)
        expected = [plain_greedy(*row) for row in zip(sizes.tolist(), budget.tolist(), strict=True)]
        assert list(zip(taken.tolist(), left.tolist(), strict=True)) == expected


@pytest.mark.parametrize("spare", [-38, 0, 16])
def test_the_choice_is_the_plain_loop_over_all_words_in_random_order(spare):
    """Whether few words are put in order at first, or so few that all are, then."""
    rng = np.random.default_rng(2)
    for seed in range(20):
        sizes = rng.integers(1, 5, (6, 60)) * (rng.random((6, 60)) < 0.5)
        budget = np.append(39, rng.integers(0, 40, 5))
        order = shuffled(sizes > 0, keys(6, seed), 60)
        expected = []
        for row, most in zip(order.tolist(), budget.tolist(), strict=True):
            taken, _ = plain_greedy([int(sizes.reshape(-1)[place]) for place in row], most)
            if most and not any(taken):
                taken[0] = True
            expected += [place for place, chosen in zip(row, taken, strict=True) if chosen]
        assert choose(sizes, budget, keys(6, seed), spare).tolist() == sorted(expected)


def test_the_first_word_is_chosen_where_none_fits():
    order = shuffled(np.array([[False, True, False, True]]), keys(1), 4)
    assert choose(np.array([[0, 5, 0, 6]]), np.array([2]), keys(1)).tolist() == [order[0, 0]]


def test_the_order_is_random_and_the_eligible_go_first():
    eligible = np.array([[True, False, True, True], [False, True, False, False]])
    order = shuffled(eligible, keys(2), 4)
    assert sorted(order[0, :3].tolist()) == [0, 2, 3]
    assert order[1, 0] == 5
    assert shuffled(eligible, keys(2), 2).tolist() == order[:, :2].tolist()
    firsts = shuffled(np.ones((6000, 6), bool), keys(6000), 1)[:, 0] % 6
    assert abs(np.bincount(firsts) - 1000).max() < 3.5 * np.sqrt(6000 / 6 * 5 / 6)


def test_word_sizes():
    s = STARTS | ENDS | SPECIAL
    #                 <s> |w  w | w |w  w  w |</s> pad
    kinds = np.array([[s, 1, 0, 1, 1, 0, 0, s, s], [s, 0, 0, 1, s, 0, 1, 1, s]], np.uint8)
    assert word_sizes(kinds).tolist() == [[0, 2, 0, 1, 3, 0, 0, 0, 0], [0, 2, 0, 1, 0, 1, 1, 1, 0]]


def test_what_a_token_says_of_the_next():
    s, unspaced, bare = STARTS | ENDS | SPECIAL, STARTS | ENDS, STARTS | BARE
    #                 <s>  ▁     東京 は     19 90  年         ▁     <unk> ▁    </s>
    kinds = np.array([[s, bare, unspaced, unspaced, 0, 0, unspaced, bare, s, bare, s]], np.uint8)
    assert word_sizes(kinds).tolist() == [[0, 2, 0, 1, 2, 0, 1, 1, 0, 1, 0]]


def test_ranges():
    assert ranges(np.array([3, 8, 0]), np.array([2, 0, 3])).tolist() == [3, 4, 0, 1, 2]


def test_budgets_round_as_upstream_and_never_to_nothing():
    assert budgets(np.array([0, 1, 3, 10, 30, 510]), 0.15).tolist() == [0, 1, 1, 2, 4, 76]


def test_whole_words_are_hidden_and_only_they_are_labelled():
    #           <s> |w  w | w |w  w  w | w | w |w  w |</s>
    ids = np.array([0, 60, 5, 61, 62, 6, 7, 63, 64, 65, 8, 2])
    hidden = mask_words(ids[None], keys(1), TABLES, config(words=0.5, as_mask=1.0, as_random=0.0))
    words = [[1, 2], [3], [4, 5, 6], [7], [8], [9, 10]]
    taken = [word for word in words if word[0] in hidden.targets]
    assert sorted(position for word in taken for position in word) == hidden.targets.tolist()
    assert len(hidden.targets) == 5
    assert hidden.labels.tolist() == ids[hidden.targets].tolist()
    assert (hidden.ids[0, hidden.targets] == MASK).all()
    rest = np.setdiff1d(np.arange(12), hidden.targets)
    assert hidden.ids[0, rest].tolist() == ids[rest].tolist()


SENTENCE_PIECES = ["<s>", "<pad>", "</s>", "<unk>", "▁the", "▁un", "believ", "able", "▁dog", "s", ".", "▁", "<mask>"]


def test_whole_words_of_a_sentencepiece_vocabulary():
    starts = np.array([piece.startswith("▁") for piece in SENTENCE_PIECES])
    special = np.array([piece.startswith("<") for piece in SENTENCE_PIECES])
    tables = WordTables.of(starts_word=starts, special=special, mask=12)
    text = ["<s>", "▁the", "▁un", "believ", "able", "▁dog", "s", ".", "▁", "able", "▁the", "</s>", "<pad>"]
    ids = np.array([[SENTENCE_PIECES.index(piece) for piece in text]])
    words = [[1], [2, 3, 4], [5, 6, 7], [8, 9], [10]]
    seen = set()
    for seed in range(100):
        hidden = set(mask_words(ids, keys(1, seed), tables, config(words=0.4)).targets.tolist())
        taken = [number for number, word in enumerate(words) if word[0] in hidden]
        assert hidden == {place for number in taken for place in words[number]}
        assert len(hidden) == 4
        seen |= set(taken)
    assert seen == {0, 1, 2, 3, 4}


def test_whole_words_of_a_byte_level_vocabulary(tmp_path: Path):
    """Words are told by the spaces of the text, not by the table under test."""
    text = " the unbelievable dogs, naïve “cats” and 3 déjà-vus saw the unsaid"
    words.save(
        bpe.train([text, " un believe able dog cat"] * 3, WordsConfig(adopt=None, size=290, min_count=2)), tmp_path
    )
    vocab = words.load(tmp_path)
    encoding = vocab.tokenizer.encode(text, add_special_tokens=False)
    number = np.cumsum([character == " " for character in text])  # of the word, at each character
    owners = np.array([number[first] for first, _ in encoding.offsets])
    assert len(owners) > 2 * owners.max()  # most words are in pieces
    ids = np.array([[vocab.bos, *encoding.ids, vocab.eos]])
    seen = set()
    for seed in range(200):
        hidden = mask_words(ids, keys(1, seed), word_tables(vocab), config(words=0.3)).targets - 1
        taken = set(owners[hidden].tolist())
        assert np.array_equal(hidden, np.flatnonzero(np.isin(owners, list(taken))))
        seen |= taken
    assert seen == set(owners.tolist())


@pytest.mark.parametrize(
    ("text", "wholes"),
    [
        (" 東京は日本の首都。", "▁東京 は 日本 の 首都 。"),
        (" 日本の1990年BC", "▁日本 の 1990 年 BC"),
        (" ไทยมีประเทศ", "▁ไทย มี ประเทศ"),
        (" Die Donaudampfschiff (NATO)", "▁Die ▁Donaudampfschiff ▁(NATO)"),
    ],
)
def test_whole_words_with_and_without_spaces(tmp_path: Path, text: str, wholes: str):
    vocab = tiny_unigram(tmp_path)
    encoding = vocab.tokenizer.encode(text, add_special_tokens=False)
    kinds = word_tables(vocab).kinds[[[vocab.bos, *encoding.ids, vocab.eos]]]
    sizes = word_sizes(kinds)[0, 1:-1].tolist()
    found = ["".join(encoding.tokens[place : place + size]) for place, size in enumerate(sizes) if size]
    assert found == wholes.split()


def test_a_first_token_begins_a_word_whatever_the_table_says():
    ids = np.array([[0, 5, 60, 2]])  # token 5 continues a word, but none is before it
    hidden = mask_words(ids, keys(1), TABLES, config(words=0.9))
    assert hidden.targets.tolist() == [1, 2]


def test_shares_of_words_and_fates():
    hidden = mask_words(corpus(400, 200), keys(400), TABLES, config())
    total = 400 * 200
    assert len(hidden.targets) == total * 0.15  # every Example reaches its budget of 30: single tokens fill it
    now, before = hidden.ids.reshape(-1)[hidden.targets], hidden.labels
    starts = before >= 50
    words = int(starts.sum())

    def near(share: float, expected: float) -> bool:
        return abs(share - expected) <= 3 * np.sqrt(expected * (1 - expected) / words)

    assert near((now[starts] == MASK).mean(), 0.8)
    kept = (now == before) & (now != MASK)
    # a random replacement may by chance be the token itself: 1 of 95
    assert near(kept[starts].mean(), 0.1 + 0.1 / 95)


def test_every_place_is_chosen_as_often_as_any_other():
    hidden = mask_words(np.tile([BOS, *range(50, 70), EOS], (4000, 1)), keys(4000), TABLES, config())
    counts = np.bincount(hidden.targets % 22, minlength=22)
    assert counts[[0, 21]].tolist() == [0, 0]
    assert abs(counts[1:21] - 600).max() < 3.5 * np.sqrt(4000 * 0.15 * 0.85)


def test_a_words_fate_is_decided_once():
    ids = corpus(200, 100)
    hidden = mask_words(ids, keys(200), TABLES, config(as_mask=0.5, as_random=0.0))
    masked = hidden.ids.reshape(-1)[hidden.targets] == MASK
    fates = dict(zip(hidden.targets.tolist(), masked.tolist(), strict=True))
    goes_on = [place for place in fates if 4 <= ids.reshape(-1)[place] < 50 and place - 1 in fates]
    assert len(goes_on) > 500
    assert all(fates[place] == fates[place - 1] for place in goes_on)


def test_replacements_are_never_special():
    hidden = mask_words(corpus(200, 100), keys(200), TABLES, config(as_mask=0.0, as_random=1.0))
    drawn = set(hidden.ids.reshape(-1)[hidden.targets].tolist())
    assert drawn == set(range(VOCAB)) - {BOS, PAD, EOS, UNK, MASK}  # every ordinary token is drawn


def test_every_word_can_be_reached_the_last_ones_too():
    ids = np.array([[BOS, *range(50, 70), EOS]])  # twenty words of one token
    reached = set()
    for seed in range(200):
        reached |= set(mask_words(ids, keys(1, seed), TABLES, config()).targets.tolist())
    assert reached == set(range(1, 21))


def test_masks_are_a_function_of_the_example_not_of_its_batch():
    ids = corpus(6, 40)
    wider = np.concatenate([ids, np.full((6, 5), PAD)], axis=1)
    together = mask_words(wider[::-1], keys(6)[::-1], TABLES, config())
    for number in range(6):
        alone = mask_words(ids[[number]], keys(6)[[number]], TABLES, config())
        assert alone.ids[0].tolist() == together.ids[5 - number, :42].tolist()
        own = together.targets // 47 == 5 - number
        assert alone.targets.tolist() == (together.targets[own] % 47).tolist()
        assert alone.labels.tolist() == together.labels[own].tolist()


def test_what_is_given_stays_as_it_is():
    ids, entities = corpus(3, 40), np.full((3, 8), 5)
    mask_words(ids, keys(3), TABLES, config())
    mask_entities(entities, keys(3), config())
    assert np.array_equal(ids, corpus(3, 40))
    assert (entities == 5).all()


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
    values = uniform(keys(1), np.arange(100_000))
    counts = np.histogram(values, bins=10, range=(0, 1))[0]
    assert abs(counts - 10_000).max() < 4 * np.sqrt(100_000 * 0.1 * 0.9)


def test_entities_are_masked_but_never_unknown_ones():
    ids = np.array([[entities.UNK, 7, entities.UNK], [8, 9, 0], [entities.UNK, 0, 0]])
    hidden = mask_entities(ids, keys(3), config())
    flat = hidden.ids.reshape(-1)
    assert len(hidden.targets) == 2  # one of the first Example, one of the second, none of the third
    assert hidden.targets[0] == 1
    assert hidden.targets[1] in (3, 4)
    assert (flat[hidden.targets] == entities.MASK).all()
    assert hidden.labels.tolist() == ids.reshape(-1)[hidden.targets].tolist()
    assert np.delete(flat, hidden.targets).tolist() == np.delete(ids, hidden.targets).tolist()


def test_upstreams_masking_of_unknown_entities_is_a_switch():
    ids = np.array([[entities.UNK, entities.UNK, 0]])
    for seed in range(20):
        hidden = mask_entities(ids, keys(1, seed), config(unknown_entities=True))
        assert len(hidden.targets) == 1
        assert hidden.targets[0] != 2


def test_entity_share():
    hidden = mask_entities(np.full((500, 40), 5), keys(500), config())
    assert np.bincount(hidden.targets // 40, minlength=500).tolist() == [6] * 500
    counts = np.bincount(hidden.targets % 40, minlength=40)
    assert abs(counts - 75).max() < 3.5 * np.sqrt(500 * 0.15 * 0.85)


def test_no_entities_at_all():
    hidden = mask_entities(np.empty((2, 0), np.int64), keys(2), config())
    assert hidden.ids.shape == (2, 0)
    assert hidden.targets.tolist() == hidden.labels.tolist() == []


@pytest.mark.parametrize(
    ("changes", "name"), [({"words": 0.0}, "masking.words"), ({"as_mask": 0.95, "as_random": 0.1}, "as_random")]
)
def test_contradictions_are_refused(changes, name):
    with pytest.raises(ValueError, match=name):
        config(**changes)
