"""Read a checkpoint in transformers' format: a folder, or a name on the Hub.

It reads config.json, the safetensors (one file or shards), the entity vocabulary of a LUKE, and the tokens of the
tokenizer, to compare them with ours. None of these files can execute code. Every failure is a PipelineError that names
the checkpoint.
"""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path

import numpy as np
import pyarrow as pa
from huggingface_hub import hf_hub_download
from huggingface_hub.errors import EntryNotFoundError, HFValidationError, LocalEntryNotFoundError
from numpy.typing import NDArray
from safetensors.torch import load_file
from tokenizers import Tokenizer
from torch import Tensor
from transformers import CONFIG_MAPPING, PretrainedConfig

from pipeline.errors import PipelineError
from pipeline.model.dimensions import WORD_PAD
from pipeline.store.files import JsonValue, file_digest

CONFIG_FILE = "config.json"
WEIGHTS_FILE = "model.safetensors"
INDEX_FILE = "model.safetensors.index.json"
ENTITY_VOCAB_FILES = ("entity_vocab.json", "tokenizer_config.json")
"""Files that may hold the entity vocabulary of a LUKE; transformers 5 writes it into the second, as "entity_vocab"."""
TOKENIZER_FILES = ("tokenizer.json", "vocab.json")

ROBERTA = ("roberta", "xlm-roberta")
"""Model types with RoBERTa's parameter names and position ids."""
LUKE = "luke"
"""Model type of a LUKE."""

CONVERSION_COMMAND = """  python -c "
import sys, safetensors.torch, torch
folder = sys.argv[1]
state = torch.load(folder + '/pytorch_model.bin', weights_only=True)
state = {name: tensor.clone() for name, tensor in state.items()}
safetensors.torch.save_file(state, folder + '/model.safetensors', {'format': 'pt'})
" FOLDER"""
"""A conversion of the file, because transformers 5 would draw the word decoder that a LUKE's file leaves out."""

StateDict = dict[str, Tensor]
"""Tensors by parameter name."""


def checkpoint_fingerprint(source: str) -> str:
    """Return a digest of the config, the weights and a LUKE's entity vocabulary, independent of their location.

    Raises:
        PipelineError: `source` is not found, or has no safetensors, or is a LUKE without an entity vocabulary.
    """
    config = find_file(source, CONFIG_FILE)
    paths = ([] if config is None else [config]) + find_weight_files(source)
    if config is not None and read_json_object(config).get("model_type") == LUKE:
        paths.append(find_entity_vocab_file(source))
    lines = [f"{path.name} {file_digest(path)}" for path in paths]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def read_config(source: str, model_types: tuple[str, ...] = (*ROBERTA, LUKE)) -> PretrainedConfig:
    """Return the transformers config of `source`.

    Raises:
        PipelineError: its model type is not one of `model_types`, or it asks for a computation that our model lacks.
    """
    path = find_file(source, CONFIG_FILE)
    if path is None:
        raise PipelineError(f"{source} has no config.json: it is not a checkpoint in transformers' format")
    values = read_json_object(path)
    model_type = values.get("model_type")
    if model_type not in model_types:
        raise PipelineError(
            f"{source} has the model type {model_type!r}, but here it must be one of: {', '.join(model_types)}"
        )
    config = CONFIG_MAPPING[model_type].from_dict(values)
    supported = {"hidden_act": "gelu", "pad_token_id": WORD_PAD, "position_embedding_type": "absolute"}
    for key, value in supported.items():
        if getattr(config, key, value) != value:
            raise PipelineError(f"{source}: {key} is {getattr(config, key)!r}, but only {value!r} is supported")
    return config


def read_weights(source: str) -> StateDict:
    """Return all tensors of the safetensors of `source`, with the names of LUKE's parameters."""
    tensors: StateDict = {}
    for path in find_weight_files(source):
        try:
            tensors.update(load_file(path))
        except Exception as error:  # safetensors has its own exception class besides OSError
            raise PipelineError(f"{path} is not a complete safetensors file: {error}") from error
    return {re.sub(r"^roberta\.", "luke.", name): tensor for name, tensor in tensors.items()}


def find_weight_files(source: str) -> list[Path]:
    """Return the path of the single weight file, or of every shard that the index names, sorted by name."""
    single = find_file(source, WEIGHTS_FILE)
    if single is not None:
        return [single]
    index = find_file(source, INDEX_FILE)
    if index is None:
        raise PipelineError(
            f"{source} has no {WEIGHTS_FILE}. Pickled weights (pytorch_model.bin) are not read, because they can "
            f"execute code. If you trust the checkpoint, download all its files into a folder "
            f"(hf download NAME --local-dir FOLDER), convert the weights with the command below, and start from the "
            f"folder:\n{CONVERSION_COMMAND}"
        )
    weight_map = read_json_object(index).get("weight_map")
    if not isinstance(weight_map, dict):
        raise PipelineError(f"{index} has no weight_map, which names the file of each tensor")
    shards = {name: find_file(source, name) for name in sorted({str(name) for name in weight_map.values()})}
    absent = [name for name, path in shards.items() if path is None]
    if absent:
        raise PipelineError(f"{source}: its index names files that do not exist: {', '.join(absent)}")
    return [path for path in shards.values() if path is not None]


def read_entity_vocab(source: str) -> tuple[pa.Array, NDArray[np.int64]]:
    """Return the entity vocabulary of a LUKE: [n] titles and [n] ids, in the file's order.

    Several titles may have the same id.
    """
    path = find_entity_vocab_file(source)
    values = read_json_object(path)
    vocab = values if path.name == ENTITY_VOCAB_FILES[0] else values["entity_vocab"]
    try:
        if not isinstance(vocab, dict):
            raise TypeError(f"it is a {type(vocab).__name__}")
        return pa.array(vocab.keys(), pa.string()), pa.array(vocab.values(), pa.uint32()).to_numpy().astype(np.int64)
    except (pa.ArrowException, TypeError, ValueError, OverflowError) as error:
        raise PipelineError(
            f'{path}: an entity vocabulary must map titles to ids, as in {{"Oslo": 3}}, but this one does not: {error}'
        ) from error


def find_entity_vocab_file(source: str) -> Path:
    """Return the path of the file that holds the entity vocabulary of a LUKE."""
    first, second = (find_file(source, name) for name in ENTITY_VOCAB_FILES)
    if first is not None:
        return first
    if second is not None and read_json_object(second).get("entity_vocab"):
        return second
    raise PipelineError(
        f"{source} has no {ENTITY_VOCAB_FILES[0]}, which gives the title of each row of the entity embeddings. "
        f"Put the file from the original checkpoint into the same folder as the weights."
    )


def read_token_ids(source: str) -> dict[str, int] | None:
    """Return token -> id of the checkpoint's tokenizer, including added tokens; None if it has no tokenizer."""
    try:
        tokenizer, vocab = (find_file(source, name) for name in TOKENIZER_FILES)
    except PipelineError:  # the Hub cannot be reached and its cache holds the weights only
        return None
    if tokenizer is None:
        if vocab is None:
            return None
        return {token: index for token, index in read_json_object(vocab).items() if isinstance(index, int)}
    try:
        token_ids: dict[str, int] = Tokenizer.from_file(str(tokenizer)).get_vocab()
    except Exception as error:  # tokenizers raises no narrower class
        raise PipelineError(f"{tokenizer} is not a complete tokenizer: {error}") from error
    return token_ids


def read_json_object(path: Path) -> dict[str, JsonValue]:
    """Read a JSON file that must hold an object."""
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise PipelineError(f"{path} is not valid JSON: {error}") from error
    if not isinstance(values, dict):
        raise PipelineError(f"{path} does not hold a JSON object")
    return values


def find_file(source: str, file: str) -> Path | None:
    """Return the path of `file` in a folder, or in a repository of the Hub; None if it has no such file.

    A file of the Hub is downloaded once and then taken from the cache.

    Raises:
        PipelineError: `source` is neither a folder nor a repository of the Hub that can be reached.
    """
    folder = Path(source)
    if folder.is_dir():
        return folder / file if (folder / file).is_file() else None
    try:
        return Path(hf_hub_download(source, file))
    except LocalEntryNotFoundError as error:  # a subclass of EntryNotFoundError: the Hub cannot be reached
        raise PipelineError(
            f"{source} is not a folder, and the Hub cannot be reached to download its {file}"
        ) from error
    except EntryNotFoundError:
        return None
    except HFValidationError as error:  # a path, not a name
        raise PipelineError(
            f"{source} is not an existing folder, and not a valid name of a model on the Hub. If it is the export of "
            f"another run, run the stages pretrain and export of that run first (make all does this)."
        ) from error
    except OSError as error:
        raise PipelineError(f"{source} is not a folder, and the Hub has no model of this name: {error}") from error
