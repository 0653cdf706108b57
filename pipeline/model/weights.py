"""Weights from and to transformers' format, by strict copies; start.py makes of them what a training begins with.

Our parameters have LukeForMaskedLM's names, so a conversion is a copy under the same or a renamed prefix. It is strict:
a weight that is missing, left over, tied to something else or of another shape stops it, by name. What a checkpoint may
hold beyond our parameters is listed here and nowhere else:

- position_ids, buffers that old versions of transformers saved;
- a pooler, which no pretraining loss reaches;
- decoders, equal to the embeddings that they are tied to.

Only the entity-aware queries are made where a checkpoint has none: w2e_query, e2w_query and e2e_query are copies of
query, and the model computes what the vanilla one does.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from transformers import LukeConfig, RobertaConfig

from pipeline.errors import PipelineError
from pipeline.model.config import Attention, ModelConfig
from pipeline.model.dimensions import INIT_STD, WORD_PAD, Dimensions
from pipeline.model.hf_checkpoint import LUKE, ROBERTA, State, read_config, read_weights
from pipeline.model.luke import Luke
from pipeline.store.files import read_json, write_json

LEFTOVERS = re.compile(r"luke\.(entity_)?embeddings\.position_ids|luke\.pooler\.dense\.(weight|bias)")
TIED = {
    "lm_head.decoder.weight": "luke.embeddings.word_embeddings.weight",
    "lm_head.decoder.bias": "lm_head.bias",
    "entity_predictions.decoder.weight": "luke.entity_embeddings.entity_embeddings.weight",
}
DRAWN = " (transformers 5 draws it anew when it opens a LUKE without it: convert the file itself)"
"""What the commonest untied decoder comes from."""
ENTITY_QUERY = re.compile(r"(w2e|e2w|e2e)_query")
ENTITY_PARTS = ("luke.entity_embeddings.", "entity_predictions.")
WORD_ROWS = (
    "luke.embeddings.word_embeddings.weight", "lm_head.decoder.weight", "lm_head.bias", "lm_head.decoder.bias",
)  # fmt: skip
ENTITY_ROWS = (
    "luke.entity_embeddings.entity_embeddings.weight", "entity_predictions.decoder.weight", "entity_predictions.bias",
)  # fmt: skip
"""Tensors with one row per word or entity, in transformers' LUKE; ours have the first of them and the bias."""
DIMENSIONS, WEIGHTS = "dimensions.json", "model.safetensors"
"""Our own format: what `save_model` writes."""


# ---------------------------------------------------------------------------------------------- reading


def from_transformers(source: str, config: ModelConfig) -> Luke:
    """A LUKE (or with `config.entities` false a RoBERTa) as it is saved in `source`, a folder or a name.

    Sizes are the checkpoint's. With `config.attention=entity_aware` a vanilla LUKE gets copies of its queries.

    Raises:
        PipelineError: it is another kind of model, or a weight is missing, left over or of another shape.
    """
    checkpoint = read_config(source, (LUKE,) if config.entities else ROBERTA)
    model = undefined(
        sizes(
            checkpoint,
            vocab_size=checkpoint.vocab_size,
            entity_vocab_size=checkpoint.entity_vocab_size if config.entities else 0,
            entity_embedding=checkpoint.entity_emb_size if config.entities else config.entity_embedding,
            config=config,
        )
    )
    fill(model, read_weights(source), source, made=[])
    return model


def undefined(dimensions: Dimensions) -> Luke:
    """A model on CPU whose weights have no values yet; making it costs no random numbers."""
    return shapes(dimensions).to_empty(device="cpu")


def shapes(dimensions: Dimensions) -> Luke:
    """A model of shapes alone, on the meta device: made in no time and no memory, to be counted and named."""
    with torch.device("meta"):
        return Luke(dimensions)


def behaviour(config: ModelConfig) -> dict[str, Any]:
    """What a model takes from its config wherever its sizes come from."""
    return {
        "attention": config.attention,
        "dropout": config.dropout,
        "attention_dropout": config.attention_dropout,
        "backend": config.backend,
        "gradient_checkpointing": config.gradient_checkpointing,
        "logits_bytes": config.logits_bytes,
    }


def sizes(
    checkpoint: Any, *, vocab_size: int, entity_vocab_size: int, entity_embedding: int, config: ModelConfig
) -> Dimensions:
    """The body's sizes from the checkpoint's config, the vocabularies' as they are given."""
    return Dimensions(
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
        **behaviour(config),
    )


# ---------------------------------------------------------------------------------------------- strict copy


@torch.no_grad()
def fill(model: Luke, given: State, source: str, made: Iterable[str]) -> None:
    """Copy every weight of `given` into `model`; the parameters `made` may keep what they have.

    Raises:
        PipelineError: what does not fit, each weight by its name (with the prefix `luke.`, whatever it was).
    """
    tensors, problems = untied(given)
    parameters = dict(model.named_parameters())
    for name in parameters:
        if name not in tensors and ENTITY_QUERY.search(name):
            original = tensors.get(ENTITY_QUERY.sub("query", name))
            if original is not None:
                tensors[name] = original
    kept = set(made)
    for name in sorted(parameters.keys() - tensors.keys() - kept):
        problems.append(f"missing: {name}")
    for name in sorted(tensors.keys() - parameters.keys()):
        if not LEFTOVERS.fullmatch(name):
            problems.append(f"left over: {name}")
    for name in sorted(parameters.keys() & tensors.keys()):
        found, wanted = tuple(tensors[name].shape), tuple(parameters[name].shape)
        if found != wanted:
            problems.append(f"of another shape: {name} is {list(found)}, not {list(wanted)}")
    if problems:
        raise PipelineError(
            f"The weights of {source} do not fit a {kind_of(model)}:\n"
            + "\n".join(f"  {problem}" for problem in problems)
            + "\nA whole checkpoint of a masked language model, head included, is needed."
        )
    for name in parameters.keys() & tensors.keys():
        parameters[name].copy_(tensors[name])


def untied(given: State) -> tuple[State, list[str]]:
    """`given` with each tied weight under its one name, and a line for each that differs from its twin."""
    tensors, problems = dict(given), []
    for twin, name in TIED.items():
        if twin in tensors:
            value = tensors.pop(twin)
            if not torch.equal(tensors.setdefault(name, value), value):
                problems.append(f"not tied: {twin} differs from {name}" + DRAWN * (twin == "lm_head.decoder.weight"))
    return tensors, problems


def kind_of(model: Luke) -> str:
    dims = model.dimensions
    name = "LUKE" if dims.entity_vocab_size else "RoBERTa"
    return f"{name} ({dims.layers} layers x {dims.hidden}, {dims.attention} attention)"


# ---------------------------------------------------------------------------------------------- writing


def to_transformers(model: Luke, *, attention: Attention) -> tuple[State, Any]:
    """The state dict (on CPU, sharing no memory with the model) and the config of a LukeForMaskedLM, or, for a model of
    words only, of a RobertaForMaskedLM.

    Args:
        attention: of the result; a vanilla model written as an entity-aware one gets copies of its queries.

    Raises:
        PipelineError: a model with entity-aware attention is to become a vanilla one.
    """
    dims = model.dimensions
    config = transformers_config(dims, attention=attention)
    state = {name: tensor.detach().cpu().clone() for name, tensor in model.named_parameters()}
    if not dims.entity_vocab_size:
        return {re.sub(r"^luke\.", "roberta.", name): tensor for name, tensor in state.items()}, config
    # The library ties the entity decoder but not the word decoder: a file without it opens with a random one.
    state["lm_head.decoder.weight"] = state["luke.embeddings.word_embeddings.weight"].clone()
    state["lm_head.decoder.bias"] = state["lm_head.bias"].clone()
    # No pretraining loss reaches the pooler, and a file without it opens with a random one: tanh(1 * hidden) it is.
    state["luke.pooler.dense.weight"] = torch.eye(dims.hidden)
    state["luke.pooler.dense.bias"] = torch.zeros(dims.hidden)
    if attention == "entity_aware" and not dims.entity_aware:
        for name in [name for name in state if ".attention.self.query." in name]:
            for pair in ("w2e_query", "e2w_query", "e2e_query"):
                state[name.replace(".query.", f".{pair}.")] = state[name].clone()
    return state, config


def transformers_config(dims: Dimensions, *, attention: Attention) -> Any:
    """The config that `to_transformers` gives a model of these dimensions.

    Raises:
        PipelineError: a model with entity-aware attention is to become a vanilla one.
    """
    if not dims.entity_vocab_size:
        return RobertaConfig(**shared_config(dims), architectures=["RobertaForMaskedLM"])
    if dims.entity_aware and attention == "vanilla":
        raise PipelineError(
            "This model was trained with entity-aware attention and has no meaning without it: "
            "export.attention must be entity_aware"
        )
    return LukeConfig(
        **shared_config(dims),
        entity_vocab_size=dims.entity_vocab_size,
        entity_emb_size=dims.entity_embedding,
        use_entity_aware_attention=attention == "entity_aware",
        architectures=["LukeForMaskedLM"],
    )


def save_model(model: Luke, folder: Path) -> None:
    """Write the model as it is, in our own format: its dimensions and its weights."""
    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / DIMENSIONS, asdict(model.dimensions))
    save_file({name: tensor.detach().cpu().contiguous() for name, tensor in model.named_parameters()}, folder / WEIGHTS)


def load_model(folder: Path) -> Luke:
    """What `save_model` wrote, on CPU."""
    model = undefined(Dimensions(**read_json(folder / DIMENSIONS)))
    fill(model, load_file(folder / WEIGHTS), str(folder), made=[])
    return model


def shared_config(dims: Dimensions) -> dict[str, Any]:
    """Every value that the two configs share, none left to the library's defaults, which are not RoBERTa's."""
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
        "bos_token_id": 0,
        "pad_token_id": WORD_PAD,
        "eos_token_id": 2,
        "dtype": "float32",
    }
