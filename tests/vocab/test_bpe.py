"""Training the byte-level BPE."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from pipeline.vocab import bpe, words
from tests.vocab.trained_bpe import merges, train_tiny_bpe


def test_training_gives_these_tokens(tmp_path: Path) -> None:
    tokenizer = train_tiny_bpe()
    assert merges(tokenizer) == [  # by count: dog 15, the 12, saw 6, a 6; ties by lowest ids, letters before Ġ
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
    words.save_tokenizer(tokenizer, tmp_path)
    assert words.load_word_vocab(tmp_path).tokenizer.encode(" the dogs saw", add_special_tokens=False).tokens == [
        "Ġthe",
        "Ġdog",
        "s",
        "Ġsaw",
    ]


def test_training_is_a_function_of_the_text(tmp_path: Path) -> None:
    """Processes with other hash seeds and numbers of threads write the same bytes."""
    program = (
        "import sys; from pathlib import Path; from pipeline.vocab import bpe, words\n"
        "from pipeline.vocab.config import TokenizerConfig\n"
        "lines = Path(sys.argv[2]).read_text().split('\\n')\n"
        "config = TokenizerConfig(pretrained=None, size=2000, min_count=2)\n"
        "words.save_tokenizer(bpe.train(lines, config), Path(sys.argv[1]))"
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


def test_a_token_stands_for_bytes() -> None:
    assert bpe.token_bytes("Ġdog") == b" dog"
    assert bpe.token_bytes("æĿ±") == "東".encode()
