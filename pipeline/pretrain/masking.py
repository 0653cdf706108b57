"""Choosing what the model must predict: arrays and integer keys in, arrays out; nothing here has a state.

Every random number is a hash of (key of the Example, stream, position), and an Example's key is a hash of (seed,
phase, epoch, index in the dataset). So the masks of an Example are the same whichever batch, process, worker or
restart asks for them, and a whole batch is masked by a dozen numpy calls: no generator per Example, no loop.

Whole words are chosen as upstream's loop does it: in random order, a word that no longer fits in the budget of 15 %
of the tokens is passed over. `greedy` does exactly that for all Examples at once.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.pretrain.config import MaskingConfig

Ints = NDArray[np.int64]
Keys = NDArray[np.uint64]

UNKNOWN_ENTITY, MASK_ENTITY = 1, 2
ORDER, FATE, REPLACEMENT, ENTITY_ORDER = range(4)
"""Streams: independent random numbers for the same Example and position."""

GOLDEN = np.uint64(0x9E3779B97F4A7C15)


def mix(value: Keys) -> Keys:
    """The finalizer of SplitMix64 (Steele, Lea and Flood 2014): a bijection of 64 bits that passes BigCrush."""
    value = (value ^ (value >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    value = (value ^ (value >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return value ^ (value >> np.uint64(31))


def example_keys(seed: int, phase: int, epochs: Ints, examples: Ints) -> Keys:
    """One key per Example: a hash of the seed, the phase, and each one's epoch and index.

    Args:
        epochs, examples: [B].
    """
    key = np.zeros(len(examples), dtype=np.uint64)
    for part in (np.full(len(examples), seed), np.full(len(examples), phase), epochs, examples):
        key = mix(key + GOLDEN + part.astype(np.uint64))
    return key


def hashes(keys: Keys, stream: int, positions: Ints) -> Keys:
    """64 random bits for each (key, stream, position); `keys` and `positions` are [T]."""
    step = np.uint64((int(GOLDEN) * (stream + 1)) % 2**64)
    return mix(mix(keys + step) + GOLDEN * (positions.astype(np.uint64) + np.uint64(1)))


def uniform(keys: Keys, stream: int, positions: Ints) -> NDArray[np.float64]:
    """Uniform numbers in [0, 1), [T]."""
    return (hashes(keys, stream, positions) >> np.uint64(11)).astype(np.float64) * 2.0**-53


@dataclass(frozen=True, slots=True)
class WordTables:
    """What masking knows of a word vocabulary."""

    starts_word: NDArray[np.bool_]
    """[V] whether a token begins a word."""
    special: NDArray[np.bool_]
    """[V] `<s>`, `</s>`, ...: never chosen, never drawn as a replacement."""
    ordinary: Ints
    """The ids that are not special: what a random replacement is drawn from."""
    mask: int
    """The id of `<mask>`."""

    @staticmethod
    def of(*, starts_word: NDArray[np.bool_], special: NDArray[np.bool_], mask: int) -> WordTables:
        return WordTables(starts_word, special, np.flatnonzero(~special), mask)


@dataclass(frozen=True, slots=True)
class Masked:
    """What was hidden: `ids` is the input with replacements, `targets` the flat positions, `labels` what was there."""

    ids: Ints
    targets: Ints
    labels: Ints


def mask_words(ids: Ints, offsets: Ints, keys: Keys, tables: WordTables, config: MaskingConfig) -> Masked:
    """Hide `config.words` of each Example's tokens, whole words at a time.

    Args:
        ids: [T] the Examples' tokens, one after the other, special tokens included.
        offsets: [B + 1] where each Example starts.
        keys: [B].
    """
    special = tables.special[ids]
    starts = tables.starts_word[ids]
    starts[1:] |= special[:-1]
    starts &= ~special
    first = np.flatnonzero(starts)  # [W] each word's first token
    before = np.append(0, np.cumsum(~special))  # [T + 1] ordinary tokens before each position
    sizes = np.diff(before[np.append(first, len(ids))])
    owners = np.repeat(np.arange(len(keys)), np.diff(np.searchsorted(first, offsets)))
    places = first - offsets[owners]

    order = shuffled(keys, owners, places, ORDER)
    budget = budgets(np.diff(before[offsets]), config.words)
    chosen = np.sort(order[greedy(sizes[order], owners[order], budget)])
    fate = np.repeat(uniform(keys[owners[chosen]], FATE, places[chosen]), sizes[chosen])
    targets = ranges(first[chosen], sizes[chosen])
    replaced = ids.copy()
    replaced[targets[fate < config.as_mask]] = tables.mask
    at = targets[(fate >= config.as_mask) & (fate < config.as_mask + config.as_random)]
    owner = np.searchsorted(offsets, at, side="right") - 1
    draws = hashes(keys[owner], REPLACEMENT, at - offsets[owner])
    candidates = tables.ordinary
    replaced[at] = candidates[(draws % np.uint64(len(candidates))).astype(np.int64)]
    return Masked(replaced, targets, ids[targets])


def mask_entities(ids: Ints, offsets: Ints, keys: Keys, config: MaskingConfig) -> Masked:
    """Hide `config.entities` of each Example's entities behind [MASK]; [UNK] only where `config.unknown_entities`.

    Args:
        ids: [N] entity ids, one Example after the other; offsets: [B + 1]; keys: [B].
    """
    eligible = np.flatnonzero((ids != UNKNOWN_ENTITY) | config.unknown_entities)
    owners = np.searchsorted(offsets, eligible, side="right") - 1
    order = shuffled(keys, owners, eligible - offsets[owners], ENTITY_ORDER)
    budget = budgets(np.bincount(owners, minlength=len(keys)), config.entities)
    ones = np.ones(len(eligible), dtype=np.int64)
    targets = np.sort(eligible[order[greedy(ones, owners, budget)]])
    replaced = ids.copy()
    replaced[targets] = MASK_ENTITY
    return Masked(replaced, targets, ids[targets])


def shuffled(keys: Keys, owners: Ints, places: Ints, stream: int) -> Ints:
    """The order that puts each owner's items at random, owners in turn: indices, [W].

    One sort of one integer an item: 20 bits of owner, 31 of hash, 13 of place, which makes them distinct.

    Args:
        keys: [B]; owners: [W] ascending; places: [W] each item's position in its Example.
    """
    random = hashes(keys[owners], stream, places) >> np.uint64(33)
    mixed = owners.astype(np.uint64) << np.uint64(44) | random << np.uint64(13) | places.astype(np.uint64)
    return np.argsort(mixed)


def ranges(starts: Ints, lengths: Ints) -> Ints:
    """starts[0], starts[0] + 1, ... (lengths[0] of them), starts[1], ... in a row."""
    ends = np.cumsum(lengths)
    result: Ints = np.arange(ends[-1] if len(ends) else 0) + np.repeat(starts - (ends - lengths), lengths)
    return result


def budgets(counts: Ints, share: float) -> Ints:
    """How many of `counts` to hide: the rounded share, at least one where there is any (upstream's rule)."""
    return np.where(counts > 0, np.maximum(1, np.rint(share * counts)), 0).astype(np.int64)


def greedy(sizes: Ints, owners: Ints, budget: Ints) -> NDArray[np.bool_]:
    """Walk each owner's items in order and take every one that still fits in the owner's budget.

    Where not even one fits, the owner's first item is taken, so that no Example goes without a target.

    Each round takes, per owner, the items up to the first that does not fit, and drops all that are now too large;
    every owner settles after as many rounds as it passes items over, which is few since words are short.

    Args:
        sizes: [W] items in their order, an owner's items together; owners: [W]; budget: per owner.
    """
    taken = np.zeros(len(sizes), dtype=bool)
    left = budget.copy()
    candidates = np.arange(len(sizes))
    while True:
        candidates = candidates[sizes[candidates] <= left[owners[candidates]]]
        if not len(candidates):
            break
        owner = owners[candidates]
        total = np.cumsum(sizes[candidates])
        begins = np.flatnonzero(np.append(True, owner[1:] != owner[:-1]))
        before = np.repeat(total[begins] - sizes[candidates[begins]], np.diff(np.append(begins, len(owner))))
        fits = total - before <= left[owner]
        taken[candidates[fits]] = True
        left -= np.bincount(owner[fits], weights=sizes[candidates[fits]], minlength=len(left)).astype(np.int64)
        candidates = candidates[~fits]
    begins = np.flatnonzero(np.append(True, owners[1:] != owners[:-1])) if len(owners) else np.empty(0, dtype=np.int64)
    none = np.bincount(owners[taken], minlength=len(budget)) == 0
    taken[begins[none[owners[begins]] & (budget[owners[begins]] > 0)]] = True
    return taken
