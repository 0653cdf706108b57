"""A finished folder, opened for reading."""

from __future__ import annotations

import fnmatch
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.errors import PipelineError
from pipeline.store.files import read_json
from pipeline.store.layout import MANIFEST, partial
from pipeline.store.manifest import SCHEMA, Counts


@dataclass(frozen=True, slots=True)
class Artefact:
    """A finished folder, opened for reading."""

    folder: Path
    manifest: Mapping[str, Any]

    @property
    def fingerprint(self) -> str:
        """sha256 of the manifest: of config, parents, files and counts, through their digests."""
        return hashlib.sha256(json.dumps(self.manifest, sort_keys=True).encode()).hexdigest()

    @property
    def counts(self) -> Counts:
        return dict(self.manifest["counts"])

    def files(self, pattern: str) -> list[Path]:
        """The files whose names match, in their order.

        Raises:
            PipelineError: one of them is gone or cut off, as in a folder that was copied in part: with what is left the
                next stage would be silently another one.
        """
        names = sorted(fnmatch.filter(self.manifest["files"], pattern))
        for name in names:
            path, size = self.folder / name, self.manifest["files"][name]["bytes"]
            there = path.stat().st_size if path.is_file() else None
            if there != size:
                found = "is not there, as it was" if there is None else f"has {there} bytes, not {size} as"
                raise PipelineError(
                    f"{path} {found} when {self.folder} was finished: copy the folder again, or remove it and make it "
                    "anew"
                )
        return [self.folder / name for name in names]


def open_artefact(folder: Path, *, stage: str) -> Artefact:
    """Open what `stage` finished in `folder`.

    Raises:
        PipelineError: it is not there, not finished, or of another layout version.
    """
    if not (folder / MANIFEST).is_file():
        state = "is unfinished" if partial(folder).exists() else "is not there"
        raise PipelineError(f"{folder} {state}: run the stage {stage} first (make {stage})")
    manifest = read_json(folder / MANIFEST)
    if manifest["schema"] != SCHEMA:
        raise PipelineError(
            f"{folder} has layout version {manifest['schema']}, this code reads {SCHEMA}: "
            f"rebuild it with make {stage} ARGS=overwrite=true"
        )
    if manifest["stage"] != stage:
        raise PipelineError(f"{folder} was made by the stage {manifest['stage']}, not by {stage}")
    return Artefact(folder, manifest)
