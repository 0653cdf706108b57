"""A SentencePiece Unigram of 42 tokens in XLM-R's layout, as transformers saves it."""

from __future__ import annotations

import base64
import zlib
from pathlib import Path

from transformers import XLMRobertaTokenizer

from pipeline.vocab import words
from pipeline.vocab.pretrained_tokenizer import load_pretrained_tokenizer

CHARSMAP = (
    "eNoV02WwFmUYBuB3PmIYhmHorqEH5JDSP5AuaaWkQ+kOUeHQDdKgNNIlSndYdHenICDdeX07c8397Oy+++feJ8QNISSKE3aPiYS58UL0io3NHQmj04YQ"
    "ic6lIyE2Xwhba0VCfPcJmOBZQpmIiUlDSCyTOJicZKQkBalJhddDGtKTjoxkIDOZuD4zEq5NjoRs5qzkIDu5yMmiTSHklnnJw4PWkfCJzE8MBSlAYQrx"
    "KUUoRlFKUJxSlGTenyGUlgt8d775M3MZylGWCpSnEhWpQmWqUZXPqU5NalCbWtSlDl9Qj/p8SUMa0JhGNOErmtGUFjSnFS1pQ2u+pi3t+IYOtKcTHelC"
    "Z7rRlR50pxc96UNvvqUv39GPH/ieAfRnYLR0BjOIoQxhOMMYyQhGM4qxjGE845jAj0xiIlOYzDSmMoPp/MxPzGImc5gd7YO50T6Yz0J+YXG0e5ayhOUs"
    "YyUrWM0q1vArv/Mb61jLBtaj5rCRLWxmG1vZwXZ2sZM97MYvEf7gb/5iL/+wn30c5ACHOcRRjnCcY5zkBKc5xVnOcJ5zXOQCl7nEVa5E94Br3OQG/3KL"
    "O9zmLv9xn3vRPeB/HvGQJzzmGU95wXNe8ZI3vOYdb/nAe7KEmJgYW1TIJpS1BR8Blv6UIA=="
)
"""Normalisation rules in the compiled form of SentencePiece's trainer.

No-break, ideographic and zero-width spaces become a space, full-width A B C 1 2 the plain letters, … three full stops.
"""

TOKENS = [
    *("<s>", "<pad>", "</s>", "<unk>"),
    *("▁", "▁He", "▁saw", "▁dogs", "dogs", "s", ".", "▁(", "NA", "TO", ")", "N"),  # 4 to 15
    *("東京", "▁日本", "日本", "は", "の", "首都", "。", "19", "90", "年"),  # 16 to 25
    *("ประเทศ", "▁ไทย", "ไทย", "มี", "▁Die", "▁Donau", "dampf", "schiff", "<", ">", "/"),  # 26 to 36
    *("▁A", "B", "C", "1", "<mask>"),  # 37 to 41
]


def save_tiny_unigram(folder: Path) -> None:
    """Save the tokenizer; every piece has the same score, so the fewest pieces win."""
    charsmap = zlib.decompress(base64.b64decode(CHARSMAP))
    pieces = [(token, 0.0 if index < 4 or token == "<mask>" else -10.0) for index, token in enumerate(TOKENS)]
    XLMRobertaTokenizer(vocab=pieces, _spm_precompiled_charsmap=charsmap).save_pretrained(folder)


def tiny_unigram_vocab(folder: Path) -> words.WordVocab:
    """Save the tokenizer, read it as a pretrained one, and return it as the vocab stage saves it."""
    save_tiny_unigram(folder / "theirs")
    words.save_tokenizer(load_pretrained_tokenizer(folder / "theirs"), folder / "ours")
    return words.load_word_vocab(folder / "ours")
