"""The mention prior with folded case and titles: literal mentions, and random ones compared with loops."""

from __future__ import annotations

import math
from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.evaluate.mentions import MaskedMentions, Ragged
from pipeline.evaluate.rivals.title_prior import Folding, TitlePrior
from pipeline.evaluate.rivals.unigram import Unigram
from pipeline.records import Example
from pipeline.vocab import bpe
from pipeline.vocab.entities import ALIAS_SCHEMA
from pipeline.vocab.specials import LEADING_IDS
from pipeline.vocab.words import WordVocab, make_word_vocab
from tests.evaluate.rivals.plain import assert_equal_scores, matches, ranking, smoothed
from tests.helpers.example_store import example_store
from tests.helpers.tiny_unigram import tiny_unigram_vocab

MERGES = [("P", "a"), ("p", "a"), ("Ġ", "Pa"), ("Ġ", "R"), ("o", "m"), ("ĠR", "om")]
TITLES = [("Paris", 3), ("City of Light", 3), ("Paris (mythology)", 4), ("Rome", 5), ("Île", 6), ("OmA", 7)]


def vocabulary() -> WordVocab:
    """Return a byte-level BPE with a few merges: " Paris" is ĠPa r i s, "Rome" R om e, and " Rome" ĠRom e."""
    tokens = [*LEADING_IDS, *bpe.BYTE_OF_CHARACTER, *(left + right for left, right in MERGES), "<mask>"]
    return make_word_vocab(bpe.make_tokenizer({token: index for index, token in enumerate(tokens)}, MERGES))


WORDS = vocabulary()


def tokens_of(text: str, words: WordVocab = WORDS) -> list[int]:
    """Return the tokens of a text; "_" is `<mask>`."""
    parts = [words.tokenizer.encode(part, add_special_tokens=False).ids for part in text.split("_")]
    return [*parts[0], *(token for part in parts[1:] for token in (words.mask, *part))]


def rival(folder: Path, mentions: list[tuple[str, int]], counts: list[int]) -> TitlePrior:
    """Return the rival of training mentions of these entities."""
    ids, titles = [index for _, index in TITLES], [title for title, _ in TITLES]
    pq.write_table(pa.table([titles, ids], schema=ALIAS_SCHEMA), folder / "aliases.parquet")
    examples = []
    for text, entity in mentions:
        tokens = tokens_of(text)
        examples.append(Example("1", (0, *tokens, 2), (entity,), ((1, 1 + len(tokens)),)))
    return TitlePrior(example_store(examples), Unigram(np.array(counts)), WORDS, folder / "aliases.parquet")


def seen(texts: list[str], labels: list[int]) -> MaskedMentions:
    """Return masked entities with these mentions."""
    rows, ids = Ragged.from_rows([tokens_of(text) for text in texts]), np.array(labels)
    empty = Ragged.from_rows([[]] * len(labels))
    return MaskedMentions(ids, ids, ids, seen=rows, clean=rows, context=empty, entities=empty)


def test_weights_of_tokens_case_and_titles(tmp_path: Path):
    mentions = [(" Paris", 3), ("Paris", 3), (" paris", 4), ("Rome", 5), ("Rome", 3)]
    found = rival(tmp_path, mentions, [0, 0, 0, 3, 1, 1, 0, 0])  # p = 4/13 for 3, 2/13 for 4 and 5, else 1/13
    texts = [" Paris", " Paris", " paris", " R_e", "rome", "Light", "City of Light", "Île", "_a"]
    labels = [3, 4, 4, 5, 3, 3, 3, 6, 7]
    expected = [
        # " Paris" led to 3; folded, also "Paris" to 3 and " paris" to 4; it is a title of both
        (1 + 2 * 2 + 4 + 4 / 13) / (1 + 2 * 3 + 4 * 2 + 1),
        (2 * 1 + 4 + 2 / 13) / 16,
        # "paris" in other tokens than " Paris": Ġ pa r i s; without the bare space it is the folded " Paris"
        (1 + 2 * 1 + 4 + 2 / 13) / 16,
        # the mask is the token om of "Rome", which led to 5 and 3 without a space; a title of 5
        (2 * 1 + 4 + 2 / 13) / (2 * 2 + 4 + 1),
        (2 * 1 + 4 / 13) / 9,
        4 / 13,  # a part of a title is nothing
        (4 + 4 / 13) / 5,
        (4 + 1 / 13) / 5,
        (4 + 1 / 13) / 5,  # the mask is Om, and A is a
    ]
    scores = found.scores(seen(texts, labels))
    assert scores.losses == pytest.approx([-math.log(p) for p in expected], abs=1e-12)
    assert scores.ranks.tolist() == [1, 2, 2, 1, 2, 1, 1, 1, 1]
    ids, probabilities = found.top(seen(["paris", "City of Light"], [3, 3]), 3)
    assert ids.tolist() == [[3, 4, 5], [3, 4, 5]]
    assert probabilities[1] == pytest.approx([(4 + 4 / 13) / 5, 2 / 13 / 5, 2 / 13 / 5], abs=1e-12)


def folded_text(token: int) -> str:
    return WORDS.token_text(token).casefold().strip(" ") or WORDS.token_text(token)


def fold(tokens: list[int]) -> list[int]:
    """Return the tokens with the first token of the same folded text for each."""
    if len(tokens) > 1 and WORDS.token_text(tokens[0]) == " ":
        tokens = tokens[1:]
    ordinary = [token for token in range(WORDS.size) if not WORDS.special[token]]
    return [
        token if WORDS.special[token] else next(other for other in ordinary if folded_text(other) == folded_text(token))
        for token in tokens
    ]


def test_random_mentions_agree_with_loops(tmp_path: Path):
    rng = np.random.default_rng(0)

    def draw() -> str:
        title = str(rng.choice([title.split(" (")[0] for title, _ in TITLES]))
        return str(rng.choice(["", " "])) + str(rng.choice([title, title.lower(), title.upper(), title[:3]]))

    def damage(text: str) -> str:
        """Hide up to one character."""
        place = int(rng.integers(0, 2 * len(text)))
        return text[:place] + "_" + text[place + 1 :] if place < len(text) and text.isascii() else text

    train = [(draw(), int(rng.integers(3, 7))) for _ in range(60)]
    drawn = Counter(entity for _, entity in train)
    counts = [drawn[entity] for entity in range(8)]
    held_out = [(damage(draw()), int(rng.integers(3, 8))) for _ in range(80)]
    background, expected = smoothed(counts), []
    variants = {
        (tuple(fold(tokens_of(prefix + name))), entity)
        for title, entity in TITLES
        for prefix in ("", " ")
        for name in (title.split(" (")[0], title.split(" (")[0].casefold())
    }
    keys = [(tokens_of(text), fold(tokens_of(text)), entity) for text, entity in train]
    for text, _ in held_out:
        pattern = tokens_of(text)
        folded = fold(pattern)
        weights: Counter[int] = Counter()
        for tokens, folded_tokens, entity in keys:
            weights[entity] += matches(pattern, tokens, WORDS.mask)
            weights[entity] += 2 * matches(folded, folded_tokens, WORDS.mask)
        for entity in {entity for tokens, entity in variants if matches(folded, tokens, WORDS.mask)}:
            weights[entity] += 4
        expected.append([(weights[e] + background[e]) / (weights.total() + 1) for e in range(8)])
    found, masked = rival(tmp_path, train, counts), seen(*(list(part) for part in zip(*held_out, strict=True)))
    assert sum(row != background for row in expected) > 60
    assert_equal_scores(found.scores(masked), expected, counts)
    assert found.top(masked, 4)[0].tolist() == [ranking(row, counts)[:4] for row in expected]


def test_sentencepiece_tokens_are_folded(tmp_path: Path):
    words = tiny_unigram_vocab(tmp_path)
    tokens = words.tokenizer.get_vocab()
    fold_tokens = Folding.of(words)
    rows = Ragged.from_rows([[tokens["▁"], tokens["▁dogs"]], [tokens["dogs"]], [tokens["▁日本"]], [tokens["N"]]])
    folded = fold_tokens(rows)
    assert [folded.row(index).tolist() for index in range(4)] == [
        [tokens["▁dogs"]], [tokens["▁dogs"]], [tokens["▁日本"]], [tokens["N"]]
    ]  # fmt: skip
