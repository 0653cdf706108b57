"""The model that a training begins with: from nothing, from a RoBERTa, or from a LUKE.

In: the config, the checkpoint it names, and the vocabularies whose ids the model will read. Out: a model on CPU and
what came of the checkpoint's rows, for the terminal and for the account.

- From nothing: every weight is drawn from the generator.
- From a RoBERTa: its words, body and head are copied; w2e_query, e2w_query and e2e_query are copies of query, so that
  the first step's attention is RoBERTa's; the entity parts are drawn.
- From a LUKE, a published one or an export of ours: everything is copied, the entities' rows by title. A title that the
  checkpoint has not keeps the row it drew, as it would starting from a RoBERTa; rows of titles that are not in
  vocab/entities.parquet stay behind, as do the rows appended for fine-tuning: the words `<ent>` and `<ent2>`, the
  entity [MASK2].

Titles are matched in Arrow arrays. At luke-base's size, 500,000 titles on either side, all of it takes 7 CPU seconds (3
to draw, 1 to parse the titles, 1 to match them) and 3 GB at its peak, of which the model keeps 1.1.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow.compute as pc
import torch
from numpy.typing import NDArray

from pipeline.errors import PipelineError
from pipeline.model.config import ModelConfig
from pipeline.model.dimensions import INIT_STD, Dimensions
from pipeline.model.hf_checkpoint import (
    LUKE,
    ROBERTA,
    fingerprint,
    read_config,
    read_entities,
    read_tokens,
    read_weights,
)
from pipeline.model.initialization import entities_from_titles, local_attention, positions_from_words
from pipeline.model.luke import Luke
from pipeline.model.weights import (
    ENTITY_PARTS,
    ENTITY_QUERY,
    ENTITY_ROWS,
    TIED,
    WORD_ROWS,
    behaviour,
    fill,
    sizes,
    undefined,
)
from pipeline.records import SPECIAL_ENTITIES
from pipeline.store.manifest import Counts
from pipeline.vocab.entities import EntityVocab
from pipeline.vocab.specials import MARKERS
from pipeline.vocab.words import WordVocab

MAX_POSITIONS = 514
"""RoBERTa's: 512 and the two rows before the first position."""
LAYER_NORM_EPS = 1e-5


@dataclass(frozen=True, slots=True)
class Initial:
    """A model to be trained, and where its weights are from."""

    model: Luke
    """On CPU."""
    told: str | None = None
    """What a LUKE's vocabulary covers, in a line; None where the model does not start from one."""
    counts: Counts = field(default_factory=dict)
    """The same for the account: start.entities_copied + start.entities_new are the entities of the vocabulary,
    start.links_copied + start.links_new its links."""


def initial_model(
    config: ModelConfig,
    *,
    start: str | None,
    words: WordVocab,
    entities: EntityVocab | None,
    language: str | None,
    generator: torch.Generator,
) -> Initial:
    """A model to be trained: from the checkpoint `start` (folder or name), or from nothing where that is None.

    Args:
        words: the tokenizer whose ids the model will read.
        entities: the vocabulary whose ids the model will read; not looked at for a model of words only.
        language: of the dump: a multilingual LUKE's titles are "en:Oslo"; None: they are looked up as they are.
        generator: draws every weight that `start` does not have.

    Raises:
        PipelineError: `start` is neither a RoBERTa nor a LUKE, one for another tokenizer, or its weights do not fit to
            the last one.
    """
    dimensions = dimensions_of(
        start, config, vocab_size=words.size, entity_vocab_size=0 if entities is None else entities.size
    )
    if start is None:
        assert config.body is not None  # dimensions_of saw to it
        model = from_nothing(dimensions, generator, config.body.deviation)
        if config.body.attention_start == "local":
            local_attention(model, config.body.deviation, generator)
        return Initial(model)
    refuse_other_words(start, words)
    model = from_nothing(dimensions, generator)
    if read_config(start).model_type in ROBERTA:
        made = [name for name, _ in model.named_parameters() if name.startswith(ENTITY_PARTS)]
        fill(model, read_weights(start), start, made=made)
        if entities is not None and config.entity_start != "random":
            positions_from_words(model)
        if entities is not None and config.entity_start == "titles":
            entities_from_titles(model, words, entities)
        return Initial(model)
    assert entities is not None  # dimensions_of allows a LUKE for a model with entities only
    return from_luke(model, start, entities, language)


def start_fingerprint(start: str) -> str:
    """What identifies the checkpoint that a model starts from, wherever it lies."""
    return fingerprint(start)


# ---------------------------------------------------------------------------------------------- sizes


def dimensions_of(start: str | None, config: ModelConfig, *, vocab_size: int, entity_vocab_size: int) -> Dimensions:
    """The sizes of a new model: the body's from the checkpoint `start`, or from `config.body` where it is None.

    Args:
        start: a folder or a name on the Hub.
        vocab_size: of the tokenizer whose ids the model will read.
        entity_vocab_size: specials included; not looked at for a model of words only.

    Raises:
        PipelineError: no such checkpoint, none that such a model can start from, or one for another tokenizer.
    """
    if (start is None) == (config.body is None):
        raise PipelineError(
            "The sizes of the model's body come either from a checkpoint or from model.body, and here "
            + ("neither is given" if start is None else f"both are: {start} and model.body={config.body}")
        )
    entities = entity_vocab_size if config.entities else 0
    if config.body is not None:
        return Dimensions(
            vocab_size=vocab_size,
            entity_vocab_size=entities,
            layers=config.body.layers,
            hidden=config.body.hidden,
            heads=config.body.heads,
            intermediate=config.body.intermediate,
            max_positions=MAX_POSITIONS,
            type_vocab_size=1,
            layer_norm_eps=LAYER_NORM_EPS,
            entity_embedding=config.entity_embedding,
            **behaviour(config),
        )
    assert start is not None
    checkpoint = read_config(start, (*ROBERTA, LUKE) if config.entities else ROBERTA)
    appended = 0
    if checkpoint.model_type == LUKE:
        refuse_other_luke(start, checkpoint, config)
        appended = len(MARKERS)
    if checkpoint.vocab_size not in (vocab_size, vocab_size + appended):
        raise PipelineError(
            f"{start} has embeddings for {checkpoint.vocab_size} words, but the tokenizer of vocab/words has "
            f"{vocab_size}: they do not belong together. Adopt the checkpoint's own tokenizer with "
            f"vocab.words.adopt={start}, or start from a checkpoint that was trained with this one."
        )
    return sizes(
        checkpoint,
        vocab_size=vocab_size,
        entity_vocab_size=entities,
        entity_embedding=config.entity_embedding,
        config=config,
    )


def refuse_other_luke(start: str, checkpoint: Any, config: ModelConfig) -> None:
    """Stop where a LUKE is of another kind than the config says."""
    if checkpoint.use_entity_aware_attention and config.attention == "vanilla":
        raise PipelineError(
            f"{start} has entity-aware attention and no meaning without it: set model.attention=entity_aware"
        )
    if checkpoint.entity_emb_size != config.entity_embedding:
        raise PipelineError(
            f"{start} has entity embeddings of width {checkpoint.entity_emb_size}, not {config.entity_embedding}: "
            f"set model.entity_embedding={checkpoint.entity_emb_size}"
        )


def refuse_other_words(start: str, words: WordVocab) -> None:
    """Stop where a token has another id in `start`, as far as a tokenizer lies beside its weights."""
    theirs = read_tokens(start)
    if theirs is None:
        return
    ours = words.tokenizer.get_vocab()
    wrong = sorted((index, token) for token, index in ours.items() if theirs.get(token) != index)
    if wrong:
        index, token = wrong[0]
        raise PipelineError(
            f"{start} has another tokenizer than vocab/words: {len(wrong)} of {len(ours)} tokens have another id there "
            f"or none, the first is {token!r}, {index} here and {theirs.get(token, 'missing')} there. Adopt the "
            f"checkpoint's own tokenizer with vocab.words.adopt={start}."
        )


# ---------------------------------------------------------------------------------------------- weights


def from_nothing(dimensions: Dimensions, generator: torch.Generator, deviation: float = INIT_STD) -> Luke:
    """A model on CPU with all its weights drawn from `generator`, matrices with the standard deviation `deviation`."""
    model = undefined(dimensions)
    model.reset_parameters(generator, deviation)
    return model


def from_luke(model: Luke, start: str, entities: EntityVocab, language: str | None) -> Initial:
    """Fill `model`, whose weights are drawn, from the LUKE `start`.

    Raises:
        PipelineError: its entity vocabulary is none, or has no title of ours; its weights do not fit to the last one.
    """
    checkpoint = read_config(start)
    ours, theirs = matched(start, checkpoint.entity_vocab_size, entities, language)
    drawn = {name: parameter.detach() for name, parameter in model.named_parameters()}
    given = read_weights(start)
    if not checkpoint.use_entity_aware_attention:  # mluke-base-lite has the queries all the same (luke#174)
        given = {name: tensor for name, tensor in given.items() if not ENTITY_QUERY.search(name)}
    for name in given.keys() & {*WORD_ROWS, *ENTITY_ROWS}:
        rows = checkpoint.vocab_size if name in WORD_ROWS else checkpoint.entity_vocab_size
        if len(given[name]) != rows:
            raise PipelineError(f"{start}: {name} has {len(given[name])} rows, but config.json says {rows}")
        if name in WORD_ROWS:
            given[name] = given[name][: model.dimensions.vocab_size]
        else:
            new = drawn[TIED.get(name, name)]
            given[name] = new.index_copy(0, torch.from_numpy(ours), given[name][theirs].to(new.dtype))
    fill(model, given, start, made=[])
    counts = {
        "start.entities_copied": len(ours),
        "start.entities_new": entities.size - len(ours),
        "start.entities_left_out": checkpoint.entity_vocab_size - len(np.unique(theirs)),
        "start.links_copied": int(entities.counts[ours].sum()),
        "start.links_new": int(entities.counts.sum() - entities.counts[ours].sum()),
        "start.words_left_out": checkpoint.vocab_size - model.dimensions.vocab_size,
    }
    return Initial(model, told(start, counts), counts)


def matched(
    start: str, rows: int, entities: EntityVocab, language: str | None
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Ids of the entities that `start` has too, ascending, and their rows there: [n] each.

    Raises:
        PipelineError: there is no vocabulary, or it is not of these rows, of no LUKE, or has no title of ours.
    """
    titles, ids = read_entities(start)
    if int(ids.max(initial=0)) >= rows:
        raise PipelineError(f"{start}: its entity vocabulary goes up to id {ids.max()}, but it has rows for {rows}")
    places = pc.index_in(entities.titles, value_set=titles)
    if language is not None:
        keys = pc.binary_join_element_wise(language, entities.titles, ":")
        places = pc.coalesce(places, pc.index_in(keys, value_set=titles))
    found = places.is_valid().to_numpy(zero_copy_only=False)
    absent = [special for special, is_there in zip(SPECIAL_ENTITIES, found, strict=False) if not is_there]
    if absent:
        raise PipelineError(f"{start}: its entity vocabulary is none of a LUKE, {' '.join(absent)} is not in it")
    others = len(SPECIAL_ENTITIES) + 1  # its specials, [MASK2] among them; a checkpoint may have no more than these
    if not found[len(SPECIAL_ENTITIES) :].any() and entities.size > len(SPECIAL_ENTITIES) and len(titles) > others:
        raise PipelineError(
            f"{start}: no title of vocab/entities.parquet, such as {entities.title(len(SPECIAL_ENTITIES))!r}, is in "
            f"its entity vocabulary, which has titles such as {titles[others].as_py()!r} "
            f"(the dump's language is {language})"
        )
    return np.flatnonzero(found), ids[places.drop_null().to_numpy()]


def told(start: str, counts: Counts) -> str:
    """The coverage as a line for the terminal; specials are not counted as titles."""
    found, new = counts["start.entities_copied"] - len(SPECIAL_ENTITIES), counts["start.entities_new"]
    links = counts["start.links_copied"] + counts["start.links_new"]
    left_out = f"{counts['start.entities_left_out']:,} entities"
    if counts["start.words_left_out"]:
        left_out += f" and the words {' '.join(MARKERS)}"
    return (
        f"from the LUKE {start}: titles found: {found:,} of {found + new:,}, with "
        f"{counts['start.links_copied'] / max(links, 1):.1%} of {links:,} links; new: {new:,}; left out: {left_out}"
    )
