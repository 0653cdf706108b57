"""Load the tokenizer of an existing model, check it, and rebuild it from the parts that decide its ids.

The input is a folder or a name on the Hub. The output is a tokenizer of one of two kinds: a byte-level BPE like
RoBERTa's or a SentencePiece Unigram like XLM-R's. A tokenizer whose ids would change by rebuilding is refused, because
the rows of the model's embeddings are addressed by these ids.

A SentencePiece file alone (sentencepiece.bpe.model) is not read; transformers converts it to a tokenizer.json.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tokenizers import Tokenizer

from pipeline.errors import PipelineError
from pipeline.vocab import bpe, unigram
from pipeline.vocab.specials import ENTITY_MARKERS, check_special_ids
from pipeline.vocab.tokenizer_json import BpeJson, TokenizerJson, UnigramJson

FILES = ("tokenizer.json", "vocab.json", "merges.txt")
"""Files that are read: the first, or the other two if the first is missing."""

SUPPORTED_KINDS = "a byte-level BPE like RoBERTa's or a SentencePiece Unigram like XLM-R's"


def find_tokenizer_folder(name: str) -> Path:
    """Return the folder `name`, or the folder into which the tokenizer of that name was downloaded from the Hub.

    Raises:
        PipelineError: there is no such folder, and the Hub and its cache do not have the tokenizer.
    """
    if Path(name).is_dir():
        return Path(name)
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(name, allow_patterns=list(FILES)))
    except Exception as error:  # the Hub's client raises what requests, httpx and the cache raise
        raise PipelineError(
            f"vocab.tokenizer.pretrained={name} is not a folder on this machine, and it could not be downloaded from "
            f"the Hub ({type(error).__name__}: {error}).\n"
            "Set it to the path of a folder with a tokenizer.json, to the name of a repository on the Hub, or to null "
            "to train a tokenizer."
        ) from error


def load_pretrained_tokenizer(folder: Path) -> Tokenizer:
    """Load the tokenizer in a folder and rebuild it.

    Raises:
        PipelineError: there is no tokenizer in the folder, its kind is not supported, or its ids are not RoBERTa's.
    """
    tokenizer_json, vocab_json, merges_txt = (folder / name for name in FILES)
    if tokenizer_json.is_file():
        with refuse_broken_file(tokenizer_json):
            tokenizer = from_tokenizer_json(tokenizer_json)
    elif vocab_json.is_file() and merges_txt.is_file():
        with refuse_broken_file(vocab_json):
            vocab, merges = bpe.read_vocab_and_merges(vocab_json, merges_txt)
            check_special_ids(vocab, folder)
            tokenizer = bpe.make_tokenizer(vocab, merges)
    else:
        raise PipelineError(
            f"{folder} contains no tokenizer that can be used: it needs a tokenizer.json, or a vocab.json and a "
            "merges.txt. If it has only a SentencePiece file, transformers converts it (with sentencepiece "
            "installed):\n"
            "  python -c \"from transformers import AutoTokenizer as A; A.from_pretrained('NAME').save_pretrained('"
            "FOLDER')\""
        )
    return tokenizer


@contextmanager
def refuse_broken_file(path: Path) -> Iterator[None]:
    """Report any exception of the block as a PipelineError: the file is not a complete tokenizer."""
    try:
        yield
    except PipelineError:
        raise
    except Exception as error:  # tokenizers raises nothing more specific
        raise PipelineError(
            f"{path} is not a complete tokenizer ({type(error).__name__}: {error}): "
            "save it again with transformers' save_pretrained"
        ) from error


def from_tokenizer_json(path: Path) -> Tokenizer:
    """Build the tokenizer that a tokenizer.json describes, if its kind is supported."""
    content = json.loads(path.read_text(encoding="utf-8"))
    model = content["model"]
    kind = model.get("type", "BPE" if "merges" in model else None)
    if kind == "BPE":
        problems = bpe.unsupported_settings(content)
    elif kind == "Unigram":
        problems = unigram.unsupported_settings(content)
    else:
        problems = [f"the model is {kind!r}"]
    if problems:
        raise PipelineError(f"{path} is not supported: {SUPPORTED_KINDS} is needed, but " + "; ".join(problems))
    return bpe_from_json(path, content) if kind == "BPE" else unigram_from_json(path, content)


def bpe_from_json(path: Path, content: BpeJson) -> Tokenizer:
    """Build the BPE whose tokenizer.json at `path` has this content."""
    vocab = all_token_ids(content["model"]["vocab"], content)
    check_special_ids(vocab, path.parent)
    return bpe.make_tokenizer(vocab, bpe.parse_merges(content["model"]["merges"]))


def unigram_from_json(path: Path, content: UnigramJson) -> Tokenizer:
    """Build the Unigram whose tokenizer.json at `path` has this content, and try it on some texts."""
    scores = dict(content["model"]["vocab"])  # in order of the ids
    vocab = all_token_ids({token: index for index, token in enumerate(scores)}, content)
    check_special_ids(vocab, path.parent)
    original = Tokenizer.from_file(str(path))
    pieces = [(token, scores.get(token, 0.0)) for token in sorted(vocab, key=vocab.__getitem__)]
    tokenizer = unigram.make_tokenizer(pieces, original.normalizer)
    text = unigram.find_disagreement(original, tokenizer)
    if text is not None:
        raise PipelineError(
            f"{path} is not supported: {SUPPORTED_KINDS} is needed, but its normalizer does more than SentencePiece's. "
            f"{text!r}, split at its spaces, would get different ids"
        )
    return tokenizer


def all_token_ids(vocab: Mapping[str, int], content: TokenizerJson) -> dict[str, int]:
    """Return the ids of all tokens, added ones included, without the entity markers of an exported LUKE."""
    added = {token["content"]: token["id"] for token in content.get("added_tokens") or []}
    return {token: index for token, index in {**vocab, **added}.items() if token not in ENTITY_MARKERS}
