"""A training that begins with a released LUKE: rows by title, what is left there, and every way it may not fit.

The released folders are made here by transformers itself, of the published ones' make: `<ent>` and `<ent2>` after the
words, [MASK2] after the entities, and no word decoder in the file, as transformers 4 wrote them.
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
from pipeline.model.from_checkpoint import Initial, initial_model, refuse_other_words, start_fingerprint
from pipeline.vocab import words
from pipeline.vocab.entities import EntityVocab
from pipeline.vocab.pretrained_tokenizer import adopt
from tests.model.samples import VOCAB, config, entity_vocab, ragged, word_vocab
from tests.model.test_luke import library_inputs

ROBERTA = Path(__file__).parents[3] / "shared" / "data" / "roberta-base"
needs_roberta = pytest.mark.skipif(not ROBERTA.is_dir(), reason=f"roberta-base's tokenizer is not in {ROBERTA}")

TITLES = {"[MASK]": 2, "[UNK]": 1, "[PAD]": 0, "Oslo": 3, "Bergen": 4, "Star Trek: Picard": 5, "[MASK2]": 6}
EMBEDDINGS = "luke.entity_embeddings.entity_embeddings.weight"
OURS = entity_vocab(Bergen=60, Tromsø=30, Oslo=9, Kirkenes=1)
"""Ids 3, 4, 5, 6."""


def save_luke(folder: Path, titles: dict[str, int], *, appended: int = 2, **changes: object) -> Path:
    """A LUKE as published: each weight of its entity with id i is i, each bias 100 + i."""
    torch.manual_seed(0)
    rows = max(titles.values()) + 1
    sizes = {
        "vocab_size": VOCAB + appended, "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4,
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
    return save_luke(tmp_path / "luke", TITLES)


def begin(
    folder: Path, *, entities: EntityVocab = OURS, vocab: words.WordVocab | None = None, language: str = "en",
    settings: ModelConfig | None = None,
) -> Initial:  # fmt: skip
    return initial_model(
        settings or config(), start=str(folder), words=vocab or word_vocab(), entities=entities, language=language,
        generator=torch.Generator().manual_seed(0),
    )  # fmt: skip


def rows(initial: Initial) -> list[int | None]:
    """For each entity the row of the checkpoint that it has, embedding and bias; None for a new one."""
    state = initial.model.state_dict()
    found: list[int | None] = []
    for row, bias in zip(state[EMBEDDINGS], state["entity_predictions.bias"].tolist(), strict=True):
        copied = row.unique().tolist()
        if len(copied) == 1:
            assert bias == 100 + copied[0]
            found.append(int(copied[0]))
        else:
            assert bias == 0
            assert 0.01 < row.std() < 0.03  # 16 numbers drawn with a deviation of 0.02
            found.append(None)
    return found


def test_entities_are_copied_by_title_and_the_others_drawn(luke: Path) -> None:
    initial = begin(luke)
    assert rows(initial) == [0, 1, 2, 4, None, 3, None]
    assert initial.counts == {
        "start.entities_copied": 5,
        "start.entities_new": 2,
        "start.entities_left_out": 2,  # "Star Trek: Picard" and [MASK2]
        "start.links_copied": 69,
        "start.links_new": 31,
        "start.words_left_out": 2,
    }
    assert initial.told == (
        f"from the LUKE {luke}: titles found: 2 of 4, with 69.0% of 100 links; new: 2; "
        f"left out: 2 entities and the words <ent> <ent2>"
    )
    again, other = begin(luke).model.state_dict()[EMBEDDINGS], entity_vocab(Bergen=1, Harstad=1, Oslo=1, Kirkenes=1)
    assert torch.equal(again, initial.model.state_dict()[EMBEDDINGS])
    assert torch.equal(again, begin(luke, entities=other).model.state_dict()[EMBEDDINGS])


def test_everything_else_is_the_checkpoints(luke: Path) -> None:
    given, state = load_file(luke / "model.safetensors"), begin(luke).model.state_dict()
    for name in ("luke.embeddings.word_embeddings.weight", "lm_head.bias"):
        assert torch.equal(state.pop(name), given.pop(name)[:VOCAB])
    for name in (EMBEDDINGS, "entity_predictions.bias"):
        del state[name], given[name]
    assert given.keys() - state.keys() == {"luke.pooler.dense.weight", "luke.pooler.dense.bias"}
    assert all(torch.equal(tensor, given[name]) for name, tensor in state.items())


@torch.no_grad()
def test_it_computes_what_transformers_computes(luke: Path) -> None:
    """With entities in another order and two of them new, the same logits for what both have."""
    ours = entity_vocab(**{"New": 1, "Bergen": 1, "Star Trek: Picard": 1, "Newer": 1, "Oslo": 1})
    model, batch = begin(luke, entities=ours, settings=config(dropout=0.0)).model.eval(), ragged()
    ids = torch.tensor([0, 1, 2, 0, 4, 5, 0, 3])  # our id -> the checkpoint's
    batch.entity_ids[batch.entity_ids == 19] = 4
    library = LukeForMaskedLM.from_pretrained(luke).eval()
    library.lm_head.decoder.weight.copy_(library.luke.embeddings.word_embeddings.weight)
    expected = library(**library_inputs(batch) | {"entity_ids": ids[batch.entity_ids]})
    word_states, entity_states = model.encode(batch)
    words_there = torch.arange(12) < batch.word_lengths[:, None]
    entities_there = torch.arange(3) < batch.entity_lengths[:, None]
    torch.testing.assert_close(
        model.word_logits(word_states)[words_there], expected.logits[words_there][:, :VOCAB], atol=1e-4, rtol=0
    )
    both = [0, 1, 2, 4, 5, 7]
    torch.testing.assert_close(
        model.entity_logits(entity_states)[entities_there][:, both],
        expected.entity_logits[entities_there][:, ids[both]], atol=1e-3, rtol=0,
    )  # fmt: skip


def test_a_vanilla_luke_starts_an_entity_aware_one(tmp_path: Path) -> None:
    luke = save_luke(tmp_path / "vanilla", TITLES, use_entity_aware_attention=False)
    state = begin(luke).model.state_dict()
    query = "luke.encoder.layer.1.attention.self.query.weight"
    assert torch.equal(state[query.replace("query", "w2e_query")], load_file(luke / "model.safetensors")[query])
    assert not begin(luke, settings=config(attention="vanilla")).model.dimensions.entity_aware


def test_queries_that_the_config_says_are_not_used(tmp_path: Path) -> None:
    """mluke-base-lite: entity-aware queries in the file, use_entity_aware_attention false (luke#174)."""
    luke = save_luke(tmp_path / "lite", TITLES)
    settings = json.loads((luke / "config.json").read_text())
    (luke / "config.json").write_text(json.dumps(settings | {"use_entity_aware_attention": False}))
    begin(luke, settings=config(attention="vanilla"))
    query = "luke.encoder.layer.0.attention.self.query.weight"
    given, state = load_file(luke / "model.safetensors"), begin(luke).model.state_dict()
    assert torch.equal(state[query.replace("query", "e2w_query")], given[query])


def test_a_multilingual_vocabulary_is_read_in_the_dumps_language(tmp_path: Path) -> None:
    """mLUKE's: titles as "lang:title", several with one id, and the special ids as they fell."""
    titles = {"[UNK]": 1, "[MASK]": 0, "[PAD]": 2, "en:Oslo": 3, "ja:オスロ": 3, "en:Bergen": 4, "nn:Bergen": 4}
    luke = save_luke(tmp_path / "mluke", titles | {"en:Picard": 5, "[MASK2]": 6})
    assert rows(begin(luke)) == [2, 1, 0, 4, None, 3, None]
    assert rows(begin(luke, language="nn")) == [2, 1, 0, 4, None, None, None]
    japanese = entity_vocab(オスロ=1, ベルゲン=1)
    assert rows(begin(luke, entities=japanese, language="ja")) == [2, 1, 0, 3, None]
    with pytest.raises(PipelineError, match=r"such as 'オスロ', is in its .* titles such as 'ja:オスロ' \(.* is en\)"):
        begin(luke, entities=japanese)


def test_a_luke_without_entities_of_its_own(tmp_path: Path) -> None:
    """As mluke-base-lite: the specials alone."""
    luke = save_luke(tmp_path / "lite", {"[PAD]": 0, "[UNK]": 1, "[MASK]": 2, "[MASK2]": 3})
    assert rows(begin(luke)) == [0, 1, 2, None, None, None, None]


def test_the_vocabulary_in_the_tokenizers_config(luke: Path) -> None:
    """Where transformers 5 puts it."""
    (luke / "entity_vocab.json").unlink()
    tokens = {token: index for index, token in enumerate(["<s>", "<pad>", "</s>", "<unk>", *"abc"])}
    LukeTokenizer(vocab=tokens, merges=[], entity_vocab=TITLES).save_pretrained(luke)
    (luke / "tokenizer.json").unlink()  # not of VOCAB words
    assert not (luke / "entity_vocab.json").exists()
    assert rows(begin(luke)) == [0, 1, 2, 4, None, 3, None]


def test_the_advice_on_pickled_weights_works(luke: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = begin(luke).model.state_dict()
    state = load_file(luke / "model.safetensors") | {"luke.embeddings.position_ids": torch.arange(40)[None]}
    torch.save(state, luke / "pytorch_model.bin")
    (luke / "model.safetensors").unlink()
    with pytest.raises(PipelineError, match="Pickled weights") as caught:
        begin(luke)
    python, option, program, folder = shlex.split(str(caught.value).partition("\n")[2])
    assert (python, option, folder) == ("python", "-c", "FOLDER")
    monkeypatch.setattr(sys, "argv", ["-c", str(luke)])
    exec(program, {})
    assert all(torch.equal(tensor, expected[name]) for name, tensor in begin(luke).model.state_dict().items())


def test_a_decoder_that_transformers_drew_is_told(luke: Path) -> None:
    """What becomes of a LUKE without one that is loaded and saved by transformers 5."""
    LukeForMaskedLM.from_pretrained(luke).save_pretrained(luke)
    with pytest.raises(PipelineError, match=r"not tied: lm_head\.decoder\.weight(.|\n)*convert the file itself"):
        begin(luke)


@pytest.mark.parametrize(
    ("titles", "message"),
    [
        (None, r"has no entity_vocab\.json: it says which row"),
        ([["Oslo", "en"]], "is no JSON object"),
        ({"Oslo": "3"}, "an entity vocabulary maps titles to ids"),
        ({"Oslo": -1}, "an entity vocabulary maps titles to ids"),
        ({"[PAD]": 0, "[UNK]": 1, "[MASK]": 2, "Oslo": 7}, "goes up to id 7, but it has rows for 7"),
        ({"[PAD]": 0, "[UNK]": 1, "Oslo": 3, "Bergen": 4}, r"none of a LUKE, \[MASK\] is not in it"),
    ],
)
def test_a_vocabulary_that_is_none(luke: Path, titles: object, message: str) -> None:
    (luke / "entity_vocab.json").unlink()
    if titles is not None:
        (luke / "entity_vocab.json").write_text(json.dumps(titles))
    with pytest.raises(PipelineError, match=message):
        begin(luke)


@pytest.mark.parametrize("appended", [-1, 1, 3])
def test_rows_of_another_number_of_words(tmp_path: Path, appended: int) -> None:
    luke = save_luke(tmp_path / "luke", TITLES, appended=appended)
    with pytest.raises(PipelineError, match=rf"embeddings for {50 + appended} words, but the tokenizer .* has 50"):
        begin(luke)


def test_a_luke_without_markers(tmp_path: Path) -> None:
    initial = begin(save_luke(tmp_path / "luke", TITLES, appended=0))
    assert initial.counts["start.words_left_out"] == 0
    assert initial.told is not None
    assert initial.told.endswith("left out: 2 entities")


@pytest.mark.parametrize("file", ["vocab.json", "tokenizer.json"])
def test_a_tokenizer_of_the_same_size_but_other_tokens(luke: Path, file: str) -> None:
    """Refused where the checkpoint has a tokenizer beside it; its own added tokens do not matter."""
    tokens = {f"t{index}": index for index in range(VOCAB)} | {"<ent>": 50, "<ent2>": 51}

    def save(ids: dict[str, int]) -> None:
        if file == "vocab.json":
            (luke / file).write_text(json.dumps(ids))
        else:
            Tokenizer(models.BPE(vocab=ids, merges=[])).save(str(luke / file))

    save(tokens)
    begin(luke)
    save(tokens | {"t7": 8, "t8": 7})
    with pytest.raises(PipelineError, match=r"another tokenizer .*: 2 of 50 .* the first is 't7', 7 here and 8 there"):
        begin(luke)


def test_another_kind_of_model_than_the_config_says(luke: Path) -> None:
    with pytest.raises(PipelineError, match=r"width 16, not 64: set model\.entity_embedding=16"):
        begin(luke, settings=config(entity_embedding=64))
    with pytest.raises(PipelineError, match=r"set model\.attention=entity_aware"):
        begin(luke, settings=config(attention="vanilla"))
    with pytest.raises(PipelineError, match="a model of type 'luke'; allowed here: roberta, xlm-roberta"):
        begin(luke, settings=config(entities=False, attention="vanilla"))


def test_weights_that_are_not_as_the_config_says(luke: Path) -> None:
    settings = json.loads((luke / "config.json").read_text())
    (luke / "config.json").write_text(json.dumps(settings | {"entity_vocab_size": 8}))
    with pytest.raises(PipelineError, match=r"has 7 rows, but config\.json says 8"):
        begin(luke)


def test_the_fingerprint_is_of_the_entity_vocabulary_too(luke: Path) -> None:
    before = start_fingerprint(str(luke))
    (luke / "README.md").write_text("a card")
    assert start_fingerprint(str(luke)) == before
    (luke / "entity_vocab.json").write_text(json.dumps(TITLES | {"Oslo": 4, "Bergen": 3}))
    assert start_fingerprint(str(luke)) != before
    (luke / "entity_vocab.json").unlink()
    with pytest.raises(PipelineError, match=r"has no entity_vocab\.json"):
        start_fingerprint(str(luke))


def test_xlm_roberta_with_its_own_kind_of_tokenizer(tmp_path: Path) -> None:
    """Weights: as RoBERTa's. Words: SentencePiece's unigrams are compared like any other tokens."""
    pieces = ["<s>", "<pad>", "</s>", "<unk>", *(f"▁p{index}" for index in range(VOCAB - 5)), "<mask>"]
    tokenizer = Tokenizer(models.Unigram([(piece, -float(index)) for index, piece in enumerate(pieces)], unk_id=3))
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    torch.manual_seed(0)
    sizes = {
        "vocab_size": VOCAB, "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4,
        "intermediate_size": 64, "max_position_embeddings": 40, "type_vocab_size": 1, "layer_norm_eps": 1e-5,
    }  # fmt: skip
    library = XLMRobertaForMaskedLM(XLMRobertaConfig(**sizes))
    library.save_pretrained(tmp_path)
    initial = begin(tmp_path, vocab=word_vocab(VOCAB, tokenizer))
    embeddings = initial.model.luke.embeddings.word_embeddings.weight
    assert torch.equal(embeddings, library.roberta.embeddings.word_embeddings.weight)
    assert initial.told is None
    with pytest.raises(PipelineError, match=r"another tokenizer than vocab/words: 50 of 50"):
        begin(tmp_path)


@needs_roberta
@pytest.mark.parametrize("files", [["tokenizer.json"], ["vocab.json", "merges.txt"]])
def test_the_adopted_tokenizer_is_roberta_bases_own(tmp_path: Path, files: list[str]) -> None:
    words.save(adopt(ROBERTA), tmp_path / "words")
    (tmp_path / "start").mkdir()
    for file in files:
        shutil.copy(ROBERTA / file, tmp_path / "start")
    refuse_other_words(str(tmp_path / "start"), words.load(tmp_path / "words"))
    with pytest.raises(PipelineError, match=r"50 of 50 tokens .* 't0', 0 here and missing there"):
        refuse_other_words(str(tmp_path / "start"), word_vocab())
