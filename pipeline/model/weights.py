"""Weights from and to transformers' format: RoBERTa -> LUKE, LUKE <-> transformers.

Our parameters have LukeForMaskedLM's names, so a conversion is a copy under the same or a renamed prefix. It is strict:
a weight that is missing, left over, tied to something else or of another shape stops it, by name. What a checkpoint may
hold beyond our parameters is listed here and nowhere else:

- position_ids, buffers that old versions of transformers saved;
- a pooler, which no pretraining loss reaches;
- decoders, equal to the embeddings that they are tied to.

What LUKE has beyond RoBERTa is made: w2e_query, e2w_query and e2e_query are copies of query, so that the first step's
attention is RoBERTa's; the entity parts are drawn from the generator. Only safetensors are read: nothing that is loaded
can execute.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch
from huggingface_hub import hf_hub_download
from huggingface_hub.errors import EntryNotFoundError, HFValidationError, LocalEntryNotFoundError
from safetensors.torch import load_file, save_file
from torch import Tensor
from transformers import CONFIG_MAPPING, LukeConfig, RobertaConfig

from pipeline.errors import PipelineError
from pipeline.model.config import ModelConfig
from pipeline.model.luke import INIT_STD, WORD_PAD, Dimensions, Luke

ROBERTA = ("roberta", "xlm-roberta")
"""Model types with RoBERTa's weights, names and position ids."""
LEFTOVERS = re.compile(r"luke\.(entity_)?embeddings\.position_ids|luke\.pooler\.dense\.(weight|bias)")
TIED = {
    "lm_head.decoder.weight": "luke.embeddings.word_embeddings.weight",
    "lm_head.decoder.bias": "lm_head.bias",
    "entity_predictions.decoder.weight": "luke.entity_embeddings.entity_embeddings.weight",
}
ENTITY_QUERY = re.compile(r"(w2e|e2w|e2e)_query")
ENTITY_PARTS = ("luke.entity_embeddings.", "entity_predictions.")
MAX_POSITIONS = 514
"""RoBERTa's: 512 and the two rows before the first position."""
LAYER_NORM_EPS = 1e-5

State = dict[str, Tensor]


# ---------------------------------------------------------------------------------------------- making a model


def dimensions_of(
    source: str | None, config: ModelConfig, *, word_vocab_size: int, entity_vocab_size: int
) -> Dimensions:
    """The sizes of a new model: the body's from the RoBERTa `source`, or from `config.body` where it is None.

    Args:
        source: a folder or a name on the Hub.
        word_vocab_size: of the tokenizer whose ids the model will read.
        entity_vocab_size: specials included; not looked at for a model of words only.

    Raises:
        PipelineError: no such checkpoint, not a RoBERTa, or one for another tokenizer.
    """
    if (source is None) == (config.body is None):
        raise PipelineError(
            "The sizes of the model's body come either from a checkpoint or from model.body, and here "
            + ("neither is given" if source is None else f"both are: {source} and model.body={config.body}")
        )
    entities = entity_vocab_size if config.entities else 0
    if config.body is not None:
        return Dimensions(
            vocab_size=word_vocab_size,
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
    assert source is not None
    checkpoint = read_config(source, ROBERTA)
    if checkpoint.vocab_size != word_vocab_size:
        raise PipelineError(
            f"{source} has embeddings for {checkpoint.vocab_size} words, but the tokenizer of vocab/words has "
            f"{word_vocab_size}: they do not belong together. Adopt the checkpoint's own tokenizer with "
            f"vocab.words.adopt={source}, or start from a checkpoint that was trained with this one."
        )
    return sizes(checkpoint, entity_vocab_size=entities, entity_embedding=config.entity_embedding, config=config)


def from_nothing(dimensions: Dimensions, generator: torch.Generator) -> Luke:
    """A model on CPU with all its weights drawn from `generator`."""
    model = undefined(dimensions)
    model.reset_parameters(generator)
    return model


def from_roberta(source: str, dimensions: Dimensions, generator: torch.Generator) -> Luke:
    """The RoBERTa `source` (folder or name) as a LUKE, its entity parts drawn from `generator`; or as a RoBERTa.

    Raises:
        PipelineError: a weight is missing, left over or of another shape.
    """
    model = from_nothing(dimensions, generator)
    fill(model, read_weights(source), source, made=[name for name in names(model) if name.startswith(ENTITY_PARTS)])
    return model


def from_transformers(source: str, config: ModelConfig) -> Luke:
    """A LUKE (or with `config.entities` false a RoBERTa) as it is saved in `source`, a folder or a name.

    Sizes are the checkpoint's. With `config.attention=entity_aware` a vanilla LUKE gets copies of its queries.

    Raises:
        PipelineError: it is another kind of model, or a weight is missing, left over or of another shape.
    """
    checkpoint = read_config(source, ("luke",) if config.entities else ROBERTA)
    model = undefined(
        sizes(
            checkpoint,
            entity_vocab_size=checkpoint.entity_vocab_size if config.entities else 0,
            entity_embedding=checkpoint.entity_emb_size if config.entities else config.entity_embedding,
            config=config,
        )
    )
    fill(model, read_weights(source), source, made=[])
    return model


def undefined(dimensions: Dimensions) -> Luke:
    """A model in memory whose weights have no values yet; making it costs no random numbers."""
    with torch.device("meta"):
        model = Luke(dimensions)
    return model.to_empty(device="cpu")


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


def sizes(checkpoint: Any, *, entity_vocab_size: int, entity_embedding: int, config: ModelConfig) -> Dimensions:
    return Dimensions(
        vocab_size=checkpoint.vocab_size,
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


# ---------------------------------------------------------------------------------------------- reading


def read_config(source: str, kinds: tuple[str, ...]) -> Any:
    """The transformers config of `source`, which must be one of `kinds` and computed as we compute it."""
    path = located(source, "config.json")
    if path is None:
        raise PipelineError(f"{source} has no config.json: it is no checkpoint in transformers' format")
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise PipelineError(f"{path} is no JSON: {error}") from error
    kind = values.get("model_type")
    if kind not in kinds:
        raise PipelineError(f"{source} is a model of type {kind!r}; allowed here: {', '.join(kinds)}")
    config = CONFIG_MAPPING[kind].from_dict(values)
    wanted = {"hidden_act": "gelu", "pad_token_id": WORD_PAD, "position_embedding_type": "absolute"}
    for key, value in wanted.items():
        if getattr(config, key, value) != value:
            raise PipelineError(f"{source}: {key} is {getattr(config, key)!r}, and only {value!r} is known here")
    return config


def read_weights(source: str) -> State:
    """Every tensor of `source`'s safetensors, of one file or of all its shards, under LUKE's names."""
    index = located(source, "model.safetensors.index.json")
    whole = located(source, "model.safetensors")
    if whole is not None:
        paths = [whole]
    elif index is not None:
        files = sorted(set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values()))
        found = {name: located(source, name) for name in files}
        paths = [path for path in found.values() if path is not None]
        if len(paths) < len(files):
            absent = ", ".join(name for name, path in found.items() if path is None)
            raise PipelineError(f"{source}: its index names files that are not there: {absent}")
    else:
        raise PipelineError(
            f"{source} has no model.safetensors. Pickled weights (pytorch_model.bin) are not read, since they can "
            f"execute code; convert a checkpoint that you trust with transformers: "
            f"AutoModelForMaskedLM.from_pretrained(...).save_pretrained(...)"
        )
    tensors: State = {}
    for path in paths:
        try:
            tensors.update(load_file(path))
        except Exception as error:  # safetensors' own error has no common base
            raise PipelineError(f"{path} is no whole safetensors file: {error}") from error
    return {re.sub(r"^roberta\.", "luke.", name): tensor for name, tensor in tensors.items()}


def located(source: str, file: str) -> Path | None:
    """`file` of a folder, or of a name on the Hub (downloaded once, then from its cache); None where it has none.

    Raises:
        PipelineError: `source` is neither a folder nor a name that can be had.
    """
    folder = Path(source)
    if folder.is_dir():
        return folder / file if (folder / file).is_file() else None
    try:
        return Path(hf_hub_download(source, file))
    except LocalEntryNotFoundError as error:  # before its base class: it says that the Hub was not reached
        raise PipelineError(f"{source} is no folder, and the Hub cannot be reached for {file}") from error
    except EntryNotFoundError:
        return None
    except (HFValidationError, OSError) as error:
        raise PipelineError(f"{source} is no folder, and the Hub has no such model: {error}") from error


# ---------------------------------------------------------------------------------------------- strict copy


def names(model: Luke) -> list[str]:
    return [name for name, _ in model.named_parameters()]


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
                problems.append(f"not tied: {twin} differs from {name}")
    return tensors, problems


def kind_of(model: Luke) -> str:
    dims = model.dimensions
    name = "LUKE" if dims.entity_vocab_size else "RoBERTa"
    return f"{name} ({dims.layers} layers x {dims.hidden}, {dims.attention} attention)"


# ---------------------------------------------------------------------------------------------- writing


def to_transformers(model: Luke, *, entity_aware: bool, generator: torch.Generator) -> tuple[State, Any]:
    """The state dict (on CPU, no memory shared with the model) and the config of a LukeForMaskedLM, or, for a model of
    words only, of a RobertaForMaskedLM.

    Args:
        entity_aware: whether the result has entity-aware attention; a vanilla model gets copies of its queries.
        generator: draws the pooler that LukeForMaskedLM has and no pretraining trains, so that none is missing.
    """
    dims = model.dimensions
    if dims.entity_aware and not entity_aware:
        raise ValueError("a model with entity-aware attention cannot be written as a vanilla one")
    if entity_aware and not dims.entity_vocab_size:
        raise ValueError("a model of words only has no entity-aware attention")
    state = {name: tensor.detach().cpu().clone() for name, tensor in model.named_parameters()}
    if not dims.entity_vocab_size:
        return {re.sub(r"^luke\.", "roberta.", name): tensor for name, tensor in state.items()}, roberta_config(dims)
    # The library ties the entity decoder but not the word decoder: a file without it opens with a random one.
    state["lm_head.decoder.weight"] = state["luke.embeddings.word_embeddings.weight"].clone()
    state["lm_head.decoder.bias"] = state["lm_head.bias"].clone()
    state["luke.pooler.dense.weight"] = torch.empty(dims.hidden, dims.hidden).normal_(0, INIT_STD, generator=generator)
    state["luke.pooler.dense.bias"] = torch.zeros(dims.hidden)
    if entity_aware and not dims.entity_aware:
        for name in [name for name in state if ".attention.self.query." in name]:
            for pair in ("w2e_query", "e2w_query", "e2e_query"):
                state[name.replace(".query.", f".{pair}.")] = state[name].clone()
    config = LukeConfig(
        **shared_config(dims),
        entity_vocab_size=dims.entity_vocab_size,
        entity_emb_size=dims.entity_embedding,
        use_entity_aware_attention=entity_aware,
        architectures=["LukeForMaskedLM"],
    )
    return state, config


def write_transformers(folder: Path, state: State, config: Any) -> None:
    """config.json and model.safetensors, as `from_pretrained` and our own readers take them."""
    folder.mkdir(parents=True, exist_ok=True)
    config.save_pretrained(folder)
    save_file(state, folder / "model.safetensors", metadata={"format": "pt"})


def roberta_config(dims: Dimensions) -> Any:
    return RobertaConfig(**shared_config(dims), architectures=["RobertaForMaskedLM"])


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
