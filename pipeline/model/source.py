"""A checkpoint in transformers' format: a folder, or a name on the Hub.

Only its config.json and its safetensors are read, whole or in shards: nothing that is loaded can execute. Every failure
is a PipelineError that names the checkpoint.
"""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import Any

from huggingface_hub import hf_hub_download
from huggingface_hub.errors import EntryNotFoundError, HFValidationError, LocalEntryNotFoundError
from safetensors.torch import load_file
from torch import Tensor
from transformers import CONFIG_MAPPING

from pipeline.errors import PipelineError
from pipeline.model.luke import WORD_PAD
from pipeline.store import digest

CONFIG = "config.json"
WEIGHTS = "model.safetensors"
INDEX = "model.safetensors.index.json"

State = dict[str, Tensor]
"""Tensors by parameter name."""


def fingerprint(source: str) -> str:
    """A digest of the config and the weights, wherever they lie.

    Raises:
        PipelineError: `source` cannot be had, or has no safetensors.
    """
    config = located(source, CONFIG)
    paths = ([] if config is None else [config]) + weight_files(source)
    lines = [f"{path.name} {digest(path)}" for path in paths]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def read_config(source: str, kinds: tuple[str, ...]) -> Any:
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
            f"code; convert a checkpoint that you trust with transformers: "
            f"AutoModelForMaskedLM.from_pretrained(...).save_pretrained(...)"
        )
    names = sorted(set(read_object(index)["weight_map"].values()))
    found = {name: located(source, name) for name in names}
    absent = [name for name, path in found.items() if path is None]
    if absent:
        raise PipelineError(f"{source}: its index names files that are not there: {', '.join(absent)}")
    return [path for path in found.values() if path is not None]


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
