"""A finished folder, opened for reading."""

from __future__ import annotations

import fnmatch
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Self, cast

from pipeline.errors import PipelineError
from pipeline.stages import STAGES
from pipeline.store.files import read_json
from pipeline.store.layout import MANIFEST, RUN, Layout, partial_folder
from pipeline.store.manifest import SCHEMA_VERSION, Counts, Manifest
from pipeline.store.renamed_keys import read_record


@dataclass(frozen=True, slots=True)
class Artefact:
    """A finished folder: its record and its files."""

    folder: Path
    manifest: Manifest
    """The record, with today's config keys."""
    fingerprint: str
    """sha256 of the manifest as it was written: it covers config, parents, files and counts."""

    @property
    def counts(self) -> Counts:
        """The account."""
        return dict(self.manifest["counts"])

    def setting(self, *keys: str) -> Any:
        """Return a value of the config that the artefact was built with; for the stage's own `artefact.py`."""
        value: Any = self.manifest["config"]
        for key in keys:
            value = value[key]
        return value

    def run_record(self) -> dict[str, Any]:
        """Return the content of run.json: times, versions and hosts."""
        record: dict[str, Any] = read_json(self.folder / RUN)
        return record

    def files(self, pattern: str) -> list[Path]:
        """Return the files whose names match, sorted by name.

        Raises:
            PipelineError: one of them is missing or has another size, as in a folder that was copied in part.
        """
        names = sorted(fnmatch.filter(self.manifest["files"], pattern))
        for name in names:
            path, size = self.folder / name, self.manifest["files"][name]["bytes"]
            actual = path.stat().st_size if path.is_file() else None
            if actual != size:
                state = "is missing" if actual is None else f"has {actual:,} bytes instead of {size:,}"
                raise PipelineError(
                    f"{path} {state}, although {self.folder} is finished: copy the folder again, or delete it and "
                    "build it again"
                )
        return [self.folder / name for name in names]


def open_artefact(folder: Path, *, stage: str) -> Artefact:
    """Open the finished artefact of `stage` in `folder`.

    Raises:
        PipelineError: it is missing, unfinished, of another stage, or its record has a version that is not supported.
    """
    if not (folder / MANIFEST).is_file():
        state = "is unfinished" if partial_folder(folder).exists() else "does not exist"
        raise PipelineError(f"{folder} {state}: run the stage {stage} first (make {stage})")
    manifest = cast(Manifest, read_record(folder / MANIFEST))
    if manifest["schema"] != SCHEMA_VERSION:
        raise PipelineError(
            f"{folder} has records of version {manifest['schema']}, but this code reads the versions 1 to "
            f"{SCHEMA_VERSION}: build it again with make {stage} ARGS=overwrite=true"
        )
    if manifest["stage"] != stage:
        raise PipelineError(f"{folder} was built by the stage {manifest['stage']}, not by {stage}")
    return Artefact(folder, manifest, record_digest(read_json(folder / MANIFEST)))


def open_parent(artefact: Artefact, stage: str) -> Artefact:
    """Open the artefact of `stage` that `artefact` was made from: a folder of the same dump, plain or a variant.

    Raises:
        PipelineError: there is none with the fingerprint that `artefact` recorded.
    """
    root = artefact.folder.parent.parent if STAGES[artefact.manifest["stage"]].per_run else artefact.folder.parent
    for manifest in sorted(root.glob(f"{stage}*/{MANIFEST}")):
        if manifest.parent.name.partition("-")[0] == stage:
            found = open_artefact(manifest.parent, stage=stage)
            if found.fingerprint == artefact.manifest["parents"].get(stage):
                return found
    raise PipelineError(
        f"{artefact.folder} was made from the artefact {stage} with the fingerprint "
        f"{artefact.manifest['parents'].get(stage)}, but {root} has no such folder: copy {stage} there too"
    )


def record_digest(record: dict[str, Any]) -> str:
    """Return the sha256 of a record."""
    return hashlib.sha256(json.dumps(record, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class StageArtefact:
    """The base of the class in each stage's `artefact.py`, which has typed properties for later stages."""

    artefact: Artefact
    stage: ClassVar[str]

    @classmethod
    def open(cls, layout: Layout) -> Self:
        """Open the layout's artefact of this stage.

        Raises:
            PipelineError: it is missing or unfinished.
        """
        return cls(open_artefact(layout.folder(cls.stage), stage=cls.stage))

    @classmethod
    def open_if_finished(cls, layout: Layout) -> Self | None:
        """Open the layout's artefact of this stage, or return None if there is no finished one."""
        return cls.open(layout) if (layout.folder(cls.stage) / MANIFEST).is_file() else None

    @property
    def folder(self) -> Path:
        """Folder of the artefact."""
        return self.artefact.folder

    @property
    def fingerprint(self) -> str:
        """sha256 that identifies the content."""
        return self.artefact.fingerprint
