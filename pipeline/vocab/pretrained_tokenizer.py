"""Adopting the tokenizer of an existing model: found, read, checked, and built anew.

In: a folder or a name on the Hub. Out: a tokenizer of one of the two kinds that are known here, a byte-level BPE like
RoBERTa's or a SentencePiece Unigram like XLM-R's, with all that its ids depend on and nothing else. Anything that would
change an id is refused: an entity's mention is found by ids, and the model's embeddings are rows of them.

A SentencePiece model alone (sentencepiece.bpe.model) is not read: transformers makes the tokenizer.json of it, once.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

from pipeline.errors import PipelineError
from pipeline.vocab import bpe, unigram
from pipeline.vocab.specials import MARKERS, check_ids

FILES = ("tokenizer.json", "vocab.json", "merges.txt")
"""What is read of a folder: the first, or if it is not there the other two."""

KINDS = "a byte-level BPE like RoBERTa's or a SentencePiece Unigram like XLM-R's"


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


def adopt(folder: Path) -> Tokenizer:
    """The tokenizer of a folder, built anew.

    Raises:
        PipelineError: it is of another kind, or its ids do not fit.
    """
    whole, *parts = (folder / name for name in FILES)
    if whole.is_file():
        with readable(whole):
            tokenizer = from_json(whole)
    elif all(part.is_file() for part in parts):
        with readable(parts[0]):
            vocab, merges = bpe.read_pair(*parts)
            check_ids(vocab, folder)
            tokenizer = bpe.built(vocab, merges)
    else:
        raise PipelineError(
            f"{folder} holds no tokenizer that can be adopted: tokenizer.json, or vocab.json with merges.txt, is "
            "needed. transformers, with sentencepiece installed, makes tokenizer.json of a model that has a "
            "SentencePiece file alone:\n"
            "  python -c \"from transformers import AutoTokenizer as A; A.from_pretrained('NAME').save_pretrained('"
            "FOLDER')\""
        )
    return tokenizer


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


def from_json(path: Path) -> Tokenizer:
    """The tokenizer that the content of a tokenizer.json describes, as far as it is of a known kind."""
    state = json.loads(path.read_text(encoding="utf-8"))
    model = state["model"]
    kind = model.get("type", "BPE" if "merges" in model else None)
    reader = {"BPE": bpe_of, "Unigram": unigram_of}.get(kind)
    if reader is None:
        raise PipelineError(f"{path} cannot be adopted: only {KINDS} can, and there the model is {kind!r}")
    differences = (bpe if reader is bpe_of else unigram).differences(state)
    if differences:
        raise PipelineError(f"{path} cannot be adopted: only {KINDS} can, and there " + "; ".join(differences))
    return reader(path, state)


def bpe_of(path: Path, state: Mapping[str, Any]) -> Tokenizer:
    vocab = with_added(state["model"]["vocab"], state)
    check_ids(vocab, path.parent)
    return bpe.built(vocab, bpe.pairs(state["model"]["merges"]))


def unigram_of(path: Path, state: Mapping[str, Any]) -> Tokenizer:
    scores: dict[str, float] = dict(state["model"]["vocab"])  # a token's id is its place
    vocab = with_added({token: index for index, token in enumerate(scores)}, state)
    check_ids(vocab, path.parent)
    original = Tokenizer.from_file(str(path))
    pieces = [(token, scores.get(token, 0.0)) for token in sorted(vocab, key=vocab.__getitem__)]
    tokenizer = unigram.built(pieces, original.normalizer)
    text = unigram.disagreement(original, tokenizer)
    if text is not None:
        raise PipelineError(
            f"{path} cannot be adopted: only {KINDS} can, and its normalizer does more than SentencePiece's, so that "
            f"cut at the borders of mentions {text!r} would get other ids"
        )
    return tokenizer


def with_added(vocab: Mapping[str, int], state: Mapping[str, Any]) -> dict[str, int]:
    """Token -> id with the added tokens, without an exported LUKE's markers."""
    added = {token["content"]: token["id"] for token in state.get("added_tokens") or []}
    return {token: index for token, index in {**vocab, **added}.items() if token not in MARKERS}
