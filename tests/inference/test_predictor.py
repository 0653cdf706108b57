"""Predictions have the probabilities of transformers' LukeForMaskedLM, for both kinds of tokenizer and attention."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoModelForMaskedLM, LukeForMaskedLM

from pipeline.errors import PipelineError
from pipeline.inference.encode import PassageEncoder
from pipeline.inference.markup import parse_markup
from pipeline.inference.passage import EntitySpan, Passage
from pipeline.inference.predictor import Candidate, Place, Predictor, top_predictions
from pipeline.inference.titles import EntityTitles
from pipeline.model.config import Attention
from pipeline.records import Example
from tests.dataset.tiny_bpe import tiny_bpe_vocab
from tests.helpers.luke_folder import save_luke_folder
from tests.helpers.small_luke import dimensions, entity_vocab, random_luke
from tests.helpers.stages import save_roberta
from tests.helpers.tiny_unigram import tiny_unigram_vocab

TITLES = ("Dog", "NATO", "Tokyo", "Japan", "Thailand")
TEXTS = [
    "he saw [[_]] near ([[NATO]]), <mask>.",
    "[[Tokyo|東京]]は[[_ _]]の首都。<mask>",
    "a text without marks, 😀",
]


@pytest.fixture(scope="module")
def luke(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a LUKE with the tiny BPE, which a test must not change."""
    folder = tmp_path_factory.mktemp("luke")
    tiny_bpe_vocab(folder / "words")
    return save_luke_folder(folder / "export", words=folder / "words", titles=TITLES, max_tokens=60)


def transformers_probabilities(model: LukeForMaskedLM, example: Example) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the probabilities [tokens, vocab] and [entities, entity vocab] that transformers computes."""
    inputs = {"input_ids": torch.tensor([example.word_ids])}
    if example.entity_ids:
        longest = max(end - start for start, end in example.entity_spans)
        positions = [[*range(*span), *[-1] * (longest - span[1] + span[0])] for span in example.entity_spans]
        inputs |= {"entity_ids": torch.tensor([example.entity_ids]), "entity_position_ids": torch.tensor([positions])}
    with torch.no_grad():
        outputs = model(**inputs)
    entities = outputs.entity_logits[0] if example.entity_ids else torch.empty(0, 1)
    return outputs.logits[0].softmax(-1), entities.softmax(-1)


def check_candidates(place: Place, probabilities: torch.Tensor, names: Sequence[str], count: int) -> None:
    """Compare the candidates of a place with the `count` most probable ids; `names` are the names of all ids.

    [MASK] and [MASK2] have equal weights, so the order of ids is compared by their probabilities.
    """
    found = [candidate.probability for candidate in place.candidates]
    np.testing.assert_allclose(found, probabilities.topk(count).values, atol=1e-5, rtol=0)
    of_names = [probabilities[names.index(candidate.text)].item() for candidate in place.candidates]
    np.testing.assert_allclose(found, of_names, atol=1e-5, rtol=0)
    assert len({candidate.text for candidate in place.candidates}) == count


@pytest.mark.parametrize("attention", ["entity_aware", "vanilla"])
@pytest.mark.parametrize("vocab", [tiny_bpe_vocab, tiny_unigram_vocab])
def test_probabilities_are_those_of_transformers(tmp_path: Path, vocab, attention: Attention) -> None:
    words = vocab(tmp_path / "words")
    tokenizer_folder = tmp_path / "words" / "ours" if vocab is tiny_unigram_vocab else tmp_path / "words"
    folder = save_luke_folder(
        tmp_path / "export", words=tokenizer_folder, titles=TITLES, attention=attention, max_tokens=60
    )
    predictor = Predictor.open(folder)
    theirs = AutoModelForMaskedLM.from_pretrained(folder).eval()
    assert isinstance(theirs, LukeForMaskedLM)
    token_names = [*(words.token_text(index) for index in range(words.size)), "<ent>", "<ent2>"]
    entity_names = ["[PAD]", "[UNK]", "[MASK]", *TITLES, "[MASK2]"]
    predictions = predictor.predict_passages([parse_markup(text) for text in TEXTS], 4)  # padded to one batch
    assert [(len(prediction.words), len(prediction.entities)) for prediction in predictions] == [(2, 2), (3, 1), (0, 0)]
    for text, prediction in zip(TEXTS, predictions, strict=True):
        example = predictor.encoder.example(parse_markup(text))
        of_words, of_entities = transformers_probabilities(theirs, example)
        assert of_words.shape[-1] == len(token_names)
        masks = [place for place, index in enumerate(example.word_ids) if index == words.mask]
        for place, position in zip(prediction.words, masks, strict=True):
            check_candidates(place, of_words[position], token_names, 4)
        asked = [place for place, index in enumerate(example.entity_ids) if index == 2]
        for place, position in zip(prediction.entities, asked, strict=True):
            check_candidates(place, of_entities[position], entity_names, 4)


def test_places_are_spans_of_the_text(luke: Path) -> None:
    prediction = Predictor.open(luke).predict("he [[Dog|saw]] [[_]] [[dogs]]", 2)
    text = prediction.passage.text
    assert text == "he saw <mask> dogs"
    assert [text[place.start : place.end] for place in prediction.entities] == ["<mask>", "dogs"]
    assert [text[place.start : place.end] for place in prediction.words] == ["<mask>"]
    assert [len(place.candidates) for place in (*prediction.words, *prediction.entities)] == [2, 2, 2]
    assert isinstance(prediction.words[0].candidates[0], Candidate)


def test_a_given_entity_changes_the_prediction(luke: Path) -> None:
    predictor = Predictor.open(luke)
    given = [predictor.predict(f"he [[{title}|saw]] [[_]]").entities for title in ("Dog", "NATO", "Dog")]
    assert given[0] == given[2] != given[1]


def test_a_model_in_training_predicts_without_dropout(tmp_path: Path) -> None:
    sizes = dimensions(vocab_size=273, entity_vocab_size=5, dropout=0.5, attention_dropout=0.5)
    titles = EntityTitles.from_vocab(entity_vocab(Dog=1, NATO=1))
    predictor = Predictor.make(random_luke(sizes).train(), tiny_bpe_vocab(tmp_path), titles)
    assert predictor.predict("he [[saw]] <mask>") == predictor.predict("he [[saw]] <mask>")


def test_no_passages(luke: Path) -> None:
    assert Predictor.open(luke).predict_passages([]) == []


def test_a_batch_of_many_places_is_computed_in_chunks(luke: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    predictor = Predictor.open(luke)
    batch = predictor.encoder.batch([predictor.encoder.example(parse_markup(text)) for text in TEXTS])
    whole = top_predictions(predictor.model, batch, 3)
    monkeypatch.setattr("pipeline.inference.predictor.CHUNK_SIZE", 2)
    for one, other in zip(whole, top_predictions(predictor.model, batch, 3), strict=True):
        assert one.ids.tolist() == other.ids.tolist()
        np.testing.assert_allclose(one.probabilities, other.probabilities, rtol=1e-5)
    assert [len(top.ids) for top in whole] == [5, 3]


def test_more_candidates_than_there_are_entities(luke: Path) -> None:
    [place] = Predictor.open(luke).predict("[[dogs]]", 99).entities
    assert len(place.candidates) == 9
    assert sum(candidate.probability for candidate in place.candidates) == pytest.approx(1)


def test_a_text_up_to_the_position_table(luke: Path) -> None:
    predictor = Predictor.open(luke)
    assert isinstance(predictor.encoder, PassageEncoder)
    longest = Passage("dogs " * 58, (EntitySpan(285, 289),))
    assert len(predictor.predict_passages([longest])[0].entities) == 1
    with pytest.raises(PipelineError, match=r"has 61 tokens, .* at most 60"):
        predictor.predict("dogs " * 59)


def test_a_released_luke_has_the_files_of_transformers_4(luke: Path, tmp_path: Path) -> None:
    """Without tokenizer.json: vocab.json and merges.txt have no markers, and the rows of the model have."""
    folder = tmp_path / "released"
    shutil.copytree(luke, folder)
    (folder / "tokenizer.json").unlink()
    text = "he saw [[_]] <mask>"
    assert Predictor.open(folder).predict(text) == Predictor.open(luke).predict(text)


@pytest.mark.parametrize(
    ("break_folder", "message"),
    [
        (lambda folder: shutil.rmtree(folder), r"is not a folder with a model\. A LUKE is what make export writes"),
        (lambda folder: (folder / "config.json").unlink(), r"(?s)has no config\.json.*make export writes"),
        (lambda folder: (folder / "model.safetensors").unlink(), r"(?s)has no model\.safetensors.*make export writes"),
        (lambda folder: (folder / "entity_vocab.json").unlink(), r"has no entity_vocab\.json"),
        (lambda folder: [(folder / name).unlink() for name in ("tokenizer.json", "vocab.json")], "contains no tokeniz"),
    ],
    ids=["folder", "config", "weights", "entities", "tokenizer"],
)
def test_an_incomplete_folder_is_refused(luke: Path, tmp_path: Path, break_folder, message: str) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(luke, folder)
    break_folder(folder)
    with pytest.raises(PipelineError, match=message):
        Predictor.open(folder)


def test_a_roberta_is_refused(tmp_path: Path) -> None:
    save_roberta(tmp_path, vocab_size=50, positions=40)
    with pytest.raises(PipelineError, match=r"(?s)model type 'roberta', but here .* luke\nA LUKE is what make export"):
        Predictor.open(tmp_path)


def test_a_tokenizer_of_another_model_is_refused(luke: Path, tmp_path: Path) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(luke, folder)
    tiny_unigram_vocab(tmp_path / "words")
    shutil.copy(tmp_path / "words" / "ours" / "tokenizer.json", folder)
    with pytest.raises(PipelineError, match="has embeddings for 275 tokens, but its tokenizer has 42"):
        Predictor.open(folder)


def test_an_entity_vocabulary_that_is_too_large_is_refused(luke: Path, tmp_path: Path) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(luke, folder)
    vocab = json.loads((folder / "entity_vocab.json").read_text(encoding="utf-8"))
    (folder / "entity_vocab.json").write_text(json.dumps(vocab | {"Mars": 9}), encoding="utf-8")
    with pytest.raises(PipelineError, match="go up to 9, but it has only 9 entity embeddings"):
        Predictor.open(folder)
