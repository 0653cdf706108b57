"""The exported folder opens in transformers, offline, and computes the same as the trained model."""

from __future__ import annotations

import json
import re

import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModelForMaskedLM, AutoTokenizer, LukeForEntityPairClassification, LukeTokenizer

from pipeline.export.card import render_card
from pipeline.model.from_checkpoint import make_initial_model
from pipeline.model.weights import load_model
from pipeline.pretrain.artefact import Training
from pipeline.store.artefact import open_artefact
from pipeline.vocab.entities import EntityVocab
from pipeline.vocab.words import load_word_vocab
from tests.helpers.small_luke import model_config
from tests.helpers.stages import SMALL_OVERRIDES, TINY_OVERRIDES, run_stage

TEXT, SPANS = "Taro belong to Keio university", [(0, 4), (15, 30)]


@pytest.fixture(scope="module")
def folder(trained_data_dir):
    return trained_data_dir / "small" / "export" / "tiny"


def test_a_model_for_fine_tuning_opens_the_export(folder):
    tokenizer = LukeTokenizer.from_pretrained(folder)
    inputs = tokenizer(TEXT, entity_spans=SPANS, return_tensors="pt")
    model = LukeForEntityPairClassification.from_pretrained(folder, num_labels=3)
    assert model(**inputs).logits.shape == (1, 3)


@pytest.mark.parametrize("kind", [AutoTokenizer, LukeTokenizer])
def test_the_tokenizer_knows_entities_and_markers(folder, trained_data_dir, kind):
    tokenizer = kind.from_pretrained(folder)
    entities = EntityVocab.open(trained_data_dir / "small" / "vocab" / "entities.parquet")
    title = entities.title(3)
    assert isinstance(tokenizer, LukeTokenizer)
    assert tokenizer("Oslo", entity_spans=[(0, 4)], entities=[title])["entity_ids"] == [3]
    assert tokenizer.entity_vocab["[MASK2]"] == entities.size
    words = json.loads((trained_data_dir / "small" / "vocab" / "words" / "vocab.json").read_text())
    assert tokenizer.convert_tokens_to_ids(["<mask>", "<ent>", "<ent2>"]) == [
        len(words) - 1, len(words), len(words) + 1,
    ]  # fmt: skip


def test_both_heads_compute_the_same_as_the_trained_model(folder, trained_data_dir):
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model, report = AutoModelForMaskedLM.from_pretrained(folder, output_loading_info=True)
    assert not report["missing_keys"]
    assert not report["unexpected_keys"]
    ours = load_model(trained_data_dir / "small" / "pretrain" / "tiny" / "model").eval()
    inputs = tokenizer(TEXT, entity_spans=SPANS, return_tensors="pt")
    with torch.no_grad():
        outputs = model.eval()(**inputs)
        words = ours.dimensions.vocab_size
        entities = ours.dimensions.entity_vocab_size
        hidden = model.luke(**inputs)
    torch.testing.assert_close(
        ours.word_logits(hidden.last_hidden_state), outputs.logits[..., :words], atol=1e-4, rtol=0
    )
    torch.testing.assert_close(
        ours.entity_logits(hidden.entity_last_hidden_state), outputs.entity_logits[..., :entities], atol=1e-4, rtol=0
    )


def test_new_rows_are_copies(folder):
    model = AutoModelForMaskedLM.from_pretrained(folder)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    words = model.luke.embeddings.word_embeddings.weight
    at, hash_sign, first, second = tokenizer.convert_tokens_to_ids(["@", "#", "<ent>", "<ent2>"])
    assert torch.equal(words[first], words[at])
    assert torch.equal(words[second], words[hash_sign])
    assert torch.equal(model.lm_head.decoder.weight[first], words[first])
    entities = model.luke.entity_embeddings.entity_embeddings.weight
    assert torch.equal(entities[-1], entities[2])


def test_the_card_describes_the_training(folder, trained_data_dir):
    text = (folder / "README.md").read_text()
    assert "LUKE (entity-aware attention)" in text
    assert "| entities | entities | 6 | 3 | 0.002 |\n| all | everything | 8 | 4 | " in text
    assert "license: cc-by-sa-4.0" in text
    assert "Pretraining does not train the pooler. Its linear layer is exported as the identity" in text


def test_the_card_of_a_model_of_own_text_does_not_mention_wikipedia(trained_data_dir):
    training = Training(open_artefact(trained_data_dir / "small" / "pretrain" / "tiny", stage="pretrain"))
    text = render_card(
        run="x", language="de", dump="mine", is_own_text=True, entities=True, sentencepiece=False, attention="vanilla",
        training=training, parents={"vocab": "0f"},
    )  # fmt: skip
    assert "pretrained on the text `mine`" in text
    assert not re.search("licen[sc]e|Wikipedia", text)
    assert text.endswith("\n| vocab | `0f` |\n")


def test_the_pooler_is_the_identity_as_the_card_says(folder):
    model = AutoModelForMaskedLM.from_pretrained(folder).luke.eval()
    with torch.no_grad():
        outputs = model(torch.tensor([[0, 9, 8, 2]]))
    torch.testing.assert_close(outputs.pooler_output, outputs.last_hidden_state[:, 0].tanh())


def test_a_training_can_start_from_the_export_with_other_entities(folder, make_data_dir, tmp_path, capsys):
    """Use a vocabulary of Lighthouse, Wood, Water (ids 3, 10 and 16 in the export) and Lens, a new entity."""
    data_dir = make_data_dir("on")
    (tmp_path / "wanted").write_text("Water\nWood\nLens\n")
    overrides = [
        f"data_dir={data_dir}",
        "vocab.entities.size=7",
        f"vocab.entities.always_include={tmp_path / 'wanted'}",
    ]
    for stage in ("vocab", "dataset"):
        (data_dir / "small" / stage).unlink()
        run_stage(stage, *SMALL_OVERRIDES, *overrides)
    vocab = data_dir / "small" / "vocab"
    entities = EntityVocab.open(vocab / "entities.parquet")
    assert entities.titles.to_pylist() == ["[PAD]", "[UNK]", "[MASK]", "Lighthouse", "Wood", "Water", "Lens"]
    model = make_initial_model(
        model_config(), init_from=str(folder), words=load_word_vocab(vocab / "words"), entities=entities, language="en",
        generator=torch.Generator().manual_seed(0),
    ).model  # fmt: skip
    ours, theirs = model.state_dict(), load_file(folder / "model.safetensors")
    for name in ("luke.entity_embeddings.entity_embeddings.weight", "entity_predictions.bias"):
        assert torch.equal(ours.pop(name)[:6], theirs[name][[0, 1, 2, 3, 10, 16]])
    for name in ("luke.embeddings.word_embeddings.weight", "lm_head.bias"):
        assert torch.equal(ours.pop(name), theirs[name][:-2])
    assert all(torch.equal(tensor, theirs[name]) for name, tensor in ours.items())

    capsys.readouterr()
    run_stage("pretrain", *TINY_OVERRIDES, *overrides, f"pretrain.init_from={folder}")
    output = " ".join(capsys.readouterr().err.split())
    assert "titles found: 3 of 4, with 100.0% of 7 links; new: 1; left out: 13 entities and the tokens" in output
    counts = json.loads((data_dir / "small" / "pretrain" / "tiny" / "manifest.json").read_text())["counts"]
    assert {key: number for key, number in counts.items() if key.startswith("start.")} == {
        "start.entities_copied": 6, "start.entities_new": 1, "start.entities_left_out": 13,
        "start.links_copied": 7, "start.links_new": 0, "start.words_left_out": 2,
    }  # fmt: skip


def test_a_second_export_is_up_to_date(trained_data_dir, roberta, capsys):
    run_stage("export", *TINY_OVERRIDES, f"data_dir={trained_data_dir}", f"pretrain.init_from={roberta}")
    assert "up to date" in capsys.readouterr().err


def test_words_only_is_a_roberta(small_data_dir, make_data_dir):
    data_dir = make_data_dir("words")
    overrides = [
        "run=roberta_tiny",
        *[o for o in TINY_OVERRIDES if "entit" not in o and o != "run=tiny"],
        f"data_dir={data_dir}",
    ]
    for stage in ("pretrain", "export"):
        run_stage(stage, *overrides)
    folder = data_dir / "small" / "export" / "roberta_tiny"
    model, report = AutoModelForMaskedLM.from_pretrained(folder, output_loading_info=True)
    assert type(model).__name__ == "RobertaForMaskedLM"
    assert not report["missing_keys"]
    assert not report["unexpected_keys"]
    tokenizer = AutoTokenizer.from_pretrained(folder)
    assert model(**tokenizer("Oslo is a city.", return_tensors="pt")).logits.shape[-1] == len(tokenizer)
