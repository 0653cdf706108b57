"""Masks on small data; the vectorised choice of words against upstream's loop."""

from pathlib import Path

import numpy as np
import pytest

from pipeline.pretrain.batches import build_word_tables
from pipeline.pretrain.config import MaskingConfig
from pipeline.pretrain.masking import (
    BARE_SPACE,
    NEXT_STARTS_WORD,
    SPECIAL,
    STARTS_WORD,
    WordTables,
    choose_hidden_mentions,
    choose_words,
    concatenate_ranges,
    example_keys,
    hide_mentions,
    mask_entities,
    mask_words,
    masking_budgets,
    shuffle_eligible,
    take_greedily,
    uniform,
    word_sizes,
)
from pipeline.vocab import bpe, entities, words
from pipeline.vocab.config import TokenizerConfig
from tests.helpers.tiny_unigram import tiny_unigram_vocab

BOS, PAD, EOS, UNK = 0, 1, 2, 3
VOCAB, MASK = 100, 99
# Ids 50 to 98 start a word, ids 4 to 49 continue one.
TABLES = WordTables.from_flags(
    starts_word=np.arange(VOCAB) >= 50, special=np.isin(np.arange(VOCAB), [BOS, PAD, EOS, UNK, MASK]), mask=MASK
)


def config(**changes: object) -> MaskingConfig:
    values = {
        "words": 0.15,
        "entities": 0.15,
        "mask_replace_prob": 0.8,
        "random_replace_prob": 0.1,
        "unknown_entities": False,
        "hide_mentions": 0.0,
    }
    return MaskingConfig(**(values | changes))


def keys(count: int, seed: int = 0) -> np.ndarray:
    return example_keys(seed, 0, np.zeros(count, np.int64), np.arange(count))


def corpus(count: int, length: int, seed: int = 0) -> np.ndarray:
    """Return `count` examples of `length` tokens between <s> and </s>; about a third of the tokens continue a word."""
    rng = np.random.default_rng(seed)
    body = np.where(rng.random((count, length)) < 0.33, rng.integers(4, 50, (count, length)), 0)
    body = np.where(body, body, rng.integers(50, 99, (count, length)))
    return np.concatenate([np.full((count, 1), BOS), body, np.full((count, 1), EOS)], axis=1)


def plain_greedy(sizes: list[int], budget: int) -> tuple[list[bool], int]:
    """Return what `take_greedily` returns for one row, computed as in upstream's loop."""
    taken = []
    for size in sizes:
        taken.append(0 < size <= budget)
        budget -= size if taken[-1] else 0
    return taken, budget


def test_greedy_takes_in_order_what_still_fits():
    taken, left = take_greedily(np.array([[2, 3, 1, 1], [4, 1, 5, 0]]), np.array([4, 3]))
    assert taken.tolist() == [[True, False, True, True], [False, True, False, False]]
    assert left.tolist() == [0, 2]


def test_greedy_is_the_plain_loop():
    rng = np.random.default_rng(1)
    for _ in range(50):
        sizes = rng.integers(1, 6, (5, 40))
        sizes[np.arange(40) >= rng.integers(0, 41, 5)[:, None]] = 0
        budget = rng.integers(0, 30, 5)
        taken, left = take_greedily(sizes, budget)
        expected = [plain_greedy(*row) for row in zip(sizes.tolist(), budget.tolist(), strict=True)]
        assert list(zip(taken.tolist(), left.tolist(), strict=True)) == expected


@pytest.mark.parametrize("spare", [-38, 0, 16])
def test_the_choice_is_the_plain_loop_over_all_words_in_random_order(spare):
    """Cover both cases: the words put in order at first suffice, or all have to be put in order."""
    rng = np.random.default_rng(2)
    for seed in range(20):
        sizes = rng.integers(1, 5, (6, 60)) * (rng.random((6, 60)) < 0.5)
        budget = np.append(39, rng.integers(0, 40, 5))
        order = shuffle_eligible(sizes > 0, keys(6, seed), 60)
        expected = []
        for row, most in zip(order.tolist(), budget.tolist(), strict=True):
            taken, _ = plain_greedy([int(sizes.reshape(-1)[place]) for place in row], most)
            if most and not any(taken):
                taken[0] = True
            expected += [place for place, chosen in zip(row, taken, strict=True) if chosen]
        assert choose_words(sizes, budget, keys(6, seed), spare).tolist() == sorted(expected)


def test_the_first_word_is_chosen_if_none_fits():
    order = shuffle_eligible(np.array([[False, True, False, True]]), keys(1), 4)
    assert choose_words(np.array([[0, 5, 0, 6]]), np.array([2]), keys(1)).tolist() == [order[0, 0]]


def test_the_order_is_random_with_eligible_positions_first():
    eligible = np.array([[True, False, True, True], [False, True, False, False]])
    order = shuffle_eligible(eligible, keys(2), 4)
    assert sorted(order[0, :3].tolist()) == [0, 2, 3]
    assert order[1, 0] == 5
    assert shuffle_eligible(eligible, keys(2), 2).tolist() == order[:, :2].tolist()
    firsts = shuffle_eligible(np.ones((6000, 6), bool), keys(6000), 1)[:, 0] % 6
    assert abs(np.bincount(firsts) - 1000).max() < 3.5 * np.sqrt(6000 / 6 * 5 / 6)


def test_word_sizes():
    s = STARTS_WORD | NEXT_STARTS_WORD | SPECIAL
    #                 <s> |w  w | w |w  w  w |</s> pad
    flags = np.array([[s, 1, 0, 1, 1, 0, 0, s, s], [s, 0, 0, 1, s, 0, 1, 1, s]], np.uint8)
    assert word_sizes(flags).tolist() == [[0, 2, 0, 1, 3, 0, 0, 0, 0], [0, 2, 0, 1, 0, 1, 1, 1, 0]]


def test_flags_about_the_next_token_take_precedence():
    s, unspaced, bare = (
        STARTS_WORD | NEXT_STARTS_WORD | SPECIAL,
        STARTS_WORD | NEXT_STARTS_WORD,
        STARTS_WORD | BARE_SPACE,
    )
    #                 <s>  ▁     東京 は     19 90  年         ▁     <unk> ▁    </s>
    flags = np.array([[s, bare, unspaced, unspaced, 0, 0, unspaced, bare, s, bare, s]], np.uint8)
    assert word_sizes(flags).tolist() == [[0, 2, 0, 1, 2, 0, 1, 1, 0, 1, 0]]


def test_ranges():
    assert concatenate_ranges(np.array([3, 8, 0]), np.array([2, 0, 3])).tolist() == [3, 4, 0, 1, 2]


def test_budgets_round_as_upstream_and_never_to_nothing():
    assert masking_budgets(np.array([0, 1, 3, 10, 30, 510]), 0.15).tolist() == [0, 1, 1, 2, 4, 76]


def test_whole_words_are_masked_and_only_they_have_labels():
    #           <s> |w  w | w |w  w  w | w | w |w  w |</s>
    ids = np.array([0, 60, 5, 61, 62, 6, 7, 63, 64, 65, 8, 2])
    masked = mask_words(ids[None], keys(1), TABLES, config(words=0.5, mask_replace_prob=1.0, random_replace_prob=0.0))
    words = [[1, 2], [3], [4, 5, 6], [7], [8], [9, 10]]
    taken = [word for word in words if word[0] in masked.targets]
    assert sorted(position for word in taken for position in word) == masked.targets.tolist()
    assert len(masked.targets) == 5
    assert masked.labels.tolist() == ids[masked.targets].tolist()
    assert (masked.ids[0, masked.targets] == MASK).all()
    rest = np.setdiff1d(np.arange(12), masked.targets)
    assert masked.ids[0, rest].tolist() == ids[rest].tolist()


SENTENCE_PIECES = ["<s>", "<pad>", "</s>", "<unk>", "▁the", "▁un", "believ", "able", "▁dog", "s", ".", "▁", "<mask>"]


def test_whole_words_of_a_sentencepiece_vocabulary():
    starts = np.array([piece.startswith("▁") for piece in SENTENCE_PIECES])
    special = np.array([piece.startswith("<") for piece in SENTENCE_PIECES])
    tables = WordTables.from_flags(starts_word=starts, special=special, mask=12)
    text = ["<s>", "▁the", "▁un", "believ", "able", "▁dog", "s", ".", "▁", "able", "▁the", "</s>", "<pad>"]
    ids = np.array([[SENTENCE_PIECES.index(piece) for piece in text]])
    words = [[1], [2, 3, 4], [5, 6, 7], [8, 9], [10]]
    seen = set()
    for seed in range(100):
        masked = set(mask_words(ids, keys(1, seed), tables, config(words=0.4)).targets.tolist())
        taken = [number for number, word in enumerate(words) if word[0] in masked]
        assert masked == {place for number in taken for place in words[number]}
        assert len(masked) == 4
        seen |= set(taken)
    assert seen == {0, 1, 2, 3, 4}


def test_whole_words_of_a_byte_level_vocabulary(tmp_path: Path):
    """The expected words come from the spaces of the text, not from the tables under test."""
    text = " the unbelievable dogs, naïve “cats” and 3 déjà-vus saw the unsaid"
    words.save_tokenizer(
        bpe.train([text, " un believe able dog cat"] * 3, TokenizerConfig(pretrained=None, size=290, min_count=2)),
        tmp_path,
    )
    vocab = words.load_word_vocab(tmp_path)
    encoding = vocab.tokenizer.encode(text, add_special_tokens=False)
    number = np.cumsum([character == " " for character in text])  # index of the word at each character
    owners = np.array([number[first] for first, _ in encoding.offsets])
    assert len(owners) > 2 * owners.max()  # most words have several tokens
    ids = np.array([[vocab.bos, *encoding.ids, vocab.eos]])
    seen = set()
    for seed in range(200):
        masked = mask_words(ids, keys(1, seed), build_word_tables(vocab), config(words=0.3)).targets - 1
        taken = set(owners[masked].tolist())
        assert np.array_equal(masked, np.flatnonzero(np.isin(owners, list(taken))))
        seen |= taken
    assert seen == set(owners.tolist())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (" 東京は日本の首都。", "▁東京 は 日本 の 首都 。"),
        (" 日本の1990年BC", "▁日本 の 1990 年 BC"),
        (" ไทยมีประเทศ", "▁ไทย มี ประเทศ"),
        (" Die Donaudampfschiff (NATO)", "▁Die ▁Donaudampfschiff ▁(NATO)"),
    ],
)
def test_whole_words_with_and_without_spaces(tmp_path: Path, text: str, expected: str):
    vocab = tiny_unigram_vocab(tmp_path)
    encoding = vocab.tokenizer.encode(text, add_special_tokens=False)
    flags = build_word_tables(vocab).token_flags[[[vocab.bos, *encoding.ids, vocab.eos]]]
    sizes = word_sizes(flags)[0, 1:-1].tolist()
    found = ["".join(encoding.tokens[place : place + size]) for place, size in enumerate(sizes) if size]
    assert found == expected.split()


def test_the_first_token_starts_a_word_whatever_its_flags():
    ids = np.array([[0, 5, 60, 2]])  # token 5 continues a word, but there is none before it
    masked = mask_words(ids, keys(1), TABLES, config(words=0.9))
    assert masked.targets.tolist() == [1, 2]


def test_shares_of_masked_words_and_of_their_replacements():
    masked = mask_words(corpus(400, 200), keys(400), TABLES, config())
    total = 400 * 200
    # every example spends its budget of 30, because some words are one token
    assert len(masked.targets) == total * 0.15
    now, before = masked.ids.reshape(-1)[masked.targets], masked.labels
    starts = before >= 50
    words = int(starts.sum())

    def near(share: float, expected: float) -> bool:
        return abs(share - expected) <= 3 * np.sqrt(expected * (1 - expected) / words)

    assert near((now[starts] == MASK).mean(), 0.8)
    kept = (now == before) & (now != MASK)
    # a random replacement may by chance be the token itself: 1 of 95
    assert near(kept[starts].mean(), 0.1 + 0.1 / 95)


def test_all_positions_are_equally_likely():
    masked = mask_words(np.tile([BOS, *range(50, 70), EOS], (4000, 1)), keys(4000), TABLES, config())
    counts = np.bincount(masked.targets % 22, minlength=22)
    assert counts[[0, 21]].tolist() == [0, 0]
    assert abs(counts[1:21] - 600).max() < 3.5 * np.sqrt(4000 * 0.15 * 0.85)


def test_all_tokens_of_a_word_are_replaced_alike():
    ids = corpus(200, 100)
    masked = mask_words(ids, keys(200), TABLES, config(mask_replace_prob=0.5, random_replace_prob=0.0))
    is_mask = masked.ids.reshape(-1)[masked.targets] == MASK
    by_position = dict(zip(masked.targets.tolist(), is_mask.tolist(), strict=True))
    continuing = [
        position for position in by_position if 4 <= ids.reshape(-1)[position] < 50 and position - 1 in by_position
    ]
    assert len(continuing) > 500
    assert all(by_position[position] == by_position[position - 1] for position in continuing)


def test_replacements_are_never_special():
    masked = mask_words(corpus(200, 100), keys(200), TABLES, config(mask_replace_prob=0.0, random_replace_prob=1.0))
    drawn = set(masked.ids.reshape(-1)[masked.targets].tolist())
    assert drawn == set(range(VOCAB)) - {BOS, PAD, EOS, UNK, MASK}  # every ordinary token occurs


def test_every_word_can_be_chosen():
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


def test_inputs_are_not_modified():
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


def test_unknown_entities_are_not_masked():
    ids = np.array([[entities.UNK, 7, entities.UNK], [8, 9, 0], [entities.UNK, 0, 0]])
    masked = mask_entities(ids, keys(3), config())
    flat = masked.ids.reshape(-1)
    assert len(masked.targets) == 2  # one of the first example, one of the second, none of the third
    assert masked.targets[0] == 1
    assert masked.targets[1] in (3, 4)
    assert (flat[masked.targets] == entities.MASK).all()
    assert masked.labels.tolist() == ids.reshape(-1)[masked.targets].tolist()
    assert np.delete(flat, masked.targets).tolist() == np.delete(ids, masked.targets).tolist()


def test_unknown_entities_can_be_masked_as_upstream_does():
    ids = np.array([[entities.UNK, entities.UNK, 0]])
    for seed in range(20):
        masked = mask_entities(ids, keys(1, seed), config(unknown_entities=True))
        assert len(masked.targets) == 1
        assert masked.targets[0] != 2


def test_entity_share():
    masked = mask_entities(np.full((500, 40), 5), keys(500), config())
    assert np.bincount(masked.targets // 40, minlength=500).tolist() == [6] * 500
    counts = np.bincount(masked.targets % 40, minlength=40)
    assert abs(counts - 75).max() < 3.5 * np.sqrt(500 * 0.15 * 0.85)


def test_hidden_mentions_are_masked_in_a_copy():
    """Two rows of two entities: the mentions are positions 1-2 and 4, and position 3; the fourth entity is padding."""
    words = np.array([[0, 50, 4, 51, 52, 2], [0, 60, 61, 62, 2, 1]])
    mentions = {"mention_positions": np.array([1, 2, 4, 3]), "mention_offsets": np.array([0, 2, 3, 4])}
    hidden = hide_mentions(words, np.array([0, 2]), entity_width=2, mask_id=MASK, **mentions)
    assert hidden.tolist() == [[0, MASK, MASK, 51, 52, 2], [0, 60, 61, MASK, 2, 1]]
    assert hide_mentions(words, np.array([], int), entity_width=2, mask_id=MASK, **mentions).tolist() == words.tolist()
    assert words[0].tolist() == [0, 50, 4, 51, 52, 2]


def test_the_share_of_hidden_mentions():
    targets = np.arange(40_000)
    hidden = choose_hidden_mentions(targets, keys(10_000), entity_width=4, probability=0.3)
    assert len(hidden) / len(targets) == pytest.approx(0.3, abs=0.01)
    assert choose_hidden_mentions(targets, keys(10_000), entity_width=4, probability=0.0).tolist() == []
    assert choose_hidden_mentions(targets, keys(10_000), entity_width=4, probability=1.0).tolist() == targets.tolist()
    # an entity's draw depends on the key of its example and on its place in it, not on the batch
    alone = choose_hidden_mentions(np.array([1, 3]), keys(10_000)[7:8], entity_width=6, probability=0.3)
    assert alone.tolist() == [place for place in (1, 3) if 7 * 4 + place in hidden]


def test_no_entities_at_all():
    masked = mask_entities(np.empty((2, 0), np.int64), keys(2), config())
    assert masked.ids.shape == (2, 0)
    assert masked.targets.tolist() == masked.labels.tolist() == []


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"words": 0.0}, "words is 0.0"),
        ({"mask_replace_prob": 0.95, "random_replace_prob": 0.1}, "random_replace_prob is 0.1: their sum"),
    ],
)
def test_contradictions_are_refused(changes, name):
    with pytest.raises(ValueError, match=name):
        config(**changes)
