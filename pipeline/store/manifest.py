"""Records of an artefact: its config, its files, its account; and the differences between two records.

`manifest.json` is the completion mark, the provenance (schema, config, the parents' fingerprints, a digest of every
file) and the account (counts of everything kept and dropped). Nothing in it varies between two runs on the same input:
times, versions and hosts go to `run.json` in the same folder, so an artefact's fingerprint depends only on inputs,
config and seed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, TypedDict

from pipeline.store.files import file_digest, sync
from pipeline.store.layout import MANIFEST, PLAN, RUN, UNFINGERPRINTED_NAMES, WORK

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Recordable: TypeAlias = (
    "DataclassInstance | Mapping[str, Recordable] | Sequence[Recordable] | Path | str | int | float | bool | None"
)
"""A config, or parts of one."""

SCHEMA_VERSION = 2
"""Version of the records. Version 1 has config keys of other names (`renamed_keys.py`)."""

Counts = dict[str, int]
"""The account: dotted key -> count, such as `links.dropped.not_in_dump`."""


class FileRecord(TypedDict):
    """Size and sha256 of one file."""

    bytes: int
    sha256: str


class Plan(TypedDict):
    """The input of an artefact, written when its stage starts."""

    schema: int
    stage: str
    config: dict[str, Any]
    parents: dict[str, str]


class Manifest(Plan):
    """The record of a finished artefact."""

    counts: Counts
    files: dict[str, FileRecord]


def not_fingerprinted() -> dict[str, bool]:
    """Mark a config field as not fingerprinted: changing it never invalidates an artefact.

    Use it for fields that affect tolerance or speed (`allow_truncated`, `loader_workers`) but not the output.
    """
    return {"fingerprinted": False}


def fingerprinted_part(value: Recordable) -> Any:
    """Return the part of a config that decides what is built, as JSON values."""
    if is_dataclass(value):
        kept = [field.name for field in fields(value) if field.metadata.get("fingerprinted", True)]
        return {name: fingerprinted_part(getattr(value, name)) for name in kept}
    if isinstance(value, Mapping):
        return {str(key): fingerprinted_part(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [fingerprinted_part(item) for item in value]
    return str(value) if isinstance(value, Path) else value


def differences(old: Any, new: Any, path: str = "") -> list[str]:
    """Return the changes from `old` to `new`, one line `key: old -> new` each."""
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        missing = "(absent)"
        return [
            line
            for key in sorted(old.keys() | new.keys())
            for line in differences(old.get(key, missing), new.get(key, missing), f"{path}.{key}" if path else key)
        ]
    return [] if old == new else [f"{path}: {old} -> {new}"]


def file_records(folder: Path) -> dict[str, FileRecord]:
    """Sync every file below `folder` except logs and scratch, and return its record by relative path."""
    skipped = {MANIFEST, RUN, PLAN, WORK, *UNFINGERPRINTED_NAMES}
    records: dict[str, FileRecord] = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.relative_to(folder).parts[0] not in skipped:
            if not path.is_symlink():  # a link leads to a file of the user's
                sync(path)
            records[str(path.relative_to(folder))] = {"bytes": path.stat().st_size, "sha256": file_digest(path)}
    return records


def sum_counts(counts: Sequence[Counts]) -> Counts:
    """Return the sum of several accounts, its keys sorted."""
    keys = sorted({key for unit in counts for key in unit})
    return {key: sum(unit.get(key, 0) for unit in counts) for key in keys}
