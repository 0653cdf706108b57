"""What is recorded of an artefact: its config, its files, the account; and what differs between two records.

The manifest is the completion mark, the provenance (schema, config, the parents' fingerprints, a digest of every
file) and the account (counts of everything kept and dropped). It holds nothing that varies between two runs on the
same input: times, versions and hosts go to `run.json` beside it, so the fingerprint of an artefact is a function of
inputs, config and seed alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

from pipeline.store.files import digest, sync
from pipeline.store.layout import LOGS, MANIFEST, PLAN, RUN, WORK

SCHEMA = 1
"""Version of the folder layout; a folder of another version is refused, not misread."""

Counts = dict[str, int]
"""The account: what was counted, under dotted keys such as links.dropped.not_in_dump."""


def policy() -> dict[str, bool]:
    """Metadata of a config field that says what is tolerated, not what is built (`allow_truncated`).

    Such a field is no part of the manifest, so changing it neither makes a finished artefact stale nor throws away
    the finished part of an unfinished one. The account shows what was tolerated.
    """
    return {"policy": True}


def recorded(value: Any) -> Any:
    """The part of a config that decides what is built, as JSON values."""
    if is_dataclass(value) and not isinstance(value, type):
        return {f.name: recorded(getattr(value, f.name)) for f in fields(value) if not f.metadata.get("policy")}
    if isinstance(value, Mapping):
        return {str(key): recorded(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [recorded(item) for item in value]
    return str(value) if isinstance(value, Path) else value


def differences(old: Any, new: Any, path: str = "") -> list[str]:
    """What changed from `old` to `new`, a line `key: old -> new` each."""
    if isinstance(old, dict) and isinstance(new, dict):
        missing = "(absent)"
        return [
            line
            for key in sorted(old.keys() | new.keys())
            for line in differences(old.get(key, missing), new.get(key, missing), f"{path}.{key}" if path else key)
        ]
    return [] if old == new else [f"{path}: {old} -> {new}"]


def folder_digest(folder: Path) -> dict[str, dict[str, Any]]:
    """Size and sha256 of every file below `folder`, by relative path, of what is on the disk; logs and scratch are left
    out."""
    skipped = {MANIFEST, RUN, PLAN, WORK, *LOGS}
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.relative_to(folder).parts[0] not in skipped:
            if not path.is_symlink():  # a dump at hand is on somebody else's disk
                sync(path)
            found[str(path.relative_to(folder))] = {"bytes": path.stat().st_size, "sha256": digest(path)}
    return found


def merged(counts: list[Counts]) -> Counts:
    """The sum of the units' counts, its keys sorted."""
    keys = sorted({key for unit in counts for key in unit})
    return {key: sum(unit.get(key, 0) for unit in counts) for key in keys}
