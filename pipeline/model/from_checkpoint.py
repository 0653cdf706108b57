"""The initial model of a training run: random, from a RoBERTa, or from a LUKE.

The inputs are the config, the checkpoint it names, and the vocabularies whose ids the model will read. The result is a
model on the CPU, and counts of the checkpoint's rows that were used, for the terminal and the manifest.

- Random: every weight is drawn from the generator.
- From a RoBERTa: word embeddings, body and head are copied. w2e_query, e2w_query and e2e_query are copies of query, so
  the attention of the first step is RoBERTa's. The entity parts are drawn.
- From a LUKE, published or exported by this project: everything is copied, entity rows by title. A title that the
  checkpoint does not have keeps a random row, as when starting from a RoBERTa. Not copied are rows of titles that are
  not in vocab/entities.parquet, and the rows that are there for fine-tuning: the tokens `<ent>` and `<ent2>`, the
  entity [MASK2].

Titles are matched as Arrow arrays. With 500,000 titles on both sides, as in luke-base, this takes 7 CPU seconds in all
(3 to draw, 1 to parse the titles, 1 to match them) and at most 3 GB of memory; the model keeps 1.1 GB of it.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pyarrow.compute as pc
import torch
from numpy.typing import NDArray
from transformers import PretrainedConfig

from pipeline.errors import PipelineError
from pipeline.model.config import ModelConfig
from pipeline.model.dimensions import INIT_STD, Dimensions
from pipeline.model.from_transformers import read_luke_weights
from pipeline.model.hf_checkpoint import LUKE, ROBERTA, read_config, read_entity_vocab, read_token_ids, read_weights
from pipeline.model.initialization import (
    copy_word_positions,
    initialize_entities_from_titles,
    initialize_local_attention,
)
from pipeline.model.luke import Luke, is_entity_parameter
from pipeline.model.weights import (
    ENTITY_ROW_TENSORS,
    TIED_TENSORS,
    WORD_ROW_TENSORS,
    dimensions_from_checkpoint,
    empty_model,
    load_strict,
    partial_dimensions,
)
from pipeline.records import SPECIAL_ENTITIES
from pipeline.store.manifest import Counts
from pipeline.vocab.entities import FIRST_TITLE, EntityVocab
from pipeline.vocab.specials import ENTITY_MARKERS
from pipeline.vocab.words import WordVocab

MAX_POSITIONS = 514
"""Rows of RoBERTa's position table: 512 positions, and two rows before the first."""
LAYER_NORM_EPS = 1e-5
"""RoBERTa's."""


@dataclass(frozen=True, slots=True)
class InitialModel:
    """A model before its first training step, and the origin of its entity rows."""

    model: Luke
    """The model, on the CPU."""
    coverage: str | None = None
    """One line on how many entities were copied; None unless the model starts from a LUKE."""
    counts: Counts = field(default_factory=dict)
    """The same as counts for the manifest. start.entities_copied + start.entities_new are all entities of the
    vocabulary, start.links_copied + start.links_new all of its links."""


def make_initial_model(
    config: ModelConfig,
    *,
    init_from: str | None,
    words: WordVocab,
    entities: EntityVocab | None,
    language: str | None,
    generator: torch.Generator,
) -> InitialModel:
    """Return the model that a training run starts with.

    Args:
        init_from: a checkpoint, as a folder or as a name on the Hub; None for random weights.
        words: the tokenizer whose ids the model will read.
        entities: the vocabulary whose ids the model will read; ignored for a words-only model.
        language: language of the dump, for a multilingual LUKE with titles such as "en:Oslo"; None to look up titles
            without a prefix only.
        generator: draws every weight that the checkpoint does not have.

    Raises:
        PipelineError: the checkpoint is neither a RoBERTa nor a LUKE, uses a different tokenizer, or has missing, extra
            or misshapen weights.
    """
    dimensions = resolve_dimensions(
        init_from, config, vocab_size=words.size, entity_vocab_size=0 if entities is None else entities.size
    )
    if init_from is None:
        assert config.body is not None  # checked by resolve_dimensions
        model = random_model(dimensions, generator, config.body.initializer_range)
        if config.body.attention_init == "local":
            initialize_local_attention(model, config.body.initializer_range, generator)
        return InitialModel(model)
    refuse_other_tokenizer(init_from, words)
    model = random_model(dimensions, generator)
    if read_config(init_from).model_type in ROBERTA:
        entity_parameters = [name for name, _ in model.named_parameters() if is_entity_parameter(name)]
        load_strict(model, read_weights(init_from), init_from, may_be_missing=entity_parameters)
        if entities is not None and config.entity_init != "random":
            copy_word_positions(model)
        if entities is not None and config.entity_init == "titles":
            initialize_entities_from_titles(model, words, entities)
        return InitialModel(model)
    assert entities is not None  # resolve_dimensions accepts a LUKE only for a model with entities
    return copy_luke(model, init_from, entities, language)


# ---------------------------------------------------------------------------------------------- sizes


def resolve_dimensions(
    init_from: str | None, config: ModelConfig, *, vocab_size: int, entity_vocab_size: int
) -> Dimensions:
    """Return the sizes of a new model: the body's from the checkpoint `init_from`, or from `config.body` without one.

    Args:
        init_from: a folder or a name on the Hub.
        vocab_size: number of tokens of the tokenizer whose ids the model will read.
        entity_vocab_size: number of entities, special ones included; ignored for a words-only model.

    Raises:
        PipelineError: the checkpoint does not exist, is of an unsupported type, or does not fit the config or the
            tokenizer.
    """
    if (init_from is None) == (config.body is None):
        raise PipelineError(
            "The sizes of the model come either from a checkpoint (pretrain.init_from) or from model.body, but "
            + ("neither is given" if init_from is None else f"both are given: {init_from} and model.body={config.body}")
        )
    entities = entity_vocab_size if config.entities else 0
    if config.body is not None:
        return partial_dimensions(config)(
            vocab_size=vocab_size,
            entity_vocab_size=entities,
            layers=config.body.num_hidden_layers,
            hidden=config.body.hidden_size,
            heads=config.body.num_attention_heads,
            intermediate=config.body.intermediate_size,
            max_positions=MAX_POSITIONS,
            type_vocab_size=1,
            layer_norm_eps=LAYER_NORM_EPS,
            entity_embedding=config.entity_emb_size,
        )
    assert init_from is not None
    checkpoint = read_config(init_from, (*ROBERTA, LUKE) if config.entities else ROBERTA)
    appended = 0
    if checkpoint.model_type == LUKE:
        refuse_incompatible_luke(init_from, checkpoint, config)
        appended = len(ENTITY_MARKERS)
    if checkpoint.vocab_size not in (vocab_size, vocab_size + appended):
        raise PipelineError(
            f"{init_from} has embeddings for {checkpoint.vocab_size} tokens, but the tokenizer in vocab/words has "
            f"{vocab_size}: they do not belong together. Use the checkpoint's own tokenizer with "
            f"vocab.tokenizer.pretrained={init_from}, or start from a checkpoint that was trained with this tokenizer."
        )
    return dimensions_from_checkpoint(
        checkpoint,
        vocab_size=vocab_size,
        entity_vocab_size=entities,
        entity_embedding=config.entity_emb_size,
        config=config,
    )


def refuse_incompatible_luke(init_from: str, checkpoint: PretrainedConfig, config: ModelConfig) -> None:
    """Raise PipelineError if a LUKE's attention or entity width differs from the config."""
    if checkpoint.use_entity_aware_attention and config.attention == "vanilla":
        raise PipelineError(
            f"{init_from} was trained with entity-aware attention and does not work with vanilla attention: "
            f"set model.attention=entity_aware"
        )
    if checkpoint.entity_emb_size != config.entity_emb_size:
        raise PipelineError(
            f"{init_from} has entity embeddings of width {checkpoint.entity_emb_size}, not {config.entity_emb_size}: "
            f"set model.entity_emb_size={checkpoint.entity_emb_size}"
        )


def refuse_other_tokenizer(init_from: str, words: WordVocab) -> None:
    """Raise PipelineError if a token has another id in the tokenizer that is stored with the checkpoint.

    A checkpoint without a tokenizer passes.
    """
    theirs = read_token_ids(init_from)
    if theirs is None:
        return
    ours = words.tokenizer.get_vocab()
    wrong = sorted((index, token) for token, index in ours.items() if theirs.get(token) != index)
    if wrong:
        index, token = wrong[0]
        raise PipelineError(
            f"{init_from} has another tokenizer than vocab/words: {len(wrong)} of {len(ours)} tokens have another id "
            f"or none in the checkpoint. The first is {token!r}: {index} in vocab/words, "
            f"{theirs.get(token, 'missing')} in the checkpoint. Use the checkpoint's own tokenizer with "
            f"vocab.tokenizer.pretrained={init_from}."
        )


# ---------------------------------------------------------------------------------------------- weights


def random_model(dimensions: Dimensions, generator: torch.Generator, std: float = INIT_STD) -> Luke:
    """Return a model on the CPU with all weights drawn from `generator`, matrices with the standard deviation `std`."""
    model = empty_model(dimensions)
    model.reset_parameters(generator, std)
    return model


def copy_luke(model: Luke, init_from: str, entities: EntityVocab, language: str | None) -> InitialModel:
    """Copy the weights of the LUKE `init_from` into `model`, which has random weights.

    Raises:
        PipelineError: its entity vocabulary is invalid or has none of our titles, or its weights are missing, extra or
            misshapen.
    """
    checkpoint = read_config(init_from)
    ours, theirs = match_entities(init_from, checkpoint.entity_vocab_size, entities, language)
    random = {name: parameter.detach() for name, parameter in model.named_parameters()}
    weights = read_luke_weights(init_from, checkpoint)
    for name in weights.keys() & {*WORD_ROW_TENSORS, *ENTITY_ROW_TENSORS}:
        rows = checkpoint.vocab_size if name in WORD_ROW_TENSORS else checkpoint.entity_vocab_size
        if len(weights[name]) != rows:
            raise PipelineError(
                f"{init_from}: {name} has {len(weights[name])} rows, but by its config.json there must be {rows}"
            )
        if name in WORD_ROW_TENSORS:
            weights[name] = weights[name][: model.dimensions.vocab_size]
        else:
            new = random[TIED_TENSORS.get(name, name)]
            weights[name] = new.index_copy(0, torch.from_numpy(ours), weights[name][theirs].to(new.dtype))
    load_strict(model, weights, init_from, may_be_missing=[])
    counts = {
        "start.entities_copied": len(ours),
        "start.entities_new": entities.size - len(ours),
        "start.entities_left_out": checkpoint.entity_vocab_size - len(np.unique(theirs)),
        "start.links_copied": int(entities.counts[ours].sum()),
        "start.links_new": int(entities.counts.sum() - entities.counts[ours].sum()),
        "start.words_left_out": checkpoint.vocab_size - model.dimensions.vocab_size,
    }
    return InitialModel(model, coverage_line(init_from, counts), counts)


def match_entities(
    init_from: str, rows: int, entities: EntityVocab, language: str | None
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the ids of our entities that the checkpoint also has, ascending, and their rows there: [n] each.

    Args:
        rows: number of the checkpoint's entity embeddings.

    Raises:
        PipelineError: the checkpoint has no entity vocabulary, or one with ids outside of `rows`, without LUKE's
            special entities, or without any of our titles.
    """
    titles, ids = read_entity_vocab(init_from)
    if int(ids.max(initial=0)) >= rows:
        raise PipelineError(
            f"{init_from}: the ids of its entity vocabulary go up to {ids.max()}, but it has only {rows} entity "
            f"embeddings"
        )
    indices = pc.index_in(entities.titles, value_set=titles)
    if language is not None:
        prefixed = pc.binary_join_element_wise(language, entities.titles, ":")
        indices = pc.coalesce(indices, pc.index_in(prefixed, value_set=titles))
    found = indices.is_valid().to_numpy(zero_copy_only=False)
    absent = [special for special, is_there in zip(SPECIAL_ENTITIES, found, strict=False) if not is_there]
    if absent:
        raise PipelineError(
            f"{init_from}: its entity vocabulary is not a LUKE's, because it does not contain {' '.join(absent)}"
        )
    special_count = FIRST_TITLE + 1  # the checkpoint's special entities, [MASK2] included; it may have no others
    if not found[FIRST_TITLE:].any() and entities.size > FIRST_TITLE and len(titles) > special_count:
        raise PipelineError(
            f"{init_from}: its entity vocabulary contains no title of vocab/entities.parquet. Our titles are like "
            f"{entities.title(FIRST_TITLE)!r}, its titles like {titles[special_count].as_py()!r} "
            f"(the language of the dump is {language})"
        )
    return np.flatnonzero(found), ids[indices.drop_null().to_numpy()]


def coverage_line(init_from: str, counts: Counts) -> str:
    """Return one line for the terminal on how many entities were copied; special entities do not count as titles."""
    found, new = counts["start.entities_copied"] - FIRST_TITLE, counts["start.entities_new"]
    links = counts["start.links_copied"] + counts["start.links_new"]
    left_out = f"{counts['start.entities_left_out']:,} entities"
    if counts["start.words_left_out"]:
        left_out += f" and the tokens {' '.join(ENTITY_MARKERS)}"
    return (
        f"from the LUKE {init_from}: titles found: {found:,} of {found + new:,}, with "
        f"{counts['start.links_copied'] / max(links, 1):.1%} of {links:,} links; new: {new:,}; left out: {left_out}"
    )
