"""A checkpoint in transformers' format: a folder, or a name on the Hub.

What is read is its config.json, its safetensors, whole or in shards, a LUKE's entity vocabulary, and to compare them
with ours the tokenizer's tokens: nothing that is loaded can execute. Every failure is a PipelineError that names the
checkpoint.
"""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from huggingface_hub import hf_hub_download
from huggingface_hub.errors import EntryNotFoundError, HFValidationError, LocalEntryNotFoundError
from numpy.typing import NDArray
from safetensors.torch import load_file
from tokenizers import Tokenizer
from torch import Tensor
from transformers import CONFIG_MAPPING

from pipeline.errors import PipelineError
from pipeline.model.dimensions import WORD_PAD
from pipeline.store.files import digest

CONFIG = "config.json"
WEIGHTS = "model.safetensors"
INDEX = "model.safetensors.index.json"
ENTITIES = ("entity_vocab.json", "tokenizer_config.json")
"""Where a LUKE has its entity vocabulary; in the second, as "entity_vocab", if transformers 5 wrote its tokenizer."""
TOKENIZER = ("tokenizer.json", "vocab.json")

ROBERTA = ("roberta", "xlm-roberta")
"""Model types with RoBERTa's weights, names and position ids."""
LUKE = "luke"

CONVERSION = """  python -c "
import sys, safetensors.torch, torch
folder = sys.argv[1]
state = torch.load(folder + '/pytorch_model.bin', weights_only=True)
state = {name: tensor.clone() for name, tensor in state.items()}
safetensors.torch.save_file(state, folder + '/model.safetensors', {'format': 'pt'})
" FOLDER"""
"""File to file: through the model, transformers 5 would draw a word decoder anew that a LUKE's file leaves out."""

State = dict[str, Tensor]
"""Tensors by parameter name."""


def fingerprint(source: str) -> str:
    """A digest of the config, the weights and a LUKE's entity vocabulary, wherever they lie.

    Raises:
        PipelineError: `source` cannot be had, or has no safetensors, or is a LUKE without an entity vocabulary.
    """
    config = located(source, CONFIG)
    paths = ([] if config is None else [config]) + weight_files(source)
    if config is not None and read_object(config).get("model_type") == LUKE:
        paths.append(entity_file(source))
    lines = [f"{path.name} {digest(path)}" for path in paths]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def read_config(source: str, kinds: tuple[str, ...] = (*ROBERTA, LUKE)) -> Any:
    """The transformers config of `source`, which must be one of `kinds` and computed as we compute it."""
    path = located(source, CONFIG)
    if path is None:
        raise PipelineError(f"{source} has no config.json: it is no checkpoint in transformers' format")
    values = read_object(path)
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
    """Every tensor of `source`'s safetensors, under LUKE's names."""
    tensors: State = {}
    for path in weight_files(source):
        try:
            tensors.update(load_file(path))
        except Exception as error:  # safetensors raises a class of its own beside OSError
            raise PipelineError(f"{path} is no whole safetensors file: {error}") from error
    return {re.sub(r"^roberta\.", "luke.", name): tensor for name, tensor in tensors.items()}


def weight_files(source: str) -> list[Path]:
    """The one file with all weights, or every shard that the index names, in the order of their names."""
    whole = located(source, WEIGHTS)
    if whole is not None:
        return [whole]
    index = located(source, INDEX)
    if index is None:
        raise PipelineError(
            f"{source} has no {WEIGHTS}. Pickled weights (pytorch_model.bin) are not read, since they can execute "
            f"code. Convert a checkpoint that you trust, in a folder of all its files "
            f"(hf download NAME --local-dir FOLDER), and start from the folder:\n{CONVERSION}"
        )
    names = sorted(set(read_object(index)["weight_map"].values()))
    found = {name: located(source, name) for name in names}
    absent = [name for name, path in found.items() if path is None]
    if absent:
        raise PipelineError(f"{source}: its index names files that are not there: {', '.join(absent)}")
    return [path for path in found.values() if path is not None]


def read_entities(source: str) -> tuple[pa.Array, NDArray[np.int64]]:
    """The entity vocabulary of a LUKE: [n] titles and [n] ids, in the file's order; several titles may share an id."""
    path = entity_file(source)
    values = read_object(path)
    if path.name != ENTITIES[0]:
        values = values["entity_vocab"]
    try:
        return pa.array(values.keys(), pa.string()), pa.array(values.values(), pa.uint32()).to_numpy().astype(np.int64)
    except (pa.ArrowException, AttributeError, TypeError, ValueError, OverflowError) as error:
        raise PipelineError(
            f'{path}: an entity vocabulary maps titles to ids, {{"Oslo": 3}}, and this one does not: {error}'
        ) from error


def entity_file(source: str) -> Path:
    """The first of a LUKE's files that has its entity vocabulary."""
    first, second = (located(source, name) for name in ENTITIES)
    if first is not None:
        return first
    if second is not None and read_object(second).get("entity_vocab"):
        return second
    raise PipelineError(
        f"{source} has no {ENTITIES[0]}: it says which row of the entity embeddings is which title's. "
        f"Put the file of the original checkpoint beside the weights"
    )


def read_tokens(source: str) -> dict[str, int] | None:
    """Token -> id of the tokenizer beside the weights, the added tokens included; None where none is at hand."""
    try:
        fast, plain = (located(source, name) for name in TOKENIZER)
    except PipelineError:  # a Hub that is not reached and a cache with the weights alone: there is nothing to compare
        return None
    if fast is None:
        return None if plain is None else read_object(plain)
    try:
        vocab: dict[str, int] = Tokenizer.from_file(str(fast)).get_vocab()
    except Exception as error:  # tokenizers raises nothing more special
        raise PipelineError(f"{fast} is no whole tokenizer: {error}") from error
    return vocab


def read_object(path: Path) -> dict[str, Any]:
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise PipelineError(f"{path} is no JSON: {error}") from error
    if not isinstance(values, dict):
        raise PipelineError(f"{path} is no JSON object")
    return values


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
    except HFValidationError as error:  # a path, not a name
        raise PipelineError(
            f"{source} is no folder here, and no name of a model on the Hub. If a run of this project is to make it, "
            f"run that one's stages first, pretrain and export (make all does so)"
        ) from error
    except OSError as error:
        raise PipelineError(f"{source} is no folder, and the Hub has no such model: {error}") from error
