"""Refuse a dataset or a model whose ids mean something else than the run's: another tokenizer, other entities."""

from __future__ import annotations

import numpy as np
import pyarrow.compute as pc

from pipeline.errors import PipelineError
from pipeline.io.arrow import Int64Array
from pipeline.vocab.artefact import Vocab
from pipeline.vocab.entities import EntityVocab
from pipeline.vocab.words import WordVocab

EXAMPLES = 3
"""Number of titles that a message quotes."""


def refuse_other_vocab(subject: str, ours: Vocab, theirs: Vocab) -> None:
    """Raise PipelineError unless both vocabularies give the same ids to texts and titles.

    Args:
        subject: beginning of the message, which names the key and the folder.
        ours: the run's vocabulary.
        theirs: the vocabulary of the dataset or model.
    """
    if ours.fingerprint == theirs.fingerprint:
        return
    difference = tokenizer_difference(ours.words, theirs.words)
    if difference:
        raise PipelineError(
            f"{subject}, whose vocabulary {theirs.folder} has another tokenizer than the run's, {ours.folder}: "
            f"{difference}. Both must be made with one tokenizer"
        )
    here, there = ours.entities, theirs.entities
    if here.titles.equals(there.titles):
        return
    subject = f"{subject}, whose vocabulary {theirs.folder} has other entities than the run's, {ours.folder}"
    refuse_missing_titles(subject, here, np.flatnonzero(~is_in(here, there)))
    extra = np.flatnonzero(~is_in(there, here))
    if len(extra):
        raise PipelineError(f"{subject}: {len(extra):,} titles are new, such as {quote_titles(there, extra)}")
    first = next(index for index in range(here.size) if here.title(index) != there.title(index))
    raise PipelineError(
        f"{subject}: the titles are the same, but their ids are not. The first is {first}, {here.title(first)!r} for "
        f"the run and {there.title(first)!r} there"
    )


def refuse_missing_titles(subject: str, entities: EntityVocab, missing: Int64Array) -> None:
    """Raise PipelineError if any of the run's titles is missing.

    Args:
        subject: beginning of the message, which names the key and the folder.
        entities: the run's entity vocabulary.
        missing: [n] ids of the missing titles.
    """
    if len(missing):
        raise PipelineError(
            f"{subject}: {len(missing):,} of the run's {entities.size:,} titles are missing, such as "
            f"{quote_titles(entities, missing)}. Use one with all titles of the run's entities.parquet"
        )


def is_in(entities: EntityVocab, others: EntityVocab) -> np.ndarray:
    """Return for each title of `entities` whether `others` has it: [size]."""
    found: np.ndarray = pc.is_in(entities.titles, value_set=others.titles).to_numpy(zero_copy_only=False)
    return found


def quote_titles(entities: EntityVocab, ids: Int64Array) -> str:
    """Return the first titles, quoted and separated by commas."""
    return ", ".join(repr(entities.title(index)) for index in ids[:EXAMPLES].tolist())


def tokenizer_difference(ours: WordVocab, theirs: WordVocab) -> str | None:
    """Return how the other tokenizer differs, or None if it is the same."""
    here, there = ours.tokenizer.get_vocab(), theirs.tokenizer.get_vocab()
    wrong = sorted((index, token) for token, index in here.items() if there.get(token) != index)
    if wrong:
        return (
            f"{len(wrong):,} of the run's {len(here):,} tokens have another id or none there; the first is "
            f"{wrong[0][1]!r}"
        )
    if len(there) > len(here):
        return f"it has {len(there):,} tokens, the run's has {len(here):,}"
    if ours.tokenizer.to_str() != theirs.tokenizer.to_str():
        return "it has the same tokens, but other merges, scores or normalization"
    return None
