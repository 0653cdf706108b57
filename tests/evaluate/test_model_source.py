"""Models in three formats: all get the ids of the run's vocabulary, and a model of another vocabulary is refused."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from pipeline.errors import PipelineError
from pipeline.evaluate.inputs import Inputs
from pipeline.evaluate.model_source import model_fingerprint
from pipeline.model.luke import Luke
from tests.evaluate.conftest import Animals
from tests.helpers.stages import compose_config

TABLE = "luke.entity_embeddings.entity_embeddings.weight"


def load(animals: Animals, *overrides: str) -> Luke:
    """Return the model that an evaluation of the animals scores."""
    config = compose_config("stage=evaluate", *animals.overrides, *overrides)
    return Inputs.open(config.evaluate, config.layout).load_model()


def refusal(animals: Animals, source: Path, *overrides: str) -> str:
    """Return the message with which a model is refused."""
    with pytest.raises(PipelineError) as caught:
        load(animals, f"evaluate.model={source}", *overrides)
    return str(caught.value)


@pytest.fixture
def export(animals: Animals, tmp_path: Path) -> Path:
    """Return a copy of the exported model."""
    shutil.copytree(animals.root / "export" / "tiny", tmp_path / "export")
    return tmp_path / "export"


def test_the_runs_own_model_its_folder_and_its_export_are_the_same(animals, export):
    own = load(animals)
    for source in (animals.root / "pretrain" / "tiny" / "model", export):
        other = load(animals, f"evaluate.model={source}")
        for (name, ours), (_, theirs) in zip(own.named_parameters(), other.named_parameters(), strict=True):
            assert torch.equal(ours, theirs), (source, name)


def test_entity_rows_are_found_by_title_and_further_titles_are_left_out(animals, export):
    titles = json.loads((export / "entity_vocab.json").read_text())
    count = len(titles)
    rows = [*titles.values()]
    order = [2, 1, 0, *reversed(rows[3:])]  # every title gets another row
    state = load_file(export / "model.safetensors")
    for name, tensor in state.items():
        if len(tensor) == count and "entit" in name:
            state[name] = torch.cat([tensor[order], tensor[:1]])
    save_file(state, export / "model.safetensors", metadata={"format": "pt"})
    moved = {title: order.index(row) for title, row in titles.items()} | {"Never linked": count}
    (export / "entity_vocab.json").write_text(json.dumps(moved))
    config = json.loads((export / "config.json").read_text())
    (export / "config.json").write_text(json.dumps(config | {"entity_vocab_size": count + 1}))
    model = load(animals, f"evaluate.model={export}")
    assert torch.equal(model.state_dict()[TABLE], load(animals).state_dict()[TABLE])


def test_missing_titles_are_counted_and_quoted(animals, export):
    titles = json.loads((export / "entity_vocab.json").read_text())
    named = {("Mallard" if title == "Heron" else title): row for title, row in titles.items()}
    (export / "entity_vocab.json").write_text(json.dumps(named))
    assert refusal(animals, export).startswith(
        f"evaluate.model is {export}: 1 of the run's {len(titles) - 1} titles are missing, such as 'Heron'."
    )


def test_another_tokenizer_is_refused(animals, export):
    content = json.loads((export / "tokenizer.json").read_text())
    ids = content["model"]["vocab"]
    first, second = list(ids)[-2:]
    ids[first], ids[second] = ids[second], ids[first]
    (export / "tokenizer.json").write_text(json.dumps(content))
    assert f"{export} has another tokenizer than vocab/words: 2 of 320 tokens" in refusal(animals, export)


def test_a_model_without_a_tokenizer_is_refused(animals, export):
    (export / "tokenizer.json").unlink()
    (export / "vocab.json").unlink()
    assert "which has no tokenizer.json or vocab.json: its tokenizer cannot be compared" in refusal(animals, export)


def test_a_model_of_another_run_is_refused_by_its_vocabulary(animals, tmp_path):
    shutil.copytree(animals.root, tmp_path / "animals")
    vocab = tmp_path / "animals" / "vocab" / "manifest.json"
    vocab.write_text(vocab.read_text().replace('"validation_share": 0.4', '"validation_share": 0.3'))
    model = tmp_path / "animals" / "pretrain" / "tiny" / "model"
    assert f"{tmp_path}/animals has no such folder: copy vocab there too" in refusal(animals, model)


def test_a_roberta_is_refused_for_a_run_with_entities(animals):
    roberta = animals.data_dir / "roberta"
    assert f"evaluate.model is {roberta}, a RoBERTa, but the run has entities" in refusal(animals, roberta)


def test_a_model_with_entities_is_refused_for_a_words_only_run(animals):
    model = animals.root / "pretrain" / "tiny" / "model"
    message = f"evaluate.model is {model}, a model with entities, but the run has none"
    assert refusal(animals, model, "evaluate.entities=false") == message


def test_a_name_that_does_not_exist_is_refused(animals, tmp_path):
    config = compose_config("stage=evaluate", *animals.overrides, f"evaluate.model={tmp_path}/no")
    with pytest.raises(PipelineError, match="is not an existing folder, and not a valid name of a model on the Hub"):
        Inputs.open(config.evaluate, config.layout).parents()


def test_a_model_that_reads_shorter_sequences_only_is_refused(animals, export):
    state = load_file(export / "model.safetensors")
    names = [name for name in state if "position_embeddings" in name]
    save_file(state | {name: state[name][:20].clone() for name in names}, export / "model.safetensors")
    config = json.loads((export / "config.json").read_text())
    (export / "config.json").write_text(json.dumps(config | {"max_position_embeddings": 20}))
    assert "but the model has positions for 18 only" in refusal(animals, export)


def test_the_fingerprint_does_not_depend_on_the_place(animals, export, tmp_path):
    assert model_fingerprint(str(export)) == model_fingerprint(str(animals.root / "export" / "tiny"))
    shutil.copytree(animals.root / "pretrain" / "tiny" / "model", tmp_path / "model")
    before = model_fingerprint(str(tmp_path / "model"))
    assert before == model_fingerprint(str(animals.root / "pretrain" / "tiny" / "model"))
    (tmp_path / "model" / "dimensions.json").write_text("{}")
    assert model_fingerprint(str(tmp_path / "model")) != before
