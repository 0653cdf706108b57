"""The byte-level BPE: training, adopting, and the tables that masking needs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tokenizers import Tokenizer

from pipeline.errors import PipelineError
from pipeline.vocab import bpe, words
from pipeline.vocab.config import WordsConfig
from pipeline.vocab.pretrained_tokenizer import adopt, source

ROBERTA = Path(__file__).parents[3] / "shared" / "data" / "roberta-base"
needs_roberta = pytest.mark.skipif(not ROBERTA.is_dir(), reason=f"roberta-base's tokenizer is not in {ROBERTA}")

TEXT = [" the dog saw the dogs", " the cat saw the dog", " a dog is a dog"] * 3
TINY = WordsConfig(adopt=None, size=271, min_count=2)


def merges(tokenizer: Tokenizer) -> bpe.Merges:
    return [(left, right) for left, right in json.loads(tokenizer.to_str())["model"]["merges"]]


def test_trained_tokens_are_these(tmp_path: Path) -> None:
    tokenizer = bpe.train(TEXT, TINY)
    assert merges(tokenizer) == [  # by count: dog 15, the 12, saw 6, a 6; among equals the lowest ids, letters before Ġ
        ("d", "o"),
        ("Ġ", "do"),
        ("Ġdo", "g"),
        ("h", "e"),
        ("t", "he"),
        ("Ġ", "the"),
        ("a", "w"),
        ("s", "aw"),
        ("Ġ", "a"),
        ("Ġ", "saw"),
    ]
    vocab = tokenizer.get_vocab()
    by_id = sorted(vocab, key=vocab.__getitem__)
    assert by_id[:4] == ["<s>", "<pad>", "</s>", "<unk>"]
    assert by_id[-1] == "<mask>"
    assert len(vocab) == 4 + 256 + 10 + 1
    words.save(tokenizer, tmp_path)
    assert words.load(tmp_path).tokenizer.encode(" the dogs saw", add_special_tokens=False).tokens == [
        "Ġthe",
        "Ġdog",
        "s",
        "Ġsaw",
    ]


def test_training_is_a_function_of_the_text(tmp_path: Path) -> None:
    """The same bytes from processes with other hash seeds and other numbers of threads."""
    program = (
        "import sys; from pathlib import Path; from pipeline.vocab import bpe, words\n"
        "from pipeline.vocab.config import WordsConfig\n"
        "lines = Path(sys.argv[2]).read_text().split('\\n')\n"
        "words.save(bpe.train(lines, WordsConfig(adopt=None, size=2000, min_count=2)), Path(sys.argv[1]))"
    )
    text = tmp_path / "text"
    text.write_text("\n".join(path.read_text() for path in sorted(Path(words.__file__).parent.glob("*.py"))))
    results = []
    for name, threads, parallel in (("a", "2", "true"), ("b", "1", "true"), ("c", "2", "false")):
        environment = os.environ | {"RAYON_NUM_THREADS": threads, "TOKENIZERS_PARALLELISM": parallel}
        subprocess.run([sys.executable, "-c", program, str(tmp_path / name), str(text)], env=environment, check=True)
        results.append({path.name: path.read_bytes() for path in (tmp_path / name).iterdir()})
    assert sorted(results[0]) == ["merges.txt", "tokenizer.json", "tokenizer_config.json", "vocab.json"]
    assert results[0] == results[1] == results[2]


def test_transformers_opens_it_and_agrees(tmp_path: Path) -> None:
    from transformers import AutoTokenizer

    words.save(bpe.train(TEXT, TINY), tmp_path)
    tokenizer = AutoTokenizer.from_pretrained(str(tmp_path), local_files_only=True)
    ids = tokenizer("the dog saw <mask>")["input_ids"]
    assert ids[0] == 0
    assert ids[-2:] == [270, 2]
    assert (tokenizer.pad_token_id, tokenizer.unk_token_id, tokenizer.mask_token_id) == (1, 3, 270)
    text = " the dogs saw a dog"
    ours = words.load(tmp_path).tokenizer.encode(text, add_special_tokens=False).ids
    assert tokenizer(text, add_special_tokens=False)["input_ids"] == ours


def test_special_tokens_in_a_text_are_text(tmp_path: Path) -> None:
    words.save(bpe.train(TEXT, TINY), tmp_path)
    vocab = words.load(tmp_path)
    ids = vocab.tokenizer.encode("the <s> and <mask>", add_special_tokens=False).ids
    assert not vocab.special[ids].any()


def test_a_token_stands_for_bytes() -> None:
    assert bpe.token_bytes("Ġdog") == b" dog"
    assert bpe.token_bytes("æĿ±") == "東".encode()


def test_tables_of_a_vocabulary(tmp_path: Path) -> None:
    words.save(bpe.train(TEXT, TINY), tmp_path)
    vocab = words.load(tmp_path)
    assert (vocab.size, vocab.bos, vocab.pad, vocab.eos, vocab.unk, vocab.mask) == (271, 0, 1, 2, 3, 270)
    assert np.flatnonzero(vocab.special).tolist() == [0, 1, 2, 3, 270]
    begun = {vocab.tokenizer.id_to_token(index) for index in np.flatnonzero(vocab.word_starts & ~vocab.special)}
    assert {token for token in begun if token.startswith("Ġ")} == {"Ġ", "Ġdo", "Ġdog", "Ġthe", "Ġsaw", "Ġa"}
    assert "og" not in begun


@needs_roberta
def test_roberta_base_keeps_its_ids(tmp_path: Path) -> None:
    words.save(adopt(ROBERTA), tmp_path)
    vocab = words.load(tmp_path)
    assert (vocab.size, vocab.mask) == (50265, 50264)
    original = Tokenizer.from_file(str(ROBERTA / "tokenizer.json"))
    text = "Béla's dogs weren't 東京 in 1984—[they] said “no” <b>\u00a0🙂  twice"
    assert vocab.tokenizer.encode(text).ids == original.encode(text).ids
    assert vocab.tokenizer.get_vocab() == original.get_vocab()


def test_vocab_and_merges_alone_can_be_adopted(tmp_path: Path) -> None:
    trained = bpe.train(TEXT, TINY)
    words.save(trained, tmp_path)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (tmp_path / name).unlink()
    assert adopt(tmp_path).to_str() == trained.to_str()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"model": {"type": "WordPiece", "vocab": {}}}, "and there the model is 'WordPiece'"),
        ({"pre_tokenizer": {"type": "Metaspace"}}, "pre_tokenizer is 'Metaspace', not 'ByteLevel'"),
        ({"normalizer": {"type": "Lowercase"}}, "normalizer is"),
        ({"added_tokens": [{"content": "<tag>", "id": 271}]}, "<mask> is 270, not 271"),
    ],
)
def test_another_kind_of_tokenizer_is_refused(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    words.save(bpe.train(TEXT, TINY), tmp_path)
    state = json.loads((tmp_path / "tokenizer.json").read_text())
    (tmp_path / "tokenizer.json").write_text(json.dumps(state | change))
    with pytest.raises(PipelineError, match=message):
        adopt(tmp_path)


def test_the_markers_of_an_exported_luke_are_left_out(tmp_path: Path) -> None:
    trained = bpe.train(TEXT, TINY)
    words.save(trained, tmp_path)
    tokenizer = Tokenizer.from_file(str(tmp_path / "tokenizer.json"))
    tokenizer.add_special_tokens(["<ent>", "<ent2>"])
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    assert tokenizer.token_to_id("<ent2>") == 272
    assert adopt(tmp_path).to_str() == trained.to_str()


def test_other_special_ids_and_holes_are_refused(tmp_path: Path) -> None:
    trained = bpe.train(TEXT, TINY)
    vocab = trained.get_vocab()
    (tmp_path / "merges.txt").write_text("".join(f"{left} {right}\n" for left, right in merges(trained)))
    (tmp_path / "vocab.json").write_text(json.dumps(vocab | {"<s>": 1, "<pad>": 0}))
    with pytest.raises(PipelineError, match=r"<s> is 1, not 0; <pad> is 0, not 1"):
        adopt(tmp_path)
    (tmp_path / "vocab.json").write_text(json.dumps(vocab | {"<mask>": 300}))
    with pytest.raises(PipelineError, match=r"<mask> is 300, not 270; the 271 ids are not 0 to 270, each once"):
        adopt(tmp_path)


@pytest.mark.parametrize(
    "content",
    [
        '{"model": ',
        "[]",
        '{"model": {"type": "BPE"}, "pre_tokenizer": {"type": "ByteLevel"}}',
        '{"model": {"type": "BPE", "vocab": {"<s>": 0, "<pad>": 1, "</s>": 2, "<unk>": 3, "<mask>": 4}, '
        '"merges": ["a b"]}, "pre_tokenizer": {"type": "ByteLevel"}}',
    ],
)
def test_a_broken_tokenizer_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "tokenizer.json").write_text(content)
    with pytest.raises(PipelineError, match="cannot be adopted, it is no whole tokenizer"):
        adopt(tmp_path)


def test_broken_merges_are_refused(tmp_path: Path) -> None:
    (tmp_path / "vocab.json").write_text('{"a": 0}')
    (tmp_path / "merges.txt").write_text("x y z\n")
    with pytest.raises(PipelineError, match="cannot be adopted, it is no whole tokenizer"):
        adopt(tmp_path)


def test_a_folder_without_a_tokenizer_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PipelineError, match=r"holds no tokenizer that can be adopted: tokenizer\.json"):
        adopt(tmp_path)


def test_a_name_nobody_knows_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(PipelineError, match=r"vocab\.words\.adopt=no/such is no folder here"):
        source("no/such")
