"""The word tokenizer: a byte-level BPE with RoBERTa's special ids, trained here or adopted.

In: a stream of text, or the files of an existing tokenizer. Out: one folder, the same files either way
(tokenizer.json, tokenizer_config.json, vocab.json, merges.txt), that `AutoTokenizer` loads offline. An adopted
tokenizer is reduced to its vocabulary and merges, checked, and written anew, so nothing odd in its other settings
(prefix spaces, truncation, added tokens) reaches the dataset.

Training counts words as the pre-tokenizer cuts them and merges the most frequent pair, ties by id: the result is a
function of the text alone. On 2 cores the 106 articles of the sample take about 2 s for 6,000 tokens.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, processors, trainers

from pipeline.errors import PipelineError
from pipeline.store import write_json
from pipeline.vocab.config import WordsConfig

Merges = list[tuple[str, str]]

BOS, PAD, EOS, UNK, MASK = "<s>", "<pad>", "</s>", "<unk>", "<mask>"
FIRST_IDS = {BOS: 0, PAD: 1, EOS: 2, UNK: 3}
"""RoBERTa's; <mask> has the last id."""
MARKERS = ("<ent>", "<ent2>")
"""What every exported LUKE has after <mask>, for fine-tuning; no part of the vocabulary it was pretrained with."""
FILES = ("tokenizer.json", "vocab.json", "merges.txt")

UNSPACED = (
    (0x0E00, 0x0EFF),  # Thai, Lao
    (0x1000, 0x109F),  # Myanmar
    (0x1780, 0x17FF),  # Khmer
    (0x2E80, 0xA4CF),  # CJK with its punctuation, kana, bopomofo, Yi
    (0xA9E0, 0xA9FF),  # Myanmar
    (0xAA60, 0xAA7F),  # Myanmar
    (0xF900, 0xFAFF),  # CJK compatibility
    (0xFE30, 0xFE4F),  # CJK vertical forms
    (0xFF01, 0xFF9F),  # full-width forms, half-width kana
    (0x1B000, 0x1B16F),  # kana
    (0x20000, 0x3FFFF),  # CJK
)
"""Ranges of code points, both ends included, of scripts written without spaces between words."""


# ---------------------------------------------------------------------------------------------- reading


@dataclass(frozen=True, slots=True)
class WordVocab:
    """A finished word vocabulary, for reading."""

    tokenizer: Tokenizer
    """Takes text literally: "<mask>" in a text is five ordinary tokens or so, never the special one."""
    size: int
    """Ids run from 0 to size - 1."""
    bos: int
    pad: int
    eos: int
    unk: int
    mask: int
    word_starts: NDArray[np.bool_]
    """[size] whether a token begins a word: it begins with a space, or with a character of a script written without
    spaces, where each such token counts as a word. A sequence's first token begins one whatever the table says."""
    special: NDArray[np.bool_]
    """[size] true for the five special ids, which are never masked and never drawn as a random word."""


def load(folder: Path) -> WordVocab:
    """Open what `save` wrote."""
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.encode_special_tokens = True
    ids = tokenizer.get_vocab()
    size = len(ids)
    starts, special = np.zeros(size, dtype=bool), np.zeros(size, dtype=bool)
    for token, index in ids.items():
        starts[index] = starts_word(token)
    bos, pad, eos, unk, mask = (ids[token] for token in (BOS, PAD, EOS, UNK, MASK))
    special[[bos, pad, eos, unk, mask]] = True
    starts |= special
    return WordVocab(
        tokenizer, size, bos=bos, pad=pad, eos=eos, unk=unk, mask=mask, word_starts=starts, special=special
    )


def byte_alphabet() -> dict[str, int]:
    """The character that stands for each byte in a byte-level token: itself if printable, else one from U+0100 on."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in printable]
    return {chr(byte): byte for byte in printable} | {chr(256 + place): byte for place, byte in enumerate(others)}


BYTES = byte_alphabet()


def starts_word(token: str) -> bool:
    """Whether a byte-level token begins a word, by its first bytes.

    A token may end inside a character; its bytes then leave a range of code points open, and all of the range must be
    of scripts without spaces. A continuation byte begins nothing.
    """
    head = [BYTES.get(character, 0) for character in token[:4]]
    if not head or head[0] == 0x20:
        return bool(head)
    length = 2 if 0xC0 <= head[0] < 0xE0 else 3 if 0xE0 <= head[0] < 0xF0 else 4 if head[0] >= 0xF0 else 0
    if not length:
        return False
    code = head[0] & (0x7F >> length)
    for byte in head[1:length]:
        code = code << 6 | byte & 0x3F
    open_bits = 6 * max(0, length - len(head))
    low, high = code << open_bits, (code + 1 << open_bits) - 1
    return any(first <= low and high <= last for first, last in UNSPACED)


# ---------------------------------------------------------------------------------------------- making


def train(lines: Iterable[str], config: WordsConfig) -> tuple[dict[str, int], Merges]:
    """Learn a byte-level BPE from lines of text.

    Returns:
        token -> id, with RoBERTa's special ids, and the merges, best first.
    """
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(
        vocab_size=config.size - 1,  # one id is left for <mask>, which stands last
        min_frequency=config.min_count,
        special_tokens=list(FIRST_IDS),
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(lines, trainer=trainer)
    model = json.loads(tokenizer.to_str())["model"]
    vocab = {token: index for token, index in model["vocab"].items() if token != MASK}
    return vocab | {MASK: len(vocab)}, pairs(model["merges"])


def source(adopt: str) -> Path:
    """The folder that holds the tokenizer to adopt; from the Hub (or its cache) when there is no such folder here.

    Raises:
        PipelineError: there is neither.
    """
    if Path(adopt).is_dir():
        return Path(adopt)
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(adopt, allow_patterns=list(FILES)))
    except Exception as error:  # the Hub's client raises what requests, httpx and the cache raise
        raise PipelineError(
            f"vocab.words.adopt={adopt} is no folder here, and the Hub did not give it "
            f"({type(error).__name__}: {error}).\n"
            "Give the path of a folder with tokenizer.json, or the name of a repository on the Hub, or null to train."
        ) from error


def adopt(folder: Path) -> tuple[dict[str, int], Merges]:
    """Vocabulary and merges of an existing byte-level BPE with RoBERTa's special ids.

    Raises:
        PipelineError: it is another kind of tokenizer, or its ids do not fit.
    """
    if (folder / "tokenizer.json").is_file():
        with readable(folder / "tokenizer.json"):
            vocab, merges = read_tokenizer(folder / "tokenizer.json")
            models.BPE(vocab=vocab, merges=merges)  # refuses merges of tokens that it does not have
    elif (folder / "vocab.json").is_file() and (folder / "merges.txt").is_file():
        with readable(folder / "vocab.json"):
            model = models.BPE.from_file(str(folder / "vocab.json"), str(folder / "merges.txt"))
            state = json.loads(Tokenizer(model).to_str())["model"]
            vocab, merges = state["vocab"], pairs(state["merges"])
    else:
        raise PipelineError(
            f"{folder} holds no tokenizer that can be adopted: tokenizer.json, or vocab.json with merges.txt, is needed"
        )
    check_ids(vocab, folder)
    return vocab, merges


@contextmanager
def readable(path: Path) -> Iterator[None]:
    """Tell what the block raises as a file that is no tokenizer."""
    try:
        yield
    except PipelineError:
        raise
    except Exception as error:  # tokenizers raises nothing more special
        raise PipelineError(
            f"{path} cannot be adopted, it is no whole tokenizer ({type(error).__name__}: {error}): "
            "save it again with transformers' save_pretrained"
        ) from error


def read_tokenizer(path: Path) -> tuple[dict[str, int], Merges]:
    """Vocabulary and merges out of a tokenizer.json."""
    state = json.loads(path.read_text(encoding="utf-8"))
    model = state.get("model") or {}
    splitter = state.get("pre_tokenizer") or {}
    found = {
        "model": (model.get("type", "BPE" if "merges" in model else None), "BPE"),
        "pre_tokenizer": (splitter.get("type"), "ByteLevel"),
        "pre_tokenizer.use_regex": (splitter.get("use_regex", True), True),
        "normalizer": (state.get("normalizer"), None),
        "model.ignore_merges": (model.get("ignore_merges", False), False),
        "model.continuing_subword_prefix": (model.get("continuing_subword_prefix") or "", ""),
        "model.end_of_word_suffix": (model.get("end_of_word_suffix") or "", ""),
    }
    wrong = [f"{key} is {value!r}, not {wanted!r}" for key, (value, wanted) in found.items() if value != wanted]
    if wrong:
        raise PipelineError(
            f"{path} cannot be adopted: only a byte-level BPE like RoBERTa's can, and there " + "; ".join(wrong)
        )
    vocab: dict[str, int] = model["vocab"]
    added = {token["content"]: token["id"] for token in state.get("added_tokens") or []}
    kept = {token: index for token, index in (vocab | added).items() if token not in MARKERS}
    return kept, pairs(model["merges"])


def pairs(merges: Iterable[str | list[str]]) -> Merges:
    """Merges in either of tokenizer.json's two spellings: "a b" or ["a", "b"]."""
    split = (merge.split(" ") if isinstance(merge, str) else merge for merge in merges)
    return [(left, right) for left, right in split]


def check_ids(vocab: dict[str, int], folder: Path) -> None:
    """Raise PipelineError unless ids are dense and the special ones RoBERTa's."""
    wanted = FIRST_IDS | {MASK: len(vocab) - 1}
    wrong = [
        f"{token} is {vocab.get(token, 'missing')}, not {index}"
        for token, index in wanted.items()
        if vocab.get(token) != index
    ]
    if sorted(vocab.values()) != list(range(len(vocab))):
        wrong.append(f"the {len(vocab)} ids are not 0 to {len(vocab) - 1}, each once")
    if wrong:
        raise PipelineError(f"{folder} cannot be adopted, its ids are not RoBERTa's: " + "; ".join(wrong))


def save(vocab: dict[str, int], merges: Merges, folder: Path) -> None:
    """Write the tokenizer's folder."""
    tokenizer = Tokenizer(models.BPE(vocab=vocab, merges=merges))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.post_processor = processors.RobertaProcessing(
        (EOS, vocab[EOS]), (BOS, vocab[BOS]), trim_offsets=True, add_prefix_space=False
    )
    # As RoBERTa has them: <mask> takes the space before it, so that "a <mask>" has no stray space token.
    specials = [AddedToken(token, special=True, normalized=False) for token in FIRST_IDS]
    tokenizer.add_special_tokens([*specials, AddedToken(MASK, special=True, lstrip=True, normalized=False)])
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    tokenizer.model.save(str(folder))
    write_json(
        folder / "tokenizer_config.json",
        {
            "tokenizer_class": "RobertaTokenizer",
            "model_max_length": 512,
            "add_prefix_space": False,
            **{"bos_token": BOS, "cls_token": BOS, "eos_token": EOS, "sep_token": EOS},
            **{"pad_token": PAD, "unk_token": UNK, "mask_token": MASK},
        },
    )
