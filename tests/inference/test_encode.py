"""Passages become the ids that the dataset stage writes, and masks come where words are hidden."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from pipeline.dataset.build import build as build_dataset
from pipeline.dataset.config import DatasetConfig
from pipeline.dataset.reader import ExampleStore
from pipeline.errors import PipelineError
from pipeline.execution.context import Context
from pipeline.execution.executors.config import LocalExecutorConfig
from pipeline.inference.encode import PassageEncoder
from pipeline.inference.markup import parse_markup
from pipeline.inference.passage import EntitySpan, Passage
from pipeline.inference.titles import EntityTitles
from pipeline.records import Example
from pipeline.store.layout import Layout
from pipeline.vocab.artefact import Vocab
from pipeline.vocab.build import build as build_vocab
from pipeline.vocab.config import EntitiesConfig, TokenizerConfig, VocabConfig
from pipeline.vocab.words import WordVocab
from tests.dataset.tiny_bpe import BYTE, DOGS, HE, NA, PAREN, SAW, tiny_bpe_vocab
from tests.helpers.corpus_files import article, write_corpus
from tests.helpers.small_luke import entity_vocab
from tests.helpers.tiny_unigram import save_tiny_unigram, tiny_unigram_vocab

SENTENCES = [
    "he saw [[Dog|dogs]] near ([[NATO]]).",
    "[[Dog]] [[Dog|dogs]][[NATO|s]] ok",
    "[[東京]]は[[日本]]の首都。",
    "「[[日本]]」はﾄｳｷｮｳ　１２３　[[東京]]",
    "ไทย[[ประเทศ]]ไทย มี\u200b[[Dog|dogs]]",
    "he  saw [[Dog| dogs ]] 😀 é \u00a0[[NATO]]",
    "the <mask> and <s> of [[Dog|<mask>]], a ▁ and \ufffd",
    "[[Nowhere|dogs]] of \"a\" 'b' {c} \\d $e [f]",
]
"""Articles of one sentence each; Nowhere is no entity."""
MASK, MASK_ENTITY = 272, 2
"""Ids in the tiny BPE and in every entity vocabulary."""


def encoder(words: WordVocab, max_tokens: int = 512) -> PassageEncoder:
    """Return an encoder with the entities Dog (3) and NATO (4)."""
    return PassageEncoder.make(words, EntityTitles.from_vocab(entity_vocab(Dog=2, NATO=1)), max_tokens=max_tokens)


@pytest.mark.parametrize("save", [tiny_bpe_vocab, save_tiny_unigram])
def test_a_sentence_gets_the_ids_and_spans_of_the_dataset(tmp_path: Path, save: Callable[[Path], object]) -> None:
    rows = [article(str(number), f"Page {number}", marked) for number, marked in enumerate(SENTENCES)]
    titles = [article(f"t{title}", title, "no sentence") for title in ("Dog", "NATO", "東京", "日本", "ประเทศ")]
    write_corpus(tmp_path / "corpus", [[*rows, *titles]])
    save(tmp_path / "theirs")
    context = Context(
        layout=Layout(tmp_path, "tiny"),
        executor=LocalExecutorConfig(kind="local", workers=1, memory_gb=1),
        overwrite=False,
    )
    tokenizer = TokenizerConfig(pretrained=str(tmp_path / "theirs"), size=400, min_count=1)
    entities = EntitiesConfig(size=100, min_count=1, in_dump_only=True, drop_disambiguation=False, always_include=None)
    build_vocab(VocabConfig(name="", validation_share=0.1, tokenizer=tokenizer, entities=entities), context)
    build_dataset(
        DatasetConfig(
            name="", validation_share=0.1, max_seq_length=200, max_entity_length=8, max_mention_length=30,
            min_sentence_length=1, max_sentence_length=198, min_entities=1, unknown_entities="keep",
        ),
        context,
    )  # fmt: skip
    stores = [ExampleStore.open(tmp_path / "dataset" / split) for split in ("train", "validation")]
    examples = [store.example(index) for store in stores for index in range(len(store))]
    assert sorted(example.page_id for example in examples) == [str(number) for number in range(len(SENTENCES))]

    vocab = Vocab.open(context.layout)
    ours = PassageEncoder.make(vocab.words, EntityTitles.from_vocab(vocab.entities), max_tokens=200)
    known = set(vocab.entities.titles.to_pylist())
    for expected in examples:
        row = rows[int(expected.page_id)]
        spans = [(link["start"], link["end"], link["title"]) for link in row["links"]]
        mentions = tuple(EntitySpan(start, end, title if title in known else "[UNK]") for start, end, title in spans)
        found = ours.example(Passage(row["text"], mentions))
        assert found == Example("", expected.word_ids, expected.entity_ids, expected.entity_spans), row["text"]
        assert len(found.entity_ids) == len(spans)


@pytest.mark.parametrize(
    ("marked", "example"),
    [
        ("he saw [[dogs]].", Example("", (0, HE, SAW, DOGS, BYTE["."], 2), (MASK_ENTITY,), ((3, 4),))),
        ("he saw [[Dog|dogs]].", Example("", (0, HE, SAW, DOGS, BYTE["."], 2), (3,), ((3, 4),))),
        ("he saw [[_]].", Example("", (0, HE, SAW, MASK, BYTE["."], 2), (MASK_ENTITY,), ((3, 4),))),
        ("he [[_ _]].", Example("", (0, HE, MASK, MASK, BYTE["."], 2), (MASK_ENTITY,), ((2, 4),))),
        ("he <mask> dogs", Example("", (0, HE, MASK, DOGS, 2), (), ())),
        ("<mask><mask> saw", Example("", (0, MASK, MASK, SAW, 2), (), ())),
        ("([[NATO|NA<mask>]])", Example("", (0, PAREN, NA, MASK, BYTE[")"], 2), (4,), ((2, 4),))),
        ("[[NATO|<mask> dogs]][[Dog]]", None),
        ("he saw\n\n dogs\n", Example("", (0, HE, SAW, DOGS, 2), (), ())),  # a line is a sentence
    ],
)
def test_masks_are_single_tokens_with_the_space_before_them(
    tmp_path: Path, marked: str, example: Example | None
) -> None:
    found = encoder(tiny_bpe_vocab(tmp_path)).example(parse_markup(marked))
    if example is None:
        d = [BYTE[character] for character in "Dog"]
        example = Example("", (0, MASK, DOGS, *d, 2), (4, MASK_ENTITY), ((1, 3), (3, 6)))
    assert found == example


def test_a_passage_can_hide_words_that_its_text_shows(tmp_path: Path) -> None:
    ours = encoder(tiny_bpe_vocab(tmp_path))
    hidden = ours.example(Passage("he saw dogs", (EntitySpan(7, 11, "Dog"),), ((3, 6), (7, 11))))
    assert hidden == Example("", (0, HE, MASK, MASK, 2), (3,), ((3, 4),))
    # without a hidden word, "<mask>" is text, as in the dataset
    letters = tuple(BYTE[character] for character in "Ġ<mask>")
    assert ours.example(Passage(" <mask>")).word_ids == (0, *letters, 2)


def test_masks_in_a_sentencepiece_vocabulary(tmp_path: Path) -> None:
    vocab = tiny_unigram_vocab(tmp_path)
    ids = vocab.tokenizer.get_vocab()
    found = encoder(vocab).example(parse_markup("He saw [[_]]. <mask>の[[<mask>は]]"))
    assert found.word_ids[1:-1] == tuple(ids[token] for token in "▁He ▁saw <mask> . <mask> の <mask> は".split())
    assert found.entity_spans == ((3, 4), (7, 9))


def test_a_text_over_the_limit_is_refused(tmp_path: Path) -> None:
    words = tiny_bpe_vocab(tmp_path)
    passage = Passage("he saw dogs")
    assert len(encoder(words, max_tokens=5).example(passage).word_ids) == 5
    with pytest.raises(
        PipelineError, match="the text has 5 tokens, <s> and </s> included, but the model reads at most 4"
    ):
        encoder(words, max_tokens=4).example(passage)


def test_a_text_or_a_mention_without_tokens_is_refused(tmp_path: Path) -> None:
    ours = encoder(tiny_unigram_vocab(tmp_path))  # whose normalizer makes a zero-width space a space
    for passage in (Passage(" \n"), Passage("He \u200b saw", (EntitySpan(3, 4),))):
        with pytest.raises(PipelineError, match="the text or one of its mentions has no token"):
            ours.example(passage)


def test_a_reserved_character_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PipelineError, match=r"the text contains U\+FDD0, which Unicode reserves"):
        encoder(tiny_bpe_vocab(tmp_path)).example(Passage("he \ufdd0"))


def test_an_unknown_title_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PipelineError, match=r"'Dgo' is not one of the model's 5 entities.*'Dog', 'NATO'\."):
        encoder(tiny_bpe_vocab(tmp_path)).example(parse_markup("[[Dgo|dogs]]"))


def test_a_batch_has_all_masks_as_targets(tmp_path: Path) -> None:
    ours = encoder(tiny_bpe_vocab(tmp_path))
    texts = ["he [[_]] [[Dog|dogs]]", "<mask>", "[[dogs]] saw"]
    batch = ours.batch([ours.example(parse_markup(text)) for text in texts])
    assert batch.word_ids.tolist() == [[0, HE, MASK, DOGS, 2], [0, MASK, 2, 1, 1], [0, DOGS, SAW, 2, 1]]
    assert batch.entity_ids.tolist() == [[2, 3], [0, 0], [2, 0]]
    assert batch.word_lengths.tolist() == [5, 3, 4]
    assert batch.entity_lengths.tolist() == [2, 0, 1]
    assert batch.mention_positions.tolist() == [2, 3, 1]
    assert batch.mention_offsets.tolist() == [0, 1, 2, 2, 2, 3]
    assert (batch.word_targets.tolist(), batch.word_labels.tolist()) == ([2, 6], [MASK, MASK])
    assert (batch.entity_targets.tolist(), batch.entity_labels.tolist()) == ([0, 4], [2, 2])
    assert {array.dtype for array in (batch.word_ids, batch.entity_ids, batch.word_targets)} == {np.dtype(np.int64)}
