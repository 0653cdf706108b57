"""Weights from and to transformers' format, by strict copies; from_checkpoint.py builds initial models from them.

Our parameters have the names of LukeForMaskedLM, so a conversion copies tensors under the same name or with another
prefix. It is strict: a weight that is missing, unexpected, misshapen or not tied raises an error with its name. Only
this module knows which other tensors a checkpoint may hold:

- position_ids, buffers that old versions of transformers saved;
- a pooler, which no pretraining loss reaches;
- decoders, equal to the embeddings that they are tied to.

The entity-aware queries are the only weights that a checkpoint may lack: w2e_query, e2w_query and e2e_query are then
copies of query, and the model computes the same as the vanilla model.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import asdict
from functools import partial
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from transformers import LukeConfig, PretrainedConfig, RobertaConfig

from pipeline.errors import PipelineError
from pipeline.model.config import Attention, ModelConfig
from pipeline.model.dimensions import INIT_STD, Dimensions
from pipeline.model.hf_checkpoint import StateDict
from pipeline.model.luke import Luke
from pipeline.store.files import read_json, write_json
from pipeline.vocab.specials import BOS_ID, EOS_ID, PAD_ID

IGNORED_TENSORS = re.compile(r"luke\.(entity_)?embeddings\.position_ids|luke\.pooler\.dense\.(weight|bias)")
"""Tensors of a checkpoint that have no counterpart in our model."""
TIED_TENSORS = {
    "lm_head.decoder.weight": "luke.embeddings.word_embeddings.weight",
    "lm_head.decoder.bias": "lm_head.bias",
    "entity_predictions.decoder.weight": "luke.entity_embeddings.entity_embeddings.weight",
}
"""Decoder tensor -> the tensor it must equal, which is ours."""
UNTIED_HINT = (
    " (transformers 5 initialises it randomly when it loads a LUKE without one: "
    "convert the original file instead of loading and saving the model)"
)
"""The most common cause of a word decoder that differs from the embeddings."""
ENTITY_QUERY = re.compile(r"(w2e|e2w|e2e)_query")
WORD_ROW_TENSORS = (
    "luke.embeddings.word_embeddings.weight", "lm_head.decoder.weight", "lm_head.bias", "lm_head.decoder.bias",
)  # fmt: skip
"""Tensors of transformers' LUKE with one row per token."""
ENTITY_ROW_TENSORS = (
    "luke.entity_embeddings.entity_embeddings.weight", "entity_predictions.decoder.weight", "entity_predictions.bias",
)  # fmt: skip
"""Tensors of transformers' LUKE with one row per entity."""
DIMENSIONS_FILE, WEIGHTS_FILE = "dimensions.json", "model.safetensors"
"""The files of our own format, which `save_model` writes."""


# ---------------------------------------------------------------------------------------------- models without weights


def empty_model(dimensions: Dimensions) -> Luke:
    """Return a model on the CPU with uninitialised weights, without drawing random numbers."""
    return meta_model(dimensions).to_empty(device="cpu")


def meta_model(dimensions: Dimensions) -> Luke:
    """Return a model on the meta device, which has parameter names and shapes but no memory."""
    with torch.device("meta"):
        return Luke(dimensions)


def partial_dimensions(config: ModelConfig) -> partial[Dimensions]:
    """Return Dimensions with the settings that always come from the config; the caller adds the sizes."""
    return partial(
        Dimensions,
        attention=config.attention,
        dropout=config.dropout,
        attention_dropout=config.attention_dropout,
        backend=config.backend,
        gradient_checkpointing=config.gradient_checkpointing,
        logits_bytes=config.max_logits_bytes,
    )


def dimensions_from_checkpoint(
    checkpoint: PretrainedConfig, *, vocab_size: int, entity_vocab_size: int, entity_embedding: int, config: ModelConfig
) -> Dimensions:
    """Return the body's sizes from a checkpoint's config, with the given sizes of the vocabularies."""
    return partial_dimensions(config)(
        vocab_size=vocab_size,
        entity_vocab_size=entity_vocab_size,
        layers=checkpoint.num_hidden_layers,
        hidden=checkpoint.hidden_size,
        heads=checkpoint.num_attention_heads,
        intermediate=checkpoint.intermediate_size,
        max_positions=checkpoint.max_position_embeddings,
        type_vocab_size=checkpoint.type_vocab_size,
        layer_norm_eps=checkpoint.layer_norm_eps,
        entity_embedding=entity_embedding,
    )


# ---------------------------------------------------------------------------------------------- strict copy


@torch.no_grad()
def load_strict(model: Luke, weights: StateDict, source: str, *, may_be_missing: Collection[str]) -> None:
    """Copy `weights` into `model`; the parameters `may_be_missing` keep their values if `weights` lacks them.

    Args:
        source: the checkpoint's name, for the message.

    Raises:
        PipelineError: weights are missing, unexpected, misshapen or not tied. The message lists their names, with the
            prefix `luke.` for the body, regardless of the prefix in the checkpoint.
    """
    tensors, problems = untie(weights)
    parameters = dict(model.named_parameters())
    for name in parameters:
        if name not in tensors and ENTITY_QUERY.search(name):
            query = tensors.get(ENTITY_QUERY.sub("query", name))
            if query is not None:
                tensors[name] = query
    for name in sorted(parameters.keys() - tensors.keys() - set(may_be_missing)):
        problems.append(f"missing: {name}")
    for name in sorted(tensors.keys() - parameters.keys()):
        if not IGNORED_TENSORS.fullmatch(name):
            problems.append(f"unexpected: {name}")
    for name in sorted(parameters.keys() & tensors.keys()):
        found, expected = tuple(tensors[name].shape), tuple(parameters[name].shape)
        if found != expected:
            problems.append(f"misshapen: {name} is {list(found)}, not {list(expected)}")
    if problems:
        raise PipelineError(
            f"The weights of {source} do not fit a {describe_model(model)}:\n"
            + "\n".join(f"  {problem}" for problem in problems)
            + "\nUse a complete checkpoint of a masked language model, including its head."
        )
    for name in parameters.keys() & tensors.keys():
        parameters[name].copy_(tensors[name])


def untie(weights: StateDict) -> tuple[StateDict, list[str]]:
    """Return `weights` without the decoders that equal another tensor, and a message for each that differs from it."""
    tensors, problems = dict(weights), []
    for decoder, name in TIED_TENSORS.items():
        if decoder in tensors:
            value = tensors.pop(decoder)
            if not torch.equal(tensors.setdefault(name, value), value):
                hint = UNTIED_HINT if decoder == "lm_head.decoder.weight" else ""
                problems.append(f"not tied: {decoder} differs from {name}{hint}")
    return tensors, problems


def describe_model(model: Luke) -> str:
    """Return the model's type and sizes for a message."""
    dims = model.dimensions
    name = "LUKE" if dims.entity_vocab_size else "RoBERTa"
    return f"{name} ({dims.layers} layers x {dims.hidden}, {dims.attention} attention)"


# ---------------------------------------------------------------------------------------------- writing


def to_transformers(model: Luke, *, attention: Attention) -> tuple[StateDict, PretrainedConfig]:
    """Return the state dict and the config of a LukeForMaskedLM, or of a RobertaForMaskedLM for a words-only model.

    The tensors are on the CPU and share no memory with the model.

    Args:
        attention: attention of the result; a vanilla model exported as entity-aware gets copies of its queries.

    Raises:
        PipelineError: the model has entity-aware attention and `attention` is vanilla.
    """
    dims = model.dimensions
    config = transformers_config(dims, attention=attention)
    state = {name: tensor.detach().cpu().clone() for name, tensor in model.named_parameters()}
    if not dims.entity_vocab_size:
        return {re.sub(r"^luke\.", "roberta.", name): tensor for name, tensor in state.items()}, config
    # transformers ties the entity decoder but not the word decoder: without it, loading would draw a random one.
    state["lm_head.decoder.weight"] = state["luke.embeddings.word_embeddings.weight"].clone()
    state["lm_head.decoder.bias"] = state["lm_head.bias"].clone()
    # No pretraining loss trains the pooler, and without it loading would draw a random one; this one is tanh(hidden).
    state["luke.pooler.dense.weight"] = torch.eye(dims.hidden)
    state["luke.pooler.dense.bias"] = torch.zeros(dims.hidden)
    if attention == "entity_aware" and not dims.entity_aware:
        for name in [name for name in state if ".attention.self.query." in name]:
            for pair in ("w2e_query", "e2w_query", "e2e_query"):
                state[name.replace(".query.", f".{pair}.")] = state[name].clone()
    return state, config


def transformers_config(dims: Dimensions, *, attention: Attention) -> PretrainedConfig:
    """Return the config that `to_transformers` returns for a model of these dimensions.

    Raises:
        PipelineError: the model has entity-aware attention and `attention` is vanilla.
    """
    if not dims.entity_vocab_size:
        return RobertaConfig(**shared_config_values(dims), architectures=["RobertaForMaskedLM"])
    if dims.entity_aware and attention == "vanilla":
        raise PipelineError(
            "This model was trained with entity-aware attention and does not work with vanilla attention: "
            "set export.attention=entity_aware"
        )
    return LukeConfig(
        **shared_config_values(dims),
        entity_vocab_size=dims.entity_vocab_size,
        entity_emb_size=dims.entity_embedding,
        use_entity_aware_attention=attention == "entity_aware",
        architectures=["LukeForMaskedLM"],
    )


def save_model(model: Luke, folder: Path) -> None:
    """Write the model's dimensions and weights into `folder`, in our own format."""
    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / DIMENSIONS_FILE, asdict(model.dimensions))
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in model.named_parameters()}
    save_file(tensors, folder / WEIGHTS_FILE)


def load_model(folder: Path) -> Luke:
    """Read a model that `save_model` wrote; it is on the CPU."""
    model = empty_model(Dimensions(**read_json(folder / DIMENSIONS_FILE)))
    load_strict(model, load_file(folder / WEIGHTS_FILE), str(folder), may_be_missing=[])
    return model


def shared_config_values(dims: Dimensions) -> dict[str, str | int | float]:
    """Return the values that LukeConfig and RobertaConfig share.

    None is left to transformers' defaults, which are not RoBERTa's.
    """
    return {
        "vocab_size": dims.vocab_size,
        "hidden_size": dims.hidden,
        "num_hidden_layers": dims.layers,
        "num_attention_heads": dims.heads,
        "intermediate_size": dims.intermediate,
        "hidden_act": "gelu",
        "hidden_dropout_prob": dims.dropout,
        "attention_probs_dropout_prob": dims.attention_dropout,
        "max_position_embeddings": dims.max_positions,
        "type_vocab_size": dims.type_vocab_size,
        "initializer_range": INIT_STD,
        "layer_norm_eps": dims.layer_norm_eps,
        "bos_token_id": BOS_ID,
        "pad_token_id": PAD_ID,
        "eos_token_id": EOS_ID,
        "dtype": "float32",
    }
