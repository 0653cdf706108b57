"""Renamed and added config keys, and records of artefacts that were made without them.

The command line refuses an old key with its new name. The store accepts an artefact whose record (manifest.json, or
plan.json of an unfinished one) uses the old keys: it translates the record in memory and never rewrites the file,
because later artefacts record the digest of that file. Only names change: a record with another value still differs.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from pathlib import Path

from pipeline.store.files import JsonValue, read_json
from pipeline.store.manifest import SCHEMA_VERSION

RENAMED_KEYS = {
    "cluster.accelerate": "accelerate",
    "cluster.environment": "cluster.env_command",
    "corpus.page_memory_mb": "corpus.max_page_memory_mb",
    "corpus.page_seconds": "corpus.max_page_seconds",
    "dataset.max_entities": "dataset.max_entity_length",
    "dataset.max_mention": "dataset.max_mention_length",
    "dataset.max_sentence": "dataset.max_sentence_length",
    "dataset.max_words": "dataset.max_seq_length",
    "dataset.min_sentence": "dataset.min_sentence_length",
    "evaluate.masking.as_mask": "evaluate.masking.mask_replace_prob",
    "evaluate.masking.as_random": "evaluate.masking.random_replace_prob",
    "executor.environment": "executor.env_command",
    "model.body.attention_start": "model.body.attention_init",
    "model.body.deviation": "model.body.initializer_range",
    "model.body.heads": "model.body.num_attention_heads",
    "model.body.hidden": "model.body.hidden_size",
    "model.body.intermediate": "model.body.intermediate_size",
    "model.body.layers": "model.body.num_hidden_layers",
    "model.entity_embedding": "model.entity_emb_size",
    "model.entity_start": "model.entity_init",
    "model.logits_bytes": "model.max_logits_bytes",
    "pretrain.batch": "pretrain.batch_size",
    "pretrain.checkpoints": "pretrain.checkpoints_per_phase",
    "pretrain.keep": "pretrain.keep_checkpoints",
    "pretrain.masking.as_mask": "pretrain.masking.mask_replace_prob",
    "pretrain.masking.as_random": "pretrain.masking.random_replace_prob",
    "pretrain.objective": "pretrain.loss_normalization",
    "pretrain.phases.*.warmup": "pretrain.phases.*.warmup_ratio",
    "pretrain.start": "pretrain.init_from",
    "pretrain.validations": "pretrain.validations_per_phase",
    "vocab.entities.white_list": "vocab.entities.always_include",
    "vocab.words": "vocab.tokenizer",
    "vocab.words.adopt": "vocab.tokenizer.pretrained",
}
"""Old key -> new key; `*` matches any name. Keys below a renamed key move with it."""

RENAMED_VALUES = {
    "pretrain.loss_normalization": {"batch_means": "global_batch", "micro_batch_means": "micro_batch"},
}
"""New key -> its old values -> its new values."""

ADDED_KEYS: dict[str, JsonValue] = {
    "pretrain.masking.hide_mentions": 0.0,
    "pretrain.phases.*.decay_ratio": None,
}
"""New key -> the value that a record without it stands for; so a new option does not make finished work stale."""

RENAMED_CHOICES = {
    "export/paper": "export.attention=entity_aware",
    "model/luke_vanilla": "model=luke model.attention=vanilla",
    "pretrain/luke_paper": "pretrain=luke pretrain.masking.unknown_entities=true",
    "vocab/own": "vocab=jsonl",
}
"""Deleted config file, as group/name -> overrides that do the same."""


def read_record(path: Path) -> dict[str, JsonValue]:
    """Read a manifest.json or plan.json, and return it as if it had been written with today's keys."""
    record: dict[str, JsonValue] = read_json(path)
    return add_keys(upgrade_record(record) if record.get("schema", 1) == 1 else record)


def upgrade_record(record: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    """Return a record of schema 1 with today's config keys and values."""
    stage, recorded, parents = record["stage"], record["config"], record["parents"]
    assert isinstance(stage, str)
    assert isinstance(recorded, dict)
    assert isinstance(parents, dict)
    group = () if stage == "pretrain" else (stage,)  # pretrain records two config groups, the others their own
    settings = {current_path((*group, *path)): value for path, value in iterate_leaves(recorded)}
    if stage == "dump" and settings[("dump", "source")] != "wikimedia":  # once recorded for every source
        settings = {path: value for path, value in settings.items() if path[1] not in ("wiki", "date")}
    config = nest_leaves({path[len(group) :]: current_value(".".join(path), value) for path, value in settings.items()})
    parents = {current_parent(stage, name): value for name, value in parents.items()}
    return {**record, "schema": SCHEMA_VERSION, "config": config, "parents": parents}


def add_keys(record: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    """Return a record with the keys of `ADDED_KEYS` that its config lacks, in every group that it has."""
    stage, config = record["stage"], copy.deepcopy(record["config"])
    for key, value in ADDED_KEYS.items():
        *groups, name = key.split(".")
        if groups[0] != stage:
            continue
        nodes = [config]
        for group in groups if stage == "pretrain" else groups[1:]:
            inner = [node for node in nodes if isinstance(node, dict)]
            nodes = [below for node in inner for found, below in node.items() if group in ("*", found)]
        for node in nodes:
            if isinstance(node, dict):
                node.setdefault(name, value)
    return {**record, "config": config}


def current_key(key: str) -> str:
    """Return today's name of a dotted config key, or the key itself if it was not renamed."""
    return ".".join(current_path(tuple(key.split("."))))


def current_path(path: tuple[str, ...]) -> tuple[str, ...]:
    """Return today's names of a config key's parts."""
    for length in range(len(path), 0, -1):
        for old, new in RENAMED_KEYS.items():
            names = old.split(".")
            if len(names) == length and all(name in ("*", part) for name, part in zip(names, path, strict=False)):
                kept = iter([part for name, part in zip(names, path, strict=False) if name == "*"])
                return (*(next(kept) if name == "*" else name for name in new.split(".")), *path[length:])
    return path


def current_value(key: str, value: JsonValue) -> JsonValue:
    """Return today's name of a value, or the value itself if it was not renamed."""
    return RENAMED_VALUES.get(key, {}).get(value, value) if isinstance(value, str) else value


def current_parent(stage: str, name: str) -> str:
    """Return today's name of a recorded parent; a file that a setting names is recorded by the setting's key."""
    if stage not in ("vocab", "pretrain"):  # the others' parents are stages and the user's files
        return name
    key, slash, file = name.partition("/")
    return current_key(f"{stage}.{key}").removeprefix(f"{stage}.") + slash + file


def iterate_leaves(
    tree: Mapping[str, JsonValue], path: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], JsonValue]]:
    """Yield the path and the value of every leaf."""
    for key, value in tree.items():
        if isinstance(value, dict) and value:
            yield from iterate_leaves(value, (*path, key))
        else:
            yield (*path, key), value


def nest_leaves(settings: Mapping[tuple[str, ...], JsonValue]) -> dict[str, JsonValue]:
    """Return the tree whose leaves are `settings`; the inverse of `iterate_leaves`."""
    tree: dict[str, JsonValue] = {}
    for path, value in settings.items():
        node = tree
        for name in path[:-1]:
            below = node.setdefault(name, {})
            assert isinstance(below, dict)
            node = below
        node[path[-1]] = value
    return tree
