"""Initial models from a published LUKE: rows copied by title, rows left out, and checkpoints that do not fit.

transformers writes the checkpoints, and they are changed to look like the published ones: `<ent>` and `<ent2>` after
the tokens, [MASK2] after the entities, and no word decoder in the file, as transformers 4 wrote them.
"""

from __future__ import annotations

import json
import shlex
import shutil
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer, models
from transformers import LukeConfig, LukeForMaskedLM, LukeTokenizer, XLMRobertaConfig, XLMRobertaForMaskedLM

from pipeline.errors import PipelineError
from pipeline.model.config import ModelConfig
from pipeline.model.from_checkpoint import (
    InitialModel,
    make_initial_model,
    refuse_other_tokenizer,
)
from pipeline.model.hf_checkpoint import checkpoint_fingerprint
from pipeline.vocab import words
from pipeline.vocab.entities import EntityVocab
from pipeline.vocab.pretrained_tokenizer import load_pretrained_tokenizer
from tests.helpers.small_luke import (
    VOCAB_SIZE,
    entity_vocab,
    model_config,
    ragged_batch,
    to_transformers_inputs,
    word_vocab,
)

ROBERTA = Path(__file__).parents[3] / "shared" / "data" / "roberta-base"
needs_roberta = pytest.mark.skipif(not ROBERTA.is_dir(), reason=f"roberta-base's tokenizer is not in {ROBERTA}")

TITLES = {"[MASK]": 2, "[UNK]": 1, "[PAD]": 0, "Oslo": 3, "Bergen": 4, "Star Trek: Picard": 5, "[MASK2]": 6}
EMBEDDINGS = "luke.entity_embeddings.entity_embeddings.weight"
OURS = entity_vocab(Bergen=60, Tromsø=30, Oslo=9, Kirkenes=1)
"""Ids 3, 4, 5, 6."""


def save_luke(folder: Path, titles: dict[str, int], *, appended: int = 2, **changes: object) -> Path:
    """Save a LUKE like a published one; all weights of the entity with id i are i, its bias is 100 + i."""
    torch.manual_seed(0)
    rows = max(titles.values()) + 1
    sizes = {
        "vocab_size": VOCAB_SIZE + appended, "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4,
        "intermediate_size": 64, "max_position_embeddings": 40, "type_vocab_size": 1, "layer_norm_eps": 1e-5,
        "entity_vocab_size": rows, "entity_emb_size": 16, "use_entity_aware_attention": True,
        "bert_model_name": "roberta-base", "cls_entity_prediction": False,
    }  # fmt: skip
    model = LukeForMaskedLM(LukeConfig(**(sizes | changes)))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(0, 0.3)
        model.luke.entity_embeddings.entity_embeddings.weight.copy_(torch.arange(rows)[:, None].expand(-1, 16))
        model.entity_predictions.bias.copy_(100 + torch.arange(rows))
    model.save_pretrained(folder)
    state = load_file(folder / "model.safetensors")
    for name in ("lm_head.decoder.weight", "lm_head.decoder.bias"):
        state.pop(name, None)
    save_file(state | {"lm_head.bias": model.lm_head.bias.detach()}, folder / "model.safetensors")
    (folder / "entity_vocab.json").write_text(json.dumps(titles))
    return folder


@pytest.fixture
def luke(tmp_path: Path) -> Path:
    """Save a LUKE with the entities TITLES."""
    return save_luke(tmp_path / "luke", TITLES)


def start_from(
    folder: Path, *, entities: EntityVocab = OURS, vocab: words.WordVocab | None = None, language: str = "en",
    settings: ModelConfig | None = None,
) -> InitialModel:  # fmt: skip
    """Return the initial model from the checkpoint in `folder`."""
    return make_initial_model(
        settings or model_config(), init_from=str(folder), words=vocab or word_vocab(), entities=entities,
        language=language, generator=torch.Generator().manual_seed(0),
    )  # fmt: skip


def copied_rows(initial: InitialModel) -> list[int | None]:
    """Return for each entity the row of the checkpoint that it has, embedding and bias; None for a random row."""
    state = initial.model.state_dict()
    found: list[int | None] = []
    for row, bias in zip(state[EMBEDDINGS], state["entity_predictions.bias"].tolist(), strict=True):
        copied = row.unique().tolist()
        if len(copied) == 1:
            assert bias == 100 + copied[0]
            found.append(int(copied[0]))
        else:
            assert bias == 0
            assert 0.01 < row.std() < 0.03  # 16 numbers with a standard deviation of 0.02
            found.append(None)
    return found


def test_entities_are_copied_by_title_and_the_others_drawn(luke: Path) -> None:
    initial = start_from(luke)
    assert copied_rows(initial) == [0, 1, 2, 4, None, 3, None]
    assert initial.counts == {
        "start.entities_copied": 5,
        "start.entities_new": 2,
        "start.entities_left_out": 2,  # "Star Trek: Picard" and [MASK2]
        "start.links_copied": 69,
        "start.links_new": 31,
        "start.words_left_out": 2,
    }
    assert initial.coverage == (
        f"from the LUKE {luke}: titles found: 2 of 4, with 69.0% of 100 links; new: 2; "
        f"left out: 2 entities and the tokens <ent> <ent2>"
    )
    again, other = (
        start_from(luke).model.state_dict()[EMBEDDINGS],
        entity_vocab(Bergen=1, Harstad=1, Oslo=1, Kirkenes=1),
    )
    assert torch.equal(again, initial.model.state_dict()[EMBEDDINGS])
    assert torch.equal(again, start_from(luke, entities=other).model.state_dict()[EMBEDDINGS])


def test_everything_else_is_the_checkpoints(luke: Path) -> None:
    given, state = load_file(luke / "model.safetensors"), start_from(luke).model.state_dict()
    for name in ("luke.embeddings.word_embeddings.weight", "lm_head.bias"):
        assert torch.equal(state.pop(name), given.pop(name)[:VOCAB_SIZE])
    for name in (EMBEDDINGS, "entity_predictions.bias"):
        del state[name], given[name]
    assert given.keys() - state.keys() == {"luke.pooler.dense.weight", "luke.pooler.dense.bias"}
    assert all(torch.equal(tensor, given[name]) for name, tensor in state.items())


@torch.no_grad()
def test_it_computes_what_transformers_computes(luke: Path) -> None:
    """Compare the logits of the entities that both have, with other ids and two new entities on our side."""
    ours = entity_vocab(**{"New": 1, "Bergen": 1, "Star Trek: Picard": 1, "Newer": 1, "Oslo": 1})
    model, batch = start_from(luke, entities=ours, settings=model_config(dropout=0.0)).model.eval(), ragged_batch()
    ids = torch.tensor([0, 1, 2, 0, 4, 5, 0, 3])  # our id -> id in the checkpoint
    batch.entity_ids[batch.entity_ids == 19] = 4
    library = LukeForMaskedLM.from_pretrained(luke).eval()
    library.lm_head.decoder.weight.copy_(library.luke.embeddings.word_embeddings.weight)
    expected = library(**to_transformers_inputs(batch) | {"entity_ids": ids[batch.entity_ids]})
    word_states, entity_states = model.encode(batch)
    real_words = torch.arange(12) < batch.word_lengths[:, None]
    real_entities = torch.arange(3) < batch.entity_lengths[:, None]
    torch.testing.assert_close(
        model.word_logits(word_states)[real_words], expected.logits[real_words][:, :VOCAB_SIZE], atol=1e-4, rtol=0
    )
    both = [0, 1, 2, 4, 5, 7]
    torch.testing.assert_close(
        model.entity_logits(entity_states)[real_entities][:, both],
        expected.entity_logits[real_entities][:, ids[both]], atol=1e-3, rtol=0,
    )  # fmt: skip


def test_a_vanilla_luke_starts_an_entity_aware_one(tmp_path: Path) -> None:
    luke = save_luke(tmp_path / "vanilla", TITLES, use_entity_aware_attention=False)
    state = start_from(luke).model.state_dict()
    query = "luke.encoder.layer.1.attention.self.query.weight"
    assert torch.equal(state[query.replace("query", "w2e_query")], load_file(luke / "model.safetensors")[query])
    assert not start_from(luke, settings=model_config(attention="vanilla")).model.dimensions.entity_aware


def test_queries_that_the_config_says_are_not_used(tmp_path: Path) -> None:
    """mluke-base-lite has entity-aware queries in its file and use_entity_aware_attention false (luke#174)."""
    luke = save_luke(tmp_path / "lite", TITLES)
    settings = json.loads((luke / "config.json").read_text())
    (luke / "config.json").write_text(json.dumps(settings | {"use_entity_aware_attention": False}))
    start_from(luke, settings=model_config(attention="vanilla"))
    query = "luke.encoder.layer.0.attention.self.query.weight"
    given, state = load_file(luke / "model.safetensors"), start_from(luke).model.state_dict()
    assert torch.equal(state[query.replace("query", "e2w_query")], given[query])


def test_a_multilingual_vocabulary_is_read_in_the_dumps_language(tmp_path: Path) -> None:
    """mLUKE has titles "lang:title", several titles with one id, and other special ids."""
    titles = {"[UNK]": 1, "[MASK]": 0, "[PAD]": 2, "en:Oslo": 3, "ja:オスロ": 3, "en:Bergen": 4, "nn:Bergen": 4}
    luke = save_luke(tmp_path / "mluke", titles | {"en:Picard": 5, "[MASK2]": 6})
    assert copied_rows(start_from(luke)) == [2, 1, 0, 4, None, 3, None]
    assert copied_rows(start_from(luke, language="nn")) == [2, 1, 0, 4, None, None, None]
    japanese = entity_vocab(オスロ=1, ベルゲン=1)
    assert copied_rows(start_from(luke, entities=japanese, language="ja")) == [2, 1, 0, 3, None]
    with pytest.raises(PipelineError, match=r"titles are like 'オスロ', its titles like 'ja:オスロ' \(.* is en\)"):
        start_from(luke, entities=japanese)


def test_a_luke_without_entities_of_its_own(tmp_path: Path) -> None:
    """mluke-base-lite has only the special entities."""
    luke = save_luke(tmp_path / "lite", {"[PAD]": 0, "[UNK]": 1, "[MASK]": 2, "[MASK2]": 3})
    assert copied_rows(start_from(luke)) == [0, 1, 2, None, None, None, None]


def test_the_vocabulary_in_the_tokenizers_config(luke: Path) -> None:
    """transformers 5 writes the entity vocabulary into tokenizer_config.json."""
    (luke / "entity_vocab.json").unlink()
    tokens = {token: index for index, token in enumerate(["<s>", "<pad>", "</s>", "<unk>", *"abc"])}
    LukeTokenizer(vocab=tokens, merges=[], entity_vocab=TITLES).save_pretrained(luke)
    (luke / "tokenizer.json").unlink()  # it has another number of tokens than the model
    assert not (luke / "entity_vocab.json").exists()
    assert copied_rows(start_from(luke)) == [0, 1, 2, 4, None, 3, None]


def test_the_advice_on_pickled_weights_works(luke: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = start_from(luke).model.state_dict()
    state = load_file(luke / "model.safetensors") | {"luke.embeddings.position_ids": torch.arange(40)[None]}
    torch.save(state, luke / "pytorch_model.bin")
    (luke / "model.safetensors").unlink()
    with pytest.raises(PipelineError, match="Pickled weights") as caught:
        start_from(luke)
    python, option, program, folder = shlex.split(str(caught.value).partition("\n")[2])
    assert (python, option, folder) == ("python", "-c", "FOLDER")
    monkeypatch.setattr(sys, "argv", ["-c", str(luke)])
    exec(program, {})
    assert all(torch.equal(tensor, expected[name]) for name, tensor in start_from(luke).model.state_dict().items())


def test_a_random_decoder_of_transformers_is_refused(luke: Path) -> None:
    """transformers 5 loads a LUKE without a word decoder with a random one, and saves it."""
    LukeForMaskedLM.from_pretrained(luke).save_pretrained(luke)
    with pytest.raises(PipelineError, match=r"not tied: lm_head\.decoder\.weight(.|\n)*convert the original file"):
        start_from(luke)


@pytest.mark.parametrize(
    ("titles", "message"),
    [
        (None, r"has no entity_vocab\.json, which gives the title of each row"),
        ([["Oslo", "en"]], "does not hold a JSON object"),
        ({"Oslo": "3"}, "an entity vocabulary must map titles to ids"),
        ({"Oslo": -1}, "an entity vocabulary must map titles to ids"),
        ({"[PAD]": 0, "[UNK]": 1, "[MASK]": 2, "Oslo": 7}, "go up to 7, but it has only 7 entity embeddings"),
        ({"[PAD]": 0, "[UNK]": 1, "Oslo": 3, "Bergen": 4}, r"not a LUKE\'s, because it does not contain \[MASK\]"),
    ],
)
def test_an_invalid_entity_vocabulary(luke: Path, titles: object, message: str) -> None:
    (luke / "entity_vocab.json").unlink()
    if titles is not None:
        (luke / "entity_vocab.json").write_text(json.dumps(titles))
    with pytest.raises(PipelineError, match=message):
        start_from(luke)


@pytest.mark.parametrize("appended", [-1, 1, 3])
def test_rows_of_another_number_of_tokens(tmp_path: Path, appended: int) -> None:
    luke = save_luke(tmp_path / "luke", TITLES, appended=appended)
    with pytest.raises(PipelineError, match=rf"embeddings for {50 + appended} tokens, but the tokenizer .* has 50"):
        start_from(luke)


def test_a_luke_without_markers(tmp_path: Path) -> None:
    initial = start_from(save_luke(tmp_path / "luke", TITLES, appended=0))
    assert initial.counts["start.words_left_out"] == 0
    assert initial.coverage is not None
    assert initial.coverage.endswith("left out: 2 entities")


@pytest.mark.parametrize("file", ["vocab.json", "tokenizer.json"])
def test_a_tokenizer_of_the_same_size_but_other_tokens(luke: Path, file: str) -> None:
    """Other ids are refused if the checkpoint has a tokenizer; tokens that it adds do not matter."""
    tokens = {f"t{index}": index for index in range(VOCAB_SIZE)} | {"<ent>": 50, "<ent2>": 51}

    def save(ids: dict[str, int]) -> None:
        if file == "vocab.json":
            (luke / file).write_text(json.dumps(ids))
        else:
            Tokenizer(models.BPE(vocab=ids, merges=[])).save(str(luke / file))

    save(tokens)
    start_from(luke)
    save(tokens | {"t7": 8, "t8": 7})
    with pytest.raises(
        PipelineError, match=r"another tokenizer .*: 2 of 50 .* first is 't7': 7 in vocab/words, 8 in the"
    ):
        start_from(luke)


def test_a_checkpoint_that_differs_from_the_config(luke: Path) -> None:
    with pytest.raises(PipelineError, match=r"width 16, not 64: set model\.entity_emb_size=16"):
        start_from(luke, settings=model_config(entity_emb_size=64))
    with pytest.raises(PipelineError, match=r"set model\.attention=entity_aware"):
        start_from(luke, settings=model_config(attention="vanilla"))
    with pytest.raises(
        PipelineError, match="has the model type 'luke', but here it must be one of: roberta, xlm-roberta"
    ):
        start_from(luke, settings=model_config(entities=False, attention="vanilla"))


def test_weights_that_differ_from_config_json(luke: Path) -> None:
    settings = json.loads((luke / "config.json").read_text())
    (luke / "config.json").write_text(json.dumps(settings | {"entity_vocab_size": 8}))
    with pytest.raises(PipelineError, match=r"has 7 rows, but by its config\.json there must be 8"):
        start_from(luke)


def test_the_fingerprint_includes_the_entity_vocabulary(luke: Path) -> None:
    before = checkpoint_fingerprint(str(luke))
    (luke / "README.md").write_text("a card")
    assert checkpoint_fingerprint(str(luke)) == before
    (luke / "entity_vocab.json").write_text(json.dumps(TITLES | {"Oslo": 4, "Bergen": 3}))
    assert checkpoint_fingerprint(str(luke)) != before
    (luke / "entity_vocab.json").unlink()
    with pytest.raises(PipelineError, match=r"has no entity_vocab\.json"):
        checkpoint_fingerprint(str(luke))


def test_xlm_roberta_with_its_own_kind_of_tokenizer(tmp_path: Path) -> None:
    """An XLM-R loads like a RoBERTa, and its SentencePiece tokens are compared like other tokens."""
    pieces = ["<s>", "<pad>", "</s>", "<unk>", *(f"▁p{index}" for index in range(VOCAB_SIZE - 5)), "<mask>"]
    tokenizer = Tokenizer(models.Unigram([(piece, -float(index)) for index, piece in enumerate(pieces)], unk_id=3))
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    torch.manual_seed(0)
    sizes = {
        "vocab_size": VOCAB_SIZE, "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4,
        "intermediate_size": 64, "max_position_embeddings": 40, "type_vocab_size": 1, "layer_norm_eps": 1e-5,
    }  # fmt: skip
    library = XLMRobertaForMaskedLM(XLMRobertaConfig(**sizes))
    library.save_pretrained(tmp_path)
    initial = start_from(tmp_path, vocab=word_vocab(VOCAB_SIZE, tokenizer))
    embeddings = initial.model.luke.embeddings.word_embeddings.weight
    assert torch.equal(embeddings, library.roberta.embeddings.word_embeddings.weight)
    assert initial.coverage is None
    with pytest.raises(PipelineError, match=r"another tokenizer than vocab/words: 50 of 50"):
        start_from(tmp_path)


@needs_roberta
@pytest.mark.parametrize("files", [["tokenizer.json"], ["vocab.json", "merges.txt"]])
def test_the_pretrained_tokenizer_is_roberta_bases_own(tmp_path: Path, files: list[str]) -> None:
    words.save_tokenizer(load_pretrained_tokenizer(ROBERTA), tmp_path / "words")
    (tmp_path / "start").mkdir()
    for file in files:
        shutil.copy(ROBERTA / file, tmp_path / "start")
    refuse_other_tokenizer(str(tmp_path / "start"), words.load_word_vocab(tmp_path / "words"))
    with pytest.raises(PipelineError, match=r"50 of 50 tokens .* 't0': 0 in vocab/words, missing in the"):
        refuse_other_tokenizer(str(tmp_path / "start"), word_vocab())
